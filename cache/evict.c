/* SPDX-License-Identifier: MIT */
#include "cache/evict.h"

#include "cache/commit.h"

#include <fcntl.h>
#include <string.h>

enum { VICTIMS_MAX = 64, STEP_SHARE = 16, STEP_MAX_SHIFT = 28 /* 256 MiB */, RUN_MS = 1000,
       FOR_DRAFT_BYTES = 64 << 20 };

struct victim {
	struct rev *rev;	/* referenced */
	struct span span;
};

/* The blocks to take, found among those in memory. */
struct choice {
	struct rev *rev;
	uint64_t block;
	uint64_t used;
};

static bool evictable(const struct rev *r, uint64_t b) REQUIRES(store_lock)
{
	return rev_present(r, b) && !rev_span_covers(r, b, ~0u);
}

static void oldest_in(struct rev *r, struct choice *best) REQUIRES(store_lock)
{
	if (r->loading || r->pins || !r->bytes)
		return;
	for (uint64_t b = 0; b < r->blocks; b++) {
		const struct rev_chunk *k = rev_chunk(r, b);
		if (!k) {
			b |= CHUNK_BLOCKS - 1;
			continue;
		}
		uint64_t used = k->block[b % CHUNK_BLOCKS].used;
		if ((!best->rev || used < best->used) && evictable(r, b))
			*best = (struct choice){ r, b, used };
	}
}

static struct choice oldest_open(struct cache *c) REQUIRES(store_lock)
{
	struct choice best = { NULL, 0, 0 };
	for (size_t i = 0; i < REV_BUCKETS; i++)
		for (struct rev *r = c->table[i]; r; r = r->next)
			oldest_in(r, &best);
	return best;
}

/* Clear the bits of the run that starts at the chosen block, at most `goal` bytes of it. */
static uint64_t clear_run(struct cache *c, const struct choice *ch, uint64_t limit, uint64_t goal,
			  struct victim *v) REQUIRES(store_lock)
{
	struct rev *r = ch->rev;
	uint64_t b = ch->block, freed = 0;
	while (b < r->blocks && freed < goal && evictable(r, b) && rev_chunk(r, b)->block[b % CHUNK_BLOCKS].used <= limit) {
		freed += rev_block_bytes(r, b);
		rev_clear(r, b++);
		c->stats.evicted++;
	}
	r->refs++;
	v->rev = r;
	v->span = (struct span){ NULL, ch->block, b, SPAN_EVICT };
	rev_span_add(r, &v->span);
	return freed;
}

static bool in_use(void *ctx, const char *name)
{
	struct cache *c = ctx;
	store_acquire(c);
	bool r = rev_find(c, name) != NULL;
	store_release(c);
	return r;
}

/* A record of the index that a flipped bit has made unreadable, or a key beside it that the record no
 * more agrees with, would be the oldest for ever and keep all others from being evicted. */
static int mend_record(struct cache *c, const char *name, uint64_t used)
{
	uint64_t lost;
	struct rev_meta m;
	int e = index_mend(&c->index, name, used, &lost);
	if (e)
		return e;
	bool unknown = index_load(&c->index, name, &m, NULL, NULL) == -ENOENT;
	store_acquire(c);
	c->bytes -= lost < c->bytes ? lost : c->bytes;
	if (unknown)
		rev_remove_orphan(c, name);
	store_release(c);
	return 0;
}

/* Bring the revision that was used longest ago into the table, if it is older than all that is
 * there; *ret: a reference of it, or NULL. -ENOENT: the table has all there are. */
static int load_older(struct cache *c, struct rev **ret)
{
	char name[INDEX_NAME_MAX + 1];
	uint64_t used;
	bool sound = false;
	int e = 0;
	*ret = NULL;
	while (!e && !sound) {
		e = index_oldest(&c->index, in_use, c, name, &used, &sound);
		if (!e && !sound)
			e = mend_record(c, name, used);
	}
	if (e)
		return e;
	store_acquire(c);
	struct choice open = oldest_open(c);
	bool older = !open.rev || used <= open.used;
	store_release(c);
	if (older && rev_get(c, name, REV_ANY_SIZE, ret))
		*ret = NULL;
	return 0;
}

/* All revisions are in the table and none can go: what the count says beyond them was damaged
 * records, and must not make every fetch evict. */
