/* SPDX-License-Identifier: MIT */
/* A file resource, a time and the text itself, as a hostile server would write them. */
#include "drive/json.h"
#include "drive/url.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check(const struct drive_file *f)
{
	if (!f->name || !f->mime || !url_id_ok(f->id) || (f->parent[0] && !url_id_ok(f->parent)) || f->size > INT64_MAX ||
	    (!f->blob && f->size))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	CLEANUP_DRIVE_FILE struct drive_file f = { 0 };
	CLEANUP_BUF struct buf b = BUF_INIT(100);
	int64_t ms, again;
	if (json_file_text((const char *)data, n, &f) == 0)
		check(&f);
	char *text = strndup((const char *)data, n);
	if (text && json_time_parse(text, &ms) && ms >= -62167219200000 && ms <= 253402300799999) {
		json_time(&b, ms);
		b.data[b.len - 1] = 0;
		if (!json_time_parse(b.data + 1, &again) || again != ms)
			abort();
	}
	free(text);
	return 0;
}
