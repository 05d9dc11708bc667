/* SPDX-License-Identifier: MIT */
#include "drive/call.h"

#include "drive/json.h"
#include "drive/retry.h"
#include "drive/url.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

enum { STALL_MAX_MS = 120000 }; /* the answer to a big file's last byte takes tens of seconds */

void call_init(struct call *c, struct drive *d, const char *method, const char *path, const char *what,
	       const char *subject)
{
	memset(c, 0, sizeof *c);
	c->d = d;
	c->what = what;
	c->subject = subject;
	c->url = (struct buf)BUF_INIT(URL_BYTES_MAX);
	c->deadline_ms = d->deadline_ms;
	c->start_ms = now_ms();
	http_response_init(&c->resp);
	call_again(c, method, path);
}

void call_again(struct call *c, const char *method, const char *path)
{
	memset(&c->req, 0, sizeof c->req);
	c->req.method = method;
	c->keep_refused = false;
	buf_reset(&c->url);
	if (path) {
		buf_str(&c->url, c->d->root);
		buf_str(&c->url, path);
	}
}

void call_done(struct call *c)
{
	buf_done(&c->url);
	http_response_done(&c->resp);
}

void call_json(struct call *c, const struct buf *body)
{
	c->req.content_type = "application/json; charset=UTF-8";
	c->req.has_body = true;
	c->req.head = body->data;
	c->req.head_n = body->len;
}

/* The token goes to the origin of the API only; an upload session elsewhere needs none. */
static int authorize(struct call *c, struct token_bearer *token)
{
	c->req.auth = c->req.project = NULL;
	c->req.url = c->url.data;
	if (!url_same_origin(c->req.url, c->d->root))
		return 0;
	int r = token_get(c->d->token, token);
	c->req.auth = token->header;
	if (!__atomic_load_n(&c->d->no_project, __ATOMIC_RELAXED))
		c->req.project = token_creds(c->d->token)->project;
	return r;
}

static int fail_local(struct call *c, int r)
{
	c->error = (struct drive_error){ .err = r, .cls = ERROR_FINAL, .retry_after_ms = -1 };
	return r;
}

/* What went wrong below HTTP. */
static int fail_transport(struct call *c, int r)
{
	if (c->resp.end == HTTP_FAILED && r == -EFBIG)
		r = -EBADMSG;
	fail_local(c, r);
	if (c->resp.end == HTTP_LOST)
		c->error.cls = ERROR_UNCLEAR;
	if (c->resp.end == HTTP_LOST && c->resp.sent_all)
		c->answer_lost = true;
	if (c->resp.end == HTTP_LOCAL)
		return r; /* a sink's or source's own reason stands */
	return err_set(r, c->subject ? "%s \"%.100s\": %s" : "%s%.0s: %s", c->what, c->subject ? c->subject : "",
		       err_last());
}

static int judge_answer(struct call *c)
{
	int status = c->resp.status;
	if ((status >= 200 && status < 300) || status == 308)
		return 0;
	error_parse(&c->error, status, c->resp.body.data, c->resp.body.len);
	c->error.retry_after_ms = c->resp.retry_after_ms;
	if (c->error.cls == ERROR_UNCLEAR)
		c->answer_lost = true;
	const char *hint = grant_hint(token_creds(c->d->token), &c->error);
	if (hint)
		c->error.hint = hint;
	return error_report(&c->error, c->what, c->subject);
}

/* The file of a login names the project that pays for its calls, and whoever wrote it there may have been wrong:
 * then it is done without. What the user asked for by the environment stands. */
static bool drop_project(struct call *c)
{
	const struct creds *creds = token_creds(c->d->token);
	if (!c->req.project || creds->project_asked || c->keep_refused || c->error.status != 403 ||
	    strcmp(c->error.reason, "USER_PROJECT_DENIED") != 0)
		return false;
	return !__atomic_exchange_n(&c->d->no_project, true, __ATOMIC_RELAXED);
}

/* ---- quota units */
struct lock call_budget_lock = LOCK_INIT(RANK_LEAF);

static int64_t ask_budget(struct drive *d, unsigned units, enum budget_rank rank)
{
	lock_acquire(&call_budget_lock);
	int64_t wait = budget_take(&d->budget, now_ms(), units, rank);
	lock_release(&call_budget_lock);
	return wait;
}

bool call_spare(struct drive *d)
{
	lock_acquire(&call_budget_lock);
	bool spare = budget_spare(&d->budget, now_ms());
	lock_release(&call_budget_lock);
	return spare;
}

/* Waits until the units that this request costs are there. */
static int pay(struct call *c)
{
	unsigned units = budget_units(c->req.method, c->url.data);
	enum budget_rank rank = c->req.lane == HTTP_BULK ? BUDGET_BULK : BUDGET_META;
	for (int64_t wait; (wait = ask_budget(c->d, units, rank)) > 0;) {
		if (now_ms() + wait - c->start_ms >= c->deadline_ms)
			return err_set(-ETIMEDOUT, "%s: no quota units were left in time; see -o quota_units_per_minute", c->what);
		int r = retry_pause(100, wait);
		if (r < 0)
			return r;
	}
	__atomic_add_fetch(&c->d->units, units, __ATOMIC_RELAXED);
	return 0;
}

static void note_clock(struct call *c)
{
	if (c->resp.date_s >= 0)
		__atomic_store_n(&c->d->skew_s, c->resp.date_s - (int64_t)time(NULL), __ATOMIC_RELAXED);
}

