/* SPDX-License-Identifier: MIT */
/* The body of an answer that is no success: JSON of two shapes, HTML, anything. The first two
 * bytes choose the status. */
#include "drive/error.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct drive_error e;
	if (n < 2)
		return 0;
	int status = 300 + (data[0] * 256 + data[1]) % 300;
	error_parse(&e, status, (const char *)data + 2, n - 2);
	if (e.err >= 0 || e.status != status || !memchr(e.message, 0, sizeof e.message) || !memchr(e.reason, 0, sizeof e.reason))
		abort();
	if (error_report(&e, "get", "name") != e.err || !*err_last())
		abort();
	return 0;
}
