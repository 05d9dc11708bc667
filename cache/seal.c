/* SPDX-License-Identifier: MIT */
#include "cache/seal.h"

#include "cache/file.h"
#include "format/crc32c.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The lock of every sealed source (clang cannot name a sibling field in C). */
struct TSA(capability("mutex")) seal_capability {
	char unused;
};
extern struct seal_capability seal_lock;
struct seal_capability seal_lock;

struct sealed {
	struct source src;
	struct seal *seal;	/* fixed */
	struct lock lock;	/* RANK_LEAF */
	/* The block that was read last, for readers of small pieces; NULL: none. */
	char *block GUARDED_BY(seal_lock);
	uint64_t index GUARDED_BY(seal_lock);
};

static void sealed_acquire(struct sealed *s) ACQUIRE(seal_lock) TSA(no_thread_safety_analysis)
{
	lock_acquire(&s->lock);
}
static void sealed_release(struct sealed *s) RELEASE(seal_lock) TSA(no_thread_safety_analysis)
{
	lock_release(&s->lock);
}

static uint64_t sealed_block_bytes(uint64_t size, uint64_t index)
{
	uint64_t left = size - index * SOURCE_BLOCK;
	return left < SOURCE_BLOCK ? left : SOURCE_BLOCK;
}

int seal_new(struct cache *c, const char *label, int fd, uint64_t size, uint64_t count, struct seal **ret)
{
	struct seal *s = calloc(1, sizeof *s + (size_t)count * sizeof s->crc[0]);
	if (!s)
		return err_nomem("a sealed draft");
	*s = (struct seal){ .c = c, .refs = 1, .size = size };
	(void)snprintf(s->label, sizeof s->label, "%s", label);
	s->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (s->fd < 0) {
		int e = errno;
		free(s);
		return err_set(-e, "a descriptor of %s: %s", label, strerror(e));
	}
	*ret = s;
	return 0;
}

struct seal *seal_unref(struct seal *s)
{
	if (!s || __atomic_sub_fetch(&s->refs, 1, __ATOMIC_ACQ_REL))
		return NULL;
	if (s->pinned) {
		store_acquire(s->c);
		s->pinned->pins--;
		rev_put(s->pinned);
		store_release(s->c);
	}
	close(s->fd);
	free(s);
	return NULL;
}

/* Block `index` whole and checked, in `out`. */
static int read_block(const struct seal *s, uint64_t index, char *out)
{
	size_t n = (size_t)sealed_block_bytes(s->size, index);
	int r = file_read(s->fd, s->label, out, n, index * SOURCE_BLOCK);
	if (!r && crc32c(0, out, n) != s->crc[index])
		return err_set(-EIO, "%s was changed on the disk after it was written (block %llu)", s->label,
			       (unsigned long long)index);
	return r;
}

static int copy_from_block(struct sealed *s, uint64_t index, size_t in_block, char *out, size_t n)
{
	int r = 0;
	sealed_acquire(s);
	if (!s->block)
		s->block = malloc(SOURCE_BLOCK);
	else if (s->index == index)
		goto have;
	s->index = UINT64_MAX;
	r = s->block ? read_block(s->seal, index, s->block) : err_nomem("a block of a draft");
	if (!r)
		s->index = index;
have:
	if (!r)
		memcpy(out, s->block + in_block, n);
	if (!r && index * SOURCE_BLOCK + in_block + n == s->src.size) { /* read to the end: no more to come */
		free(s->block);
		s->block = NULL;
	}
	sealed_release(s);
	return r;
}

static ssize_t sealed_pread(struct source *src, void *buf, size_t n, uint64_t off)
{
	struct sealed *s = (struct sealed *)src;
	for (size_t done = 0; done < n;) {
		uint64_t index = (off + done) / SOURCE_BLOCK;
		size_t in_block = (size_t)((off + done) % SOURCE_BLOCK), piece = n - done;
		size_t whole = (size_t)sealed_block_bytes(src->size, index);
		if (piece > whole - in_block)
			piece = whole - in_block;
		int r = piece == whole ? read_block(s->seal, index, (char *)buf + done) :
					 copy_from_block(s, index, in_block, (char *)buf + done, piece);
		if (r)
			return r;
		done += piece;
	}
	return (ssize_t)n;
}

static int sealed_stream(struct source *src, uint64_t off, uint64_t n, source_sink *sink, void *ctx)
{
	struct sealed *s = (struct sealed *)src;
	CLEANUP_FREE char *block = malloc(SOURCE_BLOCK);
	if (!block)
		return err_nomem("a block of a draft");
	while (n) {
		uint64_t index = off / SOURCE_BLOCK, in_block = off % SOURCE_BLOCK;
		uint64_t piece = sealed_block_bytes(src->size, index) - in_block;
		int r = read_block(s->seal, index, block);
		if (piece > n)
			piece = n;
		if (!r)
			r = sink(ctx, block + in_block, (size_t)piece);
		if (r)
			return r;
		off += piece;
		n -= piece;
	}
	return 0;
}

static int sealed_crc(struct source *src, uint64_t index, uint32_t *ret)
{
	*ret = ((struct sealed *)src)->seal->crc[index];
	return 0;
}

static void sealed_free(struct source *src)
{
	struct sealed *s = (struct sealed *)src;
	seal_unref(s->seal);
	sealed_acquire(s);
	free(s->block);
	sealed_release(s);
	lock_done(&s->lock);
	free(s);
}

int seal_source(struct seal *seal, struct source **ret)
{
	static const struct source_ops ops = {
		.pread = sealed_pread, .stream = sealed_stream, .block_crc = sealed_crc, .free = sealed_free,
	};
	struct sealed *s = calloc(1, sizeof *s);
	if (!s)
		return err_nomem("a sealed draft");
	source_init(&s->src, &ops, seal->size);
	lock_init(&s->lock, RANK_LEAF);
	__atomic_add_fetch(&seal->refs, 1, __ATOMIC_RELAXED);
	s->seal = seal;
	*ret = &s->src;
	return 0;
}
