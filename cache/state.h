/* SPDX-License-Identifier: MIT */
/* The state tables of cache.h (state/): one LMDB table per name, each value an 'S' record
 * (ondisk.h) whose CRC covers table name, 0, key and data. Any thread, no lock held. */
#ifndef DFM_CACHE_STATE_H
#define DFM_CACHE_STATE_H
#include "cache/cache.h"

enum { STATE_KEY_MAX = 511, STATE_VALUE_MAX = 256 << 20 };

/* The greatest key of a table; -ENOENT: it is empty. */
MUST_CHECK int state_last(struct cache *c, const char *table, char ret[STATE_KEY_MAX + 1]);
#endif
