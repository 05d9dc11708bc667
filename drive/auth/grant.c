/* SPDX-License-Identifier: MIT */
/* Sources of the rows: RFC 6749 5.2, and Google's wordings as its clients have recorded them. */
#include "drive/auth/grant.h"

#include "drive/auth/secret.h"
#include "drive/json.h"
#include "drive/url.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
	LIFE_S = 3600,		/* longest that Google signs for */
	LIFE_UNKNOWN_S = 300,
	TOKEN_MAX = 8192,
	FORM_MAX = 64 << 10,
};

/* ---- refusals */
enum cure { CURE_NONE, CURE_KEY, CURE_CLOCK, CURE_DELETED, CURE_AUDIENCE, CURE_SUBJECT, CURE_SESSION, CURE_LOGIN, CURE_SCOPE,
	    CURE_DELEGATION, CURE_CLIENT, CURE_POLICY };

static const struct row {
	const char *error, *message;	/* the message holds this; NULL: any */
	enum cure cure;
} rows[] = {
	{ "invalid_grant", "Signature", CURE_KEY },
	{ "invalid_grant", "short-lived token", CURE_CLOCK },
	{ "invalid_grant", "account not found", CURE_DELETED },
	{ "invalid_grant", "audience", CURE_AUDIENCE },
	{ "invalid_grant", "Invalid email or User ID", CURE_SUBJECT },
	{ "invalid_grant", "rapt", CURE_SESSION },
	{ "invalid_grant", NULL, CURE_LOGIN },
	{ "invalid_scope", NULL, CURE_SCOPE },
	{ "unauthorized_client", NULL, CURE_DELEGATION },
	{ "access_denied", "not authorized for any of the scopes", CURE_DELEGATION },
	{ "invalid_client", NULL, CURE_CLIENT },
	{ "deleted_client", NULL, CURE_CLIENT },
	{ "disabled_client", NULL, CURE_CLIENT },
	{ "admin_policy_enforced", NULL, CURE_POLICY },
	{ "org_internal", NULL, CURE_POLICY },
	{ "access_denied", NULL, CURE_POLICY },
};

static enum cure find_cure(const struct drive_error *e)
{
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (!strcmp(rows[i].error, e->reason) && (!rows[i].message || strstr(e->message, rows[i].message)))
			return rows[i].cure;
	return CURE_NONE;
}

#define GCLOUD_LOGIN "gcloud auth application-default login --scopes=openid," CREDS_SCOPE
#define OUR_LOGIN "drivefs-models auth login --client-secret FILE"

static const char *login_again(const struct creds *c)
{
	return c && c->place == CREDS_GCLOUD ? GCLOUD_LOGIN : OUR_LOGIN;
}

/* The cure in words, for who has `c`. */
static void add_cure(struct buf *b, enum cure cure, const struct creds *c)
{
	bool user = !c || c->kind == CREDS_USER;
	const char *file = c && c->file ? c->file : "the file";
	switch (cure) {
	case CURE_KEY:
		buf_printf(b, "the key in %s is revoked or damaged: make a new one", file);
		break;
	case CURE_CLOCK:
		buf_str(b, "is this machine's clock right?");
		break;
	case CURE_DELETED:
		buf_str(b, "the service account does not exist any more");
		break;
	case CURE_AUDIENCE:
		buf_printf(b, "token_uri in %s is not this endpoint's address: download the key again", file);
		break;
	case CURE_SUBJECT:
		buf_str(b, "subject= is no user of the domain that has granted delegation");
		break;
	case CURE_SESSION:
		buf_printf(b, "your organisation wants you to log in again: %s", login_again(c));
		break;
	case CURE_LOGIN:
		if (user)
			buf_printf(b, "the login was revoked or has ended (after 7 days while the consent screen is in Testing): "
				   "%s", login_again(c));
		else
			buf_printf(b, "the key in %s is refused: make a new one", file);
		break;
	case CURE_SCOPE:
		buf_printf(b, user ? "this login does not cover the scope: %s" : "the scope is refused%.0s",
			   user ? login_again(c) : "");
		break;
	case CURE_DELEGATION:
		buf_printf(b, "domain-wide delegation is not granted: in the Admin console, Security > API controls > "
			   "Domain-wide delegation, add client %s with the scope %s",
			   c && c->client_number ? c->client_number : "ID of the service account", c ? c->scope : CREDS_SCOPE);
		break;
	case CURE_CLIENT:
		buf_printf(b, "the OAuth client in %s is deleted or its secret is wrong: download it again, then %s", file,
			   login_again(c));
		break;
	case CURE_POLICY:
		buf_str(b, "an administrator's policy keeps this client from Drive");
		break;
	case CURE_NONE:
		break;
	}
}

/* What the status alone says of retrying stands, but for errors that name a failure of the server. */
static void classify_refusal(struct drive_error *e)
{
	if (!strcmp(e->reason, "internal_failure") || !strcmp(e->reason, "server_error") ||
	    !strcmp(e->reason, "temporarily_unavailable"))
		e->cls = ERROR_UNCLEAR;
	if (e->cls == ERROR_UNCLEAR || e->cls == ERROR_REFUSED)
		return;
	e->cls = ERROR_FINAL;
	e->err = -EACCES;
}

static int report(const struct grant *g, struct drive_error *e)
{
	CLEANUP_BUF struct buf cure = BUF_INIT(1024);
	e->hint = NULL;
	if (e->cls == ERROR_FINAL)
		add_cure(&cure, find_cure(e), g->creds);
	if (cure.len && !cure.failed)
		e->hint = cure.data;
	int r = error_report(e, g->what, g->who);
	e->hint = NULL;
	return r;
}

