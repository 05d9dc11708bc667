/* SPDX-License-Identifier: MIT */
/* Flights: ranges of a revision on their way from an origin into its file. One flight is one
 * source_stream() of the origin, run by a fetcher thread, writing bytes as they arrive and moving
 * `pos` behind them (at the end, where the origin is tentative: format/source.h). A flight covers
 * whole blocks that are neither present nor in another flight.
 *
 * A flight that could not write to the cache's disk ends `uncached`: its waiters read the origin
 * themselves. Any other failure is its waiters' failure. Blocks that were whole before are kept.
 * Guarded by the lock of the cache. */
#ifndef DFM_CACHE_FETCH_H
#define DFM_CACHE_FETCH_H
#include "cache/rev.h"

enum flight_state { FLIGHT_QUEUED, FLIGHT_RUNNING, FLIGHT_DONE };
struct flight {
	struct rev *rev;		/* a reference */
	struct source *origin;		/* a reference, until it is done */
	uint64_t off, end;		/* fixed */
	uint64_t pos GUARDED_BY(store_lock);
	uint64_t wake_at GUARDED_BY(store_lock); /* the first position that a waiter needs */
	enum flight_state state GUARDED_BY(store_lock);
	unsigned refs GUARDED_BY(store_lock), waiters GUARDED_BY(store_lock);
	bool background GUARDED_BY(store_lock);
	bool uncached GUARDED_BY(store_lock);
	int err GUARDED_BY(store_lock);
	struct flight *next_in_rev GUARDED_BY(store_lock), *next_in_queue GUARDED_BY(store_lock);
	pthread_cond_t moved;
	char text[512] GUARDED_BY(store_lock);	/* why it failed */
	/* The fetcher's own: */
	uint32_t crc;			/* of the block that is arriving */
	uint64_t at;			/* `pos`, without the lock */
	uint64_t reserved;
	bool disk_failed;
	bool tentative;			/* nobody sees the bytes before the stream has ended well */
	uint32_t *held;			/* the CRCs of its blocks until then */
	int fd;
};

/* Queue a flight over [off, end), block-aligned but for the end of the file. The flight is not
 * referenced for the caller: it is found by fetch_flight_at() as long as it is not done. */
MUST_CHECK int fetch_start(struct rev *r, struct source *origin, uint64_t off, uint64_t end, bool background)
	REQUIRES(store_lock);
/* The flight whose bytes to come, or block that is arriving, cover byte `off`; NULL: none. */
struct flight *fetch_flight_at(const struct rev *r, uint64_t off) REQUIRES(store_lock);
/* Somebody waits for it now: a queued background flight becomes urgent. */
void fetch_flight_join(struct flight *f) REQUIRES(store_lock);
void fetch_flight_leave(struct flight *f) REQUIRES(store_lock);
/* Drop the flights of r that nobody waits for and that have not begun. Returns them as a list by
 * next_in_queue for fetch_drop_list(), which is called without the lock. */
struct flight *fetch_drop_idle(struct rev *r) REQUIRES(store_lock);
void fetch_drop_list(struct cache *c, struct flight *list);
/* Join the fetchers; `closing` is set. */
void fetch_join(struct cache *c);
#endif
