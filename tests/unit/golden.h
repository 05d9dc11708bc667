/* SPDX-License-Identifier: MIT */
/* Comparing made bytes with the reference's. tests/data/savedmodel_example/ was written by the
 * project's reference writer, which goes through TensorFlow 2.21's own protobuf classes:
 * 3 words x 2 numbers. Where only a SHA-256 stands in a test, it is of what that writer makes for
 * the sizes named there: gen.saved_model(V, D, K).SerializeToString(deterministic=True),
 * bundle.table(), bundle.string_tensor(), in a virtual environment with tensorflow-cpu 2.21.0 and
 * protobuf 7.36.2. Tests run in the repository's top folder. */
#ifndef DFM_GOLDEN_H
#define DFM_GOLDEN_H
#include "format/buf.h"
#include "tests/unit/test.h"

#define GOLDEN_EXAMPLE "tests/data/savedmodel_example/"

static inline void golden_file(const struct buf *made, const char *path)
{
	static char want[1 << 16];
	FILE *f = fopen(path, "rb");
	CHECK(f);
	size_t n = fread(want, 1, sizeof want, f);
	fclose(f);
	CHECK_INT(made->len, n);
	for (size_t i = 0; i < n; i++)
		if (made->data[i] != want[i])
			CHECK_INT(i, -1); /* the first byte that differs */
}

/* By coreutils' sha256sum: format/ links nothing that could do it. */
static inline void golden_sha256(const struct buf *made, const char *want)
{
	char path[300], command[400], got[65] = "";
	snprintf(path, sizeof path, "%s/made", test_dir);
	FILE *f = fopen(path, "wb");
	CHECK(f && fwrite(made->data, 1, made->len, f) == made->len && fclose(f) == 0);
	snprintf(command, sizeof command, "sha256sum < %s", path);
	f = popen(command, "r");
	CHECK(f && fread(got, 1, 64, f) == 64 && pclose(f) == 0);
	CHECK_STR(got, want);
}
#endif
