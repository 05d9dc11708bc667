/* SPDX-License-Identifier: MIT */
/* The access token: fetched when first needed and ahead of its end, by one thread at a time; the
 * others wait for it, or go on with the old one while that lasts. Any thread, no lock held. */
#ifndef DFM_DRIVE_AUTH_TOKEN_H
#define DFM_DRIVE_AUTH_TOKEN_H
#include "drive/auth/creds.h"
#include "drive/auth/grant.h"

struct token;
struct token_config {
	struct http *http;		/* borrowed */
	int64_t deadline_ms;
	unsigned wait_scale_percent;
	void (*trace)(void *ctx, const char *line);	/* NULL: none */
	void *trace_ctx;
};
/* Takes `creds` on success. */
MUST_CHECK int token_open(const struct token_config *cfg, struct creds *creds, struct token **ret);
struct token *token_close(struct token *a);	/* NULL is fine; returns NULL */
/* Borrowed; its identity may be read by any thread. */
const struct creds *token_creds(const struct token *a);
/* Names a user whose credentials do not say who that is; before any other thread has `a`. */
MUST_CHECK int token_name(struct token *a, const char *email);

struct token_bearer {
	char *header;	/* "Bearer ...", a secret */
	uint64_t number;
};
void token_bearer_done(struct token_bearer *t);
#define CLEANUP_TOKEN CLEANUP(token_bearer_done)
/* A token that is good for some time yet; -EACCES: the credentials are refused. */
MUST_CHECK int token_get(struct token *a, struct token_bearer *ret);
/* The scopes that the last token was given, as its answer names them; "" where it does not. */
void token_scope(struct token *a, char *ret, size_t n);
/* Drive answered 401 to this token: the next token_get() fetches another. */
void token_refused(struct token *a, const struct token_bearer *t);
#endif
