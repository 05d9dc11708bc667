# SPDX-License-Identifier: MIT
"""Two hosts, one folder: each sees what the other did, and what was done in Drive itself."""
import os

import pytest

from harness.google import FOLDER
from harness.paths import wait_until

MOUNTS = 2
MIB = 1 << 20


def sees(path, data):
    """Wait until that path has this content."""
    def ready():
        try:
            return path.read_bytes() == data
        except FileNotFoundError:
            return False
    wait_until(ready, "%s with its new content" % path)


@pytest.fixture
def pair(place):
    """The test's folder on both mounts."""
    one, two = place.paths
    wait_until(two.exists, "the folder on the second mount")
    os.listdir(two)
    return one, two


def test_new_files(pair):
    one, two = pair
    (one / "a").write_bytes(b"from one")
    sees(two / "a", b"from one")
    (two / "b").write_bytes(b"from two")
    sees(one / "b", b"from two")
    assert sorted(os.listdir(one)) == sorted(os.listdir(two)) == ["a", "b"]


def test_new_content(pair):
    one, two = pair
    (one / "f").write_bytes(os.urandom(MIB))
    wait_until((two / "f").exists, "f on the second mount")
    (two / "f").read_bytes()
    for data in (b"short", os.urandom(2 * MIB), b""):
        (one / "f").write_bytes(data)
        sees(two / "f", data)
        assert os.stat(two / "f").st_size == len(data)


def test_a_reader_keeps_what_it_opened(pair):
    """Close-to-open: an open file stays at its revision where that is in the cache."""
    one, two = pair
    old, new = b"o" * 100_000, b"n" * 50_000
    (one / "f").write_bytes(old)
    sees(two / "f", old)
    with open(two / "f", "rb") as file:
        (one / "f").write_bytes(new)
        sees(two / "f", new)
        assert file.read() == old


def test_removed_and_renamed(pair):
    one, two = pair
    for name in ("a", "b"):
        (one / name).write_bytes(name.encode())
    sees(two / "b", b"b")
    (one / "a").unlink()
    (one / "b").rename(one / "c")
    wait_until(lambda: os.listdir(two) == ["c"], "only c on the second mount")
    assert (two / "c").read_bytes() == b"b"
    with pytest.raises(FileNotFoundError):
        os.stat(two / "a")


def test_folders(pair):
    one, two = pair
    (one / "d" / "e").mkdir(parents=True)
    (one / "d" / "e" / "f").write_bytes(b"deep")
    sees(two / "d" / "e" / "f", b"deep")
    (one / "d").rename(one / "g")
    sees(two / "g" / "e" / "f", b"deep")
    wait_until(lambda: not (two / "d").exists(), "d is gone on the second mount")


def test_times_and_description(pair):
    one, two = pair
    (one / "f").write_bytes(b"x")
    sees(two / "f", b"x")
    os.utime(one / "f", ns=(10**18, 10**18))
    os.setxattr(one / "f", "user.drive.description", b"seen by both")
    wait_until(lambda: os.stat(two / "f").st_mtime_ns == 10**18, "the time on the second mount")

    def described():
        try:
            return os.getxattr(two / "f", "user.drive.description") == b"seen by both"
        except OSError:
            return False
    wait_until(described, "the description on the second mount")


def test_changes_made_in_drive_itself(pair, place, google):
    """By Drive's web page or another program."""
    one, two = pair
    made = google.create(place.id, "f", b"one")
    folder = google.create_empty(place.id, "d", FOLDER)
    for path in (one, two):
        sees(path / "f", b"one")
    google.replace(made["id"], b"two")
    for path in (one, two):
        sees(path / "f", b"two")
    google.update(made["id"], name="g")
    for path in (one, two):
        wait_until(lambda at=path: sorted(os.listdir(at)) == ["d", "g"], "the new name")
    google.service.files().update(fileId=made["id"], addParents=folder["id"], removeParents=place.id,
                                  supportsAllDrives=True).execute()
    for path in (one, two):
        sees(path / "d" / "g", b"two")
    google.update(folder["id"], trashed=True)
    for path in (one, two):
        wait_until(lambda at=path: os.listdir(at) == [], "the folder is gone")
    google.update(folder["id"], trashed=False)
    for path in (one, two):
        sees(path / "d" / "g", b"two")


def test_a_listing_under_way_while_things_change(pair, place, google, drive):
    """The kernel keeps listings: what it was told late must not stay."""
    one, _ = pair

    def looks():
        return sum(request["path"] == "/drive/v3/changes" for request in drive.log())
    with os.scandir(one) as entries:
        google.create(place.id, "new", b"x")
        seen = looks()
        wait_until(lambda: looks() >= seen + 4, "both mounts have looked at the change feed, and once more")
        list(entries)
    wait_until(lambda: os.listdir(one) == ["new"], "the new listing")


def test_both_write_the_same_name(pair, place, google):
    """Two hosts create one name at once: Drive keeps two files, and both mounts show both."""
    one, two = pair
    with open(one / "f", "wb") as left, open(two / "f", "wb") as right:
        left.write(b"left")
        right.write(b"right")
    assert {google.download(f["id"]) for f in google.children(place.id)} == {b"left", b"right"}
    for path in (one, two):
        wait_until(lambda at=path: len(os.listdir(at)) == 2, "both files")
        assert {(path / name).read_bytes() for name in os.listdir(path)} == {b"left", b"right"}
    assert sorted(os.listdir(one)) == sorted(os.listdir(two)), "under the same names"


def test_last_save_wins(pair, place, google):
    one, two = pair
    (one / "f").write_bytes(b"base")
    sees(two / "f", b"base")
    (two / "f").write_bytes(b"second")
    sees(one / "f", b"second")
    (one / "f").write_bytes(b"third")
    sees(two / "f", b"third")
    assert len(google.revisions(google.by_name(place.id)["f"]["id"])) == 3
