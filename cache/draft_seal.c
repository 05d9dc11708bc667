/* SPDX-License-Identifier: MIT */
/* What happens to whole drafts: notes, sealing, becoming a revision. */
#include "cache/draft.h"
#include "cache/evict.h"
#include "cache/file.h"
#include "format/crc32c.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int draft_sync_dir(struct draft *d)
{
	draft_acquire(d);
	bool done = d->dir_synced;
	draft_release(d);
	if (done)
		return 0;
	int fd = openat(d->c->dir_fd, "draft", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	lock_assert_none();
	int e = fd < 0 || fsync(fd) ? errno : 0;
	if (fd >= 0)
		close(fd);
	if (e)
		return err_set(-e, "syncing \"%s/draft\": %s", d->c->dir, strerror(e));
	draft_acquire(d);
	d->dir_synced = true;
	draft_release(d);
	return 0;
}

int draft_note(struct draft *d, const void *note, size_t n)
{
	char key[DRAFT_NAME_MAX];
	if (d->scratch)
		return err_set(-EINVAL, "%s is a scratch draft", d->label);
	draft_note_key(d->number, key);
	int r = draft_sync_dir(d);
	if (!r)
		r = cache_state_put(d->c, "draft", key, note, n);
	if (r == -ENOSPC && evict_for_draft(d->c))
		r = cache_state_put(d->c, "draft", key, note, n);
	if (!r) {
		draft_acquire(d);
		d->noted = true;
		draft_release(d);
	}
	return r;
}

/* ---- sealing */

/* The CRC of block i: known from the writes, or read. */
static int settle_block(struct draft *d, uint64_t i, struct seal *s)
{
	uint64_t left = s->size - i * SOURCE_BLOCK, n = left < SOURCE_BLOCK ? left : SOURCE_BLOCK;
	draft_acquire(d);
	struct draft_block *b = &d->blocks[i];
	bool known = !b->stale && b->len == n;
	uint32_t crc = b->crc;
	draft_release(d);
	int r = known ? 0 : file_crc(d->fd, d->label, i * SOURCE_BLOCK, n, &crc);
	if (r)
		return r;
	s->crc[i] = crc;
	draft_acquire(d);
	d->blocks[i] = (struct draft_block){ crc, (uint32_t)n & 0x7fffffff, 0 };
	draft_release(d);
	return 0;
}

/* After an fsync() that failed the kernel takes its pages for written, and the next one succeeds with
 * nothing on the disk: so all of it is written again, as far as it is still what was written. */
static int write_again(struct draft *d)
{
	uint64_t size = draft_size(d);
	CLEANUP_FREE char *piece = malloc(SOURCE_BLOCK);
	int r = piece ? 0 : err_nomem("a block of a draft");
	for (uint64_t i = 0; !r && i * SOURCE_BLOCK < size; i++) {
		uint64_t left = size - i * SOURCE_BLOCK, n = left < SOURCE_BLOCK ? left : SOURCE_BLOCK;
		draft_acquire(d);
		struct draft_block b = d->blocks[i];
		draft_release(d);
		if (!b.len && !b.stale)
			continue; /* nobody wrote there */
		r = file_read(d->fd, d->label, piece, (size_t)n, i * SOURCE_BLOCK);
		if (!r && !b.stale && b.len == n && crc32c(0, piece, (size_t)n) != b.crc)
			r = err_set(-EIO, "%s: what was written is lost (block %llu)", d->label, (unsigned long long)i);
		if (!r)
			r = file_write(d->fd, d->label, piece, (size_t)n, i * SOURCE_BLOCK);
	}
	return r;
}

static int sync_bytes(struct draft *d)
{
	draft_acquire(d);
	bool again = d->sync_failed;
	draft_release(d);
	int r = again ? write_again(d) : 0;
	if (r)
		return r;
	r = file_sync(d->fd, d->label);
	draft_acquire(d);
	d->sync_failed = r != 0;
	draft_release(d);
	return r;
}

/* The state is SEALING. */
static int make_seal(struct draft *d, struct seal **ret)
{
	int r = draft_fill(d);
	if (!r)
		r = sync_bytes(d);
	if (!r)
		r = draft_sync_dir(d);
	uint64_t size = draft_size(d), count = (size + SOURCE_BLOCK - 1) / SOURCE_BLOCK;
	struct seal *s = NULL;
	if (!r)
		r = seal_new(d->c, d->label, d->fd, size, count, &s);
	for (uint64_t i = 0; !r && i < count; i++)
		r = settle_block(d, i, s);
	if (r)
		s = seal_unref(s);
	*ret = s;
	return r;
}

int draft_seal(struct draft *d, struct source **ret)
{
	struct seal *s = NULL;
	int r = 0;
	draft_acquire(d);
	if (d->state == DRAFT_SEALING)
		r = err_set(-EBUSY, "%s is being sealed", d->label);
	bool make = d->state == DRAFT_OPEN;
	if (make)
		d->state = DRAFT_SEALING;
	draft_release(d);
	if (make)
		r = make_seal(d, &s);
	draft_acquire(d);
	if (make) {
		d->seal = s;
		d->state = r ? DRAFT_OPEN : DRAFT_SEALED;
	}
	s = d->seal;
	draft_release(d);
	return r ? r : seal_source(s, ret);
}

/* ---- committing */

static int move_file(struct draft *d, const char *rev_name)
{
	char from[DRAFT_NAME_MAX], to[REV_PATH_MAX], dir[8] = { 0 };
	draft_path(d, from);
	rev_path(rev_name, to);
	memcpy(dir, to, 6);
	if (!renameat(d->c->dir_fd, from, d->c->dir_fd, to))
		return 0;
	(void)mkdirat(d->c->dir_fd, dir, 0700);
	if (!renameat(d->c->dir_fd, from, d->c->dir_fd, to))
		return 0;
	return err_set(-errno, "moving \"%s/%s\": %s", d->c->dir, from, strerror(errno));
}

/* Take the place of what has that name, in memory and in the count. *ret: new, `loading`. */
static int take_place(struct cache *c, const char *name, uint64_t size, struct rev **ret)
{
	struct rev_meta m;
	store_acquire(c);
	struct rev *old = rev_find(c, name);
	while (old && old->loading) {
		(void)store_wait(c, &c->changed, -1);
		old = rev_find(c, name);
	}
	bool counted = old != NULL;
	if (old) {
		old->refs++;
		rev_detach(old);
		rev_put(old);
	}
	struct rev *r = rev_add(c, name, size);
	if (r)
		r->loading = true;
	store_release(c);
	*ret = r;
	if (!r)
		return -ENOMEM;
	bool known = !index_load(&c->index, name, &m, NULL, NULL);
	store_acquire(c);
	r->recorded = known;
	r->anew = true;
	if (known && !counted)
		c->bytes -= m.bytes < c->bytes ? m.bytes : c->bytes;
	store_release(c);
	return 0;
}

/* The blocks become r's; the seal keeps r for its readers. */
static int hand_over(struct rev *r, struct seal *s) REQUIRES(store_lock)
{
	int e = 0;
	for (uint64_t b = 0; !e && b < r->blocks; b += CHUNK_BLOCKS)
		e = rev_room(r, b);
	for (uint64_t b = 0; !e && b < r->blocks; b++)
		rev_set(r, b, s->crc[b], false);
	if (e)
		return e;
	r->unsynced = false; /* the seal synced it */
	rev_touch(r, 0, 0);
	r->refs++;
	r->pins++;
	s->pinned = r;
	return 0;
}

static int commit_as(struct draft *d, const char *name, struct seal *s)
{
	struct cache *c = d->c;
	struct rev *r;
	store_acquire(c);
	store_turn_begin(c);
	store_release(c);
	int e = take_place(c, name, s->size, &r);
	if (!e)
		e = move_file(d, name);
	store_acquire(c);
	if (!e)
		e = hand_over(r, s);
	if (r) {
		r->loading = false;
		rev_dirty(r); /* also when it failed: an old record would be wrong now */
		rev_put(r);
	}
	store_turn_end(c); /* wakes those who wait for the load, too */
	store_release(c);
	return e;
}

int draft_commit(struct draft *d, const struct cache_key *key)
{
	char name[INDEX_NAME_MAX + 1];
	draft_acquire(d);
	struct seal *s = d->state == DRAFT_SEALED ? d->seal : NULL;
	draft_release(d);
	int r = s ? rev_name(key, name) : err_set(-EINVAL, "%s is not sealed", d->label);
	if (!r)
		r = commit_as(d, name, s);
	draft_discard(d); /* the name draft/N is gone if it was moved */
	return r;
}
