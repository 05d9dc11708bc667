# SPDX-License-Identifier: MIT
"""What people report of the real Drive: none of it loses, hides or spoils anything, and errors say what to do."""
import errno
import json
import os
import pathlib

import pytest

from emulator.odd import bytes_of
from harness.counting import counted
from harness.google import FOLDER, SHARED
from harness.paths import wait_until
from harness.surprise import MIB, calm  # noqa: F401  # pylint: disable=unused-import
from test_surprises_access import another, refused, user  # noqa: F401  # pylint: disable=unused-import

SHORTCUT = "application/vnd.google-apps.shortcut"
OPTIONS = ["poll=1,deadline=6,upload_deadline=8,wait_scale=10,quota_units_per_minute=0"]
UNFINISHED = True  # what is refused is kept


def refused_write(path, data):
    """The errno that open(), write() or close() gives."""
    with pytest.raises(OSError) as caught:
        path.write_bytes(data)
    return caught.value.errno


def shelf(rig, count, size=0):
    """A folder that another program has filled: (its path on the mount, which has not listed it, the files)."""
    folder = rig.drive.new_folder(None, rig.drive.folder)
    name = next(file["name"] for file in rig.drive.state(rig.drive.folder) if file["id"] == folder)
    path = pathlib.Path(rig.mounts[0].path, name)
    files = rig.drive.fill(folder, count, size=size)
    wait_until(path.exists, "the folder")
    return path, files


# -- listings -----------------------------------------------------------------------------


def test_who_is_no_member_lists_as_a_user(rig, drive, another):  # noqa: F811
    """A folder of a shared drive was given to us, the drive was not: corpora=drive is 404."""
    made = json.loads(drive.ask("POST", "/account", {}))
    folder = drive.new_folder(None, drive.drive_id)
    files = drive.fill(folder, 5)
    drive.ask("POST", "/share", {"id": folder, "email": made["email"], "role": "writer"})
    drive.switches(user_corpus=True)
    mount = another(made["key"], folder)
    assert set(os.listdir(mount.path)) - {"saved_model"} == {file["name"] for file in files}
    pathlib.Path(mount.path, "new").write_bytes(b"x")


def test_a_file_in_two_folders(place, google, drive):
    """As they could be before 2020: it can be read and saved, and stays in the other folder."""
    folder = google.create_empty(place.id, "other", FOLDER)["id"]
    file = google.create(place.id, "both", b"data")["id"]
    drive.switches(several_parents=True)
    google.service.files().update(fileId=file, addParents=folder, **SHARED).execute()
    paths = [place.path / "both", place.path / "other" / "both"]
    found = wait_until(lambda: [path for path in paths if path.exists()], "the file in one of them")
    assert found[0].read_bytes() == b"data"
    found[0].write_bytes(b"new data")
    assert google.download(file) == b"new data" and sorted(google.get(file)["parents"]) == sorted([place.id, folder])


# -- the trash ----------------------------------------------------------------------------


def saved_or_kept(path, data, google, folder, mount):
    """Saved where a listing finds it; or refused, and kept."""
    try:
        path.write_bytes(data)
    except OSError:
        status = mount.status()
        return any(path.name in str(one) for one in status["pending"] + status["held"])
    return any(google.download(file["id"]) == data for file in google.children(folder))


def test_made_in_a_folder_that_went_to_the_trash(place, google, drive, mount):
    """The feed has not told us yet."""
    (place.path / "d").mkdir()
    folder = google.by_name(place.id)["d"]["id"]
    drive.switches(changes_lag_s=30)
    google.update(folder, trashed=True)
    assert saved_or_kept(place.path / "d" / "new.model", b"new", google, folder, mount)


def test_saved_into_a_file_that_went_to_the_trash(place, google, drive, mount):
    (place.path / "m").write_bytes(b"old")
    drive.switches(changes_lag_s=30)
    google.update(google.by_name(place.id)["m"]["id"], trashed=True)
    assert saved_or_kept(place.path / "m", b"new", google, place.id, mount)


# -- refusals -----------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [
    {"status": 403, "reason": "uploadLimitExceeded"}, {"status": 403, "reason": "RATE_LIMIT_EXCEEDED"},
    {"status": 429, "reason": "RATE_LIMIT_EXCEEDED"}, {"status": 403, "reason": "rateLimitExceeded"}],
    ids=["short", "info-403", "info-429", "usual"])
