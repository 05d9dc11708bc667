/* SPDX-License-Identifier: MIT */
#include "drive/auth/token.h"

#include "drive/auth/metadata_server.h"
#include "drive/auth/secret.h"
#include "drive/auth/token_command.h"
#include "drive/retry.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum {
	EARLY_MS = 225000,	/* before its end a token is replaced; google-auth does it then */
	POLL_MS = 200,
	REFUSED_MS = 2000,	/* for so long, and longer each time, a refusal is believed */
	REFUSED_MAX = 4,	/* doublings of that */
};

/* One for the process: an annotation cannot name a member in C, and it is held for moments. */
static struct lock token_lock = LOCK_INIT(RANK_AUTH);

struct token {
	struct token_config cfg;
	struct creds *creds;
	pthread_cond_t landed;
	char *header GUARDED_BY(token_lock);
	uint64_t number GUARDED_BY(token_lock);	/* of the token in `header` */
	int64_t until_ms GUARDED_BY(token_lock);	/* its end, now_ms() */
	bool usable GUARDED_BY(token_lock);
	bool flying GUARDED_BY(token_lock);		/* a thread is fetching */
	uint64_t flights GUARDED_BY(token_lock);
	int result GUARDED_BY(token_lock);		/* of the last flight, and why */
	char why[512] GUARDED_BY(token_lock);
	unsigned refusals GUARDED_BY(token_lock);	/* of the credentials, one after the other */
	int64_t quiet_until_ms GUARDED_BY(token_lock);	/* until then the last of them is the answer */
	int64_t skew_s;				/* Google's clock less ours; the flying thread's */
	char scope[1024] GUARDED_BY(token_lock);	/* that the last answer named; "": none */
};

int token_open(const struct token_config *cfg, struct creds *creds, struct token **ret)
{
	struct token *a = calloc(1, sizeof *a);
	if (!a)
		return err_nomem("a token");
	a->cfg = *cfg;
	a->creds = creds;
	cond_init(&a->landed);
	*ret = a;
	return 0;
}

struct token *token_close(struct token *a) TSA(no_thread_safety_analysis)
{
	if (a) {
		secret_free(a->header);
		creds_close(a->creds);
		pthread_cond_destroy(&a->landed);
		free(a);
	}
	return NULL;
}

const struct creds *token_creds(const struct token *a) { return a->creds; }

int token_name(struct token *a, const char *email)
{
	char *copy = strdup(email);
	if (!copy)
		return err_nomem("our name");
	free(a->creds->identity);
	a->creds->identity = copy;
	a->creds->known = true;
	return 0;
}

void token_bearer_done(struct token_bearer *t)
{
	secret_free(t->header);
	t->header = NULL;
}

/* ---- one fetch: the flying thread's */
/* A 200 to what these credentials ask with. */
static int ask_once(struct token *a, int64_t end_at_ms, struct http_response *resp, struct drive_error *e)
{
	int64_t stall_ms = a->cfg.deadline_ms / 2;
	if (a->creds->kind == CREDS_METADATA)
		return metadata_server_ask(a->cfg.http, a->creds, end_at_ms, stall_ms, resp, e);
	CLEANUP_SECRET_BUF struct buf form = BUF_INIT(65536);
	int r = grant_form(a->creds, (int64_t)time(NULL) + a->skew_s, &form);
	if (r < 0) {
		*e = (struct drive_error){ .err = r, .cls = ERROR_FINAL, .retry_after_ms = -1 };
		return r;
	}
	struct grant g = { .http = a->cfg.http, .creds = a->creds, .what = "token for", .who = a->creds->identity,
			   .uri = a->creds->token_uri, .end_at_ms = end_at_ms, .stall_ms = stall_ms };
	return grant_post(&g, &form, resp, e);
}

/* Something that this very answer teaches makes the next try another one: the server's clock, once,
 * or a login that was renewed, once. */
static bool learn(struct token *a, const struct http_response *resp, const struct drive_error *e, unsigned *lessons)
{
	enum { CLOCK = 1, LOGIN = 2 };
	if (!e->status)
		return false;
	if (!(*lessons & CLOCK) && resp->date_s >= 0 && grant_clock_refused(e)) {
		*lessons |= CLOCK;
		a->skew_s = resp->date_s - (int64_t)time(NULL);
		return true;
	}
	if (*lessons & LOGIN || strcmp(e->reason, "invalid_grant") != 0)
		return false;
	*lessons |= LOGIN;
	return creds_renewed(a->creds);
}

/* A wait before the next try, or a negative errno. */
static int pause_or_stop(const struct token *a, unsigned attempt, int64_t start, const struct drive_error *e)
{
	struct retry in = { .repeatable = true, .attempt = attempt, .elapsed_ms = now_ms() - start,
			    .deadline_ms = a->cfg.deadline_ms, .random = retry_random() };
	int64_t wait = retry_wait(&in, e);
	return wait < 0 ? (int)wait : retry_pause(a->cfg.wait_scale_percent, wait);
}

