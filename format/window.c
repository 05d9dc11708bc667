/* SPDX-License-Identifier: MIT */
#include "format/window.h"

#include <assert.h>
#include <string.h>

enum { WINDOW_JUMP = 4096 };

int window_init(struct window *w, struct source *src)
{
	*w = (struct window){ .src = src, .data = malloc(WINDOW_MAX) };
	return w->data ? 0 : err_nomem("a window on a file");
}

void window_done(struct window *w)
{
	free(w->data);
	*w = (struct window){ 0 };
}

/* How much to read for a look at n bytes at `off`: all that fits if it goes on from the window. */
static size_t piece(const struct window *w, uint64_t off, size_t n)
{
	bool goes_on = off >= w->off && off <= w->off + w->len;
	size_t want = goes_on ? WINDOW_MAX : WINDOW_JUMP;
	if (want < n)
		want = n;
	uint64_t left = w->src->size - off;
	return left < want ? (size_t)left : want;
}

static int refill(struct window *w, uint64_t off, size_t n)
{
	size_t want = piece(w, off, n), keep = 0;
	if (off >= w->off && off < w->off + w->len) {
		keep = (size_t)(w->off + w->len - off);
		memmove(w->data, w->data + (off - w->off), keep);
	}
	w->off = off;
	w->len = keep;
	int r = source_read(w->src, w->data + keep, want - keep, off + keep);
	if (!r)
		w->len = want;
	return r;
}

int window_move(struct window *w, uint64_t off, size_t n, const unsigned char **ret)
{
	assert(n <= WINDOW_MAX);
	if (off > w->src->size || n > w->src->size - off)
		return source_read(w->src, w->data, n, off); /* which says what is missing */
	int r = refill(w, off, n);
	if (!r)
		*ret = w->data;
	return r;
}
