# SPDX-License-Identifier: MIT
"""Small real gensim models from the Lee corpus, which gensim ships, and what makes two equal."""
import gensim.utils
import numpy as np
from gensim.models import Doc2Vec, KeyedVectors, Word2Vec
from gensim.models.doc2vec import TaggedDocument
from gensim.test.utils import datapath

SEED = 7
SEP_LIMIT = 1000  # elements; gensim's own limit is 10 million, which a small model never reaches


def documents():
    """300 news texts as lists of words."""
    with open(datapath("lee_background.cor"), encoding="latin-1") as lines:
        return [gensim.utils.simple_preprocess(line) for line in lines]


def quiet(model):
    """Forget the history that gensim keeps in a model: it holds the path and the time of each save,
    so that no two saves of one model would have the same bytes."""
    for part in (model, getattr(model, "wv", None), getattr(model, "dv", None)):
        if part is not None:
            part.lifecycle_events = None
    return model


def word2vec(size=100, epochs=5):
    """A trained Word2Vec. One worker and a seed: the same in each run."""
    return quiet(Word2Vec(documents(), vector_size=size, min_count=2, workers=1, seed=SEED, epochs=epochs))


def doc2vec(size=60, epochs=10):
    """A trained Doc2Vec with string tags doc0, doc1 ..."""
    tagged = [TaggedDocument(words, ["doc%d" % i]) for i, words in enumerate(documents())]
    return quiet(Doc2Vec(tagged, vector_size=size, min_count=2, workers=1, seed=SEED, epochs=epochs))


def keyed_vectors(words, rows):
    """KeyedVectors with these words and rows."""
    vectors = KeyedVectors(rows.shape[1], count=len(words), dtype=rows.dtype)
    vectors.key_to_index = {word: i for i, word in enumerate(words)}
    vectors.index_to_key = list(words)
    vectors.vectors = rows
    return quiet(vectors)


def big_word2vec(words, size):
    """An untrained Word2Vec of any size, in seconds: both matrices random, the vocabulary made up."""
    random = np.random.default_rng(SEED)
    model = Word2Vec(vector_size=size, min_count=1, workers=1, seed=SEED)
    names = ["w%d" % i for i in range(words)]
    model.wv = keyed_vectors(names, random.standard_normal((words, size), dtype=np.float32))
    model.wv.expandos = {"count": np.arange(words, 0, -1, dtype=np.int64)}
    model.syn1neg = random.standard_normal((words, size), dtype=np.float32)
    model.corpus_count, model.corpus_total_words = words, words
    return quiet(model)


def same_bits(left, right):
    """Equal as bytes: NaN equals itself, 0.0 differs from -0.0."""
    return (left.dtype == right.dtype and left.shape == right.shape
            and np.asarray(left).tobytes() == np.asarray(right).tobytes())


def assert_same_vectors(left, right):
    """Two KeyedVectors hold the same keys and the same rows."""
    assert list(left.index_to_key) == list(right.index_to_key), "other keys"
    assert left.key_to_index == right.key_to_index, "keys lie elsewhere"
    assert same_bits(left.vectors, right.vectors), "other vectors"


def assert_same_model(left, right):
    """Two Word2Vec or Doc2Vec models are equal, the output layer too."""
    assert type(left) is type(right), "another class"
    assert_same_vectors(left.wv, right.wv)
    assert same_bits(left.syn1neg, right.syn1neg), "another output layer"
    if hasattr(left, "dv"):
        assert_same_vectors(left.dv, right.dv)
