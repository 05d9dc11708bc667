/* SPDX-License-Identifier: MIT */
#include "cache/draft.h"

#include "cache/evict.h"
#include "cache/file.h"
#include "format/crc32c.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

struct store_capability draft_lock;
enum { FILL_PIECE = 1 << 20, GIVE_WAY_TRIES = 16 /* fetches that run may take the room again */ };

void draft_name(uint64_t number, char ret[DRAFT_NAME_MAX])
{
	(void)snprintf(ret, DRAFT_NAME_MAX, "draft/%llu", (unsigned long long)number);
}

void draft_path(const struct draft *d, char ret[DRAFT_NAME_MAX])
{
	if (d->scratch)
		(void)snprintf(ret, DRAFT_NAME_MAX, "draft/" DRAFT_SCRATCH "%llu", (unsigned long long)d->number);
	else
		draft_name(d->number, ret);
}

void draft_note_key(uint64_t number, char ret[DRAFT_NAME_MAX])
{
	(void)snprintf(ret, DRAFT_NAME_MAX, "%020llu", (unsigned long long)number);
}

uint64_t draft_number(const struct draft *d) { return d->number; }

uint64_t draft_size(struct draft *d)
{
	draft_acquire(d);
	uint64_t n = d->size;
	draft_release(d);
	return n;
}

/* ---- making one */

