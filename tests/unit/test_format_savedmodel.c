/* SPDX-License-Identifier: MIT */
#include "format/crc32c.h"
#include "format/record.h"
#include "tests/unit/golden.h"

static const float matrix[6] = { 1, 2, 3, 4, 5, 6 };
enum { PB, SHARD_0, SHARD_1, INDEX, FILES };

/* The reference's model, its matrix at byte `off` of the main file. */
static struct savedmodel_record sample(uint64_t off)
{
	return (struct savedmodel_record){
		.rows = 3, .width = 2, .words = 3, .matrix = SAVEDMODEL_IN_MAIN, .matrix_off = off,
		.shard0_size = off + sizeof matrix, .strings_size = 220, .vocabulary_off = 194,
		.vocabulary_size = 26, .vocabulary_crc = 0xa5d15b86,
	};
}

static struct savedmodel *open_sample(const struct savedmodel_record *r)
{
	CLEANUP_BUF struct buf b = BUF_INIT(1000);
	struct savedmodel *m = NULL;
	CHECK_INT(record_write(r, &b), 0);
	CHECK_INT(savedmodel_open(b.data, b.len, &m), 0);
	return m;
}

static void closep(struct savedmodel **m) { savedmodel_close(*m); }

TEST(format_savedmodel__lists_the_files_with_exact_sizes)
{
	struct savedmodel_record r = sample(4000);
	CLEANUP(closep) struct savedmodel *m = open_sample(&r);
	const struct savedmodel_file *f;
	CHECK_INT(savedmodel_files(m, &f), FILES);
	for (int i = 1; i < FILES; i++)
		CHECK(strcmp(f[i - 1].path, f[i].path) < 0);
	CHECK_STR(f[PB].path, "saved_model.pb");
	CHECK_STR(f[SHARD_0].path, "variables/variables.data-00000-of-00002");
	CHECK_STR(f[SHARD_1].path, "variables/variables.data-00001-of-00002");
	CHECK_STR(f[INDEX].path, "variables/variables.index");
	CHECK(f[PB].size == 19463 && f[PB].where == SAVEDMODEL_MADE);
	CHECK(f[SHARD_0].size == 4024 && f[SHARD_0].where == SAVEDMODEL_IN_MAIN);
	CHECK(f[SHARD_1].size == 220 && f[SHARD_1].where == SAVEDMODEL_IN_STRINGS);
	CHECK(f[INDEX].size == 270 && f[INDEX].where == SAVEDMODEL_MADE);
	CHECK(savedmodel_rows(m) == 3 && savedmodel_width(m) == 2 && savedmodel_words(m) == 3);
	CHECK(!savedmodel_sidecar(m) && !savedmodel_checked(m));
}

TEST(format_savedmodel__makes_the_reference_s_files)
{
	struct savedmodel_record r = sample(0);
	CLEANUP(closep) struct savedmodel *m = open_sample(&r);
	CLEANUP_SOURCE struct source *src = NULL;
	CLEANUP_BUF struct buf b = BUF_INIT(1 << 20);
	CHECK_INT(savedmodel_make(m, PB, &b), 0);
	golden_file(&b, GOLDEN_EXAMPLE "saved_model.pb");
	buf_reset(&b);
	CHECK_INT(savedmodel_make(m, INDEX, &b), -EAGAIN);
	CHECK_INT(savedmodel_make(m, SHARD_0, &b), -EINVAL);
	CHECK_INT(savedmodel_make(m, FILES, &b), -EINVAL);
	CHECK_INT(b.len, 0);
	CHECK_INT(source_bytes(matrix, sizeof matrix, &src), 0);
	CHECK_INT(savedmodel_checksum(m, src, &b), 0);
	buf_reset(&b);
	CHECK_INT(savedmodel_make(m, INDEX, &b), 0);
	golden_file(&b, GOLDEN_EXAMPLE "variables/variables.index");
}

