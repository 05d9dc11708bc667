/* SPDX-License-Identifier: MIT */
#include "fs/items.h"
#include "tests/unit/test.h"

static void shows(const char *json, const char *text)
{
	CLEANUP_BUF struct buf b = BUF_INIT(64 << 10);
	items_show(&b, json);
	buf_byte(&b, 0);
	CHECK_INT(buf_check(&b, "text"), 0);
	CHECK_STR(b.data, text);
}

TEST(fs_items__each_is_a_line_without_json)
{
	shows("[]", "");
	shows("[{\"path\": \"a/b\", \"bytes\": 1536, \"sending\": true, \"tries\": 3, \"error\": \"No space\"}]",
	      "  \"a/b\", 1.5 KiB, sending, tries 3, error No space\n");
	shows("[{\"draft\": \"/c/draft/7\", \"bytes\": 5, \"path\": \"x\"}, {\"draft\": \"/c/draft/8\", \"bytes\": 0}]",
	      "  \"x\", draft /c/draft/7, 5 B\n  \"/c/draft/8\"\n");
	shows("[{\"path\": \"p\", \"sending\": false, \"error\": \"\"}]", "  \"p\"\n");
}

TEST(fs_items__a_name_is_read_back_and_escaped)
{
	shows("[{\"path\": \"a\\\"b\\\\c, {x}]\\u000aheld 0\\u009b\"}]", "  \"a\"b\\c, {x}]\\nheld 0\\x9b\"\n");
	shows("[{\"path\": \"\\u00e9\\u202e\"}]", "  \"\xc3\xa9\\u{202e}\"\n");
}

/* What was torn, or is nested, ends and shows no braces. */
TEST(fs_items__nothing_that_it_is_given_runs_away)
{
	static const char whole[] = "[{\"path\": \"a\\u000ab\", \"x\": {\"y\": [1, 2]}, \"bytes\": 12}, {\"path\": \"z\"}]";
	for (size_t n = 0; n < sizeof whole; n++) {
		char part[sizeof whole];
		memcpy(part, whole, n);
		part[n] = 0;
		CLEANUP_BUF struct buf b = BUF_INIT(64 << 10);
		items_show(&b, part);
		CHECK(!b.data || !strpbrk(b.data, "{}[]"));
	}
	shows(whole, "  \"a\\nb\", 12 B\n  \"z\"\n");
}
