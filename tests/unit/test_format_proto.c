/* SPDX-License-Identifier: MIT */
#include "format/proto.h"
#include "tests/unit/test.h"

static void check_bytes(const struct buf *b, const char *want, size_t n)
{
	CHECK_INT(buf_check(b, "message"), 0);
	CHECK_INT(b->len, n);
	CHECK(!memcmp(b->data, want, n));
}
#define BYTES_ARE(b, s) check_bytes((b), (s), sizeof(s) - 1)

TEST(format_proto__writes_the_examples_of_the_encoding_guide)
{
	CLEANUP_BUF struct buf b = BUF_INIT(1000);
	proto_int(&b, 1, 150);
	BYTES_ARE(&b, "\x08\x96\x01");
	buf_reset(&b);
	proto_str(&b, 2, "testing");
	BYTES_ARE(&b, "\x12\x07testing");
	buf_reset(&b);
	size_t m = proto_begin(&b, 3);
	proto_int(&b, 1, 150);
	proto_end(&b, m);
	BYTES_ARE(&b, "\x1a\x03\x08\x96\x01");
	buf_reset(&b);
	size_t packed = proto_begin(&b, 6);
	proto_varint(&b, 3);
	proto_varint(&b, 270);
	proto_varint(&b, 86942);
	proto_end(&b, packed);
	BYTES_ARE(&b, "\x32\x06\x03\x8e\x02\x9e\xa7\x05");
}

TEST(format_proto__writes_the_extremes)
{
	CLEANUP_BUF struct buf b = BUF_INIT(1000);
	proto_int(&b, 1, (uint64_t)-1);
	proto_crc(&b, 6, 0x80000001);
	proto_int(&b, 20, 0);
	proto_empty(&b, 2);
	BYTES_ARE(&b, "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x35\x01\x00\x00\x80\xa0\x01\x00\x12\x00");
}

TEST(format_proto__nests_messages_whose_lengths_take_several_bytes)
{
	CLEANUP_BUF struct buf b = BUF_INIT(1 << 20);
	char long_text[20000];
	memset(long_text, 'x', sizeof long_text);
	size_t a = proto_begin(&b, 1), c = proto_begin(&b, 2);
	proto_bytes(&b, 3, long_text, sizeof long_text);
	proto_end(&b, c);
	proto_int(&b, 4, 5);
	proto_end(&b, a);
	CHECK_INT(buf_check(&b, "message"), 0);
	CHECK_INT(b.len, 4 + 4 + 4 + sizeof long_text + 2);
	CHECK(!memcmp(b.data, "\x0a\xaa\x9c\x01\x12\xa4\x9c\x01\x1a\xa0\x9c\x01x", 13));
	CHECK(!memcmp(b.data + b.len - 3, "x\x20\x05", 3));
}

TEST(format_proto__a_full_buffer_stays_failed)
{
	CLEANUP_BUF struct buf b = BUF_INIT(8);
	size_t m = proto_begin(&b, 1);
	proto_str(&b, 1, "too much");
	proto_end(&b, m);
	CHECK_INT(buf_check(&b, "message"), b.len >= 4 ? -EFBIG : -ENOMEM);
}

TEST(format_proto__orders_keys_as_upb_does)
{
	CHECK(proto_compare("a", "b") < 0 && proto_compare("b", "a") > 0);
	CHECK(proto_compare("Tindices", "T") < 0 && proto_compare("T", "Tindices") > 0);
	CHECK(proto_compare("Z", "_a") < 0 && proto_compare("a", "\xc3") < 0);
	CHECK_INT(proto_compare("same", "same"), 0);
}
