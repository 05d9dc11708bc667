/* SPDX-License-Identifier: MIT */
/* What an answer that is not a success means: HTTP status and body (JSON of two shapes, HTML or
 * nothing) to a reason, an errno and a class. error.c holds the one table. Pure; any thread. */
#ifndef DFM_DRIVE_ERROR_H
#define DFM_DRIVE_ERROR_H
#include "format/buf.h"

enum error_class {
	ERROR_FINAL,	/* the same request will fail again */
	ERROR_REFUSED,	/* nothing was done, ask again later: rate limits */
	ERROR_UNCLEAR,	/* may have been done, ask again: 5xx, lost connections */
	ERROR_AUTH,	/* once more with a new token */
	ERROR_GONE,	/* an upload session has ended (404, 410); for the rest final */
	ERROR_TAKEN,	/* 409: the id exists, perhaps through us */
};

struct drive_error {
	int status;		/* HTTP; 0: no answer came */
	enum error_class cls;
	int err;		/* negative errno when it is final */
	char reason[80];	/* "storageQuotaExceeded", "" where none was given */
	char message[300];
	char location[32];	/* the parameter at fault */
	const char *hint;	/* what to do about it, NULL: nothing known */
	int64_t retry_after_ms;	/* -1: not said */
};

/* `body` may be NULL when n is 0; it need not end with a NUL. */
void error_parse(struct drive_error *ret, int status, const char *body, size_t n);
/* Records `WHAT "SUBJECT": HTTP 403 reason: message; hint` and returns e->err. A NULL subject is
 * left out. */
int error_report(const struct drive_error *e, const char *what, const char *subject);
/* Overwrites anything in `s` that looks like a token or a session. */
void error_scrub(char *s);
#endif
