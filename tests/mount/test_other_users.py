# SPDX-License-Identifier: MIT
"""-o allow_other: other users read, and are refused what modes refuse."""
import os
import subprocess

import pytest

OPTIONS = ["poll=1,allow_other"]
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user")


def as_nobody(script, cwd):
    """Exit status of a shell script that nobody runs, in a folder that it may enter."""
    def drop():
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
    folder = os.open(cwd, os.O_RDONLY)
    try:
        return subprocess.run(["sh", "-c", script], preexec_fn=lambda: (os.fchdir(folder), drop()), timeout=60,
                              stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=False).returncode
    finally:
        os.close(folder)


def test_nobody_reads_and_lists(here):
    (here / "a").write_text("hello\n")
    assert as_nobody("cat a && ls -l .", here) == 0


def test_nobody_does_not_write(here):
    (here / "a").write_text("hello\n")
    assert as_nobody("echo x > b", here) != 0 and as_nobody("echo x > a", here) != 0 and as_nobody("rm -f a", here) != 0
    assert os.listdir(here) == ["a"] and (here / "a").read_text() == "hello\n"


def test_root_copies_with_modes(here):
    old = os.umask(0o077)
    try:
        done = subprocess.run("echo x >c && touch c && cp -p /etc/hostname h && install -m 640 /etc/hostname i",
                              shell=True, cwd=here, check=False, timeout=60, capture_output=True)
    finally:
        os.umask(old)
    assert (done.returncode, done.stderr) == (0, b"") and sorted(os.listdir(here)) == ["c", "h", "i"]
