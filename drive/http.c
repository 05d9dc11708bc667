/* SPDX-License-Identifier: MIT */
#include "drive/http.h"

#include "drive/error.h"
#include "drive/header.h"
#include "drive/pool.h"
#include "drive/url.h"

#include <curl/curl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum {
	META_MAX = 4,
	REDIRECTS_MAX = 5,
	CONNECT_MS = 15000,
	HEADERS_MAX = 256 << 10,	/* bytes of all lines of an answer */
	ERROR_BODY_MAX = 64 << 10,
	DOWN_BUFFER = 128 << 10,	/* more brings nothing over TLS: measured */
	UP_BUFFER = 256 << 10,
};
#define USER_AGENT "drivefs-models/" DFM_VERSION " (gzip)"	/* Drive compresses for this word only */

struct http {
	struct pool *pools[HTTP_LANES];
	struct pool_share *share;
	char *ca_file;
	void (*trace)(void *ctx, const char *line);
	void *trace_ctx;
	struct http_stats stats; /* atomic */
};

int http_open(const struct http_config *cfg, struct http **ret)
{
	if (cfg->ca_file && access(cfg->ca_file, R_OK))
		return err_set(-errno, "certificates \"%s\" cannot be read", cfg->ca_file);
	struct http *h = calloc(1, sizeof *h);
	if (!h)
		return err_nomem("a request");
	h->trace = cfg->trace;
	h->trace_ctx = cfg->trace_ctx;
	int r = pool_share_open(&h->share);
	if (r == 0)
		r = pool_open(META_MAX, &h->pools[HTTP_META]);
	if (r == 0)
		r = pool_open(cfg->bulk_max, &h->pools[HTTP_BULK]);
	if (r == 0 && cfg->ca_file && !(h->ca_file = strdup(cfg->ca_file)))
		r = err_nomem("a request");
	if (r < 0)
		http_close(h);
	else
		*ret = h;
	return r;
}

struct http *http_close(struct http *h)
{
	if (h) {
		for (int i = 0; i < HTTP_LANES; i++)
			pool_close(h->pools[i]);
		pool_share_close(h->share);
		free(h->ca_file);
		free(h);
	}
	return NULL;
}

/* ---- one transfer */
struct transfer {
	struct http *http;
	const struct http_request *req;
	struct http_response *resp;
	CURL *easy;
	struct curl_slist *headers;
	uint64_t pos;		/* in head + source + tail */
	int64_t last_ms;	/* when the last HTTP_TRICKLE bytes had moved */
	size_t moved;		/* since then */
	size_t header_bytes;
	int err;		/* what a callback ended it with */
	bool enough;
	char why[CURL_ERROR_SIZE];
};

void http_response_init(struct http_response *r)
{
	memset(r, 0, sizeof *r);
	r->length = r->retry_after_ms = r->retry_at_s = r->date_s = -1;
	r->body = (struct buf)BUF_INIT(HTTP_BODY_MAX);
}

void http_response_done(struct http_response *r)
{
	free(r->location);
	free(r->content_range);
	free(r->range);
	free(r->goog_hash);
	free(r->encoding);
	free(r->flavor);
	buf_done(&r->body);
	http_response_init(r);
}

static uint64_t body_size(const struct http_request *q) { return q->head_n + q->body_n + q->tail_n; }

static size_t copy_part(char *to, size_t n, const char *part, size_t part_n, uint64_t off)
{
	size_t left = part_n - (size_t)off;
	n = n < left ? n : left;
	memcpy(to, part + off, n);
	return n;
}

static ssize_t read_source(struct transfer *t, char *to, size_t n, uint64_t off)
{
	const struct http_request *q = t->req;
	n = n < q->body_n - off ? n : (size_t)(q->body_n - off);
	int r = source_read(q->source, to, n, q->body_off + off);
	if (r == 0 && q->sent)
		r = q->sent(q->sent_ctx, q->body_off + off, to, n);
	return r < 0 ? r : (ssize_t)n;
}