static int open_new(struct draft *d)
{
	char name[DRAFT_NAME_MAX];
	struct cache *c = d->c;
	store_acquire(c);
	d->number = c->draft_next++;
	store_release(c);
	draft_path(d, name);
	d->fd = openat(c->dir_fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	int e = errno;
	return d->fd >= 0 ? 0 : err_set(file_errno(e), "making \"%s/%s\": %s", c->dir, name, strerror(e));
}

static int room_for_blocks(struct draft *d, uint64_t size) REQUIRES(draft_lock)
{
	size_t need = (size_t)((size + SOURCE_BLOCK - 1) / SOURCE_BLOCK), cap = d->block_cap ? d->block_cap : 4;
	if (need <= d->block_cap)
		return 0;
	while (cap < need)
		cap *= 2;
	struct draft_block *b = realloc(d->blocks, cap * sizeof *b);
	if (!b)
		return err_nomem("the blocks of a draft");
	memset(b + d->block_cap, 0, (cap - d->block_cap) * sizeof *b);
	d->blocks = b;
	d->block_cap = cap;
	return 0;
}

static void list_add(struct draft *d)
{
	store_acquire(d->c);
	d->next = d->c->drafts;
	d->c->drafts = d;
	store_release(d->c);
}

static void list_remove(struct draft *d)
{
	store_acquire(d->c);
	struct draft **at = &d->c->drafts;
	while (*at && *at != d)
		at = &(*at)->next;
	if (*at)
		*at = d->next;
	store_release(d->c);
}

static struct draft *draft_free(struct draft *d)
{
	list_remove(d);
	close(d->fd);
	draft_acquire(d);
	struct source *base = STEAL(d->base);
	struct seal *seal = STEAL(d->seal);
	extents_done(&d->own);
	free(d->blocks);
	draft_release(d);
	seal_unref(seal);
	source_unref(base);
	lock_done(&d->lock);
	free(d);
	return NULL;
}

static int start_on_base(struct draft *d, struct source *base)
{
	if (base->size > DRAFT_SIZE_MAX)
		return err_set(-EFBIG, "a file of %llu bytes is too large", (unsigned long long)base->size);
	if (ftruncate(d->fd, (off_t)base->size))
		return err_set(file_errno(errno), "sizing %s: %s", d->label, strerror(errno));
	draft_acquire(d);
	int r = room_for_blocks(d, base->size);
	d->size = d->base_end = base->size;
	d->base = r ? NULL : source_ref(base);
	draft_release(d);
	return r;
}

static int create_draft(struct cache *c, struct source *base, bool scratch, struct draft **ret)
{
	struct draft *d = calloc(1, sizeof *d);
	if (!d)
		return err_nomem("a draft");
	d->c = c;
	d->fd = -1;
	d->scratch = scratch;
	int r = open_new(d);
	if (r) {
		free(d);
		return r;
	}
	(void)snprintf(d->label, sizeof d->label, "draft %llu", (unsigned long long)d->number);
	lock_init(&d->lock, RANK_DRAFT);
	list_add(d);
	r = base ? start_on_base(d, base) : 0;
	if (r) {
		draft_discard(d);
		return r;
	}
	*ret = d;
	return 0;
}

int draft_create(struct cache *c, struct source *base, struct draft **ret) { return create_draft(c, base, false, ret); }
int draft_create_scratch(struct cache *c, struct draft **ret) { return create_draft(c, NULL, true, ret); }

/* ---- no room */

static uint64_t room_on_disk(const struct cache *c)
{
	struct statvfs v;
	return fstatvfs(c->dir_fd, &v) ? 0 : (uint64_t)v.f_bavail * v.f_frsize;
}

/* The disk had no room for n bytes: is another try worth while? It is not where nothing is cached and the
 * keeper has not made room either. */
static bool give_way(const struct draft *d, uint64_t n)
{
	return evict_for_draft(d->c) || room_on_disk(d->c) >= n;
}

/* Of n bytes; err_last() says what the disk said. */
static int say_full(const struct draft *d, uint64_t n)
{
	char why[128];
	(void)snprintf(why, sizeof why, "%s", err_last());
	uint64_t room = room_on_disk(d->c);
	if (room >= n)
		return err_set(-ENOSPC, "%s, for %llu bytes in \"%s\", and nothing that is cached is left to give way: "
			       "a quota may be used up", why, (unsigned long long)n, d->c->dir);
	return err_set(-ENOSPC, "%s: %llu bytes are missing in \"%s\", and nothing that is cached is left to give way: "
		       "make room there, or name a larger disk with cache_dir", why, (unsigned long long)(n - room), d->c->dir);
}

/* ---- writing */

static void note_block(struct draft_block *b, const char *p, uint32_t n, uint32_t at)
{
	if (at == 0 && n >= b->len)
		*b = (struct draft_block){ crc32c(0, p, n), n & 0x7fffffff, 0 };
	else if (!b->stale && at == b->len)
		*b = (struct draft_block){ crc32c(b->crc, p, n), (b->len + n) & 0x7fffffff, 0 };
	else
		b->stale = 1;
}

/* The CRCs of what was written; data NULL: it may be anything. */
static void note_write(struct draft *d, const char *data, uint64_t n, uint64_t off) REQUIRES(draft_lock)
{
	while (n) {
		uint32_t at = (uint32_t)(off % SOURCE_BLOCK), left = SOURCE_BLOCK - at;
		uint32_t piece = n < left ? (uint32_t)n : left;
		struct draft_block *b = &d->blocks[off / SOURCE_BLOCK];
		if (data)
			note_block(b, data, piece, at);
		else
			b->stale = 1;
		data = data ? data + piece : NULL;
		off += piece;
		n -= piece;
	}
}

static int check_open(const struct draft *d) REQUIRES(draft_lock)
{
	return d->state == DRAFT_OPEN ? 0 : err_set(-EBUSY, "%s is sealed", d->label);
}

static int write_locked(struct draft *d, const void *data, size_t n, uint64_t off) REQUIRES(draft_lock)
{
	uint64_t size = off + n > d->size ? off + n : d->size;
	int r = check_open(d);
	if (!r)
		r = room_for_blocks(d, size);
	if (r)
		return r;
	r = file_write(d->fd, d->label, data, n, off);
	if (!r && off < d->base_end)
		r = extents_add(&d->own, off, off + n); /* without it, the base still shows */
	if (r) {
		note_write(d, NULL, n, off);
		if (size > d->size && ftruncate(d->fd, (off_t)d->size))
			return err_set(-EIO, "sizing %s: %s", d->label, strerror(errno));
		return r;
	}
	note_write(d, data, n, off);
	d->size = size;
	return 0;
}

int draft_pwrite(struct draft *d, const void *data, size_t n, uint64_t off)
{
	if (off > DRAFT_SIZE_MAX || n > DRAFT_SIZE_MAX - off)
		return err_set(-EFBIG, "over the limit of 5 TB for one file");
	if (!n)
		return 0;
	int r, tries = 0;
	bool crumbs;
	do {
		draft_acquire(d);
		r = write_locked(d, data, n, off);
		crumbs = d->own.n > DRAFT_EXTENTS_MAX;
		draft_release(d);
	} while (r == -ENOSPC && tries++ < GIVE_WAY_TRIES && give_way(d, n));
	if (r == -ENOSPC)
		return say_full(d, n);
	return !r && crumbs ? draft_fill(d) : r;
}

int draft_truncate(struct draft *d, uint64_t size)
{
	if (size > DRAFT_SIZE_MAX)
		return err_set(-EFBIG, "over the limit of 5 TB for one file");
	draft_acquire(d);
	int r = check_open(d);
	if (!r)
		r = room_for_blocks(d, size);
	if (!r && ftruncate(d->fd, (off_t)size))
		r = err_set(file_errno(errno), "sizing %s: %s", d->label, strerror(errno));
	if (!r && size < d->size) {
		size_t keep = (size_t)(size / SOURCE_BLOCK), had = (size_t)((d->size + SOURCE_BLOCK - 1) / SOURCE_BLOCK);
		uint32_t rest = (uint32_t)(size % SOURCE_BLOCK);
		if (rest && d->blocks[keep].len <= rest)
			keep++; /* what its CRC covers is still there */
		else if (rest)
			d->blocks[keep++].stale = 1;
		if (had > keep)
			memset(d->blocks + keep, 0, (had - keep) * sizeof *d->blocks);
		if (d->base_end > size)
			d->base_end = size;
		extents_cut(&d->own, size);
	}
	if (!r)
		d->size = size;
	draft_release(d);
	return r;
}

/* ---- reading */

/* Is byte `off` the base's? *ret_end: up to where that is so. */
static bool is_base(const struct draft *d, uint64_t off, uint64_t end, uint64_t *ret_end) REQUIRES(draft_lock)
{
	*ret_end = end;
	if (!d->base || off >= d->base_end)
		return false;
	if (end > d->base_end)
		end = d->base_end;
	return !extents_at(&d->own, off, end, ret_end);
}

/* Bytes of the file; what is missing was cut off by another thread meanwhile. */
static int read_own(const struct draft *d, char *p, size_t n, uint64_t off)
{
	ssize_t r = file_read_some(d->fd, d->label, p, n, off);
	if (r >= 0)
		memset(p + r, 0, n - (size_t)r);
	return r < 0 ? (int)r : 0;
}

ssize_t draft_pread(struct draft *d, void *data, size_t n, uint64_t off)
{
	uint64_t size = draft_size(d), end;
	if (off >= size)
		return 0;
	if (n > size - off)
		n = (size_t)(size - off);
	for (size_t done = 0; done < n;) {
		draft_acquire(d);
		struct source *base = is_base(d, off + done, off + n, &end) ? source_ref(d->base) : NULL;
		draft_release(d);
		size_t piece = (size_t)(end - off) - done;
		char *to = (char *)data + done;
		lock_assert_none();
		int r = base ? source_read(base, to, piece, off + done) : read_own(d, to, piece, off + done);
		source_unref(base);
		if (r)
			return r;
		done += piece;
	}
	return (ssize_t)n;
}

/* ---- filling from the base */

/* The next range of the base's from *off on, at most FILL_PIECE, and a reference of the base; NULL: none. */
static struct source *next_gap(struct draft *d, uint64_t *off, uint64_t *end)
{
	bool found = false;
	draft_acquire(d);
	while (!found && d->base && *off < d->base_end) {
		found = is_base(d, *off, d->base_end, end);
		if (!found)
			*off = *end;
	}
	struct source *base = found ? source_ref(d->base) : NULL;
	draft_release(d);
	if (found && *end - *off > FILL_PIECE)
		*end = *off + FILL_PIECE;
	return base;
}

/* Write the base's bytes where nobody wrote meanwhile. */
static int fill_locked(struct draft *d, const char *data, uint64_t off, uint64_t end) REQUIRES(draft_lock)
{
	int r = 0;
	for (uint64_t at = off, stop; !r && at < end; at = stop) {
		if (!is_base(d, at, end, &stop))
			continue;
		r = file_write(d->fd, d->label, data + (at - off), (size_t)(stop - at), at);
		if (!r)
			r = extents_add(&d->own, at, stop);
		note_write(d, r ? NULL : data + (at - off), stop - at, at);
	}
	return r;
}

/* [off, end) of the base into the file. */
static int fill_gap(struct draft *d, struct source *base, char *piece, uint64_t off, uint64_t end)
{
	lock_assert_none();
	int r = source_read(base, piece, (size_t)(end - off), off), tries = 0;
	uint64_t left = 0;
	if (r)
		return r;
	do {
		draft_acquire(d);
		r = fill_locked(d, piece, off, end);
		left = d->base_end > off ? d->base_end - off : 0;
		draft_release(d);
	} while (r == -ENOSPC && tries++ < GIVE_WAY_TRIES && give_way(d, end - off));
	return r == -ENOSPC ? say_full(d, left) : r;
}

/* Nothing is the base's any more, so that it and what it keeps may go. */
static void drop_base(struct draft *d)
{
	draft_acquire(d);
	struct source *base = STEAL(d->base);
	d->base_end = 0;
	extents_done(&d->own);
	draft_release(d);
	source_unref(base);
}

int draft_fill(struct draft *d)
{
	uint64_t off = 0, end;
	struct source *base;
	CLEANUP_FREE char *piece = NULL;
	while ((base = next_gap(d, &off, &end))) {
		if (!piece)
			piece = malloc(FILL_PIECE);
		int r = piece ? fill_gap(d, base, piece, off, end) : err_nomem("a buffer to copy a draft's base");
		source_unref(base);
		if (r)
			return r;
		off = end;
	}
	drop_base(d);
	return 0;
}

/* ---- letting go */

struct draft *draft_discard(struct draft *d)
{
	char name[DRAFT_NAME_MAX], key[DRAFT_NAME_MAX];
	if (!d)
		return NULL;
	draft_path(d, name);
	(void)unlinkat(d->c->dir_fd, name, 0); /* if not, cache_drafts() of a later run shows it */
	draft_acquire(d);
	bool noted = d->noted;
	draft_release(d);
	draft_note_key(d->number, key);
	if (noted && cache_state_del(d->c, "draft", key))
		store_warn(d->c, "the note of draft %s stays: %s", key, err_last());
	return draft_free(d);
}

struct draft *draft_leave(struct draft *d)
{
	if (d && d->scratch)
		return draft_discard(d);
	return d ? draft_free(d) : NULL;
}
