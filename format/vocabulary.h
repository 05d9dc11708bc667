/* SPDX-License-Identifier: MIT */
/* Writes shard 1 (the part SAVEDMODEL_STRINGS) while the words come in: the object graph, then
 * the vocabulary, each a string tensor of TensorFlow's tensor bundle. The lengths of all words
 * stand before the first word there, so the words go through SAVEDMODEL_SCRATCH meanwhile; only
 * their lengths stay in memory (1 byte for a word under 128 bytes). One thread. */
#ifndef DFM_FORMAT_VOCABULARY_H
#define DFM_FORMAT_VOCABULARY_H
#include "format/record.h"

struct vocabulary;

/* `in` is borrowed until vocabulary_free(); only its write and read are called. */
MUST_CHECK int vocabulary_begin(const struct savedmodel_input *in, struct vocabulary **ret);
/* The next word: any n bytes, none included. Words must be unique; the caller sees to that. */
MUST_CHECK int vocabulary_add(struct vocabulary *s, const void *word, size_t n);
/* Write the part and fill in words, strings_size and vocabulary_* of `r`; nothing may be added
 * afterwards. -EMEDIUMTYPE: no word at all (TensorFlow cannot fill a table with nothing). */
MUST_CHECK int vocabulary_finish(struct vocabulary *s, struct savedmodel_record *r);
struct vocabulary *vocabulary_free(struct vocabulary *s); /* NULL is fine; returns NULL */
static inline void vocabulary_freep(struct vocabulary **s) { vocabulary_free(*s); }
#define CLEANUP_VOCABULARY CLEANUP(vocabulary_freep)
#endif
