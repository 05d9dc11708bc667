/* SPDX-License-Identifier: MIT */
/* JSON Web Tokens signed with RS256 (RFC 7515, 7519), as RFC 7523 wants them for a grant.
 * jwt_sign() may be called from any thread. */
#ifndef DFM_DRIVE_AUTH_JWT_H
#define DFM_DRIVE_AUTH_JWT_H
#include "format/buf.h"

struct jwt_key;
/* A PEM private key; -EBADMSG: it is not an RSA key. */
MUST_CHECK int jwt_key_open(const char *pem, struct jwt_key **ret);
struct jwt_key *jwt_key_close(struct jwt_key *k);	/* NULL is fine; returns NULL */

struct jwt_claims {
	const char *key_id;	/* "kid" of the header, NULL: none */
	const char *issuer, *scope, *audience;
	const char *subject;	/* NULL: none */
	int64_t issued_s, expires_s;	/* Unix time */
};
/* Adds "header.claims", both base64url: what is signed. */
void jwt_unsigned(struct buf *b, const struct jwt_claims *c);
/* Adds the whole token, a secret. */
MUST_CHECK int jwt_sign(const struct jwt_key *k, const struct jwt_claims *c, struct buf *ret);

void jwt_base64url(struct buf *b, const void *data, size_t n);	/* without padding */
#endif
