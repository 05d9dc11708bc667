/* SPDX-License-Identifier: MIT */
#include "format/kinds.h"
#include "tests/unit/model_input.h"

#include <math.h>

static void check_words(struct model_input *m, const struct savedmodel_record *r, const char *const *want, size_t count)
{
	CHECK_INT(r->words, count);
	for (size_t i = 0; i < count; i++) {
		size_t n;
		const char *word = model_word(m, r, i, &n);
		CHECK_INT(n, strlen(want[i]));
		CHECK(!memcmp(word, want[i], n));
	}
}

static void check_floats(struct model_input *m, const float *want, size_t count)
{
	CHECK_INT(m->part[SAVEDMODEL_MATRIX].len, count * 4);
	CHECK(!memcmp(m->part[SAVEDMODEL_MATRIX].data, want, count * 4));
}

TEST(format_w2v__reads_text_as_gensim_does)
{
	static const char text[] = " 3  3 \r\naa 1 2 3\nb\xc2\xa0_b -.5 1_0 nan \t\r\n 1e-30 inf -1e400\nmore than the header says";
	static const char *const words[] = { "aa", "b\xc2\xa0_b", "" };
	const float want[] = { 1, 2, 3, -.5f, 10, NAN, 1e-30f, INFINITY, -INFINITY };
	CLEANUP(model_done) struct model_input m = { 0 };
	struct savedmodel_record r;
	CHECK_INT(model_init(&m, text, sizeof text - 1), 0);
	CHECK_INT(model_scan(&m, &r), 0);
	CHECK_INT(r.rows, 3);
	CHECK_INT(r.width, 3);
	CHECK_INT(r.matrix, SAVEDMODEL_IN_MATRIX);
	CHECK_INT(r.shard0_size, 36);
	check_words(&m, &r, words, 3);
	check_floats(&m, want, 9);
}

TEST(format_w2v__the_last_line_needs_no_newline)
{
	CLEANUP(model_done) struct model_input m = { 0 };
	struct savedmodel_record r;
	CHECK_INT(model_init(&m, "2 1\na 1\nb 2", 11), 0);
	CHECK_INT(model_scan(&m, &r), 0);
	CHECK_INT(r.words, 2);
}

/* The first of equal words counts; later rows are dropped, rows of zeroes fill up. */
TEST(format_w2v__equal_words_leave_zero_rows_at_the_end)
{
	static const char *const words[] = { "aa", "bb" };
	const float want[] = { 1, 2, 3, 4, 0, 0 };
	CLEANUP(model_done) struct model_input m = { 0 }, b = { 0 };
	struct savedmodel_record r;
	CHECK_INT(model_init(&m, "3 2\naa 1 2\naa 9 9\nbb 3 4\n", 26), 0);
	CHECK_INT(model_scan(&m, &r), 0);
	CHECK_INT(r.rows, 3);
	check_words(&m, &r, words, 2);
	check_floats(&m, want, 6);
	static const char binary[] = "3 2\naa \0\0\x80\x3f\0\0\0\x40\naa \0\0\x10\x41\0\0\x10\x41\n\nbb \0\0\x40\x40\0\0\x80\x40trailing";
	CHECK_INT(model_init(&b, binary, sizeof binary - 1), 0);
	CHECK_INT(model_scan(&b, &r), 0);
	check_words(&b, &r, words, 2);
	check_floats(&b, want, 6);
}

static void refuse(const char *data, size_t n, int err, const char *why)
{
	CLEANUP(model_done) struct model_input m = { 0 };
	struct savedmodel_record r;
	CHECK_INT(model_init(&m, data, n), 0);
	CHECK_INT(model_scan(&m, &r), err);
	CHECK_STR(err_last(), why);
}
#define REFUSE(literal, err, why) refuse(literal, sizeof literal - 1, err, why)

TEST(format_w2v__names_the_row_and_the_byte_of_damage)
{
	REFUSE("2 2\na 1 2\nb 1 x\n", -EBADMSG, "row 2 of 2, byte 14: this is not a number: number 2 of 2");
	REFUSE("2 2\na 1 2\nb 1\n  ", -EBADMSG, "row 2 of 2, byte 13: it ends after number 1 of 2");
	REFUSE("2 2\na 1 2\nb 1 2 3\n", -EBADMSG, "row 2 of 2, byte 15: there are more numbers than 2 of 2");
	REFUSE("2 2\na 1 2\n\nb 1 2\n", -EBADMSG, "row 2 of 2, byte 10: it ends after number 0 of 2");
	REFUSE("3 2\na 1 2\nb 1 2\n", -EBADMSG, "ends at byte 16, in row 3 of 3");
}

