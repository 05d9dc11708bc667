/* SPDX-License-Identifier: MIT */
/* The frozen content of a draft and the sources that read it. Each block is read whole and
 * compared with its CRC before any byte of it is handed out; what differs is -EIO with the
 * draft's number. A seal lives as long as its sources and its draft; after the draft was
 * committed it pins the revision that its file has become. Any thread. */
#ifndef DFM_CACHE_SEAL_H
#define DFM_CACHE_SEAL_H
#include "cache/rev.h"

struct seal {
	struct cache *c;
	unsigned refs;		/* atomic */
	int fd;			/* its own */
	uint64_t size;
	char label[32];		/* of the draft, for messages */
	struct rev *pinned;	/* a reference once committed, else NULL; under the cache's lock */
	uint32_t crc[];		/* one per block */
};

/* Of `count` blocks, on a duplicate of fd; the CRCs are the caller's to fill in. */
MUST_CHECK int seal_new(struct cache *c, const char *label, int fd, uint64_t size, uint64_t count, struct seal **ret);
struct seal *seal_unref(struct seal *s); /* NULL is fine; returns NULL */
MUST_CHECK int seal_source(struct seal *s, struct source **ret);
#endif
