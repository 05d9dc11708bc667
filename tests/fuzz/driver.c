/* SPDX-License-Identifier: MIT */
/* Runs a fuzz target over files, without libFuzzer: fuzz_NAME FILE... */
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n);

static int run(const char *path)
{
	enum { INPUT_MAX = 16 << 20 };
	FILE *f = fopen(path, "rb");
	unsigned char *data = f ? malloc(INPUT_MAX) : NULL;
	size_t n = data ? fread(data, 1, INPUT_MAX, f) : 0;
	int failed = !data || ferror(f);
	if (!failed) {
		/* Exactly as large as the input, so that a sanitizer sees a read behind it. */
		unsigned char *exact = malloc(n ? n : 1);
		for (size_t i = 0; exact && i < n; i++)
			exact[i] = data[i];
		failed = !exact || LLVMFuzzerTestOneInput(exact, n) != 0;
		free(exact);
	}
	free(data);
	if (f)
		fclose(f);
	if (failed)
		fprintf(stderr, "%s: failed\n", path);
	return failed;
}

int main(int argc, char **argv)
{
	int failed = 0;
	for (int i = 1; i < argc; i++)
		failed |= run(argv[i]);
	return failed;
}