def test_a_passing_rate_limit_in_any_words(place, google, drive, fault):
    (place.path / "f").write_bytes(b"old")
    drive.fault(path="^/upload/", count=2, **fault)
    (place.path / "f").write_bytes(b"new")
    drive.fault(path="^/drive/v3/files", count=2, **fault)
    os.rename(place.path / "f", place.path / "g")
    assert google.download(google.by_name(place.id)["g"]["id"]) == b"new"


def test_a_lasting_rate_limit_is_told_as_quota(place, drive, mount):
    drive.switches(rate_limit_words="short")
    drive.fault(path="^/upload/", status=403, reason="userRateLimitExceeded", count=0)
    assert refused_write(place.path / "f", b"new") == errno.EDQUOT
    assert any("f" in one["path"] for one in mount.status()["pending"])


@pytest.mark.parametrize("when", ["begin", "end"])
@pytest.mark.parametrize("size", [1000, 2 * MIB], ids=["small", "session"])
def test_storage_that_is_told_and_refused(place, google, drive, mount, when, size):
    (place.path / "f").write_bytes(b"old")
    drive.switches(storage_refused=when)
    data = os.urandom(size)
    assert refused_write(place.path / "f", data) in (errno.EDQUOT, errno.ENOSPC)
    assert google.download(google.by_name(place.id)["f"]["id"]) == b"old"
    drive.switches(storage_refused="")
    wait_until(lambda: not mount.status()["pending"], "the retry", deadline=40)
    assert google.download(google.by_name(place.id)["f"]["id"]) == data


def test_a_project_that_one_may_not_use(rig, drive, tmp_path):
    """The error names the project and who can help."""
    drive.switches(user_project="denied")
    key = user(drive, tmp_path, "billed@example.com")
    refused(rig, tmp_path, "elsewhere", "serviceusage", key=key, GOOGLE_CLOUD_QUOTA_PROJECT="elsewhere")


# -- downloads ----------------------------------------------------------------------------


def test_a_redirect_to_another_host(rig, drive):
    """The bytes come from there; our token and resource keys stay here."""
    path, files = shelf(rig, 1, MIB)
    drive.switches(media_redirect=True, media_redirect_host="127.0.0.1", static_tokens={})
    with counted(drive) as count:
        try:
            data = (path / files[0]["name"]).read_bytes()
        except OSError:
            data = None  # no token, no bytes: better than a token that is given away
    away = [request for request in count.requests if (request["host"] or "").startswith("127.0.0.1")]
    assert away and not any(request["keys"] for request in away)
    assert data in (None, bytes_of(files[0]["name"], MIB))


# -- what a co-editor can do to us ----------------------------------------------------------


def test_descriptions_that_make_a_page_too_large(rig, drive):
    """12,000 control characters for each of 1,000 files, 72 MB: the page is asked for by halves."""
    path, files = shelf(rig, 1000)
    drive.switches(description_length=12000)
    with counted(drive) as count:
        assert set(os.listdir(path)) - {"saved_model"} == {file["name"] for file in files}
    assert "pageSize=500" in " ".join(str(request) for request in count.requests)


def test_a_locked_file(place, google, drive, mount):
    """0444, so that whoever may not write anything opens it for reading only."""
    (place.path / "locked").write_bytes(b"old")
    drive.switches(locked="locked")
    google.update(google.by_name(place.id)["locked"]["id"], description="x")
    wait_until(lambda: os.stat(place.path / "locked").st_mode & 0o222 == 0, "the lock")
    assert (place.path / "locked").read_bytes() == b"old"



def test_shortcuts_that_double_the_paths_at_each_level(rig, google, mount):
    """Twelve levels with two shortcuts each to the next one: 4,096 paths to the last. Listing the views
    asks for each folder once."""
    top = google.create_empty(rig.drive.folder, "doubling", FOLDER)["id"]
    folders = [google.create_empty(top, "level %d" % n, FOLDER)["id"] for n in range(12)]
    for here, there in zip(folders, folders[1:]):
        for name in ("left", "right"):
            google.service.files().create(body={"name": name, "parents": [here], "mimeType": SHORTCUT,
                                                "shortcutDetails": {"targetId": there}}, **SHARED).execute()
    path = pathlib.Path(mount.path, "doubling", "level 0")
    wait_until(path.exists, "the folders")
    with counted(rig.drive) as count:
        os.listdir(pathlib.Path(mount.path, "saved_model"))
        os.listdir(pathlib.Path(path, *["left", "right"] * 5))
    assert len(count) <= 120, "%d requests" % len(count)
