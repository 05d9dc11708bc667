# SPDX-License-Identifier: MIT
"""Saving over a file: one name, two inodes by process, until the new content is in Drive."""
import os
import signal
import subprocess
import sys

MIB = 1 << 20
OLD, NEW = b"old" * MIB, b"newer" * MIB


def others_see(path):
    """What another process reads there."""
    return subprocess.run(["cat", path], check=True, stdout=subprocess.PIPE).stdout


def test_others_see_the_old_content_until_close(here):
    path = here / "f"
    path.write_bytes(OLD)
    inode = os.stat(path).st_ino
    with open(path, "wb") as new:
        assert others_see(path) == OLD
        new.write(NEW[:MIB])
        new.flush()
        assert os.stat(path).st_size == MIB, "the writer itself sees what it has written"
        assert others_see(path) == OLD
        assert os.stat(path).st_size == MIB
        new.write(NEW[MIB:])
    assert others_see(path) == NEW
    assert path.read_bytes() == NEW
    assert os.stat(path).st_ino == inode


def test_an_open_reader_and_a_mapping_keep_what_they_opened(here):
    path = here / "f"
    path.write_bytes(OLD)
    with open(path, "rb") as reader:
        assert reader.read(3) == b"old"
        path.write_bytes(NEW)
        assert reader.read() == OLD[3:]
    assert path.read_bytes() == NEW


def test_a_writer_that_dies_leaves_the_old_content(here, rig):
    path = here / "f"
    path.write_bytes(OLD)
    code = ("import sys, time\nf = open(sys.argv[1], 'wb')\nf.write(b'x' * 3000000)\nf.flush()\n"
            "print('written', flush=True)\nsys.stdin.read()\n")
    with subprocess.Popen([sys.executable, "-c", code, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
        assert writer.stdout.readline() == b"written\n"
        assert path.read_bytes() == OLD
        writer.send_signal(signal.SIGKILL)
    assert others_see(path) == OLD
    path.write_bytes(NEW)
    assert others_see(path) == NEW
    held = rig.mounts[0].status()["held"]
    assert [draft["bytes"] for draft in held] == [3000000]


def test_children_that_write_for_their_shell(here):
    path = here / "f"
    path.write_bytes(OLD)
    subprocess.run(["sh", "-c", '{ echo one; /bin/echo two; sh -c "echo three"; cat "$0"; } > "$1"', os.devnull, path],
                   check=True)
    assert others_see(path) == b"one\ntwo\nthree\n"


def test_emptied_and_given_up(here):
    path = here / "f"
    path.write_bytes(OLD)
    subprocess.run(["sh", "-c", ': > "$0"', path], check=True)
    fd = os.open(path, os.O_RDWR)
    os.fsync(fd)
    os.close(fd)
    with open(path, "r+b") as again:
        again.write(b"abc")
    assert others_see(path) == b"abc"


UNFINISHED = True
