/* SPDX-License-Identifier: MIT */
/* The parts of a scan in memory, for tests of what writes them. */
#ifndef DFM_PARTS_H
#define DFM_PARTS_H
#include "format/savedmodel.h"
#include "tests/unit/test.h"

struct parts {
	struct buf part[SAVEDMODEL_PARTS];
	size_t writes[SAVEDMODEL_PARTS], smallest[SAVEDMODEL_PARTS];	/* smallest but for the last */
	size_t last[SAVEDMODEL_PARTS];
	size_t fail_write;	/* the how many-eth write of all ends with -ENOSPC; 0: none */
};
#define PARTS_INIT { .part = { BUF_INIT(1 << 26), BUF_INIT(1 << 26), BUF_INIT(1 << 26) } }
#define CLEANUP_PARTS CLEANUP(parts_done)

static inline void parts_done(struct parts *p)
{
	for (int i = 0; i < SAVEDMODEL_PARTS; i++)
		buf_done(&p->part[i]);
}

static inline int parts_write(void *ctx, enum savedmodel_part part, const void *data, size_t n, uint64_t off)
{
	struct parts *p = ctx;
	if (p->fail_write && --p->fail_write == 0)
		return err_set(-ENOSPC, "the disk is full");
	CHECK_INT(off, p->part[part].len); /* streams */
	if (p->writes[part]++ && (p->writes[part] == 2 || p->last[part] < p->smallest[part]))
		p->smallest[part] = p->last[part];
	p->last[part] = n;
	buf_add(&p->part[part], data, n);
	return buf_check(&p->part[part], "part");
}

static inline int parts_read(void *ctx, enum savedmodel_part part, void *data, size_t n, uint64_t off)
{
	struct parts *p = ctx;
	CHECK(off + n <= p->part[part].len);
	memcpy(data, p->part[part].data + off, n);
	return 0;
}

static inline struct savedmodel_input parts_input(struct parts *p)
{
	return (struct savedmodel_input){ .write = parts_write, .read = parts_read, .ctx = p };
}
#endif
