/* SPDX-License-Identifier: MIT */
/* One exchange with a token endpoint: what is sent, what comes back, and what each refusal means for
 * who has these credentials. No retries; any thread. */
#ifndef DFM_DRIVE_AUTH_GRANT_H
#define DFM_DRIVE_AUTH_GRANT_H
#include "drive/auth/creds.h"
#include "drive/error.h"
#include "drive/http.h"

struct grant {
	struct http *http;		/* borrowed, like the rest */
	const struct creds *creds;	/* whose; NULL while a login is under way */
	const char *what, *who;		/* for messages: token for "who" */
	const char *uri;
	int64_t end_at_ms, stall_ms;
};
/* POSTs a form. 0: *resp is a 200; else *ret_error is filled, and the reason with its cure recorded. */
MUST_CHECK int grant_post(const struct grant *g, const struct buf *form, struct http_response *resp,
			  struct drive_error *ret_error);

/* The form by which a service account or a user gets an access token; signed at `now_s`. */
MUST_CHECK int grant_form(const struct creds *c, int64_t now_s, struct buf *form);
/* Adds "&name=value", escaped. */
void grant_field(struct buf *form, const char *name, const char *value);

struct grant_answer {
	char *header;		/* "Bearer ..." */
	int64_t life_ms;
	char *refresh_token;	/* NULL: none came */
	char *scope;		/* NULL: not said */
};
/* Reads a token and what comes with it; grant_answer_done() it. -EBADMSG: there is none that could
 * be sent. */
MUST_CHECK int grant_read(const char *text, size_t n, struct grant_answer *ret);
/* The same from a token alone, which lives so long. */
MUST_CHECK int grant_bearer(const char *token, int64_t life_ms, struct grant_answer *ret);
void grant_answer_done(struct grant_answer *a);	/* overwrites */
#define CLEANUP_GRANT CLEANUP(grant_answer_done)

/* What to do about an error of the API that has its cause in the credentials; NULL: nothing known. */
const char *grant_hint(const struct creds *c, const struct drive_error *e);
/* The answer says that our clock is wrong. */
bool grant_clock_refused(const struct drive_error *e);
#endif
