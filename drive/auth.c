/* SPDX-License-Identifier: MIT */
#include "drive/auth.h"

#include "drive/json.h"
#include "drive/retry.h"
#include "drive/url.h"

#include <inttypes.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

enum {
	EARLY_MS = 225000,	/* before its end a token is replaced; google-auth does it then */
	LIFE_S = 3600,		/* longest that Google signs for */
	TOKEN_MAX = 8192,
	POLL_MS = 200,
};
#define SCOPE "https://www.googleapis.com/auth/drive"

/* One for the process: an annotation cannot name a member in C, and it is held for moments. */
static struct lock auth_lock = LOCK_INIT(RANK_AUTH);

struct auth {
	struct auth_config cfg;
	struct creds *creds;
	pthread_cond_t landed;
	char *header GUARDED_BY(auth_lock);
	uint64_t number GUARDED_BY(auth_lock);	/* of the token in `header` */
	int64_t until_ms GUARDED_BY(auth_lock);	/* its end, now_ms() */
	bool usable GUARDED_BY(auth_lock);
	bool flying GUARDED_BY(auth_lock);		/* a thread is fetching */
	uint64_t flights GUARDED_BY(auth_lock);
	int result GUARDED_BY(auth_lock);		/* of the last flight, and why */
	char why[512] GUARDED_BY(auth_lock);
	int64_t skew_s;				/* Google's clock less ours; the flying thread's */
	char scope[1024] GUARDED_BY(auth_lock);	/* that the last answer named; "": none */
};

int auth_open(const struct auth_config *cfg, struct creds *creds, struct auth **ret)
{
	struct auth *a = calloc(1, sizeof *a);
	if (!a)
		return err_set(-ENOMEM, "token: no memory");
	a->cfg = *cfg;
	a->creds = creds;
	cond_init(&a->landed);
	*ret = a;
	return 0;
}

static void forget(char *header)
{
	if (header)
		explicit_bzero(header, strlen(header));
	free(header);
}

struct auth *auth_close(struct auth *a) TSA(no_thread_safety_analysis)
{
	if (a) {
		forget(a->header);
		creds_close(a->creds);
		pthread_cond_destroy(&a->landed);
		free(a);
	}
	return NULL;
}

const char *auth_identity(const struct auth *a) { return a->creds->identity; }

void auth_token_done(struct auth_token *t)
{
	forget(t->header);
	t->header = NULL;
}

/* ---- waiting */
uint32_t auth_random(void)
{
	uint32_t v = 0;
	if (getrandom(&v, sizeof v, GRND_NONBLOCK) != sizeof v)
		v = (uint32_t)now_ms() * 2654435761u;
	return v;
}

int auth_wait(unsigned scale_percent, int64_t ms)
{
	lock_assert_none();
	int64_t end = now_ms() + ms * scale_percent / 100;
	for (int64_t left; (left = end - now_ms()) > 0;) {
		if (cancelled())
			return err_set(-EINTR, "cancelled");
		if (left > POLL_MS)
			left = POLL_MS;
		struct timespec t = { 0, (long)left * 1000000 };
		clock_nanosleep(CLOCK_MONOTONIC, 0, &t, NULL);
	}
	return cancelled() ? err_set(-EINTR, "cancelled") : 0;
}

/* ---- one fetch */
static int make_form(const struct auth *a, struct buf *form)
{
	struct jwt_claims c = {
		.key_id = a->creds->key_id,
		.issuer = a->creds->identity,
		.scope = SCOPE,
		.audience = a->creds->token_uri,
		.issued_s = (int64_t)time(NULL) + a->skew_s,
	};
	c.expires_s = c.issued_s + LIFE_S;
	buf_str(form, "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=");
	return jwt_sign(a->creds->key, &c, form);
}

/* Would it break out of a header line? */
static bool token_ok(const char *s)
{
	size_t n = strlen(s);
	for (size_t i = 0; i < n; i++)
		if (s[i] <= 0x20 || s[i] == 0x7f)
			return false;
	return n && n < TOKEN_MAX;
}

