/* SPDX-License-Identifier: MIT */
#include "cache/read.h"

#include "cache/bypass.h"
#include "cache/file.h"

#include <string.h>

struct cached {
	struct source src;
	struct rev *rev;
	struct source *origin;	/* NULL: only what is kept */
	struct bypass *window GUARDED_BY(store_lock); /* bypass.h; mostly NULL */
};

/* One piece of a read, on its way. */
struct piece {
	struct cached *s;
	struct rev *rev;
	char *buf;		/* NULL: only make the blocks present and verified (block_crc) */
	uint64_t at, end;
	struct span span;
	bool sequential;
	unsigned healed;	/* times a block of it turned out bad */
};

/* ---- steps, all under the lock; they may let go of it. Each returns 0 to go on, 1 when the origin
 * is to be read past the cache, or -errno. */

static int wait_a_bit(struct cache *c, pthread_cond_t *cond) REQUIRES(store_lock)
{
	if (c->stopping)
		return err_set(-EINTR, "the cache is being stopped");
	(void)store_wait(c, cond, WAIT_SLICE_MS);
	store_release(c);
	bool stop = cancelled(); /* somebody else's code: without the lock */
	store_acquire(c);
	return stop ? err_set(-EINTR, "interrupted") : 0;
}

static void heal(struct piece *p, uint64_t b) REQUIRES(store_lock)
{
	rev_clear(p->rev, b);
	p->rev->c->stats.healed++;
	p->healed++;
}

static int verify(struct piece *p, uint64_t b) REQUIRES(store_lock)
{
	struct rev *r = p->rev;
	if (rev_span_covers(r, b, 1u << SPAN_VERIFY)) /* one reader does it for all */
		return wait_a_bit(r->c, &r->c->changed);
	int fd = rev_fd(r);
	if (fd < 0)
		return 1;
	struct span span = { NULL, b, b + 1, SPAN_VERIFY };
	uint32_t want = rev_chunk(r, b)->block[b % CHUNK_BLOCKS].crc, crc = 0;
	rev_span_add(r, &span);
	store_release(r->c);
	bool good = !file_crc(fd, "a cached file", b * SOURCE_BLOCK, rev_block_bytes(r, b), &crc) && crc == want;
	store_acquire(r->c);
	if (good)
		rev_mark_verified(r, b);
	else
		heal(p, b);
	rev_span_del(r, &span);
	return 0;
}

static int await_flight(struct piece *p, struct flight *f) REQUIRES(store_lock)
{
	uint64_t want = p->end < f->end ? p->end : f->end;
	int e = 0;
	fetch_flight_join(f);
	while (!e && f->pos < want && f->state != FLIGHT_DONE) {
		if (want < f->wake_at)
			f->wake_at = want;
		e = wait_a_bit(p->rev->c, &f->moved);
	}
	if (!e && f->pos < want)
		e = f->uncached ? 1 : err_set(f->err, "%s", f->text);
	fetch_flight_leave(f);
	return e;
}

static bool may_fetch(const struct rev *r, uint64_t b) REQUIRES(store_lock)
{
	return !rev_present(r, b) && !fetch_flight_at(r, b * SOURCE_BLOCK) && !rev_span_covers(r, b, 1u << SPAN_EVICT);
}

/* Where a fetch of [b, most) ends: before what is present or on its way. */
static uint64_t fetch_end(const struct rev *r, uint64_t b, uint64_t most) REQUIRES(store_lock)
{
	uint64_t e = b + 1;
	while (e < most && e < r->blocks && may_fetch(r, e))
		e++;
	return e;
}

static int fetch_blocks(struct piece *p, uint64_t first, uint64_t end, bool background) REQUIRES(store_lock)
{
	uint64_t stop = end * SOURCE_BLOCK < p->rev->size ? end * SOURCE_BLOCK : p->rev->size;
	return fetch_start(p->rev, p->s->origin, first * SOURCE_BLOCK, stop, background);
}

static int fetch_missing(struct piece *p, uint64_t b, struct readahead *s) REQUIRES(store_lock)
{
	struct rev *r = p->rev;
	uint64_t last = (p->end - 1) / SOURCE_BLOCK + 1, first = b;
	if (!p->s->origin)
		return err_set(-ENODATA, "not kept in the cache, and there is nothing to fetch it from");
	if (r->size <= READAHEAD_FETCH_FIRST) { /* whole, in one request */
		while (first > 0 && may_fetch(r, first - 1))
			first--;
		last = r->blocks;
	} else if (s->sure) {
		last = b + readahead_grow(s, r->c->fetch_bytes_max) / SOURCE_BLOCK;
	} else if (last > b + READAHEAD_FETCH_FIRST / SOURCE_BLOCK) {
		last = b + READAHEAD_FETCH_FIRST / SOURCE_BLOCK;
	}
	return fetch_blocks(p, first, fetch_end(r, b, last), false);
}

