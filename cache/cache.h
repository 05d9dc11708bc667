/* SPDX-License-Identifier: MIT */
/* One cache folder: blocks of revisions, drafts being written, and a small durable store of what
 * fs/ wants to remember. Knows nothing of Drive: misses are filled from the source it is given.
 *
 *   state/      LMDB, default durability: key-value tables (cache_state_*), the notes of drafts.
 *               Never wiped by us.
 *   blocks/     LMDB: revision -> size, which blocks are there, CRC-32C of each, last use. Can be
 *               deleted at any time. Committed in batches (>= 16 MiB of data or 1 s).
 *   rev/ab/NAME sparse file, bytes at their natural offsets
 *   draft/N     the bytes of draft N
 *   lock        flock()ed: one process per folder
 *
 * Thread-safe. No LMDB transaction is ever open across a call of a source, a callback or a wait
 * (lmdb.h: "Avoid long-lived transactions"). */
#ifndef DFM_CACHE_CACHE_H
#define DFM_CACHE_CACHE_H
#include "format/buf.h"
#include "format/source.h"

struct cache_config {
	const char *dir;	/* made (0700) if it is not there; its parents too */
	uint64_t bytes_max;	/* of block data; >= 64 MiB. Drafts and files in use may go over it */
	unsigned fetches_max;	/* concurrent streams from origins, all sources together; 1..64 */
	void (*warn)(void *ctx, const char *line); /* something was repaired or left behind; NULL: none */
	void *warn_ctx;
};

struct cache;
/* -EBUSY: another process has the folder; -EACCES: it belongs to somebody else or is open to
 * others; -EPROTO: made by a newer version. A blocks/ that is damaged or of another version is
 * made anew; state/ never is. */
MUST_CHECK int cache_open(const struct cache_config *cfg, struct cache **ret);
/* Every source and draft must be gone. Commits what is pending. NULL is fine; returns NULL. */
struct cache *cache_close(struct cache *c);
/* End all waits of readers with -EINTR and start nothing new: before an unmount. */
void cache_stop(struct cache *c);

/* ---- blocks */
/* One immutable content: a file id, its revision, and "" or the name of something derived from it
 * (a part of a SavedModel and the writer's version). Bytes [A-Za-z0-9_.-] and others; NUL-terminated. */
struct cache_key {
	const char *file, *revision, *part;
};

/* A source with the bytes of `origin` (whose reference it takes on success). A block is fetched
 * at most once while it is kept; concurrent readers of a missing block share one fetch, which
 * reads ahead where the reader is sequential (8 MiB growing to 32 MiB; 1 MiB where it is not), and
 * a reader waits for its own bytes only. A failed fetch fails its waiters with its error; the next
 * read tries again. Each block is checked by its CRC when it is first read in this run; a bad one
 * is fetched again. origin NULL: only what is kept: -ENODATA unless it is complete. */
MUST_CHECK int cache_wrap(struct cache *c, const struct cache_key *key, struct source *origin, struct source **ret);
/* Is every block of it kept? */
bool cache_complete(struct cache *c, const struct cache_key *key);
/* Forget it (a revision that is known to be gone). Readers that have it open keep it. */
void cache_drop(struct cache *c, const struct cache_key *key);

/* ---- drafts: bytes being written. States:
 *   OPEN --draft_seal()--> SEALED --draft_commit()--> gone, its bytes are a complete revision
 *                                     draft_discard() and draft_leave() from either
 * One lock per draft: any thread may call any function; the order of concurrent writes is theirs.
 * draft_create(), draft_truncate(), draft_size() and draft_number() may be called with a lock of a rank
 * below RANK_DRAFT held; the others wait for a disk, a source or LMDB, and are not. */
struct draft;
/* A new draft, empty, or with the bytes of `base` (a reference of its own is taken; nothing is copied
 * now, the bytes that are not written over are at the seal, which lets go of the base).
 *
 * The base may be the source of another draft's seal: that is how a write goes on beside an upload.
 * The sealed draft is not touched; it may be committed, discarded or left meanwhile, its bytes stay
 * readable for who has a source of its seal. As long as the new draft is not sealed, a crash leaves
 * it without those bytes, so a sealed draft whose bytes are promised to somebody stays until then. */
