/* SPDX-License-Identifier: MIT */
/* The drafts in the folder: those that were left behind, what all of them take, and what a run that was
 * killed has lying about. */
#include "cache/draft.h"
#include "cache/state.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NOTE_MAX = 16 << 20 };

struct numbers {
	uint64_t *v;
	size_t n, cap;
};

static int add_number(struct numbers *x, uint64_t number)
{
	if (!GROW(x->v, x->n, x->cap))
		return err_nomem("the list of drafts");
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

/* `scratch`: scratch drafts are removed on the way; nobody has one yet. */
static int list_numbers(struct cache *c, struct numbers *x, bool scratch)
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
		else if (scratch && strncmp(e->d_name, DRAFT_SCRATCH, sizeof DRAFT_SCRATCH - 1) == 0)
			(void)unlinkat(dirfd(dir), e->d_name, 0); /* of a run that was killed */
	closedir(dir);
	return r;
}

int draft_left_recover(struct cache *c)
{
	struct numbers x = { 0 };
	char last[STATE_KEY_MAX + 1];
	uint64_t most = 0, noted;
	int r = list_numbers(c, &x, true);
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
	draft_note_key(number, key);
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

/* Bytes on the disk; 0 where there is none of that number. */
static uint64_t disk_bytes(struct cache *c, uint64_t number)
{
	char name[DRAFT_NAME_MAX];
	struct stat st;
	draft_name(number, name);
	return fstatat(c->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) ? 0 : (uint64_t)st.st_blocks * 512;
}

void draft_left_count(struct cache *c, struct cache_stats *ret)
{
	struct numbers x = { 0 };
	store_acquire(c);
	for (const struct draft *d = c->drafts; d; d = d->next)
		if (d->scratch) {
			struct stat st;
			ret->draft_bytes += fstat(d->fd, &st) ? 0 : (uint64_t)st.st_blocks * 512;
			ret->drafts++;
		}
	store_release(c);
	if (list_numbers(c, &x, false) == 0)
		for (size_t i = 0; i < x.n; i++) {
			bool open = is_open(c, x.v[i]);
			uint64_t n = disk_bytes(c, x.v[i]);
			ret->drafts += open;
			ret->draft_bytes += open ? n : 0;
			ret->left += !open;
			ret->left_bytes += open ? 0 : n;
		}
	free(x.v);
}

int cache_draft_drop(struct cache *c, uint64_t number)
{
	char name[DRAFT_NAME_MAX], key[DRAFT_NAME_MAX];
	draft_name(number, name);
	draft_note_key(number, key);
	if (is_open(c, number))
		return err_set(-EBUSY, "draft %llu is in use", (unsigned long long)number);
	if (unlinkat(c->dir_fd, name, 0))
		return errno == ENOENT ? err_set(-ENOENT, "there is no draft %llu", (unsigned long long)number) :
					 err_set(-errno, "removing \"%s/%s\": %s", c->dir, name, strerror(errno));
	int r = cache_state_del(c, "draft", key);
	return r == -ENOENT ? 0 : r;
}

int cache_drafts(struct cache *c, int (*each)(void *ctx, uint64_t number, uint64_t size, const void *note, size_t n),
		 void *ctx)
{
	struct numbers x = { 0 };
	int r = list_numbers(c, &x, false);
	for (size_t i = 0; i < x.n && !r; i++)
		if (!is_open(c, x.v[i]))
			r = show_draft(c, x.v[i], each, ctx);
	free(x.v);
	return r;
}