TEST(format_w2v__hostile_headers_make_nothing)
{
	REFUSE("999999999999 300\nword 0.1 0.2 0.3", -EMEDIUMTYPE, "not a word-vector model");
	REFUSE("999999999999 3\nword 0.1 0.2 0.3\n", -EBADMSG,
	       "its first line promises 999999999999 rows of 3 numbers, but it ends at byte 32");
	REFUSE("9223372036854775807 3\nword 0.1 0.2 0.3\n", -EBADMSG,
	       "its first line promises 9223372036854775807 rows of 3 numbers, but it ends at byte 39");
}

enum { WIDTH = 50 };
static int rows(void) { return torture ? 40 : 3000; }

/* A model with rows longer than the pieces of a read, and what it holds. */
static void make_binary(struct buf *b, float *want, const char *after_row)
{
	buf_printf(b, "%d %d\n", rows(), WIDTH);
	for (int i = 0; i < rows(); i++) {
		buf_printf(b, "w%d ", i);
		for (int k = 0; k < WIDTH; k++)
			want[i * WIDTH + k] = (float)(i * 7 % 1000 - k) / 16;
		buf_add(b, want + i * WIDTH, WIDTH * 4);
		buf_str(b, after_row);
	}
	CHECK_INT(buf_check(b, "model"), 0);
}

TEST(format_w2v__gathers_binary_rows_in_large_writes)
{
	static const char *const after[] = { "", "\n" };
	CLEANUP_FREE float *want = malloc(sizeof *want * rows() * WIDTH);
	CHECK(want);
	for (int i = 0; i < 2; i++) {
		CLEANUP_BUF struct buf b = BUF_INIT(1 << 20);
		CLEANUP(model_done) struct model_input m = { 0 };
		struct savedmodel_record r;
		make_binary(&b, want, after[i]);
		CHECK_INT(model_init(&m, b.data, b.len), 0);
		CHECK_INT(model_scan(&m, &r), 0);
		CHECK_INT(r.words, rows());
		check_floats(&m, want, rows() * WIDTH);
		CHECK(m.writes[SAVEDMODEL_MATRIX] <= 3);
	}
}

TEST(format_w2v__a_binary_file_that_is_cut_short_is_refused)
{
	CLEANUP_FREE float *want = malloc(sizeof *want * rows() * WIDTH);
	CLEANUP_BUF struct buf b = BUF_INIT(1 << 20), record = BUF_INIT(1 << 10);
	CLEANUP(model_done) struct model_input m = { 0 };
	char why[100];
	CHECK(want);
	make_binary(&b, want, "");
	CHECK_INT(model_init(&m, b.data, b.len - 5), 0);
	CHECK_INT(kinds_scan(&m.in, SAVEDMODEL_W2V_BINARY, &record), -EBADMSG);
	snprintf(why, sizeof why, "ends at byte %zu, in row %d of %d", b.len - 5, rows(), rows());
	CHECK_STR(err_last(), why);
}

TEST(format_w2v__serves_the_files_that_gensim_wrote)
{
	static const char *const names[] = { "tests/data/gensim/word2vec.bin", "tests/data/gensim/word2vec.txt" };
	for (int i = 0; i < 2; i++) {
		CLEANUP_BUF struct buf b = BUF_INIT(1 << 16), want = BUF_INIT(1 << 16);
		CLEANUP(model_done) struct model_input m = { 0 };
		struct savedmodel_record r;
		char path[100];
		snprintf(path, sizeof path, "%s.expected", names[i]);
		CHECK_INT(model_file(names[i], &b), 0);
		CHECK_INT(model_file(path, &want), 0);
		CHECK_INT(model_init(&m, b.data, b.len), 0);
		CHECK_INT(model_scan(&m, &r), 0);
		CHECK_INT(r.width, 6);
		check_floats(&m, (const float *)(strchr(want.data, '\n') + 1), (size_t)(r.rows * r.width));
	}
}