MUST_CHECK int draft_create(struct cache *c, struct source *base, struct draft **ret);
/* A new, empty draft of something that can be made again: no note, never shown by cache_drafts(), and
 * what a run that is killed leaves of it is removed by the next cache_open(). draft_leave() discards
 * it; draft_seal() and draft_commit() are as for any draft. */
MUST_CHECK int draft_create_scratch(struct cache *c, struct draft **ret);
/* Opaque bytes (target, name ...) kept durably with the draft, for cache_drafts() in a later run. */
MUST_CHECK int draft_note(struct draft *d, const void *note, size_t n);
/* Whole or -errno (-EIO; -EFBIG over 5 TB, Drive's limit; -EBUSY: sealed). -ENOSPC: it does not fit, after
 * all cached blocks that nobody reads have given way; the reason says how much is missing. Bytes
 * [off, off + n) that the draft had may have changed then, its size has not. The draft keeps its
 * room until it is cut, discarded, or left and then dropped. */
MUST_CHECK int draft_pwrite(struct draft *d, const void *data, size_t n, uint64_t off);
MUST_CHECK ssize_t draft_pread(struct draft *d, void *data, size_t n, uint64_t off);
MUST_CHECK int draft_truncate(struct draft *d, uint64_t size);
uint64_t draft_size(struct draft *d);
uint64_t draft_number(const struct draft *d);	/* N of draft/N */
/* Freeze: fill in what the base still covers, fsync. *ret: the content, checked against the CRCs
 * taken at the write, so that what the disk or the memory changed since is -EIO, never sent. On
 * failure (-ENOSPC as above) it is open as before, and may be sealed again. */
MUST_CHECK int draft_seal(struct draft *d, struct source **ret);
/* Uploaded: the bytes become the complete revision `key`. Takes d, on failure too (then the bytes
 * are dropped: they are in Drive). Sources of the seal stay readable, before, during and after: whoever
 * has one shows it in the draft's stead first, and no reader is ever between the two. It keeps the
 * revision from being evicted, so it is to be exchanged for one of cache_wrap() in time. */
int draft_commit(struct draft *d, const struct cache_key *key);
/* Drop the bytes and the note. NULL is fine; returns NULL. */
struct draft *draft_discard(struct draft *d);
/* Let go without dropping: bytes and note stay for a later run. NULL is fine; returns NULL. */
struct draft *draft_leave(struct draft *d);
/* Drop a draft that was left behind, and its note. -ENOENT: there is none; -EBUSY: somebody has it. */
MUST_CHECK int cache_draft_drop(struct cache *c, uint64_t number);
/* Each draft that was left behind, by an earlier run or by this one: number, size, note. */
MUST_CHECK int cache_drafts(struct cache *c, int (*each)(void *ctx, uint64_t number, uint64_t size,
							 const void *note, size_t n), void *ctx);

/* ---- state: small durable tables. A put returns when it is on disk. Keys 1..511 bytes. */
/* 0 and the value in *ret (emptied first), -ENOENT, -errno. */
MUST_CHECK int cache_state_get(struct cache *c, const char *table, const char *key, struct buf *ret);
MUST_CHECK int cache_state_put(struct cache *c, const char *table, const char *key, const void *data, size_t n);
MUST_CHECK int cache_state_del(struct cache *c, const char *table, const char *key);

/* ---- figures */
struct cache_stats {
	uint64_t bytes, bytes_max;	/* block data kept */
	uint64_t hits, misses;		/* blocks read by readers: from here / fetched */
	uint64_t fetches, bytes_fetched;
	uint64_t healed;		/* blocks whose CRC was wrong */
	uint64_t evicted;		/* blocks */
	uint64_t drafts, draft_bytes;	/* that somebody has; what they take on the disk */
	uint64_t left, left_bytes;	/* those that cache_drafts() shows */
};
/* Looks at the files of the drafts: not under a lock. */
void cache_stats(struct cache *c, struct cache_stats *ret);
#endif
