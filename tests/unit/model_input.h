/* SPDX-License-Identifier: MIT */
/* A struct savedmodel_input whose parts and side-cars are in memory, for tests of scans. */
#ifndef DFM_TEST_MODEL_INPUT_H
#define DFM_TEST_MODEL_INPUT_H
#include "format/kinds.h"
#include "format/record.h"
#include "tests/unit/test.h"

struct model_input {
	struct savedmodel_input in;
	struct buf part[SAVEDMODEL_PARTS];
	size_t writes[SAVEDMODEL_PARTS], largest_write;
	const char *suffix;	/* of the only side-car there is, or NULL */
	struct source *sidecar;
};

static int model_open(void *ctx, const char *suffix, struct source **ret)
{
	struct model_input *m = ctx;
	if (!m->suffix || strcmp(suffix, m->suffix) != 0)
		return err_set(-ENOENT, "no side-car %s", suffix);
	*ret = source_ref(m->sidecar);
	return 0;
}

static int model_write(void *ctx, enum savedmodel_part part, const void *data, size_t n, uint64_t off)
{
	struct model_input *m = ctx;
	struct buf *b = &m->part[part];
	m->writes[part]++;
	if (n > m->largest_write)
		m->largest_write = n;
	while (!b->failed && b->len < off + n)
		buf_byte(b, 0xee);
	if (b->failed)
		return buf_check(b, "a part");
	memcpy(b->data + off, data, n);
	return 0;
}

static int model_read(void *ctx, enum savedmodel_part part, void *data, size_t n, uint64_t off)
{
	struct model_input *m = ctx;
	if (off + n > m->part[part].len)
		return err_set(-EIO, "a part ends");
	memcpy(data, m->part[part].data + off, n);
	return 0;
}

static void model_done(struct model_input *m)
{
	for (int i = 0; i < SAVEDMODEL_PARTS; i++)
		buf_done(&m->part[i]);
	source_unref(m->in.main);
	source_unref(m->sidecar);
}

__attribute__((unused)) static int model_init(struct model_input *m, const void *data, size_t n)
{
	*m = (struct model_input){ .in = { NULL, model_open, model_write, model_read, m } };
	for (int i = 0; i < SAVEDMODEL_PARTS; i++)
		m->part[i].max = 64u << 20;
	return source_bytes(data, n, &m->in.main);
}

/* The whole of a file. */
__attribute__((unused)) static int model_file(const char *path, struct buf *ret)
{
	char piece[4096];
	size_t n;
	FILE *f = fopen(path, "rb");
	if (!f)
		return -errno;
	while ((n = fread(piece, 1, sizeof piece, f)) > 0)
		buf_add(ret, piece, n);
	fclose(f);
	return buf_check(ret, path);
}

/* kind and scan; the record decoded. */
__attribute__((unused)) static int model_scan(struct model_input *m, struct savedmodel_record *ret)
{
	CLEANUP_BUF struct buf record = BUF_INIT(65536);
	char head[SAVEDMODEL_SNIFF];
	ssize_t n = source_pread(m->in.main, head, sizeof head, 0);
	CHECK(n >= 0);
	int r = kinds_scan(&m->in, kinds_sniff(head, (size_t)n, m->in.main->size), &record);
	return r ? r : record_read(record.data, record.len, ret);
}

/* Where word `index` is in the vocabulary: lengths as varints, a CRC of 4 bytes, the bytes. */
__attribute__((unused)) static const char *model_word(struct model_input *m, const struct savedmodel_record *r,
						     uint64_t index, size_t *ret)
{
	const unsigned char *p = (unsigned char *)m->part[SAVEDMODEL_STRINGS].data + r->vocabulary_off, *q = p;
	uint64_t before = 0, len = 0;
	for (uint64_t i = 0; i < r->words; i++) {
		uint64_t v = 0;
		for (unsigned shift = 0;; shift += 7) {
			v |= (uint64_t)(*q & 127) << shift;
			if (*q++ < 128)
				break;
		}
		if (i < index)
			before += v;
		if (i == index)
			len = v;
	}
	*ret = (size_t)len;
	return (const char *)q + 4 + before;
}

/* Row-major float32 of the matrix, wherever it is. */
__attribute__((unused)) static const char *model_matrix(struct model_input *m, const struct savedmodel_record *r,
						       struct buf *copy)
{
	if (r->matrix == SAVEDMODEL_IN_MATRIX)
		return m->part[SAVEDMODEL_MATRIX].data;
	struct source *s = r->matrix == SAVEDMODEL_IN_MAIN ? m->in.main : m->sidecar;
	CHECK_INT(r->shard0_size, s->size);
	size_t n = (size_t)(r->rows * r->width * 4);
	for (size_t i = 0; i < n; i++)
		buf_byte(copy, 0);
	CHECK_INT(buf_check(copy, "matrix"), 0);
	CHECK_INT(source_read(s, copy->data, n, r->matrix_off), 0);
	return copy->data;
}
#endif
