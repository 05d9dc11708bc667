/* SPDX-License-Identifier: MIT */
#include "format/pickle.h"
#include "format/buf.h"
#include "tests/unit/test.h"

static int read_bytes(const void *data, size_t n, struct pickle **ret, struct source **ret_source)
{
	CHECK_INT(source_bytes(data, n, ret_source), 0);
	return pickle_read(*ret_source, ret);
}

/* Refused with exactly this reason. */
static void refuse(const char *data, size_t n, const char *why)
{
	CLEANUP_SOURCE struct source *s = NULL;
	CLEANUP_PICKLE struct pickle *p = NULL;
	CHECK_INT(read_bytes(data, n, &p, &s), -EBADMSG);
	CHECK_STR(err_last(), why);
}
#define REFUSE(literal, why) refuse(literal, sizeof literal - 1, why)

TEST(format_pickle__says_where_a_file_is_cut_short)
{
	REFUSE("", "not a pickle of protocol 2 to 5");
	REFUSE("\x80\x04", "pickle is cut short: ends at byte 2, before its STOP");
	REFUSE("\x80\x04J\1\2", "pickle is cut short: ends at byte 5, inside a BININT");
	REFUSE("\x80\x04" "B\xa0\x0f\0\0abc", "pickle is cut short: ends at byte 10, inside a BINBYTES of 4000 bytes from 7 on");
	REFUSE("\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\xff",
	       "pickle is cut short: ends at byte 11, inside a BINBYTES8 of 18446744073709551615 bytes from 11 on");
	REFUSE("\x80\x04\x95\x99\0\0\0\0\0\0\0N.",
	       "pickle is cut short: ends at byte 13, inside a FRAME of 153 bytes from 11 on");
	REFUSE("\x80\x02" "cposix", "pickle is malformed at byte 2: it is cut short inside a line");
}

TEST(format_pickle__refuses_opcodes_that_reach_outside)
{
	static const char codes[] = "PQi" "o\x82\x83\x84\x97\x98" "pgSVF";
	for (size_t i = 0; i < sizeof codes - 1; i++) {
		char data[] = { '\x80', 4, 'N', codes[i], '1', '\n', '1', '\n', '.' }, why[100];
		snprintf(why, sizeof why, "pickle opcode 0x%02x at byte 3 is none that a model needs", (unsigned char)codes[i]);
		refuse(data, sizeof data, why);
	}
	REFUSE("\x80\x06N.", "not a pickle of protocol 2 to 5");
	REFUSE("\x80\x01N.", "not a pickle of protocol 2 to 5");
}

TEST(format_pickle__refuses_what_breaks_the_stack)
{
	REFUSE("\x80\x04.", "pickle is malformed at byte 2: the stack is empty");
	REFUSE("\x80\x04(.", "pickle is malformed at byte 3: the stack is empty");
	REFUSE("\x80\x04N(\x85.", "pickle is malformed at byte 4: the stack is empty");
	REFUSE("\x80\x04t.", "pickle is malformed at byte 2: there is no mark");
	REFUSE("\x80\x04(u.", "pickle is malformed at byte 3: there is nothing under the mark");
	REFUSE("\x80\x04((e.", "pickle is malformed at byte 4: there is nothing under the mark");
	REFUSE("\x80\x04}(Nu.", "pickle is malformed at byte 5: a dict gets a key without a value");
	REFUSE("\x80\x04h\0.", "pickle is malformed at byte 2: it gets a memo entry that was never put");
	REFUSE("\x80\x04Nr\xff\xff\xff\xff.", "pickle is malformed at byte 3: it puts into a memo entry far beyond the last");
	REFUSE("\x80\x04NN\x93.", "pickle is malformed at byte 4: a class is not named by texts");
	REFUSE("\x80\x02Iabc\n.", "pickle is malformed at byte 2: a number is none");
}

TEST(format_pickle__reads_numbers)
{
	static const char data[] = "\x80\x02(K\xffM\x01\x80J\xfe\xff\xff\xff\x8a\0\x8a\2\xff\x7f\x8a\1\x80I-5\nL77L\nI01\nI00\n\x88"
				   "\x8a\x08\1\1\1\1\1\1\1\1t.";
	static const long long want[] = { 255, 0x8001, -2, 0, 32767, -128, -5, 77, 1, 0, 1 };
	CLEANUP_SOURCE struct source *s = NULL;
	CLEANUP_PICKLE struct pickle *p = NULL;
	CHECK_INT(read_bytes(data, sizeof data - 1, &p, &s), 0);
	CHECK_INT(pickle_count(p, pickle_top(p)), 12);
	for (size_t i = 0; i < sizeof want / sizeof *want; i++)
		CHECK_INT(pickle_int(pickle_item(p, pickle_top(p), i)), want[i]);
	CHECK_INT(pickle_tag(pickle_item(p, pickle_top(p), 8)), PICKLE_BOOL);
	CHECK_INT(pickle_tag(pickle_item(p, pickle_top(p), 11)), PICKLE_OPAQUE);
	CHECK_INT(pickle_item(p, pickle_top(p), 12), 0);
}

