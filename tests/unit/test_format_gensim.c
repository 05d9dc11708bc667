/* SPDX-License-Identifier: MIT */
/* The files of tests/data/gensim (made by gensim itself, see make.py there), and pickles written
 * out by hand for what gensim of today no longer writes. */
#include "format/savedmodel.h"
#include "tests/unit/model_input.h"

#define DATA "tests/data/gensim/"

/* Compare a scan with NAME.expected: "rows width words\n", the matrix, then each key. */
static void check_expected(const char *name, struct model_input *m, const struct savedmodel_record *r)
{
	CLEANUP_BUF struct buf want = BUF_INIT(1 << 20), copy = BUF_INIT(1 << 20);
	char path[200];
	unsigned long long rows, width, words;
	int head;
	snprintf(path, sizeof path, DATA "%s.expected", name);
	CHECK_INT(model_file(path, &want), 0);
	CHECK(sscanf(want.data, "%llu %llu %llu%n", &rows, &width, &words, &head) == 3);
	CHECK_INT(r->rows, rows);
	CHECK_INT(r->width, width);
	CHECK_INT(r->words, words);
	const char *p = want.data + head + 1;
	CHECK(!memcmp(model_matrix(m, r, &copy), p, (size_t)(rows * width * 4)));
	p += rows * width * 4;
	for (uint64_t i = 0; i < words; i++) {
		uint32_t len;
		size_t n;
		memcpy(&len, p, 4);
		const char *word = model_word(m, r, i, &n);
		CHECK_INT(n, len);
		CHECK(!memcmp(word, p + 4, n));
		p += 4 + len;
	}
}

static int scan_file(const char *name, const char *suffix, struct model_input *m, struct savedmodel_record *ret)
{
	CLEANUP_BUF struct buf data = BUF_INIT(1 << 20), side = BUF_INIT(1 << 20);
	char path[200];
	snprintf(path, sizeof path, DATA "%s", name);
	CHECK_INT(model_file(path, &data), 0);
	CHECK_INT(model_init(m, data.data, data.len), 0);
	if (suffix) {
		snprintf(path, sizeof path, DATA "%s%s", name, suffix);
		CHECK_INT(model_file(path, &side), 0);
		CHECK_INT(source_bytes(side.data, side.len, &m->sidecar), 0);
		m->suffix = suffix;
	}
	return model_scan(m, ret);
}

/* Failing every allocation in turn takes long: these files take all ways through the code. */
static bool tortured(const char *name)
{
	static const char *const names[] = { "word2vec_p5.model", "keyedvectors_fortran_p2.kv", "keyedvectors_sidecar.kv",
					     "old_012_p2.model" };
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (!strcmp(name, names[i]))
			return true;
	return false;
}

static void check_file(const char *name, const char *suffix, enum savedmodel_where where)
{
	if (torture && !tortured(name))
		return;
	CLEANUP(model_done) struct model_input m = { 0 };
	struct savedmodel_record r;
	int e = scan_file(name, suffix, &m, &r);
	if (e && !torture)
		fprintf(stderr, "%s: %s\n", name, err_last());
	CHECK_INT(e, 0);
	CHECK_INT(r.matrix, where);
	CHECK(!r.checked);
	CHECK_STR(r.sidecar, suffix ? suffix : "");
	check_expected(name, &m, &r);
}

TEST(format_gensim__serves_every_protocol_without_copying)
{
	check_file("word2vec_p3.model", NULL, SAVEDMODEL_IN_MAIN);
	check_file("word2vec_p4.model", NULL, SAVEDMODEL_IN_MAIN);
	check_file("word2vec_p5.model", NULL, SAVEDMODEL_IN_MAIN);
	check_file("doc2vec_p4.model", NULL, SAVEDMODEL_IN_MAIN);
}

TEST(format_gensim__decodes_arrays_that_protocol_2_wrote_as_text)
{
	check_file("word2vec_p2.model", NULL, SAVEDMODEL_IN_MATRIX);
}

TEST(format_gensim__serves_models_with_hierarchical_softmax)
{
	check_file("word2vec_hs_p4.model", NULL, SAVEDMODEL_IN_MAIN);
	check_file("word2vec_hs_p2.model", NULL, SAVEDMODEL_IN_MATRIX);
}

TEST(format_gensim__finds_side_cars)
{
	check_file("word2vec_sidecars.model", ".wv.vectors.npy", SAVEDMODEL_IN_SIDECAR);
	check_file("keyedvectors_sidecar.kv", ".vectors.npy", SAVEDMODEL_IN_SIDECAR);
}

