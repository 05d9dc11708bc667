# SPDX-License-Identifier: MIT
"""Real TensorFlow loads every kind of word2vec model from the mount and answers as gensim does."""
import os
import shutil

import numpy as np
import pytest

from harness import models, tensor
from harness.paths import wait_until

MOUNTS = 2
ODD = ["the", "naïve", "king queen", "king\nqueen", "\u6797\u68ee", "emoji \U0001f600", "", " ", "<UNK>", "tab\t", "x" * 2000,
       "\\", "'\"", "null\0inside"]


@pytest.fixture(scope="module")
def word():
    """A trained Word2Vec."""
    return models.word2vec(size=40, epochs=1)


@pytest.fixture
def pair(place):
    """The test's folder on the first mount, and the view of it on the second."""
    wait_until(place.paths[1].exists, "the folder on the second mount")
    return str(place.path), os.path.join(os.path.dirname(place.paths[1]), "saved_model", place.name)


def loaded(view, name):
    """tf.saved_model.load, once the second mount shows it."""
    path = os.path.join(view, name)
    wait_until(lambda: os.path.exists(os.path.join(path, "saved_model.pb")), path)
    return tensor.load(path)


@pytest.mark.parametrize("limit", [models.SEP_LIMIT, 10**9], ids=["side-cars", "one-file"])
@pytest.mark.parametrize("kind", ["model", "vectors"])
def test_gensim_models(pair, word, kind, limit):
    (word if kind == "model" else word.wv).save(os.path.join(pair[0], "m.model"), sep_limit=limit)
    tensor.check(loaded(pair[1], "m.model"), word.wv)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_pickle_protocols(pair, word, protocol):
    word.save(os.path.join(pair[0], "m.model"), pickle_protocol=protocol)
    tensor.check(loaded(pair[1], "m.model"), word.wv)


@pytest.mark.parametrize("limit", [models.SEP_LIMIT, 10**9], ids=["side-cars", "one-file"])
def test_doc2vec_has_words_too(pair, limit):
    model = models.doc2vec(size=30, epochs=1)
    model.save(os.path.join(pair[0], "d.model"), sep_limit=limit)
    tensor.check(loaded(pair[1], "d.model"), model.wv)


@pytest.mark.parametrize("binary", [True, False], ids=["bin", "txt"])
def test_word2vec_format(pair, word, binary):
    word.wv.save_word2vec_format(os.path.join(pair[0], "v"), binary=binary)
    tensor.check(loaded(pair[1], "v"), word.wv)


@pytest.mark.parametrize("limit", [1, 10**9], ids=["side-cars", "one-file"])
def test_odd_words(pair, limit):
    rows = np.random.default_rng(3).standard_normal((len(ODD), 5)).astype(np.float32)
    rows[2] = [np.nan, np.inf, -np.inf, -0.0, 1e-45]
    vectors = models.keyed_vectors(ODD, rows)
    vectors.save(os.path.join(pair[0], "odd.kv"), sep_limit=limit)
    answer = loaded(pair[1], "odd.kv")
    tensor.check(answer, vectors, ODD)
    assert list(answer.words().numpy()) == [word.encode() for word in ODD]


@pytest.mark.parametrize("dtype", ["<f8", "<f2", ">f4"])
def test_other_number_formats(pair, dtype):
    """Served as float32, converted once."""
    rows = np.random.default_rng(4).standard_normal((50, 7)).astype(dtype)
    vectors = models.keyed_vectors(["w%d" % i for i in range(50)], rows)
    vectors.save(os.path.join(pair[0], "v.kv"), sep_limit=1)
    tensor.check(loaded(pair[1], "v.kv"), vectors)


def test_fortran_order(pair):
    rows = np.asfortranarray(np.random.default_rng(5).standard_normal((30, 6)).astype(np.float32))
    vectors = models.keyed_vectors(["w%d" % i for i in range(30)], rows)
    vectors.save(os.path.join(pair[0], "v.kv"))
    tensor.check(loaded(pair[1], "v.kv"), vectors)


def test_copy_loads_after_the_unmount(rig, pair, place, word, tmp_path):
    """cp -r of a folder in saved_model/ is a complete SavedModel."""
    word.save(os.path.join(pair[0], "m.model"), sep_limit=models.SEP_LIMIT)
    other = rig.add_mount()
    shutil.copytree(os.path.join(other.path, "saved_model", place.name, "m.model"), tmp_path / "copy")
    other.unmount()
    assert not os.listdir(other.path)
    tensor.check(tensor.load(tmp_path / "copy"), word.wv)


def test_twice_in_one_process(pair, word):
    word.wv.save_word2vec_format(os.path.join(pair[0], "v.bin"), binary=True)
    one, two = loaded(pair[1], "v.bin"), loaded(pair[1], "v.bin")
    tensor.check(one, word.wv)
    tensor.check(two, word.wv)


def test_after_the_model_was_saved_again(pair, word):
    """The view follows; what was loaded before stays what it was."""
    path = os.path.join(pair[0], "m.model")
    word.save(path, sep_limit=models.SEP_LIMIT)
    old = tensor.load(_here(pair, "m.model"))
    retrained = models.word2vec(size=24, epochs=1)
    retrained.save(path, sep_limit=models.SEP_LIMIT)
    tensor.check(tensor.load(_here(pair, "m.model")), retrained.wv)
    tensor.check(old, word.wv)


def _here(pair, name):
    """The view of the test's folder on the first mount."""
    folder = pair[0]
    return os.path.join(os.path.dirname(folder), "saved_model", os.path.basename(folder), name)


def test_saving_it_again_inside_another_module(pair, word, tmp_path):
    """TensorFlow's own re-save takes it for one of its own."""
    word.save(os.path.join(pair[0], "m.model"))
    module = tensor.tf.Module()
    module.inner = loaded(pair[1], "m.model")
    spec = [tensor.tf.TensorSpec([None], tensor.tf.string)]
    module.find = tensor.tf.function(lambda words: module.inner.lookup(words), input_signature=spec)
    tensor.tf.saved_model.save(module, str(tmp_path / "again"))
    asked = word.wv.index_to_key[:4] + [tensor.UNKNOWN]
    again = tensor.load(tmp_path / "again")  # held: its variables go with it
    answer = again.find(tensor.tf.constant(asked)).numpy()
    assert models.same_bits(answer, tensor.expected(word.wv, asked))


def test_names_that_are_patterns_to_tensorflow(pair, word):
    """They are shown as in a URL; every name that a listing shows can be loaded, of folders as well."""
    names = ["m[1].bin", "m*.bin", "m?.bin", "a\\b.bin", "per%20cent.bin", "m%5B1%5D.bin", "new\nline.bin", "gs:.bin"]
    folder = os.path.join(pair[0], "run [2]")
    os.mkdir(folder)
    word.wv.save_word2vec_format(os.path.join(folder, "plain.bin"), binary=True)
    for name in names:
        shutil.copy(os.path.join(folder, "plain.bin"), os.path.join(folder, name))
    view = os.path.join(pair[1], "run %5B2%5D")
    wait_until(lambda: os.path.isdir(view) and len(os.listdir(view)) == len(names) + 1, "all of them on the second mount")
    for name in os.listdir(view):
        assert not set(name) & set("[]*?\\"), name
        tensor.check(loaded(view, name), word.wv)
    assert os.path.isdir(os.path.join(pair[1], "run [2]", "m[1].bin")), "as it is called in Drive it is found too"