bool grant_clock_refused(const struct drive_error *e)
{
	return !strcmp(e->reason, "invalid_grant") && strstr(e->message, "short-lived token");
}

const char *grant_hint(const struct creds *c, const struct drive_error *e)
{
	if (c->kind == CREDS_USER && strstr(e->message, "requires a quota project"))
		return "gcloud auth application-default set-quota-project PROJECT";
	if (!strcmp(e->reason, "USER_PROJECT_DENIED"))
		return c->project_asked ? "GOOGLE_CLOUD_QUOTA_PROJECT names a project that this user may not use: unset it, or have "
					  "its owner grant roles/serviceusage.serviceUsageConsumer"
					: "the file of the login names a quota project that this user may not use: gcloud auth "
					  "application-default set-quota-project PROJECT, or have its owner grant "
					  "roles/serviceusage.serviceUsageConsumer";
	if (strcmp(e->reason, "ACCESS_TOKEN_SCOPE_INSUFFICIENT") != 0)
		return NULL;
	if (!strcmp(c->scope, CREDS_SCOPE ".readonly") && c->scope_given)
		return "scope=drive.readonly was asked for, which only reads";
	switch (c->kind) {
	case CREDS_USER:
		return c->place == CREDS_GCLOUD
		     ? "the login lacks the scope of Drive: " GCLOUD_LOGIN
		     : "the login lacks the scope " CREDS_SCOPE ": " OUR_LOGIN;
	case CREDS_METADATA:
		return "this machine was made without the scope " CREDS_SCOPE ": stop it and add the scope, or use a service "
		       "account's key";
	case CREDS_COMMAND:
		return "the command's token lacks the scope " CREDS_SCOPE;
	case CREDS_SERVICE_ACCOUNT:
		break;
	}
	return NULL;
}

/* ---- the request */
void grant_field(struct buf *form, const char *name, const char *value)
{
	buf_printf(form, "%s%s=", form->len ? "&" : "", name);
	url_escape(form, value);
}

static int add_assertion(const struct creds *c, int64_t now_s, struct buf *form)
{
	struct jwt_claims claims = {
		.key_id = c->key_id,
		.issuer = c->account,
		.scope = c->scope,
		.audience = c->token_uri,
		.subject = c->subject,
		.issued_s = now_s,
		.expires_s = now_s + LIFE_S,
	};
	grant_field(form, "grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer");
	buf_str(form, "&assertion=");
	return jwt_sign(c->key, &claims, form);
}

int grant_form(const struct creds *c, int64_t now_s, struct buf *form)
{
	if (c->kind == CREDS_SERVICE_ACCOUNT)
		return add_assertion(c, now_s, form);
	grant_field(form, "grant_type", "refresh_token");
	grant_field(form, "client_id", c->client_id);
	grant_field(form, "client_secret", c->client_secret);
	grant_field(form, "refresh_token", c->refresh_token);
	if (c->scope_given) /* else all that the login has granted */
		grant_field(form, "scope", c->scope);
	return buf_check(form, "token request");
}

int grant_post(const struct grant *g, const struct buf *form, struct http_response *resp, struct drive_error *e)
{
	struct http_request req = {
		.lane = HTTP_META, .method = "POST", .url = g->uri, .content_type = "application/x-www-form-urlencoded",
		.has_body = true, .head = form->data, .head_n = form->len,
		.end_at_ms = g->end_at_ms, .stall_ms = g->stall_ms,
	};
	int r = http_do(g->http, &req, resp);
	if (r < 0) {
		*e = (struct drive_error){ .err = r, .retry_after_ms = -1,
					   .cls = resp->end == HTTP_LOST ? ERROR_UNCLEAR : ERROR_FINAL };
		return err_set(r, "%s %s, %s: %s", g->what, g->who, g->uri, err_last());
	}
	if (resp->status == 200)
		return 0;
	error_parse(e, resp->status, resp->body.data, resp->body.len);
	e->retry_after_ms = resp->retry_after_ms;
	classify_refusal(e);
	return report(g, e);
}

/* ---- the answer */
void grant_answer_done(struct grant_answer *a)
{
	secret_free(a->header);
	secret_free(a->refresh_token);
	free(a->scope);
	memset(a, 0, sizeof *a);
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

int grant_bearer(const char *token, int64_t life_ms, struct grant_answer *ret)
{
	if (!token || !token_ok(token))
		return err_set(-EBADMSG, "the answer of the token endpoint holds no token");
	size_t n = strlen(token) + sizeof "Bearer ";
	ret->header = malloc(n);
	if (!ret->header)
		return err_nomem("a token");
	snprintf(ret->header, n, "Bearer %s", token);
	ret->life_ms = life_ms;
	return 0;
}

static int keep_secret(char **to, const char *text)
{
	if (!text)
		return 0;
	*to = strdup(text);
	return *to ? 0 : err_nomem("a token");
}

int grant_read(const char *text, size_t n, struct grant_answer *ret)
{
	CLEANUP_SECRET_JSON struct cJSON *root = NULL;
	uint64_t life = 0;
	memset(ret, 0, sizeof *ret);
	int r = json_parse(text, n, &root);
	if (r < 0)
		return r;
	if (!json_u64(root, "expires_in", &life) || life > 86400)
		life = LIFE_UNKNOWN_S;
	const char *refresh = json_str(root, "refresh_token");
	r = grant_bearer(json_str(root, "access_token"), (int64_t)life * 1000, ret);
	if (r == 0)
		r = keep_secret(&ret->refresh_token, refresh && *refresh && token_ok(refresh) ? refresh : NULL);
	if (r == 0)
		r = keep_secret(&ret->scope, json_str(root, "scope"));
	if (r < 0)
		grant_answer_done(ret);
	return r;
}
