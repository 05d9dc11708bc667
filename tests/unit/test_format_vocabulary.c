/* SPDX-License-Identifier: MIT */
#include "format/vocabulary.h"

#include "tests/unit/golden.h"
#include "tests/unit/parts.h"

static int add(struct vocabulary *s, const char *word) { return vocabulary_add(s, word, strlen(word)); }

TEST(format_vocabulary__shard_1_is_the_reference_s)
{
	CLEANUP_PARTS struct parts p = PARTS_INIT;
	struct savedmodel_input in = parts_input(&p);
	struct savedmodel_record r = { 0 };
	CLEANUP_VOCABULARY struct vocabulary *s = NULL;
	CHECK_INT(vocabulary_begin(&in, &s), 0);
	CHECK(!add(s, "the") && !add(s, "king\nqueen") && !add(s, "na\xc3\xafve"));
	CHECK_INT(vocabulary_finish(s, &r), 0);
	CHECK(r.words == 3 && r.strings_size == 220 && r.vocabulary_off == 194 && r.vocabulary_size == 26);
	CHECK_INT(r.vocabulary_crc, 0xa5d15b86);
	golden_file(&p.part[SAVEDMODEL_STRINGS], GOLDEN_EXAMPLE "variables/variables.data-00001-of-00002");
	CHECK_INT(p.writes[SAVEDMODEL_SCRATCH], 0);
}

/* Empty, newline, CR, invalid UTF-8 with NUL, lengths around a varint's second byte. SHA-256s as
 * tests/unit/golden.h says. */
TEST(format_vocabulary__words_of_any_bytes)
{
	CLEANUP_PARTS struct parts p = PARTS_INIT;
	struct savedmodel_input in = parts_input(&p);
	struct savedmodel_record r = { 0 };
	CLEANUP_VOCABULARY struct vocabulary *s = NULL;
	static char y[127], z[128], w[20000];
	memset(y, 'y', sizeof y);
	memset(z, 'z', sizeof z);
	memset(w, 'w', sizeof w);
	CHECK_INT(vocabulary_begin(&in, &s), 0);
	CHECK(!add(s, "") && !add(s, "a\nb") && !add(s, "\r") && !vocabulary_add(s, "\xff\xfe\0x", 4));
	CHECK(!vocabulary_add(s, y, sizeof y) && !vocabulary_add(s, z, sizeof z) && !vocabulary_add(s, w, sizeof w));
	CHECK_INT(vocabulary_finish(s, &r), 0);
	CHECK_INT(r.vocabulary_crc, 0xf7484f75);
	CHECK_INT(r.strings_size, p.part[SAVEDMODEL_STRINGS].len);
	golden_sha256(&p.part[SAVEDMODEL_STRINGS], "7547d2de1847627434c40981725bbce6590baa8d33bb0d6066d1c20308dfb7ad");
}

TEST(format_vocabulary__many_words_go_through_the_scratch_part_in_large_pieces)
{
	CLEANUP_PARTS struct parts p = PARTS_INIT;
	struct savedmodel_input in = parts_input(&p);
	struct savedmodel_record r = { 0 };
	CLEANUP_VOCABULARY struct vocabulary *s = NULL;
	char word[16];
	CHECK_INT(vocabulary_begin(&in, &s), 0);
	for (int i = 0; i < 100000; i++)
		CHECK_INT(vocabulary_add(s, word, (size_t)snprintf(word, sizeof word, "w%d", i)), 0);
	CHECK_INT(vocabulary_finish(s, &r), 0);
	CHECK(r.words == 100000 && r.vocabulary_crc == 0xcbdb5d9 && r.strings_size == r.vocabulary_off + 688894);
	CHECK(p.writes[SAVEDMODEL_SCRATCH] == 3 && p.smallest[SAVEDMODEL_SCRATCH] == 256 << 10);
	golden_sha256(&p.part[SAVEDMODEL_STRINGS], "aa513e760b333c3c98df0ab81803244f2bcccc782c5773bc0c0c0fee9e965342");
}

/* A word longer than the buffer, and one that fills it exactly. */
TEST(format_vocabulary__words_as_long_as_the_buffer)
{
	enum { N = 256 << 10 };
	CLEANUP_PARTS struct parts p = PARTS_INIT;
	struct savedmodel_input in = parts_input(&p);
	struct savedmodel_record r = { 0 };
	CLEANUP_VOCABULARY struct vocabulary *s = NULL;
	static char long_word[3 * N + 5];
	memset(long_word, 'x', sizeof long_word);
	CHECK_INT(vocabulary_begin(&in, &s), 0);
	CHECK(!vocabulary_add(s, long_word, N) && !vocabulary_add(s, "a", 1) && !vocabulary_add(s, long_word, sizeof long_word));
	CHECK_INT(vocabulary_finish(s, &r), 0);
	const struct buf *b = &p.part[SAVEDMODEL_STRINGS];
	CHECK_INT(b->len, 194 + 3 + 1 + 3 + 4 + N + 1 + sizeof long_word);
	CHECK(r.strings_size == b->len && b->data[194 + 11 + N] == 'a' && b->data[194 + 12 + N] == 'x');
}

TEST(format_vocabulary__an_empty_vocabulary_is_refused)
{
	CLEANUP_PARTS struct parts p = PARTS_INIT;
	struct savedmodel_input in = parts_input(&p);
	struct savedmodel_record r = { 0 };
	CLEANUP_VOCABULARY struct vocabulary *s = NULL;
	CHECK_INT(vocabulary_begin(&in, &s), 0);
	CHECK_INT(vocabulary_finish(s, &r), -EMEDIUMTYPE);
}

TEST(format_vocabulary__nothing_follows_the_end)
{
	CLEANUP_PARTS struct parts p = PARTS_INIT;
	struct savedmodel_input in = parts_input(&p);
	struct savedmodel_record r = { 0 };
	CLEANUP_VOCABULARY struct vocabulary *s = NULL;
	CHECK_INT(vocabulary_begin(&in, &s), 0);
	CHECK_INT(add(s, "a"), 0);
	CHECK_INT(vocabulary_finish(s, &r), 0);
	CHECK_INT(add(s, "b"), -EINVAL);
	CHECK_INT(vocabulary_finish(s, &r), -EINVAL);
}

TEST(format_vocabulary__a_failing_write_is_passed_up)
{
	static char word[300 << 10];
	for (size_t fail = 1; fail <= 6; fail++) {
		CLEANUP_PARTS struct parts p = PARTS_INIT;
		struct savedmodel_input in = parts_input(&p);
		struct savedmodel_record r = { 0 };
		CLEANUP_VOCABULARY struct vocabulary *s = NULL;
		CHECK_INT(vocabulary_begin(&in, &s), 0);
		p.fail_write = fail;
		int e = vocabulary_add(s, word, sizeof word);
		if (!e)
			e = vocabulary_finish(s, &r);
		CHECK_INT(e, -ENOSPC); /* spill, graph, lengths, spill, copy, copy */
		CHECK_STR(err_last(), "the disk is full");
	}
}
