# SPDX-License-Identifier: MIT
"""Two hosts and somebody in Drive's own interface: whatever one does, both mounts show."""
import os

import pytest

from harness.google import FOLDER, SHARED
from harness.paths import wait_until

MOUNTS = 2
NAMES = ["x" * 255, "ä" * 127, " lead", "trail ", "dot.", "...", "..a", "a\nb", "tab\t", "back\\slash", 'quo"te', "star*",
         "q?", "colon:", "pipe|", "<lt>", "\U0001f642", "caf\u00e9", "cafe\u0301", "-rf", "~", "~$doc.docx", ".~lock.a#",
         "a%2Fb", "%", "con", "\u200b", "\u202egnp", "CAPS", "caps", "Caps", "saved_model2", "#", "&", "a;b", "$HOME"]


@pytest.fixture
def both(place):
    """both(what, question): wait until question(path) is true on both mounts."""
    wait_until(place.paths[1].exists, "the folder on the second mount")

    def wait(what, question):
        wait_until(lambda: all(question(path) for path in place.paths), what)
    return wait


def content(path):
    """Its bytes, or the errno."""
    try:
        return path.read_bytes()
    except OSError as error:
        return error.errno


def move(google, file, to, back):
    """To another folder, as in the browser."""
    google.service.files().update(fileId=file, addParents=to, removeParents=back, **SHARED).execute()


def test_trash_and_restore(both, place, google):
    file = google.create(place.id, "a", b"one")["id"]
    folder = google.create_empty(place.id, "dir", FOLDER)["id"]
    inner = google.create_empty(folder, "New Dir (2018)", FOLDER)["id"]
    google.create(inner, "New File [2018].txt", b"deep")
    deep = "dir/New Dir (2018)/New File [2018].txt"
    both("new files", lambda p: content(p / "a") == b"one" and content(p / deep) == b"deep")
    google.replace(file, b"two")
    both("as many new bytes", lambda p: content(p / "a") == b"two")
    for id_, name, data in ((file, "a", b"two"), (folder, deep, b"deep")):
        google.update(id_, trashed=True)
        both("trashed", lambda p, n=name: content(p / n) == 2)
        google.update(id_, trashed=False)
        both("restored", lambda p, n=name, d=data: content(p / n) == d)


def test_moved_out_changed_and_moved_in_again(both, place, google):
    folder = google.create_empty(place.id, "dir", FOLDER)["id"]
    file = google.create(folder, "f", b"deep")["id"]
    both("the file", lambda p: content(p / "dir" / "f") == b"deep")
    away = google.get(place.id)["parents"][0]
    above = google.get(away)["parents"][0]
    move(google, folder, above, place.id)
    both("out", lambda p: "dir" not in os.listdir(p))
    google.replace(file, b"changed outside")
    move(google, folder, place.id, above)
    both("in again", lambda p: content(p / "dir" / "f") == b"changed outside")
    google.update(folder, name="b")
    both("renamed", lambda p: content(p / "b" / "f") == b"changed outside" and "dir" not in os.listdir(p))


def test_unlinked_there_while_open_here(both, place):
    one, two = place.paths
    (one / "a").write_bytes(b"two")
    both("a", lambda p: content(p / "a") == b"two")
    with open(two / "a", "rb") as file:
        file.read(1)
        os.unlink(one / "a")
        wait_until(lambda: content(two / "a") == 2, "gone there")
        assert file.read() == b"wo"
    (two / "a").write_bytes(b"again")
    both("made again", lambda p: content(p / "a") == b"again")


def test_a_folder_becomes_a_file(both, place):
    one, two = place.paths
    (one / "x").mkdir()
    both("x", lambda p: (p / "x").is_dir())
    (two / "x").rmdir()
    both("no x", lambda p: not (p / "x").exists())
    (one / "x").write_text("")
    both("x is a file", lambda p: (p / "x").is_file())


def test_the_working_folder_is_renamed_elsewhere(both, place):
    one, two = place.paths
    (one / "b").mkdir()
    (one / "b" / "f").write_text("1")
    both("b", lambda p: (p / "b" / "f").exists())
    inside = os.open(two / "b", os.O_RDONLY)
    os.rename(one / "b", one / "c")
    both("c", lambda p: (p / "c").exists())
    assert os.listdir(inside) == ["f"]
    os.close(inside)


def test_odd_names_of_files_and_case(both, place):
    one, two = place.paths
    for name in NAMES:
        (one / name).write_text(name)
    (one / "Model").mkdir()
    os.rename(one / "Model", one / "model")
    os.rename(one / "CAPS", one / "cAPS")
    wanted = {"cAPS" if name == "CAPS" else name: name for name in NAMES}
    both("all of them", lambda p: sorted(os.listdir(p)) == sorted([*wanted, "model"]))
    assert {name: (two / name).read_text() for name in wanted} == wanted
