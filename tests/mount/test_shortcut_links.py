# SPDX-License-Identifier: MIT
"""Shortcuts as symbolic links, the default; and -o shortcuts=follow, where nothing is changed by way of them."""
import errno
import json
import os
import pathlib
import stat
import subprocess

import pytest

from harness.counting import counted
from harness.google import FOLDER
from harness.paths import wait_until
from harness.surprise import errno_of

SHORTCUT = "application/vnd.google-apps.shortcut"


def link(google, folder, name, target):
    """A shortcut; returns its id."""
    body = {"name": name, "parents": [folder], "mimeType": SHORTCUT, "shortcutDetails": {"targetId": target}}
    return google.service.files().create(body=body, fields="id", supportsAllDrives=True).execute()["id"]


def appears(path):
    """Wait for a name."""
    wait_until(lambda: path.name in os.listdir(path.parent), str(path))
    return path


@pytest.fixture
def outside(drive, google):
    """A folder on the same drive that is not in the mount, with three files: (its id, their ids)."""
    folder = json.loads(drive.ask("POST", "/folder", {}))["id"]
    return folder, [google.create(folder, "prod-%d" % number, b"data")["id"] for number in range(3)]


def test_one_into_the_mount_leads_there(place, google, drive):
    (place.path / "a" / "deep").mkdir(parents=True)
    (place.path / "a" / "deep" / "model").write_bytes(b"bytes")
    deep = os.getxattr(place.path / "a" / "deep", "user.drive.id").decode()
    model = google.by_name(deep)["model"]["id"]
    a = os.getxattr(place.path / "a", "user.drive.id").decode()
    for folder, name, target, text in ((place.id, "to model", model, "a/deep/model"), (place.id, "to deep", deep, "a/deep"),
                                       (a, "below", model, "deep/model"), (deep, "up", a, ".."),
                                       (deep, "beside", model, "model"), (deep, "here", deep, ".")):
        link(google, folder, name, target)
        path = appears({place.id: place.path, a: place.path / "a", deep: place.path / "a" / "deep"}[folder] / name)
        with counted(drive) as asked:
            assert os.readlink(path) == text
            assert os.lstat(path).st_size == len(text)
            assert stat.S_ISLNK(os.lstat(path).st_mode) and [e for e in os.scandir(path.parent) if e.is_symlink()]
        assert not asked.requests, asked.lines()
    assert (place.path / "to model").read_bytes() == b"bytes"
    (place.path / "to deep" / "new").write_bytes(b"1")
    assert (place.path / "a" / "deep" / "new").read_bytes() == b"1"
    os.rename(place.path / "a" / "deep", place.path / "moved")
    assert os.readlink(place.path / "to model") == "moved/model"
    found = subprocess.run(["find", place.path], capture_output=True, text=True, check=True).stdout.splitlines()
    assert len(found) == 1 + len(["a", "moved", "moved/model", "moved/new", "to model", "to deep", "a/below"] + 3 * ["link"])


def test_one_into_a_folder_that_was_never_looked_at(rig, google, drive, mount):
    """Found by going up from it to a folder that is known."""
    top = drive.new_folder("not looked at", drive.folder)
    below = google.create_empty(top, "below", FOLDER)["id"]
    file = google.create(below, "file", b"bytes")["id"]
    link(google, drive.folder, "to what was not looked at", file)
    path = appears(pathlib.Path(mount.path, "to what was not looked at"))
    assert os.readlink(path) == "not looked at/below/file" and path.read_bytes() == b"bytes"
    assert rig


def test_one_that_leaves_the_mount_says_so(place, google, outside):
    folder, files = outside
    shortcut = link(google, place.id, "assets", folder)
    link(google, place.id, "prod", files[0])
    assert os.readlink(appears(place.path / "prod")) == "not in this mount: https://drive.google.com/open?id=" + files[0]
    assert errno_of((place.path / "prod").read_bytes) == errno.ENOENT
    assert errno_of(os.listdir, appears(place.path / "assets")) == errno.ENOENT
    os.rename(place.path / "assets", place.path / "moved")
    assert google.get(shortcut)["name"] == "moved"
    (place.path / "prod").unlink()
    assert not google.get(files[0])["trashed"]


def test_rm_r_never_leaves_the_folder(place, google, outside):
    folder, files = outside
    (place.path / "run").mkdir()
    (place.path / "kept").mkdir()
    (place.path / "kept" / "f").write_bytes(b"1")
    run = os.getxattr(place.path / "run", "user.drive.id").decode()
    link(google, run, "assets", folder)
    link(google, run, "kept", os.getxattr(place.path / "kept", "user.drive.id").decode())
    appears(place.path / "run" / "assets")
    appears(place.path / "run" / "kept")
    subprocess.run(["rm", "-rf", place.path / "run"], check=True)
    assert os.listdir(place.path) == ["kept"] and (place.path / "kept" / "f").read_bytes() == b"1"
    assert not google.get(folder)["trashed"] and not any(google.get(file)["trashed"] for file in files)