/* A server that sends a byte a second would otherwise hold a reader for years. */
static void moved(struct transfer *t, size_t n)
{
	t->moved += n;
	if (t->moved < HTTP_TRICKLE)
		return;
	t->moved = 0;
	t->last_ms = now_ms();
}

static size_t on_read(char *to, size_t size, size_t count, void *ctx)
{
	struct transfer *t = ctx;
	const struct http_request *q = t->req;
	size_t n = size * count;
	ssize_t got = 0;
	if (t->pos < q->head_n)
		got = (ssize_t)copy_part(to, n, q->head, q->head_n, t->pos);
	else if (t->pos < q->head_n + q->body_n)
		got = read_source(t, to, n, t->pos - q->head_n);
	else if (t->pos < body_size(q))
		got = (ssize_t)copy_part(to, n, q->tail, q->tail_n, t->pos - q->head_n - q->body_n);
	if (got < 0) {
		t->err = (int)got;
		return CURL_READFUNC_ABORT;
	}
	t->pos += (uint64_t)got;
	moved(t, (size_t)got); /* after the source, which may take its time */
	t->resp->sent_all = t->pos == body_size(q);
	return (size_t)got;
}

static size_t on_body(char *data, size_t size, size_t count, void *ctx)
{
	struct transfer *t = ctx;
	struct http_response *p = t->resp;
	size_t n = size * count;
	moved(t, n);
	p->received += n;
	if (p->status >= 300) {
		size_t room = ERROR_BODY_MAX - p->body.len;
		buf_add(&p->body, data, n < room ? n : room);
		return n;
	}
	if (!t->req->sink) {
		buf_add(&p->body, data, n);
		t->err = buf_check(&p->body, "answer");
		return t->err < 0 ? 0 : n;
	}
	int r = t->req->sink(t->req->sink_ctx, p, data, n);
	if (r == 0)
		return n;
	t->enough = r == HTTP_ENOUGH;
	t->err = t->enough ? 0 : r;
	return 0;
}

/* ---- headers */
static void reset_answer(struct http_response *p)
{
	bool sent_all = p->sent_all;
	http_response_done(p);
	p->sent_all = sent_all;
}

static size_t on_header(char *data, size_t size, size_t count, void *ctx)
{
	struct transfer *t = ctx;
	size_t n = size * count;
	if (!t->header_bytes)
		t->last_ms = now_ms(); /* an answer comes */
	t->header_bytes += n;
	if (t->header_bytes > HEADERS_MAX) {
		t->err = err_set(-EBADMSG, "the headers of an answer exceed %d bytes", HEADERS_MAX);
		return 0;
	}
	if (n >= 5 && !strncasecmp(data, "HTTP/", 5)) { /* also the one behind 100 Continue or a redirect */
		long status = 0;
		reset_answer(t->resp);
		curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
		t->resp->status = (int)status;
		return n;
	}
	t->err = header_take(t->resp, data, n);
	return t->err < 0 ? 0 : n;
}

/* ---- setting up */
static void add_header(struct transfer *t, const char *line)
{
	struct curl_slist *l = curl_slist_append(t->headers, line);
	if (!l)
		t->err = err_nomem("a request");
	else
		t->headers = l;
}

static void set_headers(struct transfer *t)
{
	const struct http_request *q = t->req;
	CLEANUP_BUF struct buf b = BUF_INIT(32768);
	add_header(t, "Expect:"); /* a round trip before each body for nothing */
	if (q->auth) {
		buf_printf(&b, "Authorization: %s", q->auth);
		add_header(t, b.failed ? "" : b.data);
		if (b.data)
			explicit_bzero(b.data, b.cap);
	}
	buf_reset(&b);
	if (q->project) {
		buf_printf(&b, "x-goog-user-project: %s", q->project);
		add_header(t, b.failed ? "" : b.data);
	}
	buf_reset(&b);
	buf_printf(&b, "Content-Type: %s", q->content_type ? q->content_type : "");
	add_header(t, q->content_type && !b.failed ? b.data : "Content-Type:");
	if (q->sink)
		add_header(t, "Accept-Encoding: identity"); /* else ranges mean other bytes */
	for (size_t i = 0; i < sizeof q->header / sizeof *q->header && q->header[i]; i++)
		add_header(t, q->header[i]);
	curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->headers);
}

