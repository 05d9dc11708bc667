/* SPDX-License-Identifier: MIT */
/* gensim's own files: a pickle of the model, large arrays beside it in .npy files ("side-cars").
 * Which attributes hold what in which version: gensim 0.12 to 4.4 (gensim/models/word2vec.py,
 * keyedvectors.py, doc2vec.py; gensim/utils.py, SaveLoad). Internal to format/. Any thread. */
#ifndef DFM_FORMAT_GENSIM_H
#define DFM_FORMAT_GENSIM_H
#include "format/record.h"

/* GENSIM for a file that begins so if it is a pickle of a class that holds word vectors, else NONE. */
enum savedmodel_kind gensim_sniff(const void *head, size_t n, uint64_t size);
/* kinds_scan() of such a file; fills all of `ret` but checked and matrix_crc, which are
 * cleared. */
MUST_CHECK int gensim_scan(const struct savedmodel_input *in, struct savedmodel_record *ret);
#endif
