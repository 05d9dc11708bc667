/* SPDX-License-Identifier: MIT */
#include "format/leveldb_table.h"
#include "tests/unit/golden.h"

TEST(format_leveldb_table__one_entry_byte_for_byte)
{
	static const unsigned char want[] = {
		0, 1, 1, 'a', 'b', 0, 0, 0, 0, 1, 0, 0, 0, 0, 0xb6, 0x2c, 0xe0, 0x4b,	/* data block */
		0, 0, 0, 0, 1, 0, 0, 0, 0, 0xc0, 0xf2, 0xa1, 0xb0,			/* metaindex block */
		0, 1, 2, 'b', 0, 0x0d, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0x6c, 0x73, 0xb0, 0xa8,	/* index block */
		0x12, 8, 0x1f, 0x0e,	/* footer: where the two are, padding, magic */
		[90] = 0x57, 0xfb, 0x80, 0x8b, 0x24, 0x75, 0x47, 0xdb,
	};
	CLEANUP_BUF struct buf b = BUF_INIT(1000);
	struct leveldb_table t;
	leveldb_table_begin(&t, &b);
	leveldb_table_add(&t, "a", "b", 1);
	leveldb_table_finish(&t);
	CHECK_INT(buf_check(&b, "table"), 0);
	CHECK_INT(b.len, sizeof want);
	CHECK(!memcmp(b.data, want, sizeof want));
}

static void add_entries(struct leveldb_table *t, char keys[][16], int n)
{
	for (int i = 0; i < n; i++) {
		snprintf(keys[i], 16, "key-%04d", i);
		leveldb_table_add(t, keys[i], "vvvv", (size_t)i % 5);
	}
}

/* 50 entries: prefixes are shared but at every 16th. SHA-256 as tests/unit/golden.h says. */
TEST(format_leveldb_table__shares_prefixes_between_restart_points)
{
	CLEANUP_BUF struct buf b = BUF_INIT(10000);
	char keys[50][16];
	struct leveldb_table t;
	leveldb_table_begin(&t, &b);
	add_entries(&t, keys, 50);
	leveldb_table_finish(&t);
	CHECK_INT(buf_check(&b, "table"), 0);
	CHECK_INT(b.len, 438);
	golden_sha256(&b, "b634b0e98f860f1410f7780a9def9e1ba774484110280e3f7ba4d1042c2eb5ed");
}

TEST(format_leveldb_table__may_stand_behind_other_bytes)
{
	CLEANUP_BUF struct buf a = BUF_INIT(10000), b = BUF_INIT(10000);
	char keys[50][16];
	struct leveldb_table t;
	leveldb_table_begin(&t, &a);
	add_entries(&t, keys, 50);
	leveldb_table_finish(&t);
	buf_str(&b, "before");
	leveldb_table_begin(&t, &b);
	add_entries(&t, keys, 50);
	leveldb_table_finish(&t);
	CHECK(!buf_check(&a, "table") && !buf_check(&b, "table"));
	CHECK(b.len == a.len + 6 && !memcmp(b.data + 6, a.data, a.len));
}

TEST(format_leveldb_table__refuses_more_entries_than_it_has_restart_points_for)
{
	CLEANUP_BUF struct buf b = BUF_INIT(1 << 20);
	static char keys[LEVELDB_TABLE_ENTRIES_MAX + 1][16];
	struct leveldb_table t;
	leveldb_table_begin(&t, &b);
	add_entries(&t, keys, LEVELDB_TABLE_ENTRIES_MAX);
	CHECK_INT(buf_check(&b, "table"), 0);
	leveldb_table_add(&t, "z", "", 0);
	CHECK(buf_check(&b, "table") < 0);
}