static void set_body(struct transfer *t)
{
	CURL *e = t->easy;
	const struct http_request *q = t->req;
	if (!q->has_body) {
		curl_easy_setopt(e, CURLOPT_HTTPGET, 1L);
		if (strcmp(q->method, "GET") != 0)
			curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, q->method);
		return;
	}
	curl_easy_setopt(e, CURLOPT_UPLOAD, 1L);
	curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, q->method);
	curl_easy_setopt(e, CURLOPT_INFILESIZE_LARGE, (curl_off_t)body_size(q));
	curl_easy_setopt(e, CURLOPT_READFUNCTION, on_read);
	curl_easy_setopt(e, CURLOPT_READDATA, t);
	/* Without a seek function libcurl cannot send a body twice behind our back, when a kept
	 * connection dies: whether the first one was carried out is for the caller to ask. */
	curl_easy_setopt(e, CURLOPT_UPLOAD_BUFFERSIZE, (long)UP_BUFFER);
}

static void set_connection(struct transfer *t)
{
	CURL *e = t->easy;
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	/* Names are looked up by a thread of libcurl's, which would be waited for when the transfer ends:
	 * getaddrinfo() obeys no deadline of ours. With this the thread is let go and ends by itself. */
	curl_easy_setopt(e, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(e, CURLOPT_SHARE, pool_share_curl(t->http->share));
	curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(e, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, 2L);
	if (t->http->ca_file) {
		curl_easy_setopt(e, CURLOPT_CAINFO, t->http->ca_file);
		curl_easy_setopt(e, CURLOPT_CAPATH, NULL);
	}
	curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(e, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	/* Else libcurl goes by HTTPS_PROXY, https_proxy, ALL_PROXY and NO_PROXY. */
	if (t->req->direct || url_is_loopback(t->req->url))
		curl_easy_setopt(e, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L); /* libcurl's own would take our headers along */
}

static int setup(struct transfer *t)
{
	CURL *e = t->easy;
	curl_easy_reset(e);
	set_connection(t);
	set_headers(t);
	set_body(t);
	curl_easy_setopt(e, CURLOPT_URL, t->req->url);
	curl_easy_setopt(e, CURLOPT_USERAGENT, USER_AGENT);
	curl_easy_setopt(e, CURLOPT_ERRORBUFFER, t->why);
	curl_easy_setopt(e, CURLOPT_ACCEPT_ENCODING, t->req->sink ? NULL : "gzip");
	curl_easy_setopt(e, CURLOPT_BUFFERSIZE, (long)DOWN_BUFFER);
	curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(e, CURLOPT_HEADERDATA, t);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, t);
	return t->err;
}

/* ---- running */
/* Is the name of the host still being looked up? */
static bool unresolved(struct transfer *t)
{
	curl_off_t us = 0;
	char *address = NULL; /* of a connection, a kept one too */
	curl_easy_getinfo(t->easy, CURLINFO_NAMELOOKUP_TIME_T, &us);
	curl_easy_getinfo(t->easy, CURLINFO_PRIMARY_IP, &address);
	return !us && !(address && *address) && !t->resp->status && !t->pos;
}

static bool by_proxy(const struct transfer *t)
{
	static const char *const names[] = { "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY" };
	if (t->req->direct || url_is_loopback(t->req->url))
		return false;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (getenv(names[i]) && *getenv(names[i]))
			return true;
	return false;
}

static int no_name(const struct transfer *t, const char *how)
{
	struct url_origin o;
	if (by_proxy(t))
		return err_set(-ENETUNREACH, "the name of the proxy could not be resolved%s; see HTTPS_PROXY and NO_PROXY", how);
	if (url_origin(t->req->url, &o) < 0)
		o.host[0] = 0;
	return err_set(-ENETUNREACH, "the name %s could not be resolved%s: is this machine online, and is its name server "
		       "(/etc/resolv.conf) there?", o.host, how);
}

/* 0: go on. */
static int out_of_time(struct transfer *t)
{
	const struct http_request *q = t->req;
	int64_t now = now_ms();
	if (cancelled())
		return err_set(-EINTR, "cancelled");
	if (q->end_at_ms && now >= q->end_at_ms)
		return unresolved(t) ? no_name(t, " in time") : err_set(-ETIMEDOUT, "no answer in time");
	if (q->stall_ms && now - t->last_ms >= q->stall_ms && unresolved(t))
		return no_name(t, " in time");
	if (q->stall_ms && now - t->last_ms >= q->stall_ms)
		return err_set(-ETIMEDOUT, "%s for %" PRId64 " s", t->moved ? "hardly a byte" : "no byte",
			       q->stall_ms / 1000);
	return 0;
}

static int poll_ms(const struct transfer *t)
{
	int64_t ms = POOL_POLL_MS, now = now_ms();
	if (t->req->end_at_ms && t->req->end_at_ms - now < ms)
		ms = t->req->end_at_ms - now;
	if (t->req->stall_ms && t->last_ms + t->req->stall_ms - now < ms)
		ms = t->last_ms + t->req->stall_ms - now;
	return ms < 1 ? 1 : (int)ms;
}

/* CURLE_AGAIN: given up, with the reason in *ret_err. */
static CURLcode run_transfer(struct transfer *t, CURLM *multi, int *ret_err)
{
	CURLcode result = CURLE_AGAIN;
	int running = 1;
	if (curl_multi_add_handle(multi, t->easy) != CURLM_OK)
		return CURLE_OUT_OF_MEMORY;
	while (curl_multi_perform(multi, &running) == CURLM_OK && running) {
		*ret_err = out_of_time(t);
		if (*ret_err < 0)
			break;
		curl_multi_poll(multi, NULL, 0, poll_ms(t), NULL);
	}
	int left;
	for (CURLMsg *m; (m = curl_multi_info_read(multi, &left));)
		if (m->msg == CURLMSG_DONE && m->easy_handle == t->easy)
			result = m->data.result;
	curl_multi_remove_handle(multi, t->easy);
	if (result == CURLE_AGAIN && *ret_err == 0)
		*ret_err = err_set(-EIO, "libcurl gave up");
	return result;
}

static int connect_errno(struct transfer *t)
{
	long no = 0;
	curl_easy_getinfo(t->easy, CURLINFO_OS_ERRNO, &no);
	if (no == ENETUNREACH || no == EHOSTUNREACH)
		return (int)-no;
	return no == ETIMEDOUT ? -EHOSTUNREACH : -ECONNREFUSED;
}

static long proxy_status(struct transfer *t)
{
	long status = 0;
	curl_easy_getinfo(t->easy, CURLINFO_HTTP_CONNECTCODE, &status);
	return status;
}

/* What a failed transfer is: *ret_end and -errno. */
static int judge_transfer(struct transfer *t, CURLcode c, enum http_end *ret_end)
{
	*ret_end = HTTP_LOST;
	switch (c) {
	case CURLE_COULDNT_RESOLVE_PROXY:
		return -ENETUNREACH;
	case CURLE_COULDNT_CONNECT:
		return connect_errno(t);
	case CURLE_OPERATION_TIMEDOUT:
		return -EHOSTUNREACH; /* the only timeout of libcurl's own in use: connecting */
	case CURLE_OUT_OF_MEMORY: /* old versions of libcurl also call a line of 100 KiB so */
		*ret_end = HTTP_FAILED;
		return t->resp->status && !t->resp->received ? -EBADMSG : -ENOMEM;
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_URL_MALFORMAT:
	case CURLE_BAD_CONTENT_ENCODING:
		*ret_end = HTTP_FAILED;
		return -EIO;
	default:
		if (proxy_status(t) == 403 || proxy_status(t) == 407) {
			*ret_end = HTTP_FAILED;
			return -EACCES;
		}
		return -EIO;
	}
}

/* What a person can do about it, behind libcurl's own words. */
static const char *cure_of(struct transfer *t, CURLcode c)
{
	switch (c) {
	case CURLE_PEER_FAILED_VERIFICATION:
		if (strstr(t->why, "expired") || strstr(t->why, "not yet valid"))
			return "; nothing was sent: is this machine's clock right?";
		if (strstr(t->why, "subject name") || strstr(t->why, "mismatch"))
			return "; nothing was sent: this certificate is for another host";
		return "; nothing was sent: if your network looks into TLS, give the certificate of its authority by "
		       "-o ca_file=FILE";
	case CURLE_SSL_CACERT_BADFILE:
		return "; ca_file= must hold certificates in PEM";
	case CURLE_COULDNT_RESOLVE_PROXY:
		return "; see HTTPS_PROXY and NO_PROXY";
	default:
		break;
	}
	switch (proxy_status(t)) {
	case 407:
		return "; the proxy wants a name and a password: HTTPS_PROXY=http://NAME:PASSWORD@HOST:PORT";
	case 403:
		return "; the proxy of HTTPS_PROXY does not let us through";
	default:
		return "";
	}
}

static int settle_transfer(struct transfer *t, CURLcode c, int err)
{
	struct http_response *p = t->resp;
	if (t->err < 0) {
		p->end = t->err == -EBADMSG || t->err == -EFBIG || t->err == -ENOMEM ? HTTP_FAILED : HTTP_LOCAL;
		if (t->req->sink || t->req->source)
			p->end = HTTP_LOCAL;
		return t->err;
	}
	if (t->enough || (c == CURLE_OK && p->status)) {
		p->end = HTTP_DONE;
		return 0;
	}
	if (c == CURLE_AGAIN) {
		p->end = err == -EINTR ? HTTP_LOCAL : HTTP_LOST;
		return err;
	}
	if (c == CURLE_COULDNT_RESOLVE_HOST || (c == CURLE_OPERATION_TIMEDOUT && unresolved(t))) {
		p->end = HTTP_LOST;
		return no_name(t, c == CURLE_OPERATION_TIMEDOUT ? " in time" : "");
	}
	err = judge_transfer(t, c, &p->end);
	error_scrub(t->why);
	return err_set(err, "%s%s", *t->why ? t->why : curl_easy_strerror(c), cure_of(t, c));
}

static void trace(const struct transfer *t, int64_t ms)
{
	CLEANUP_BUF struct buf b = BUF_INIT(URL_BYTES_MAX);
	const struct http_response *p = t->resp;
	if (!t->http->trace)
		return;
	buf_printf(&b, "%s ", t->req->method);
	url_trace(&b, t->req->url);
	if (t->req->trace_note)
		buf_printf(&b, " %s", t->req->trace_note);
	if (p->status)
		buf_printf(&b, " %d", p->status);
	else
		buf_str(&b, " -");
	uint64_t bytes = t->req->body_n ? t->pos : p->received;
	buf_printf(&b, " %" PRIu64 " B %" PRId64 " ms", bytes, ms);
	if (p->end != HTTP_DONE)
		buf_printf(&b, " (%s)", err_last());
	if (!b.failed)
		t->http->trace(t->http->trace_ctx, b.data);
}

/* One of them holds the token. */
static void forget_headers(struct curl_slist *headers)
{
	for (struct curl_slist *l = headers; l; l = l->next)
		explicit_bzero(l->data, strlen(l->data));
	curl_slist_free_all(headers);
}

static void count(const struct transfer *t)
{
	struct http_stats *s = &t->http->stats;
	__atomic_add_fetch(&s->requests, 1, __ATOMIC_RELAXED);
	__atomic_add_fetch(&s->bytes_in, t->resp->received, __ATOMIC_RELAXED);
	__atomic_add_fetch(&s->bytes_out, t->pos, __ATOMIC_RELAXED);
}

/* Where a redirect leads that is to be followed: an absolute URL. */
static void take_redirect(const struct transfer *t, char **ret)
{
	static const int statuses[] = { 301, 302, 303, 307, 308 };
	char *url = NULL;
	for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++)
		if (t->req->follow && t->resp->status == statuses[i])
			curl_easy_getinfo(t->easy, CURLINFO_REDIRECT_URL, &url);
	*ret = url ? strdup(url) : NULL;
}

