/* SPDX-License-Identifier: MIT */
/* Is what Drive has what was sent, where the answer to an upload names no MD5? */
#ifndef DFM_DRIVE_CHECKSUM_H
#define DFM_DRIVE_CHECKSUM_H
#include "drive/call.h"

enum { CHECKSUM_OTHER = 1 };

/* `f` is an answer of body's size and without an MD5: Drive is asked again some times, since it may
 * only not have got that far, then SHA-256 or SHA-1 are compared, for which `body` is read once more.
 * 0: *f is the file as it is now, with its MD5, or with `md5`, that of `body`, where another checksum
 * shows that the bytes are the same. CHECKSUM_OTHER: they are not. -EIO: no checksum was to be had. */
MUST_CHECK int checksum_settle(struct drive *d, struct drive_file *f, struct source *body,
			       const uint8_t md5[DRIVE_DIGEST_MD5]);
#endif
