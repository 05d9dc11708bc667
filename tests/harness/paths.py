# SPDX-License-Identifier: MIT
"""Where things are, and two small helpers for processes and mounts."""
import os
import re
import subprocess
import time

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ROOT = os.path.dirname(TESTS)


class HarnessError(Exception):
    """Something that the tests stand on did not work; the text is for people."""


def binary():
    """The daemon to test: $DFM_BINARY, else build/$MODE/drivefs-models (MODE: release)."""
    path = os.environ.get("DFM_BINARY")
    if not path:
        path = os.path.join(ROOT, "build", os.environ.get("MODE") or "release", "drivefs-models")
    if not os.access(path, os.X_OK):
        raise HarnessError("there is no %s: run `make` first (MODE= and DFM_BINARY= choose another)" % path)
    return os.path.abspath(path)


def sanitized():
    """Is that daemon built with a sanitizer?"""
    with open(binary(), "rb") as file:
        return re.search(rb"__[at]san_init", file.read()) is not None


def _unescape(field):
    """mountinfo writes space, tab, newline and backslash as three octal digits."""
    return re.sub(rb"\\([0-7]{3})", lambda m: bytes([int(m.group(1), 8)]), field)


def mounts():
    """The mountpoints of this mount namespace, bytes, in order of mounting."""
    with open("/proc/self/mountinfo", "rb") as table:
        return [_unescape(line.split(b" ")[4]) for line in table]


def is_mounted(path):
    """Is something mounted exactly there? Asks the mount table, never the filesystem."""
    return os.fsencode(path) in mounts()


def mounts_below(folder):
    """Mountpoints in a folder: while there is one, the folder must not be removed."""
    prefix = os.fsencode(folder).rstrip(b"/") + b"/"
    return [os.fsdecode(point) for point in mounts() if point.startswith(prefix)]


def wait_until(ready, what, deadline=20.0, pause=0.02):
    """Ask ready() until its answer is true, and return that answer. For what nothing announces:
    another host's poll, for example. Raises HarnessError when the deadline has passed."""
    end = time.monotonic() + deadline
    while True:
        answer = ready()
        if answer:
            return answer
        if time.monotonic() > end:
            raise HarnessError("waited %g s in vain: %s" % (deadline, what))
        time.sleep(pause)


def detach(path):
    """Take a dead or hung mount out of the tree, whatever still uses it."""
    for command in (["fusermount3", "-uz", "--", path], ["umount", "-l", path]):
        if not is_mounted(path):
            return
        try:
            subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=20,
                           check=False)
        except (OSError, subprocess.TimeoutExpired):
            pass
