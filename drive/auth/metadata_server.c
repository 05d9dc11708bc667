/* SPDX-License-Identifier: MIT */
#include "drive/auth/metadata_server.h"

#include "drive/url.h"

#include <string.h>
#include <strings.h>

enum { TRIES = 3 };
#define ACCOUNT "/computeMetadata/v1/instance/service-accounts/default/"

static int ask_server(struct http *h, const char *url, int64_t end_at_ms, int64_t stall_ms, struct http_response *resp)
{
	struct http_request req = { .lane = HTTP_META, .method = "GET", .url = url, .direct = true,
				    .header = { "Metadata-Flavor: Google" }, .end_at_ms = end_at_ms, .stall_ms = stall_ms };
	int r = http_do(h, &req, resp);
	if (r < 0)
		return r;
	if (!resp->flavor || strcmp(resp->flavor, "Google") != 0)
		return err_set(-EBADMSG, "the answer does not say Metadata-Flavor: Google, as that of a router or portal");
	return 0;
}

static int64_t patience_ms(void)
{
	const char *text = getenv("GCE_METADATA_TIMEOUT");
	long s = text ? strtol(text, NULL, 10) : 0;
	return s > 0 && s <= 60 ? s * 1000 : 3000;
}

static bool unwanted(void)
{
	const char *text = getenv("NO_GCE_CHECK");
	return text && (!strcasecmp(text, "true") || !strcmp(text, "1"));
}

static int take_email(const struct http_response *resp, struct creds *c)
{
	size_t n = resp->body.data ? strcspn(resp->body.data, "\r\n") : 0;
	if (resp->status != 200 || !n || n > 320)
		return err_set(-ENOENT, "HTTP %d: has this machine a service account?", resp->status);
	char *email = strndup(resp->body.data, n);
	if (!email)
		return err_nomem("credentials");
	free(c->identity);
	c->identity = email;
	c->known = true;
	return 0;
}

/* Silence may be that of a server which is starting; what says no, or that there is no way there, is final. */
static bool silent(int r) { return r == -ETIMEDOUT || r == -EIO; }

static int ask_patiently(struct http *h, const char *url, int64_t deadline_ms, struct http_response *resp)
{
	int64_t end_at_ms = now_ms() + deadline_ms;
	int r = -ETIMEDOUT;
	for (int i = 0; i < TRIES && silent(r) && (!i || now_ms() < end_at_ms); i++) {
		int64_t until = now_ms() + patience_ms();
		r = ask_server(h, url, until < end_at_ms ? until : end_at_ms, 0, resp);
	}
	return r;
}

static int look_for_server(struct http *h, struct creds *c, int64_t deadline_ms)
{
	if (unwanted())
		return err_set(-ENOENT, "not asked, by NO_GCE_CHECK");
	CLEANUP_BUF struct buf url = BUF_INIT(1024);
	struct http_response resp;
	http_response_init(&resp);
	buf_printf(&url, "http://%s" ACCOUNT "email", c->host);
	int r = buf_check(&url, "metadata server");
	if (r == 0)
		r = ask_patiently(h, url.data, deadline_ms, &resp);
	if (r == 0)
		r = take_email(&resp, c);
	http_response_done(&resp);
	return r;
}

int metadata_server_find(struct http *h, struct creds *c, int64_t deadline_ms)
{
	int r = look_for_server(h, c, deadline_ms);
	if (r == 0 || r == -EINTR || r == -ENOMEM)
		return r;
	return err_set(-ENOENT, "no credentials: name a service account's key by -o key_file=FILE or "
		       "GOOGLE_APPLICATION_CREDENTIALS, or run drivefs-models auth login --client-secret FILE, or give "
		       "-o token_command=COMMAND; there is no login, none of gcloud's, and no metadata server at %.60s (%.150s)",
		       c->host, err_last());
}

int metadata_server_ask(struct http *h, const struct creds *c, int64_t end_at_ms, int64_t stall_ms,
		 struct http_response *resp, struct drive_error *e)
{
	CLEANUP_BUF struct buf url = BUF_INIT(2048);
	buf_printf(&url, "http://%s" ACCOUNT "token?scopes=", c->host);
	url_escape(&url, c->scope);
	int r = buf_check(&url, "metadata server");
	*e = (struct drive_error){ .err = r, .retry_after_ms = -1, .cls = ERROR_FINAL };
	if (r < 0)
		return r;
	r = ask_server(h, url.data, end_at_ms, stall_ms, resp);
	if (r < 0) {
		e->err = r;
		e->cls = resp->end == HTTP_LOST ? ERROR_UNCLEAR : ERROR_FINAL;
		return err_set(r, "token for %s from the metadata server %s: %s", c->identity, c->host, err_last());
	}
	if (resp->status == 200)
		return 0;
	error_parse(e, resp->status, resp->body.data, resp->body.len);
	e->retry_after_ms = resp->retry_after_ms;
	if (e->cls != ERROR_UNCLEAR && e->cls != ERROR_REFUSED) {
		e->cls = ERROR_FINAL;
		e->err = -EACCES;
	}
	return error_report(e, "token from the metadata server for", c->identity);
}
