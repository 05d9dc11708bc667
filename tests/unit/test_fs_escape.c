/* SPDX-License-Identifier: MIT */
#include "fs/escape.h"
#include "tests/unit/test.h"

static const struct { const char *raw, *shown; } escapes[] = {
	{ "", "" }, { "news.model", "news.model" }, { "a\\b \"c\" %2F", "a\\b \"c\" %2F" },
	{ "m\xc3\xb6gen \xe6\x97\xa5 \xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x94\xac",
	  "m\xc3\xb6gen \xe6\x97\xa5 \xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x94\xac" },
	{ "\x1b[2J\x1b]0;owned\x07", "\\x1b[2J\\x1b]0;owned\\x07" },
	{ "a\nok        write", "a\\nok        write" }, { "a\r\tb\x7f", "a\\r\\tb\\x7f" },
	{ "\xc2\x9b" "31m", "\\x9b31m" }, { "\xc2\x85", "\\x85" }, { "\xc2\xa0", "\xc2\xa0" },
	{ "\xe2\x80\xae" "ledom.exe", "\\u{202e}ledom.exe" }, { "\xe2\x81\xa6x\xe2\x81\xa9", "\\u{2066}x\\u{2069}" },
	{ "a\xe2\x80\xa8" "b", "a\\u{2028}b" }, { "\xef\xbb\xbf", "\\u{feff}" }, { "\xf3\xa0\x81\x81", "\\u{e0041}" },
	{ "\x9b" "31m \xff\xc3", "\\x9b31m \\xff\\xc3" }, { "\xed\xa0\x80", "\\xed\\xa0\\x80" },
};

TEST(fs_escape__nothing_moves_the_cursor_or_forges_a_line)
{
	for (size_t i = 0; i < sizeof escapes / sizeof *escapes; i++) {
		char text[200];
		CLEANUP_BUF struct buf b = BUF_INIT(4096);
		CHECK_INT(escape_text(text, sizeof text, escapes[i].raw), strlen(escapes[i].shown));
		CHECK_STR(text, escapes[i].shown);
		escape_add(&b, escapes[i].raw);
		buf_byte(&b, 0);
		CHECK_INT(buf_check(&b, "text"), 0);
		CHECK_STR(b.data, escapes[i].shown);
	}
}

TEST(fs_escape__is_cut_at_a_whole_escape)
{
	char text[8];
	CHECK_INT(escape_text(text, sizeof text, "abcde\x1b"), 5);
	CHECK_STR(text, "abcde");
	CHECK_INT(escape_text(text, sizeof text, "abc\x1bxyz"), 7);
	CHECK_STR(text, "abc\\x1b");
	CHECK_INT(escape_text(text, sizeof text, "abcdef\xc3\xb6"), 6);
	CHECK_STR(text, "abcdef");
}
