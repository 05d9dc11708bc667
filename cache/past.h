/* SPDX-License-Identifier: MIT */
/* Reading past the cache while its disk does not serve. A sequential reader of small pieces gets
 * a window of the origin in memory, or each of its 128 KiB would be a request of its own; there
 * are PAST_WINDOWS of them per cache at most, the others read exactly what they were asked for. */
#ifndef DFM_CACHE_PAST_H
#define DFM_CACHE_PAST_H
#include "cache/store.h"

enum { PAST_BYTES = 4 << 20, PAST_WINDOWS = 4 };

struct past {
	uint64_t off, n;
	char data[];
};

/* n bytes at off of the origin. *window belongs to the source and is guarded by the lock of the
 * cache; without a lock held. */
MUST_CHECK int past_read(struct cache *c, struct past **window, struct source *origin, bool sequential, void *buf, size_t n,
			 uint64_t off);
/* NULL is fine. */
void past_free(struct cache *c, struct past *window) REQUIRES(store_lock);
#endif
