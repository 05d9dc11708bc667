/* SPDX-License-Identifier: MIT */
#include "format/leveldb_table.h"

#include "format/crc32c.h"
#include "format/proto.h"

#include <string.h>

enum {
	RESTART_INTERVAL = 16,	/* entries that may share prefixes (table_options.h) */
	UNCOMPRESSED = 0,
	FOOTER_BYTES = 48,
};
#define MAGIC UINT64_C(0xdb4775248b80fb57)

/* Where a block is; its size leaves out the trailer. */
struct handle {
	uint64_t off, size;
};

void leveldb_table_begin(struct leveldb_table *t, struct buf *ret)
{
	*t = (struct leveldb_table){ .ret = ret, .start = ret->len, .last = "" };
}

static void write_entry(struct buf *b, const char *key, size_t shared, const void *value, size_t n)
{
	size_t rest = strlen(key) - shared;
	proto_varint(b, shared);
	proto_varint(b, rest);
	proto_varint(b, n);
	buf_add(b, key + shared, rest);
	buf_add(b, value, n);
}

void leveldb_table_add(struct leveldb_table *t, const char *key, const void *value, size_t n)
{
	size_t shared = 0;
	if (t->count >= LEVELDB_TABLE_ENTRIES_MAX) {
		t->ret->failed = true;
		return;
	}
	if (t->count % RESTART_INTERVAL == 0)
		t->restarts[t->count / RESTART_INTERVAL] = (uint32_t)(t->ret->len - t->start);
	else
		while (key[shared] && key[shared] == t->last[shared])
			shared++;
	write_entry(t->ret, key, shared, value, n);
	t->last = key;
	t->count++;
}

/* End the block that began at `off` of the table: restart points, then the trailer. */
static struct handle end_block(struct leveldb_table *t, size_t off, const uint32_t *restarts, size_t n)
{
	struct buf *b = t->ret;
	for (size_t i = 0; i < n; i++)
		proto_fixed32(b, restarts[i]);
	proto_fixed32(b, (uint32_t)n);
	struct handle h = { off, b->len - t->start - off };
	buf_byte(b, UNCOMPRESSED);
	if (!b->failed)
		proto_fixed32(b, crc32c_mask(crc32c(0, b->data + t->start + off, b->len - t->start - off)));
	return h;
}

static void write_handle(struct buf *b, struct handle h)
{
	proto_varint(b, h.off);
	proto_varint(b, h.size);
}

static void write_footer(struct buf *b, struct handle metaindex, struct handle index)
{
	size_t start = b->len;
	write_handle(b, metaindex);
	write_handle(b, index);
	while (!b->failed && b->len - start < FOOTER_BYTES - 8)
		buf_byte(b, 0);
	proto_fixed32(b, (uint32_t)MAGIC);
	proto_fixed32(b, (uint32_t)(MAGIC >> 32));
}

/* The shortest key that is not below `last`: leveldb's FindShortSuccessor. */
static void short_successor(const char *last, char ret[2])
{
	ret[0] = last[0] ? (char)(last[0] + 1) : 0;
	ret[1] = 0;
}

void leveldb_table_finish(struct leveldb_table *t)
{
	static const uint32_t first = 0;
	struct buf *b = t->ret;
	char successor[2];
	unsigned char value[2 * PROTO_VARINT_MAX];
	size_t restarts = (t->count + RESTART_INTERVAL - 1) / RESTART_INTERVAL;
	struct handle data = end_block(t, 0, t->restarts, restarts);
	struct handle metaindex = end_block(t, b->len - t->start, &first, 1);
	size_t off = b->len - t->start;
	short_successor(t->last, successor);
	size_t n = proto_encode(data.off, value);
	n += proto_encode(data.size, value + n);
	write_entry(b, successor, 0, value, n);
	struct handle index = end_block(t, off, &first, 1);
	write_footer(b, metaindex, index);
}
