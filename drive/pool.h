/* SPDX-License-Identifier: MIT */
/* libcurl's handles, each with the connections that it keeps alive. For http.c alone. Any thread. */
#ifndef DFM_DRIVE_POOL_H
#define DFM_DRIVE_POOL_H
#include "format/base.h"

#include <curl/curl.h>

enum { POOL_POLL_MS = 200 };	/* how late a cancelled thread may notice */

/* A multi handle of its own lets a thread wait in slices, which curl_easy_perform() would not. */
struct pool_slot {
	CURL *easy;
	CURLM *multi;
	struct pool_slot *next;
};

struct pool;
MUST_CHECK int pool_open(unsigned max, struct pool **ret);
struct pool *pool_close(struct pool *p);	/* every slot is back; NULL is fine; returns NULL */
/* Waits while all are out: -EINTR when cancelled(), -ETIMEDOUT at end_at_ms (now_ms(); 0: never). */
MUST_CHECK int pool_take(struct pool *p, int64_t end_at_ms, struct pool_slot **ret);
/* `spoiled`: a transfer failed on it. Its easy handle is not used again, since libcurl keeps state of
 * the failed one in it: 8.14 its wish to rewind a body, which then ends every later transfer. */
void pool_put(struct pool *p, struct pool_slot *s, bool spoiled);

/* What all handles share: names looked up and TLS sessions, never connections or cookies. */
struct pool_share;
MUST_CHECK int pool_share_open(struct pool_share **ret);
struct pool_share *pool_share_close(struct pool_share *s);	/* after the pools */
CURLSH *pool_share_curl(struct pool_share *s);
#endif
