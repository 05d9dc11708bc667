# SPDX-License-Identifier: MIT
"""A folder in Drive behaves like a folder: the calls of every day, seen from both sides."""
import errno
import os
import shutil

import pytest

from harness.google import FOLDER, md5
from harness.paths import wait_until

MIB = 1 << 20


def fails(number, call, *arguments, **named):
    """The call fails with this errno."""
    with pytest.raises(OSError) as caught:
        call(*arguments, **named)
    assert caught.value.errno == number, "%s instead of %s" % (
        errno.errorcode.get(caught.value.errno), errno.errorcode[number])


def test_write_and_read_back(place, google):
    data = os.urandom(3 * MIB + 17)
    (place.path / "f").write_bytes(data)
    assert (place.path / "f").read_bytes() == data
    file = google.by_name(place.id)["f"]
    assert google.download(file["id"]) == data
    assert file["mimeType"] == "application/octet-stream"


def test_attributes_of_a_file(here):
    (here / "f").write_bytes(b"x" * 5000)
    found = os.stat(here / "f")
    assert (found.st_size, found.st_blksize, found.st_nlink) == (5000, MIB, 1)
    assert found.st_uid == os.getuid() and found.st_mode & 0o777 in (0o600, 0o644, 0o664)
    assert found.st_blocks == -(-5000 // 512)
    assert os.stat(here).st_mode & 0o777 in (0o700, 0o755, 0o775)


def test_empty_file(place, google):
    (place.path / "f").touch()
    assert (place.path / "f").read_bytes() == b""
    # open and close without a write is settled at RELEASE, which nobody waits for.
    wait_until(lambda: "f" in google.by_name(place.id), "the empty file in Drive")


def test_append(place, google):
    for text in ("one\n", "two\n", "three\n"):
        with open(place.path / "f", "a", encoding="ascii") as file:
            file.write(text)
    assert (place.path / "f").read_text() == "one\ntwo\nthree\n"
    assert google.download(google.by_name(place.id)["f"]["id"]) == b"one\ntwo\nthree\n"


def test_write_in_the_middle(place, google):
    data = bytearray(os.urandom(2 * MIB + 5))
    (place.path / "f").write_bytes(data)
    with open(place.path / "f", "r+b") as file:
        file.seek(MIB - 3)
        file.write(b"changed")
    data[MIB - 3:MIB + 4] = b"changed"
    assert (place.path / "f").read_bytes() == data
    assert google.by_name(place.id)["f"]["md5Checksum"] == md5(data)


def test_write_past_the_end_leaves_zeros(place, google):
    fd = os.open(place.path / "f", os.O_RDWR | os.O_CREAT)
    os.pwrite(fd, b"end", 1000)
    assert os.pread(fd, 5000, 0) == bytes(1000) + b"end"
    assert os.pread(fd, 10, 5000) == b""
    os.close(fd)
    assert google.download(google.by_name(place.id)["f"]["id"]) == bytes(1000) + b"end"


@pytest.mark.parametrize("size", [0, 1, 4096, 3 * MIB])
def test_truncate(place, google, size):
    data = os.urandom(2 * MIB)
    (place.path / "f").write_bytes(data)
    os.truncate(place.path / "f", size)
    wanted = data[:size] + bytes(max(0, size - len(data)))
    assert os.stat(place.path / "f").st_size == size
    assert (place.path / "f").read_bytes() == wanted
    wait_until(lambda: google.by_name(place.id)["f"].get("md5Checksum") == md5(wanted), "the new length in Drive")


def test_ftruncate_of_an_open_file(place, google):
    with open(place.path / "f", "w+b") as file:
        file.write(b"0123456789")
        file.flush()
        os.ftruncate(file.fileno(), 4)
        assert os.fstat(file.fileno()).st_size == 4
        file.seek(0)
        assert file.read() == b"0123"
    assert google.download(google.by_name(place.id)["f"]["id"]) == b"0123"


def test_open_flags(here):
    fails(errno.ENOENT, open, here / "f", "rb")
    with open(here / "f", "xb") as file:
        file.write(b"1")
    fails(errno.EEXIST, open, here / "f", "xb")
    fails(errno.EISDIR, open, here, "wb")
    fails(errno.ENOTDIR, open, here / "f" / "g", "rb")
    assert (here / "f").read_bytes() == b"1"


def test_rename(place, google):
    (place.path / "a").write_bytes(b"content")
    before = google.by_name(place.id)["a"]["id"]
    os.rename(place.path / "a", place.path / "b")
    assert sorted(os.listdir(place.path)) == ["b"]
    assert (place.path / "b").read_bytes() == b"content"
    assert google.by_name(place.id)["b"]["id"] == before, "a rename keeps the Drive id"


def test_rename_into_another_folder(place, google):
    os.makedirs(place.path / "x" / "y")
    (place.path / "f").write_bytes(b"moved")
    os.rename(place.path / "f", place.path / "x" / "y" / "g")
    assert (place.path / "x" / "y" / "g").read_bytes() == b"moved"
    assert google.download(google.walk(place.id, "x/y/g")["id"]) == b"moved"
    assert sorted(google.by_name(place.id)) == ["x"]


def test_rename_over_a_file(place, google):
    (place.path / "new").write_bytes(b"new content")
    (place.path / "old").write_bytes(b"old")
    os.rename(place.path / "new", place.path / "old")
    assert os.listdir(place.path) == ["old"]
    assert (place.path / "old").read_bytes() == b"new content"
    files = google.by_name(place.id)
    assert list(files) == ["old"] and google.download(files["old"]["id"]) == b"new content"


def test_rename_of_a_folder(place, google):
    (place.path / "d").mkdir()
    (place.path / "d" / "f").write_bytes(b"x")
    os.rename(place.path / "d", place.path / "e")
    assert (place.path / "e" / "f").read_bytes() == b"x"
    fails(errno.ENOENT, os.stat, place.path / "d")
    assert google.walk(place.id, "e/f")["size"] == "1"


def test_rename_that_makes_no_sense(here):
    (here / "d" / "e").mkdir(parents=True)
    (here / "f").write_bytes(b"x")
    (here / "g").mkdir()
    (here / "g" / "h").write_bytes(b"x")
    fails(errno.ENOENT, os.rename, here / "nothing", here / "x")
    fails(errno.EINVAL, os.rename, here / "d", here / "d" / "e" / "d")
    fails(errno.EISDIR, os.rename, here / "f", here / "d")
    fails(errno.ENOTDIR, os.rename, here / "d", here / "f")
    fails(errno.ENOTEMPTY, os.rename, here / "d", here / "g")
    assert sorted(os.listdir(here)) == ["d", "f", "g"]


def test_unlink_puts_into_the_trash(place, google):
    (place.path / "f").write_bytes(b"precious")
    file = google.by_name(place.id)["f"]
    os.unlink(place.path / "f")
    assert os.listdir(place.path) == []
    fails(errno.ENOENT, os.unlink, place.path / "f")
    found = google.get(file["id"])
    assert found["trashed"] and google.download(file["id"]) == b"precious"


def test_an_unlinked_file_stays_readable_while_it_is_open(here):
    (here / "f").write_bytes(b"still here")
    with open(here / "f", "rb") as file:
        os.unlink(here / "f")
        assert file.read() == b"still here"


def test_folders(place, google):
    (place.path / "d" / "e").mkdir(parents=True)
    assert google.walk(place.id, "d/e")["mimeType"] == FOLDER
    fails(errno.EEXIST, os.mkdir, place.path / "d")
    fails(errno.ENOTEMPTY, os.rmdir, place.path / "d")
    fails(errno.EISDIR, os.unlink, place.path / "d")
    os.rmdir(place.path / "d" / "e")
    os.rmdir(place.path / "d")
    assert os.listdir(place.path) == [] and google.by_name(place.id) == {}
    (place.path / "f").write_bytes(b"x")
    fails(errno.ENOTDIR, os.rmdir, place.path / "f")


def test_rmtree(place, google):
    for name in ("a/b/c", "a/d"):
        (place.path / name).mkdir(parents=True)
        for i in range(3):
            (place.path / name / ("f%d" % i)).write_bytes(b"x")
    shutil.rmtree(place.path / "a")
    assert os.listdir(place.path) == [] and google.by_name(place.id) == {}


def test_times_are_kept(place, google, mount):
    (place.path / "f").write_bytes(b"x")
    when = 1_234_567_890_123_000_000  # Drive keeps milliseconds
    os.utime(place.path / "f", ns=(when, when))
    assert os.stat(place.path / "f").st_mtime_ns == when
    assert google.by_name(place.id)["f"]["modifiedTime"] == "2009-02-13T23:31:30.123Z"
    shutil.copy2(place.path / "f", place.path / "g")
    assert os.stat(place.path / "g").st_mtime_ns == when


def test_statfs(mount):
    found = os.statvfs(mount.path)
    assert found.f_namemax == 255 and found.f_bsize >= 4096
    assert found.f_bavail * found.f_frsize >= 1 << 30, "no room, it says"


def test_what_drive_has_no_notion_of(here):
    (here / "f").write_bytes(b"x")
    for call in (lambda: os.link(here / "f", here / "g"), lambda: os.symlink("f", here / "s"),
                 lambda: os.mkfifo(here / "p")):
        with pytest.raises(OSError) as caught:
            call()
        assert caught.value.errno in (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS)
    assert os.listdir(here) == ["f"]


def test_permissions_are_accepted_and_not_kept(here):
    """cp -p and tar set them: a mount that refuses breaks them. Drive has nowhere to put them."""
    (here / "f").write_bytes(b"x")
    os.chmod(here / "f", 0o600)
    os.chown(here / "f", os.getuid(), os.getgid())
    assert (here / "f").read_bytes() == b"x"


def test_listing_with_dots_and_many_entries(here):
    for i in range(150):
        (here / ("d%03d" % i)).mkdir()
    assert sorted(os.listdir(here)) == ["d%03d" % i for i in range(150)]
    with os.scandir(here) as entries:
        assert all(entry.is_dir() and entry.inode() for entry in entries)
