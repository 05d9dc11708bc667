/* SPDX-License-Identifier: MIT */
/* MD5, the digest that Drive gives for every file with bytes (SHA-256 may be missing on old
 * ones). It guards against damage, not against an attacker. One thread at a time. */
#ifndef DFM_DRIVE_DIGEST_H
#define DFM_DRIVE_DIGEST_H
#include "drive/drive.h"

struct digest;
MUST_CHECK int digest_open(struct digest **ret);
struct digest *digest_close(struct digest *g);	/* NULL is fine; returns NULL */
MUST_CHECK int digest_reset(struct digest *g);
MUST_CHECK int digest_add(struct digest *g, const void *data, size_t n);
/* Of all that was added so far; more may be added afterwards. */
MUST_CHECK int digest_value(const struct digest *g, uint8_t ret[DRIVE_DIGEST_MD5]);
#endif
