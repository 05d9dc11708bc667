/* SPDX-License-Identifier: MIT */
/* MD5, the digest that Drive gives for every file with bytes (SHA-256 may be missing on old
 * ones). It guards against damage, not against an attacker. One thread at a time. */
#ifndef DFM_DRIVE_MD5_H
#define DFM_DRIVE_MD5_H
#include "drive/drive.h"

struct md5;
MUST_CHECK int md5_open(struct md5 **ret);
struct md5 *md5_close(struct md5 *g);	/* NULL is fine; returns NULL */
MUST_CHECK int md5_reset(struct md5 *g);
MUST_CHECK int md5_add(struct md5 *g, const void *data, size_t n);
/* Of all that was added so far; more may be added afterwards. */
MUST_CHECK int md5_value(const struct md5 *g, uint8_t ret[DRIVE_DIGEST_MD5]);
#endif
