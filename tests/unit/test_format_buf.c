/* SPDX-License-Identifier: MIT */
#include "format/buf.h"
#include "tests/unit/test.h"

TEST(format_buf__keeps_to_its_maximum)
{
	CLEANUP_BUF struct buf b = BUF_INIT(8);
	buf_str(&b, "12345678");
	CHECK_INT(buf_check(&b, "b"), 0);
	buf_byte(&b, 'x');
	CHECK_INT(buf_check(&b, "b"), -EFBIG);
	CHECK_INT(b.len, 8);
	CHECK_STR(b.data, "12345678");
}

TEST(format_buf__json_escapes_what_json_forbids)
{
	CLEANUP_BUF struct buf b = BUF_INIT(100);
	buf_json(&b, "a\"\\\n\x7f\xc3\xa9\xff\xed\xa0\x80");
	CHECK_STR(b.data, "\"a\\\"\\\\\\u000a\\u007f\xc3\xa9\\ufffd\\ufffd\\ufffd\\ufffd\"");
}

TEST(format_buf__json_shows_a_terminal_nothing_that_it_obeys)
{
	CLEANUP_BUF struct buf b = BUF_INIT(100);
	buf_json(&b, "\xc2\x9b" "2J\xe2\x80\xae" "x\xe2\x80\xa8\xc2\xa0");
	CHECK_STR(b.data, "\"\\u009b2J\\u202ex\\u2028\xc2\xa0\"");
}

TEST(format_buf__take_hands_over)
{
	CLEANUP_BUF struct buf b = BUF_INIT(100);
	buf_printf(&b, "%d-%s", 7, "x");
	char *s = buf_take(&b);
	CHECK_STR(s, "7-x");
	CHECK(!b.data && !b.len);
	free(s);
}
