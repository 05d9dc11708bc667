/* SPDX-License-Identifier: MIT */
/* Any bytes as a file of the mount: what kind is it, and the scan of that kind. */
#include "tests/fuzz/model.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n)
{
	size_t head = n < SAVEDMODEL_SNIFF ? n : SAVEDMODEL_SNIFF;
	/* The first bytes of a longer file must not be read beyond. */
	(void)kinds_sniff(data, head, UINT64_MAX / 2);
	enum savedmodel_kind kind = kinds_sniff(data, head, n);
	return kind == SAVEDMODEL_NONE ? 0 : model_scan(data, n, NULL, kind);
}
