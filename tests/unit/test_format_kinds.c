/* SPDX-License-Identifier: MIT */
/* What is a model and what only looks like one. */
#include "format/kinds.h"
#include "tests/unit/test.h"

static void is_kind(enum savedmodel_kind want, const char *data, size_t n)
{
	CHECK_INT(kinds_sniff(data, n, n), want);
}
#define KIND(want, literal) is_kind(want, literal, sizeof literal - 1)

TEST(format_kinds__knows_pickles_of_word_vectors)
{
	KIND(SAVEDMODEL_GENSIM, "\x80\x02" "cgensim.models.word2vec\nWord2Vec\nq\0)\x81");
	KIND(SAVEDMODEL_GENSIM, "\x80\x02" "cgensim.models.deprecated.doc2vec\nDoc2Vec\nq\0)\x81");
	KIND(SAVEDMODEL_GENSIM, "\x80\x04\x95\1\0\0\0\0\0\0\0\x8c\x1agensim.models.keyedvectors\x94\x8c\x0cKeyedVectors\x94\x93)");
	KIND(SAVEDMODEL_GENSIM, "\x80\x05\x8c\x16gensim.models.fasttext\x8c\x08" "FastText\x93)");
	KIND(SAVEDMODEL_GENSIM, "\x80\x02" "c__main__\nMine\nq\0)\x81q\1}q\2(X\x0b\0\0\0vector_sizeq\3K\4");
	KIND(SAVEDMODEL_NONE, "\x80\x02" "c__main__\nMine\nq\0)\x81q\1}q\2(X\x0b\0\0\0sector_sizeq\3K\4");
	KIND(SAVEDMODEL_NONE, "\x80\x02" "cgensim.models.phrases\nPhrases\nq\0)\x81q\1}q\2(X\x0b\0\0\0vector_sizeq\3K\4");
	KIND(SAVEDMODEL_NONE, "\x80\x02" "cgensim.models.ldamodel\nLdaModel\nq\0)\x81");
	KIND(SAVEDMODEL_NONE, "\x80\x02" "cmodels.word2vec\nWord2Vec\nq\0)\x81");
	KIND(SAVEDMODEL_NONE, "\x80\x02" "cgensim.models.word2vec\nWord2VecVocab\nq\0)\x81");
	KIND(SAVEDMODEL_NONE, "\x80\x06" "cgensim.models.word2vec\nWord2Vec\nq\0)\x81");
	KIND(SAVEDMODEL_NONE, "\x80\x02}q\0.");
	KIND(SAVEDMODEL_NONE, "\x80\x04\x95\1\0\0\0\0\0\0\0");
	KIND(SAVEDMODEL_NONE, "");
}

TEST(format_kinds__knows_word2vec_text_by_its_first_row)
{
	KIND(SAVEDMODEL_W2V_TEXT, "2 3\naa 1 2 3\nbb 1 2 3\n");
	KIND(SAVEDMODEL_W2V_TEXT, "  2   3 \r\naa 1 2 3 \r\n");
	KIND(SAVEDMODEL_W2V_TEXT, "1_000 3\n 1 nan -1e9\n");
	KIND(SAVEDMODEL_NONE, "3 4\nhello world\n");
	KIND(SAVEDMODEL_NONE, "3 4\n");
	KIND(SAVEDMODEL_NONE, "3 4");
	KIND(SAVEDMODEL_NONE, "0 3\naa 1 2 3\n");
	KIND(SAVEDMODEL_NONE, "2 3 4\naa 1 2 3\n");
	KIND(SAVEDMODEL_NONE, "-2 3\naa 1 2 3\n");
	KIND(SAVEDMODEL_NONE, "2.0 3\naa 1 2 3\n");
	KIND(SAVEDMODEL_NONE, "2_ 3\naa 1 2 3\n");
	KIND(SAVEDMODEL_NONE, "99999999999999999999 3\naa 1 2 3\n");
	KIND(SAVEDMODEL_NONE, "2 3\naa 1 2\n");
	KIND(SAVEDMODEL_NONE, "2 3\naa 1 2 3 4\n");
	KIND(SAVEDMODEL_NONE, "2 3\naa\t1\t2\t3\n");
	KIND(SAVEDMODEL_NONE, "2 3\naa,1,2,3\nbb,1,2,3\n");
	KIND(SAVEDMODEL_NONE, "aa 1 2 3\nbb 1 2 3\n");
}

