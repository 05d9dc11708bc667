# SPDX-License-Identifier: MIT
"""Many random operations against a model of what a file is, and many at once. SEED=N repeats a run."""
import hashlib
import os
import random
import subprocess
import sys
import threading

import pytest

from harness.paths import wait_until

SEED = int(os.environ.get("SEED") or random.randrange(1 << 32))
MOUNTS = 2
MAX = 3 << 20


class Twin:
    """One file on the mount and the same bytes here; each step does the same to both."""

    def __init__(self, path, choice):
        self.path, self.data, self.random = path, bytearray(), choice
        self.fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)

    def _range(self):
        size = self.random.choice([1, 10, 4096, 5000, 131_072, 700_000])
        return self.random.randrange(max(1, len(self.data) + 1)), self.random.randrange(1, size + 1)

    def write(self):
        """pwrite somewhere."""
        offset, size = self._range()
        if offset + size > MAX:
            return
        data = self.random.randbytes(size)
        assert os.pwrite(self.fd, data, offset) == size
        self.data[offset:offset + size] = data

    def read(self):
        """pread somewhere."""
        offset, size = self._range()
        assert os.pread(self.fd, size, offset) == bytes(self.data[offset:offset + size])

    def truncate(self):
        """Shorter or longer."""
        size = self.random.randrange(MAX)
        os.ftruncate(self.fd, size)
        self.data = self.data[:size] + bytearray(max(0, size - len(self.data)))

    def reopen(self):
        """close() and open: Drive has it in between."""
        os.close(self.fd)
        self.fd = os.open(self.path, os.O_RDWR)

    def sync(self):
        """fsync()."""
        os.fsync(self.fd)

    def size(self):
        """The length, by both ways."""
        assert os.fstat(self.fd).st_size == os.stat(self.path).st_size == len(self.data)

    def rename(self):
        """Under another name, open all the while."""
        other = self.path.with_name(self.path.name[:1] + str(self.random.randrange(100)))
        if not other.exists():
            os.rename(self.path, other)
            self.path = other

    def whole(self):
        """All of it, through another descriptor."""
        assert self.path.read_bytes() == bytes(self.data)


STEPS = ["write"] * 12 + ["read"] * 8 + ["size"] * 4 + ["truncate"] * 2 + ["reopen"] * 2 + ["sync", "rename", "whole"]


@pytest.mark.parametrize("number", range(4))
def test_random_operations_on_one_file(place, google, number):
    choice = random.Random(SEED + number)
    twin = Twin(place.path / "a", choice)
    done = []
    try:
        for _ in range(150):
            done.append(choice.choice(STEPS))
            getattr(twin, done[-1])()
    except AssertionError as error:
        raise AssertionError("SEED=%d, number %d, after %s: %s" % (SEED, number, done, error)) from error
    finally:
        os.close(twin.fd)
    twin.whole()
    files = google.children(place.id)
    assert [file["name"] for file in files] == [twin.path.name]
    wanted = hashlib.md5(twin.data).hexdigest()
    wait_until(lambda: google.children(place.id)[0].get("md5Checksum") == wanted, "the last bytes in Drive")


def test_many_files_at_once(place, google):
    """12 threads, each with its own folder: create, read, rename, remove."""
    errors = []

    def work(number):
        try:
            choice = random.Random(SEED + number)
            folder = place.path / ("d%d" % number)
            folder.mkdir()
            for i in range(12):
                data = choice.randbytes(choice.randrange(200_000))
                (folder / ("f%d" % i)).write_bytes(data)
                assert (folder / ("f%d" % i)).read_bytes() == data
                if i % 3 == 1:
                    os.rename(folder / ("f%d" % i), folder / ("g%d" % i))
                if i % 3 == 2:
                    os.unlink(folder / ("f%d" % i))
            assert len(os.listdir(folder)) == 8
        except Exception as error:  # pylint: disable=broad-exception-caught
            errors.append("SEED=%d thread %d: %r" % (SEED, number, error))
    threads = [threading.Thread(target=work, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors, "\n".join(errors)
    for number in range(12):
        folder = google.by_name(place.id)["d%d" % number]
        assert len(google.by_name(folder["id"])) == 8


def test_both_mounts_at_once(place, google):
    """Each writes its own files in one folder and lists it all the while; at the end both see all."""
    wait_until(place.paths[1].exists, "the folder on the second mount")
    errors = []

    def work(path, mark):
        try:
            for i in range(40):
                (path / ("%s%d" % (mark, i))).write_bytes(b"%s %d" % (mark.encode(), i))
                for name in os.listdir(path):
                    (path / name).stat()
        except FileNotFoundError:
            pass  # renamed or escaped between listing and stat
        except Exception as error:  # pylint: disable=broad-exception-caught
            errors.append(repr(error))
    threads = [threading.Thread(target=work, args=pair) for pair in zip(place.paths, "ab")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors, errors
    wanted = sorted(google.by_name(place.id))
    for path in place.paths:
        wait_until(lambda at=path: sorted(os.listdir(at)) == wanted, "all files on %s" % path)
        for name in wanted:
            assert (path / name).read_bytes() == b"%s %d" % (name[:1].encode(), int(name[1:]))


# Reads its argument again and again until its standard input ends; prints what is no whole version:
# version i is MAX / (i + 1) times the byte i.
READER = """
import select, sys
path, most = sys.argv[1], int(sys.argv[2])
count = 0
while not select.select([sys.stdin], [], [], 0)[0]:
    with open(path, "rb") as file:
        data = file.read()
    count += 1
    if not data or len(set(data)) != 1 or len(data) != most // (data[0] + 1):
        print("%d bytes: %s" % (len(data), sorted(set(data))[:4]), flush=True)
print("read", count > 0, flush=True)
"""


def test_saving_while_others_read(place, google):
    """Other processes open and read the file all the while: each save succeeds, once, and each reader
    gets one whole version, the old or the new."""
    path = place.path / "f"
    versions = [bytes([i]) * (MAX // (i + 1)) for i in range(8)]
    path.write_bytes(versions[0])
    readers = [subprocess.Popen([sys.executable, "-c", READER, path, str(MAX)], text=True, stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE) for _ in range(2)]
    try:
        for version in versions * 3:
            path.write_bytes(version)
    finally:
        said = [reader.communicate(timeout=60)[0] for reader in readers]
    assert said == ["read True\n"] * 2, said
    assert path.read_bytes() == versions[-1]
    assert len(google.revisions(google.by_name(place.id)["f"]["id"])) == 25, "one revision per save"