/* The step for the byte at p->at. *ret: bytes from there that may be copied from the file now. */
static int take_step(struct piece *p, struct readahead *s, uint64_t *ret) REQUIRES(store_lock)
{
	struct rev *r = p->rev;
	uint64_t b = p->at / SOURCE_BLOCK;
	*ret = 0;
	if (rev_present(r, b)) {
		if (!rev_verified(r, b))
			return verify(p, b);
		while (b < r->blocks && b * SOURCE_BLOCK < p->end && rev_verified(r, b))
			b++;
		*ret = (b * SOURCE_BLOCK < p->end ? b * SOURCE_BLOCK : p->end) - p->at;
		return 0;
	}
	struct flight *f = fetch_flight_at(r, p->at);
	if (f) {
		uint64_t upto = p->end < f->end ? p->end : f->end;
		int e = await_flight(p, f);
		if (!e && p->buf)
			*ret = upto - p->at;
		return e;
	}
	if (rev_span_covers(r, b, 1u << SPAN_EVICT))
		return wait_a_bit(r->c, &r->c->changed);
	if (r->c->stopping)
		return err_set(-EINTR, "the cache is being stopped");
	if (p->s->origin && now_ms() < r->c->disk_bad_until)
		return 1;
	return fetch_missing(p, b, s);
}

/* Start the next fetch of a sequential reader while it still reads the one before. */
static void read_ahead(struct piece *p, struct readahead *s) REQUIRES(store_lock)
{
	struct rev *r = p->rev;
	uint32_t ahead = (s->fetch ? s->fetch : READAHEAD_FETCH_FIRST) / 2;
	if (!s->sure || s->reads < 2 || !p->s->origin || r->c->stopping || now_ms() < r->c->disk_bad_until)
		return;
	uint64_t b = s->next / SOURCE_BLOCK, most = (s->next + ahead) / SOURCE_BLOCK;
	while (b <= most && b < r->blocks && !may_fetch(r, b))
		b++;
	if (b > most || b >= r->blocks || !source_spare(p->s->origin))
		return;
	uint64_t end = b + readahead_grow(s, r->c->fetch_bytes_max) / SOURCE_BLOCK;
	(void)fetch_blocks(p, b, fetch_end(r, b, end), true); /* the read that needs it asks again */
}

/* ---- pieces */

/* Bytes that are in the file, by the lock's word. False: those of the block at p->at are not, after all. */
static bool copy_out(struct piece *p, int fd, uint64_t n)
{
	while (n) {
		uint64_t left = SOURCE_BLOCK - p->at % SOURCE_BLOCK, k = n < left ? n : left;
		if (file_read(fd, "a cached file", p->buf, (size_t)k, p->at))
			return false;
		p->buf += k;
		p->at += k;
		n -= k;
	}
	return true;
}

static int copy_step(struct piece *p, uint64_t n) REQUIRES(store_lock)
{
	struct rev *r = p->rev;
	int fd = rev_fd(r);
	if (!p->buf) {
		p->at += n;
		return 0;
	}
	store_release(r->c);
	bool good = fd >= 0 && copy_out(p, fd, n);
	store_acquire(r->c);
	if (good)
		return 0;
	uint64_t b = p->at / SOURCE_BLOCK; /* truncated or unreadable behind our back */
	if (!rev_present(r, b))
		return 1;
	heal(p, b);
	return p->healed > READ_TRIES ? 1 : 0;
}

static void count_piece(struct piece *p) REQUIRES(store_lock)
{
	struct cache *c = p->rev->c;
	for (uint64_t b = p->span.first; b < p->span.end; b++)
		if (rev_present(p->rev, b))
			c->stats.hits++;
		else
			c->stats.misses++;
}

static int run_piece(struct piece *p) REQUIRES(store_lock)
{
	int e = 0;
	count_piece(p);
	struct readahead *s = readahead_of(&p->rev->streams, p->at, p->end - p->at);
	p->sequential = s->sure;
	while (!e && p->at < p->end) {
		uint64_t n;
		/* What it needs itself is asked for first. */
		if (!may_fetch(p->rev, p->at / SOURCE_BLOCK))
			read_ahead(p, s);
		e = take_step(p, s, &n);
		if (!e && n)
			e = copy_step(p, n);
		if (!e && p->healed > READ_TRIES)
			e = 1;
	}
	rev_touch(p->rev, p->span.first, p->span.end);
	return e;
}

