/* SPDX-License-Identifier: MIT */
#include "drive/auth/login.h"

#include "drive/auth/redirect.h"
#include "drive/auth/secret.h"
#include "drive/auth/token.h"
#include "drive/json.h"
#include "drive/retry.h"
#include "drive/url.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

enum { DEADLINE_MS = 30000, RETRIES = 2 };

struct login {
	struct http *http;
	char *root;			/* of the API */
	int64_t deadline_ms;
	struct creds *creds;		/* what is to be saved */
	char *auth_uri, *url, *file;
	struct redirect *visit;
	char state[32], verifier[64], code[REDIRECT_VALUE_MAX];
};

struct login *login_close(struct login *l)
{
	if (l) {
		redirect_close(l->visit);
		creds_close(l->creds);
		http_close(l->http);
		free(l->root);
		free(l->auth_uri);
		free(l->url);
		free(l->file);
		explicit_bzero(l, sizeof *l);
		free(l);
	}
	return NULL;
}

const char *login_url(const struct login *l) { return l->url; }
const char *login_account(const struct login *l) { return l->creds->identity; }
const char *login_file(const struct login *l) { return l->file; }

static int no_memory(void) { return err_nomem("the login"); }

static int copy_text(char **to, const char *from)
{
	*to = strdup(from);
	return *to ? 0 : no_memory();
}

/* ---- the OAuth client */
static int take_uris(const struct cJSON *client, const char *path, struct login *l)
{
	const char *auth = json_str(client, "auth_uri"), *token = json_str(client, "token_uri");
	bool google = url_same_origin(l->root, CREDS_GOOGLE);
	int r = auth ? creds_check_uri(auth, "auth_uri", path, l->root) : 0;
	if (r == 0 && token)
		r = creds_check_uri(token, "token_uri", path, l->root);
	if (r < 0)
		return r;
	CLEANUP_BUF struct buf b = BUF_INIT(URL_BYTES_MAX);
	if (auth)
		buf_str(&b, auth);
	else
		buf_printf(&b, "%s/o/oauth2/v2/auth", google ? "https://accounts.google.com" : l->root);
	l->auth_uri = buf_take(&b);
	if (!l->auth_uri)
		return no_memory();
	return token ? copy_text(&l->creds->token_uri, token) : creds_token_uri(l->root, &l->creds->token_uri);
}

static int take_client(const struct cJSON *root, const char *path, struct login *l)
{
	const struct cJSON *client = json_get(root, "installed");
	if (!client && json_get(root, "web"))
		return err_set(-EBADMSG, "\"%s\" is an OAuth client for web servers, whose redirects cannot come here: make one of "
			       "the type \"Desktop app\"", path);
	if (!client)
		return err_set(-EBADMSG, "\"%s\" is no OAuth client: in Google's console, APIs & Services > Credentials, make one "
			       "of the type \"Desktop app\" and download it", path);
	const char *id = json_str(client, "client_id"), *secret = json_str(client, "client_secret");
	if (!id || !*id || !secret || !*secret)
		return err_set(-EBADMSG, "\"%s\" has no %s: download it again", path, id && *id ? "client_secret" : "client_id");
	int r = copy_text(&l->creds->client_id, id);
	if (r == 0)
		r = copy_text(&l->creds->client_secret, secret);
	return r == 0 ? take_uris(client, path, l) : r;
}

static int read_client(const char *path, struct login *l)
{
	CLEANUP_SECRET_BUF struct buf text = BUF_INIT(SECRET_FILE_MAX + 1);
	CLEANUP_SECRET_JSON struct cJSON *root = NULL;
	int r = secret_read(path, "client file", &text);
	if (r < 0)
		return r;
	if (json_parse(text.data, text.len, &root) < 0)
		return err_set(-EBADMSG, "\"%s\" is no OAuth client: no JSON", path);
	return take_client(root, path, l);
}

/* ---- the consent page's address */
static int random_text(char *to, size_t size, size_t bytes)
{
	uint8_t raw[32];
	CLEANUP_SECRET_BUF struct buf b = BUF_INIT(128);
	if (getrandom(raw, bytes, 0) != (ssize_t)bytes)
		return err_set(-EIO, "login: no random numbers");
	jwt_base64url(&b, raw, bytes);
	explicit_bzero(raw, sizeof raw);
	if (b.failed || b.len >= size)
		return no_memory();
	memcpy(to, b.data, b.len + 1);
	return 0;
}

static int redirect_uri(const struct login *l, struct buf *b)
{
	buf_printf(b, "http://127.0.0.1:%u/", redirect_port(l->visit));
	return buf_check(b, "login");
}

