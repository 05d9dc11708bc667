/* SPDX-License-Identifier: MIT */
#include "format/npy.h"
#include "tests/unit/model_input.h"

#include <math.h>

/* A file of version 1 with this header text and `bytes` bytes of data. */
static int read_header(const char *text, size_t bytes, struct npy *ret)
{
	CLEANUP_BUF struct buf b = BUF_INIT(4096);
	CLEANUP_SOURCE struct source *s = NULL;
	buf_add(&b, "\x93NUMPY\1\0", 8);
	buf_byte(&b, (unsigned char)strlen(text));
	buf_byte(&b, (unsigned char)(strlen(text) >> 8));
	buf_str(&b, text);
	for (size_t i = 0; i < bytes; i++)
		buf_byte(&b, 'x');
	CHECK_INT(buf_check(&b, "npy"), 0);
	CHECK_INT(source_bytes(b.data, b.len, &s), 0);
	return npy_read(s, ret);
}

TEST(format_npy__reads_keys_in_any_order_and_python_2_longs)
{
	struct npy a;
	CHECK_INT(read_header("{\"shape\": (10L,3L), \"fortran_order\": False, 'descr': '<f4'}\n", 120, &a), 0);
	CHECK_INT(a.dims, 2);
	CHECK_INT(a.shape[0], 10);
	CHECK_INT(a.shape[1], 3);
	CHECK_INT(a.size, 120);
	CHECK(npy_plain(&a));
	CHECK_INT(read_header("{'descr': '>f8', 'fortran_order': True, 'shape': (2, 3), }   \n", 50, &a), 0);
	CHECK(a.fortran && a.big_endian && a.item == 8 && !npy_plain(&a));
	CHECK_INT(read_header("{'descr': '|b1', 'fortran_order': False, 'shape': (5,), }", 5, &a), 0);
	CHECK_INT(a.dims, 1);
	CHECK_INT(npy_servable(&a, "array"), -EMEDIUMTYPE);
	CHECK_INT(read_header("{'descr': '<f4', 'fortran_order': False, 'shape': (), }", 4, &a), 0);
	CHECK_INT(a.dims, 0);
}

TEST(format_npy__refuses_what_the_file_does_not_hold)
{
	struct npy a;
	CHECK_INT(read_header("{'descr': '<f4', 'fortran_order': False, 'shape': (10, 3), }", 119, &a), -EBADMSG);
	CHECK(strstr(err_last(), "promises 120 bytes"));
	CHECK_INT(read_header("{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 4), }", 0, &a), -EBADMSG);
	CHECK_INT(read_header("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999, 4), }", 0, &a), -EBADMSG);
	CHECK_INT(read_header("{'descr': '<f4', 'fortran_order': False, 'shape': (0, 18446744073709551615, 9), }", 0, &a), 0);
}

TEST(format_npy__refuses_malformed_headers)
{
	static const char *const bad[] = {
		"", "{", "{}", "{'descr': '<f4'}", "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1)",
		"{'descr': '<f4', 'fortran_order': False, 'shape': (-1, 1)}",
		"{'descr': '<f4', 'fortran_order': False, 'shape': (1)}",
		"{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 1, 1, 1)}",
		"{'descr': '<f4', 'fortran_order': Maybe, 'shape': (1, 1)}",
		"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1, 1)}",
		"{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1, 1)}",
		"{'descr': 'f', 'fortran_order': False, 'shape': (1, 1)}",
		"{'descr': '<f4' 'fortran_order': False, 'shape': (1, 1)}",
		"{'descr': '<f99999999', 'fortran_order': False, 'shape': (1, 1)}",
		"__import__('os')",
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct npy a;
		CHECK_INT(read_header(bad[i], 100, &a), -EBADMSG);
	}
}

TEST(format_npy__knows_versions_1_to_3)
{
	static const char header[] = "{'descr': '<f4', 'fortran_order': False, 'shape': (0, 3)}";
	for (int version = 0; version < 5; version++) {
		CLEANUP_SOURCE struct source *s = NULL;
		char b[200] = "\x93NUMPY";
		struct npy a;
		b[6] = (char)version;
		b[8] = sizeof header - 1;
		memcpy(b + (version == 1 ? 10 : 12), header, sizeof header);
		CHECK_INT(source_bytes(b, sizeof b, &s), 0);
		CHECK_INT(npy_read(s, &a), version >= 1 && version <= 3 ? 0 : -EBADMSG);
	}
}

