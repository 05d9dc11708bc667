/* SPDX-License-Identifier: MIT */
/* One HTTP request at a time over kept-alive HTTP/1.1 connections; with pool.c the sole
 * user of libcurl.
 * Knows nothing of Drive: no token, no retry, no meaning of a status.
 *
 * Two lanes, so that metadata never waits for bulk: 4 handles for metadata, connections_max for
 * bulk. Who finds its lane full waits, and gives up when cancelled(). No lock is held while a
 * request is under way. HTTP/2 is kept off: Drive serves it worse (rclone issue 3631) and one
 * connection has one stream's speed. Any thread. */
#ifndef DFM_DRIVE_HTTP_H
#define DFM_DRIVE_HTTP_H
#include "format/buf.h"
#include "format/source.h"

struct http;
struct http_config {
	const char *ca_file;		/* PEM; NULL: the system's */
	unsigned bulk_max;
	void (*trace)(void *ctx, const char *line);
	void *trace_ctx;
};
MUST_CHECK int http_open(const struct http_config *cfg, struct http **ret);
struct http *http_close(struct http *h);	/* NULL is fine; returns NULL */

enum http_lane { HTTP_META, HTTP_BULK, HTTP_LANES };
enum {
	HTTP_BODY_MAX = 64 << 20,	/* of an answer that is kept; of an error 64 KiB are kept */
	HTTP_ENOUGH = 1,		/* from a sink: the rest of the body is not wanted */
};

struct http_response;
/* Takes the next bytes of a 2xx body; 0, HTTP_ENOUGH, or -errno to end the request with it. */
typedef int http_sink(void *ctx, const struct http_response *resp, const void *data, size_t n);

struct http_request {
	enum http_lane lane;
	const char *method, *url;
	const char *auth;		/* "Bearer ...", NULL: none; overwritten in memory after use */
	const char *project;		/* x-goog-user-project, NULL: none */
	const char *content_type;	/* NULL: none */
	const char *header[4];		/* more lines, "Name: value"; NULL ends */
	const char *trace_note;		/* a range; NULL: none */
	/* The body: head, then body_n bytes of `source` from body_off, then tail. All borrowed. */
	bool has_body;
	const char *head, *tail;
	size_t head_n, tail_n;
	struct source *source;
	uint64_t body_off, body_n;
	/* Sees every piece of `source` as it leaves (again when it is sent again). */
	int (*sent)(void *ctx, uint64_t off, const void *data, size_t n);
	void *sent_ctx;
	http_sink *sink;		/* NULL: a 2xx body is kept in resp->body */
	void *sink_ctx;
	bool follow;			/* redirects, https only; other origins get nothing but a Range */
	bool direct;			/* never through a proxy; to this machine itself nothing goes through one */
	int64_t end_at_ms;		/* now_ms() by which all is over; 0: none */
	int64_t stall_ms;		/* longest time with fewer than HTTP_TRICKLE bytes either way; 0: none */
};

enum { HTTP_TRICKLE = 4096 };	/* less than this moves nobody on: a byte a second is silence */

enum http_end {
	HTTP_DONE,	/* an answer came, whole, or as much of it as the sink wanted */
	HTTP_LOST,	/* the connection failed: it may be tried again */
	HTTP_FAILED,	/* it would fail again: certificate, memory, size of the answer */
	HTTP_LOCAL,	/* cancelled, or a sink's or source's own error */
};
struct http_response {
	enum http_end end;
	int status;			/* 0: none came */
	bool sent_all;			/* every byte of the body went out */
	char *location, *content_range, *range, *goog_hash, *encoding, *flavor;	/* NULL: not there */
	int64_t length;			/* Content-Length; -1: not there */
	int64_t retry_after_ms;		/* -1: not there */
	int64_t retry_at_s;		/* Retry-After as a date, Unix time; -1: not there */
	int64_t date_s;			/* Date, Unix time; -1: not there */
	int64_t last_ms;		/* now_ms() when bytes moved last, either way */
	uint64_t received;		/* bytes of the body */
	struct buf body;
};
void http_response_init(struct http_response *r);
void http_response_done(struct http_response *r);
/* 0 when resp->end is HTTP_DONE, whatever the status; else -errno with the reason recorded. The
 * answer is kept from former use only in so far that it is emptied. */
MUST_CHECK int http_do(struct http *h, const struct http_request *req, struct http_response *resp);

struct http_stats {
	uint64_t requests, bytes_in, bytes_out;
};
void http_stats(struct http *h, struct http_stats *ret);
#endif
