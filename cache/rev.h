/* SPDX-License-Identifier: MIT */
/* A revision that is in use: one object per name, shared by all its sources, flights and whoever
 * evicts it. All of it is guarded by the lock of its cache, but for the fields that are fixed.
 *
 * The bytes are in rev/ab/NAME, ab being two digits of a hash of NAME. NAME is file.revision.part
 * with every byte outside [A-Za-z0-9_-] as %XX; over 200 bytes, the end of it is a 128-bit hash.
 *
 * Only a present bit makes bytes in the file believed. A detached revision (dropped, or replaced
 * by other content) goes on for those who have it, uncounted, on a file without a name. */
#ifndef DFM_CACHE_REV_H
#define DFM_CACHE_REV_H
#include "cache/store.h"
#include "cache/readahead.h"

struct rev_block {
	uint64_t used;		/* store_now() */
	uint32_t crc;
};
struct rev_chunk {
	uint8_t present[CHUNK_BLOCKS / 8], verified[CHUNK_BLOCKS / 8];
	bool dirty;
	struct rev_block block[];
};

/* Blocks [first, end) that somebody works on; lives on that thread's stack. */
enum span_kind { SPAN_READ, SPAN_VERIFY, SPAN_EVICT };
struct span {
	struct span *next;
	uint64_t first, end;
	enum span_kind kind;
};

struct rev {
	struct cache *c;	/* fixed, as are size, blocks and name */
	uint64_t size, blocks;
	struct rev *next GUARDED_BY(store_lock);
	unsigned refs GUARDED_BY(store_lock);
	unsigned sources GUARDED_BY(store_lock);
	unsigned pins GUARDED_BY(store_lock);	/* who cannot fetch: not evicted */
	bool loading GUARDED_BY(store_lock);	/* its record is being read: wait for `changed` */
	bool detached GUARDED_BY(store_lock);
	bool recorded GUARDED_BY(store_lock);	/* the index has a record of it */
	bool anew GUARDED_BY(store_lock);	/* old block records are to be removed */
	bool dirty GUARDED_BY(store_lock);
	bool unsynced GUARDED_BY(store_lock);	/* bytes were written since the last fdatasync */
	int fd GUARDED_BY(store_lock);		/* -1: not opened yet */
	uint64_t bytes GUARDED_BY(store_lock);	/* of present blocks */
	uint64_t used GUARDED_BY(store_lock);
	struct rev_chunk **chunks GUARDED_BY(store_lock); /* NULL where nothing is present */
	struct span *spans GUARDED_BY(store_lock);
	struct flight *flights GUARDED_BY(store_lock);
	struct readahead_set streams GUARDED_BY(store_lock);
	char name[];
};

#define REV_ANY_SIZE UINT64_MAX
/* The name of a key; -EINVAL: it has an empty file id. */
MUST_CHECK int rev_name(const struct cache_key *key, char ret[INDEX_NAME_MAX + 1]);
/* "rev/ab/NAME" */
enum { REV_PATH_MAX = INDEX_NAME_MAX + 8 };
void rev_path(const char *name, char ret[REV_PATH_MAX]);

/* A reference, of the object in use or one made from the index. One of another size is replaced.
 * REV_ANY_SIZE: -ENOENT when the index does not know it. Takes the lock. */
MUST_CHECK int rev_get(struct cache *c, const char *name, uint64_t size, struct rev **ret);
/* Give a reference back. */
void rev_put(struct rev *r) REQUIRES(store_lock);
/* The object in use, not referenced; NULL: none. */
struct rev *rev_find(struct cache *c, const char *name) REQUIRES(store_lock);
/* An object without a file and without blocks in the table, which has none of that name;
 * NULL: no memory (recorded). One reference. */
struct rev *rev_add(struct cache *c, const char *name, uint64_t size) REQUIRES(store_lock);
/* Take it out of the table for good; its bytes are no longer counted, its file loses its name. */
void rev_detach(struct rev *r) REQUIRES(store_lock);
/* Free what is unused and needs no commit any more. */
void rev_settle(struct rev *r) REQUIRES(store_lock);

/* The file, opened (made) at the first call; -errno. Valid while a reference is held. */
int rev_fd(struct rev *r) REQUIRES(store_lock);

static inline uint64_t rev_block_bytes(const struct rev *r, uint64_t b)
{
	uint64_t left = r->size - b * SOURCE_BLOCK;
	return left < SOURCE_BLOCK ? left : SOURCE_BLOCK;
}
static inline struct rev_chunk *rev_chunk(const struct rev *r, uint64_t b) REQUIRES(store_lock)
{
	return r->chunks[b / CHUNK_BLOCKS];
}
static inline bool rev_present(const struct rev *r, uint64_t b) REQUIRES(store_lock)
{
	struct rev_chunk *k = rev_chunk(r, b);
	return k && bit_get(k->present, b % CHUNK_BLOCKS);
}
static inline bool rev_verified(const struct rev *r, uint64_t b) REQUIRES(store_lock)
{
	struct rev_chunk *k = rev_chunk(r, b);
	return k && bit_get(k->verified, b % CHUNK_BLOCKS);
}
/* Memory for the bits of block b, which rev_set() needs. */
MUST_CHECK int rev_room(struct rev *r, uint64_t b) REQUIRES(store_lock);
/* Block b is whole in the file. */
void rev_set(struct rev *r, uint64_t b, uint32_t crc, bool verified) REQUIRES(store_lock);
void rev_clear(struct rev *r, uint64_t b) REQUIRES(store_lock);
void rev_mark_verified(struct rev *r, uint64_t b) REQUIRES(store_lock);
/* Blocks [first, end) were used now. */
void rev_touch(struct rev *r, uint64_t first, uint64_t end) REQUIRES(store_lock);
/* Remove the file of a revision that nothing knows, unless the table has one of that name. */
void rev_remove_orphan(struct cache *c, const char *name) REQUIRES(store_lock);
/* Something has to be committed. */
void rev_dirty(struct rev *r) REQUIRES(store_lock);

void rev_span_add(struct rev *r, struct span *s) REQUIRES(store_lock);
void rev_span_del(struct rev *r, struct span *s) REQUIRES(store_lock);
/* Is block b in a span of one of these kinds (bits 1 << kind)? */
bool rev_span_covers(const struct rev *r, uint64_t b, unsigned kinds) REQUIRES(store_lock);
#endif
