/* SPDX-License-Identifier: MIT */
#include "fs/readbuf.h"

enum { BYTES = 1 << 20, PAGE = 4096, KEPT_MAX = 4 };

static struct lock readbuf_lock = LOCK_INIT(RANK_LEAF);
static void *kept[KEPT_MAX];
static unsigned kept_count;

void *readbuf_take(size_t n)
{
	if (n > BYTES)
		return NULL;
	lock_acquire(&readbuf_lock);
	void *buf = kept_count ? kept[--kept_count] : NULL;
	lock_release(&readbuf_lock);
	return buf ? buf : aligned_alloc(PAGE, BYTES);
}

void readbuf_put(void *buf)
{
	lock_acquire(&readbuf_lock);
	bool keep = buf && kept_count < KEPT_MAX;
	if (keep)
		kept[kept_count++] = buf;
	lock_release(&readbuf_lock);
	if (!keep)
		free(buf);
}
