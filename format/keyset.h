/* SPDX-License-Identifier: MIT */
/* Which words were there already? The words themselves stay where they are (in the model's
 * file); the set keeps 8 bytes for each, in tables filled to at least a half: at most 16 bytes
 * per word. A hash with a secret key finds candidates, the caller compares them. Internal to
 * format/. One thread. */
#ifndef DFM_FORMAT_KEYSET_H
#define DFM_FORMAT_KEYSET_H
#include "format/base.h"

#define KEYSET_REF_MAX ((UINT64_C(1) << 40) - 2)

struct keyset;
/* *ret: are the n bytes at `key` the word that was added as `ref`? 0 or -errno. */
typedef int keyset_same(void *ctx, uint64_t ref, const void *key, size_t n, bool *ret);

MUST_CHECK int keyset_new(keyset_same *same, void *ctx, struct keyset **ret);
struct keyset *keyset_free(struct keyset *s); /* NULL is fine; returns NULL */
static inline void keyset_freep(struct keyset **s) { keyset_free(*s); }
#define CLEANUP_KEYSET CLEANUP(keyset_freep)
/* Add a word under `ref` (<= KEYSET_REF_MAX, else -EMEDIUMTYPE) unless it is there; *ret_new
 * says which. */
MUST_CHECK int keyset_add(struct keyset *s, const void *key, size_t n, uint64_t ref, bool *ret_new);
#endif
