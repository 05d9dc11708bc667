/* SPDX-License-Identifier: MIT */
/* struct cache and the one lock that guards what is kept in memory.
 *
 * c->lock (RANK_FLIGHT) guards the table of revisions, their bitmaps, flights and streams, and
 * the counters. It is held for memory work only: no pread, no origin, no LMDB, no fsync under it
 * (open() and unlink() of a file in rev/ are allowed). LMDB callbacks may take it; so it is never
 * held where env.h is called.
 *
 * Clang's analysis cannot name a sibling field in C, so the lock of every cache stands for one
 * capability, `store_lock`.
 *
 * Threads: one keeper (housekeeping.c: commits, evicts, sweeps) and up to fetches_max fetchers
 * (fetch.c), joined by cache_close(). */
#ifndef DFM_CACHE_STORE_H
#define DFM_CACHE_STORE_H
#include "cache/cache.h"
#include "cache/index.h"

struct TSA(capability("mutex")) store_capability {
	char unused;
};
extern struct store_capability store_lock;

struct rev;
struct flight;
enum { REV_BUCKETS = 1024, COMMIT_BYTES = 16 << 20, COMMIT_MS = 1000, FETCHES_LIMIT = 64, DRAFT_DIRS_MAX = 4096 };

struct cache {
	/* fixed after cache_open() */
	char *dir;
	int dir_fd, lock_fd;
	uint64_t bytes_max;
	unsigned fetches_max;
	uint32_t fetch_bytes_max;	/* of one read-ahead, so that what is ahead fits the cache */
	void (*warn)(void *ctx, const char *line);
	void *warn_ctx;
	struct index index;
	struct env *state;
	uint64_t epoch;			/* store_now() at cache_open() */
	int64_t start;			/* now_ms() then */
	bool sweep;			/* the last run ended badly: look for orphans */
	pthread_t keeper;
	bool keeper_runs;

	struct lock lock;
	pthread_cond_t changed;		/* a load, eviction, verification, commit or flight ended */
	pthread_cond_t work;		/* for the keeper */
	pthread_cond_t queued;		/* for the fetchers */
	bool stopping GUARDED_BY(store_lock);		/* no waits, no fetches any more */
	bool stop_flag;					/* atomic: `stopping`, for who must not lock */
	bool closing GUARDED_BY(store_lock);		/* threads end */
	bool storing GUARDED_BY(store_lock);		/* somebody commits or evicts */
	struct rev *table[REV_BUCKETS] GUARDED_BY(store_lock);
	struct flight *queue GUARDED_BY(store_lock);	/* waiting for a fetcher */
	pthread_t fetchers[FETCHES_LIMIT] GUARDED_BY(store_lock);
	unsigned fetcher_count GUARDED_BY(store_lock), fetchers_idle GUARDED_BY(store_lock);
	uint64_t bytes GUARDED_BY(store_lock);		/* kept, counted or not yet in the index */
	uint64_t reserved GUARDED_BY(store_lock);	/* what running fetches will add */
	uint64_t dirty_bytes GUARDED_BY(store_lock);	/* since the last commit */
	uint64_t free_wanted GUARDED_BY(store_lock);	/* the disk is full: evict this much */
	int64_t dirty_since GUARDED_BY(store_lock);	/* now_ms() of the oldest change, 0: none */
	int64_t lazy_since GUARDED_BY(store_lock);	/* the same, of changes that are in no hurry */
	int64_t disk_bad_until GUARDED_BY(store_lock);	/* now_ms(): read past the cache until then */
	unsigned bypass_windows GUARDED_BY(store_lock);	/* bypass.h */
	bool warned_disk GUARDED_BY(store_lock), warned_index GUARDED_BY(store_lock);
	struct cache_stats stats GUARDED_BY(store_lock);
	uint64_t draft_next GUARDED_BY(store_lock);
	struct draft *drafts GUARDED_BY(store_lock);	/* those that somebody has */
};

static inline void store_acquire(struct cache *c) ACQUIRE(store_lock) TSA(no_thread_safety_analysis)
{
	lock_acquire(&c->lock);
}
static inline void store_release(struct cache *c) RELEASE(store_lock) TSA(no_thread_safety_analysis)
{
	lock_release(&c->lock);
}
static inline int store_wait(struct cache *c, pthread_cond_t *cond, int timeout_ms)
	REQUIRES(store_lock) TSA(no_thread_safety_analysis)
{
	return lock_wait(&c->lock, cond, timeout_ms);
}
/* Milliseconds that never go back, over runs too. */
uint64_t store_now(const struct cache *c);
/* Tell the owner; not under a lock. */
void store_warn(struct cache *c, const char *fmt, ...) PRINTF(2, 3);
/* Set `stopping`. */
void store_stop(struct cache *c) REQUIRES(store_lock);
/* The turn of whoever commits, evicts or replaces records: one at a time, waits allowed in it. */
void store_turn_begin(struct cache *c) REQUIRES(store_lock);
void store_turn_end(struct cache *c) REQUIRES(store_lock);
/* The disk has no room: read past it for a while. */
void store_disk_full(struct cache *c);
/* The cache's disk failed with `err` (negative): read past it for a while, say so once. */
void store_disk_failed(struct cache *c, int err, const char *what);
#endif