def test_circles_are_links_as_any(place, google):
    (place.path / "a").mkdir()
    link(google, os.getxattr(place.path / "a", "user.drive.id").decode(), "loop", place.id)
    assert os.readlink(appears(place.path / "a" / "loop")) == ".."
    assert sorted(os.listdir(place.path / "a" / "loop" / "a" / "loop")) == ["a"]


def test_two_shortcuts_a_level_make_no_more_paths(place, google, drive):
    levels = [google.create_empty(place.id, "level %d" % number, FOLDER)["id"] for number in range(8)]
    for above, below in zip(levels, levels[1:]):
        for name in "ab":
            link(google, above, name, below)
    appears(place.path / "level 7")
    appears(place.path / "level 6" / "b")
    found = subprocess.run(["find", place.path], capture_output=True, text=True, check=True).stdout.splitlines()
    assert len(found) == 1 + 8 + 14
    assert drive


def test_saved_model_shows_what_a_link_leads_to(place, google):
    (place.path / "real").mkdir()
    real = os.getxattr(place.path / "real", "user.drive.id").decode()
    model = google.create(real, "m.txt", b"2 2\none 1.0 2.0\ntwo 3.0 4.0\n")["id"]
    link(google, place.id, "near.txt", model)
    appears(place.path / "near.txt")
    view = place.path.parent / "saved_model" / place.name
    wait_until(lambda: sorted(os.listdir(view)) == ["near.txt", "real"], "both")
    assert (view / "near.txt" / "saved_model.pb").read_bytes() == (view / "real" / "m.txt" / "saved_model.pb").read_bytes()


@pytest.fixture
def follows(rig):
    """A second mount with -o shortcuts=follow: its root."""
    if len(rig.mounts) == 1:
        rig.add_mount(["poll=1,shortcuts=follow"])
    return pathlib.Path(rig.mounts[1].path)


def test_follow_shows_the_target_and_changes_nothing(place, google, outside, follows):
    folder, files = outside
    (place.path / "real").mkdir()
    (place.path / "real" / "f").write_bytes(b"1")
    link(google, place.id, "assets", folder)
    link(google, place.id, "prod", files[0])
    link(google, place.id, "other", os.getxattr(place.path / "real", "user.drive.id").decode())
    here = follows / place.name
    wait_until(here.exists, "the folder on that mount")
    for name in ("assets", "prod", "other", "real"):
        appears(here / name)
    assert sorted(os.listdir(here / "assets")) == ["prod-0", "prod-1", "prod-2"]
    assert (here / "prod").read_bytes() == b"data" and (here / "other" / "f").read_bytes() == b"1"
    for path in (here / "prod", here / "assets" / "prod-1"):
        for change in (lambda at=path: at.write_bytes(b"x"), lambda at=path: os.truncate(at, 0),
                       lambda at=path: os.utime(at, (1, 1)), lambda at=path: os.setxattr(at, "user.drive.description", b"x")):
            assert errno_of(change) == errno.EROFS
    for change in (lambda: os.unlink(here / "assets" / "prod-1"), lambda: (here / "assets" / "new").write_bytes(b"x"),
                   lambda: (here / "assets" / "new").mkdir(), lambda: os.unlink(here / "other" / "f"),
                   lambda: os.rename(here / "other" / "f", here / "f"), lambda: os.rename(here / "real", here / "other" / "r")):
        assert errno_of(change) == errno.EROFS
    done = subprocess.run(["rm", "-rf", here / "assets"], capture_output=True, text=True, check=False)
    assert done.returncode and not any(google.get(file)["trashed"] for file in files)
    (here / "other" / "f").write_bytes(b"inside the mount: as by its own name")
    assert (here / "real" / "f").read_bytes() == b"inside the mount: as by its own name"
    os.rmdir(here / "assets")
    assert not google.get(folder)["trashed"]


def test_follow_bounds_the_paths(place, google, follows):
    levels = [google.create_empty(place.id, "level %d" % number, FOLDER)["id"] for number in range(10)]
    for above, below in zip(levels, levels[1:]):
        for name in "ab":
            link(google, above, name, below)
    here = follows / place.name
    wait_until(here.exists, "the folder on that mount")
    appears(here / "level 9")
    appears(here / "level 8" / "b")
    found = subprocess.run(["find", here / "level 0"], capture_output=True, text=True, check=False).stdout.splitlines()
    assert len(found) == 1 + 2 + 4 + 8 + 16 + 32