/* Convert rows x columns of doubles stored as `descr`; *m holds the part afterwards. */
static int convert(struct model_input *m, const char *descr, const void *data, size_t bytes, uint64_t rows, uint64_t columns,
		   bool fortran, bool latin1)
{
	struct npy a = { .dims = 2, .shape = { rows, columns }, .fortran = fortran, .latin1 = latin1, .size = bytes };
	CHECK_INT(model_init(m, data, bytes), 0);
	CHECK_INT(npy_dtype(descr, &a), 0);
	CHECK_INT(npy_servable(&a, "array"), 0);
	return npy_convert(m->in.main, &a, &m->in);
}

TEST(format_npy__converts_halves_exactly)
{
	CLEANUP(model_done) struct model_input m = { 0 };
	const unsigned short half[8] = { 0x3c00, 0xc000, 0x7bff, 0x0001, 0x8000, 0x7c00, 0xfc00, 0x0400 };
	const float want[8] = { 1, -2, 65504, 0x1p-24f, -0.0f, INFINITY, -INFINITY, 0x1p-14f };
	CHECK_INT(convert(&m, "<f2", half, sizeof half, 4, 2, false, false), 0);
	CHECK_INT(m.part[SAVEDMODEL_MATRIX].len, sizeof want);
	CHECK(!memcmp(m.part[SAVEDMODEL_MATRIX].data, want, sizeof want));
}

TEST(format_npy__rounds_doubles_to_nearest)
{
	CLEANUP(model_done) struct model_input m = { 0 };
	const double d[4] = { 0.1, 1e300, -1e-300, 16777217 };
	const float want[4] = { 0.1f, INFINITY, -0.0f, 16777216 };
	CHECK_INT(convert(&m, "<f8", d, sizeof d, 2, 2, false, false), 0);
	CHECK(!memcmp(m.part[SAVEDMODEL_MATRIX].data, want, sizeof want));
}

TEST(format_npy__transposes_fortran_order_in_blocks)
{
	enum { ROWS = 70000, COLUMNS = 19 }; /* more than one block of rows */
	CLEANUP(model_done) struct model_input m = { 0 };
	CLEANUP_FREE float *f = malloc(sizeof *f * ROWS * COLUMNS);
	CHECK(f);
	for (int c = 0; c < COLUMNS; c++)
		for (int r = 0; r < ROWS; r++)
			f[c * ROWS + r] = (float)(r * 100 + c);
	CHECK_INT(convert(&m, "<f4", f, sizeof *f * ROWS * COLUMNS, ROWS, COLUMNS, true, false), 0);
	CHECK_INT(m.part[SAVEDMODEL_MATRIX].len, sizeof *f * ROWS * COLUMNS);
	CHECK(m.largest_write <= 4 << 20);
	const char *p = m.part[SAVEDMODEL_MATRIX].data;
	for (int r = 0; r < ROWS; r++) {
		for (int c = 0; c < COLUMNS; c++, p += 4) {
			float v, want = (float)(r * 100 + c);
			memcpy(&v, p, 4);
			CHECK(v == want);
		}
	}
}

TEST(format_npy__latin1_text_becomes_bytes)
{
	CLEANUP(model_done) struct model_input m = { 0 }, bad = { 0 }, cut = { 0 };
	CHECK_INT(convert(&m, "<f4", "\0\0\xc2\x80?\xc3\xbf\xc3\xbf\xc3\xbf\xc3\xbf", 13, 1, 2, false, true), 0);
	CHECK(!memcmp(m.part[SAVEDMODEL_MATRIX].data, "\0\0\x80?\xff\xff\xff\xff", 8));
	CHECK_INT(convert(&bad, "<f4", "\0\0\xc4\x80?abcd", 9, 1, 2, false, true), -EBADMSG);
	CHECK_INT(convert(&cut, "<f4", "\0\0\xc2\x80?abc", 8, 1, 2, false, true), -EBADMSG);
}
