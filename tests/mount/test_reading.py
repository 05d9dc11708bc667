# SPDX-License-Identifier: MIT
"""Reading while Drive fails: what passes is not noticed, what lasts is an error, never wrong bytes."""
import errno
import mmap
import os
import random
import threading

import pytest

from harness.paths import wait_until

OPTIONS = ["poll=1,deadline=6"]
MIB = 1 << 20
MEDIA = "alt=media"


@pytest.fixture
def cold(place, google):
    """cold(size) -> (path, bytes) of a file that is in Drive and in no cache."""
    def make(size, name="f"):
        data = random.Random(size).randbytes(size)
        google.create(place.id, name, data)
        path = place.path / name
        wait_until(path.exists, name + " on the mount")
        return path, data
    return make


@pytest.mark.parametrize("fault", [
    {"action": "status", "status": 503},
    {"action": "status", "status": 500, "count": 2},
    {"action": "status", "status": 403, "reason": "userRateLimitExceeded"},
    {"action": "status", "status": 429},
    {"action": "status", "status": 401, "reason": "authError"},
    {"action": "drop"},
    {"action": "cut", "after": 0},
    {"action": "cut", "after": 3_000_000},
    {"action": "cut", "after": 1_000_000, "count": 4},
], ids=lambda fault: "-".join(str(value) for value in fault.values()))
def test_a_passing_fault(cold, drive, fault):
    path, data = cold(12 * MIB + 5)
    drive.fault(path=MEDIA, **fault)
    assert path.read_bytes() == data


@pytest.mark.parametrize("status,reason,wanted", [
    (403, "insufficientFilePermissions", {errno.EACCES, errno.EPERM}),
    (403, "downloadQuotaExceeded", {errno.EDQUOT, errno.EACCES, errno.EIO}),
    (404, "notFound", {errno.ENOENT, errno.ESTALE, errno.EIO}),
    (500, None, {errno.EIO, errno.ETIMEDOUT}),
], ids=["rights", "quota", "gone", "server"])
def test_a_lasting_fault(cold, place, drive, mount, status, reason, wanted):
    """An error, the path in the log, and after it the file can be read."""
    path, data = cold(2 * MIB)
    begin = mount.log_size()
    drive.fault(path=MEDIA, action="status", status=status, reason=reason, count=0)
    with pytest.raises(OSError) as caught:
        path.read_bytes()
    assert caught.value.errno in wanted, caught.value
    if status != 404:  # no such file: nothing to log
        assert place.name + "/f" in mount.log_text(begin)
    drive.clear_faults()
    assert path.read_bytes() == data


def test_a_page_of_html_is_no_model(cold, drive):
    """What Drive's front end answers on a bad day must not get into a file."""
    path, data = cold(MIB)
    drive.switches(non_json_errors=True)
    drive.fault(path=MEDIA, action="status", status=503, count=2)
    try:
        assert path.read_bytes() == data
    finally:
        drive.switches(non_json_errors=False)


def test_a_server_that_ignores_ranges(cold, drive):
    path, data = cold(9 * MIB)
    drive.switches(range_as_200=True)
    try:
        with open(path, "rb") as file:
            file.seek(5 * MIB)
            assert file.read(1000) == data[5 * MIB:5 * MIB + 1000]
        assert path.read_bytes() == data
    finally:
        drive.switches(range_as_200=False)


def test_a_stalled_download_ends(cold, drive):
    """Not one byte for `deadline` seconds: another try, which succeeds, or an error; no hang."""
    path, data = cold(MIB)
    drive.fault(path=MEDIA, action="stall")
    try:
        assert path.read_bytes() == data
    except OSError as error:
        assert error.errno in (errno.ETIMEDOUT, errno.EIO)


def test_random_places(cold):
    path, data = cold(20 * MIB + 123)
    choice = random.Random(5)
    with open(path, "rb", buffering=0) as file:
        for _ in range(200):
            offset, size = choice.randrange(len(data) + 1000), choice.choice([1, 100, 4096, 65_537, MIB])
            assert os.pread(file.fileno(), size, offset) == data[offset:offset + size]


def test_mapped(cold):
    path, data = cold(10 * MIB + 77)
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as mapped:
        choice = random.Random(6)
        for _ in range(100):
            offset = choice.randrange(len(data))
            assert mapped[offset:offset + 50] == data[offset:offset + 50]
        assert mapped[:] == data


def test_many_readers_of_one_cold_file(cold, drive):
    """16 threads, from both ends: all right, and no byte is fetched twice."""
    path, data = cold(16 * MIB)
    drive.reset_log()
    wrong = []

    def read(number):
        with open(path, "rb", buffering=0) as file:
            places = range(0, len(data), MIB)
            for offset in places if number % 2 else reversed(places):
                if os.pread(file.fileno(), MIB, offset) != data[offset:offset + MIB]:
                    wrong.append((number, offset))
    threads = [threading.Thread(target=read, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    sent = sum(request["bytes_out"] for request in drive.log() if MEDIA in request["query"])
    assert sent <= 1.5 * len(data), "%.1f times the file" % (sent / len(data))


def test_a_file_that_is_deleted_while_it_is_read(cold, google, place):
    """Close-to-open: the bytes that are here stay readable, the name goes."""
    path, data = cold(MIB)
    with open(path, "rb") as file:
        assert file.read() == data
        google.update(google.by_name(place.id)["f"]["id"], trashed=True)
        wait_until(lambda: not path.exists(), "the name is gone")
        file.seek(0)
        assert file.read() == data


def test_the_cache_is_checked(place, mount, cold):
    """A cache file damaged behind the daemon's back is noticed after the next mount, and healed."""
    path, data = cold(3 * MIB)
    assert path.read_bytes() == data
    mount.unmount()
    for folder, _, names in os.walk(os.path.join(mount.cache, "rev")):
        for name in names:
            with open(os.path.join(folder, name), "r+b") as file:
                file.seek(MIB)
                file.write(b"damage" * 1000)
    mount.remount()
    assert path.read_bytes() == data
    assert mount.status()["cache"]["healed"] > 0
