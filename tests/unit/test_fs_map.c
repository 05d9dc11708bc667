/* SPDX-License-Identifier: MIT */
#include "fs/tree/map.h"
#include "tests/unit/test.h"

TEST(fs_map__finds_what_was_put_and_not_what_was_removed)
{
	static char keys[3000][8];
	struct map m = { 0 };
	for (size_t i = 0; i < 3000; i++) {
		snprintf(keys[i], sizeof keys[i], "k%zu", i);
		CHECK_INT(map_put(&m, keys[i], keys[i]), 0);
	}
	for (size_t i = 0; i < 3000; i += 3)
		CHECK(map_del(&m, keys[i]) == keys[i]);
	for (size_t i = 0; i < 3000; i++)
		CHECK(map_get(&m, keys[i]) == (i % 3 ? keys[i] : NULL));
	size_t n = 0;
	for (size_t pos = 0; map_next(&m, &pos);)
		n++;
	CHECK_INT(n, 2000);
	CHECK_INT(m.count, 2000);
	map_done(&m);
}

TEST(fs_map__stays_small_when_entries_come_and_go)
{
	char key[16];
	struct map m = { 0 };
	for (int i = 0; i < 100000; i++) {
		snprintf(key, sizeof key, "%d", i);
		CHECK_INT(map_put(&m, key, key), 0);
		CHECK(map_del(&m, key) == key);
	}
	CHECK(m.cap <= 64);
	map_done(&m);
}
