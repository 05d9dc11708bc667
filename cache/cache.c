/* SPDX-License-Identifier: MIT */
#include "cache/commit.h"
#include "cache/draft.h"
#include "cache/evict.h"
#include "cache/fetch.h"
#include "cache/housekeeping.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	STATE_VERSION = 1,
	STATE_MAP_BYTES = 64 << 20,
	BYTES_MIN = 64 << 20,
};

/* ---- opening: the folder */

/* As mkdir -p, 0700. */
static int make_cache_folders(const char *dir)
{
	CLEANUP_FREE char *path = strdup(dir);
	if (!path)
		return err_nomem("the path of the cache folder");
	for (char *p = path + 1;; p++) {
		if (*p && *p != '/')
			continue;
		char was = *p;
		*p = 0;
		if (mkdir(path, 0700) && errno != EEXIST)
			return err_set(-errno, "making \"%s\": %s", path, strerror(errno));
		*p = was;
		if (!was)
			return 0;
	}
}

static int check_cache_owner(struct cache *c)
{
	struct stat st;
	if (fstat(c->dir_fd, &st))
		return err_set(-errno, "\"%s\": %s", c->dir, strerror(errno));
	if (st.st_uid != geteuid())
		return err_set(-EACCES, "the cache folder \"%s\" belongs to another user", c->dir);
	if (st.st_mode & 077)
		return err_set(-EACCES, "the cache folder \"%s\" is open to others: chmod 700 it", c->dir);
	return 0;
}

