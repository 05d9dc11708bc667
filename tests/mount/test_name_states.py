# SPDX-License-Identifier: MIT
"""What a name's absence means: unlinked here, removed elsewhere, not in a listing that lags, refused."""
import errno
import os
import pathlib
import subprocess

import pytest

from harness.paths import wait_until
from harness.surprise import calm, errno_of  # noqa: F401  # pylint: disable=unused-import

UNFINISHED = True
OPTIONS = ["poll=1,upload_deadline=8,wait_scale=10"]


@pytest.fixture
def unlisted(rig, google):
    """unlisted(*names): a folder with such files that the mount knows and has not listed."""
    def make(*names):
        folder = rig.drive.new_folder("folder of " + " ".join(names), rig.drive.folder)
        files = {name: google.create(folder, name, name.encode())["id"] for name in names}
        path = pathlib.Path(rig.mounts[0].path, "folder of " + " ".join(names))
        wait_until(path.exists, "the folder on the mount")
        return path, files
    return make


def test_our_file_stays_after_a_refused_token_and_a_listing_that_lags(place, drive):
    (place.path / "old").write_bytes(b"1")
    os.listdir(place.path)
    drive.switches(parents_lag_s=3600)
    drive.reset_log()
    (place.path / "mine").write_bytes(b"saved, close() returned 0")
    drive.ask("POST", "/changes/forget")
    wait_until(lambda: any(one["path"].endswith("/changes/startPageToken") for one in drive.log()), "the feed starts over")
    for _ in range(3):
        assert sorted(os.listdir(place.path)) == ["mine", "old"]
        assert (place.path / "mine").read_bytes() == b"saved, close() returned 0"


def test_a_file_trashed_while_its_folder_is_first_listed_does_not_stay(unlisted, google, drive):
    path, files = unlisted("x", "y")
    drive.fault(path="/files\\?.*in\\+parents", method="GET", action="crawl", rate=200)
    with subprocess.Popen(["ls", path], stdout=subprocess.PIPE) as listing:
        wait_until(lambda: drive.faults()[0]["hits"], "the listing is on the wire")
        google.update(files["x"], trashed=True)
        listing.communicate()
    wait_until(lambda: os.listdir(path) == ["y"], "only y is left")
    assert errno_of(os.stat, path / "x") == errno.ENOENT


def test_one_passing_404_of_a_listing_hides_nothing(unlisted, drive):
    path, _ = unlisted("model")
    drive.fault(path="/files\\?.*in\\+parents", method="GET", action="status", status=404, reason="notFound")
    assert (path / "model").read_bytes() == b"model"


def test_a_folder_that_is_gone_is_gone_though_its_listing_says_it(unlisted, google, drive):
    """404 for the listing and for the folder itself: not there, and not for an hour if it comes back."""
    path, _ = unlisted("file")
    drive.fault(path="/files\\?.*in\\+parents", method="GET", action="status", status=404, reason="notFound", count=0)
    assert errno_of(os.stat, path / "file") == errno.EIO, "Drive knows the folder: nothing is said to be missing"
    drive.clear_faults()
    assert (path / "file").read_bytes() == b"file"


def test_a_create_that_failed_leaves_no_name(place, mount):
    drafts = pathlib.Path(mount.cache, "draft")
    drafts.rename(drafts.with_name("away"))
    try:
        assert errno_of((place.path / "phantom").write_bytes, b"x")
    finally:
        drafts.with_name("away").rename(drafts)
    assert os.listdir(place.path) == []
    (place.path / "phantom").write_bytes(b"x")
    assert os.listdir(place.path) == ["phantom"]


def test_a_rename_whose_target_cannot_be_trashed_is_taken_back(place, google, drive):
    (place.path / "A").write_bytes(b"new")
    (place.path / "B").write_bytes(b"old")
    drive.fault(path="/drive/v3/files/", method="PATCH", nth=2, action="status", status=403,
                reason="insufficientFilePermissions")
    assert errno_of(os.rename, place.path / "A", place.path / "B") == errno.EACCES
    assert {name: google.download(file["id"]) for name, file in google.by_name(place.id).items()} == \
        {"A": b"new", "B": b"old"}
    assert (place.path / "A").read_bytes() == b"new" and (place.path / "B").read_bytes() == b"old"


def test_a_rename_that_can_neither_end_nor_be_taken_back_shows_what_drive_has(place, google, drive):
    (place.path / "A").write_bytes(b"new")
    (place.path / "B").write_bytes(b"old")
    for nth in (2, 3):
        drive.fault(path="/drive/v3/files/", method="PATCH", nth=nth, action="status", status=403,
                    reason="insufficientFilePermissions")
    assert errno_of(os.rename, place.path / "A", place.path / "B") == errno.EACCES
    found = [file["name"] for file in google.children(place.id)]
    assert found == ["B", "B"]
    shown = sorted(os.listdir(place.path))
    assert len(shown) == 2 and shown[0] == "B" and shown[1].startswith("B~")
    assert {(place.path / name).read_bytes() for name in shown} == {b"old", b"new"}