TEST(format_savedmodel__checksum_completes_the_record)
{
	struct savedmodel_record r = sample(3957), got;
	CLEANUP(closep) struct savedmodel *m = open_sample(&r);
	CLEANUP_SOURCE struct source *src = NULL;
	CLEANUP_BUF struct buf b = BUF_INIT(1000), index = BUF_INIT(1000), again = BUF_INIT(1000);
	char file[3957 + sizeof matrix] = "pickle";
	memcpy(file + 3957, matrix, sizeof matrix);
	CHECK_INT(source_bytes(file, sizeof file, &src), 0);
	CHECK_INT(savedmodel_checksum(m, src, &b), 0);
	CHECK_INT(record_read(b.data, b.len, &got), 0);
	CHECK(got.checked && got.matrix_crc == 0x805104b9 && got.matrix_off == 3957);
	CHECK(savedmodel_checked(m));
	CHECK_INT(savedmodel_make(m, INDEX, &index), 0);
	savedmodel_close(m);
	m = NULL;
	CHECK_INT(savedmodel_open(b.data, b.len, &m), 0);
	CHECK(savedmodel_checked(m));
	CHECK_INT(savedmodel_make(m, INDEX, &again), 0);
	CHECK(again.len == index.len && !memcmp(again.data, index.data, index.len));
}

TEST(format_savedmodel__refuses_a_source_of_another_size)
{
	struct savedmodel_record r = sample(0);
	CLEANUP(closep) struct savedmodel *m = open_sample(&r);
	CLEANUP_SOURCE struct source *src = NULL;
	CLEANUP_BUF struct buf b = BUF_INIT(1000);
	CHECK_INT(source_bytes(matrix, sizeof matrix - 1, &src), 0);
	CHECK_INT(savedmodel_checksum(m, src, &b), -ESTALE);
	CHECK(!savedmodel_checked(m));
}

/* A source of zeroes that knows its blocks' CRCs; only bytes outside whole blocks may be read. */
static uint64_t bytes_read;
static uint32_t zero_block_crc[2];	/* of a whole one, and of the 128 bytes of the last */

static ssize_t zero_pread(struct source *s, void *data, size_t n, uint64_t off)
{
	(void)s, (void)off;
	bytes_read += n;
	memset(data, 0, n);
	return (ssize_t)n;
}

static int zero_crc(struct source *s, uint64_t index, uint32_t *ret)
{
	*ret = zero_block_crc[(index + 1) * SOURCE_BLOCK > s->size];
	return 0;
}

static void zero_free(struct source *s) { (void)s; }

TEST(format_savedmodel__checksum_takes_known_blocks_without_reading_them)
{
	static const struct source_ops ops = { .pread = zero_pread, .block_crc = zero_crc, .free = zero_free };
	static char zeroes[SOURCE_BLOCK];
	struct source src;
	struct savedmodel_record r = sample(128), got;
	CLEANUP_BUF struct buf b = BUF_INIT(1000);
	r.rows = 1 << 20;
	r.width = 64;
	r.shard0_size = 128 + (UINT64_C(1) << 28);
	CLEANUP(closep) struct savedmodel *m = open_sample(&r);
	source_init(&src, &ops, r.shard0_size);
	uint32_t want = zero_block_crc[0] = crc32c(0, zeroes, sizeof zeroes);
	zero_block_crc[1] = crc32c(0, zeroes, 128);
	for (int i = 1; i < 256; i++)
		want = crc32c(want, zeroes, sizeof zeroes);
	CHECK_INT(savedmodel_checksum(m, &src, &b), 0);
	CHECK_INT(record_read(b.data, b.len, &got), 0);
	CHECK_INT(got.matrix_crc, want);
	CHECK(bytes_read <= SOURCE_BLOCK);
}

TEST(format_savedmodel__names_the_side_car)
{
	struct savedmodel_record r = sample(128);
	r.matrix = SAVEDMODEL_IN_SIDECAR;
	snprintf(r.sidecar, sizeof r.sidecar, ".wv.vectors.npy");
	CLEANUP(closep) struct savedmodel *m = open_sample(&r);
	const struct savedmodel_file *f;
	CHECK_STR(savedmodel_sidecar(m), ".wv.vectors.npy");
	CHECK(savedmodel_files(m, &f) == FILES && f[SHARD_0].where == SAVEDMODEL_IN_SIDECAR);
}

TEST(format_savedmodel__refuses_what_is_no_record)
{
	struct savedmodel_record r = sample(0);
	struct savedmodel *m = NULL;
	CLEANUP_BUF struct buf b = BUF_INIT(1000);
	CHECK(savedmodel_open("", 0, &m) < 0 && !m);
	CHECK(savedmodel_open("nonsense", 8, &m) < 0 && !m);
	r.vocabulary_off = 193; /* sound in itself, but the object graph ends at 194 */
	r.vocabulary_size = 27;
	CHECK_INT(record_write(&r, &b), 0);
	CHECK(savedmodel_open(b.data, b.len, &m) < 0 && !m);
}

TEST(format_savedmodel__close_takes_null) { CHECK(!savedmodel_close(NULL)); }