static int take_cache_folder(struct cache *c)
{
	int r = make_cache_folders(c->dir);
	if (r)
		return r;
	c->dir_fd = open(c->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (c->dir_fd < 0)
		return err_set(-errno, "opening \"%s\": %s", c->dir, strerror(errno));
	r = check_cache_owner(c);
	if (r)
		return r;
	c->lock_fd = openat(c->dir_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (c->lock_fd < 0)
		return err_set(-errno, "opening \"%s/lock\": %s", c->dir, strerror(errno));
	if (flock(c->lock_fd, LOCK_EX | LOCK_NB))
		return err_set(errno == EWOULDBLOCK ? -EBUSY : -errno,
			       "the cache folder \"%s\" is in use by another process", c->dir);
	if ((mkdirat(c->dir_fd, "rev", 0700) && errno != EEXIST) || (mkdirat(c->dir_fd, "draft", 0700) && errno != EEXIST))
		return err_set(-errno, "making folders in \"%s\": %s", c->dir, strerror(errno));
	return 0;
}

/* ---- opening: the two environments */

static int sub_path(const struct cache *c, const char *sub, char ret[4096])
{
	int n = snprintf(ret, 4096, "%s/%s", c->dir, sub);
	return n > 0 && n < 4096 ? 0 : err_set(-ENAMETOOLONG, "the cache folder's path is too long");
}

static void wipe_blocks(struct cache *c)
{
	static const char *const files[] = { "blocks/data.mdb", "blocks/lock.mdb", "blocks/sum" };
	for (size_t i = 0; i < sizeof files / sizeof *files; i++)
		(void)unlinkat(c->dir_fd, files[i], 0);
	if (unlinkat(c->dir_fd, "blocks", 0) && errno != ENOENT && errno != EISDIR && errno != EPERM)
		(void)unlinkat(c->dir_fd, "blocks", AT_REMOVEDIR);
}

static int open_blocks(struct cache *c)
{
	char path[4096];
	int r = sub_path(c, "blocks", path);
	if (r)
		return r;
	c->sweep = faccessat(c->dir_fd, "blocks/sum", F_OK, 0) != 0; /* written by a clean end only */
	r = index_open(&c->index, path);
	if (r && r != -ENOMEM && r != -EMFILE && r != -ENFILE && r != -ENOSPC && r != -EROFS) {
		store_warn(c, "the block index of the cache is made anew: %s", err_last());
		wipe_blocks(c);
		c->sweep = true;
		r = index_open(&c->index, path);
	}
	if (!r)
		r = index_bytes(&c->index, &c->stats.bytes);
	return r;
}

static int open_state(struct cache *c)
{
	char path[4096];
	int r = sub_path(c, "state", path);
	if (!r)
		r = env_open(path, STATE_VERSION, STATE_MAP_BYTES, &c->state);
	if (r == -EILSEQ || r == -EBADMSG || r == -EINVAL) {
		char why[512];
		(void)snprintf(why, sizeof why, "%s", err_last());
		return err_set(-EIO, "what the cache remembers is damaged and is left as it is: %s", why);
	}
	return r;
}

static int start_clock(struct cache *c)
{
	struct timespec t;
	uint64_t newest;
	int r = index_newest(&c->index, &newest);
	clock_gettime(CLOCK_REALTIME, &t);
	c->epoch = (uint64_t)t.tv_sec * 1000;
	if (c->epoch <= newest)
		c->epoch = newest + 1; /* the clock was set back */
	c->start = now_ms();
	return r;
}

static void set_limits(struct cache *c, const struct cache_config *cfg)
{
	c->bytes_max = cfg->bytes_max < BYTES_MIN ? BYTES_MIN : cfg->bytes_max;
	c->fetches_max = !cfg->fetches_max ? 1 : cfg->fetches_max > FETCHES_LIMIT ? FETCHES_LIMIT : cfg->fetches_max;
	uint64_t ahead = c->bytes_max / 8 / SOURCE_BLOCK * SOURCE_BLOCK;
	c->fetch_bytes_max = ahead < READAHEAD_FETCH_MAX ? (uint32_t)ahead : READAHEAD_FETCH_MAX;
}

static int open_all(struct cache *c)
{
	int r = take_cache_folder(c);
	if (!r)
		r = open_state(c);
	if (!r)
		r = open_blocks(c);
	if (!r)
		r = start_clock(c);
	if (!r)
		r = draft_left_recover(c);
	store_acquire(c);
	c->bytes = c->stats.bytes;
	store_release(c);
	return r ? r : housekeeping_start(c);
}

int cache_open(const struct cache_config *cfg, struct cache **ret)
{
	struct cache *c = calloc(1, sizeof *c);
	if (!c)
		return err_nomem("the cache");
	c->dir_fd = c->lock_fd = -1;
	c->warn = cfg->warn;
	c->warn_ctx = cfg->warn_ctx;
	set_limits(c, cfg);
	lock_init(&c->lock, RANK_FLIGHT);
	cond_init(&c->changed);
	cond_init(&c->work);
	cond_init(&c->queued);
	c->dir = strdup(cfg->dir);
	int r = c->dir ? open_all(c) : err_nomem("the cache");
	if (r) {
		cache_close(c);
		return r;
	}
	*ret = c;
	return 0;
}

/* ---- closing */

void cache_stop(struct cache *c)
{
	store_acquire(c);
	store_stop(c);
	for (size_t i = 0; i < REV_BUCKETS; i++)
		for (struct rev *r = c->table[i]; r; r = r->next)
			for (struct flight *f = r->flights; f; f = f->next_in_rev)
				pthread_cond_broadcast(&f->moved);
	store_release(c);
}

/* What the last commit could not write is forgotten. */
static void forget_rest(struct cache *c)
{
	store_acquire(c);
	for (size_t i = 0; i < REV_BUCKETS; i++)
		while (c->table[i]) {
			struct rev *r = c->table[i];
			r->refs = 1;
			r->dirty = false;
			rev_put(r);
		}
	store_release(c);
}

static void end_threads(struct cache *c)
{
	store_acquire(c);
	store_stop(c);
	c->closing = true;
	pthread_cond_broadcast(&c->work);
	store_release(c);
	fetch_join(c);
	housekeeping_join(c);
}

struct cache *cache_close(struct cache *c)
{
	if (!c)
		return NULL;
	end_threads(c);
	if (c->index.env) {
		store_acquire(c);
		store_turn_begin(c);
		store_release(c);
		if (commit_all(c))
			store_warn(c, "the last blocks are not kept: %s", err_last());
	}
	forget_rest(c);
	index_close(&c->index);
	c->state = env_close(c->state);
	if (c->dir_fd >= 0)
		close(c->dir_fd);
	if (c->lock_fd >= 0)
		close(c->lock_fd);
	pthread_cond_destroy(&c->changed);
	pthread_cond_destroy(&c->work);
	pthread_cond_destroy(&c->queued);
	lock_done(&c->lock);
	free(c->dir);
	free(c);
	return NULL;
}

/* ---- the rest of cache.h on blocks */

bool cache_complete(struct cache *c, const struct cache_key *key)
{
	char name[INDEX_NAME_MAX + 1];
	struct rev_meta m;
	if (rev_name(key, name))
		return false;
	store_acquire(c);
	struct rev *r = rev_find(c, name);
	bool open = r && !r->loading, whole = open && r->bytes == r->size;
	store_release(c);
	if (open)
		return whole;
	return !index_load(&c->index, name, &m, NULL, NULL) && m.bytes == m.size;
}

void cache_drop(struct cache *c, const struct cache_key *key)
{
	char name[INDEX_NAME_MAX + 1];
	struct rev *r;
	if (rev_name(key, name))
		return;
	int e = rev_get(c, name, REV_ANY_SIZE, &r);
	if (e)
		return; /* nothing is known of it */
	store_acquire(c);
	store_turn_begin(c);
	rev_detach(r);
	rev_put(r);
	store_release(c);
	e = commit_gone(c, name);
	store_acquire(c);
	store_turn_end(c);
	store_release(c);
	if (e) /* its blocks do not agree with their CRCs then */
		store_warn(c, "a dropped file stays in the index of the cache: %s", err_last());
}

void cache_stats(struct cache *c, struct cache_stats *ret)
{
	store_acquire(c);
	*ret = c->stats;
	ret->bytes = c->bytes;
	ret->bytes_max = c->bytes_max;
	store_release(c);
	draft_left_count(c, ret);
}