static int make_url(struct login *l)
{
	uint8_t hash[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	CLEANUP_BUF struct buf b = BUF_INIT(URL_BYTES_MAX), back = BUF_INIT(64), challenge = BUF_INIT(128), rest = BUF_INIT(4096);
	if (EVP_Digest(l->verifier, strlen(l->verifier), hash, &n, EVP_sha256(), NULL) != 1)
		return err_set(-EIO, "login: no SHA-256");
	jwt_base64url(&challenge, hash, n);
	int r = redirect_uri(l, &back);
	if (r == 0)
		r = buf_check(&challenge, "login");
	if (r < 0)
		return r;
	const char *const pairs[][2] = {
		{ "client_id", l->creds->client_id }, { "redirect_uri", back.data }, { "response_type", "code" },
		{ "scope", l->creds->scope }, { "code_challenge", challenge.data }, { "code_challenge_method", "S256" },
		{ "state", l->state }, { "access_type", "offline" }, { "prompt", "consent" },
	};
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
		grant_field(&rest, pairs[i][0], pairs[i][1]);
	buf_printf(&b, "%s%s%s", l->auth_uri, strchr(l->auth_uri, '?') ? "&" : "?", rest.data ? rest.data : "");
	l->url = rest.failed ? NULL : buf_take(&b);
	return l->url ? 0 : no_memory();
}

/* ---- opening */
static int connect_to(struct login *l, const struct login_config *cfg)
{
	struct http_config http = { .ca_file = cfg->ca_file, .bulk_max = 1, .trace = cfg->trace, .trace_ctx = cfg->trace_ctx };
	l->deadline_ms = cfg->deadline_ms ? cfg->deadline_ms : DEADLINE_MS;
	int r = url_root(cfg->api_root ? cfg->api_root : CREDS_GOOGLE, &l->root);
	return r == 0 ? http_open(&http, &l->http) : r;
}

static int begin_login(struct login *l, const struct login_config *cfg)
{
	const char *scope = creds_scope_url(cfg->scope ? cfg->scope : "drive");
	int r = scope ? copy_text(&l->creds->scope, scope)
		      : err_set(-EINVAL, "scope=%.60s: drive or drive.readonly is meant", cfg->scope);
	if (r == 0)
		r = connect_to(l, cfg);
	if (r == 0)
		r = creds_login_file(&l->file);
	if (r == 0)
		r = read_client(cfg->client_file, l);
	if (r == 0)
		r = redirect_open(&l->visit);
	if (r == 0)
		r = random_text(l->state, sizeof l->state, 16);
	if (r == 0)
		r = random_text(l->verifier, sizeof l->verifier, 32);
	return r == 0 ? make_url(l) : r;
}

int login_open(const struct login_config *cfg, struct login **ret)
{
	struct login *l = calloc(1, sizeof *l);
	if (!l)
		return no_memory();
	l->creds = calloc(1, sizeof *l->creds);
	int r = l->creds ? begin_login(l, cfg) : no_memory();
	if (r < 0)
		login_close(l);
	else
		*ret = l;
	return r;
}

int login_wait(struct login *l, int input, int64_t patience_ms)
{
	return redirect_wait(l->visit, l->state, input, now_ms() + patience_ms, l->code);
}

/* ---- the tokens */
/* Waits before another try, where that may help: nobody likes to go through the consent page twice. */
static bool another_try(int attempt, const struct drive_error *e)
{
	bool passing = e->cls == ERROR_UNCLEAR || e->cls == ERROR_REFUSED;
	return passing && attempt < RETRIES && retry_pause(100, (int64_t)1000 << attempt) == 0;
}

static int exchange(struct login *l, struct grant_answer *ret)
{
	CLEANUP_SECRET_BUF struct buf form = BUF_INIT(16384);
	CLEANUP_BUF struct buf back = BUF_INIT(64);
	struct http_response resp;
	struct drive_error e;
	struct grant g = { .http = l->http, .what = "login at", .who = l->creds->token_uri, .uri = l->creds->token_uri,
			   .end_at_ms = now_ms() + l->deadline_ms, .stall_ms = l->deadline_ms };
	int r = redirect_uri(l, &back);
	if (r < 0)
		return r;
	grant_field(&form, "grant_type", "authorization_code");
	grant_field(&form, "code", l->code);
	grant_field(&form, "client_id", l->creds->client_id);
	grant_field(&form, "client_secret", l->creds->client_secret);
	grant_field(&form, "redirect_uri", back.data);
	grant_field(&form, "code_verifier", l->verifier);
	r = buf_check(&form, "login");
	if (r < 0)
		return r;
	http_response_init(&resp);
	for (int attempt = 0; (r = grant_post(&g, &form, &resp, &e)) < 0; attempt++)
		if (!another_try(attempt, &e))
			break;
	if (r == 0)
		r = grant_read(resp.body.data ? resp.body.data : "", resp.body.len, ret);
	secret_done(&resp.body);
	http_response_done(&resp);
	return r;
}

/* Users can untick what an app asks for. */
static int check_scope(const struct login *l, const struct grant_answer *got)
{
	size_t n = strlen(l->creds->scope);
	for (const char *p = got->scope; p && *p; p += strcspn(p, " "), p += strspn(p, " ")) {
		size_t m = strcspn(p, " ");
		if ((m == n && !strncmp(p, l->creds->scope, n)) || (m == strlen(CREDS_SCOPE) && !strncmp(p, CREDS_SCOPE, m)))
			return 0;
	}
	if (!got->scope)
		return 0; /* RFC 6749 5.1: then it is what was asked for */
	return err_set(-EACCES, "login: the access to Google Drive was not granted (only \"%.200s\"): log in again and tick its "
		       "box on the consent page", got->scope);
}

/* One request as this user: is the API enabled for the client's project, and who is it? */
static int look_who(struct login *l, const struct grant_answer *got)
{
	CLEANUP_BUF struct buf url = BUF_INIT(URL_BYTES_MAX);
	CLEANUP_JSON struct cJSON *root = NULL;
	struct http_response resp;
	struct drive_error e;
	buf_printf(&url, "%s/drive/v3/about?fields=user(emailAddress)&prettyPrint=false", l->root);
	int r = buf_check(&url, "login");
	if (r < 0)
		return r;
	http_response_init(&resp);
	struct http_request req = { .lane = HTTP_META, .method = "GET", .url = url.data, .auth = got->header,
				    .end_at_ms = now_ms() + l->deadline_ms, .stall_ms = l->deadline_ms };
	for (int attempt = 0;; attempt++) {
		r = http_do(l->http, &req, &resp);
		if (r < 0 || resp.status == 200)
			break;
		error_parse(&e, resp.status, resp.body.data, resp.body.len);
		r = error_report(&e, "login: Drive refuses the new token", NULL);
		if (!another_try(attempt, &e))
			break;
	}
	if (r == 0)
		r = json_parse(resp.body.data ? resp.body.data : "", resp.body.len, &root);
	http_response_done(&resp);
	const char *email = json_str(json_get(root, "user"), "emailAddress");
	l->creds->known = email && *email;
	return r == 0 ? copy_text(&l->creds->identity, l->creds->known ? email : "authorized user") : r;
}

int login_finish(struct login *l)
{
	CLEANUP_GRANT struct grant_answer got = { 0 };
	int r = exchange(l, &got);
	if (r == 0)
		r = check_scope(l, &got);
	if (r == 0 && !got.refresh_token)
		r = err_set(-EACCES, "login: no refresh token came: remove this app at https://myaccount.google.com/connections "
			    "and log in again");
	if (r == 0)
		r = look_who(l, &got);
	if (r < 0)
		return r;
	l->creds->refresh_token = STEAL(got.refresh_token);
	return 0;
}

int login_keep(struct login *l) { return creds_save(l->creds, l->file); }

/* ---- the end of a login */
static int revoke_uri(const struct creds *c, struct buf *b)
{
	const char *slash = strrchr(c->token_uri, '/');
	if (!strcmp(c->token_uri, CREDS_GOOGLE_TOKEN_URI) || !slash)
		buf_str(b, "https://oauth2.googleapis.com/revoke");
	else
		buf_printf(b, "%.*s/revoke", (int)(slash - c->token_uri), c->token_uri);
	return buf_check(b, "logout");
}

static int end_grant(struct login *l)
{
	CLEANUP_SECRET_BUF struct buf form = BUF_INIT(8192);
	CLEANUP_BUF struct buf uri = BUF_INIT(URL_BYTES_MAX);
	struct http_response resp;
	struct drive_error e = { 0 };
	grant_field(&form, "token", l->creds->refresh_token);
	int r = revoke_uri(l->creds, &uri);
	if (r == 0)
		r = buf_check(&form, "logout");
	if (r < 0)
		return r;
	struct grant g = { .http = l->http, .creds = l->creds, .what = "logout at", .who = uri.data, .uri = uri.data,
			   .end_at_ms = now_ms() + l->deadline_ms, .stall_ms = l->deadline_ms };
	http_response_init(&resp);
	r = grant_post(&g, &form, &resp, &e);
	http_response_done(&resp);
	return !strcmp(e.reason, "invalid_token") ? 0 : r; /* it had ended before */
}

void login_drop(struct login *l)
{
	(void)end_grant(l); /* what is not kept here is of no use to us either way */
}

static int forget(struct login *l, const struct login_config *cfg)
{
	CLEANUP_SECRET_BUF struct buf text = BUF_INIT(SECRET_FILE_MAX + 1);
	int r = connect_to(l, cfg);
	if (r == 0)
		r = secret_read(l->file, "login", &text);
	if (r == 0)
		r = creds_parse(text.data, text.len, l->file, &(struct creds_config){ .api_root = l->root }, &l->creds);
	if (r == 0 && l->creds->kind != CREDS_USER)
		r = err_set(-EBADMSG, "\"%s\" is not a user's login", l->file);
	return r == 0 ? end_grant(l) : r;
}

int login_forget(const struct login_config *cfg)
{
	struct login *l = calloc(1, sizeof *l);
	if (!l)
		return no_memory();
	int r = creds_login_file(&l->file);
	if (r == 0 && access(l->file, F_OK))
		r = err_set(-ENOENT, "nobody is logged in: there is no \"%s\"", l->file);
	if (r < 0) {
		login_close(l);
		return r;
	}
	r = forget(l, cfg);
	if (unlink(l->file))
		r = err_set(-errno, "\"%s\" cannot be deleted", l->file);
	else if (r < 0)
		r = err_set(r, "the login is deleted here, but Google could not be told: %.250s; remove the app at "
			    "https://myaccount.google.com/connections", err_last());
	login_close(l);
	return r;
}
