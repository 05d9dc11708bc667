/* SPDX-License-Identifier: MIT */
/* The cache's housekeeping thread: commits (>= 16 MiB of new blocks, or 1 s after the first), evicts
 * what is over the limit, removes files in rev/ that the index does not know after a run that
 * ended badly, and checks for dead LMDB readers every minute. */
#ifndef DFM_CACHE_HOUSEKEEPING_H
#define DFM_CACHE_HOUSEKEEPING_H
#include "cache/store.h"

MUST_CHECK int housekeeping_start(struct cache *c);
void housekeeping_join(struct cache *c);	/* `closing` is set; not started is fine */
#endif
