/* SPDX-License-Identifier: MIT */
/* URLs as text: escaping, origins, what may be sent where, what a trace line may show.
 * Pure; any thread. */
#ifndef DFM_DRIVE_URL_H
#define DFM_DRIVE_URL_H
#include "format/buf.h"

enum { URL_BYTES_MAX = 16384 };

struct url_origin {
	bool https;
	char host[256];		/* lower case; IPv6 with its brackets */
	unsigned port;
};
/* The origin of `url` (RFC 6454). -EINVAL: no http(s) URL, or it carries a user, a backslash or
 * a control character. Records a reason without the URL, which may be a secret. */
MUST_CHECK int url_origin(const char *url, struct url_origin *ret);
bool url_same_origin(const char *a, const char *b);
/* https, or http to this machine itself. */
bool url_allowed(const struct url_origin *o);
/* An API's root as it is configured: an origin and nothing more, without a slash at its end; http
 * only to this machine. The caller frees. */
MUST_CHECK int url_root(const char *root, char **ret);
/* At this machine itself: 127.0.0.0/8, localhost, [::1]. */
bool url_is_loopback(const char *url);
/* https at googleapis.com or a host below it. */
bool url_is_google(const char *url);

/* An id that can stand in a URL, a query and JSON as it is. */
bool url_id_ok(const char *id);
/* Adds `s` with all but RFC 3986's unreserved characters escaped. */
void url_escape(struct buf *b, const char *s);
/* Adds path and query of `url` as a trace shows them: only parameters known to hold no secret. */
void url_trace(struct buf *b, const char *url);
#endif
