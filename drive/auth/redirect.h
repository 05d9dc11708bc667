/* SPDX-License-Identifier: MIT */
/* What an OAuth redirect brings: from a browser, to a port of ours on loopback, or as a pasted line.
 * One thread. */
#ifndef DFM_DRIVE_AUTH_REDIRECT_H
#define DFM_DRIVE_AUTH_REDIRECT_H
#include "format/buf.h"

enum { REDIRECT_VALUE_MAX = 2048 };

struct redirect;
MUST_CHECK int redirect_open(struct redirect **ret);	/* listens at 127.0.0.1, on a port that is free */
struct redirect *redirect_close(struct redirect *v);	/* NULL is fine; returns NULL */
unsigned redirect_port(const struct redirect *v);

/* Waits for "/?...state=STATE..." with this very state. Other requests get an error page and are
 * forgotten; so are pasted lines, but -EINVAL for one that is an address with another state. With
 * `code` *ret has it; -EACCES: it brought an error, which is recorded; -ETIMEDOUT, -EINTR. */
MUST_CHECK int redirect_wait(struct redirect *v, const char *state, int input, int64_t end_at_ms,
			  char ret[REDIRECT_VALUE_MAX]);

/* The value of a parameter in "a=b&c=d", decoded. false: it is not there, or does not fit. */
bool redirect_value(const char *query, const char *name, char ret[REDIRECT_VALUE_MAX]);
#endif
