# SPDX-License-Identifier: MIT
"""What is asked of Drive, counted by the local Drive: each number here is a promise."""
import mmap
import os
import subprocess

import pytest

from harness.counting import counted
from harness.paths import wait_until

OPTIONS = ["poll=1"]
MIB = 1 << 20
BIG = 64 * MIB


@pytest.fixture(scope="module")
def big(google, drive):
    """64 MiB in Drive that no cache has seen: (name, bytes)."""
    data = os.urandom(MIB) * (BIG // MIB - 1) + os.urandom(MIB)
    google.create(drive.folder, "big", data)
    return "big", data


def read_through(path, size=MIB):
    """Read a file from start to end; returns its bytes."""
    with open(path, "rb", buffering=0) as file:
        return b"".join(iter(lambda: file.read(size), b""))


def test_cold_warm_and_after_a_remount(mount, drive, big):
    name, data = big
    path = os.path.join(mount.path, name)
    wait_until(lambda: name in os.listdir(mount.path), "the file on the mount")
    with counted(drive) as cold:
        assert read_through(path) == data
    assert 1 <= len(cold.media()) <= 6, cold.lines()
    assert all(request["range"] for request in cold.media()), "ranged GETs"
    assert sum(request["bytes_out"] for request in cold.media()) <= BIG + BIG // 50, "nothing twice"
    with counted(drive) as warm:
        assert read_through(path) == data
        with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as mapped:
            assert mapped[10 * MIB:11 * MIB] == data[10 * MIB:11 * MIB]
    assert not warm.requests, warm.lines()
    mount.unmount()
    mount.remount()
    with counted(drive) as again:
        assert read_through(path) == data
    assert not again.media(), again.lines()


def test_what_was_written_here_is_not_fetched(place, drive):
    data = os.urandom(4 * MIB)
    (place.path / "f").write_bytes(data)
    with counted(drive) as count:
        assert (place.path / "f").read_bytes() == data
    assert not count.requests, count.lines()


def test_a_little_of_a_big_file(mount, drive, google):
    """The first 4 KiB of 64 MiB: one GET, and not the whole file."""
    google.create(drive.folder, "tip", os.urandom(BIG))
    path = os.path.join(mount.path, "tip")
    wait_until(lambda: os.path.exists(path), "the file on the mount")
    with counted(drive) as count:
        fd = os.open(path, os.O_RDONLY)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_RANDOM)
        assert len(os.pread(fd, 4096, 0)) == 4096
        os.close(fd)
    assert sum(request["bytes_out"] for request in count.media()) <= 9 * MIB, count.lines()
    assert len(count.media()) <= 2, count.lines()


def test_listing_1000_files(place, drive, google):
    for i in range(1000):
        google.create_empty(place.id, "file%04d" % i, "application/octet-stream")
    wait_until(lambda: len(os.listdir(place.path)) == 1000, "1000 entries", deadline=60)
    command = ["ls", "-l", str(place.path)]
    first = subprocess.run(command, check=True, capture_output=True, timeout=60).stdout
    with counted(drive) as count:
        second = subprocess.run(command, check=True, capture_output=True, timeout=60).stdout
    assert not count.requests, count.lines()[:10]
    assert first == second and len(first.splitlines()) == 1001


def test_listing_a_folder_seen_for_the_first_time(rig, drive, google, place):
    """1000 files are one page of files.list; no request per file."""
    folder = google.create_empty(place.id, "many", "application/vnd.google-apps.folder")
    for i in range(120):
        google.create_empty(folder["id"], "f%03d" % i, "application/octet-stream")
    other = rig.add_mount()
    inside = os.path.join(other.path, place.name, "many")
    os.listdir(os.path.dirname(inside))
    with counted(drive) as count:
        subprocess.run(["ls", "-l", inside], check=True, stdout=subprocess.DEVNULL, timeout=60)
    assert len(count) == 1, count.lines()


def test_names_that_are_not_there(place, drive):
    """A path that Python's import or TensorFlow's glob tries a hundred times costs nothing."""
    os.listdir(place.path)
    with counted(drive) as count:
        for i in range(100):
            assert not os.path.exists(place.path / ("no%d" % i))
    assert not count.requests, count.lines()


def test_requests_of_one_save(place, drive):
    """Saving a small new file: an id, the session, the bytes; no listing, nothing per write."""
    with counted(drive) as count:
        with open(place.path / "f", "wb", buffering=0) as file:
            for _ in range(1000):
                file.write(b"x" * 1000)
    assert len(count) <= 4, count.lines()


def test_listing_the_view_never_reads_models(mount, drive, google):
    """du, find and rsync walk saved_model/ too: its names cost 4 KiB per new file, and nothing later."""
    view = os.path.join(mount.path, "saved_model")
    google.create(drive.folder, "picture.png", b"\x89PNG" + os.urandom(MIB))
    wait_until(lambda: "picture.png" in os.listdir(mount.path), "the file on the mount")
    with counted(drive) as first:
        assert "picture.png" not in os.listdir(view)
    assert sum(request["bytes_out"] for request in first.media()) <= 8192 * len(first.media()), first.lines()
    with counted(drive) as second:
        os.listdir(view)
    assert not second.requests, second.lines()
