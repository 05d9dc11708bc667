/* SPDX-License-Identifier: MIT */
#include "format/source.h"

#include "format/crc32c.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

void source_init(struct source *s, const struct source_ops *ops, uint64_t size)
{
	*s = (struct source){ ops, size, 1 };
}

struct source *source_ref(struct source *s)
{
	__atomic_add_fetch(&s->refs, 1, __ATOMIC_RELAXED);
	return s;
}

struct source *source_unref(struct source *s)
{
	if (s && __atomic_sub_fetch(&s->refs, 1, __ATOMIC_ACQ_REL) == 0)
		s->ops->free(s);
	return NULL;
}

ssize_t source_pread(struct source *s, void *buf, size_t n, uint64_t off)
{
	if (off >= s->size)
		return 0;
	if (n > s->size - off)
		n = (size_t)(s->size - off);
	if (!n)
		return 0;
	ssize_t r = s->ops->pread(s, buf, n, off);
	if (r >= 0 && (size_t)r != n)
		return err_set(-EIO, "short read: %zd of %zu bytes at %" PRIu64, r, n, off);
	return r;
}

int source_read(struct source *s, void *buf, size_t n, uint64_t off)
{
	if (off > s->size || n > s->size - off)
		return err_set(-EBADMSG, "ends at byte %" PRIu64 ", but bytes %" PRIu64 " to %" PRIu64 " are needed",
			       s->size, off, off + n);
	ssize_t r = source_pread(s, buf, n, off);
	return r < 0 ? (int)r : 0;
}

enum { STREAM_PIECE = 256 << 10 };

static int stream_by_pread(struct source *s, uint64_t off, uint64_t n, source_sink *sink, void *ctx)
{
	CLEANUP_FREE char *piece = malloc(STREAM_PIECE);
	if (!piece)
		return err_nomem("a buffer to read through");
	while (n) {
		size_t want = n < STREAM_PIECE ? (size_t)n : STREAM_PIECE;
		ssize_t r = source_pread(s, piece, want, off);
		if (r < 0)
			return (int)r;
		int e = sink(ctx, piece, (size_t)r);
		if (e)
			return e;
		off += (uint64_t)r;
		n -= (uint64_t)r;
	}
	return 0;
}

int source_stream(struct source *s, uint64_t off, uint64_t n, source_sink *sink, void *ctx)
{
	if (off > s->size || n > s->size - off)
		return err_set(-EBADMSG, "ends at byte %" PRIu64 ", but byte %" PRIu64 " is needed", s->size, off + n);
	if (!n)
		return 0;
	return s->ops->stream ? s->ops->stream(s, off, n, sink, ctx) : stream_by_pread(s, off, n, sink, ctx);
}

bool source_spare(struct source *s) { return !s->ops->spare || s->ops->spare(s); }

static int crc_sink(void *ctx, const void *data, size_t n)
{
	uint32_t *crc = ctx;
	*crc = crc32c(*crc, data, n);
	return 0;
}

int source_crc32c(struct source *s, uint64_t off, uint64_t n, uint32_t *ret)
{
	uint32_t crc = 0;
	while (n) {
		uint64_t in_block = SOURCE_BLOCK - off % SOURCE_BLOCK, left_in_file = s->size > off ? s->size - off : 0;
		uint64_t piece = n < in_block ? n : in_block;
		bool whole = off % SOURCE_BLOCK == 0 && (piece == SOURCE_BLOCK || piece == left_in_file);
		uint32_t block;
		int r;
		if (whole && s->ops->block_crc) {
			r = s->ops->block_crc(s, off / SOURCE_BLOCK, &block);
			crc = crc32c_combine(crc, block, piece);
		} else {
			r = source_stream(s, off, piece, crc_sink, &crc);
		}
		if (r)
			return r;
		off += piece;
		n -= piece;
	}
	*ret = crc;
	return 0;
}

struct bytes {
	struct source src;
	char data[];
};

static ssize_t bytes_pread(struct source *s, void *buf, size_t n, uint64_t off)
{
	memcpy(buf, ((struct bytes *)s)->data + off, n);
	return (ssize_t)n;
}

static void bytes_free(struct source *s) { free(s); }

int source_bytes(const void *data, size_t n, struct source **ret)
{
	static const struct source_ops ops = { .pread = bytes_pread, .free = bytes_free };
	struct bytes *b = malloc(sizeof *b + n);
	if (!b)
		return err_nomem("a copy of a file's bytes");
	source_init(&b->src, &ops, n);
	if (n)
		memcpy(b->data, data, n);
	*ret = &b->src;
	return 0;
}
