/* SPDX-License-Identifier: MIT */
/* Layout, little-endian: magic, version, bytes of the whole record, the fields in the order of the
 * struct (the suffix behind its length), CRC-32C of all that. */
#include "format/record.h"

#include "format/crc32c.h"

#include <inttypes.h>
#include <string.h>

enum { MAGIC = 0x524d4644, FRAME_BYTES = 12, CRC_BYTES = 4 }; /* "DFMR" */

static void put_number(struct buf *b, uint64_t v, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		buf_byte(b, (unsigned char)(v >> (8 * i)));
}

/* A reader that stops at the end and remembers that it did. */
struct reader {
	const unsigned char *p, *end;
	bool failed;
};

static uint64_t get_number(struct reader *r, unsigned bytes)
{
	uint64_t v = 0;
	if ((size_t)(r->end - r->p) < bytes) {
		r->failed = true;
		return 0;
	}
	for (unsigned i = 0; i < bytes; i++)
		v |= (uint64_t)*r->p++ << (8 * i);
	return v;
}

static bool matrix_fits(const struct savedmodel_record *r)
{
	uint64_t bytes;
	return r->rows && !__builtin_mul_overflow(r->rows, r->width, &bytes) &&
	       !__builtin_mul_overflow(bytes, sizeof(float), &bytes) && r->shard0_size <= INT64_MAX &&
	       bytes <= r->shard0_size && r->matrix_off <= r->shard0_size - bytes;
}

/* A word takes a byte of length at least, and the lengths have a checksum behind them. */
static bool strings_fit(const struct savedmodel_record *r)
{
	return r->words && r->words <= r->rows && r->strings_size <= INT64_MAX &&
	       r->vocabulary_size <= r->strings_size && r->vocabulary_off == r->strings_size - r->vocabulary_size &&
	       r->vocabulary_size > CRC_BYTES && r->words <= r->vocabulary_size - CRC_BYTES;
}

/* The suffix becomes part of a file name in the folder of the model. */
static bool sidecar_is_sound(const struct savedmodel_record *r)
{
	size_t n = strnlen(r->sidecar, sizeof r->sidecar);
	return n < sizeof r->sidecar && !strchr(r->sidecar, '/') && (n != 0) == (r->matrix == SAVEDMODEL_IN_SIDECAR);
}

static int check_record(const struct savedmodel_record *r)
{
	if (r->matrix != SAVEDMODEL_IN_MAIN && r->matrix != SAVEDMODEL_IN_SIDECAR && r->matrix != SAVEDMODEL_IN_MATRIX)
		return err_set(-EBADMSG, "model record: the matrix is nowhere (%d)", (int)r->matrix);
	if (!sidecar_is_sound(r))
		return err_set(-EBADMSG, "model record: the name of the side-car is not sound");
	if (!matrix_fits(r))
		return err_set(-EBADMSG, "model record: %" PRIu64 " x %" PRIu64 " floats at byte %" PRIu64
			       " do not fit in %" PRIu64 " bytes", r->rows, r->width, r->matrix_off, r->shard0_size);
	if (!strings_fit(r))
		return err_set(-EBADMSG, "model record: %" PRIu64 " words of %" PRIu64 " rows contradict %" PRIu64
			       " bytes", r->words, r->rows, r->vocabulary_size);
	return 0;
}

static void write_fields(const struct savedmodel_record *r, struct buf *b)
{
	put_number(b, r->rows, 8);
	put_number(b, r->width, 8);
	put_number(b, r->words, 8);
	put_number(b, (uint64_t)r->matrix, 1);
	put_number(b, r->matrix_off, 8);
	put_number(b, r->shard0_size, 8);
	put_number(b, strlen(r->sidecar), 1);
	buf_str(b, r->sidecar);
	put_number(b, r->strings_size, 8);
	put_number(b, r->vocabulary_off, 8);
	put_number(b, r->vocabulary_size, 8);
	put_number(b, r->vocabulary_crc, 4);
	put_number(b, r->checked, 1);
	put_number(b, r->checked ? r->matrix_crc : 0, 4);
}

int record_write(const struct savedmodel_record *r, struct buf *ret)
{
	CLEANUP_BUF struct buf fields = BUF_INIT(1024);
	int e = check_record(r);
	if (e)
		return e;
	write_fields(r, &fields);
	e = buf_check(&fields, "model record");
	if (e)
		return e;
	size_t start = ret->len;
	put_number(ret, MAGIC, 4);
	put_number(ret, SAVEDMODEL_VERSION, 4);
	put_number(ret, FRAME_BYTES + fields.len + CRC_BYTES, 4);
	buf_add(ret, fields.data, fields.len);
	if (!ret->failed)
		put_number(ret, crc32c(0, ret->data + start, ret->len - start), CRC_BYTES);
	return buf_check(ret, "model record");
}

static void read_sidecar(struct reader *r, char ret[256])
{
	size_t n = (size_t)get_number(r, 1);
	if ((size_t)(r->end - r->p) < n || memchr(r->p, 0, n)) {
		r->failed = true;
		return;
	}
	memcpy(ret, r->p, n);
	r->p += n;
}

static void read_fields(struct reader *r, struct savedmodel_record *ret)
{
	ret->rows = get_number(r, 8);
	ret->width = get_number(r, 8);
	ret->words = get_number(r, 8);
	ret->matrix = (enum savedmodel_where)get_number(r, 1);
	ret->matrix_off = get_number(r, 8);
	ret->shard0_size = get_number(r, 8);
	read_sidecar(r, ret->sidecar);
	ret->strings_size = get_number(r, 8);
	ret->vocabulary_off = get_number(r, 8);
	ret->vocabulary_size = get_number(r, 8);
	ret->vocabulary_crc = (uint32_t)get_number(r, 4);
	uint64_t checked = get_number(r, 1);
	ret->checked = checked == 1;
	ret->matrix_crc = (uint32_t)get_number(r, 4);
	if (checked > 1 || (!checked && ret->matrix_crc))
		r->failed = true;
}

int record_read(const void *data, size_t n, struct savedmodel_record *ret)
{
	struct reader frame = { data, (const unsigned char *)data + n, false };
	struct savedmodel_record r = { 0 };
	uint64_t magic = get_number(&frame, 4), version = get_number(&frame, 4), size = get_number(&frame, 4);
	if (frame.failed || magic != MAGIC || version != SAVEDMODEL_VERSION)
		return err_set(-EBADMSG, "not a model record of version %d", SAVEDMODEL_VERSION);
	if (size != n || n < FRAME_BYTES + CRC_BYTES)
		return err_set(-EBADMSG, "model record: %zu bytes, and it says %" PRIu64, n, size);
	struct reader crc = { frame.end - CRC_BYTES, frame.end, false };
	frame.end -= CRC_BYTES;
	if (get_number(&crc, CRC_BYTES) != crc32c(0, data, n - CRC_BYTES))
		return err_set(-EBADMSG, "model record: its checksum is wrong");
	read_fields(&frame, &r);
	if (frame.failed || frame.p != frame.end)
		return err_set(-EBADMSG, "model record: its fields do not fill it");
	int e = check_record(&r);
	if (!e)
		*ret = r;
	return e;
}
