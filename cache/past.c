/* SPDX-License-Identifier: MIT */
#include "cache/past.h"

#include <string.h>

void past_free(struct cache *c, struct past *window)
{
	if (window)
		c->past_windows--;
	free(window);
}

/* The source's window for this thread alone, or a new one; NULL: none to be had. */
static struct past *take(struct cache *c, struct past **window)
{
	store_acquire(c);
	struct past *w = STEAL(*window);
	bool make = !w && c->past_windows < PAST_WINDOWS;
	c->past_windows += make;
	store_release(c);
	if (!make)
		return w;
	w = malloc(sizeof *w + PAST_BYTES);
	if (w) {
		w->off = w->n = 0;
		return w;
	}
	store_acquire(c);
	c->past_windows--;
	store_release(c);
	return NULL;
}

static void put(struct cache *c, struct past **window, struct past *w)
{
	store_acquire(c);
	struct past *extra = STEAL(*window); /* another thread's, which was faster */
	*window = w;
	past_free(c, extra);
	store_release(c);
}

static int through_window(struct past *w, struct source *origin, char *buf, size_t n, uint64_t off)
{
	while (n) {
		if (off < w->off || off >= w->off + w->n) {
			uint64_t left = origin->size - off, want = left < PAST_BYTES ? left : PAST_BYTES;
			w->n = 0;
			int r = source_read(origin, w->data, (size_t)want, off);
			if (r)
				return r;
			w->off = off;
			w->n = want;
		}
		uint64_t have = w->off + w->n - off;
		size_t k = n < have ? n : (size_t)have;
		memcpy(buf, w->data + (off - w->off), k);
		buf += k;
		off += k;
		n -= k;
	}
	return 0;
}

int past_read(struct cache *c, struct past **window, struct source *origin, bool sequential, void *buf, size_t n, uint64_t off)
{
	lock_assert_none();
	struct past *w = sequential && n < PAST_BYTES ? take(c, window) : NULL;
	if (!w)
		return source_read(origin, buf, n, off);
	int r = through_window(w, origin, buf, n, off);
	put(c, window, w);
	return r;
}