/* os.system('...') is read as what it is: an object that nobody asks for. */
TEST(format_pickle__calls_nothing)
{
	static const char data[] = "\x80\x02" "cposix\nsystem\nq\0X\x0b\0\0\0touch /tmp/x\x85R}X\1\0\0\0aK\1sb.";
	CLEANUP_SOURCE struct source *s = NULL;
	CLEANUP_PICKLE struct pickle *p = NULL;
	uint64_t v;
	CHECK_INT(read_bytes(data, sizeof data - 1, &p, &s), -EBADMSG); /* the text is one byte longer than it says */
	static const char fine[] = "\x80\x02" "cposix\nsystem\nq\0X\x0c\0\0\0touch /tmp/x\x85R}X\1\0\0\0aK\1sb.";
	CLEANUP_SOURCE struct source *t = NULL;
	CHECK_INT(read_bytes(fine, sizeof fine - 1, &p, &t), 0);
	CHECK_STR(pickle_module(p, pickle_top(p)), "posix");
	CHECK_STR(pickle_name(p, pickle_top(p)), "system");
	CHECK_INT(pickle_count(p, pickle_args(p, pickle_top(p))), 1);
	CHECK_INT(pickle_attr(p, pickle_top(p), "a", &v), 0);
	CHECK_INT(pickle_int(v), 1);
}

TEST(format_pickle__of_equal_keys_the_last_counts)
{
	static const char data[] = "\x80\x02}(U\1aK\1U\1aK\2u.";
	CLEANUP_SOURCE struct source *s = NULL;
	CLEANUP_PICKLE struct pickle *p = NULL;
	uint64_t v;
	CHECK_INT(read_bytes(data, sizeof data - 1, &p, &s), 0);
	CHECK_INT(pickle_attr(p, pickle_top(p), "a", &v), 0);
	CHECK_INT(pickle_int(v), 2);
	CHECK_INT(pickle_attr(p, pickle_top(p), "b", &v), 0);
	CHECK_INT(pickle_tag(v), PICKLE_ABSENT);
}

TEST(format_pickle__a_list_may_hold_itself)
{
	static const char data[] = "\x80\x02]q\0h\0a.";
	CLEANUP_SOURCE struct source *s = NULL;
	CLEANUP_PICKLE struct pickle *p = NULL;
	CHECK_INT(read_bytes(data, sizeof data - 1, &p, &s), 0);
	CHECK(pickle_item(p, pickle_top(p), 0) == pickle_top(p));
}

/* A Vocab is forgotten when it is built; what still points to it reads as nothing. */
TEST(format_pickle__forgotten_objects_leave_stale_handles_only)
{
	static const char data[] = "\x80\x02(cm\nVocab\n)\x81q\0}q\1U\1aK\1sbh\0h\1]t.";
	CLEANUP_SOURCE struct source *s = NULL;
	CLEANUP_PICKLE struct pickle *p = NULL;
	uint64_t v;
	CHECK_INT(read_bytes(data, sizeof data - 1, &p, &s), 0);
	CHECK_INT(pickle_tag(pickle_item(p, pickle_top(p), 0)), PICKLE_OPAQUE);
	CHECK(!pickle_is_object(p, pickle_item(p, pickle_top(p), 1)));
	CHECK_INT(pickle_attr(p, pickle_item(p, pickle_top(p), 2), "a", &v), 0);
	CHECK_INT(v, 0);
	CHECK(pickle_is_list(p, pickle_item(p, pickle_top(p), 3)));
}

TEST(format_pickle__bounds_memory)
{
	CLEANUP_BUF struct buf b = BUF_INIT(1 << 24);
	CLEANUP_SOURCE struct source *s = NULL;
	CLEANUP_PICKLE struct pickle *p = NULL;
	if (torture)
		return; /* it would fail 300 allocations that are all the same */
	buf_add(&b, "\x80\x02", 2);
	for (int i = 0; i < 1 << 20; i++)
		buf_byte(&b, ']');
	CHECK_INT(buf_check(&b, "bomb"), 0);
	CHECK_INT(read_bytes(b.data, b.len, &p, &s), -EBADMSG);
	CHECK(strstr(err_last(), "bytes of memory"));
}

static bool yes(void *ctx) { (void)ctx; return true; }

TEST(format_pickle__can_be_cancelled)
{
	CLEANUP_SOURCE struct source *s = NULL;
	CLEANUP_PICKLE struct pickle *p = NULL;
	cancel_set(yes, NULL);
	CHECK_INT(read_bytes("\x80\x02N.", 4, &p, &s), -EINTR);
}

/* 300,000 words in a list and a dict of references to them: in blocks, and large dicts are only
 * counted. */
TEST(format_pickle__holds_long_lists)
{
	const uint32_t count = torture ? 33000 : 300000;
	CLEANUP_BUF struct buf b = BUF_INIT(1 << 24);
	CLEANUP_SOURCE struct source *s = NULL;
	CLEANUP_PICKLE struct pickle *p = NULL;
	const unsigned char *word;
	size_t n;
	buf_add(&b, "\x80\x04(](", 5);
	for (uint32_t i = 0; i < count; i++) {
		buf_printf(&b, "\x8c%cw%07u\x94", 8, i);
		if (i % 1000 == 999)
			buf_str(&b, "e(");
	}
	buf_str(&b, "e}(");
	for (uint32_t i = 0; i < count; i++) {
		buf_byte(&b, 'j');
		buf_add(&b, &i, 4);
		buf_byte(&b, 'J');
		buf_add(&b, &i, 4);
	}
	buf_str(&b, "ut.");
	CHECK_INT(buf_check(&b, "pickle"), 0);
	CHECK_INT(read_bytes(b.data, b.len, &p, &s), 0);
	pickle_shed(p);
	uint64_t list = pickle_item(p, pickle_top(p), 0);
	CHECK_INT(pickle_count(p, list), count);
	CHECK_INT(pickle_text_bytes(p, pickle_item(p, list, 12345), &word, &n), 0);
	CHECK(n == 8 && !memcmp(word, "w0012345", 8));
}
