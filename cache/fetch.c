/* SPDX-License-Identifier: MIT */
#include "cache/fetch.h"

#include "cache/evict.h"
#include "cache/file.h"
#include "format/crc32c.h"

#include <stdio.h>
#include <string.h>

/* ---- the queue: urgent ones before background ones, each in order */

static void queue_add(struct cache *c, struct flight *f) REQUIRES(store_lock)
{
	struct flight **p = &c->queue;
	while (*p && (f->background || !(*p)->background))
		p = &(*p)->next_in_queue;
	f->next_in_queue = *p;
	*p = f;
}

static void queue_del(struct cache *c, struct flight *f) REQUIRES(store_lock)
{
	struct flight **p = &c->queue;
	while (*p != f)
		p = &(*p)->next_in_queue;
	*p = f->next_in_queue;
	f->next_in_queue = NULL;
}

static void unref_flight(struct flight *f) REQUIRES(store_lock)
{
	if (--f->refs)
		return;
	rev_put(f->rev);
	pthread_cond_destroy(&f->moved);
	free(f->held);
	free(f);
}

static void leave_rev(struct flight *f) REQUIRES(store_lock)
{
	struct flight **p = &f->rev->flights;
	while (*p != f)
		p = &(*p)->next_in_rev;
	*p = f->next_in_rev;
}

/* ---- the fetcher's side */

/* Also asked by the origin, under whatever locks it holds. */
static bool given_up(void *ctx) { return __atomic_load_n(&((struct cache *)ctx)->stop_flag, __ATOMIC_RELAXED); }

/* Block b is whole, with this CRC. */
static void keep_block(struct flight *f, uint64_t b, uint32_t crc) REQUIRES(store_lock)
{
	uint64_t n = rev_block_bytes(f->rev, b);
	rev_set(f->rev, b, crc, true);
	n = n < f->reserved ? n : f->reserved;
	f->reserved -= n;
	f->rev->c->reserved -= n;
}

static void show_bytes(struct flight *f) REQUIRES(store_lock)
{
	f->rev->c->stats.bytes_fetched += f->at - f->pos;
	f->pos = f->at;
	if (f->pos >= f->wake_at) { /* not for every 16 KiB that arrive */
		f->wake_at = UINT64_MAX;
		pthread_cond_broadcast(&f->moved);
	}
}

/* Bytes up to f->at are in the file; `whole` when that ends a block. */
static void advance_flight(struct flight *f, bool whole)
{
	struct cache *c = f->rev->c;
	uint64_t b = (f->at - 1) / SOURCE_BLOCK;
	if (f->tentative) {
		f->held[b - f->off / SOURCE_BLOCK] = f->crc;
	} else {
		store_acquire(c);
		if (whole)
			keep_block(f, b, f->crc);
		show_bytes(f);
		store_release(c);
	}
	f->crc = whole ? 0 : f->crc;
}

/* A tentative stream has ended well: all of it is the revision's. */
static void show_all(struct flight *f)
{
	store_acquire(f->rev->c);
	for (uint64_t b = f->off / SOURCE_BLOCK; b * SOURCE_BLOCK < f->end; b++)
		keep_block(f, b, f->held[b - f->off / SOURCE_BLOCK]);
	show_bytes(f);
	store_release(f->rev->c);
}

/* Asked when the first bytes come. */
static int learn_tentative(struct flight *f)
{
	const struct source_ops *ops = f->origin->ops;
	f->tentative = ops->tentative && ops->tentative(f->origin);
	if (f->tentative)
		f->held = calloc((f->end - f->off + SOURCE_BLOCK - 1) / SOURCE_BLOCK, sizeof *f->held);
	return f->tentative && !f->held ? err_nomem("a fetch") : 0;
}

static int take_bytes(void *ctx, const void *data, size_t n)
{
	struct flight *f = ctx;
	const char *p = data;
	if (given_up(f->rev->c))
		return err_set(-EINTR, "the cache is being stopped");
	if (n > f->end - f->at)
		return err_set(-EIO, "more bytes came than were asked for");
	int e = f->at == f->off && n ? learn_tentative(f) : 0;
	if (e)
		return e;
	while (n) {
		uint64_t b = f->at / SOURCE_BLOCK, left = b * SOURCE_BLOCK + rev_block_bytes(f->rev, b) - f->at;
		size_t piece = n < left ? n : (size_t)left;
		int r = file_write(f->fd, "a cached file", p, piece, f->at);
		if (r) {
			f->disk_failed = true;
			return r;
		}
		f->crc = crc32c(f->crc, p, piece);
		f->at += piece;
		p += piece;
		n -= piece;
		advance_flight(f, piece == left);
	}
	return 0;
}

/* Everything that a flight needs but the bytes. */
static int prepare_flight(struct flight *f)
{
	struct cache *c = f->rev->c;
	store_acquire(c);
	f->fd = rev_fd(f->rev);
	int r = f->fd < 0 ? f->fd : 0;
	f->disk_failed = r != 0;
	for (uint64_t b = f->off / SOURCE_BLOCK; !r && b * SOURCE_BLOCK < f->end; b++)
		r = rev_room(f->rev, b);
	store_release(c);
	if (!r) {
		f->reserved = f->end - f->off;
		evict_make_room(c, f->reserved);
	}
	return r;
}

