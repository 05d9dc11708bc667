# SPDX-License-Identifier: MIT
"""-o shortcuts=write: a name that shows another file or folder, wherever that lies; broken ones break nothing else."""
import errno
import hashlib
import json
import os
import stat
import subprocess

import pytest

from harness.counting import counted
from harness.google import FOLDER
from harness.paths import wait_until

MOUNTS = 2
OPTIONS = ["poll=1,shortcuts=write"]
SHORTCUT = "application/vnd.google-apps.shortcut"


def asked(drive, method, path, body):
    """What the control port answers."""
    return json.loads(drive.ask(method, path, body))


@pytest.fixture
def away(drive, google):
    """A folder in somebody's My Drive that no mount shows: (its id, the id of a file in it)."""
    root = asked(drive, "POST", "/account", {"kind": "user", "email": "owner@example.com"})["root"]
    folder = asked(drive, "POST", "/folder", {"parent": root})["id"]
    asked(drive, "POST", "/share", {"id": folder, "email": "anyone", "role": "writer"})
    made = asked(drive, "POST", "/fill", {"folder": folder, "count": 1, "name": "far %d"})
    google.replace(made[-1]["id"], b"from afar")
    return folder, made[-1]["id"]


def link(google, folder, name, target):
    """A shortcut; returns its id."""
    body = {"name": name, "parents": [folder], "mimeType": SHORTCUT, "shortcutDetails": {"targetId": target}}
    return google.service.files().create(body=body, fields="id", supportsAllDrives=True).execute()["id"]


def appears(path):
    """Wait for a name."""
    wait_until(lambda: path.name in os.listdir(path.parent), str(path))
    return path


def error_of(action, *args):
    """The errno that it fails with."""
    with pytest.raises(OSError) as caught:
        action(*args)
    return caught.value.errno


def test_a_file_shows_as_its_target(place, google, drive, away):
    """Size, time, md5, content; a listing asks nothing for it, stat one thing, once."""
    _, far = away
    link(google, place.id, "near", far)
    appears(place.path / "near")
    with counted(drive) as listed:
        assert os.listdir(place.path) == ["near"]
        assert [entry.is_file() for entry in os.scandir(place.path)] == [True]
    assert not listed.requests, listed.lines()
    with counted(drive) as looked:
        assert os.stat(place.path / "near").st_size == len("from afar")
        assert os.stat(place.path / "near").st_size == len("from afar")
    assert {r["path"] for r in looked.requests} == {"/drive/v3/files/" + far}, looked.lines()
    assert len(looked.requests) <= 2, looked.lines()
    assert os.getxattr(place.path / "near", "user.drive.id").decode() == far
    assert os.getxattr(place.path / "near", "user.drive.md5").decode() == hashlib.md5(b"from afar").hexdigest()
    assert (place.path / "near").read_bytes() == b"from afar"
    with counted(drive) as again:
        assert (place.path / "near").read_bytes() == b"from afar"
    assert not again.requests, again.lines()


def test_the_feed_keeps_a_target_up_to_date(place, google, away):
    _, far = away
    link(google, place.id, "near", far)
    assert appears(place.path / "near").read_bytes() == b"from afar"
    google.replace(far, b"another text")
    wait_until(lambda: os.stat(place.path / "near").st_size == 12, "the new size")
    assert (place.path / "near").read_bytes() == b"another text"
    google.update(far, name="renamed")
    assert (place.path / "near").read_bytes() == b"another text"


def test_writing_writes_the_target(place, google, away):
    _, far = away
    shortcut = link(google, place.id, "near", far)
    appears(place.path / "near").write_bytes(b"written here")
    assert google.download(far) == b"written here"
    with open(place.path / "near", "ab") as file:
        file.write(b" and more")
    assert google.download(far) == b"written here and more"
    assert google.get(shortcut)["mimeType"] == SHORTCUT
    appears(place.paths[1] / "near")
    wait_until(lambda: (place.paths[1] / "near").read_bytes() == b"written here and more", "it on the other host")


def test_both_names_of_a_file_show_the_same(place, google):
    """One inode, whichever name was used; a save through one is seen through the other."""
    real = google.create(place.id, "real", b"one")["id"]
    link(google, place.id, "other", real)
    appears(place.path / "other")
    appears(place.path / "real")
    assert os.stat(place.path / "other").st_ino == os.stat(place.path / "real").st_ino
    with open(place.path / "real", "rb") as held:
        held.read()
        (place.path / "other").write_bytes(b"two two")
        assert held.seek(0) == 0 and held.read() == b"one", "who has it open keeps what it opened"
    wait_until(lambda: (place.path / "real").read_bytes() == b"two two", "the new bytes by the first name")
    with open(place.path / "other", "rb"):
        (place.path / "real").write_bytes(b"three")
    wait_until(lambda: (place.path / "other").read_bytes() == b"three", "the new bytes by the second name")
    assert google.download(real) == b"three"


