/* SPDX-License-Identifier: MIT */
#include "cache/readahead.h"

/* How far `off` is from where the stream goes on; UINT64_MAX: too far to belong to it. */
static uint64_t distance(const struct readahead *s, uint64_t off, uint64_t n)
{
	uint64_t d = off > s->next ? off - s->next : s->next - off;
	return d <= (s->sure ? READAHEAD_NEAR : 2 * n) ? d : UINT64_MAX;
}

static struct readahead *nearest_stream(struct readahead_set *set, uint64_t off, uint64_t n)
{
	struct readahead *best = NULL;
	uint64_t least = UINT64_MAX;
	for (struct readahead *s = set->s; s < set->s + READAHEAD_SLOTS; s++) {
		uint64_t d = s->tick ? distance(s, off, n) : UINT64_MAX;
		if (d < least) {
			least = d;
			best = s;
		}
	}
	return best;
}

static struct readahead *oldest_stream(struct readahead_set *set)
{
	struct readahead *best = set->s;
	for (struct readahead *s = set->s; s < set->s + READAHEAD_SLOTS; s++)
		if (s->tick < best->tick)
			best = s;
	return best;
}

struct readahead *readahead_of(struct readahead_set *set, uint64_t off, uint64_t n)
{
	struct readahead *s = nearest_stream(set, off, n);
	if (s) {
		s->sure = true;
	} else {
		s = oldest_stream(set);
		*s = (struct readahead){ .next = off, .sure = off == 0 };
	}
	if (off + n > s->next)
		s->next = off + n;
	s->reads++;
	s->tick = ++set->tick;
	return s;
}

uint32_t readahead_grow(struct readahead *s, uint32_t max)
{
	uint32_t want = s->fetch ? s->fetch * 2 : READAHEAD_FETCH_FIRST;
	s->fetch = want < max ? want : max;
	return s->fetch;
}
