/* SPDX-License-Identifier: MIT */
#include "format/bundle.h"

#include "format/crc32c.h"
#include "format/proto.h"
#include "format/leveldb_table.h"

#include <string.h>

enum { VALUE_BYTES_MAX = 256, PRODUCER = 1 };

/* tensorflow/core/protobuf/tensor_bundle.proto: BundleHeaderProto */
static void write_header(struct buf *b, unsigned shards)
{
	proto_int(b, 1, shards);
	size_t version = proto_begin(b, 3);
	proto_int(b, 1, PRODUCER);
	proto_end(b, version);
}

/* proto3 leaves out what is 0, but the shape stands even for a scalar. */
static void write_nonzero(struct buf *b, unsigned field, uint64_t value)
{
	if (value)
		proto_int(b, field, value);
}

/* BundleEntryProto. The CRC is always written, 0 too: sizes must not depend on it. */
static void write_entry_value(struct buf *b, const struct bundle_entry *e)
{
	proto_int(b, 1, e->dtype);
	size_t shape = proto_begin(b, 2);
	for (unsigned i = 0; i < e->rank; i++) {
		size_t dim = proto_begin(b, 2);
		write_nonzero(b, 1, e->dims[i]);
		proto_end(b, dim);
	}
	proto_end(b, shape);
	write_nonzero(b, 3, e->shard);
	write_nonzero(b, 4, e->off);
	write_nonzero(b, 5, e->size);
	proto_crc(b, 6, e->crc);
}

static void add_value(struct leveldb_table *t, const char *key, struct buf *value)
{
	if (value->failed)
		t->ret->failed = true;
	else
		leveldb_table_add(t, key, value->data, value->len);
	buf_reset(value);
}

void bundle_index(unsigned shards, const struct bundle_entry *entries, size_t n, struct buf *ret)
{
	CLEANUP_BUF struct buf value = BUF_INIT(VALUE_BYTES_MAX);
	struct leveldb_table t;
	leveldb_table_begin(&t, ret);
	write_header(&value, shards);
	add_value(&t, "", &value);
	for (size_t i = 0; i < n; i++) {
		write_entry_value(&value, &entries[i]);
		add_value(&t, entries[i].key, &value);
	}
	leveldb_table_finish(&t);
}

void bundle_strings_init(struct bundle_strings *s, size_t head_bytes_max)
{
	*s = (struct bundle_strings){ .head = BUF_INIT(head_bytes_max) };
}

void bundle_strings_done(struct bundle_strings *s) { buf_done(&s->head); }

/* Lengths are checked as little-endian uint32, or uint64 where they need it, and not as the
 * varints that are stored: WriteStringTensor. */
void bundle_strings_length(struct bundle_strings *s, uint64_t length)
{
	unsigned char le[8];
	for (int i = 0; i < 8; i++)
		le[i] = (unsigned char)(length >> (8 * i));
	s->crc = crc32c(s->crc, le, length > UINT32_MAX ? 8 : 4);
	proto_varint(&s->head, length);
	s->count++;
}

void bundle_strings_seal(struct bundle_strings *s)
{
	uint32_t masked = crc32c_mask(s->crc);
	unsigned char le[4];
	for (int i = 0; i < 4; i++)
		le[i] = (unsigned char)(masked >> (8 * i));
	buf_add(&s->head, le, sizeof le);
	s->crc = crc32c(s->crc, le, sizeof le);
}

uint32_t bundle_strings_crc(const struct bundle_strings *s, uint32_t crc, uint64_t n)
{
	return crc32c_mask(crc32c_combine(s->crc, crc, n));
}

uint32_t bundle_string(const void *data, size_t n, struct buf *ret)
{
	struct bundle_strings s;
	bundle_strings_init(&s, 2 * PROTO_VARINT_MAX);
	bundle_strings_length(&s, n);
	bundle_strings_seal(&s);
	if (s.head.failed)
		ret->failed = true;
	else
		buf_add(ret, s.head.data, s.head.len);
	buf_add(ret, data, n);
	uint32_t crc = bundle_strings_crc(&s, crc32c(0, data, n), n);
	bundle_strings_done(&s);
	return crc;
}
