/* SPDX-License-Identifier: MIT */
/* Looking at a source through a small window, for parsers that walk through a file, skip large
 * parts of it and now and then look back. Forward walking reads 256 KiB at a time; a jump reads
 * 4 KiB first, so that random looks cost little and what is skipped is never read. Internal to
 * format/. One thread. */
#ifndef DFM_FORMAT_WINDOW_H
#define DFM_FORMAT_WINDOW_H
#include "format/source.h"

/* The most that can be looked at at once. */
#define WINDOW_MAX (256u << 10)

struct window {
	struct source *src;	/* borrowed */
	unsigned char *data;
	uint64_t off;		/* of data[0] in the source */
	size_t len;		/* bytes in data */
};
#define CLEANUP_WINDOW CLEANUP(window_done)

MUST_CHECK int window_init(struct window *w, struct source *src);
void window_done(struct window *w); /* zeroed or half-built is fine */
MUST_CHECK int window_move(struct window *w, uint64_t off, size_t n, const unsigned char **ret);
/* *ret: bytes [off, off + n), valid until the next call; n <= WINDOW_MAX. -EBADMSG: the source
 * ends before. */
MUST_CHECK static inline int window_at(struct window *w, uint64_t off, size_t n, const unsigned char **ret)
{
	if (off < w->off || off - w->off > w->len || n > w->len - (off - w->off))
		return window_move(w, off, n, ret);
	*ret = w->data + (off - w->off);
	return 0;
}
#endif
