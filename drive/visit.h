/* SPDX-License-Identifier: MIT */
/* What an OAuth redirect brings: from a browser, to a port of ours on loopback, or as a pasted line.
 * One thread. */
#ifndef DFM_DRIVE_VISIT_H
#define DFM_DRIVE_VISIT_H
#include "format/buf.h"

enum { VISIT_VALUE_MAX = 2048 };

struct visit;
MUST_CHECK int visit_open(struct visit **ret);	/* listens at 127.0.0.1, on a port that is free */
struct visit *visit_close(struct visit *v);	/* NULL is fine; returns NULL */
unsigned visit_port(const struct visit *v);

/* Waits for "/?...state=STATE..." with this very state. Other requests get an error page and are
 * forgotten; so are pasted lines, but -EINVAL for one that is an address with another state. With
 * `code` *ret has it; -EACCES: it brought an error, which is recorded; -ETIMEDOUT, -EINTR. */
MUST_CHECK int visit_wait(struct visit *v, const char *state, int input, int64_t end_at_ms,
			  char ret[VISIT_VALUE_MAX]);

/* The value of a parameter in "a=b&c=d", decoded. false: it is not there, or does not fit. */
bool visit_value(const char *query, const char *name, char ret[VISIT_VALUE_MAX]);
#endif
