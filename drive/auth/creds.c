/* SPDX-License-Identifier: MIT */
/* The places and their order: creds_find(). What a file holds: creds_parse(). */
#include "drive/auth/creds.h"

#include "drive/auth/secret.h"
#include "drive/json.h"
#include "drive/url.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct creds *creds_close(struct creds *c)
{
	if (c) {
		free(c->file);
		free(c->identity);
		free(c->token_uri);
		free(c->scope);
		free(c->key_id);
		free(c->account);
		free(c->client_number);
		free(c->subject);
		jwt_key_close(c->key);
		free(c->client_id);
		secret_free(c->client_secret);
		secret_free(c->refresh_token);
		free(c->project);
		free(c->command);
		free(c->host);
		free(c);
	}
	return NULL;
}

static int own_copy(char **to, const char *from)
{
	*to = strdup(from);
	return *to ? 0 : err_nomem("credentials");
}

/* ---- endpoints and scopes */
int creds_check_uri(const char *uri, const char *name, const char *path, const char *api_root)
{
	static const char *const google[] = { "https://oauth2.googleapis.com", "https://accounts.google.com",
					      CREDS_GOOGLE };
	for (size_t i = 0; i < sizeof google / sizeof *google; i++)
		if (url_same_origin(uri, google[i]))
			return 0;
	if (url_same_origin(uri, api_root))
		return 0;
	return err_set(-EACCES, "\"%s\": %s \"%.100s\" is neither Google's nor that of the API (%s): refused", path, name,
		       uri, api_root);
}

int creds_token_uri(const char *api_root, char **ret)
{
	if (url_same_origin(api_root, CREDS_GOOGLE))
		return own_copy(ret, CREDS_GOOGLE_TOKEN_URI);
	CLEANUP_BUF struct buf b = BUF_INIT(URL_BYTES_MAX);
	buf_printf(&b, "%s/token", api_root);
	*ret = buf_take(&b);
	return *ret ? 0 : err_nomem("credentials");
}

const char *creds_scope_url(const char *name)
{
	if (!strcmp(name, "drive") || !strcmp(name, CREDS_SCOPE))
		return CREDS_SCOPE;
	if (!strcmp(name, "drive.readonly") || !strcmp(name, CREDS_SCOPE ".readonly"))
		return CREDS_SCOPE ".readonly";
	return NULL;
}

/* ---- kinds of files */
#define PRINTS "gcloud auth print-access-token"
static const struct { const char *type, *cure; } unusable[] = {
	{ "external_account", "workload identity is not spoken here: let a command print its tokens, "
	  "-o token_command='" PRINTS "', or use a service account's key" },
	{ "external_account_authorized_user", "let a command print its tokens, -o token_command='" PRINTS "'" },
	{ "impersonated_service_account", "let a command print its tokens, -o token_command='" PRINTS
	  " --impersonate-service-account=ACCOUNT --scopes=" CREDS_SCOPE "', or use the account's key" },
	{ "gdch_service_account", "Google Distributed Cloud has no Drive: use a service account's key" },
};

static int refuse(const struct cJSON *root, const char *path)
{
	const char *type = json_str(root, "type");
	if (!type && (json_get(root, "installed") || json_get(root, "web")))
		return err_set(-EBADMSG, "\"%s\" is an OAuth client, not a credential: log in with it, drivefs-models auth "
			       "login --client-secret %s", path, path);
	if (!type)
		return err_set(-EBADMSG, "\"%s\" is not a credential: it has no \"type\"; a service account's key or an "
			       "authorized_user file is needed", path);
	for (size_t i = 0; i < sizeof unusable / sizeof *unusable; i++)
		if (!strcmp(type, unusable[i].type))
			return err_set(-EBADMSG, "\"%s\" holds credentials of type \"%s\": %s", path, type, unusable[i].cure);
	return err_set(-EBADMSG, "\"%s\" holds credentials of the unknown type \"%.60s\": a service account's key or an "
		       "authorized_user file is needed", path, type);
}

static int take_uri(const struct cJSON *root, const char *path, const struct creds_config *cfg, struct creds *c)
{
	const char *uri = json_str(root, "token_uri");
	if (uri)
		return creds_check_uri(uri, "token_uri", path, cfg->api_root) < 0 ? -EACCES : own_copy(&c->token_uri, uri);
	return creds_token_uri(cfg->api_root, &c->token_uri);
}

