/* SPDX-License-Identifier: MIT */
/* The headers that carry positions: Content-Range of a download, Range of a 308, and the MD5 in
 * X-Goog-Hash. Hostile input; pure; any thread. */
#ifndef DFM_DRIVE_RANGE_H
#define DFM_DRIVE_RANGE_H
#include "format/base.h"

/* "bytes 0-99/100" of a 206, or "bytes * /100" (without the blank) of a 416: then `whole` is
 * false and only `total` is set. */
struct range_content {
	bool whole;
	uint64_t first, last, total;
};
/* False: anything else, an unknown total ("/ *") too, since nothing could be checked with it. */
bool range_content(const char *value, struct range_content *ret);

/* The count of stored bytes that a 308 names: "bytes=0-41" or "0-41" -> 42; NULL or "" -> 0
 * (no Range header means that nothing is stored: google-cloud-cpp issue 1829). */
bool range_stored(const char *value, uint64_t *ret);

/* The whole file's MD5 in "crc32c=AAAA==,md5=BBBB==". */
bool range_goog_md5(const char *value, uint8_t ret[16]);
#endif
