/* SPDX-License-Identifier: MIT */
/* Header values with positions, and URLs. */
#include "drive/range.h"
#include "drive/url.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct range_content c;
	struct url_origin o;
	uint64_t stored;
	uint8_t md5[16];
	CLEANUP_BUF struct buf b = BUF_INIT(65536);
	char *s = strndup((const char *)data, n);
	if (!s)
		return 0;
	if (range_content(s, &c) && c.whole && (c.first > c.last || c.last >= c.total))
		abort();
	if (range_stored(s, &stored) && stored > (uint64_t)INT64_MAX + 1)
		abort();
	(void)range_goog_md5(s, md5); /* must only not read beyond the end */
	if (url_origin(s, &o) == 0 && (!o.host[0] || !o.port || strpbrk(o.host, "@/\\ ")))
		abort();
	if (url_is_google(s) && !url_same_origin(s, s))
		abort();
	url_trace(&b, s);
	if (b.data && (strstr(b.data, "?upload_id=") || strstr(b.data, "&upload_id=")))
		abort();
	free(s);
	return 0;
}
