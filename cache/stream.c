/* SPDX-License-Identifier: MIT */
#include "cache/stream.h"

/* How far `off` is from where the stream goes on; UINT64_MAX: too far to belong to it. */
static uint64_t distance(const struct stream *s, uint64_t off, uint64_t n)
{
	uint64_t d = off > s->next ? off - s->next : s->next - off;
	return d <= (s->sure ? STREAM_NEAR : 2 * n) ? d : UINT64_MAX;
}

static struct stream *nearest(struct stream_set *set, uint64_t off, uint64_t n)
{
	struct stream *best = NULL;
	uint64_t least = UINT64_MAX;
	for (struct stream *s = set->s; s < set->s + STREAM_SLOTS; s++) {
		uint64_t d = s->tick ? distance(s, off, n) : UINT64_MAX;
		if (d < least) {
			least = d;
			best = s;
		}
	}
	return best;
}

static struct stream *oldest(struct stream_set *set)
{
	struct stream *best = set->s;
	for (struct stream *s = set->s; s < set->s + STREAM_SLOTS; s++)
		if (s->tick < best->tick)
			best = s;
	return best;
}

struct stream *stream_of(struct stream_set *set, uint64_t off, uint64_t n)
{
	struct stream *s = nearest(set, off, n);
	if (s) {
		s->sure = true;
	} else {
		s = oldest(set);
		*s = (struct stream){ .next = off, .sure = off == 0 };
	}
	if (off + n > s->next)
		s->next = off + n;
	s->reads++;
	s->tick = ++set->tick;
	return s;
}

uint32_t stream_grow(struct stream *s, uint32_t max)
{
	uint32_t want = s->fetch ? s->fetch * 2 : STREAM_FETCH_FIRST;
	s->fetch = want < max ? want : max;
	return s->fetch;
}
