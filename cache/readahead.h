/* SPDX-License-Identifier: MIT */
/* Which reads of a file belong together: a handful of streams, each known by the offset where it
 * is expected to go on. The kernel sends the reads of one sequential reader a little out of order
 * and TensorFlow has up to eight readers in one file, so a read belongs to the nearest stream
 * within a window around that offset: wide once the stream has been seen to go on, else as narrow
 * as its reads are. Pure; guarded by its user. */
#ifndef DFM_CACHE_READAHEAD_H
#define DFM_CACHE_READAHEAD_H
#include "format/base.h"

enum {
	READAHEAD_SLOTS = 8,
	READAHEAD_NEAR = 4 << 20,		/* how far out of order a sure stream may be */
	READAHEAD_FETCH_FIRST = 8 << 20,
	READAHEAD_FETCH_MAX = 32 << 20,
};

struct readahead {
	uint64_t next;		/* where it goes on */
	uint32_t fetch;		/* bytes of its latest fetch; 0: none yet */
	uint32_t reads;
	uint32_t tick;		/* of its latest read; 0: slot unused */
	bool sure;		/* went on at least once, or began at 0 */
};
struct readahead_set {
	struct readahead s[READAHEAD_SLOTS];
	uint32_t tick;
};

/* The stream of a read of n bytes at off, a new one if it is near none. */
struct readahead *readahead_of(struct readahead_set *set, uint64_t off, uint64_t n);
/* The size of its next fetch, twice the latest within the limits; remembered. */
uint32_t readahead_grow(struct readahead *s, uint32_t max);
#endif
