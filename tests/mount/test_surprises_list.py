# SPDX-License-Identifier: MIT
"""Listings, names and the change feed at their worst: nothing is hidden, lost or made up."""
import errno
import os
import pathlib

import pytest

from emulator.odd import NAMES
from harness.google import FOLDER
from harness.paths import wait_until
from harness.surprise import calm, entries, errno_of  # noqa: F401  # pylint: disable=unused-import

OPTIONS = ["poll=1,deadline=4,upload_deadline=6,wait_scale=10,quota_units_per_minute=0"]


@pytest.fixture(scope="module")
def shelves(rig):
    """Folders full of files that the mount has not listed: by count, those not yet taken."""
    made = {}
    for number, count in enumerate([500, 500] + [5] * 3 + [3] * 6):
        name = "shelf %d" % number
        folder = rig.drive.new_folder(name, rig.drive.folder)
        path = pathlib.Path(rig.mounts[0].path, name)
        made.setdefault(count, []).append((path, rig.drive.fill(folder, count)))
    wait_until(lambda: all(path.exists() for found in made.values() for path, _ in found), "the shelves")
    return made


@pytest.fixture
def filled(shelves):
    """filled(count): a folder with so many files, and what they are."""
    return lambda count: shelves[count].pop()


def ids(path):
    """Drive id -> name on the mount; one of its names, where shortcuts lead to it too."""
    names = [name for name in os.listdir(path) if (path / name).exists()]  # not those that lead nowhere
    return {os.getxattr(path / name, "user.drive.id").decode(): name for name in names}


# -- pages --------------------------------------------------------------------------------


def test_500_pages(filled, drive):
    path, made = filled(500)
    drive.switches(page_size_max=1)
    drive.fault(path="^/drive/v3/files\\?.*pageToken", nth=250, status=503)
    assert sorted(os.listdir(path)) == sorted(file["name"] for file in made)


def test_500_pages_of_an_incomplete_search(filled, drive):
    """What Drive says it has not looked through is not the folder: an error, and no half of it."""
    path, made = filled(500)
    drive.switches(page_size_max=1, incomplete_search=True)
    assert errno_of(os.listdir, path) == errno.EIO
    drive.switches(page_size_max=0, incomplete_search=False)
    assert len(os.listdir(path)) == len(made)


def test_empty_pages(filled, drive):
    path, made = filled(5)
    drive.switches(empty_pages=True, page_size_max=2)
    assert len(os.listdir(path)) == len(made)


def test_page_tokens_that_expire(filled, drive):
    path, made = filled(5)
    drive.switches(expire_page_tokens=True, page_size_max=2)
    assert errno_of(os.listdir, path) in (errno.EIO, errno.EINVAL)
    drive.switches(expire_page_tokens=False)
    assert len(os.listdir(path)) == len(made)


@pytest.mark.parametrize("switch", ["or_query_empty", "list_lag_s", "description_missing", "version_bump",
                                    "etag_header", "gzip_always"])
def test_a_listing_like_any_other(filled, drive, switch):
    """By folder only, never by name, never several folders at once: nothing of this is seen."""
    path, made = filled(3)
    drive.switches(**{switch: 3600 if switch.endswith("_s") else True})
    assert sorted(ids(path)) == sorted(file["id"] for file in made)
    assert all((path / file["name"]).stat().st_size == 0 for file in made)


# -- what lags ----------------------------------------------------------------------------


def test_own_files_are_there_while_listings_lag(place, drive):
    """Listings do not show what we have just made; the mount does."""
    drive.switches(parents_lag_s=3600, list_lag_s=3600)
    (place.path / "d").mkdir()
    (place.path / "f").write_bytes(b"x")
    (place.path / "d" / "g").write_bytes(b"y")
    drive.ask("POST", "/changes/forget")
    assert entries(place.path) == ["d", "f"] and entries(place.path / "d") == ["g"]
    assert (place.path / "f").read_bytes() == b"x"


def test_changes_that_come_late(place, google, drive):
    drive.switches(changes_lag_s=3600)
    google.create(place.id, "late", b"x")
    (place.path / "mine").write_bytes(b"y")
    assert "mine" in entries(place.path)
    drive.switches(changes_lag_s=0)
    wait_until(lambda: entries(place.path) == ["late", "mine"], "the late file")


@pytest.mark.parametrize("repeat", [False, True], ids=["coalesced", "repeated"])
def test_changes_one_by_one_or_as_one(place, google, drive, repeat):
    drive.switches(changes_repeat=repeat, page_size_max=1)
    made = google.create(place.id, "one", b"1")
    google.update(made["id"], name="two")
    google.replace(made["id"], b"22")
    google.update(made["id"], name="three")
    wait_until(lambda: entries(place.path) == ["three"], "the last name")
    wait_until(lambda: (place.path / "three").read_bytes() == b"22", "the last content")


@pytest.mark.parametrize("gone", [False, True], ids=["400", "410"])
def test_a_change_token_that_drive_has_forgotten(place, google, drive, gone):
    """Start again and list again: what happened in between is seen all the same."""
    drive.switches(page_token_410=gone)
    entries(place.path)
    google.create(place.id, "f", b"x")
    drive.ask("POST", "/changes/forget")
    wait_until(lambda: entries(place.path) == ["f"], "the new file")
    google.create(place.id, "g", b"x")
    wait_until(lambda: entries(place.path) == ["f", "g"], "the next one")