def test_unlink_and_rename_touch_the_shortcut_only(place, google, away):
    _, far = away
    first = link(google, place.id, "first", far)
    link(google, place.id, "second", far)
    assert appears(place.path / "first").read_bytes() == b"from afar"
    assert appears(place.path / "second").read_bytes() == b"from afar"
    os.rename(place.path / "first", place.path / "moved")
    assert google.get(first)["name"] == "moved" and google.get(far)["name"] == "far 0"
    (place.path / "sub").mkdir()
    os.rename(place.path / "moved", place.path / "sub" / "deeper")
    assert (place.path / "sub" / "deeper").read_bytes() == b"from afar"
    os.unlink(place.path / "sub" / "deeper")
    assert google.get(first)["trashed"] and not google.get(far)["trashed"]
    assert (place.path / "second").read_bytes() == b"from afar"
    (place.path / "new").write_bytes(b"new")
    os.rename(place.path / "new", place.path / "second")
    assert (place.path / "second").read_bytes() == b"new"
    assert google.download(far) == b"from afar", "what is replaced is the shortcut"


def test_a_folder_shows_its_children(place, google, away):
    folder, far = away
    shortcut = link(google, place.id, "near", folder)
    near = appears(place.path / "near")
    assert os.listdir(near) == ["far 0"]
    assert (near / "far 0").read_bytes() == b"from afar"
    (near / "far 0").write_bytes(b"changed here")
    assert google.download(far) == b"changed here"
    (near / "inner").mkdir()
    inner = google.by_name(folder)["inner"]["id"]
    assert os.getxattr(near / "inner", "user.drive.id").decode() == inner
    google.update(far, name="renamed elsewhere")
    wait_until(lambda: sorted(os.listdir(near)) == ["inner", "renamed elsewhere"], "the change")
    assert (near / "renamed elsewhere").read_bytes() == b"changed here"
    os.rename(near / "inner", near / "inmost")
    assert google.get(inner)["name"] == "inmost"
    os.rmdir(near)
    assert google.get(shortcut)["trashed"] and not google.get(folder)["trashed"]
    assert os.listdir(place.path) == []


def test_a_folder_by_two_paths(place, google):
    """The same folder under its own name and a shortcut's: changes by one path are seen by the other."""
    (place.path / "real" / "deep").mkdir(parents=True)
    (place.path / "real" / "deep" / "f").write_bytes(b"1")
    real = os.getxattr(place.path / "real", "user.drive.id").decode()
    link(google, place.id, "other", real)
    other = appears(place.path / "other")
    assert (other / "deep" / "f").read_bytes() == b"1"
    assert os.stat(other).st_ino == os.stat(place.path / "real").st_ino
    for here, there in ((other, place.path / "real"), (place.path / "real", other)):
        assert not (there / "deep" / "g").exists()
        (here / "deep" / "g").write_bytes(b"g")
        wait_until(lambda at=there: "g" in os.listdir(at / "deep") and (at / "deep" / "g").exists(), "the new file")
        os.unlink(there / "deep" / "g")
        wait_until(lambda at=here: not (at / "deep" / "g").exists(), "it gone")
        assert (here / "deep" / "f").read_bytes() == b"1"
    os.rename(other / "deep", other / "shallow")
    wait_until(lambda: (place.path / "real" / "shallow" / "f").exists(), "the new name")
    wait_until(lambda: not (place.path / "real" / "deep").exists(), "not the old one")


def error_or_none(action, *args):
    """Its errno, or None."""
    try:
        action(*args)
        return None
    except OSError as error:
        return error.errno


def test_a_target_that_goes_and_comes_back(place, google, drive):
    """The name stays, with where it led; to follow it is ENOENT; it can be moved and removed."""
    outside = asked(drive, "POST", "/folder", {})["id"]
    file = google.create(outside, "target", b"bytes")["id"]
    folder = google.create_empty(outside, "folder", FOLDER)["id"]
    for name, target in (("file", file), ("folder", folder)):
        link(google, place.id, name, target)
        appears(place.path / name)
    assert (place.path / "file").read_bytes() == b"bytes" and (place.path / "folder").is_dir()
    for name, target in (("file", file), ("folder", folder)):
        path = place.path / name
        google.update(target, trashed=True)
        wait_until(lambda at=path: error_or_none(os.stat, at) == errno.ENOENT, "the target's end")
        assert sorted(os.listdir(place.path)) == ["file", "folder"], "the listing has it"
        assert stat.S_ISLNK(os.lstat(path).st_mode)
        assert target in os.readlink(path)
        assert error_of(os.listdir if name == "folder" else open, path) == errno.ENOENT
        google.update(target, trashed=False)
        wait_until(lambda at=path: error_or_none(os.stat, at) is None, "its return")
    assert (place.path / "file").read_bytes() == b"bytes"
    google.update(file, trashed=True)
    wait_until(lambda: error_or_none(os.stat, place.path / "file") == errno.ENOENT, "the target's end")
    os.rename(place.path / "file", place.path / "kept")
    os.unlink(place.path / "kept")
    assert os.listdir(place.path) == ["folder"]


