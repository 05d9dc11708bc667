/* SPDX-License-Identifier: MIT */
/* Keeping within bytes_max: the blocks that were used longest ago go first, in whole runs; those
 * that somebody is reading stay. In order: the bits are cleared, the index is committed, the
 * space is given back (hole or unlink). A disk where the commit fails still gets its space back:
 * what the index believes too much is found by the CRCs.
 *
 * Any thread, without locks. */
#ifndef DFM_CACHE_EVICT_H
#define DFM_CACHE_EVICT_H
#include "cache/rev.h"

/* Reserve n bytes (added to c->reserved; the caller takes them off as they become blocks), and
 * evict when that is over the limit. Waits for others' fetches where many are under way. Never
 * fails: what cannot be evicted is in use, and may go over the limit. */
void evict_make_room(struct cache *c, uint64_t n);
/* Evict about n bytes; how many went. */
uint64_t evict_bytes(struct cache *c, uint64_t n);
/* The disk has no room for a draft: evict some, and read past the cache for a while. False: there was
 * nothing to evict. */
bool evict_for_draft(struct cache *c);
/* How much is to go by now, for the keeper: over the limit, or wanted by a full disk. */
uint64_t evict_due(const struct cache *c) REQUIRES(store_lock);
#endif
