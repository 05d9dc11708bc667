/* SPDX-License-Identifier: MIT */
#include "cache/store.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
	DISK_BAD_MS = 2000, /* how long the disk is left alone after it failed */
	DISK_FULL_EVICT = 64 << 20,
};

struct store_capability store_lock;

uint64_t store_now(const struct cache *c) { return c->epoch + (uint64_t)(now_ms() - c->start); }

void store_warn(struct cache *c, const char *fmt, ...)
{
	char line[600];
	va_list ap;
	if (!c->warn)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	lock_assert_none();
	c->warn(c->warn_ctx, line);
}

void store_stop(struct cache *c)
{
	c->stopping = true;
	__atomic_store_n(&c->stop_flag, true, __ATOMIC_RELAXED);
	pthread_cond_broadcast(&c->changed);
}

void store_turn_begin(struct cache *c)
{
	while (c->storing)
		(void)store_wait(c, &c->changed, -1);
	c->storing = true;
}

void store_turn_end(struct cache *c)
{
	c->storing = false;
	pthread_cond_broadcast(&c->changed);
}

void store_disk_full(struct cache *c)
{
	store_acquire(c);
	c->disk_bad_until = now_ms() + DISK_BAD_MS;
	store_release(c);
}

void store_disk_failed(struct cache *c, int err, const char *what)
{
	char why[512];
	(void)snprintf(why, sizeof why, "%s", err_last());
	store_acquire(c);
	bool first = !c->warned_disk;
	c->warned_disk = true;
	c->disk_bad_until = now_ms() + DISK_BAD_MS;
	if (err == -ENOSPC)
		c->free_wanted = DISK_FULL_EVICT;
	pthread_cond_signal(&c->work);
	store_release(c);
	if (first)
		store_warn(c, "the cache in \"%s\" does not work, reading without it (%s: %s)", c->dir, what, why);
}
