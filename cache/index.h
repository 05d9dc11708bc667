/* SPDX-License-Identifier: MIT */
/* What is kept of which revision, on disk (blocks/). Keys of the one table, NAME being the name of
 * the revision's file in rev/ (no NUL in it, at most INDEX_NAME_MAX bytes):
 *
 *   'R' NAME               revision record (ondisk.h)
 *   'B' NAME 0 BE32        block record number BE32 / CHUNK_BLOCKS
 *   'L' BE64(used) NAME    nothing; sorted by last use, one for each 'R'
 *   'M'                    bytes kept in all, LE64
 *
 * Version 1. Any thread; no lock of a rank >= RANK_STORE held; index_commit() not under any lock. */
#ifndef DFM_CACHE_INDEX_H
#define DFM_CACHE_INDEX_H
#include "cache/ondisk.h"
#include "cache/env.h"

enum { INDEX_VERSION = 1, INDEX_NAME_MAX = 200, INDEX_MAP_BYTES = 64 << 20 };

struct index {
	struct env *env;
	MDB_dbi dbi;
};

/* Errors are env_open()'s. */
MUST_CHECK int index_open(struct index *x, const char *dir);
void index_close(struct index *x);

/* A change of one revision. */
struct index_chunk {
	uint32_t no;
	struct chunk_image image;
};
struct index_change {
	char name[INDEX_NAME_MAX + 1];
	struct rev_meta meta;
	bool gone;	/* remove it whole */
	bool anew;	/* remove its old block records first */
	struct index_chunk *chunks;
	size_t count;
};
/* All of them in one durable transaction; *ret_bytes: what is kept in all. */
MUST_CHECK int index_commit(struct index *x, const struct index_change *changes, size_t count, uint64_t *ret_bytes);

/* -ENOENT when nothing is known (or its record is damaged). Each readable block record is given
 * to `each` (may be NULL), inside the transaction: it only copies. */
MUST_CHECK int index_load(struct index *x, const char *name, struct rev_meta *ret,
			  void (*each)(void *ctx, uint32_t no, const struct chunk_image *image), void *ctx);
MUST_CHECK int index_bytes(struct index *x, uint64_t *ret);
/* The revision that was used longest ago of those for which skip() says false; -ENOENT: none.
 * skip() runs inside the transaction. *ret_sound false: its record is damaged, or is of another time
 * than its 'L' key; index_mend() it. */
MUST_CHECK int index_oldest(struct index *x, bool (*skip)(void *ctx, const char *name), void *ctx,
			    char ret_name[INDEX_NAME_MAX + 1], uint64_t *ret_used, bool *ret_sound);
/* Remove that 'L' key, the records of a revision whose own is damaged, and count anew what is kept:
 * *ret_lost is by how much that was too high. */
MUST_CHECK int index_mend(struct index *x, const char *name, uint64_t used, uint64_t *ret_lost);
/* The latest time of use in the index, 0 if it is empty. */
MUST_CHECK int index_newest(struct index *x, uint64_t *ret);
#endif
