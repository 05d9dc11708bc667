/* SPDX-License-Identifier: MIT */
#include "cache/housekeeping.h"

#include "cache/commit.h"
#include "cache/evict.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { READERS_MS = 60000, LAZY_MS = 60000 };

/* ---- orphans: a crash between writing a file and its index record leaves them */

static void sweep_file(struct cache *c, const char *name)
{
	struct rev_meta m;
	if (strlen(name) > INDEX_NAME_MAX || index_load(&c->index, name, &m, NULL, NULL) != -ENOENT)
		return;
	store_acquire(c);
	rev_remove_orphan(c, name);
	store_release(c);
}

static bool is_closing(struct cache *c)
{
	store_acquire(c);
	bool r = c->closing;
	store_release(c);
	return r;
}

static void sweep_folder(struct cache *c, const char *path)
{
	int fd = openat(c->dir_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;
	if (!d) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while (!is_closing(c) && (e = readdir(d)))
		if (e->d_name[0] != '.')
			sweep_file(c, e->d_name);
	closedir(d);
}

static void sweep(struct cache *c)
{
	char path[16];
	for (unsigned i = 0; i < 256; i++) {
		(void)snprintf(path, sizeof path, "rev/%02x", i);
		sweep_folder(c, path);
	}
}

/* ---- commits and evictions */

static bool commit_due(const struct cache *c) REQUIRES(store_lock)
{
	if (c->lazy_since && now_ms() - c->lazy_since >= LAZY_MS)
		return true;
	return c->dirty_since && (c->dirty_bytes >= COMMIT_BYTES || now_ms() - c->dirty_since >= COMMIT_MS);
}

static void commit_now(struct cache *c)
{
	char line[600] = "";
	store_acquire(c);
	store_turn_begin(c);
	store_release(c);
	int e = commit_all(c);
	if (e)
		(void)snprintf(line, sizeof line, "the index of the cache cannot be written: %s", err_last());
	if (e == -ENOSPC) /* said once, whoever finds it first */
		store_disk_failed(c, e, "the index");
	store_acquire(c);
	store_turn_end(c);
	bool say = e && e != -ENOSPC && !c->warned_index;
	c->warned_index = e != 0;
	store_release(c);
	if (say)
		store_warn(c, "%s", line);
}

static int until_commit(const struct cache *c) REQUIRES(store_lock)
{
	if (!c->dirty_since)
		return READERS_MS;
	int64_t left = c->dirty_since + COMMIT_MS - now_ms();
	return left > 0 ? (int)left : 0;
}

/* One look: what is due is done, else a wait. */
static void look_once(struct cache *c)
{
	store_acquire(c);
	uint64_t over = evict_due(c);
	bool due = commit_due(c);
	store_release(c);
	if (due)
		commit_now(c);
	uint64_t gone = over ? evict_bytes(c, over) : 0;
	store_acquire(c);
	if (!c->closing && !gone && !commit_due(c))
		(void)store_wait(c, &c->work, until_commit(c));
	store_release(c);
}

static void *keep_house(void *ctx)
{
	struct cache *c = ctx;
	int64_t checked = now_ms();
	if (c->sweep)
		sweep(c);
	while (!is_closing(c)) {
		look_once(c);
		if (now_ms() - checked >= READERS_MS) {
			env_check_readers(c->index.env);
			env_check_readers(c->state);
			checked = now_ms();
		}
	}
	return NULL;
}

int housekeeping_start(struct cache *c)
{
	int r = pthread_create(&c->keeper, NULL, keep_house, c);
	c->keeper_runs = !r;
	return r ? err_set(-r, "starting the cache's thread: %s", strerror(r)) : 0;
}

void housekeeping_join(struct cache *c)
{
	if (c->keeper_runs)
		pthread_join(c->keeper, NULL);
	c->keeper_runs = false;
}
