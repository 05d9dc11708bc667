/* SPDX-License-Identifier: MIT */
/* Any bytes as a word2vec file, text and binary. */
#include "tests/fuzz/model.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n)
{
	return model_scan(data, n, NULL, SAVEDMODEL_W2V_TEXT) | model_scan(data, n, NULL, SAVEDMODEL_W2V_BINARY);
}
