# SPDX-License-Identifier: MIT
"""An operation that Drive does not answer holds its folder in the kernel: nothing else waits for it."""
import os
import signal
import subprocess
import sys

from harness.google import FOLDER
from harness.paths import wait_until
from harness.surprise import calm  # noqa: F401  # pylint: disable=unused-import

UNFINISHED = True
RENAME = "import os, sys; os.rename(sys.argv[1], sys.argv[2])"


def struck(drive, count=1):
    """Wait until the faults in force have hit so many requests."""
    wait_until(lambda: sum(fault["hits"] for fault in drive.faults()) >= count, "the request that Drive lets wait")


def test_changes_elsewhere_are_seen_while_a_mkdir_hangs(place, google, drive):
    (place.path / "sub").mkdir()
    folder = google.by_name(place.id)["sub"]["id"]
    one, two = (google.create(where, "f", b"1")["id"] for where in (place.id, folder))
    paths = place.path / "f", place.path / "sub" / "f"
    for path in paths:
        wait_until(path.exists, "the file on the mount")
    drive.fault(path="^/drive/v3/files", method="POST", action="stall", count=0)
    with subprocess.Popen(["mkdir", place.path / "slow"], stderr=subprocess.DEVNULL) as stuck:
        struck(drive)
        for file in (one, two):
            google.replace(file, b"changed")
        # The feed is read on and the kernel told, of that folder as of any other; names in it are old for a
        # second at most, and then asked for by who needs them, without its lock.
        wait_until(lambda: paths[1].stat().st_size == len(b"changed"), "the change in the folder below")
        assert stuck.poll() is None, "mkdir still waits"
        drive.clear_faults()
        stuck.wait()


def test_a_daemon_killed_in_a_slow_rename_lets_everybody_go(place, google, mount, drive):
    (place.path / "f").write_bytes(b"old")
    (place.path / "tmp").write_bytes(b"new")
    other = google.create(place.id, "other", b"1")["id"]
    wait_until((place.path / "other").exists, "the other file")
    drive.fault(path="^/drive/v3/files/", method="PATCH", nth=2, action="stall")
    with subprocess.Popen([sys.executable, "-c", RENAME, place.path / "tmp", place.path / "f"],
                          stderr=subprocess.DEVNULL) as caller:
        struck(drive)
        drive.reset_log()
        google.replace(other, b"22")
        google.create_empty(place.id, "made", FOLDER)
        wait_until(lambda: sum(one["path"] == "/drive/v3/changes" for one in drive.log()) >= 3, "the feed is read")
        os.kill(mount.pid, signal.SIGKILL)
        caller.wait()
        assert caller.returncode
    drive.clear_faults()
    mount.remount()
    assert (place.path / "other").read_bytes() == b"22"
