# SPDX-License-Identifier: MIT
"""saved_model/: the virtual, read-only folder, seen as files. What TensorFlow says: test_tensorflow."""
import errno
import os
import shutil

import pytest

from harness import models
from harness.paths import wait_until


@pytest.fixture(scope="module")
def word():
    """A trained Word2Vec."""
    return models.word2vec(size=40, epochs=1)


@pytest.fixture
def view(place, mount, word):
    """A saved model, and its folder in saved_model/."""
    word.save(str(place.path / "m.model"), sep_limit=models.SEP_LIMIT)
    return os.path.join(mount.path, "saved_model", place.name, "m.model")


def test_what_is_in_it(view, place, mount, word):
    os.mkdir(place.path / "empty")
    (place.path / "notes.txt").write_text("no model\n")
    word.wv.save_word2vec_format(str(place.path / "v.bin"), binary=True)
    assert "saved_model" in os.listdir(mount.path)
    assert place.name in os.listdir(os.path.join(mount.path, "saved_model"))
    assert sorted(os.listdir(os.path.dirname(view))) == ["m.model", "v.bin"], "models only, not their side-cars"
    assert {"saved_model.pb", "variables"} <= set(os.listdir(view))
    names = os.listdir(os.path.join(view, "variables"))
    assert "variables.index" in names
    assert sum(name.startswith("variables.data-") for name in names) == 2


def test_sizes_are_right_from_the_first_stat(view):
    for folder, _, names in os.walk(view):
        for name in names:
            path = os.path.join(folder, name)
            size = os.stat(path).st_size
            with open(path, "rb") as file:
                assert len(file.read()) == size > 0, path


def test_twice_the_same_bytes(view, tmp_path):
    shutil.copytree(view, tmp_path / "a")
    shutil.copytree(view, tmp_path / "b")
    for folder, _, names in os.walk(tmp_path / "a"):
        for name in names:
            left = os.path.join(folder, name)
            right = left.replace(str(tmp_path / "a"), str(tmp_path / "b"))
            with open(left, "rb") as one, open(right, "rb") as two:
                assert one.read() == two.read(), name


def test_the_matrix_is_not_copied(view, place):
    """One shard is the side-car, byte for byte."""
    wanted = (place.path / "m.model.wv.vectors.npy").read_bytes()
    folder = os.path.join(view, "variables")
    shards = [name for name in os.listdir(folder) if name.startswith("variables.data-")]
    contents = []
    for name in shards:
        with open(os.path.join(folder, name), "rb") as file:
            contents.append(file.read())
    assert wanted in contents


def test_it_is_read_only(view, mount):
    root = os.path.join(mount.path, "saved_model")
    file = os.path.join(view, "saved_model.pb")
    begin = mount.log_size()
    for call in (lambda: open(os.path.join(view, "new"), "wb"), lambda: open(file, "r+b"),
                 lambda: open(file, "wb"), lambda: os.truncate(file, 0), lambda: os.unlink(file),
                 lambda: os.mkdir(os.path.join(root, "d")), lambda: os.rmdir(view), lambda: os.rmdir(root),
                 lambda: os.rename(file, os.path.join(mount.path, "stolen")),
                 lambda: os.rename(view, os.path.join(root, "other")),
                 lambda: os.mkdir(os.path.join(view, "assets"))):
        with pytest.raises(OSError) as caught:
            call()
        assert caught.value.errno == errno.EROFS, caught.value
    text = mount.log_text(begin)
    assert "saved_model" in text and "read-only" in text, "the log says why: %r" % text


def test_it_follows_the_files(view, place, mount, word):
    """Renamed, removed, saved again: the view shows what is there now."""
    folder = os.path.dirname(view)
    assert os.listdir(folder) == ["m.model"]
    word.wv.save_word2vec_format(str(place.path / "v.txt"), binary=False)
    assert "v.txt" in os.listdir(folder)
    os.rename(place.path / "v.txt", place.path / "w.txt")
    assert os.path.exists(os.path.join(folder, "w.txt", "saved_model.pb"))
    assert not os.path.exists(os.path.join(folder, "v.txt"))
    os.unlink(place.path / "w.txt")
    wait_until(lambda: os.listdir(folder) == ["m.model"], "only the model")


def test_new_content_has_new_sizes(view, place):
    index = os.path.join(view, "variables")
    before = sum(os.stat(os.path.join(index, name)).st_size for name in os.listdir(index))
    models.word2vec(size=80, epochs=1).save(str(place.path / "m.model"), sep_limit=models.SEP_LIMIT)
    after = sum(os.stat(os.path.join(index, name)).st_size for name in os.listdir(index))
    assert after > 1.5 * before


def test_a_file_called_saved_model_elsewhere(place):
    """Only the root has the virtual folder."""
    (place.path / "saved_model").mkdir()
    (place.path / "saved_model" / "f").write_bytes(b"x")
    assert os.listdir(place.path / "saved_model") == ["f"]