static int read_token(const struct http_response *resp, char **ret_header, int64_t *ret_life_ms)
{
	CLEANUP_JSON struct cJSON *root = NULL;
	uint64_t life = 0;
	int r = json_parse(resp->body.data, resp->body.len, &root);
	if (r < 0)
		return r;
	const char *token = json_str(root, "access_token");
	if (!token || !token_ok(token))
		return err_set(-EBADMSG, "the answer of the token endpoint holds no token");
	if (!json_u64(root, "expires_in", &life) || life > 86400)
		life = 300;
	CLEANUP_BUF struct buf b = BUF_INIT(TOKEN_MAX + 16);
	buf_printf(&b, "Bearer %s", token);
	*ret_header = buf_take(&b);
	*ret_life_ms = (int64_t)life * 1000;
	return *ret_header ? 0 : err_set(-ENOMEM, "token: no memory");
}

/* The errors of RFC 6749 that a person must mend; drive_error's row for 400 says EINVAL. */
static void explain(struct drive_error *e)
{
	if (!strcmp(e->reason, "internal_failure") || !strcmp(e->reason, "server_error") ||
	    !strcmp(e->reason, "temporarily_unavailable"))
		e->cls = ERROR_UNCLEAR;
	if (e->cls == ERROR_UNCLEAR || e->cls == ERROR_REFUSED)
		return;
	e->cls = ERROR_FINAL;
	e->err = -EACCES;
	e->hint = NULL;
	if (strstr(e->message, "short-lived token"))
		e->hint = "is this machine's clock right?";
	else if (strstr(e->message, "Signature"))
		e->hint = "the key is revoked or damaged: make a new one";
	else if (strstr(e->message, "account not found"))
		e->hint = "the service account does not exist any more";
	else if (!strcmp(e->reason, "unauthorized_client"))
		e->hint = "domain-wide delegation is not granted";
}

/* Sends the request once. */
static int ask(struct auth *a, int64_t end_at_ms, struct http_response *resp, struct drive_error *e)
{
	CLEANUP_BUF struct buf form = BUF_INIT(65536);
	int r = make_form(a, &form);
	if (r < 0)
		return r;
	struct http_request req = {
		.lane = HTTP_META, .method = "POST", .url = a->creds->token_uri,
		.content_type = "application/x-www-form-urlencoded",
		.has_body = true, .head = form.data, .head_n = form.len, .end_at_ms = end_at_ms,
		.stall_ms = a->cfg.deadline_ms / 2,
	};
	r = http_do(a->cfg.http, &req, resp);
	explicit_bzero(form.data, form.len);
	if (r < 0) {
		*e = (struct drive_error){ .err = r, .retry_after_ms = -1,
					   .cls = resp->end == HTTP_LOST ? ERROR_UNCLEAR : ERROR_FINAL };
		return err_set(r, "token for %s: %s", a->creds->identity, err_last());
	}
	if (resp->status == 200)
		return 0;
	error_parse(e, resp->status, resp->body.data, resp->body.len);
	e->retry_after_ms = resp->retry_after_ms;
	explain(e);
	return error_report(e, "token for", a->creds->identity);
}

/* A wrong clock here is told by the Date of the very answer that refuses our time. */
static bool learn_skew(struct auth *a, const struct http_response *resp, const struct drive_error *e)
{
	if (resp->date_s < 0 || strcmp(e->reason, "invalid_grant") || !strstr(e->message, "short-lived token"))
		return false;
	a->skew_s = resp->date_s - (int64_t)time(NULL);
	return true;
}

/* What the token is good for, where the answer says it. */
static void learn_scope(struct auth *a, const struct http_response *resp)
{
	CLEANUP_JSON struct cJSON *root = NULL;
	if (json_parse(resp->body.data, resp->body.len, &root) < 0)
		return;
	const char *scope = json_str(root, "scope");
	lock_acquire(&auth_lock);
	strncpy(a->scope, scope ? scope : "", sizeof a->scope - 1);
	lock_release(&auth_lock);
}

