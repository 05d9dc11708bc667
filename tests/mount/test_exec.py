# SPDX-License-Identifier: MIT
"""Programs that start others while they hold descriptors of the mount. execve(2) closes those that are
close-on-exec while it holds a lock that much of /proc waits for: the mount must not look there."""
import subprocess
import sys

import pytest

OPTIONS = ["poll=1"]

PROGRAM = r"""
import ctypes, os, subprocess, sys
folder, way, count, held = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
files = [open("%s/%s-%d" % (folder, way, i), "wb", buffering=0) for i in range(held)]
libc = ctypes.CDLL(None, use_errno=True)
for i in range(count):
    if files:
        files[i % held].write(b"line %d\n" % i)
    if way == "system":
        assert os.system("true") == 0
    elif way == "posix_spawn":
        pid = os.posix_spawn("/bin/true", ["true"], {})
        assert os.waitpid(pid, 0)[1] == 0
    elif way == "fork_exec":
        pid = os.fork()
        if pid == 0:
            os.execv("/bin/true", ["true"])
        assert os.waitpid(pid, 0)[1] == 0
    elif way == "vfork":  # what subprocess does on Linux where it can
        subprocess.run(["/bin/true"], check=True, close_fds=False)
    elif way == "reader":
        with open("%s/%s-r" % (folder, way), "ab"):
            subprocess.run(["/bin/true"], check=True)
for file in files:
    file.close()
print("ok")
"""


@pytest.mark.parametrize("held", [0, 1, 8])
@pytest.mark.parametrize("way", ["system", "posix_spawn", "fork_exec", "vfork", "reader"])
def test_programs_are_started(place, google, mount, way, held):
    """Each way of starting one, with 0 to 8 writable descriptors of the mount open."""
    count = 40
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, str(place.path), way, str(count), str(held)],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        out, err = process.communicate(timeout=90)
    except subprocess.TimeoutExpired:
        mount.kill()  # nothing else frees a process that waits for itself
        process.kill()
        process.communicate(timeout=30)
        raise AssertionError("%s hangs with %d descriptors" % (way, held)) from None
    assert out == "ok\n", err
    files = google.by_name(place.id)
    for i in range(held):
        text = b"".join(b"line %d\n" % n for n in range(i, count, held))
        assert google.download(files["%s-%d" % (way, i)]["id"]) == text


def test_a_program_is_started_by_one_that_is_replaced(place, google):
    """exec of the writer itself: its close-on-exec descriptor is a close()."""
    script = "import os,sys\nf=open(sys.argv[1],'wb',buffering=0)\nf.write(b'all')\nos.execv('/bin/true',['true'])"
    subprocess.run([sys.executable, "-c", script, str(place.path / "f")], check=True, timeout=60)
    assert google.download(google.by_name(place.id)["f"]["id"]) == b"all"
