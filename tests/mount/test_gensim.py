# SPDX-License-Identifier: MIT
"""gensim's own save and load through two mounts: what one host saves, the other loads, bit for bit."""
import filecmp
import os

import numpy as np
import pytest
from gensim.models import Doc2Vec, FastText, KeyedVectors, Word2Vec

from harness import models
from harness.paths import wait_until

MOUNTS = 2


@pytest.fixture(scope="module")
def word():
    """A trained Word2Vec."""
    return models.word2vec(size=40, epochs=2)


@pytest.fixture(scope="module")
def doc():
    """A trained Doc2Vec."""
    return models.doc2vec(size=30, epochs=3)


@pytest.fixture
def pair(place):
    """The test's folder on both mounts, as text: gensim takes no Path."""
    wait_until(place.paths[1].exists, "the folder on the second mount")
    return str(place.paths[0]), str(place.paths[1])


def arrived(folder, names):
    """Wait until the second mount shows these names."""
    wait_until(lambda: sorted(os.listdir(folder)) == sorted(names), "%s on the second mount" % names)


def saved(model, folder, local, **options):
    """Save to the mount and to local disk; the files must be equal. Returns their names."""
    model.save(os.path.join(folder, "m.model"), **options)
    model.save(str(local / "m.model"), **options)
    names = sorted(os.listdir(local))
    assert sorted(os.listdir(folder)) == names
    for name in names:
        assert filecmp.cmp(os.path.join(folder, name), local / name, shallow=False), name
    return names


@pytest.mark.parametrize("limit", [models.SEP_LIMIT, 10**9], ids=["side-cars", "one-file"])
def test_word2vec(pair, place, google, tmp_path, word, limit):
    names = saved(word, pair[0], tmp_path, sep_limit=limit)
    assert len(names) == (3 if limit == models.SEP_LIMIT else 1)
    files = google.by_name(place.id)
    for name in names:
        assert google.download(files[name]["id"]) == (tmp_path / name).read_bytes()
        assert len(google.revisions(files[name]["id"])) == 1, name
    arrived(pair[1], names)
    models.assert_same_model(Word2Vec.load(os.path.join(pair[1], "m.model")), word)


@pytest.mark.parametrize("limit", [models.SEP_LIMIT, 10**9], ids=["side-cars", "one-file"])
def test_doc2vec(pair, tmp_path, doc, limit):
    names = saved(doc, pair[0], tmp_path, sep_limit=limit)
    arrived(pair[1], names)
    other = Doc2Vec.load(os.path.join(pair[1], "m.model"))
    models.assert_same_model(other, doc)
    words = models.documents()[5][:30]
    other.random.seed(3)
    doc.random.seed(3)
    assert models.same_bits(other.infer_vector(words), doc.infer_vector(words))


def test_keyed_vectors(pair, tmp_path, word):
    names = saved(word.wv, pair[0], tmp_path, sep_limit=models.SEP_LIMIT)
    arrived(pair[1], names)
    models.assert_same_vectors(KeyedVectors.load(os.path.join(pair[1], "m.model")), word.wv)


def test_fast_text(pair, tmp_path):
    model = models.quiet(FastText(models.documents()[:60], vector_size=20, min_count=2, workers=1, epochs=1,
                                  bucket=2000, seed=models.SEED))
    names = saved(model, pair[0], tmp_path, sep_limit=models.SEP_LIMIT)
    arrived(pair[1], names)
    other = FastText.load(os.path.join(pair[1], "m.model"))
    assert models.same_bits(other.wv.vectors_ngrams, model.wv.vectors_ngrams)
    assert models.same_bits(other.wv["unheardof"], model.wv["unheardof"])


def test_mapped(pair, tmp_path, word):
    names = saved(word, pair[0], tmp_path, sep_limit=models.SEP_LIMIT)
    arrived(pair[1], names)
    for folder in pair:
        other = Word2Vec.load(os.path.join(folder, "m.model"), mmap="r")
        assert isinstance(other.wv.vectors, np.memmap) and not other.wv.vectors.flags.writeable
        models.assert_same_model(other, word)
        assert other.wv.most_similar("the", topn=3) == word.wv.most_similar("the", topn=3)


def test_saving_over_a_mapped_model(pair, word):
    """On a local disk this breaks the mapping, and often the new file too."""
    path = os.path.join(pair[0], "m.model")
    word.save(path, sep_limit=models.SEP_LIMIT)
    mapped = Word2Vec.load(path, mmap="r")
    retrained = models.word2vec(size=40, epochs=1)
    retrained.save(path, sep_limit=models.SEP_LIMIT)
    assert models.same_bits(np.asarray(mapped.wv.vectors), word.wv.vectors), "the old mapping stays whole"
    models.assert_same_model(Word2Vec.load(path), retrained)


def test_saving_again_replaces(pair, place, google, word):
    path = os.path.join(pair[0], "m.model")
    word.save(path, sep_limit=models.SEP_LIMIT)
    before = {name: file["id"] for name, file in google.by_name(place.id).items()}
    wait_until(lambda: sorted(os.listdir(pair[1])) == sorted(before), "the model on the second mount")
    Word2Vec.load(os.path.join(pair[1], "m.model"))
    retrained = models.word2vec(size=40, epochs=1)
    retrained.save(path, sep_limit=models.SEP_LIMIT)
    files = google.by_name(place.id)
    assert {name: file["id"] for name, file in files.items()} == before, "the ids stay"

    def fresh():
        names = ["m.model.wv.vectors.npy", "m.model.syn1neg.npy", "m.model"]
        return [os.getxattr(os.path.join(pair[1], name), "user.drive.revision").decode() for name in names] == \
            [files[name]["headRevisionId"] for name in names]
    wait_until(fresh, "the new revisions on the second mount")
    models.assert_same_model(Word2Vec.load(os.path.join(pair[1], "m.model")), retrained)


@pytest.mark.parametrize("binary", [True, False], ids=["bin", "txt"])
def test_word2vec_format(pair, word, binary):
    word.wv.save_word2vec_format(os.path.join(pair[0], "v"), binary=binary)
    arrived(pair[1], ["v"])
    other = KeyedVectors.load_word2vec_format(os.path.join(pair[1], "v"), binary=binary)
    assert other.index_to_key == word.wv.index_to_key
    assert models.same_bits(other.vectors, word.wv.vectors)


@pytest.mark.parametrize("suffix", [".gz", ".bz2"])
def test_compressed(pair, word, suffix):
    """Side-cars are .npz then: zip archives, written with seeks back."""
    path = os.path.join(pair[0], "m.model" + suffix)
    word.save(path, sep_limit=models.SEP_LIMIT)
    names = os.listdir(pair[0])
    wanted = ["m.model" + suffix + end for end in ("", ".wv.vectors.npz", ".syn1neg.npz")]
    assert set(wanted) <= set(names), names
    arrived(pair[1], names)
    models.assert_same_model(Word2Vec.load(os.path.join(pair[1], "m.model" + suffix)), word)


def test_map_for_writing(place):
    """np.memmap in mode r+ on a file of the mount."""
    np.save(place.path / "a.npy", np.zeros((500, 100), np.float32))
    array = np.load(place.path / "a.npy", mmap_mode="r+")
    array[17] = 3.5
    array.flush()
    del array
    assert np.load(place.path / "a.npy")[17].tolist() == [3.5] * 100