static int take_key(const struct cJSON *root, const char *path, const struct creds_config *cfg, struct creds *c)
{
	const char *email = json_str(root, "client_email"), *pem = json_str(root, "private_key");
	const char *id = json_str(root, "private_key_id"), *number = json_str(root, "client_id");
	if (!email || !*email || !pem)
		return err_set(-EBADMSG, "\"%s\" has no %s: download the key again", path, pem ? "client_email" : "private_key");
	int r = own_copy(&c->account, email);
	if (r == 0)
		r = own_copy(&c->identity, cfg->subject ? cfg->subject : email);
	if (r == 0 && cfg->subject)
		r = own_copy(&c->subject, cfg->subject);
	if (r == 0 && id)
		r = own_copy(&c->key_id, id);
	if (r == 0 && number)
		r = own_copy(&c->client_number, number);
	if (r < 0)
		return r;
	c->kind = CREDS_SERVICE_ACCOUNT;
	c->known = true;
	r = jwt_key_open(pem, &c->key);
	return r == -EBADMSG ? err_set(r, "\"%s\": %s", path, err_last()) : r;
}

static int take_project(const struct cJSON *root, struct creds *c)
{
	const char *asked = getenv("GOOGLE_CLOUD_QUOTA_PROJECT");
	const char *project = asked && *asked ? asked : json_str(root, "quota_project_id");
	if (!project || !*project)
		return 0;
	if (strlen(project) > 100 || project[strspn(project, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:")])
		return err_set(-EBADMSG, "quota project \"%.60s\" is not the id of a project", project);
	c->project_asked = project == asked;
	return own_copy(&c->project, project);
}

static int take_user(const struct cJSON *root, const char *path, struct creds *c)
{
	static const char *const needed[] = { "client_id", "client_secret", "refresh_token" };
	char **const to[] = { &c->client_id, &c->client_secret, &c->refresh_token };
	const char *account = json_str(root, "account");
	c->kind = CREDS_USER;
	c->known = account && *account;
	int r = own_copy(&c->identity, c->known ? account : "authorized user");
	for (size_t i = 0; i < 3 && r == 0; i++) {
		const char *text = json_str(root, needed[i]);
		r = text && *text ? own_copy(to[i], text) : err_set(-EBADMSG, "\"%s\" has no %s: log in again", path, needed[i]);
	}
	return r == 0 ? take_project(root, c) : r;
}

static int take_type(const struct cJSON *root, const char *path, const struct creds_config *cfg, struct creds *c)
{
	const char *type = json_str(root, "type"), *universe = json_str(root, "universe_domain");
	bool key = type && !strcmp(type, "service_account"), user = type && !strcmp(type, "authorized_user");
	if (!key && !user)
		return refuse(root, path);
	if (universe && strcmp(universe, "googleapis.com") != 0)
		return err_set(-EBADMSG, "\"%s\" is for another universe than googleapis.com, where there is no Drive", path);
	if (user && cfg->subject)
		return err_set(-EINVAL, "subject=%s needs a service account's key, and \"%s\" is a user's", cfg->subject, path);
	int r = take_uri(root, path, cfg, c);
	if (r == 0)
		r = key ? take_key(root, path, cfg, c) : take_user(root, path, c);
	return r;
}

static int new_creds(const struct creds_config *cfg, struct creds **ret)
{
	const char *scope = creds_scope_url(cfg->scope ? cfg->scope : "drive");
	if (!scope)
		return err_set(-EINVAL, "scope=%.60s: drive or drive.readonly is meant", cfg->scope);
	struct creds *c = calloc(1, sizeof *c);
	if (!c)
		return err_nomem("credentials");
	c->scope_given = cfg->scope != NULL;
	int r = own_copy(&c->scope, scope);
	if (r < 0)
		creds_close(c);
	else
		*ret = c;
	return r;
}

int creds_parse(const char *text, size_t n, const char *path, const struct creds_config *cfg, struct creds **ret)
{
	CLEANUP_SECRET_JSON struct cJSON *root = NULL;
	struct creds *c = NULL;
	int r = json_parse(text, n, &root);
	if (r < 0)
		return r == -EBADMSG ? err_set(r, "\"%s\" is not a key or any other credential: no JSON", path) : r;
	r = new_creds(cfg, &c);
	if (r < 0)
		return r;
	r = own_copy(&c->file, path);
	if (r == 0)
		r = take_type(root, path, cfg, c);
	if (r < 0)
		creds_close(c);
	else
		*ret = c;
	return r;
}

/* ---- places */
/* A mount goes to "/" and may come back to the file: a relative name would lead elsewhere then. */
static int make_absolute(char **path)
{
	char here[PATH_MAX], *full;
	if (**path == '/')
		return 0;
	if (!getcwd(here, sizeof here))
		return err_set(-errno, "\"%s\": the working folder is gone", *path);
	if (asprintf(&full, "%s/%s", here, *path) < 0)
		return err_nomem("credentials");
	free(*path);
	*path = full;
	return 0;
}

static int from_file(const char *path, const char *what, enum creds_place place, const struct creds_config *cfg,
		     struct creds **ret)
{
	CLEANUP_SECRET_BUF struct buf text = BUF_INIT(SECRET_FILE_MAX + 1);
	bool named = place == CREDS_OPTION || place == CREDS_ENVIRONMENT, shared = false;
	int r = named ? secret_read_provided(path, what, &text, &shared) : secret_read(path, what, &text);
	if (r == 0)
		r = creds_parse(text.data, text.len, path, cfg, ret);
	if (r < 0)
		return r;
	(*ret)->place = place;
	(*ret)->shared = shared;
	r = make_absolute(&(*ret)->file);
	if (r < 0)
		*ret = creds_close(*ret);
	return r;
}

static int join_path(char **ret, const char *variable, const char *below_home, const char *rest)
{
	CLEANUP_BUF struct buf b = BUF_INIT(4096);
	const char *base = getenv(variable), *home = getenv("HOME");
	bool own = base && *base;
	if (!own && (!home || *home != '/'))
		return -ENOENT;
	buf_printf(&b, "%s%s%s", own ? base : home, own ? "" : below_home, rest);
	*ret = buf_take(&b);
	return *ret ? 0 : err_nomem("credentials");
}

int creds_login_file(char **ret)
{
	int r = join_path(ret, "XDG_CONFIG_HOME", "/.config", "/drivefs-models/credentials.json");
	return r == -ENOENT ? err_set(r, "neither XDG_CONFIG_HOME nor HOME is set: no place for a login") : r;
}

static int gcloud_file(char **ret)
{
	return join_path(ret, "CLOUDSDK_CONFIG", "/.config/gcloud", "/application_default_credentials.json");
}

/* A place that may be empty: -ENOENT. */
static int from_place(int (*place_file)(char **), const char *what, enum creds_place place,
		      const struct creds_config *cfg, struct creds **ret)
{
	CLEANUP_FREE char *path = NULL;
	int r = place_file(&path);
	if (r < 0)
		return r;
	if (access(path, F_OK) && (errno == ENOENT || errno == ENOTDIR))
		return -ENOENT;
	return from_file(path, what, place, cfg, ret);
}

static int from_command(const struct creds_config *cfg, struct creds **ret)
{
	struct creds *c = NULL;
	if (cfg->key_file)
		return err_set(-EINVAL, "key_file= and token_command= exclude each other: give one");
	int r = new_creds(cfg, &c);
	if (r < 0)
		return r;
	c->kind = CREDS_COMMAND;
	r = own_copy(&c->command, cfg->token_command);
	if (r == 0)
		r = own_copy(&c->identity, "whom token_command= stands for");
	if (r < 0)
		creds_close(c);
	else
		*ret = c;
	return r;
}

static int from_machine(const struct creds_config *cfg, struct creds **ret)
{
	struct creds *c = NULL;
	const char *host = getenv("GCE_METADATA_HOST"), *ip = getenv("GCE_METADATA_IP");
	if (!host || !*host)
		host = getenv("GCE_METADATA_ROOT"); /* its name in older libraries */
	if (!host || !*host)
		host = ip && *ip ? ip : "169.254.169.254"; /* no look-up of a name may lead elsewhere */
	int r = new_creds(cfg, &c);
	if (r < 0)
		return r;
	c->kind = CREDS_METADATA;
	c->place = CREDS_MACHINE;
	r = own_copy(&c->host, host);
	if (r == 0)
		r = own_copy(&c->identity, "the service account of this machine");
	if (r < 0)
		creds_close(c);
	else
		*ret = c;
	return r;
}

static int in_order(const struct creds_config *cfg, struct creds **ret)
{
	const char *named = getenv("GOOGLE_APPLICATION_CREDENTIALS");
	if (cfg->token_command)
		return from_command(cfg, ret);
	if (cfg->key_file)
		return from_file(cfg->key_file, "key file", CREDS_OPTION, cfg, ret);
	if (named && *named)
		return from_file(named, "key file", CREDS_ENVIRONMENT, cfg, ret);
	int r = from_place(creds_login_file, "login", CREDS_LOGIN, cfg, ret);
	if (r == -ENOENT)
		r = from_place(gcloud_file, "gcloud's file", CREDS_GCLOUD, cfg, ret);
	return r == -ENOENT ? from_machine(cfg, ret) : r;
}

int creds_find(const struct creds_config *cfg, struct creds **ret)
{
	struct creds *c = NULL;
	int r = in_order(cfg, &c);
	if (r == 0 && cfg->subject && c->kind != CREDS_SERVICE_ACCOUNT) {
		creds_close(c);
		return err_set(-EINVAL, "subject=%s needs a service account's key: name one by key_file=", cfg->subject);
	}
	if (r == 0)
		*ret = c;
	return r;
}

void creds_describe(const struct creds *c, struct buf *b)
{
	static const char *const places[] = { "-o key_file", "$GOOGLE_APPLICATION_CREDENTIALS", "drivefs-models auth login",
					      "gcloud auth application-default login", "" };
	switch (c->kind) {
	case CREDS_SERVICE_ACCOUNT:
		buf_printf(b, "key of the service account %s, %s (by %s)", c->account, c->file, places[c->place]);
		if (c->subject)
			buf_printf(b, ", acting for %s", c->subject);
		break;
	case CREDS_USER:
		buf_printf(b, "a user's login, %s (by %s)", c->file, places[c->place]);
		if (c->project)
			buf_printf(b, ", quota of project %s", c->project);
		break;
	case CREDS_METADATA:
		buf_printf(b, "service account of this machine, metadata server %s", c->host);
		break;
	case CREDS_COMMAND:
		buf_str(b, "a command that prints tokens (by -o token_command)");
		break;
	}
	if (c->shared)
		buf_str(b, "; WARNING: others on this machine can read the file");
}

/* ---- a user's credentials change */
int creds_save(const struct creds *c, const char *path)
{
	CLEANUP_SECRET_BUF struct buf b = BUF_INIT(SECRET_FILE_MAX);
	const char *const pairs[][2] = {
		{ "client_id", c->client_id }, { "client_secret", c->client_secret }, { "refresh_token", c->refresh_token },
		{ "quota_project_id", c->project }, { "account", c->known ? c->identity : NULL },
		{ "token_uri", c->token_uri && strcmp(c->token_uri, CREDS_GOOGLE_TOKEN_URI) ? c->token_uri : NULL },
	};
	buf_str(&b, "{\n  \"type\": \"authorized_user\"");
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
		if (!pairs[i][1])
			continue;
		buf_printf(&b, ",\n  \"%s\": ", pairs[i][0]);
		buf_json(&b, pairs[i][1]);
	}
	buf_str(&b, "\n}\n");
	int r = buf_check(&b, "login");
	return r == 0 ? secret_write(path, "login", &b) : r;
}

/* Whether the file still is the login that we began with: it may be gone by a logout, or hold that
 * of somebody else, and a mount must not become another user's on its way. */
static bool same_login(const struct creds *c, struct cJSON **ret)
{
	CLEANUP_SECRET_BUF struct buf text = BUF_INIT(SECRET_FILE_MAX + 1);
	if (secret_read(c->file, "login", &text) < 0 || json_parse(text.data, text.len, ret) < 0)
		return false;
	const char *client = json_str(*ret, "client_id"), *account = json_str(*ret, "account");
	if (!client || strcmp(client, c->client_id) != 0)
		return false;
	return !c->known || (account && !strcmp(account, c->identity));
}

static bool take_token(struct creds *c, const char *refresh_token)
{
	char *fresh = strdup(refresh_token);
	if (!fresh)
		return false;
	secret_free(c->refresh_token);
	c->refresh_token = fresh;
	return true;
}

int creds_rotate(struct creds *c, const char *refresh_token)
{
	CLEANUP_SECRET_JSON struct cJSON *root = NULL;
	if (refresh_token && strcmp(refresh_token, c->refresh_token) != 0) {
		if (!take_token(c, refresh_token))
			return err_nomem("credentials");
		c->unsaved = c->place == CREDS_LOGIN; /* other files are not ours to write */
	}
	int r = c->unsaved && same_login(c, &root) ? creds_save(c, c->file) : 0;
	if (r == 0)
		c->unsaved = false;
	return r;
}

bool creds_renewed(struct creds *c)
{
	CLEANUP_SECRET_JSON struct cJSON *root = NULL;
	if (c->kind != CREDS_USER || !same_login(c, &root))
		return false;
	const char *token = json_str(root, "refresh_token");
	return token && strcmp(token, c->refresh_token) != 0 && take_token(c, token);
}
