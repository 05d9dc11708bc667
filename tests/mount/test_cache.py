# SPDX-License-Identifier: MIT
"""A small cache: files larger than it are read and written all the same, and it stays within bounds."""
import os
import random
import subprocess

from harness.paths import wait_until

OPTIONS = ["poll=1,cache_size=64M"]
MIB = 1 << 20
BOUND = 64 * MIB
SLACK = 40 * MIB  # what is being read or written at the moment is kept over the bound


def disk_usage(folder):
    """Bytes on disk below a folder."""
    done = subprocess.run(["du", "-s", "-B1", folder], check=True, capture_output=True, timeout=60)
    return int(done.stdout.split()[0])


def test_reading_more_than_the_cache_holds(place, google, mount):
    """Three files of 48 MiB, twice: right bytes, and the folder does not grow."""
    parts = {name: random.Random(name).randbytes(MIB) * 48 for name in "abc"}
    for name, data in parts.items():
        google.create(place.id, name, data)
    wait_until(lambda: len(os.listdir(place.path)) == 3, "three files")
    for _ in range(2):
        for name, data in parts.items():
            assert (place.path / name).read_bytes() == data, name
    wait_until(lambda: disk_usage(mount.cache) <= BOUND + SLACK, "the cache folder is within bounds")
    status = mount.status()["cache"]
    assert status["evicted"] > 0 and status["bytes"] <= BOUND + SLACK, status


def test_a_file_larger_than_the_cache(place, google, mount):
    data = random.Random(1).randbytes(MIB) * 150
    (place.path / "big").write_bytes(data)
    assert google.by_name(place.id)["big"]["size"] == str(len(data))
    assert (place.path / "big").read_bytes() == data
    with open(place.path / "big", "rb", buffering=0) as file:
        for offset in (140 * MIB + 5, 3, 70 * MIB):
            assert os.pread(file.fileno(), 1000, offset) == data[offset:offset + 1000]
    wait_until(lambda: disk_usage(mount.cache) <= BOUND + SLACK, "the cache folder is within bounds")


def test_it_still_works_after_a_remount(place, mount):
    """What was left out is fetched again."""
    (place.path / "f").write_bytes(b"kept")
    mount.unmount()
    mount.remount()
    assert (place.path / "f").read_bytes() == b"kept"
    assert disk_usage(mount.cache) <= BOUND + SLACK


def test_half_a_file_is_kept_over_a_remount(place, google, mount, drive):
    """Ranges that were read are there after a remount: only the rest is fetched."""
    data = random.Random(2).randbytes(24 * MIB)
    google.create(place.id, "f", data)
    path = place.path / "f"
    wait_until(path.exists, "f on the mount")
    with open(path, "rb", buffering=0) as file:
        assert b"".join(iter(lambda: file.read(MIB) if file.tell() < 8 * MIB else b"", b"")) == data[:8 * MIB]
    mount.unmount()
    mount.remount()
    drive.reset_log()
    with open(path, "rb", buffering=0) as file:
        assert file.read(4 * MIB) == data[:4 * MIB]
    assert not [request for request in drive.log() if "alt=media" in request["query"] and
                (request["range"] or "").startswith("bytes=0-")]
    assert path.read_bytes() == data
