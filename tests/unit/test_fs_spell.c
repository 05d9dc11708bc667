/* SPDX-License-Identifier: MIT */
#include "fs/spell.h"
#include "tests/unit/test.h"

TEST(fs_spell__counts_the_letters_that_differ)
{
	static const struct { const char *a, *b; size_t distance; } rows[] = {
		{ "poll", "poll", 0 }, { "POLL", "poll", 0 }, { "pol", "poll", 1 }, { "pooll", "poll", 1 }, { "plol", "poll", 1 },
		{ "puol", "poll", 2 }, { "", "poll", 4 }, { "poll", "", 4 }, { "cachesize", "cache_size", 1 }, { "abc", "xyz", 3 },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		CHECK_INT(spell_distance(rows[i].a, rows[i].b), rows[i].distance);
	char longer[100];
	memset(longer, 'x', sizeof longer - 1);
	longer[sizeof longer - 1] = 0;
	CHECK_INT(spell_distance(longer, "x"), 99);
}

TEST(fs_spell__means_the_nearest_name_and_none_that_is_far)
{
	static const char *const names[] = { "status", "path", "check", "auth" };
	static const struct { const char *word, *meant; } rows[] = {
		{ "Status", "status" }, { "stats", "status" }, { "sttaus", "status" }, { "pth", "path" }, { "chekc", "check" },
		{ "umount", NULL }, { "nonsense", NULL }, { "", NULL }, { "x", NULL },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct spell s = SPELL_INIT(rows[i].word);
		for (size_t k = 0; k < sizeof names / sizeof *names; k++)
			spell_try(&s, names[k]);
		CHECK(!s.best == !rows[i].meant);
		if (s.best)
			CHECK_STR(s.best, rows[i].meant);
	}
}