static int ask_until(struct token *a, struct http_response *resp)
{
	int64_t start = now_ms();
	unsigned lessons = 0;
	for (unsigned attempt = 0;; attempt++) {
		struct drive_error e = { .err = -EACCES };
		int r = ask_once(a, start + a->cfg.deadline_ms, resp, &e);
		if (r == 0)
			return 0;
		if (learn(a, resp, &e, &lessons))
			continue;
		r = pause_or_stop(a, attempt, start, &e);
		if (r < 0)
			return r;
	}
}

static int fetch_token(struct token *a, struct grant_answer *ret)
{
	struct http_response resp;
	if (a->creds->kind == CREDS_COMMAND)
		return token_command_run(a->creds->command, now_ms() + a->cfg.deadline_ms, ret);
	http_response_init(&resp);
	int r = ask_until(a, &resp);
	if (r == 0)
		r = grant_read(resp.body.data ? resp.body.data : "", resp.body.len, ret);
	secret_done(&resp.body);
	http_response_done(&resp);
	/* The token is good even where the login's file cannot be written: tried again next time. */
	if (r == 0 && (ret->refresh_token || a->creds->unsaved) && a->creds->kind == CREDS_USER &&
	    creds_rotate(a->creds, ret->refresh_token) < 0 && a->cfg.trace)
		a->cfg.trace(a->cfg.trace_ctx, err_last());
	return r;
}

/* ---- the one token */
static int hand_out(struct token *a, struct token_bearer *ret) REQUIRES(token_lock)
{
	ret->number = a->number;
	ret->header = strdup(a->header);
	return ret->header ? 0 : err_nomem("a token");
}

/* Whatever a program does meanwhile, refused credentials are not asked with again at once: 25 requests in
 * five seconds would look to Google like somebody who tries keys. */
static void remember_refusal(struct token *a, int r) REQUIRES(token_lock)
{
	if (r != -EACCES) {
		a->refusals = 0;
		a->quiet_until_ms = 0;
		return;
	}
	unsigned doublings = a->refusals < REFUSED_MAX ? a->refusals : REFUSED_MAX;
	a->refusals++;
	a->quiet_until_ms = now_ms() + ((int64_t)REFUSED_MS << doublings) * a->cfg.wait_scale_percent / 100;
}

static void fly(struct token *a) REQUIRES(token_lock)
{
	CLEANUP_GRANT struct grant_answer got = { 0 };
	char why[sizeof a->why];
	bool quiet = now_ms() < a->quiet_until_ms;
	int r = a->result;
	memcpy(why, a->why, sizeof why);
	a->flying = true;
	lock_release(&token_lock);
	if (quiet && !(a->creds->kind == CREDS_USER && creds_renewed(a->creds)))
		r = err_set(r, "%s", why);
	else
		r = fetch_token(a, &got);
	lock_acquire(&token_lock);
	a->flying = false;
	a->flights++;
	a->result = r;
	if (!quiet || r == 0)
		remember_refusal(a, r);
	memset(a->why, 0, sizeof a->why);
	if (r < 0)
		strncpy(a->why, err_last(), sizeof a->why - 1);
	if (r == 0) {
		secret_free(a->header);
		a->header = STEAL(got.header);
		a->number++;
		a->usable = true;
		a->until_ms = now_ms() + got.life_ms;
		snprintf(a->scope, sizeof a->scope, "%s", got.scope ? got.scope : "");
	}
	pthread_cond_broadcast(&a->landed);
}

/* Waits for the flight of another thread; its failure is ours, unless it was only cancelled. */
static int join_flight(struct token *a) REQUIRES(token_lock)
{
	uint64_t flight = a->flights;
	while (a->flying && a->flights == flight) {
		if (cancelled())
			return err_set(-EINTR, "cancelled");
		(void)lock_wait(&token_lock, &a->landed, POLL_MS); /* timed out or not: look again */
	}
	if (a->flights == flight + 1 && a->result < 0 && a->result != -EINTR)
		return err_set(a->result, "%s", a->why);
	return 0;
}

/* How long before its end a token is replaced: less for a token that lives shorter itself. */
static bool good(const struct token *a, int64_t early_ms) REQUIRES(token_lock)
{
	return a->usable && a->until_ms - now_ms() > early_ms;
}

int token_get(struct token *a, struct token_bearer *ret)
{
	int r = 0;
	lock_acquire(&token_lock);
	while (r == 0 && !good(a, EARLY_MS)) {
		bool old = good(a, 1000);
		if (a->flying && old)
			break;
		if (a->flying) {
			r = join_flight(a);
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
	lock_release(&token_lock);
	return r;
}

void token_scope(struct token *a, char *ret, size_t n)
{
	lock_acquire(&token_lock);
	snprintf(ret, n, "%s", a->scope);
	lock_release(&token_lock);
}

void token_refused(struct token *a, const struct token_bearer *t)
{
	lock_acquire(&token_lock);
	if (a->number == t->number)
		a->usable = false;
	lock_release(&token_lock);
}
