/* SPDX-License-Identifier: MIT */
/* A scan of bytes whose parts are counted and thrown away, but for the scratch part, which is read
 * again. For fuzz targets. */
#ifndef DFM_FUZZ_MODEL_H
#define DFM_FUZZ_MODEL_H
#include "format/kinds.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n);

struct model {
	struct savedmodel_input in;
	struct source *sidecar;
	uint64_t size[SAVEDMODEL_PARTS];
	char scratch[1 << 20];
};

static int model_open(void *ctx, const char *suffix, struct source **ret)
{
	struct model *m = ctx;
	if (!m->sidecar || strlen(suffix) < 5)
		return err_set(-ENOENT, "no side-car");
	*ret = source_ref(m->sidecar);
	return 0;
}

/* No part may be much larger than what it is made from. */
static int model_write(void *ctx, enum savedmodel_part part, const void *data, size_t n, uint64_t off)
{
	struct model *m = ctx;
	uint64_t from = m->in.main->size + (m->sidecar ? m->sidecar->size : 0);
	if (off > m->size[part] || off + n > 4 * from + 65536)
		abort();
	if (off + n > m->size[part])
		m->size[part] = off + n;
	for (size_t i = 0; part == SAVEDMODEL_SCRATCH && i < n && off + i < sizeof m->scratch; i++)
		m->scratch[off + i] = ((const char *)data)[i];
	return 0;
}

static int model_read(void *ctx, enum savedmodel_part part, void *data, size_t n, uint64_t off)
{
	struct model *m = ctx;
	if (off + n > m->size[part])
		abort(); /* was never written */
	memset(data, 0, n);
	if (part == SAVEDMODEL_SCRATCH && off + n <= sizeof m->scratch)
		memcpy(data, m->scratch + off, n);
	return 0;
}

/* Scan; a record must be one that savedmodel_open() takes. */
static int model_scan(const unsigned char *data, size_t n, struct source *sidecar, enum savedmodel_kind kind)
{
	static struct model m;
	struct savedmodel *s = NULL;
	CLEANUP_BUF struct buf record = BUF_INIT(65536);
	memset(m.size, 0, sizeof m.size);
	m.in = (struct savedmodel_input){ NULL, model_open, model_write, model_read, &m };
	m.sidecar = sidecar;
	if (source_bytes(data, n, &m.in.main))
		abort();
	int r = kinds_scan(&m.in, kind, &record);
	if (r && !*err_last())
		abort(); /* every error has a reason */
	if (!r && savedmodel_open(record.data, record.len, &s))
		abort();
	savedmodel_close(s);
	source_unref(m.in.main);
	err_clear();
	return 0;
}
#endif
