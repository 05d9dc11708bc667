/* SPDX-License-Identifier: MIT */
#include "fs/tree/name.h"
#include "tests/unit/test.h"

static void both_ways(const char *drive, const char *shown)
{
	CLEANUP_FREE char *s = name_show(drive, "ID"), *d = NULL;
	CHECK_STR(s, shown);
	CHECK_INT(name_drive(shown, &d), 0);
	CHECK_STR(d, drive);
}

TEST(fs_name__mapping_is_one_to_one)
{
	both_ways("m.model", "m.model");
	both_ways("a/b", "a%2Fb");
	both_ways("a%2Fb", "a%252Fb");
	both_ways("a%252Fb", "a%25252Fb");
	both_ways("100%", "100%");
	both_ways("100%25", "100%25");
	both_ways(".", "%2E");
	both_ways("..", "%2E%2E");
	both_ways("%2E", "%252E");
	both_ways("...", "...");
	both_ways("a%2Eb", "a%2Eb");
	both_ways("", "%");
	both_ways("%", "%25");
	both_ways("%25", "%2525");
	both_ways("nul\xef\xb7\x90x", "nul%00x");
	both_ways("picture of nul \xe2\x90\x80", "picture of nul \xe2\x90\x80");
	both_ways("na\xc3\xafve \xf0\x9f\x98\x80\n", "na\xc3\xafve \xf0\x9f\x98\x80\n");
}

TEST(fs_name__long_names_are_cut_at_a_character_and_carry_the_id)
{
	char name[400];
	for (size_t i = 0; i + 1 < sizeof name; i += 2)
		memcpy(name + i, "\xc3\xa9", 2);
	name[398] = 0;
	CLEANUP_FREE char *s = name_show(name, "0123456789");
	CHECK(s && strlen(s) <= NAME_BYTES_MAX && strlen(s) > NAME_BYTES_MAX - 3);
	CHECK_STR(strchr(s, '~'), "~0123456789");
	CHECK((unsigned char)strchr(s, '~')[-1] == 0xa9);
}

TEST(fs_name__what_drive_cannot_hold_is_refused)
{
	char *d = NULL, name[300];
	CHECK_INT(name_drive("caf\xe9", &d), -EILSEQ);
	memset(name, 'x', sizeof name);
	name[256] = 0;
	CHECK_INT(name_drive(name, &d), -ENAMETOOLONG);
}
