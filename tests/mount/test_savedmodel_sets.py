# SPDX-License-Identifier: MIT
"""saved_model/ shows a set: a main file and its side-cars as they are now, together; or says why not."""
import errno
import os
import shutil
import signal
import subprocess

import numpy as np
import pytest
from gensim.models import KeyedVectors

from harness import models
from harness.counting import counted
from harness.paths import wait_until
from harness.surprise import calm, errno_of  # noqa: F401  pylint: disable=unused-import

OPTIONS = ["poll=1,deadline=3600,upload_deadline=3600"]
HANG = 60  # seconds after which a process counts as one that never ends


def vectors(prefix, value, rows=50, width=4):
    """KeyedVectors with words prefix0, prefix1, ... and the same number everywhere."""
    return models.keyed_vectors(["%s%d" % (prefix, i) for i in range(rows)], np.full((rows, width), value, np.float32))


def save(kv, path):
    """With its matrix in a side-car."""
    kv.save(str(path), sep_limit=0)


def served(view):
    """(words, numbers) that the view holds: both shards, by what is in them."""
    with open(view / "variables" / "variables.data-00000-of-00002", "rb") as file:
        matrix = file.read()
    with open(view / "variables" / "variables.data-00001-of-00002", "rb") as file:
        words = file.read()
    return words, np.unique(np.frombuffer(matrix[-50 * 16:], np.float32)).tolist()


@pytest.fixture
def set_of(place, rig, tmp_path):
    """A saved set `m.kv` with the old words and ones, and its view; a newer save of it lies in tmp_path."""
    save(vectors("old", 1), place.path / "m.kv")
    save(vectors("new", 2), tmp_path / "m.kv")
    return place.path / "m.kv", view_of(rig.mounts[0], place, "m.kv"), tmp_path / "m.kv"


def view_of(mount, place, name):
    """The folder of that model in saved_model/."""
    return place.path.parent.__class__(mount.path) / "saved_model" / place.name / name


def side(path):
    """Its side-car."""
    return path.parent / (path.name + ".vectors.npy")


def test_a_replaced_side_car_is_served(set_of):
    model, view, _ = set_of
    words, numbers = served(view)
    assert b"old0" in words and numbers == [1]
    np.save(side(model), np.full((50, 4), 3, np.float32))
    assert served(view)[1] == [3], "the kernel's pages of the old one must not be shown either"
    index = (view / "variables" / "variables.index").read_bytes()
    np.save(side(model), np.full((50, 4), 4, np.float32))
    assert served(view)[1] == [4]
    assert (view / "variables" / "variables.index").read_bytes() != index, "its checksum belongs to the set"


def test_a_side_car_that_was_converted_is_served_anew(set_of):
    """float64 is converted into the cache: the conversion belongs to the set as well."""
    model, view, _ = set_of
    for number in (5, 6):
        np.save(side(model), np.full((50, 4), number, np.float64))
        assert served(view)[1] == [number]


def test_a_set_that_is_looked_at_while_it_is_copied(set_of):
    """cp writes the main file first: whoever looks then sees what is there, and afterwards the new set."""
    model, view, newer = set_of
    served(view)
    shutil.copy(newer, model)
    words, numbers = served(view)
    assert b"new0" in words and numbers == [1], "what gensim loads at this moment"
    shutil.copy(side(newer), side(model))
    words, numbers = served(view)
    assert b"new0" in words and numbers == [2]


def test_a_set_that_does_not_fit_is_an_error(set_of, place, rig):
    model, view, _ = set_of
    for shape in ((49, 4), (50, 3)):
        np.save(side(model), np.ones(shape, np.float32))
        assert os.listdir(view) == ["ERROR.txt"], shape
        text = (view / "ERROR.txt").read_text()
        assert "different saves" in text and "m.kv.vectors.npy" in text, text
    save(vectors("mended", 7), model)
    assert "ERROR.txt" not in os.listdir(view)
    assert served(view)[1] == [7]
    assert not (view_of(rig.mounts[0], place, "m.kv") / "ERROR.txt").exists()


