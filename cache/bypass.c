/* SPDX-License-Identifier: MIT */
#include "cache/bypass.h"

#include <string.h>

void bypass_free(struct cache *c, struct bypass *window)
{
	if (window)
		c->bypass_windows--;
	free(window);
}

/* The source's window for this thread alone, or a new one; NULL: none to be had. */
static struct bypass *take_window(struct cache *c, struct bypass **window)
{
	store_acquire(c);
	struct bypass *w = STEAL(*window);
	bool make = !w && c->bypass_windows < BYPASS_WINDOWS;
	c->bypass_windows += make;
	store_release(c);
	if (!make)
		return w;
	w = malloc(sizeof *w + BYPASS_BYTES);
	if (w) {
		w->off = w->n = 0;
		return w;
	}
	store_acquire(c);
	c->bypass_windows--;
	store_release(c);
	return NULL;
}

static void put_window(struct cache *c, struct bypass **window, struct bypass *w)
{
	store_acquire(c);
	struct bypass *extra = STEAL(*window); /* another thread's, which was faster */
	*window = w;
	bypass_free(c, extra);
	store_release(c);
}

static int through_window(struct bypass *w, struct source *origin, char *buf, size_t n, uint64_t off)
{
	while (n) {
		if (off < w->off || off >= w->off + w->n) {
			uint64_t left = origin->size - off, want = left < BYPASS_BYTES ? left : BYPASS_BYTES;
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

int bypass_read(struct cache *c, struct bypass **window, struct source *origin, bool sequential, void *buf, size_t n,
		uint64_t off)
{
	lock_assert_none();
	struct bypass *w = sequential && n < BYPASS_BYTES ? take_window(c, window) : NULL;
	if (!w)
		return source_read(origin, buf, n, off);
	int r = through_window(w, origin, buf, n, off);
	put_window(c, window, w);
	return r;
}
