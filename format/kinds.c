/* SPDX-License-Identifier: MIT */
#include "format/kinds.h"

#include "format/gensim.h"
#include "format/record.h"
#include "format/w2v.h"

/* A new format: a row in one table or in both. The first sniffer that knows the bytes decides. */
static enum savedmodel_kind (*const sniffers[])(const void *head, size_t n, uint64_t size) = { gensim_sniff, w2v_sniff };

static const struct {
	enum savedmodel_kind kind;
	int (*scan)(const struct savedmodel_input *in, struct savedmodel_record *ret);
} scanners[] = {
	{ SAVEDMODEL_GENSIM, gensim_scan },
	{ SAVEDMODEL_W2V_BINARY, w2v_scan_binary },
	{ SAVEDMODEL_W2V_TEXT, w2v_scan_text },
};

enum savedmodel_kind kinds_sniff(const void *head, size_t n, uint64_t size)
{
	enum savedmodel_kind kind = SAVEDMODEL_NONE;
	for (size_t i = 0; i < sizeof sniffers / sizeof *sniffers && kind == SAVEDMODEL_NONE; i++)
		kind = sniffers[i](head, n, size);
	return kind;
}

int kinds_scan(const struct savedmodel_input *in, enum savedmodel_kind kind, struct buf *ret_record)
{
	struct savedmodel_record r;
	for (size_t i = 0; i < sizeof scanners / sizeof *scanners; i++)
		if (scanners[i].kind == kind) {
			int e = scanners[i].scan(in, &r);
			return e ? e : record_write(&r, ret_record);
		}
	return err_set(-EMEDIUMTYPE, "not a word-vector model");
}
