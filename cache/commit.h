/* SPDX-License-Identifier: MIT */
/* Writing what changed to the index: fdatasync of the data files first, then one transaction. */
#ifndef DFM_CACHE_COMMIT_H
#define DFM_CACHE_COMMIT_H
#include "cache/rev.h"

/* Everything that is dirty. The caller has the turn (store_turn_begin) and no lock. On failure
 * all of it stays dirty. */
MUST_CHECK int commit_all(struct cache *c);
/* Remove the record of one revision, which is not in the table; with the turn. */
MUST_CHECK int commit_gone(struct cache *c, const char *name);
#endif
