#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes the files of this folder: small models as gensim writes them, and beside each, in
NAME.expected, what a reader must find: the line "rows width words", the matrix as C-order <f4,
then every key as a u32 LE length and its bytes.

Usage: make.py [FOLDER]      (needs gensim 4 and numpy; vectors are the same in every run)
"""
import os
import pickle
import platform
import struct
import sys
import types

import numpy as np

platform.platform = lambda *a, **k: 'Linux'  # goes into lifecycle_events
from gensim.models import Doc2Vec, FastText, KeyedVectors, Word2Vec  # noqa: E402
from gensim.models.doc2vec import TaggedDocument  # noqa: E402

SENTENCES = [s.split() for s in (
    'human interface computer', 'survey user computer system response time', 'eps user interface system',
    'graph minors trees', 'naïve café über ß', '日本語 単語 ベクトル', 'emoji 😀 word')]
BASE = dict(vector_size=6, min_count=1, workers=1, seed=1, epochs=2, window=2)


def expect(name, vectors, keys):
    keys = [k for k in keys if k is not None]
    vectors = np.asarray(vectors)
    with open(name + '.expected', 'wb') as f:
        f.write(b'%d %d %d\n' % (*vectors.shape, len(keys)))
        f.write(np.ascontiguousarray(vectors).astype('<f4').tobytes())
        for k in keys:
            k = k if isinstance(k, bytes) else str(k).encode('utf-8', 'surrogatepass')
            f.write(struct.pack('<I', len(k)) + k)


def save(name, model, **how):
    model.save(name, **how)
    kv = getattr(model, 'wv', model)
    expect(name, kv.vectors, kv.index_to_key)


def models():
    cbow = Word2Vec(SENTENCES, sg=0, **BASE)
    for protocol in (2, 3, 4, 5):
        save('word2vec_p%d.model' % protocol, cbow, pickle_protocol=protocol)
    save('word2vec_sidecars.model', cbow, sep_limit=0)
    for f in os.listdir():  # only what the reader asks for
        if f.startswith('word2vec_sidecars.model.') and not f.endswith(('.wv.vectors.npy', '.expected')):
            os.remove(f)
    hs = Word2Vec(SENTENCES, sg=1, hs=1, negative=0, **BASE)
    save('word2vec_hs_p2.model', hs, pickle_protocol=2)
    save('word2vec_hs_p4.model', hs)
    docs = [TaggedDocument(s, ['tag_%d' % i, i]) for i, s in enumerate(SENTENCES)]
    save('doc2vec_p4.model', Doc2Vec(docs, **BASE))
    save('keyedvectors_sidecar.kv', cbow.wv, separately=['vectors'])
    FastText(SENTENCES, bucket=20, **BASE).save('fasttext4.model')
    cbow.wv.save_word2vec_format('word2vec.bin', binary=True)
    cbow.wv.save_word2vec_format('word2vec.txt')
    for name in ('word2vec.bin', 'word2vec.txt'):
        kv = KeyedVectors.load_word2vec_format(name, binary=name.endswith('bin'))
        expect(name, kv.vectors, kv.index_to_key)


def keyed_vectors():
    def make(dtype, keys=None):
        kv = KeyedVectors(5)
        kv.add_vectors(keys or ['w%d' % i for i in range(9)], np.arange(45, dtype='f4').reshape(9, 5) / 8 - 2)
        kv.vectors = kv.vectors.astype(dtype)
        return kv
    for dtype in ('<f2', '<f8', '>f4'):
        save('keyedvectors_%s.kv' % dtype.replace('<', 'le_').replace('>', 'be_'), make(dtype))
    fortran = make('<f4')
    fortran.vectors = np.asfortranarray(fortran.vectors)
    for protocol in (2, 4, 5):
        save('keyedvectors_fortran_p%d.kv' % protocol, fortran, pickle_protocol=protocol)
    save('keyedvectors_keys.kv', make('<f4', ['', ' ', 'two words', 'new\nline', 10, -7, 'a' * 300, 'nul\0byte', '\ud800']))
    other = make('<f4', [np.str_('n\u00e9 \u65e5\U0001f600'), np.int64(-5), np.uint16(7), b'by\xff', True, 1.5, 1e22, -2.5e-7,
                         np.str_('plain')])
    for protocol in (2, 4):
        save('keyedvectors_other_keys_p%d.kv' % protocol, other, pickle_protocol=protocol)
    derived = types.new_class('Derived', (KeyedVectors,))
    derived.__module__ = '__main__'
    sys.modules['__main__'].Derived = derived
    mine = make('<f4')
    mine.__class__ = derived
    for protocol in (2, 4):
        save('keyedvectors_derived_p%d.kv' % protocol, mine, pickle_protocol=protocol)
    holes = KeyedVectors(4, count=6)
    holes.add_vector('only', np.ones(4, 'f4'))
    save('keyedvectors_holes.kv', holes)


class Plain:
    """A stand-in for a class that gensim no longer has."""
    def __init__(self, **attributes):
        self.__dict__.update(attributes)


def old_class(module, name):
    c = type(name, (Plain,), {'__module__': module})
    for depth in range(1, module.count('.') + 2):
        part = '.'.join(module.split('.')[:depth])
        sys.modules.setdefault(part, types.ModuleType(part))
    setattr(sys.modules[module], name, c)
    return c


def old_versions():
    """The layouts of gensim 0.12 and 3.8; the classes are stand-ins with the same names."""
    words = list(dict.fromkeys(w for s in SENTENCES for w in s))[:12]
    matrix = np.arange(12 * 4, dtype='f4').reshape(12, 4) / 7
    vocab_class = old_class('gensim.models.word2vec', 'Vocab')
    word2vec = old_class('gensim.models.word2vec', 'Word2Vec')
    vocab = {w: vocab_class(count=9, index=i, code=np.zeros(3, 'u1'), point=np.zeros(3, 'u4'))
             for i, w in reversed(list(enumerate(words)))}
    old = word2vec(vocab=vocab, index2word=words, syn0=matrix, syn1neg=matrix * 2, vector_size=4)
    pickle.dump(old, open('old_012_p2.model', 'wb'), 2)
    expect('old_012_p2.model', matrix, words)
    vocab_class = old_class('gensim.models.keyedvectors', 'Vocab')
    kv = old_class('gensim.models.keyedvectors', 'Word2VecKeyedVectors')
    wv = kv(vectors=matrix, vocab={w: vocab_class(count=9, index=i) for i, w in enumerate(words)}, vector_size=4,
            index2word=words, vectors_norm=None)
    trainables = old_class('gensim.models.word2vec', 'Word2VecTrainables')(syn1neg=matrix, hashfxn=hash)
    pickle.dump(word2vec(wv=wv, trainables=trainables, cum_table=np.arange(12)), open('old_38_p2.model', 'wb'), 2)
    expect('old_38_p2.model', matrix, words)


def main():
    os.chdir(sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.abspath(__file__)))
    models()
    keyed_vectors()
    old_versions()


if __name__ == '__main__':
    main()