/* Sends it, with the resource keys of what the call is about as one more line, where there are any. */
static int send_keyed(struct call *c)
{
	CLEANUP_BUF struct buf keys = BUF_INIT(RESOURCE_KEYS_HEADER_MAX);
	const char **line = c->req.header;
	for (size_t i = 0; c->req.auth && i < sizeof c->key_of / sizeof *c->key_of && c->key_of[i]; i++)
		resource_keys_header(&c->d->keys, c->key_of[i], &keys);
	while (*line)
		line++;
	*line = keys.failed || !keys.len ? NULL : keys.data;
	int r = http_do(c->d->http, &c->req, &c->resp);
	*line = NULL;
	return r;
}

int call_once(struct call *c)
{
	int r = buf_check(&c->url, c->what);
	if (r < 0)
		return fail_local(c, r);
	for (bool again = false; r == 0; again = true) {
		CLEANUP_TOKEN struct token_bearer token = { 0 };
		r = authorize(c, &token);
		if (r == 0)
			r = pay(c);
		if (r < 0) {
			c->resp.end = HTTP_LOCAL;
			return fail_local(c, r);
		}
		r = send_keyed(c);
		c->req.auth = NULL;
		if (r < 0)
			return fail_transport(c, r);
		note_clock(c);
		if (c->resp.status == 401 && token.header)
			token_refused(c->d->token, &token);
		if (c->resp.status == 401 && token.header && !again && !c->keep_refused)
			continue;
		r = judge_answer(c);
		if (r == 0 || !drop_project(c))
			return r;
		r = 0;
	}
	return r;
}

int64_t call_stall_ms(const struct call *c)
{
	int64_t half = c->deadline_ms / 2;
	return half < STALL_MAX_MS ? half : STALL_MAX_MS;
}

void call_progress(struct call *c)
{
	c->attempt = 0;
	c->start_ms = now_ms();
}

void call_moved(struct call *c, int64_t began_ms)
{
	if (c->resp.last_ms > began_ms)
		c->start_ms += c->resp.last_ms - began_ms;
}

int call_retry(struct call *c)
{
	struct retry in = { .repeatable = true, .upload = c->upload, .attempt = c->attempt,
			    .elapsed_ms = now_ms() - c->start_ms, .deadline_ms = c->deadline_ms,
			    .random = retry_random() };
	if (c->resp.end == HTTP_LOCAL && !c->error.status)
		return c->error.err;
	int64_t wait = retry_wait(&in, &c->error);
	if (wait < 0 && (int)wait == c->error.err)
		return (int)wait; /* the reason is recorded */
	if (wait < 0)
		return err_set((int)wait, "%s; given up after %" PRId64 " s%s", err_last(), in.elapsed_ms / 1000,
			       wait == -EDQUOT ? ": a limit that lasts so long may be that of 750 GB of uploads a day" : "");
	c->attempt++;
	__atomic_add_fetch(&c->d->retries, 1, __ATOMIC_RELAXED);
	return retry_pause(c->d->wait_scale_percent, wait);
}

int call_run(struct call *c)
{
	for (;;) {
		c->req.end_at_ms = c->start_ms + c->deadline_ms;
		c->req.stall_ms = call_stall_ms(c);
		int r = call_once(c);
		if (r == 0)
			return 0;
		r = call_retry(c);
		if (r < 0)
			return r;
	}
}

int call_file(struct call *c, struct drive_file *ret)
{
	int r = json_file_text(c->resp.body.data, c->resp.body.len, ret);
	if (r == 0)
		resource_keys_learn_file(&c->d->keys, ret, NULL);
	if (r == -EBADMSG)
		return err_set(r, c->subject ? "%s \"%.100s\": %s" : "%s%.0s: %s", c->what,
			       c->subject ? c->subject : "", err_last());
	return r;
}

int call_check_id(const char *what, const char *id)
{
	return url_id_ok(id) ? 0 : err_set(-EINVAL, "%s: \"%.60s\" is not an id", what, id);
}

/* ---- reserved ids */
struct lock call_ids_lock = LOCK_INIT(RANK_LEAF);

static bool pop_id(struct drive *d, char ret[DRIVE_ID_MAX + 1])
{
	lock_acquire(&call_ids_lock);
	bool got = d->ids_count > 0;
	if (got)
		memcpy(ret, d->ids[--d->ids_count], DRIVE_ID_MAX + 1);
	lock_release(&call_ids_lock);
	return got;
}

/* Keeps all but one, which is the caller's; what has no room (another thread fetched too) is let
 * go: an id costs nothing. */
static int keep_ids(struct drive *d, const struct cJSON *ids, char ret[DRIVE_ID_MAX + 1])
{
	ret[0] = 0;
	lock_acquire(&call_ids_lock);
	for (const struct cJSON *i = json_at(ids, 0); i; i = json_next(i)) {
		const char *id = json_value(i);
		if (!id || !url_id_ok(id))
			continue;
		if (!ret[0])
			memcpy(ret, id, strlen(id) + 1);
		else if (d->ids_count < CALL_IDS)
			memcpy(d->ids[d->ids_count++], id, strlen(id) + 1);
	}
	lock_release(&call_ids_lock);
	return ret[0] ? 0 : err_set(-EBADMSG, "reserve ids: the answer holds none");
}

int call_reserve_id(struct drive *d, char ret[DRIVE_ID_MAX + 1])
{
	if (pop_id(d, ret))
		return 0;
	CLEANUP_CALL struct call c;
	call_init(&c, d, "GET", "/drive/v3/files/generateIds", "reserve ids", NULL);
	buf_printf(&c.url, "?count=%d&space=drive&type=files&prettyPrint=false&fields=ids", CALL_IDS);
	int r = call_run(&c);
	if (r < 0)
		return r;
	CLEANUP_JSON struct cJSON *root = NULL;
	r = json_parse(c.resp.body.data, c.resp.body.len, &root);
	return r < 0 ? r : keep_ids(d, json_get(root, "ids"), ret);
}