TEST(format_gensim__converts_other_types_and_orders)
{
	check_file("keyedvectors_le_f2.kv", NULL, SAVEDMODEL_IN_MATRIX);
	check_file("keyedvectors_le_f8.kv", NULL, SAVEDMODEL_IN_MATRIX);
	check_file("keyedvectors_be_f4.kv", NULL, SAVEDMODEL_IN_MATRIX);
	check_file("keyedvectors_fortran_p2.kv", NULL, SAVEDMODEL_IN_MATRIX);
	check_file("keyedvectors_fortran_p4.kv", NULL, SAVEDMODEL_IN_MATRIX);
	check_file("keyedvectors_fortran_p5.kv", NULL, SAVEDMODEL_IN_MATRIX);
}

TEST(format_gensim__serves_keys_of_any_kind)
{
	check_file("keyedvectors_keys.kv", NULL, SAVEDMODEL_IN_MAIN);
	check_file("keyedvectors_holes.kv", NULL, SAVEDMODEL_IN_MAIN);
	check_file("keyedvectors_other_keys_p2.kv", NULL, SAVEDMODEL_IN_MATRIX);
	check_file("keyedvectors_other_keys_p4.kv", NULL, SAVEDMODEL_IN_MAIN);
}

TEST(format_gensim__serves_classes_that_users_derive)
{
	check_file("keyedvectors_derived_p2.kv", NULL, SAVEDMODEL_IN_MATRIX);
	check_file("keyedvectors_derived_p4.kv", NULL, SAVEDMODEL_IN_MAIN);
}

TEST(format_gensim__serves_the_layouts_of_older_versions)
{
	check_file("old_012_p2.model", NULL, SAVEDMODEL_IN_MATRIX);
	check_file("old_38_p2.model", NULL, SAVEDMODEL_IN_MATRIX);
}

TEST(format_gensim__a_missing_side_car_is_named)
{
	CLEANUP(model_done) struct model_input m = { 0 };
	struct savedmodel_record r;
	CLEANUP_BUF struct buf data = BUF_INIT(1 << 20);
	CHECK_INT(model_file(DATA "keyedvectors_sidecar.kv", &data), 0);
	CHECK_INT(model_init(&m, data.data, data.len), 0);
	CHECK_INT(model_scan(&m, &r), -ENOENT);
	CHECK_STR(err_last(), "its side-car \"*.vectors.npy\" is missing");
}

/* A pickle and the side-car of another save: gensim would load the two without a word. */
static void other_sidecar(const char *shape, size_t bytes, const char *want)
{
	CLEANUP(model_done) struct model_input m = { 0 };
	struct savedmodel_record r;
	CLEANUP_BUF struct buf data = BUF_INIT(1 << 20), side = BUF_INIT(1 << 20);
	CHECK_INT(model_file(DATA "keyedvectors_sidecar.kv", &data), 0);
	CHECK_INT(model_file(DATA "keyedvectors_sidecar.kv.vectors.npy", &side), 0);
	char *at = strstr(side.data + 10, "'shape': (");
	CHECK(at != NULL);
	memcpy(at + strlen("'shape': ("), shape, strlen(shape));
	while (side.len < bytes)
		buf_byte(&side, 0);
	CHECK_INT(model_init(&m, data.data, data.len), 0);
	CHECK_INT(source_bytes(side.data, side.len, &m.sidecar), 0);
	m.suffix = ".vectors.npy";
	CHECK_INT(model_scan(&m, &r), -EBADMSG);
	CHECK_STR(err_last(), want);
}

TEST(format_gensim__a_side_car_of_another_save_does_not_fit)
{
	struct savedmodel_record r;
	CLEANUP(model_done) struct model_input m = { 0 };
	char want[200];
	CHECK_INT(scan_file("keyedvectors_sidecar.kv", ".vectors.npy", &m, &r), 0);
	unsigned long long v = r.rows, d = r.width;
	CHECK(v > 9 && v < 99 && d == 6);
	snprintf(want, sizeof want, "it has %llu words and vectors of %llu numbers, its side-car \"*.vectors.npy\" 9 rows of "
		 "6: they are of different saves", v, d);
	other_sidecar("9, 6),  ", 0, want);
	snprintf(want, sizeof want, "it has %llu words and vectors of %llu numbers, its side-car \"*.vectors.npy\" %llu rows "
		 "of 7: they are of different saves", v, d, v);
	size_t side_bytes = 128 + (size_t)v * 7 * 4;
	char shape[40];
	snprintf(shape, sizeof shape, "%llu, 7),", v);
	other_sidecar(shape, side_bytes, want);
}

TEST(format_gensim__a_fasttext_model_of_gensim_4_is_refused)
{
	CLEANUP(model_done) struct model_input m = { 0 };
	struct savedmodel_record r;
	CHECK_INT(scan_file("fasttext4.model", NULL, &m, &r), -EMEDIUMTYPE);
	CHECK(strstr(err_last(), "FastText"));
}