/* The origin itself, for what the cache's disk does not hold. */
static int read_past(struct piece *p)
{
	if (!p->s->origin)
		return err_set(-EIO, "the cache cannot read it, and there is nothing to fetch it from");
	return bypass_read(p->rev->c, &p->s->window, p->s->origin, p->sequential, p->buf, (size_t)(p->end - p->at), p->at);
}

static int read_piece(struct cached *s, char *buf, uint64_t off, uint64_t n)
{
	struct cache *c = s->rev->c;
	struct piece p = { .s = s, .rev = s->rev, .buf = buf, .at = off, .end = off + n };
	p.span = (struct span){ NULL, off / SOURCE_BLOCK, (off + n - 1) / SOURCE_BLOCK + 1, SPAN_READ };
	store_acquire(c);
	rev_span_add(p.rev, &p.span);
	int e = run_piece(&p);
	rev_span_del(p.rev, &p.span);
	store_release(c);
	return e == 1 && buf ? read_past(&p) : e;
}

/* ---- the source */

static ssize_t cached_pread(struct source *src, void *buf, size_t n, uint64_t off)
{
	struct cached *s = (struct cached *)src;
	for (size_t done = 0; done < n;) {
		size_t piece = n - done < PIECE_MAX ? n - done : PIECE_MAX;
		int e = read_piece(s, (char *)buf + done, off + done, piece);
		if (e)
			return e;
		done += piece;
	}
	return (ssize_t)n;
}

static int crc_past(struct cached *s, uint64_t off, uint64_t n, uint32_t *ret)
{
	if (!s->origin)
		return err_set(-EIO, "the cache cannot read it, and there is nothing to fetch it from");
	lock_assert_none();
	return source_crc32c(s->origin, off, n, ret);
}

static int cached_block_crc(struct source *src, uint64_t index, uint32_t *ret)
{
	struct cached *s = (struct cached *)src;
	struct cache *c = s->rev->c;
	uint64_t n = rev_block_bytes(s->rev, index);
	for (int tries = 0; tries < READ_TRIES; tries++) {
		int e = read_piece(s, NULL, index * SOURCE_BLOCK, n);
		if (e < 0)
			return e;
		store_acquire(c);
		bool known = !e && rev_verified(s->rev, index);
		if (known)
			*ret = rev_chunk(s->rev, index)->block[index % CHUNK_BLOCKS].crc;
		store_release(c);
		if (known)
			return 0;
		if (e)
			break;
	}
	return crc_past(s, index * SOURCE_BLOCK, n, ret); /* evicted each time, or no disk */
}

static void cached_free(struct source *src)
{
	struct cached *s = (struct cached *)src;
	struct cache *c = s->rev->c;
	store_acquire(c);
	if (!s->origin)
		s->rev->pins--;
	struct flight *idle = --s->rev->sources ? NULL : fetch_drop_idle(s->rev);
	rev_put(s->rev);
	bypass_free(c, s->window);
	store_release(c);
	fetch_drop_list(c, idle);
	source_unref(s->origin);
	free(s);
}

static const struct source_ops cached_ops = {
	.pread = cached_pread,
	.block_crc = cached_block_crc,
	.free = cached_free,
};

/* Take a source's part in the revision; -ENODATA: without an origin it must be complete. */
static int attach(struct rev *r, struct source *origin)
{
	struct cache *c = r->c;
	store_acquire(c);
	int e = !origin && r->bytes != r->size ? -ENODATA : 0;
	if (e) {
		rev_put(r);
	} else {
		r->sources++;
		r->pins += !origin;
		rev_touch(r, 0, 0);
	}
	store_release(c);
	return e ? err_set(e, "not kept whole in the cache") : 0;
}

int cache_wrap(struct cache *c, const struct cache_key *key, struct source *origin, struct source **ret)
{
	char name[INDEX_NAME_MAX + 1];
	struct rev *r;
	int e = rev_name(key, name);
	if (e)
		return e;
	struct cached *s = calloc(1, sizeof *s);
	if (!s)
		return err_nomem("a cached file");
	e = rev_get(c, name, origin ? origin->size : REV_ANY_SIZE, &r);
	if (e == -ENOENT)
		e = err_set(-ENODATA, "not kept in the cache");
	if (!e)
		e = attach(r, origin);
	if (e) {
		free(s);
		return e;
	}
	source_init(&s->src, &cached_ops, r->size);
	s->rev = r;
	s->origin = origin;
	*ret = &s->src;
	return 0;
}
