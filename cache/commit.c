/* SPDX-License-Identifier: MIT */
#include "cache/commit.h"

#include "cache/file.h"

#include <string.h>

struct batch {
	struct rev **revs;		/* referenced */
	int *fds;			/* to be synced; -1: nothing written */
	struct index_change *changes;
	size_t count, cap;
};

static void batch_done(struct batch *b)
{
	for (size_t i = 0; i < b->count; i++)
		free(b->changes[i].chunks);
	free(b->revs);
	free(b->fds);
	free(b->changes);
}

static int batch_room(struct batch *b, size_t n)
{
	b->cap = n;
	b->revs = calloc(n + 1, sizeof *b->revs);
	b->fds = calloc(n + 1, sizeof *b->fds);
	b->changes = calloc(n + 1, sizeof *b->changes);
	return b->revs && b->fds && b->changes ? 0 : err_nomem("a commit of the cache");
}

static void copy_chunk(const struct rev *r, uint32_t no, struct index_chunk *out) REQUIRES(store_lock)
{
	const struct rev_chunk *k = r->chunks[no];
	uint64_t left = r->blocks - (uint64_t)no * CHUNK_BLOCKS;
	out->no = no;
	out->image.n = left < CHUNK_BLOCKS ? (unsigned)left : CHUNK_BLOCKS;
	memcpy(out->image.present, k->present, sizeof k->present);
	for (unsigned i = 0; i < out->image.n; i++)
		out->image.crc[i] = k->block[i].crc;
}

static size_t dirty_chunks(const struct rev *r, struct index_chunk *out) REQUIRES(store_lock)
{
	size_t n = 0;
	for (uint64_t i = 0; i * CHUNK_BLOCKS < r->blocks; i++)
		if (r->chunks[i] && (r->chunks[i]->dirty || r->anew)) {
			if (out)
				copy_chunk(r, (uint32_t)i, &out[n]);
			n++;
		}
	return n;
}

/* The change that brings the index up to date with r. */
static int snapshot_rev(struct rev *r, struct index_change *c) REQUIRES(store_lock)
{
	memcpy(c->name, r->name, strlen(r->name) + 1);
	c->meta = (struct rev_meta){ r->size, r->used, r->bytes };
	c->gone = r->bytes == 0;
	c->anew = r->anew;
	size_t n = c->gone ? 0 : dirty_chunks(r, NULL);
	c->chunks = calloc(n + 1, sizeof *c->chunks);
	if (!c->chunks)
		return err_nomem("a commit of the cache");
	c->count = c->gone ? 0 : dirty_chunks(r, c->chunks);
	return 0;
}

static int take_rev(struct batch *b, struct rev *r) REQUIRES(store_lock)
{
	int e = snapshot_rev(r, &b->changes[b->count]);
	if (e)
		return e;
	b->fds[b->count] = r->unsynced ? r->fd : -1;
	b->revs[b->count++] = r;
	r->refs++;
	r->dirty = r->unsynced = false;
	for (uint64_t i = 0; i * CHUNK_BLOCKS < r->blocks; i++)
		if (r->chunks[i])
			r->chunks[i]->dirty = false;
	return 0;
}

static bool is_ready(const struct rev *r) REQUIRES(store_lock) { return r->dirty && !r->loading; }

static int collect_dirty(struct cache *c, struct batch *b) REQUIRES(store_lock)
{
	size_t n = 0;
	int e = 0;
	for (size_t i = 0; i < REV_BUCKETS; i++)
		for (struct rev *r = c->table[i]; r; r = r->next)
			n += is_ready(r);
	e = batch_room(b, n);
	for (size_t i = 0; i < REV_BUCKETS && !e; i++)
		for (struct rev *r = c->table[i]; r && !e; r = r->next)
			if (is_ready(r))
				e = take_rev(b, r);
	c->dirty_since = c->lazy_since = 0;
	c->dirty_bytes = 0;
	return e;
}

static int sync_data(const struct batch *b)
{
	for (size_t i = 0; i < b->count; i++) {
		int r = b->fds[i] < 0 ? 0 : file_sync(b->fds[i], "a cached file");
		if (r)
			return r;
	}
	return 0;
}

/* It did not get to the disk: next time again. */
static void undo_rev(struct rev *r) REQUIRES(store_lock)
{
	for (uint64_t i = 0; i * CHUNK_BLOCKS < r->blocks; i++)
		if (r->chunks[i])
			r->chunks[i]->dirty = true;
	r->unsynced = true;
	rev_dirty(r);
}

static void conclude_batch(struct cache *c, struct batch *b, int err) REQUIRES(store_lock)
{
	for (size_t i = 0; i < b->count; i++) {
		struct rev *r = b->revs[i];
		if (err) {
			undo_rev(r);
		} else {
			r->recorded = !b->changes[i].gone;
			r->anew = false;
		}
		rev_put(r);
	}
	pthread_cond_broadcast(&c->changed);
}

int commit_all(struct cache *c)
{
	struct batch b = { 0 };
	uint64_t total;
	store_acquire(c);
	int e = collect_dirty(c, &b);
	store_release(c);
	if (!e)
		e = sync_data(&b);
	if (!e && b.count)
		e = index_commit(&c->index, b.changes, b.count, &total);
	store_acquire(c);
	conclude_batch(c, &b, e);
	if (e && !c->dirty_since)
		c->dirty_since = now_ms();
	store_release(c);
	batch_done(&b);
	return e;
}

int commit_gone(struct cache *c, const char *name)
{
	struct index_change ch = { .gone = true };
	uint64_t total;
	memcpy(ch.name, name, strlen(name) + 1);
	return index_commit(&c->index, &ch, 1, &total);
}