static int do_one(struct http *h, const struct http_request *req, struct http_response *resp, char **ret_next)
{
	struct pool_slot *slot;
	lock_assert_none();
	http_response_done(resp);
	resp->end = HTTP_LOCAL;
	int r = pool_take(h->pools[req->lane], req->end_at_ms, &slot);
	if (r < 0) {
		resp->end = r == -ETIMEDOUT ? HTTP_LOST : HTTP_LOCAL;
		return r;
	}
	int64_t start = now_ms();
	struct transfer t = { .http = h, .req = req, .resp = resp, .easy = slot->easy, .last_ms = start };
	CURLcode c = CURLE_OUT_OF_MEMORY;
	resp->sent_all = body_size(req) == 0;
	if (setup(&t) == 0)
		c = run_transfer(&t, slot->multi, &r);
	resp->last_ms = t.last_ms;
	r = settle_transfer(&t, c, r);
	if (r == 0)
		take_redirect(&t, ret_next);
	curl_easy_setopt(slot->easy, CURLOPT_HTTPHEADER, NULL);
	forget_headers(t.headers);
	pool_put(h->pools[req->lane], slot, c != CURLE_OK);
	count(&t);
	trace(&t, now_ms() - start);
	return r;
}

static int refuse_redirect(struct http_response *resp, const char *why)
{
	resp->end = HTTP_FAILED;
	return err_set(-EIO, "a redirect %s, refused", why);
}

