/* SPDX-License-Identifier: MIT */
#include "format/graph.h"

#include "tests/unit/golden.h"

static void write_graph(struct buf *ret, uint64_t rows, uint64_t width, uint64_t words)
{
	const struct graph_dims d = { rows, width, words };
	buf_reset(ret);
	graph_write(&d, ret);
	CHECK_INT(buf_check(ret, "saved_model.pb"), 0);
}

TEST(format_graph__saved_model_is_the_reference_s)
{
	CLEANUP_BUF struct buf b = BUF_INIT(GRAPH_BYTES_MAX);
	write_graph(&b, 3, 2, 3);
	golden_file(&b, GOLDEN_EXAMPLE "saved_model.pb");
}

/* Computed as tests/unit/golden.h says. K < V: gensim keeps the rows of duplicate words. */
TEST(format_graph__saved_model_of_other_sizes)
{
	static const struct {
		uint64_t rows, width, words;
		const char *sha256;
	} want[] = {
		{ 1, 1, 1, "53d44ba288d2130fb601132d0e74736e6df40f410c884a964dba0cd90fd85b8f" },
		{ 3, 2, 2, "3a801c6cd1af44688b2a9e9d71e0b3f1abaab91e25b4e69efe53b3a2ad5a1325" },
		{ 127, 128, 100, "1910029ad10605b3f61185d9fb6483452d494c84f1292563e01d0b2265e0af69" },
		{ 1000000, 300, 1000000, "06d0762f90e62105a9ca7857e73e977afe62d6181ad462d651dddf7b95d930db" },
		{ 3000000, 300, 2999999, "c5d000b7eadce1c99f467ea45ea5df09ef651718199357fa1e82e93d3915cb8e" },
		{ 5000000000, 1024, 4999999999, "00651816c27875680cb4c78367c6b3dd99795f4d0d28111c7901e626bb54cdb7" },
	};
	CLEANUP_BUF struct buf b = BUF_INIT(GRAPH_BYTES_MAX);
	for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
		write_graph(&b, want[i].rows, want[i].width, want[i].words);
		golden_sha256(&b, want[i].sha256);
	}
}

static const struct graph_node table[] = {
	NODE("n", "Op", "a:0 ^b", TYPE("T", DT_INT64), SHAPE("shape", "[?,D]"), OUT("? []"), INT("i", 0)),
	CONST("c", DT_FLOAT, "[2]", FLOATS(0, 1)),
	BARE("x", "NoOp", ""),
	END
};

/* Attributes in the order of their names; the bytes are what attr_value.proto says. */
TEST(format_graph__nodes_come_from_tables)
{
	static const char start[] = "\x0a\x01n" "\x12\x02Op" "\x1a\x03" "a:0" "\x1a\x02^b" "\x2a\x07\x0a\x01T\x12\x02\x30\x09";
	CLEANUP_BUF struct buf b = BUF_INIT(1000);
	const struct graph_dims d = { 7, 5, 7 };
	graph_node_write_all(&b, 1, table, &d);
	CHECK_INT(buf_check(&b, "nodes"), 0);
	CHECK(!memcmp(b.data + 2, start, sizeof start - 1));
	CHECK(memmem(b.data, b.len, "\x3a\x02\x18\x01\x3a\x00", 6));	/* "? []" */
	CHECK(memmem(b.data, b.len, "\x12\x0b\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x12\x02\x08\x05", 17));
	CHECK(memmem(b.data, b.len, "\x0a\x01i\x12\x02\x18\x00", 7));	/* zero is written in a oneof */
	CHECK(memmem(b.data, b.len, "\x08\x01\x12\x04\x12\x02\x08\x02\x2a\x08\0\0\0\0\0\0\x80\x3f", 18));
	CHECK(!memcmp(b.data + b.len - 11, "\x0a\x09\x0a\x01x\x12\x04NoOp", 11));
}