void auth_scope(struct auth *a, char *ret, size_t n)
{
	lock_acquire(&auth_lock);
	memset(ret, 0, n);
	strncpy(ret, a->scope, n - 1);
	lock_release(&auth_lock);
}

static int fetch(struct auth *a, char **ret_header, int64_t *ret_life_ms)
{
	struct http_response resp;
	http_response_init(&resp);
	int64_t start = now_ms(), r;
	bool skewed = false;
	for (unsigned attempt = 0;; attempt++) {
		struct drive_error e = { .err = -EACCES };
		r = ask(a, start + a->cfg.deadline_ms, &resp, &e);
		if (r == 0)
			break;
		if (!skewed && e.status && learn_skew(a, &resp, &e)) {
			skewed = true;
			continue;
		}
		struct retry in = { .repeatable = true, .attempt = attempt, .elapsed_ms = now_ms() - start,
				    .deadline_ms = a->cfg.deadline_ms, .random = auth_random() };
		int64_t wait = retry_wait(&in, &e);
		if (wait < 0)
			break;
		r = auth_wait(a->cfg.wait_scale_percent, wait);
		if (r < 0)
			break;
	}
	if (r == 0)
		r = read_token(&resp, ret_header, ret_life_ms);
	if (r == 0)
		learn_scope(a, &resp);
	if (resp.body.data)
		explicit_bzero(resp.body.data, resp.body.len);
	http_response_done(&resp);
	return (int)r;
}

/* ---- the one token */
static int hand_out(struct auth *a, struct auth_token *ret) REQUIRES(auth_lock)
{
	ret->number = a->number;
	ret->header = strdup(a->header);
	return ret->header ? 0 : err_set(-ENOMEM, "token: no memory");
}

static void fly(struct auth *a) REQUIRES(auth_lock)
{
	char *header = NULL;
	int64_t life_ms = 0;
	a->flying = true;
	lock_release(&auth_lock);
	int r = fetch(a, &header, &life_ms);
	lock_acquire(&auth_lock);
	a->flying = false;
	a->flights++;
	a->result = r;
	memset(a->why, 0, sizeof a->why);
	if (r < 0)
		strncpy(a->why, err_last(), sizeof a->why - 1);
	if (r == 0) {
		forget(a->header);
		a->header = header;
		a->number++;
		a->usable = true;
		a->until_ms = now_ms() + life_ms;
	}
	pthread_cond_broadcast(&a->landed);
}

/* Waits for the flight of another thread; its failure is ours, unless it was only cancelled. */
static int join(struct auth *a) REQUIRES(auth_lock)
{
	uint64_t flight = a->flights;
	while (a->flying && a->flights == flight) {
		if (cancelled())
			return err_set(-EINTR, "cancelled");
		(void)lock_wait(&auth_lock, &a->landed, POLL_MS); /* timed out or not: look again */
	}
	if (a->flights == flight + 1 && a->result < 0 && a->result != -EINTR)
		return err_set(a->result, "%s", a->why);
	return 0;
}

/* How long before its end a token is replaced: less for a token that lives shorter itself. */
static bool good(const struct auth *a, int64_t early_ms) REQUIRES(auth_lock)
{
	return a->usable && a->until_ms - now_ms() > early_ms;
}

int auth_token(struct auth *a, struct auth_token *ret)
{
	int r = 0;
	lock_acquire(&auth_lock);
	while (r == 0 && !good(a, EARLY_MS)) {
		bool old = good(a, 1000);
		if (a->flying && old)
			break;
		if (a->flying) {
			r = join(a);
			continue;
		}
		fly(a);
		r = a->result;
		if (good(a, 1000)) /* new, even if short-lived; or still the old one */
			r = 0;
		break;
	}
	if (r == 0)
		r = hand_out(a, ret);
	lock_release(&auth_lock);
	return r;
}

void auth_refused(struct auth *a, const struct auth_token *t)
{
	lock_acquire(&auth_lock);
	if (a->number == t->number)
		a->usable = false;
	lock_release(&auth_lock);
}