static void end_flight(struct flight *f, int err)
{
	struct cache *c = f->rev->c;
	bool disk = f->disk_failed;
	char text[sizeof f->text];
	(void)snprintf(text, sizeof text, "%s", err ? err_last() : "");
	f->origin = source_unref(f->origin);
	if (disk && err != -ESTALE) /* a dropped revision has no file any more */
		store_disk_failed(c, err, "a fetch");
	store_acquire(c);
	c->reserved -= f->reserved;
	f->state = FLIGHT_DONE;
	f->err = err;
	f->uncached = disk;
	memcpy(f->text, text, sizeof text);
	leave_rev(f);
	pthread_cond_broadcast(&f->moved);
	pthread_cond_broadcast(&c->changed);
	unref_flight(f);
	store_release(c);
}

static void run_flight(struct flight *f)
{
	err_clear();
	int r = prepare_flight(f);
	if (!r) {
		lock_assert_none();
		r = source_stream(f->origin, f->off, f->end - f->off, take_bytes, f);
	}
	if (!r && f->at != f->end)
		r = err_set(-EIO, "fewer bytes came than were asked for");
	if (!r && f->tentative)
		show_all(f);
	end_flight(f, r);
}

static struct flight *next_flight(struct cache *c)
{
	store_acquire(c);
	while (!c->queue && !c->closing) {
		c->fetchers_idle++;
		(void)store_wait(c, &c->queued, -1);
		c->fetchers_idle--;
	}
	struct flight *f = c->queue;
	if (f) {
		queue_del(c, f);
		f->state = FLIGHT_RUNNING;
		c->stats.fetches++;
	}
	store_release(c);
	return f;
}

static void *fetcher(void *ctx)
{
	struct cache *c = ctx;
	struct flight *f;
	cancel_set(given_up, c);
	while ((f = next_flight(c)))
		run_flight(f);
	return NULL;
}

/* ---- the readers' side */

static int wake_fetcher(struct cache *c) REQUIRES(store_lock)
{
	unsigned waiting = 0;
	for (struct flight *f = c->queue; f; f = f->next_in_queue)
		waiting++;
	if (waiting > c->fetchers_idle && c->fetcher_count < c->fetches_max) {
		int r = pthread_create(&c->fetchers[c->fetcher_count], NULL, fetcher, c);
		if (!r)
			c->fetcher_count++;
		else if (!c->fetcher_count)
			return err_set(-r, "starting a thread that fetches: %s", strerror(r));
	}
	pthread_cond_signal(&c->queued);
	return 0;
}

int fetch_start(struct rev *r, struct source *origin, uint64_t off, uint64_t end, bool background)
{
	struct flight *f = calloc(1, sizeof *f);
	if (!f)
		return err_nomem("a fetch");
	f->rev = r;
	f->origin = origin;
	f->off = f->pos = f->at = off;
	f->end = end;
	f->wake_at = UINT64_MAX;
	f->refs = 1; /* the fetcher's */
	f->background = background;
	queue_add(r->c, f);
	int e = wake_fetcher(r->c);
	if (e) {
		queue_del(r->c, f);
		free(f);
		return e;
	}
	cond_init(&f->moved);
	source_ref(origin);
	r->refs++;
	f->next_in_rev = r->flights;
	r->flights = f;
	return 0;
}

/* Where the bytes that are still its own begin: whole blocks behind `pos`, and the file's last one, are
 * present, or evicted again. */
static uint64_t own_from(const struct flight *f) REQUIRES(store_lock)
{
	return f->pos == f->end ? f->end : f->pos - f->pos % SOURCE_BLOCK;
}

struct flight *fetch_flight_at(const struct rev *r, uint64_t off)
{
	struct flight *f = r->flights;
	while (f && (off < own_from(f) || off >= f->end))
		f = f->next_in_rev;
	return f;
}

void fetch_flight_join(struct flight *f)
{
	f->refs++;
	f->waiters++;
	if (f->state == FLIGHT_QUEUED && f->background) {
		f->background = false;
		queue_del(f->rev->c, f);
		queue_add(f->rev->c, f);
	}
}

void fetch_flight_leave(struct flight *f)
{
	f->waiters--;
	unref_flight(f);
}

struct flight *fetch_drop_idle(struct rev *r)
{
	struct flight *list = NULL, **p = &r->flights;
	while (*p) {
		struct flight *f = *p;
		if (f->state != FLIGHT_QUEUED || f->waiters) {
			p = &f->next_in_rev;
			continue;
		}
		*p = f->next_in_rev;
		queue_del(r->c, f);
		f->state = FLIGHT_DONE;
		f->next_in_queue = list;
		list = f;
	}
	return list;
}

void fetch_drop_list(struct cache *c, struct flight *list)
{
	while (list) {
		struct flight *f = list;
		f->origin = source_unref(f->origin);
		store_acquire(c);
		list = f->next_in_queue;
		unref_flight(f);
		store_release(c);
	}
}

void fetch_join(struct cache *c)
{
	for (unsigned i = 0;; i++) {
		store_acquire(c);
		pthread_cond_broadcast(&c->queued);
		bool more = i < c->fetcher_count;
		pthread_t t = more ? c->fetchers[i] : 0;
		store_release(c);
		if (!more)
			return;
		pthread_join(t, NULL);
	}
}