/* The next request: to another origin goes nothing but the range that is wanted. */
static int follow(struct http_request *q, const char *url, struct http_response *resp)
{
	struct url_origin o;
	if (url_origin(url, &o) < 0 || !o.https)
		return refuse_redirect(resp, "to something else than https");
	if (!url_same_origin(q->url, url)) {
		size_t kept = 0;
		q->auth = q->project = NULL;
		for (size_t i = 0; i < sizeof q->header / sizeof *q->header && q->header[i]; i++)
			if (!strncasecmp(q->header[i], "Range:", 6))
				q->header[kept++] = q->header[i];
		if (kept < sizeof q->header / sizeof *q->header)
			q->header[kept] = NULL;
	}
	q->url = url;
	return 0;
}

int http_do(struct http *h, const struct http_request *req, struct http_response *resp)
{
	struct http_request q = *req;
	CLEANUP_FREE char *at = NULL;
	for (unsigned redirects = 0;; redirects++) {
		char *next = NULL;
		int r = do_one(h, &q, resp, &next);
		if (r < 0 || !next)
			return r;
		r = redirects < REDIRECTS_MAX ? follow(&q, next, resp) : refuse_redirect(resp, "after five others");
		free(at);
		at = next;
		if (r < 0)
			return r;
	}
}

void http_stats(struct http *h, struct http_stats *ret)
{
	ret->requests = __atomic_load_n(&h->stats.requests, __ATOMIC_RELAXED);
	ret->bytes_in = __atomic_load_n(&h->stats.bytes_in, __ATOMIC_RELAXED);
	ret->bytes_out = __atomic_load_n(&h->stats.bytes_out, __ATOMIC_RELAXED);
}
