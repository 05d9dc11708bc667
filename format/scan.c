/* SPDX-License-Identifier: MIT */
/* What kind of model a file is, and the scan of each kind. */
#include "format/gensim.h"
#include "format/record.h"
#include "format/w2v.h"

enum savedmodel_kind savedmodel_kind(const void *head, size_t n, uint64_t size)
{
	return gensim_sniff(head, n) ? SAVEDMODEL_GENSIM : w2v_sniff(head, n, size);
}

int savedmodel_scan(const struct savedmodel_input *in, enum savedmodel_kind kind, struct buf *ret_record)
{
	struct savedmodel_record r;
	int e = kind == SAVEDMODEL_GENSIM ? gensim_scan(in, &r)
	      : kind == SAVEDMODEL_W2V_BINARY ? w2v_scan(in, false, &r)
	      : kind == SAVEDMODEL_W2V_TEXT ? w2v_scan(in, true, &r)
					    : err_set(-EMEDIUMTYPE, "not a word-vector model");
	return e ? e : record_write(&r, ret_record);
}
