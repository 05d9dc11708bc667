/* SPDX-License-Identifier: MIT */
#include "format/record.h"

#include "format/crc32c.h"
#include "tests/unit/test.h"

static struct savedmodel_record sample(void)
{
	return (struct savedmodel_record){
		.rows = 1000, .width = 50, .words = 999, .matrix = SAVEDMODEL_IN_SIDECAR, .matrix_off = 128,
		.shard0_size = 128 + 200000, .sidecar = ".wv.vectors.npy", .strings_size = 9194,
		.vocabulary_off = 194, .vocabulary_size = 9000, .vocabulary_crc = 0x89abcdef,
		.checked = true, .matrix_crc = 0xfedcba98,
	};
}

static int write_and_read(const struct savedmodel_record *r, struct savedmodel_record *ret)
{
	CLEANUP_BUF struct buf b = BUF_INIT(1000);
	int e = record_write(r, &b);
	return e ? e : record_read(b.data, b.len, ret);
}

TEST(format_record__comes_back_as_it_was)
{
	struct savedmodel_record r = sample(), got;
	memset(&got, 0xaa, sizeof got);
	CHECK_INT(write_and_read(&r, &got), 0);
	CHECK(got.rows == 1000 && got.width == 50 && got.words == 999 && got.matrix == SAVEDMODEL_IN_SIDECAR);
	CHECK(got.matrix_off == 128 && got.shard0_size == 200128 && got.strings_size == 9194);
	CHECK(got.vocabulary_off == 194 && got.vocabulary_size == 9000 && got.vocabulary_crc == 0x89abcdef);
	CHECK(got.checked && got.matrix_crc == 0xfedcba98);
	CHECK_STR(got.sidecar, ".wv.vectors.npy");
	r.matrix = SAVEDMODEL_IN_MAIN;
	r.sidecar[0] = 0;
	r.checked = false;
	CHECK_INT(write_and_read(&r, &got), 0);
	CHECK(!got.checked && got.matrix_crc == 0 && got.matrix == SAVEDMODEL_IN_MAIN && !got.sidecar[0]);
}

/* Each contradiction alone, in an otherwise sound record. */
TEST(format_record__refuses_what_contradicts_itself)
{
	struct savedmodel_record got;
#define REFUSED(change) do { struct savedmodel_record r = sample(); change; \
	CHECK_INT(write_and_read(&r, &got), -EBADMSG); CHECK(*err_last()); } while (0)
	REFUSED(r.rows = 0);
	REFUSED(r.words = 0);
	REFUSED(r.words = 1001);
	REFUSED(r.rows = 1001);
	REFUSED(r.rows = UINT64_C(1) << 62);
	REFUSED(r.width = UINT64_MAX / 1000);
	REFUSED(r.width = UINT64_MAX / 4000 + 1);
	REFUSED(r.matrix_off = 129);
	REFUSED(r.matrix_off = UINT64_MAX);
	REFUSED(r.shard0_size = UINT64_MAX);
	REFUSED(r.matrix = SAVEDMODEL_MADE);
	REFUSED(r.matrix = SAVEDMODEL_IN_STRINGS);
	REFUSED(r.matrix = SAVEDMODEL_IN_MAIN);
	REFUSED(r.sidecar[0] = 0);
	REFUSED(strcpy(r.sidecar, "/../x.npy"));
	REFUSED(memset(r.sidecar, 'x', sizeof r.sidecar));
	REFUSED(r.strings_size = 9193);
	REFUSED(r.strings_size = UINT64_MAX);
	REFUSED(r.vocabulary_size = UINT64_MAX);
	REFUSED(r.vocabulary_off = 193);
	REFUSED((r.vocabulary_size = 1002, r.strings_size = 194 + 1002));
	REFUSED((r.vocabulary_size = 3, r.strings_size = 194 + 3));
}

TEST(format_record__refuses_every_damaged_byte_and_every_length)
{
	struct savedmodel_record r = sample(), got;
	CLEANUP_BUF struct buf b = BUF_INIT(1000);
	CHECK_INT(record_write(&r, &b), 0);
	for (size_t i = 0; i < b.len; i++) {
		for (int bit = 0; bit < 8; bit++) {
			b.data[i] = (char)(b.data[i] ^ (1 << bit));
			CHECK_INT(record_read(b.data, b.len, &got), -EBADMSG);
			b.data[i] = (char)(b.data[i] ^ (1 << bit));
		}
		CHECK_INT(record_read(b.data, i, &got), -EBADMSG);
	}
	buf_byte(&b, 0);
	CHECK_INT(record_read(b.data, b.len, &got), -EBADMSG);
}

/* With the checksum put right, as a hostile record would have it: nothing may be read past the
 * end, and what is accepted must be sound. */
TEST(format_record__survives_forged_bytes)
{
	struct savedmodel_record r = sample(), got;
	CLEANUP_BUF struct buf b = BUF_INIT(1000);
	CHECK_INT(record_write(&r, &b), 0);
	CLEANUP_FREE char *copy = malloc(b.len); /* exactly as long: ASan sees a read past it */
	CHECK(copy);
	for (size_t i = 0; i + 4 < b.len; i++) {
		for (int value = 0; value < 256; value++) {
			memcpy(copy, b.data, b.len);
			copy[i] = (char)value;
			uint32_t crc = crc32c(0, copy, b.len - 4);
			memcpy(copy + b.len - 4, &crc, 4);
			int e = record_read(copy, b.len, &got);
			CHECK(e == 0 || e == -EBADMSG);
			if (!e)
				CHECK(got.matrix_off + got.rows * got.width * 4 <= got.shard0_size && got.words <= got.rows);
		}
	}
}

TEST(format_record__a_full_buffer_is_an_error)
{
	struct savedmodel_record r = sample();
	CLEANUP_BUF struct buf b = BUF_INIT(50);
	CHECK(record_write(&r, &b) < 0);
}