def test_a_rename_sends_what_drive_does_not_have_first(place, google, drive):
    """`cmd > f.tmp; mv f.tmp f` with a full quota: the good model stays."""
    (place.path / "final").write_bytes(b"good model")
    drive.fault(path="^/upload", method="POST", action="status", status=403, reason="storageQuotaExceeded", count=0)
    drive.fault(path="^/upload", method="PUT", action="status", status=403, reason="storageQuotaExceeded", count=0)
    assert errno_of((place.path / "tmp").write_bytes, b"new model")
    assert errno_of(os.rename, place.path / "tmp", place.path / "final") in (errno.EDQUOT, errno.ENOSPC)
    assert (place.path / "final").read_bytes() == b"good model"
    assert google.download(google.by_name(place.id)["final"]["id"]) == b"good model"
    drive.clear_faults()
    os.rename(place.path / "tmp", place.path / "final")
    assert google.download(google.by_name(place.id)["final"]["id"]) == b"new model"
    assert os.listdir(place.path) == ["final"]


def test_an_answer_that_is_older_than_the_feed_s_word_changes_nothing(place, google, drive):
    (place.path / "model").write_bytes(b"v1")
    file = google.by_name(place.id)["model"]["id"]
    drive.fault(path="^/upload", method="PUT", action="crawl", rate=200)
    drive.fault(path="^/upload", method="PATCH", action="crawl", rate=200)
    with subprocess.Popen(["sh", "-c", 'printf v2 > "$0"', place.path / "model"]) as writer:
        wait_until(lambda: drive.content(file) == b"v2", "Drive has our bytes")
        google.replace(file, b"v3 by another host")
        writer.wait()
    wait_until(lambda: (place.path / "model").read_bytes() == b"v3 by another host", "the newer is shown")
    assert drive.content(file) == b"v3 by another host"


def test_folders_move_their_time_when_names_in_them_change(place):
    for change in (lambda: (place.path / "a").write_bytes(b"1"), lambda: (place.path / "d").mkdir(),
                   lambda: os.rename(place.path / "a", place.path / "b"), lambda: (place.path / "d").rmdir(),
                   lambda: (place.path / "b").unlink()):
        os.utime(place.path, (1, 1))
        assert os.stat(place.path).st_mtime == 1
        change()
        assert os.stat(place.path).st_mtime > 1


def test_a_save_into_a_folder_that_is_in_the_trash_is_refused(place, google):
    (place.path / "f").write_bytes(b"1")
    here = os.open(place.path, os.O_PATH)
    try:
        google.update(place.id, trashed=True)
        wait_until(lambda: not place.path.exists(), "the folder is gone")
        assert errno_of(lambda: os.open("new", os.O_CREAT | os.O_WRONLY, 0o644, dir_fd=here)) == errno.ENOENT
        assert errno_of(lambda: os.mkdir("d", dir_fd=here)) == errno.ENOENT
    finally:
        os.close(here)
    google.update(place.id, trashed=False)
    wait_until(place.path.exists, "the folder is back")
    (place.path / "new").write_bytes(b"2")
    assert sorted(os.listdir(place.path)) == ["f", "new"]


@pytest.fixture
def slow(rig):
    """A second mount that asks for changes every ten minutes: its root."""
    if len(rig.mounts) == 1:
        rig.add_mount(["poll=600"])
    return pathlib.Path(rig.mounts[1].path)


def test_a_load_right_after_a_save_elsewhere_gets_what_was_saved(slow, drive, google):
    """The revision that the mount knows cannot be had any more: it asks for the one there is, once."""
    folder = drive.new_folder("for the slow one", drive.folder)
    file = google.create(folder, "model", b"one")["id"]
    wait_until(lambda: (slow.parent / "mnt" / "for the slow one" / "model").exists(), "it on the first mount")
    assert "for the slow one" in os.listdir(slow)
    model = slow / "for the slow one" / "model"
    assert model.stat().st_size == 3
    google.replace(file, b"the second")
    drive.reset_log()
    with open(model, "rb") as opened:
        assert opened.read() == b"the second"
        assert os.fstat(opened.fileno()).st_size == len(b"the second")
    assert model.stat().st_size == len(b"the second")
    assert len([one for one in drive.log() if one["method"] == "GET" and file in one["path"]]) <= 4
    google.replace(file, b"and the third")
    assert model.read_bytes() == b"the second", "in the cache: as the last look at Drive has it"


def test_the_mounted_folder_in_the_trash(rig, drive, google):
    """Said in the log and by status; nothing can be saved, what is there can be read; and it comes back."""
    folder = drive.new_folder("to be trashed", None)
    google.create(folder, "f", b"1")
    mount = rig.add_mount(["poll=1"], folder)
    path = pathlib.Path(mount.path)
    assert (path / "f").read_bytes() == b"1" and not mount.status()["folder_gone"]
    google.update(folder, trashed=True)
    wait_until(lambda: mount.status()["folder_gone"], "the news")
    assert "the mounted folder is in Drive's trash" in mount.log_text()
    for save in (lambda: (path / "new").write_bytes(b"2"), (path / "d").mkdir, lambda: (path / "f").write_bytes(b"2")):
        assert errno_of(save) == errno.ENOENT
    google.update(folder, trashed=False)
    wait_until(lambda: not mount.status()["folder_gone"], "its return")
    (path / "new").write_bytes(b"2")
    (path / "f").write_bytes(b"22")
    assert {name: google.download(file["id"]) for name, file in google.by_name(folder).items()} == {"new": b"2", "f": b"22"}