def walk(path):
    """What find(1) finds below a path, following links where they lead."""
    done = subprocess.run(["find", "-L", str(path)], capture_output=True, text=True, timeout=60, check=False)
    return done.stdout.splitlines(), done.stderr


def test_the_zoo(place, drive):
    """Dangling ones and loops beside everything else odd: the listing is whole, and walking it ends."""
    made = asked(drive, "POST", "/zoo", {"folder": place.id})
    hidden = {one["id"] for one in made if one["name"].startswith("a ")}
    count = sum(1 for one in made if one["name"] not in ("deep", "loop inside") and one["id"] not in hidden)
    wait_until(lambda: len(os.listdir(place.path)) == count, "%d names" % count)
    for name in ("dangling", "dangling folder"):
        assert error_of(os.stat, place.path / name) == errno.ENOENT
        assert stat.S_ISLNK(os.lstat(place.path / name).st_mode)
    assert error_of(os.stat, place.path / "loop") == errno.ELOOP
    assert error_of(os.listdir, place.path / "loop") == errno.ELOOP
    assert (place.path / "to a file").read_bytes() == b""
    assert (place.path / "to a folder" / "deep").read_bytes() == b"deep"
    assert error_of(os.stat, place.path / "to a folder" / "loop inside") == errno.ELOOP
    found, _ = walk(place.path)
    assert len(found) < 4 * count
    for name in ("dangling", "dangling folder", "loop"):
        os.unlink(place.path / name)
    assert not {"dangling", "dangling folder", "loop"} & set(os.listdir(place.path))


def test_circles_end(place, google):
    """Two folders with a shortcut to the other in each: every path ends by ELOOP, in saved_model/ too."""
    ids = {}
    for name in "ab":
        (place.path / name).mkdir()
        ids[name] = os.getxattr(place.path / name, "user.drive.id").decode()
    link(google, ids["a"], "to b", ids["b"])
    link(google, ids["b"], "to a", ids["a"])
    (place.path / "b" / "m.txt").write_bytes(b"2 2\none 1.0 2.0\ntwo 3.0 4.0\n")
    appears(place.path / "a" / "to b")
    appears(place.path / "b" / "to a")
    assert (place.path / "a" / "to b" / "m.txt").stat().st_size > 0
    assert error_of(os.stat, place.path / "a" / "to b" / "to a") == errno.ELOOP
    found, errors = walk(place.path)
    assert any(line.endswith("a/to b/m.txt") for line in found) and len(found) < 20, (found, errors)
    view = place.path.parent / "saved_model" / place.name
    assert sorted(os.listdir(view)) == ["a", "b"]
    assert os.listdir(view / "a") == ["to b"] and os.listdir(view / "a" / "to b") == ["m.txt"]
    assert (view / "a" / "to b" / "m.txt" / "saved_model.pb").stat().st_size > 0
    assert len(walk(view)[0]) < 40


def test_saved_model_follows(place, google, drive, away):
    """A model that only a shortcut shows is a model in saved_model/, of the shortcut's name."""
    outside = asked(drive, "POST", "/folder", {})["id"]
    text = b"2 2\none 1.0 2.0\ntwo 3.0 4.0\n"
    model = google.create(outside, "far.txt", text)["id"]
    link(google, place.id, "near.txt", model)
    link(google, place.id, "folder", outside)
    link(google, place.id, "no model", away[1])
    appears(place.path / "no model")
    appears(place.path / "folder")
    view = place.path.parent / "saved_model" / place.name
    assert sorted(os.listdir(view)) == ["folder", "near.txt"]
    assert (view / "near.txt" / "saved_model.pb").read_bytes() == (view / "folder" / "far.txt" / "saved_model.pb").read_bytes()


def test_shortcuts_to_shortcuts(place, google, drive):
    """The official server makes none, old ones exist: followed, and not without end."""
    real = google.create(place.id, "real", b"bytes")["id"]
    at = real
    for number in range(10):
        at = link(google, place.id, "hop %d" % number, at)
    appears(place.path / "hop 9")
    assert (place.path / "hop 3").read_bytes() == b"bytes"
    assert error_of(os.stat, place.path / "hop 9") == errno.ELOOP
    assert (place.path / "real").read_bytes() == b"bytes"