TEST(format_kinds__judges_a_row_that_is_cut_off_by_what_is_there)
{
	CHECK_INT(kinds_sniff("9 300\nword 0.1 -0.2 0.", 22, 9999), SAVEDMODEL_W2V_TEXT);
	CHECK_INT(kinds_sniff("9 300\nword 0.1 -0.2 ", 20, 9999), SAVEDMODEL_W2V_TEXT);
	CHECK_INT(kinds_sniff("9 300\nword 0.1 and 0.", 21, 9999), SAVEDMODEL_NONE);
	CHECK_INT(kinds_sniff("9 300\nword", 10, 9999), SAVEDMODEL_NONE);
	CHECK_INT(kinds_sniff("9 2\nword 0.1 0.2 0.3 0.", 23, 9999), SAVEDMODEL_NONE);
}

TEST(format_kinds__knows_word2vec_binary_by_its_first_row)
{
	static const char row[] = "2 2\naa \x10\xd7\xa3\x3c\x9a\x99\x99\xbe\nbb \x10\xd7\xa3\x3c\x9a\x99\x99\xbe\n";
	is_kind(SAVEDMODEL_W2V_BINARY, row, sizeof row - 1);
	is_kind(SAVEDMODEL_W2V_BINARY, row, sizeof row - 1 - 5); /* cut short: for the scan to refuse */
	is_kind(SAVEDMODEL_NONE, row, 4 + 9); /* shorter than a row */
	KIND(SAVEDMODEL_W2V_BINARY, "1 2\naa \0\0\0\0\0\0\0\0");
	/* Text in UTF-8 and in Latin-1, both long enough for what their first line would promise. */
	KIND(SAVEDMODEL_NONE, "2 2\nna\xc3\xafve caf\xc3\xa9 \xc3\xbc""ber na\xc3\xafve caf\xc3\xa9 \xc3\xbc""ber");
	KIND(SAVEDMODEL_NONE, "2 2\nna\xefve caf\xe9 a la creme \xfc""ber na\xefve caf\xe9 creme");
	KIND(SAVEDMODEL_NONE, "\x89PNG\r\n\x1a\n\0\0\0\rIHDR");
	KIND(SAVEDMODEL_NONE, "\x93NUMPY\1\0\x76\0{'descr': '<f4'}");
}

TEST(format_kinds__knows_word2vec_binary_by_the_rows_that_follow)
{
	/* NaN, infinite, 1e7, 1e-20, and letters by chance in the first row. */
	KIND(SAVEDMODEL_W2V_BINARY, "2 2\naa \0\0\xc0\x7f\0\0\xc0\x7f" "bb \x10\xd7\xa3\x3c\x9a\x99\x99\xbe");
	KIND(SAVEDMODEL_W2V_BINARY, "2 2\naa \0\0\x80\x7f\0\0\x80\xff\nbb \x10\xd7\xa3\x3c\x9a\x99\x99\xbe\n");
	KIND(SAVEDMODEL_W2V_BINARY, "2 2\naa \x80\x96\x18\x4b\x80\x96\x18\x4b" "bb \x80\x96\x18\x4b\x80\x96\x18\x4b");
	KIND(SAVEDMODEL_W2V_BINARY, "2 2\naa \x08\xe5\x3c\x1e\x08\xe5\x3c\x1e" "bb \x10\xd7\xa3\x3c\x9a\x99\x99\xbe");
	KIND(SAVEDMODEL_W2V_BINARY, "2 2\naa lettersA" "bb \x10\xd7\xa3\x3c\x9a\x99\x99\xbe");
	KIND(SAVEDMODEL_NONE, "2 2\naa lettersA" "bb lettersB");
	KIND(SAVEDMODEL_NONE, "2 2\naa \0\0\xc0\x7f\0\0\xc0\x7f" "\xff\xfe \x10\xd7\xa3\x3c\x9a\x99\x99\xbe");
	KIND(SAVEDMODEL_NONE, "2 2\naa \0\0\xc0\x7f\0\0\xc0\x7f" "nothing");
	/* What is not here yet may be anything. */
	static const char head[] = "9 2\naa \0\0\xc0\x7f\0\0\xc0\x7f" "bb \x10\xd7\xa3";
	CHECK_INT(kinds_sniff(head, sizeof head - 1, 9999), SAVEDMODEL_W2V_BINARY);
	CHECK_INT(kinds_sniff(head, sizeof head - 1 - 4, 9999), SAVEDMODEL_W2V_BINARY);
	CHECK_INT(kinds_sniff(head, 4 + 3 + 8, 9999), SAVEDMODEL_W2V_BINARY);
	CHECK_INT(kinds_sniff(head, 4 + 3 + 7, 9999), SAVEDMODEL_NONE);
}

TEST(format_kinds__what_is_no_model_is_not_scanned)
{
	struct savedmodel_input in = { 0 };
	CLEANUP_BUF struct buf b = BUF_INIT(100);
	CHECK_INT(kinds_scan(&in, SAVEDMODEL_NONE, &b), -EMEDIUMTYPE);
}
