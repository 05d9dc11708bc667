/* SPDX-License-Identifier: MIT */
/* Drafts inside the cache (cache.h has their functions): file draft/N, N in decimal; the note is
 * in the state table "draft" under the same decimal. A scratch draft is draft/scratch-N and has no
 * note. The file is sparse: what is neither written (`own`) nor beyond `base_end` is still the base's.
 *
 * Per block of SOURCE_BLOCK bytes a running CRC-32C covers its first `len` bytes as long as the
 * writes come in order; any other write makes the block stale, and its CRC is taken at the seal.
 *
 * d->lock (RANK_DRAFT) guards all that is not fixed. It is held across pwrite() to the draft's
 * file, so that the CRCs are of what is there; never across the base, fsync or LMDB. */
#ifndef DFM_CACHE_DRAFT_H
#define DFM_CACHE_DRAFT_H
#include "cache/extent.h"
#include "cache/seal.h"
#include "cache/store.h"

extern struct store_capability draft_lock;

enum { DRAFT_NAME_MAX = 32 };
enum draft_state { DRAFT_OPEN, DRAFT_SEALING, DRAFT_SEALED };
struct draft_block {
	uint32_t crc;
	uint32_t len : 31, stale : 1;	/* len <= SOURCE_BLOCK */
};
struct draft {
	struct cache *c;	/* fixed */
	uint64_t number;	/* fixed */
	int fd;			/* fixed */
	bool scratch;		/* fixed */
	char label[DRAFT_NAME_MAX];	/* fixed: "draft N", for messages */
	struct draft *next GUARDED_BY(store_lock);	/* c->drafts */
	struct lock lock;
	enum draft_state state GUARDED_BY(draft_lock);
	uint64_t size GUARDED_BY(draft_lock);
	struct source *base GUARDED_BY(draft_lock);	/* a reference; NULL: nothing is the base's any more */
	uint64_t base_end GUARDED_BY(draft_lock);
	struct extents own GUARDED_BY(draft_lock);	/* only with a base */
	struct draft_block *blocks GUARDED_BY(draft_lock);
	size_t block_cap GUARDED_BY(draft_lock);
	struct seal *seal GUARDED_BY(draft_lock);	/* a reference, when SEALED */
	bool noted GUARDED_BY(draft_lock), dir_synced GUARDED_BY(draft_lock);
	bool sync_failed GUARDED_BY(draft_lock);	/* the next one must write all of it again */
};

static inline void draft_acquire(struct draft *d) ACQUIRE(draft_lock) TSA(no_thread_safety_analysis)
{
	lock_acquire(&d->lock);
}
static inline void draft_release(struct draft *d) RELEASE(draft_lock) TSA(no_thread_safety_analysis)
{
	lock_release(&d->lock);
}

enum { DRAFT_EXTENTS_MAX = 65536 };
#define DRAFT_SIZE_MAX (5ull << 40)
#define DRAFT_SCRATCH "scratch-"
/* "draft/N" */
void draft_name(uint64_t number, char ret[DRAFT_NAME_MAX]);
/* The path of a draft's file in the folder of the cache. */
void draft_path(const struct draft *d, char ret[DRAFT_NAME_MAX]);
/* The key of a note in the state table "draft". */
void draft_note_key(uint64_t number, char ret[DRAFT_NAME_MAX]);
/* Make the draft's name in the folder durable, once. No lock held. */
MUST_CHECK int draft_sync_dir(struct draft *d);
/* Fetch what the base still covers into the file, and let go of the base. No lock held. */
MUST_CHECK int draft_fill(struct draft *d);
/* Find the numbers that are taken, and remove the scratch drafts of a run that was killed. */
MUST_CHECK int draft_left_recover(struct cache *c);
/* Fill in what cache_stats says of drafts. No lock held. */
void draft_left_count(struct cache *c, struct cache_stats *ret);
#endif
