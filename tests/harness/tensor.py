# SPDX-License-Identifier: MIT
"""Ask real TensorFlow what a SavedModel folder answers, and compare it with gensim, bit for bit."""
import os

# Before TensorFlow is imported: no GPU is looked for, and its log stays quiet.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

from harness.models import same_bits  # noqa: E402

UNKNOWN = "no such word, surely"


def load(folder):
    """tf.saved_model.load()."""
    return tf.saved_model.load(str(folder))


def expected(vectors, words):
    """What lookup() must answer: gensim's row, zeros for a word it does not know."""
    rows = np.zeros((len(words), vectors.vector_size), np.float32)
    for i, word in enumerate(words):
        if word in vectors.key_to_index:
            rows[i] = vectors.vectors[vectors.key_to_index[word]]
    return rows


def check(loaded, vectors, words=None):
    """Every way to ask: attributes and signatures; the whole matrix, known words, unknown ones."""
    matrix = np.asarray(vectors.vectors, np.float32)
    assert same_bits(loaded.word_embeddings().numpy(), matrix), "word_embeddings() differs"
    answer = loaded.signatures["word_embeddings"]()["output_0"].numpy()
    assert same_bits(answer, matrix), 'signatures["word_embeddings"] differs'
    keys = [key for key in vectors.index_to_key if isinstance(key, str)]
    words = list(words if words is not None else keys[:3] + keys[-2:])
    for asked in (words, words + [UNKNOWN], [UNKNOWN], []):
        tensor, rows = tf.constant(asked, tf.string, shape=[len(asked)]), expected(vectors, asked)
        for name in ("lookup", "lookup_oov"):
            assert same_bits(getattr(loaded, name)(tensor).numpy(), rows), "%s(%r) differs" % (name, asked)
            answer = loaded.signatures[name](words=tensor)["output_0"].numpy()
            assert same_bits(answer, rows), "signatures[%r](%r) differs" % (name, asked)