static void recount(struct cache *c) REQUIRES(store_lock)
{
	c->bytes = 0;
	for (size_t i = 0; i < REV_BUCKETS; i++)
		for (struct rev *r = c->table[i]; r; r = r->next)
			c->bytes += r->bytes;
}

/* One more victim. Bytes it frees; *ret_more false when there is nothing left to take. */
static uint64_t pick_victim(struct cache *c, uint64_t goal, struct victim *v, bool *ret_more)
{
	struct rev *loaded;
	uint64_t freed = 0;
	int e = load_older(c, &loaded);
	store_acquire(c);
	struct choice ch = oldest_open(c);
	if (e == -ENOENT && !ch.rev)
		recount(c);
	if (ch.rev) /* what was used within the same second goes with it: runs, not crumbs */
		freed = clear_run(c, &ch, ch.used + RUN_MS, goal, v);
	if (loaded) {
		if (!loaded->bytes && !loaded->dirty)
			rev_dirty(loaded); /* a record without blocks: the commit removes it */
		rev_put(loaded);
	}
	store_release(c);
	*ret_more = ch.rev || loaded;
	return freed;
}

static void give_back(struct victim *v, struct cache *c)
{
	store_acquire(c);
	/* The whole file goes when its last reference does. */
	bool whole = v->rev->refs == 1 && !v->rev->bytes && !v->rev->dirty;
	int fd = whole ? -1 : rev_fd(v->rev);
	store_release(c);
	if (fd >= 0) /* a file system without holes gives it back when the file goes */
		(void)fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)(v->span.first * SOURCE_BLOCK),
				(off_t)((v->span.end - v->span.first) * SOURCE_BLOCK));
	store_acquire(c);
	rev_span_del(v->rev, &v->span);
	rev_put(v->rev);
	store_release(c);
}

/* With the turn. */
static uint64_t evict_round(struct cache *c, uint64_t goal, bool *ret_more)
{
	struct victim v[VICTIMS_MAX];
	size_t n = 0;
	uint64_t freed = 0;
	*ret_more = true;
	memset(v, 0, sizeof v);
	while (freed < goal && n < VICTIMS_MAX && *ret_more) {
		freed += pick_victim(c, goal - freed, &v[n], ret_more);
		if (v[n].rev)
			n++;
		else if (*ret_more)
			break; /* a record without blocks: commit, then go on */
	}
	int e = commit_all(c);
	if (e)
		*ret_more = false;
	if (e && e != -ENOSPC)
		store_disk_failed(c, e, "the index");
	for (size_t i = 0; i < n; i++)
		give_back(&v[i], c);
	return freed;
}

uint64_t evict_bytes(struct cache *c, uint64_t n)
{
	uint64_t freed = 0;
	bool more = true;
	store_acquire(c);
	store_turn_begin(c);
	store_release(c);
	for (unsigned rounds = 0; freed < n && more && rounds < 1024; rounds++)
		freed += evict_round(c, n - freed, &more);
	store_acquire(c);
	c->free_wanted -= freed && freed < c->free_wanted ? freed : c->free_wanted;
	store_turn_end(c);
	store_release(c);
	return freed;
}

bool evict_for_draft(struct cache *c)
{
	store_disk_full(c);
	return evict_bytes(c, FOR_DRAFT_BYTES) != 0;
}

static uint64_t step_bytes(const struct cache *c)
{
	uint64_t s = c->bytes_max / STEP_SHARE;
	return s < 1ull << STEP_MAX_SHIFT ? s : 1ull << STEP_MAX_SHIFT;
}

uint64_t evict_due(const struct cache *c)
{
	uint64_t held = c->bytes + c->reserved;
	if (held > c->bytes_max)
		return held - c->bytes_max + step_bytes(c);
	return c->free_wanted;
}

void evict_make_room(struct cache *c, uint64_t n)
{
	store_acquire(c);
	/* Many fetches at once must not fill the cache with what nobody has read yet. */
	while (c->reserved && c->reserved + n > c->bytes_max / 2 && !c->stopping)
		(void)store_wait(c, &c->changed, 200);
	c->reserved += n;
	uint64_t over = evict_due(c);
	store_release(c);
	if (over)
		(void)evict_bytes(c, over);
}
