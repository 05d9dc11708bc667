/* SPDX-License-Identifier: MIT */
/* What happens to whole drafts: notes, sealing, publishing, and those of earlier runs. */
#include "cache/draft.h"
#include "cache/file.h"
#include "cache/state.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NOTE_MAX = 16 << 20 };

static void note_key(uint64_t number, char ret[DRAFT_NAME_MAX])
{
	(void)snprintf(ret, DRAFT_NAME_MAX, "%020llu", (unsigned long long)number);
}

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
	note_key(d->number, key);
	int r = draft_sync_dir(d);
	if (!r)
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

/* The state is SEALING. */
static int make_seal(struct draft *d, struct seal **ret)
{
	int r = draft_fill(d);
	if (!r)
		r = file_sync(d->fd, d->label);
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

void draft_reopen(struct draft *d)
{
	draft_acquire(d);
	struct seal *s = NULL;
	if (d->state == DRAFT_SEALED) {
		s = STEAL(d->seal);
		d->state = DRAFT_OPEN;
	}
	draft_release(d);
	seal_unref(s);
}

/* ---- committing */

static int move_file(struct draft *d, const char *rev_name)
{
	char from[DRAFT_NAME_MAX], to[REV_PATH_MAX], dir[8] = { 0 };
	draft_name(d->number, from);
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

/* ---- earlier runs */

struct numbers {
	uint64_t *v;
	size_t n, cap;
};

static int add_number(struct numbers *x, uint64_t number)
{
	if (x->n == x->cap) {
		size_t cap = x->cap ? x->cap * 2 : 16;
		uint64_t *v = realloc(x->v, cap * sizeof *v);
		if (!v)
			return err_set(-ENOMEM, "the list of drafts");
		x->v = v;
		x->cap = cap;
	}
	x->v[x->n++] = number;
	return 0;
}

/* The number that a file name in draft/ is; false: none of ours. */
static bool parse_number(const char *name, uint64_t *ret)
{
	char *end;
	if (*name < '1' || *name > '9')
		return false;
	errno = 0;
	*ret = strtoull(name, &end, 10);
	return !*end && !errno && *ret < UINT64_MAX / 2;
}

static int list_numbers(struct cache *c, struct numbers *x)
{
	int fd = openat(c->dir_fd, "draft", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;
	uint64_t number;
	if (!dir) {
		r = err_set(-errno, "reading \"%s/draft\": %s", c->dir, strerror(errno));
		if (fd >= 0)
			close(fd);
		return r;
	}
	while (!r && (e = readdir(dir)))
		if (parse_number(e->d_name, &number))
			r = add_number(x, number);
	closedir(dir);
	return r;
}

int draft_recover(struct cache *c)
{
	struct numbers x = { 0 };
	char last[STATE_KEY_MAX + 1];
	uint64_t most = 0, noted;
	int r = list_numbers(c, &x);
	for (size_t i = 0; i < x.n; i++)
		if (x.v[i] > most)
			most = x.v[i];
	free(x.v);
	if (!r) {
		r = state_last(c, "draft", last);
		const char *digits = last + (r ? 0 : strspn(last, "0"));
		if (!r && parse_number(digits, &noted) && noted > most)
			most = noted;
		if (r == -ENOENT)
			r = 0;
	}
	store_acquire(c);
	c->draft_next = most + 1;
	store_release(c);
	return r;
}

static int show_draft(struct cache *c, uint64_t number,
		int (*each)(void *ctx, uint64_t number, uint64_t size, const void *note, size_t n), void *ctx)
{
	CLEANUP_BUF struct buf note = BUF_INIT(NOTE_MAX);
	char name[DRAFT_NAME_MAX], key[DRAFT_NAME_MAX];
	struct stat st;
	draft_name(number, name);
	note_key(number, key);
	if (fstatat(c->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) || !S_ISREG(st.st_mode))
		return 0;
	int r = cache_state_get(c, "draft", key, &note);
	if (r == -EIO)
		store_warn(c, "the note of draft %llu: %s", (unsigned long long)number, err_last());
	else if (r && r != -ENOENT)
		return r;
	return each(ctx, number, (uint64_t)st.st_size, note.data ? note.data : "", note.len);
}

static bool is_open(struct cache *c, uint64_t number)
{
	store_acquire(c);
	const struct draft *d = c->drafts;
	while (d && d->number != number)
		d = d->next;
	store_release(c);
	return d;
}

int cache_drafts(struct cache *c, int (*each)(void *ctx, uint64_t number, uint64_t size, const void *note, size_t n),
		 void *ctx)
{
	struct numbers x = { 0 };
	int r = list_numbers(c, &x);
	for (size_t i = 0; i < x.n && !r; i++)
		if (!is_open(c, x.v[i]))
			r = show_draft(c, x.v[i], each, ctx);
	free(x.v);
	return r;
}
