/* SPDX-License-Identifier: MIT */
#include "format/proto.h"

#include <string.h>

/* protobuf's wire types, the low three bits of a tag. */
enum { VARINT = 0, LENGTH = 2, FIXED32 = 5 };

size_t proto_encode(uint64_t value, unsigned char ret[PROTO_VARINT_MAX])
{
	size_t n = 0;
	for (; value >= 128; value >>= 7)
		ret[n++] = (unsigned char)(value | 128);
	ret[n++] = (unsigned char)value;
	return n;
}

void proto_varint(struct buf *b, uint64_t value)
{
	unsigned char v[PROTO_VARINT_MAX];
	buf_add(b, v, proto_encode(value, v));
}

void proto_fixed32(struct buf *b, uint32_t value)
{
	for (int i = 0; i < 32; i += 8)
		buf_byte(b, (unsigned char)(value >> i));
}

static void tag(struct buf *b, unsigned field, unsigned type) { proto_varint(b, (uint64_t)field << 3 | type); }

void proto_int(struct buf *b, unsigned field, uint64_t value)
{
	tag(b, field, VARINT);
	proto_varint(b, value);
}

void proto_crc(struct buf *b, unsigned field, uint32_t value)
{
	tag(b, field, FIXED32);
	proto_fixed32(b, value);
}

void proto_bytes(struct buf *b, unsigned field, const void *data, size_t n)
{
	tag(b, field, LENGTH);
	proto_varint(b, n);
	buf_add(b, data, n);
}

void proto_str(struct buf *b, unsigned field, const char *s) { proto_bytes(b, field, s, strlen(s)); }

size_t proto_begin(struct buf *b, unsigned field)
{
	tag(b, field, LENGTH);
	return b->len;
}

/* The length goes before the content, and how long the length is depends on the content: add it
 * behind, then rotate. The messages here are some KB. */
void proto_end(struct buf *b, size_t begun)
{
	unsigned char v[PROTO_VARINT_MAX];
	size_t content = b->len - begun, n = proto_encode(content, v);
	buf_add(b, v, n);
	if (b->failed)
		return;
	memmove(b->data + begun + n, b->data + begun, content);
	memcpy(b->data + begun, v, n);
}

void proto_empty(struct buf *b, unsigned field) { proto_bytes(b, field, "", 0); }

int proto_compare(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	if (!*a || !*b)
		return (*a == 0) - (*b == 0);
	return (unsigned char)*a - (unsigned char)*b;
}
