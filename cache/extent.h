/* SPDX-License-Identifier: MIT */
/* A set of byte ranges: which bytes of a draft are its own and not its base's. A sorted array of
 * disjoint ranges that do not touch. Pure; guarded by its user. */
#ifndef DFM_CACHE_EXTENT_H
#define DFM_CACHE_EXTENT_H
#include "format/base.h"

struct extent {
	uint64_t off, end;
};
struct extents {
	struct extent *v;
	size_t n, cap;
};

void extents_done(struct extents *x);
/* -ENOMEM (recorded), nothing changed then. */
MUST_CHECK int extents_add(struct extents *x, uint64_t off, uint64_t end);
/* Remove everything from `size` on. */
void extents_cut(struct extents *x, uint64_t size);
/* Is byte `off` in the set? *ret_end: where that stops being so, at most `end`. */
bool extents_at(const struct extents *x, uint64_t off, uint64_t end, uint64_t *ret_end);
#endif