def test_a_side_car_that_is_gone_and_comes_back(set_of):
    model, view, _ = set_of
    served(view)
    kept = side(model).read_bytes()
    os.unlink(side(model))
    assert errno_of(served, view) == errno.ENOENT
    assert os.listdir(view) == ["ERROR.txt"]
    text = (view / "ERROR.txt").read_text()
    assert "m.kv.vectors.npy  missing" in text and "copy the missing file" in text, text
    side(model).write_bytes(kept)
    assert served(view)[1] == [1]


def test_who_is_in_the_folder_sees_the_new_set(set_of):
    """An open folder, or a working directory, follows as well."""
    model, view, newer = set_of
    here = os.open(view / "variables", os.O_RDONLY)
    try:
        name = "variables.data-00000-of-00002"
        fd = os.open(name, os.O_RDONLY, dir_fd=here)
        os.close(fd)
        for file in (model, side(model)):
            shutil.copy(newer.parent / file.name, file)
        fd = os.open(name, os.O_RDONLY, dir_fd=here)
        with open(fd, "rb") as file:
            assert np.frombuffer(file.read()[-16:], np.float32).tolist() == [2] * 4
    finally:
        os.close(here)


# -- two hosts -------------------------------------------------------------------------------


@pytest.mark.parametrize("looked_before", (True, False))
def test_a_load_right_after_a_save_elsewhere(place, rig, looked_before):
    save(vectors("old", 1), place.path / "m.kv")
    late = rig.add_mount(["poll=3600"])  # what it knows sooner than in an hour it has asked for
    view = view_of(late, place, "m.kv")
    if looked_before:
        assert served(view)[1] == [1]
    else:
        assert os.listdir(view.parent) == ["m.kv"]
    save(vectors("new", 2), place.path / "m.kv")
    words, numbers = served(view)
    assert (b"new0" in words, numbers) in ((True, [2]), (False, [1])), "one set or the other, never a mix"
    if not looked_before:
        assert numbers == [2], "nothing of the old one was kept: Drive was asked"
    assert late.log_text().count(" error ") == 0, late.log_text()


# -- the cache ---------------------------------------------------------------------------------


def test_a_conversion_that_the_cache_dropped_is_made_again(rig, place, drive):
    """The usual end of what lies in a cache: whoever opens the model next waits, and gets the same bytes."""
    small = rig.add_mount(["cache_size=64M"])
    vectors("w", 1).save_word2vec_format(str(place.path / "m.txt"), binary=False)
    view = view_of(small, place, "m.txt")
    wait_until(lambda: place.name in os.listdir(small.path), "the folder on the other mount")
    first = served(view)
    folder = drive.new_folder("large-" + place.name, drive.folder)
    files = drive.fill(folder, 3, name="f%d", size=40 << 20)
    large = os.path.join(small.path, "large-" + place.name)
    wait_until(lambda: os.path.isdir(large) and len(os.listdir(large)) == 3, "large files")
    for file in files:
        with open(os.path.join(large, file["name"]), "rb") as source:
            while source.read(1 << 20):
                pass
    with counted(drive) as count:
        assert served(view) == first
    assert count.media(), "else nothing was dropped, and this test shows nothing"


# -- what cannot be served -----------------------------------------------------------------------


@pytest.fixture
def broken(place, rig):
    """A good model and one that is cut short; the folder of both in saved_model/."""
    vectors("good", 1).save(str(place.path / "good.kv"))
    data = (place.path / "good.kv").read_bytes()
    (place.path / "bad.kv").write_bytes(data[:-20])
    return view_of(rig.mounts[0], place, "good.kv").parent


def test_tools_walk_over_a_broken_model(broken, tmp_path):
    for command in (["ls", "-lR", "."], ["du", "-s", "."], ["find", ".", "-type", "f"], ["cp", "-r", ".", tmp_path / "cp"],
                    ["tar", "-cf", tmp_path / "t.tar", "."], ["rsync", "-r", "./", tmp_path / "rsync"]):
        if shutil.which(command[0]):
            done = subprocess.run(command, cwd=broken, capture_output=True, text=True, timeout=HANG, check=False)
            assert done.returncode == 0, (command, done.stderr)
    assert sorted(os.listdir(tmp_path / "cp")) == ["bad.kv", "good.kv"]
    assert os.listdir(tmp_path / "cp" / "bad.kv") == ["ERROR.txt"]


