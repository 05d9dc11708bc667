/* SPDX-License-Identifier: MIT */
/* Any bytes as a pickle of a model. Every side-car it asks for is a npy file of 3 x 2 floats. */
#include "tests/fuzz/model.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n)
{
	static const char npy[] = "\x93NUMPY\1\0\x3a\0{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2)}\n\n"
				  "000011112222333344445555";
	CLEANUP_SOURCE struct source *sidecar = NULL;
	if (source_bytes(npy, sizeof npy - 1, &sidecar))
		abort();
	return model_scan(data, n, sidecar, SAVEDMODEL_GENSIM);
}
