/* SPDX-License-Identifier: MIT */
/* Conversion of a stored matrix, in one stream: bytes -> (latin-1 out of UTF-8) -> elements ->
 * float32 -> part. Fortran order goes to the scratch part first and is transposed from there in
 * blocks of rows, so memory does not depend on the matrix. */
#include "format/npy.h"

#include <inttypes.h>
#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "float32 are written as they lie in memory"
#endif

enum { OUT_FLOATS = 64 << 10, BLOCK_BYTES = 4 << 20 };

struct convert {
	const struct npy *a;
	const struct savedmodel_input *in;
	enum savedmodel_part part;
	uint64_t elements, written;	/* wanted; handed to the part */
	size_t n;			/* floats in out */
	unsigned char item[8];		/* an element that is being put together */
	unsigned have;
	unsigned char lead;		/* first byte of a two-byte UTF-8 sequence, or 0 */
	float out[OUT_FLOATS];
};

static int flush_out(struct convert *c)
{
	int r = c->n ? c->in->write(c->in->ctx, c->part, c->out, c->n * 4, c->written * 4) : 0;
	c->written += c->n;
	c->n = 0;
	return r;
}

static uint64_t load_value(const unsigned char *p, unsigned n, bool big)
{
	uint64_t v = 0;
	for (unsigned i = 0; i < n; i++)
		v |= (uint64_t)p[i] << 8 * (big ? n - 1 - i : i);
	return v;
}

static float from_bits(uint32_t bits)
{
	float f;
	memcpy(&f, &bits, 4);
	return f;
}

/* IEEE 754 binary16 -> binary32: exact. */
static float from_half(unsigned h)
{
	uint32_t sign = (uint32_t)(h & 0x8000) << 16, exp = h >> 10 & 31, frac = h & 1023;
	if (exp == 31)
		return from_bits(sign | 0x7f800000u | frac << 13);
	if (exp)
		return from_bits(sign | (exp + 112) << 23 | frac << 13);
	float tiny = (float)frac * 0x1p-24f;
	return sign ? -tiny : tiny;
}

static float element(const struct npy *a, const unsigned char *p)
{
	uint64_t bits = load_value(p, a->item, a->big_endian);
	if (a->item == 2)
		return from_half((unsigned)bits);
	if (a->item == 4)
		return from_bits((uint32_t)bits);
	double d;
	memcpy(&d, &bits, 8);
	return (float)d;
}

static int put_value(struct convert *c, const unsigned char *p)
{
	c->out[c->n++] = element(c->a, p);
	return c->n == OUT_FLOATS ? flush_out(c) : 0;
}

static int put_byte(struct convert *c, unsigned char b)
{
	c->item[c->have++] = b;
	if (c->have < c->a->item)
		return 0;
	c->have = 0;
	if (c->written + c->n == c->elements)
		return err_set(-EBADMSG, "the array holds more than its %" PRIu64 " elements", c->elements);
	return put_value(c, c->item);
}

/* Python 3 writes bytes under protocol 2 as _codecs.encode(text, 'latin1'): every character of the
 * text is one byte (CPython Modules/_pickle.c, save_bytes). */
static int latin1_sink(void *ctx, const void *data, size_t n)
{
	struct convert *c = ctx;
	const unsigned char *p = data;
	int r = cancelled() ? err_set(-EINTR, "cancelled") : 0;
	for (size_t i = 0; !r && i < n; i++) {
		if (c->lead) {
			if ((p[i] & 0xc0) != 0x80)
				return err_set(-EBADMSG, "the text that stands for an array is not UTF-8");
			r = put_byte(c, (unsigned char)(c->lead << 6 | (p[i] & 0x3f)));
			c->lead = 0;
		} else if (p[i] < 0x80) {
			r = put_byte(c, p[i]);
		} else if (p[i] == 0xc2 || p[i] == 0xc3) {
			c->lead = p[i];
		} else {
			return err_set(-EBADMSG, "the text that stands for an array has characters above U+00FF");
		}
	}
	return r;
}

static int raw_sink(void *ctx, const void *data, size_t n)
{
	struct convert *c = ctx;
	const unsigned char *p = data, *end = p + n;
	int r = cancelled() ? err_set(-EINTR, "cancelled") : 0;
	while (!r && p < end) {
		if (!c->have && (size_t)(end - p) >= c->a->item && c->written + c->n < c->elements) {
			r = put_value(c, p);
			p += c->a->item;
		} else {
			r = put_byte(c, *p++);
		}
	}
	return r;
}

static int convert_stream(struct source *src, struct convert *c)
{
	int r = source_stream(src, c->a->off, c->a->size, c->a->latin1 ? latin1_sink : raw_sink, c);
	if (!r)
		r = flush_out(c);
	if (!r && (c->written != c->elements || c->have || c->lead))
		r = err_set(-EBADMSG, "the array holds %" PRIu64 " of its %" PRIu64 " elements", c->written, c->elements);
	return r;
}

/* Rows [row, row + rows) of the matrix whose columns stand one after the other in the scratch. */
static int transpose_rows(const struct savedmodel_input *in, const struct npy *a, uint64_t row, size_t rows,
			  float *column, float *block)
{
	size_t width = (size_t)a->shape[1];
	for (size_t c = 0; c < width; c++) {
		int r = in->read(in->ctx, SAVEDMODEL_SCRATCH, column, rows * 4, (c * a->shape[0] + row) * 4);
		if (r)
			return r;
		for (size_t i = 0; i < rows; i++)
			block[i * width + c] = column[i];
	}
	return in->write(in->ctx, SAVEDMODEL_MATRIX, block, rows * width * 4, row * width * 4);
}

static int transpose(const struct savedmodel_input *in, const struct npy *a)
{
	size_t width = (size_t)a->shape[1], step = BLOCK_BYTES / 4 / width, most = 64 << 10;
	if (step > most)
		step = most;
	CLEANUP_FREE float *block = malloc(step * width * 4), *column = malloc(step * 4);
	if (!block || !column)
		return err_nomem("rows to convert");
	for (uint64_t row = 0; row < a->shape[0]; row += step) {
		uint64_t left = a->shape[0] - row;
		if (cancelled())
			return err_set(-EINTR, "cancelled");
		int r = transpose_rows(in, a, row, left < step ? (size_t)left : step, column, block);
		if (r)
			return r;
	}
	return 0;
}

int npy_convert(struct source *src, const struct npy *a, const struct savedmodel_input *in)
{
	CLEANUP_FREE struct convert *c = malloc(sizeof *c);
	uint64_t bytes;
	if (!c)
		return err_nomem("rows to convert");
	int r = npy_bytes(a, &bytes);
	if (r)
		return r;
	c->a = a;
	c->in = in;
	c->part = a->fortran ? SAVEDMODEL_SCRATCH : SAVEDMODEL_MATRIX;
	c->elements = bytes / a->item;
	c->written = c->n = c->have = c->lead = 0;
	r = convert_stream(src, c);
	return r || !a->fortran ? r : transpose(in, a);
}
