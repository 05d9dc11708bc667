/* SPDX-License-Identifier: MIT */
/* A source: bytes [0, size) of one immutable revision, readable at any offset. A Drive file, a
 * cached file, a sealed draft, a byte string and every file of saved_model/ are sources; a
 * read() in fs/ knows nothing else. New content is a new source.
 *
 * For implementers:
 *  - any number of threads may be in any function; the caller holds no lock;
 *  - they may block on the network and end with -EINTR when cancelled() (format/base.h);
 *  - pread returns n, or less only where the next byte would be `size`, or -errno: the kernel
 *    pads any other short read with zeroes, which would be silent corruption;
 *  - source.c has clamped n and off to the size before it calls. */
#ifndef DFM_FORMAT_SOURCE_H
#define DFM_FORMAT_SOURCE_H
#include "format/base.h"
#include <sys/types.h>

/* The unit of integrity: CRC-32C is kept for each block of this many bytes, the last one short. */
#define SOURCE_BLOCK (1u << 20)

struct source;
/* Takes n bytes that follow those of the call before; 0, or -errno to end the stream with it. */
typedef int source_sink(void *ctx, const void *data, size_t n);

struct source_ops {
	ssize_t (*pread)(struct source *s, void *buf, size_t n, uint64_t off);
	/* Optional. Hand bytes [off, off + n) to `sink` in order, as they arrive, in pieces of any
	 * size; 0 only when all were handed over. NULL: source_stream() uses pread. */
	int (*stream)(struct source *s, uint64_t off, uint64_t n, source_sink *sink, void *ctx);
	/* Optional. The CRC-32C of block `index`, without reading it where that is known. */
	int (*block_crc)(struct source *s, uint64_t index, uint32_t *ret);
	/* Optional. True: what a stream hands over counts only once it has returned 0, since only then
	 * is it known to be of this revision. Asked when the first bytes come. NULL: never. */
	bool (*tentative)(struct source *s);
	/* Optional. False: reading ahead would take away what readers need (a budget of requests is
	 * short). Quick; may be called under locks below RANK_LEAF. NULL: always true. */
	bool (*spare)(struct source *s);
	void (*free)(struct source *s);
};

struct source {
	const struct source_ops *ops;
	uint64_t size;
	unsigned refs; /* atomic */
};

/* For implementers: one reference, the caller's. */
void source_init(struct source *s, const struct source_ops *ops, uint64_t size);

struct source *source_ref(struct source *s);	/* returns s */
struct source *source_unref(struct source *s);	/* NULL is fine; returns NULL */
static inline void source_unrefp(struct source **s) { source_unref(*s); }
#define CLEANUP_SOURCE CLEANUP(source_unrefp)

/* Bytes read: n, or fewer at the end only (0 behind it); or -errno. */
MUST_CHECK ssize_t source_pread(struct source *s, void *buf, size_t n, uint64_t off);
/* All n bytes, or -EBADMSG when the source ends before, or -errno. */
MUST_CHECK int source_read(struct source *s, void *buf, size_t n, uint64_t off);
MUST_CHECK int source_stream(struct source *s, uint64_t off, uint64_t n, source_sink *sink, void *ctx);
/* Are bytes that nobody waits for welcome now? */
bool source_spare(struct source *s);
/* CRC-32C (Castagnoli, not masked) of [off, off + n). Whole blocks come from block_crc. */
MUST_CHECK int source_crc32c(struct source *s, uint64_t off, uint64_t n, uint32_t *ret);

/* A source over a copy of n bytes. */
MUST_CHECK int source_bytes(const void *data, size_t n, struct source **ret);
#endif