/* Protocol 2 as Python 2 wrote it: a KeyedVectors with these words, and a matrix of `rows` rows
 * and 2 columns whose `bytes` bytes of data stand in a BINSTRING. */
static void python2_pickle(struct buf *b, const char *words, unsigned char rows, unsigned char bytes)
{
	buf_str(b, "\x80\x02" "cgensim.models.keyedvectors\nKeyedVectors\nq\x01)\x81q\x02}q\x03(U\x0aindex2wordq\x04]q\x05(");
	buf_str(b, words);
	buf_str(b, "eU\x04syn0q\x06" "cnumpy.core.multiarray\n_reconstruct\nq\x07(cnumpy\nndarray\nq\x08K");
	buf_add(b, "\0\x85U\x01" "btRq\x09(K\x01K", 13);
	buf_byte(b, rows);
	buf_str(b, "K\x02\x86" "cnumpy\ndtype\nq\x0a(U\x02" "f4K");
	buf_add(b, "\0K\x01tRq\x0b(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb\x89U", 32);
	buf_byte(b, bytes);
	for (unsigned i = 0; i < bytes; i++)
		buf_byte(b, (unsigned char)i);
	buf_str(b, "tbub.");
}

static int scan_python2(struct model_input *m, const char *words, unsigned char rows, unsigned char bytes,
			struct savedmodel_record *ret)
{
	CLEANUP_BUF struct buf b = BUF_INIT(4096);
	python2_pickle(&b, words, rows, bytes);
	CHECK_INT(buf_check(&b, "pickle"), 0);
	CHECK_INT(model_init(m, b.data, b.len), 0);
	return model_scan(m, ret);
}

TEST(format_gensim__python_2_byte_strings_are_served_in_place)
{
	CLEANUP(model_done) struct model_input m = { 0 };
	struct savedmodel_record r;
	size_t n;
	CHECK_INT(scan_python2(&m, "U\x01" "aU\x01" "b", 2, 16, &r), 0);
	CHECK_INT(r.matrix, SAVEDMODEL_IN_MAIN);
	CHECK_INT(r.rows, 2);
	CHECK_INT(r.width, 2);
	CHECK(!memcmp(model_word(&m, &r, 1, &n), "b", 1) && n == 1);
}

TEST(format_gensim__a_word_that_is_there_twice_is_damage)
{
	CLEANUP(model_done) struct model_input m = { 0 };
	struct savedmodel_record r;
	CHECK_INT(scan_python2(&m, "U\x01" "aU\x01" "a", 2, 16, &r), -EBADMSG);
	CHECK_STR(err_last(), "key 1 of 2 is there twice: \"a\"");
}

TEST(format_gensim__words_and_rows_must_agree)
{
	CLEANUP(model_done) struct model_input m = { 0 };
	struct savedmodel_record r;
	CHECK_INT(scan_python2(&m, "U\x01" "a", 2, 16, &r), -EBADMSG);
	CHECK_STR(err_last(), "1 words, but array syn0 has 2 rows");
}

TEST(format_gensim__data_must_have_the_size_of_the_shape)
{
	CLEANUP(model_done) struct model_input m = { 0 };
	struct savedmodel_record r;
	CHECK_INT(scan_python2(&m, "U\x01" "aU\x01" "b", 2, 15, &r), -EBADMSG);
	CHECK(strstr(err_last(), "its data are 15 bytes at byte "));
}

TEST(format_gensim__no_words_are_no_model)
{
	CLEANUP(model_done) struct model_input m = { 0 };
	struct savedmodel_record r;
	CHECK_INT(scan_python2(&m, "", 0, 0, &r), -EMEDIUMTYPE);
}

TEST(format_gensim__none_is_allowed_at_the_end_only)
{
	CLEANUP(model_done) struct model_input m = { 0 }, n = { 0 };
	struct savedmodel_record r;
	CHECK_INT(scan_python2(&m, "U\x01" "aN", 2, 16, &r), 0);
	CHECK_INT(r.words, 1);
	CHECK_INT(r.rows, 2);
	CHECK_INT(scan_python2(&n, "NU\x01" "a", 2, 16, &r), -EMEDIUMTYPE);
	CHECK_STR(err_last(), "key 0 is neither a text nor a number");
}

TEST(format_gensim__every_cut_of_a_model_is_found_out)
{
	CLEANUP_BUF struct buf b = BUF_INIT(4096);
	python2_pickle(&b, "U\x01" "aU\x01" "b", 2, 16);
	CHECK_INT(buf_check(&b, "pickle"), 0);
	for (size_t n = 60; n < b.len && !torture; n++) {
		CLEANUP(model_done) struct model_input m = { 0 };
		struct savedmodel_record r;
		CHECK_INT(model_init(&m, b.data, n), 0);
		CHECK_INT(model_scan(&m, &r), -EBADMSG);
		CHECK(strstr(err_last(), "cut short"));
	}
}
