/* SPDX-License-Identifier: MIT */
/* Reading past the cache while its disk does not serve. A sequential reader of small pieces gets
 * a window of the origin in memory, or each of its 128 KiB would be a request of its own; there
 * are BYPASS_WINDOWS of them per cache at most, the others read exactly what they were asked for. */
#ifndef DFM_CACHE_BYPASS_H
#define DFM_CACHE_BYPASS_H
#include "cache/store.h"

enum { BYPASS_BYTES = 4 << 20, BYPASS_WINDOWS = 4 };

struct bypass {
	uint64_t off, n;
	char data[];
};

/* n bytes at off of the origin. *window belongs to the source and is guarded by the lock of the
 * cache; without a lock held. */
MUST_CHECK int bypass_read(struct cache *c, struct bypass **window, struct source *origin, bool sequential, void *buf,
			   size_t n, uint64_t off);
/* NULL is fine. */
void bypass_free(struct cache *c, struct bypass *window) REQUIRES(store_lock);
#endif
