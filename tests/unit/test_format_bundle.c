/* SPDX-License-Identifier: MIT */
#include "format/bundle.h"

#include "format/crc32c.h"
#include "format/object_graph.h"
#include "tests/unit/golden.h"

/* The reference's words: lengths, their masked CRC, the bytes. */
static const char words[] = "the" "king\nqueen" "na\xc3\xafve";

TEST(format_bundle__string_tensor_is_the_reference_s)
{
	CLEANUP_BUF struct buf shard = BUF_INIT(10000);
	CHECK_INT(object_graph_tensor(&shard), shard.failed ? 0 : 0x544bb955);
	struct bundle_strings s;
	bundle_strings_init(&s, 100);
	bundle_strings_length(&s, 3);
	bundle_strings_length(&s, 10);
	bundle_strings_length(&s, 6);
	bundle_strings_seal(&s);
	if (s.head.failed)
		shard.failed = true;
	else
		buf_add(&shard, s.head.data, s.head.len);
	buf_add(&shard, words, sizeof words - 1);
	CHECK_INT(bundle_strings_crc(&s, crc32c(0, words, sizeof words - 1), sizeof words - 1), 0xa5d15b86);
	bundle_strings_done(&s);
	CHECK_INT(buf_check(&shard, "shard"), 0);
	golden_file(&shard, GOLDEN_EXAMPLE "variables/variables.data-00001-of-00002");
}

static void index_of(uint64_t rows, uint64_t width, uint64_t k, uint64_t off, uint32_t crc, uint64_t size,
		     uint32_t vocabulary_crc, struct buf *ret)
{
	CLEANUP_BUF struct buf graph = BUF_INIT(10000);
	uint32_t graph_crc = object_graph_tensor(&graph);
	CHECK_INT(buf_check(&graph, "graph"), 0);
	const struct bundle_entry e[] = {
		{ OBJECT_GRAPH_KEY, DT_STRING, 0, { 0 }, 1, 0, graph.len, graph_crc },
		{ OBJECT_GRAPH_EMBEDDINGS_KEY, DT_FLOAT, 2, { rows, width }, 0, off, rows * width * 4, crc32c_mask(crc) },
		{ OBJECT_GRAPH_VOCABULARY_KEY, DT_STRING, 1, { k }, 1, graph.len, size, vocabulary_crc },
	};
	buf_reset(ret);
	bundle_index(2, e, 3, ret);
	CHECK_INT(buf_check(ret, "index"), 0);
}

TEST(format_bundle__index_is_the_reference_s)
{
	CLEANUP_BUF struct buf b = BUF_INIT(10000);
	index_of(3, 2, 3, 0, 0x805104b9, 26, 0xa5d15b86, &b);
	golden_file(&b, GOLDEN_EXAMPLE "variables/variables.index");
}

/* Computed as tests/unit/golden.h says: the header of a .npy, an odd offset, CRCs of extreme bits. */
TEST(format_bundle__index_with_other_sizes_and_offsets)
{
	CLEANUP_BUF struct buf b = BUF_INIT(10000);
	index_of(3, 2, 2, 128, 0x12345678, 26, 0x9abcdef0, &b);
	golden_sha256(&b, "c3b676aca54b058bab6f0d3fc8fbd96c63526054f2b575556253a6d21f837926");
	index_of(1000000, 300, 1000000, 3957, 0, 7888890, 1, &b);
	golden_sha256(&b, "c28d525f10a22389104651397304966cfb83828ba8b7ddf5ed0d1873c6c3692d");
	index_of(3000000, 300, 2999999, 0, 0xffffffff, 30000000, 0xa282ead8, &b);
	golden_sha256(&b, "1820c04b7aa289d71bc211817d1d1756e4b2d973b37db99c6760269cd9d9ba4b");
}

TEST(format_bundle__size_of_the_index_does_not_depend_on_checksums)
{
	CLEANUP_BUF struct buf b = BUF_INIT(10000);
	index_of(1000, 50, 1000, 80, 0, 9000, 0, &b);
	size_t size = b.len;
	index_of(1000, 50, 1000, 80, 0xffffffff, 9000, 0xffffffff, &b);
	CHECK_INT(b.len, size);
	index_of(1000, 50, 1000, 80, crc32c_unmask(0), 9000, 0x80000000, &b);
	CHECK_INT(b.len, size);
}

/* The checksum of lengths covers 4 bytes of each, or 8 where 4 are not enough. */
TEST(format_bundle__lengths_beyond_32_bits)
{
	struct bundle_strings s;
	bundle_strings_init(&s, 100);
	bundle_strings_length(&s, UINT32_MAX);
	CHECK_INT(s.crc, crc32c(0, "\xff\xff\xff\xff", 4));
	bundle_strings_length(&s, UINT64_C(1) << 32);
	CHECK_INT(s.crc, crc32c(0, "\xff\xff\xff\xff\0\0\0\0\1\0\0\0", 12));
	CHECK_INT(s.count, 2);
	bundle_strings_done(&s);
}
