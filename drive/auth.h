/* SPDX-License-Identifier: MIT */
/* The access token: fetched when first needed and ahead of its end, by one thread at a time; the
 * others wait for it, or go on with the old one while that lasts. Any thread, no lock held. */
#ifndef DFM_DRIVE_AUTH_H
#define DFM_DRIVE_AUTH_H
#include "drive/creds.h"
#include "drive/grant.h"

struct auth;
struct auth_config {
	struct http *http;		/* borrowed */
	int64_t deadline_ms;
	unsigned wait_scale_percent;
	void (*trace)(void *ctx, const char *line);	/* NULL: none */
	void *trace_ctx;
};
/* Takes `creds` on success. */
MUST_CHECK int auth_open(const struct auth_config *cfg, struct creds *creds, struct auth **ret);
struct auth *auth_close(struct auth *a);	/* NULL is fine; returns NULL */
/* Borrowed; its identity may be read by any thread. */
const struct creds *auth_creds(const struct auth *a);
/* Names a user whose credentials do not say who that is; before any other thread has `a`. */
MUST_CHECK int auth_name(struct auth *a, const char *email);

struct auth_token {
	char *header;	/* "Bearer ...", a secret */
	uint64_t number;
};
void auth_token_done(struct auth_token *t);
#define CLEANUP_TOKEN CLEANUP(auth_token_done)
/* A token that is good for some time yet; -EACCES: the credentials are refused. */
MUST_CHECK int auth_token(struct auth *a, struct auth_token *ret);
/* The scopes that the last token was given, as its answer names them; "" where it does not. */
void auth_scope(struct auth *a, char *ret, size_t n);
/* Drive answered 401 to this token: the next auth_token() fetches another. */
void auth_refused(struct auth *a, const struct auth_token *t);

/* Waits `ms`, scaled; 0, or -EINTR soon after cancelled(). */
MUST_CHECK int auth_wait(unsigned scale_percent, int64_t ms);
uint32_t auth_random(void);
#endif
