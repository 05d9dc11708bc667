/* SPDX-License-Identifier: MIT */
#include "fs/view_name.h"
#include "tests/unit/test.h"

static void shows(const char *name, const char *want)
{
	CLEANUP_FREE char *shown = view_name_show(name), *back = shown ? view_name_read(shown) : NULL;
	CHECK(shown && back);
	CHECK_STR(shown, want);
	CHECK_STR(back, name);
}

TEST(fs_view_name__no_name_is_a_pattern_and_each_comes_back)
{
	shows("plain.model", "plain.model");
	shows("m[1].bin", "m%5B1%5D.bin");
	shows("*?\\", "%2A%3F%5C");
	shows("per%20cent 100%", "per%20cent 100%");
	shows("m%5B1%5D.bin", "m%255B1%255D.bin");
	shows("%25", "%2525");
	shows("%2525[", "%252525%5B");
	shows("%5b", "%5b"); /* digits of the other case are no form */
	shows("%", "%");
}

TEST(fs_view_name__two_names_never_have_one_form)
{
	/* All names of up to five of these characters. */
	static const char of[] = "%25B[";
	for (unsigned i = 0; i < 3125; i++) {
		char name[6] = "";
		for (unsigned v = i, k = 0; k < 5; k++, v /= 5)
			name[k] = of[v % 5];
		CLEANUP_FREE char *shown = view_name_show(name), *back = shown ? view_name_read(shown) : NULL;
		CHECK(shown && back);
		CHECK_STR(back, name);
		CHECK(!strpbrk(shown, "*?[]\\"));
	}
}

TEST(fs_view_name__what_is_typed_as_in_drive_is_found)
{
	CLEANUP_FREE char *name = view_name_read("m[1]%5B.bin");
	CHECK_STR(name, "m[1]%5B.bin");
}

TEST(fs_view_name__one_that_would_be_too_long_stays_as_it_is)
{
	char name[256];
	memset(name, '[', 255);
	name[255] = 0;
	CLEANUP_FREE char *shown = view_name_show(name), *back = shown ? view_name_read(shown) : NULL;
	CHECK_STR(shown, name);
	CHECK_STR(back, name);
}
