/* SPDX-License-Identifier: MIT */
/* Logging a user in, as an installed app does: consent in the browser, a redirect to a port of ours
 * on loopback with state and PKCE (RFC 8252, 7636), and a refresh token in our own file. For one
 * thread; blocking. */
#ifndef DFM_DRIVE_AUTH_LOGIN_H
#define DFM_DRIVE_AUTH_LOGIN_H
#include "format/base.h"

struct login_config {
	const char *client_file;	/* the OAuth client, type "Desktop app", as Google's console gives it */
	const char *scope;		/* "drive", "drive.readonly"; NULL: drive */
	const char *api_root, *ca_file;	/* as in drive_config */
	unsigned deadline_ms;		/* of one request */
	void (*trace)(void *ctx, const char *line);
	void *trace_ctx;
};

struct login;
/* Reads the client and listens. */
MUST_CHECK int login_open(const struct login_config *cfg, struct login **ret);
struct login *login_close(struct login *l);	/* NULL is fine; returns NULL */
/* Where the user agrees. Borrowed. No secret: it is of no use without what login_open() keeps. */
const char *login_url(const struct login *l);
/* Waits until the browser comes back to us, or a line on the descriptor `input` (-1: none) holds the
 * address that it was sent to. -EACCES: the user does not agree; -ETIMEDOUT. */
MUST_CHECK int login_wait(struct login *l, int input, int64_t patience_ms);
/* Gets the refresh token, and looks whether it opens Drive and whose it is. -EACCES: the scope was not
 * granted, or the client is refused. */
MUST_CHECK int login_finish(struct login *l);
/* Then one of these. Any program of this machine can send a redirect to our port, with a consent of its own
 * account that it got by our address: whose files are about to be used is for the user to see first. */
MUST_CHECK int login_keep(struct login *l);	/* stores it */
void login_drop(struct login *l);		/* tells Google, as far as it can be reached, that the token ends */
/* After login_finish(), borrowed: the e-mail address, and the file. */
const char *login_account(const struct login *l);
const char *login_file(const struct login *l);

/* Deletes our file, and tells Google that its token ends. cfg->client_file is not used. -ENOENT:
 * nobody is logged in. Another error: Google could not be told; the file is deleted all the same. */
MUST_CHECK int login_forget(const struct login_config *cfg);
#endif