def test_the_error_says_what_where_and_what_to_do(broken, place):
    text = (broken / "bad.kv" / "ERROR.txt").read_text()
    assert place.name + "/bad.kv cannot be shown" in text
    assert "cut short: ends at byte %d" % os.stat(place.path / "bad.kv").st_size in text, text
    assert "What to do: copy the file again" in text
    assert len(text.encode()) == os.stat(broken / "bad.kv" / "ERROR.txt").st_size
    assert not os.access(broken / "bad.kv" / "ERROR.txt", os.W_OK) or os.geteuid() == 0


def test_a_broken_model_is_one_line_in_the_log(broken, mount):
    begin = mount.log_size()
    for _ in range(50):
        for name in ("saved_model.pb", "variables", "variables/variables.index"):
            assert errno_of(os.stat, broken / "bad.kv" / name) == errno.ENOENT
    (broken / "other").exists()
    lines = [line for line in mount.log_text(begin).splitlines() if "bad.kv" in line]
    assert len(lines) == 1, lines


def test_one_refused_file_hides_no_other(place, rig, google, drive, mount):
    bad, good = "bad-%s.kv" % place.name, "good.kv"
    vectors("w", 1).save(str(place.path / "x"))
    data = (place.path / "x").read_bytes()
    os.unlink(place.path / "x")
    drive.switches(abusive="bad-*")
    for name in (bad, good):
        google.create(place.id, name, data)
    wait_until(lambda: sorted(os.listdir(place.path)) == [bad, good], "both files on the mount")
    begin = mount.log_size()
    for _ in range(3):
        assert os.listdir(view_of(mount, place, good).parent) == [good]
    assert place.name in os.listdir(os.path.join(mount.path, "saved_model"))
    lines = [line for line in mount.log_text(begin).splitlines() if bad in line]
    assert len(lines) == 1, lines
    assert rig


def test_what_is_refused_for_now_fails_the_listing(place, google, drive, mount):
    """Not known is not absent."""
    data = b"2 4\na " + bytes(16) + b"b " + bytes(16)
    google.create(place.id, "a.bin", data)
    wait_until((place.path / "a.bin").exists, "it on the mount")
    folder = view_of(mount, place, "a.bin").parent
    drive.fault(path="alt=media", status=403, reason="downloadQuotaExceeded", count=0)
    assert errno_of(os.listdir, folder) == errno.EDQUOT
    assert errno_of(os.stat, folder / "a.bin") == errno.EDQUOT
    drive.clear_faults()
    assert os.listdir(folder) == ["a.bin"]


def test_pictures_and_sound_are_not_downloaded(place, google, drive, mount):
    for number, mime in enumerate(("image/png", "video/mp4", "audio/mpeg", "application/octet-stream")):
        google.create(place.id, "f%d" % number, os.urandom(5000), mime)
    google.create(place.id, "Photo.JPG", os.urandom(5000))
    wait_until(lambda: len(os.listdir(place.path)) == 5, "the files on the mount")
    folder = view_of(mount, place, "x").parent
    with counted(drive) as count:
        for _ in range(3):
            assert os.listdir(folder) == []
    assert len(count.media()) == 1, count.lines()


# -- ^C ----------------------------------------------------------------------------------------


def test_ctrl_c_while_models_are_looked_for(place, google, drive, mount):
    for number in range(40):
        google.create(place.id, "f%02d" % number, os.urandom(5000))
    wait_until(lambda: len(os.listdir(place.path)) == 40, "the files on the mount")
    drive.reset_log()
    drive.fault(path="alt=media", action="stall", count=0)
    with subprocess.Popen(["ls", view_of(mount, place, "x").parent], stderr=subprocess.PIPE) as process:
        wait_until(lambda: [r for r in drive.log() if "alt=media" in r["query"]], "a request that hangs")
        process.send_signal(signal.SIGINT)
        try:
            process.communicate(timeout=HANG)
        finally:
            process.kill()
        assert process.returncode == -signal.SIGINT
    asked = [r for r in drive.log() if "alt=media" in r["query"]]
    assert len(asked) <= 9, "no new request after the ^C"
