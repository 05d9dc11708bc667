/* SPDX-License-Identifier: MIT */
/* Any bytes as the side-car of a model of 3 words. */
#include "tests/fuzz/model.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n)
{
	static const char model[] = "\x80\x02" "cgensim.models.keyedvectors\nKeyedVectors\n)\x81}(U\x0cindex_to_key](U\1aU\1bU\1ce"
				    "U\x08__numpys]U\x07vectorsaub.";
	CLEANUP_SOURCE struct source *sidecar = NULL;
	if (source_bytes(data, n, &sidecar))
		abort();
	return model_scan((const unsigned char *)model, sizeof model - 1, sidecar, SAVEDMODEL_GENSIM);
}
