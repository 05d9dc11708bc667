/* SPDX-License-Identifier: MIT */
/* The head of an answer, line by line, and what the client makes of its values. */
#include "drive/header.h"
#include "drive/range.h"
#include "drive/url.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void use(const struct http_response *p)
{
	struct range_content c;
	struct url_origin o;
	uint64_t stored;
	uint8_t md5[16];
	if (p->retry_after_ms < -1 || p->retry_after_ms > 86400000 || p->length < -1)
		abort();
	if (range_content(p->content_range, &c) && c.whole && (c.first > c.last || c.last >= c.total))
		abort();
	if (range_stored(p->range, &stored) && stored > (uint64_t)INT64_MAX + 1)
		abort();
	(void)range_goog_md5(p->goog_hash, md5); /* must only not read beyond the end */
	if (p->location && url_origin(p->location, &o) == 0 && !url_same_origin(p->location, p->location))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct http_response p;
	const char *s = (const char *)data, *end = s + n;
	http_response_init(&p);
	while (s < end) {
		const char *lf = memchr(s, '\n', (size_t)(end - s));
		size_t len = lf ? (size_t)(lf + 1 - s) : (size_t)(end - s);
		if (header_take(&p, s, len) == 0)
			use(&p);
		s += len;
	}
	http_response_done(&p);
	return 0;
}
