/* SPDX-License-Identifier: MIT */
#include "cache/extent.h"

#include <string.h>

void extents_done(struct extents *x)
{
	free(x->v);
	*x = (struct extents){ 0 };
}

/* The first range that ends at or after `off`. */
static size_t find_range(const struct extents *x, uint64_t off)
{
	size_t lo = 0, hi = x->n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (x->v[mid].end < off)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

int extents_add(struct extents *x, uint64_t off, uint64_t end)
{
	size_t i = find_range(x, off), j = i;
	while (j < x->n && x->v[j].off <= end)
		j++;
	if (i == j) { /* touches none */
		if (!GROW(x->v, x->n, x->cap))
			return err_nomem("the ranges of a draft");
		memmove(x->v + i + 1, x->v + i, (x->n - i) * sizeof *x->v);
		x->n++;
		x->v[i] = (struct extent){ off, end };
		return 0;
	}
	if (x->v[i].off > off)
		x->v[i].off = off;
	x->v[i].end = x->v[j - 1].end > end ? x->v[j - 1].end : end;
	memmove(x->v + i + 1, x->v + j, (x->n - j) * sizeof *x->v);
	x->n -= j - i - 1;
	return 0;
}

void extents_cut(struct extents *x, uint64_t size)
{
	while (x->n && x->v[x->n - 1].off >= size)
		x->n--;
	if (x->n && x->v[x->n - 1].end > size)
		x->v[x->n - 1].end = size;
}

bool extents_at(const struct extents *x, uint64_t off, uint64_t end, uint64_t *ret_end)
{
	size_t i = find_range(x, off + 1);
	bool in = i < x->n && x->v[i].off <= off;
	uint64_t stop = i == x->n ? end : in ? x->v[i].end : x->v[i].off;
	*ret_end = stop < end ? stop : end;
	return in;
}
