/* SPDX-License-Identifier: MIT */
/* Reading a pickle from end to end. */
#include "format/pickle_node.h"

#include <inttypes.h>

enum { MEMORY_BASE = 8 << 20, CANCEL_OPS = 1 << 16 };

static int run_all(struct pickle *p)
{
	const unsigned char *b;
	int r = window_at(&p->win, 0, p->win.src->size < 2 ? (size_t)p->win.src->size : 2, &b);
	if (r)
		return r;
	if (p->win.src->size < 2 || b[0] != 0x80 || b[1] < 2 || b[1] > 5)
		return err_set(-EBADMSG, "not a pickle of protocol 2 to 5");
	for (unsigned ops = 0; !r; ops++) {
		if (ops % CANCEL_OPS == 0 && cancelled())
			return err_set(-EINTR, "cancelled");
		if (ops == PICKLE_OPS_MAX)
			return err_set(-EBADMSG, "pickle has more than %u opcodes at byte %" PRIu64, PICKLE_OPS_MAX, p->pos);
		r = pickle_ops_step(p);
	}
	return r < 0 ? r : 0;
}

int pickle_read(struct source *src, struct pickle **ret)
{
	CLEANUP_PICKLE struct pickle *p = calloc(1, sizeof *p);
	if (!p)
		return err_nomem("a pickle");
	p->max = src->size > PICKLE_MEMORY_MAX / 4 ? PICKLE_MEMORY_MAX : MEMORY_BASE + src->size * 4;
	int r = window_init(&p->win, src);
	if (r || (r = run_all(p)))
		return r;
	*ret = STEAL(p);
	return 0;
}
