/* SPDX-License-Identifier: MIT */
#include "drive/auth.h"

#include "drive/command.h"
#include "drive/metadata.h"
#include "drive/retry.h"
#include "drive/secret.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

enum {
	EARLY_MS = 225000,	/* before its end a token is replaced; google-auth does it then */
	POLL_MS = 200,
};

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

struct auth *auth_close(struct auth *a) TSA(no_thread_safety_analysis)
{
	if (a) {
		secret_free(a->header);
		creds_close(a->creds);
		pthread_cond_destroy(&a->landed);
		free(a);
	}
	return NULL;
}

const struct creds *auth_creds(const struct auth *a) { return a->creds; }

int auth_name(struct auth *a, const char *email)
{
	char *copy = strdup(email);
	if (!copy)
		return err_set(-ENOMEM, "identity: no memory");
	free(a->creds->identity);
	a->creds->identity = copy;
	a->creds->known = true;
	return 0;
}

void auth_token_done(struct auth_token *t)
{
	secret_free(t->header);
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

/* ---- one fetch: the flying thread's */
/* A 200 to what these credentials ask with. */
static int ask(struct auth *a, int64_t end_at_ms, struct http_response *resp, struct drive_error *e)
{
	int64_t stall_ms = a->cfg.deadline_ms / 2;
	if (a->creds->kind == CREDS_METADATA)
		return metadata_ask(a->cfg.http, a->creds, end_at_ms, stall_ms, resp, e);
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
static bool learn(struct auth *a, const struct http_response *resp, const struct drive_error *e, unsigned *lessons)
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
static int pause_or_stop(const struct auth *a, unsigned attempt, int64_t start, const struct drive_error *e)
{
	struct retry in = { .repeatable = true, .attempt = attempt, .elapsed_ms = now_ms() - start,
			    .deadline_ms = a->cfg.deadline_ms, .random = auth_random() };
	int64_t wait = retry_wait(&in, e);
	return wait < 0 ? (int)wait : auth_wait(a->cfg.wait_scale_percent, wait);
}

static int ask_until(struct auth *a, struct http_response *resp)
{
	int64_t start = now_ms();
	unsigned lessons = 0;
	for (unsigned attempt = 0;; attempt++) {
		struct drive_error e = { .err = -EACCES };
		int r = ask(a, start + a->cfg.deadline_ms, resp, &e);
		if (r == 0)
			return 0;
		if (learn(a, resp, &e, &lessons))
			continue;
		r = pause_or_stop(a, attempt, start, &e);
		if (r < 0)
			return r;
	}
}

static int fetch(struct auth *a, struct grant_answer *ret)
{
	struct http_response resp;
	if (a->creds->kind == CREDS_COMMAND)
		return command_token(a->creds->command, now_ms() + a->cfg.deadline_ms, ret);
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
static int hand_out(struct auth *a, struct auth_token *ret) REQUIRES(auth_lock)
{
	ret->number = a->number;
	ret->header = strdup(a->header);
	return ret->header ? 0 : err_set(-ENOMEM, "token: no memory");
}

static void fly(struct auth *a) REQUIRES(auth_lock)
{
	CLEANUP_GRANT struct grant_answer got = { 0 };
	a->flying = true;
	lock_release(&auth_lock);
	int r = fetch(a, &got);
	lock_acquire(&auth_lock);
	a->flying = false;
	a->flights++;
	a->result = r;
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

void auth_scope(struct auth *a, char *ret, size_t n)
{
	lock_acquire(&auth_lock);
	snprintf(ret, n, "%s", a->scope);
	lock_release(&auth_lock);
}

void auth_refused(struct auth *a, const struct auth_token *t)
{
	lock_acquire(&auth_lock);
	if (a->number == t->number)
		a->usable = false;
	lock_release(&auth_lock);
}