@pytest.mark.parametrize("told", [False, True], ids=["silent", "told"])
def test_a_folder_moves_with_all_below_it(place, google, drive, told):
    """The change feed names the folder alone: its subtree has moved, or is in the trash, all the same."""
    drive.switches(changes_children=told)
    for name in ("here", "there"):
        (place.path / name).mkdir()
    (place.path / "here" / "inner").mkdir()
    (place.path / "here" / "inner" / "f").write_bytes(b"x")
    folders = google.by_name(place.id)
    inner = google.by_name(folders["here"]["id"])["inner"]["id"]
    google.service.files().update(fileId=inner, addParents=folders["there"]["id"], supportsAllDrives=True,
                                  removeParents=folders["here"]["id"], body={}).execute()
    wait_until((place.path / "there" / "inner" / "f").exists, "the subtree at its new place")
    assert (place.path / "there" / "inner" / "f").read_bytes() == b"x"
    wait_until(lambda: entries(place.path / "here") == [], "the old place is empty")
    google.update(folders["there"]["id"], trashed=True)
    wait_until(lambda: entries(place.path) == ["here"], "the trashed folder is gone")
    assert not (place.path / "there" / "inner" / "f").exists()


def test_version_moves_without_content(place, google, drive):
    """Looking at a file raises its version: no second download."""
    made = google.create(place.id, "f", b"x" * 1000)
    wait_until((place.path / "f").exists, "the file")
    assert (place.path / "f").read_bytes() == b"x" * 1000
    drive.switches(version_bump=True)
    for _ in range(3):
        google.get(made["id"])
    google.update(made["id"], description="seen")
    drive.reset_log()
    wait_until(lambda: "user.drive.description" in os.listxattr(place.path / "f"), "the change")
    assert os.getxattr(place.path / "f", "user.drive.description") == b"seen"
    assert (place.path / "f").read_bytes() == b"x" * 1000
    assert not [r for r in drive.log() if "alt=media" in r["query"] and made["id"] in r["path"]]


# -- names --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def zoo(rig):
    """A folder with everything odd in it: its path, and what was made."""
    rig.drive.switches(zoo=True)
    folder = rig.drive.new_folder("zoo", rig.drive.folder)
    path = pathlib.Path(rig.mounts[0].path, "zoo")
    wait_until(path.exists, "the zoo on the mount")
    return path, folder


def test_every_odd_name_can_be_read(zoo, google):
    path, folder = zoo
    found, files = ids(path), google.children(folder)
    plain = [file for file in files if not file["mimeType"].startswith("application/vnd.google-apps.")]
    assert len(plain) == len(NAMES) + 4
    for file in plain:
        name = found[file["id"]]
        assert len(os.fsencode(name)) <= 255 and "/" not in name
        with open(path / name, "rb") as opened:
            assert opened.read() == google.download(file["id"]), repr(file["name"])


def test_three_of_one_name(zoo, google):
    path, folder = zoo
    found = ids(path)
    same = [file["id"] for file in google.children(folder) if file["name"] == "duplicate"]
    assert len({found[one] for one in same}) == 3
    assert sorted((path / found[one]).read_bytes() for one in same) == [b"0", b"1", b"2"]


def test_an_odd_folder(zoo, google):
    path, folder = zoo
    inner = next(f["id"] for f in google.children(folder) if f["mimeType"] == FOLDER)
    assert (path / ids(path)[inner] / "deep").read_bytes() == b"deep"


def test_shortcuts_and_documents_never_break_anything(zoo):
    """Loops end, what dangles is an error when it is opened, a document is no broken file of 0 bytes."""
    path, _ = zoo
    for name in os.listdir(path):
        if (path / name).is_dir():
            for below in os.listdir(path / name):
                assert len(os.fsencode(below)) <= 255
    for name in ("a document", "a spreadsheet"):
        if (path / name).exists():
            assert (path / name).stat().st_size > 0
    for name in ("dangling", "dangling folder"):
        if name in os.listdir(path):
            assert errno_of(os.listdir, path / name) in (errno.ENOENT, errno.ELOOP, errno.ENOTDIR)
    deep, seen = path, 0
    while (deep / "loop").is_dir() and seen < 50:
        deep, seen = deep / "loop", seen + 1
    assert seen < 50, "a loop has an end"


@pytest.mark.parametrize("kind", ["byte", "overlong", "surrogate"])
def test_what_is_no_utf8(rig, google, drive, kind):
    """One name with bytes that no decoder takes: the folder can be listed, or says why not; others can."""
    folder = drive.new_folder("utf8 " + kind, drive.folder)
    path = pathlib.Path(rig.mounts[0].path, "utf8 " + kind)
    wait_until(path.exists, "the folder")
    google.create(folder, "x\ufffdy", b"odd")
    google.create(folder, "plain", b"plain")
    drive.switches(bad_utf8=kind)
    try:
        names = os.listdir(path)
    except OSError as error:
        assert error.errno in (errno.EBADMSG, errno.EIO, errno.EILSEQ)
    else:
        assert len(names) == 2 and (path / "plain").read_bytes() == b"plain"
        for name in names:
            os.fsencode(name).decode()
    assert os.listdir(rig.mounts[0].path)
    drive.switches(bad_utf8="")
    wait_until(lambda: len(entries(path) or ()) == 2, "both files")
    odd = next(name for name in os.listdir(path) if name != "plain")
    assert (path / odd).read_bytes() == b"odd"
