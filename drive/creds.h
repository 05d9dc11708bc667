/* SPDX-License-Identifier: MIT */
/* Finding and reading credentials. One kind is taken today, a service account's key; each other
 * kind that Google writes is recognised and named in the error. Immutable once open: any thread. */
#ifndef DFM_DRIVE_CREDS_H
#define DFM_DRIVE_CREDS_H
#include "drive/jwt.h"

#define CREDS_GOOGLE_TOKEN_URI "https://oauth2.googleapis.com/token"

enum creds_kind { CREDS_SERVICE_ACCOUNT };

struct creds {
	enum creds_kind kind;
	char *identity;		/* e-mail address */
	char *token_uri;
	char *key_id;		/* may be NULL */
	struct jwt_key *key;
};
/* `path` NULL: $GOOGLE_APPLICATION_CREDENTIALS. A token is asked for at Google or at the origin of
 * api_root only: a key file must not send its assertion elsewhere. */
MUST_CHECK int creds_open(const char *path, const char *api_root, struct creds **ret);
/* The same from the file's text; `path` for messages only. */
MUST_CHECK int creds_parse(const char *text, size_t n, const char *path, const char *api_root, struct creds **ret);
struct creds *creds_close(struct creds *c);	/* NULL is fine; returns NULL */
#endif
