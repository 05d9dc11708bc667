/* SPDX-License-Identifier: MIT */
/* Tokens of each kind of credentials: what is asked, and what each refusal tells whom. */
#include "drive/auth/secret.h"
#include "tests/unit/test_drive_server.h"

#include <sys/stat.h>
#include <unistd.h>

#define GET "GET /drive/v3/files/ID?"
#define FILE_ID "{\"id\":\"ID\",\"name\":\"n\"}"
#define TOKEN(t, more) "{\"access_token\":\"ya29." t "\",\"expires_in\":3599,\"token_type\":\"Bearer\"" more "}"
#define ERR(error, text) "{\"error\":\"" error "\",\"error_description\":\"" text "\"}"

static int get(struct drive *d)
{
	CLEANUP_DRIVE_FILE struct drive_file f = { 0 };
	return drive_get(d, "ID", &f);
}

static void only_these(void)
{
	static const char *const names[] = { "GOOGLE_APPLICATION_CREDENTIALS", "XDG_CONFIG_HOME", "CLOUDSDK_CONFIG",
					     "GOOGLE_CLOUD_QUOTA_PROJECT", "NO_GCE_CHECK", "GCE_METADATA_TIMEOUT" };
	for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
		unsetenv(names[i]);
	setenv("HOME", test_dir, 1);
}

/* A user's file at `below` test_dir. */
static const char *write_user(const char *below, const char *more)
{
	static char path[512];
	CLEANUP_BUF struct buf b = BUF_INIT(4096);
	snprintf(path, sizeof path, "%s/%s", test_dir, below);
	buf_printf(&b, "{\"type\":\"authorized_user\",\"client_id\":\"ci\",\"client_secret\":\"c&s\",\"refresh_token\":\"1//rt\"%s}", more);
	CHECK_INT(buf_check(&b, "test"), 0);
	CHECK_INT(secret_write(path, "test", &b), 0);
	return path;
}

#define LOGIN ".config/drivefs-models/credentials.json"
#define GCLOUD ".config/gcloud/application_default_credentials.json"

static struct drive *open_found(void)
{
	struct drive *d = NULL;
	int r = drive_open(&(struct drive_config){ .api_root = server_root(), .deadline_ms = 2000, .wait_scale_percent = 1 }, &d);
	if (r < 0 && !torture)
		fprintf(stderr, "drive_open: %s\n", err_last());
	CHECK_INT(r, 0);
	return d;
}

/* ---- a user's refresh token */
TEST(drive_grant__a_user_refreshes_and_names_the_quota_project)
{
	static const struct line script[] = {
		{ GET, "x-goog-user-project: p-1\r\n", 200, NULL, FILE_ID, 0, ANSWER }, { 0 },
	};
	only_these();
	server_start(script);
	struct drive *d = server_drive_with(&(struct drive_config){ .deadline_ms = 2000,
					    .key_file = write_user("u", ",\"quota_project_id\":\"p-1\"") });
	CHECK_STR(drive_identity(d), "authorized user");
	CHECK_INT(get(d), 0);
	CHECK_STR(server_token_request(0)->body, "grant_type=refresh_token&client_id=ci&client_secret=c%26s&refresh_token=1%2F%2Frt");
	CHECK(!strstr(server_trace(), "1//rt") && !strstr(server_trace(), "c%26s"));
	server_done();
	drive_close(d);
}

TEST(drive_grant__a_service_account_names_no_quota_project)
{
	static const struct line script[] = { { GET, NULL, 200, NULL, FILE_ID, 0, ANSWER }, { 0 } };
	only_these();
	setenv("GOOGLE_CLOUD_QUOTA_PROJECT", "p-1", 1);
	server_start(script);
	struct drive *d = server_drive(2000);
	CHECK_INT(get(d), 0);
	CHECK(!strstr(server_request(0)->head, "x-goog-user-project"));
	drive_close(d);
}

TEST(drive_grant__who_a_user_is_can_be_asked)
{
	static const struct line script[] = {
		{ "GET /drive/v3/about?", NULL, 200, NULL, "{\"user\":{\"emailAddress\":\"a@x\"}}", 0, ANSWER }, { 0 },
	};
	only_these();
	server_start(script);
	struct drive *d = server_drive_with(&(struct drive_config){ .deadline_ms = 2000, .key_file = write_user("u", "") });
	CHECK_INT(drive_identify(d), 0);
	CHECK_INT(drive_identify(d), 0);
	CHECK_STR(drive_identity(d), "a@x");
	server_done();
	drive_close(d);
}

TEST(drive_grant__a_new_refresh_token_is_used_and_kept)
{
	static const struct line tokens[] = {
		{ "POST", NULL, 200, NULL, TOKEN("one", ",\"refresh_token\":\"1//rt2\""), 0, ANSWER }, { 0 },
	};
	static const struct line script[] = {
		{ GET, "ya29.one", 401, NULL, UNAUTHORIZED, 0, ANSWER }, { GET, NULL, 200, NULL, FILE_ID, 0, ANSWER }, { 0 },
	};
	CLEANUP_BUF struct buf text = BUF_INIT(SECRET_FILE_MAX + 1);
	only_these();
	server_start(script);
	server_token_script(tokens);
	const char *path = write_user(LOGIN, ",\"account\":\"a@x\"");
	struct drive *d = open_found();
	CHECK_INT(get(d), 0);
	CHECK(strstr(server_token_request(1)->body, "refresh_token=1%2F%2Frt2"));
	CHECK_INT(secret_read(path, "test", &text), 0);
	CHECK(strstr(text.data, "1//rt2") && strstr(text.data, "a@x") && !strstr(text.data, "1//rt\""));
	server_done();
	drive_close(d);
}

TEST(drive_grant__a_login_made_meanwhile_saves_the_mount)
{
	static const struct line tokens[] = {
		{ "POST", NULL, 200, NULL, TOKEN("one", ""), 0, ANSWER },
		{ "POST", NULL, 400, NULL, ERR("invalid_grant", "Token has been expired or revoked."), 0, ANSWER },
		{ "POST", NULL, 200, NULL, TOKEN("two", ""), 0, ANSWER },
		{ 0 },
	};
	static const struct line script[] = {
		{ GET, "ya29.one", 200, NULL, FILE_ID, 0, ANSWER }, { GET, "ya29.one", 401, NULL, UNAUTHORIZED, 0, ANSWER },
		{ GET, "ya29.two", 200, NULL, FILE_ID, 0, ANSWER }, { 0 },
	};
	only_these();
	server_start(script);
	server_token_script(tokens);
	write_user(LOGIN, ",\"account\":\"a@x\"");
	struct drive *d = open_found();
	CHECK_INT(get(d), 0);
	CLEANUP_BUF struct buf b = BUF_INIT(1024);
	buf_str(&b, "{\"client_id\":\"ci\",\"refresh_token\":\"1//again\",\"account\":\"a@x\"}");
	char path[512];
	snprintf(path, sizeof path, "%s/" LOGIN, test_dir);
	CHECK_INT(secret_write(path, "test", &b), 0);
	CHECK_INT(get(d), 0);
	CHECK(strstr(server_token_request(2)->body, "refresh_token=1%2F%2Fagain"));
	server_done();
	drive_close(d);
}

TEST(drive_grant__a_narrower_scope_is_asked_for_when_it_is_given)
{
	static const struct line script[] = { { GET, NULL, 200, NULL, FILE_ID, 0, ANSWER }, { 0 } };
	only_these();
	server_start(script);
	struct drive *d = server_drive_with(&(struct drive_config){ .deadline_ms = 2000, .key_file = write_user("u", ""),
								    .scope = "drive.readonly" });
	CHECK_INT(get(d), 0);
	CHECK(strstr(server_token_request(0)->body, "&scope=https%3A%2F%2Fwww.googleapis.com%2Fauth%2Fdrive.readonly"));
	drive_close(d);
}

/* ---- refusals, row by row */
struct refusal {
	int status;
	const char *body, *cure;
};

/* Each is final, EACCES, one request (or `tries`), and names its cure. */
static void refusals(const struct refusal *rows, int n, struct drive *(*open)(void))
{
	static const struct line script[] = { { 0 } };
	struct line tokens[SERVER_TOKENS] = { { 0 } };
	only_these();
	for (int i = 0; i < n; i++)
		tokens[i] = (struct line){ "POST", NULL, rows[i].status, NULL, rows[i].body, 0, ANSWER };
	server_start(script);
	server_token_script(tokens);
	for (int i = 0; i < n; i++) {
		struct drive *d = open(); /* another, since a refusal is believed for a while */
		CHECK_INT(get(d), -EACCES);
		if (!strstr(err_last(), rows[i].cure) && !torture)
			fprintf(stderr, "%s\nlacks: %s\n", err_last(), rows[i].cure);
		CHECK(strstr(err_last(), rows[i].cure));
		CHECK(!strstr(err_last(), "1//") && strlen(err_last()) < 500);
		CHECK_INT(server_tokens(), i + 1);
		drive_close(d);
	}
}

static struct drive *with_key(void)
{
	char path[512];
	snprintf(path, sizeof path, "%s/key2.json", test_dir);
	CLEANUP_BUF struct buf b = BUF_INIT(8192);
	buf_printf(&b, "{\"type\":\"service_account\",\"client_email\":\"robot@example.com\",\"client_id\":\"112233\",\"private_key\":"
		   "\"%s\",\"token_uri\":\"%s/token\"}", server_pem_json, server_root());
	CHECK_INT(buf_check(&b, "test"), 0);
	CHECK_INT(secret_write(path, "test", &b), 0);
	return server_drive_with(&(struct drive_config){ .deadline_ms = 2000, .key_file = path, .subject = "boss@example.com" });
}

static struct drive *with_login(void)
{
	write_user(LOGIN, ",\"account\":\"a@x\"");
	return open_found();
}

static struct drive *with_gcloud(void)
{
	write_user(GCLOUD, "");
	return open_found();
}

TEST(drive_grant__what_refuses_a_service_account)
{
	static const struct refusal rows[] = {
		{ 400, ERR("invalid_grant", "Invalid JWT Signature."), "key2.json is revoked or damaged: make a new one" },
		{ 400, ERR("invalid_grant", "Invalid grant: account not found"), "does not exist any more" },
		{ 400, ERR("invalid_grant", "Invalid JWT: Failed audience check."), "download the key again" },
		{ 400, ERR("invalid_grant", "Invalid email or User ID"), "subject= is no user of the domain" },
		{ 400, ERR("invalid_grant", "something new"), "key2.json is refused: make a new one" },
		{ 400, ERR("invalid_scope", "Invalid OAuth scope or ID token audience provided."), "the scope is refused" },
		{ 401, ERR("unauthorized_client", "Client is unauthorized to retrieve access tokens using this method, or client not "
			   "authorized for any of the scopes requested."),
		  "Domain-wide delegation, add client 112233 with the scope https://www.googleapis.com/auth/drive" },
		{ 403, ERR("access_denied", "Requested client not authorized for any of the scopes requested."), "add client 112233" },
		{ 401, ERR("invalid_client", "The OAuth client was not found."), "is deleted or its secret is wrong" },
	};
	refusals(rows, sizeof rows / sizeof *rows, with_key);
}

TEST(drive_grant__what_refuses_a_login)
{
	static const struct refusal rows[] = {
		{ 400, ERR("invalid_grant", "Token has been expired or revoked."), "drivefs-models auth login --client-secret FILE" },
		{ 400, ERR("invalid_grant", "Bad Request"), "after 7 days while the consent screen is in Testing" },
		{ 400, ERR("invalid_grant", "reauth related error (invalid_rapt)"), "your organisation wants you to log in again" },
		{ 400, ERR("invalid_scope", "x"), "this login does not cover the scope: drivefs-models auth login" },
		{ 401, ERR("invalid_client", "Unauthorized"), "credentials.json is deleted or its secret is wrong" },
		{ 401, ERR("deleted_client", "The OAuth client was deleted."), "is deleted" },
		{ 400, ERR("admin_policy_enforced", "x"), "administrator's policy" },
		{ 403, ERR("org_internal", "x"), "administrator's policy" },
		{ 403, ERR("access_denied", "x"), "administrator's policy" },
		{ 400, "<html>no JSON</html>", "HTTP 400" },
	};
	refusals(rows, sizeof rows / sizeof *rows, with_login);
}

TEST(drive_grant__what_refuses_gclouds_login)
{
	static const struct refusal rows[] = {
		{ 400, ERR("invalid_grant", "Token has been expired or revoked."),
		  "gcloud auth application-default login --scopes=openid,https://www.googleapis.com/auth/drive" },
		{ 400, ERR("invalid_grant", "reauth related error (invalid_rapt)"), "gcloud auth application-default login" },
	};
	refusals(rows, sizeof rows / sizeof *rows, with_gcloud);
}

TEST(drive_grant__failures_of_the_server_are_tried_again)
{
	static const struct line script[] = { { GET, NULL, 200, NULL, FILE_ID, 0, ANSWER }, { 0 } };
	static const struct refusal rows[] = {
		{ 500, ERR("internal_failure", "x"), "" }, { 503, ERR("temporarily_unavailable", "x"), "" },
		{ 400, ERR("server_error", "x"), "" }, { 429, ERR("rate_limit_exceeded", "x"), "" }, { 408, "", "" },
		{ 502, "<html>", "" },
	};
	struct line tokens[SERVER_TOKENS] = { { 0 } };
	for (int i = 0; i < 6; i++)
		tokens[i] = (struct line){ "POST", NULL, rows[i].status, NULL, rows[i].body, 0, ANSWER };
	only_these();
	server_start(script);
	server_token_script(tokens);
	struct drive *d = server_drive(200000);
	CHECK_INT(get(d), 0);
	CHECK_INT(server_tokens(), 7);
	server_done();
	drive_close(d);
}

/* ---- refusals of the API that credentials are the cause of */
#define NO_SCOPE "{\"error\":{\"code\":403,\"message\":\"Request had insufficient authentication scopes.\",\"errors\":[{\"reason\":" \
		 "\"insufficientPermissions\"}],\"details\":[{\"reason\":\"ACCESS_TOKEN_SCOPE_INSUFFICIENT\"}]}}"
#define NO_PROJECT "{\"error\":{\"code\":403,\"message\":\"The drive.googleapis.com API requires a quota project, which is not set by " \
		   "default.\",\"errors\":[{\"reason\":\"accessNotConfigured\"}],\"details\":[{\"reason\":\"SERVICE_DISABLED\"}]}}"

TEST(drive_grant__a_token_without_the_scope_names_the_way_to_one)
{
	static const struct line script[] = {
		{ GET, NULL, 403, NULL, NO_SCOPE, 0, ANSWER }, { GET, NULL, 403, NULL, NO_PROJECT, 0, ANSWER },
		{ GET, NULL, 403, NULL, NO_SCOPE, 0, ANSWER }, { GET, NULL, 403, NULL, NO_SCOPE, 0, ANSWER },
		{ 0 },
	};
	only_these();
	server_start(script);
	struct drive *d = with_gcloud();
	CHECK_INT(get(d), -EACCES);
	CHECK(strstr(err_last(), "gcloud auth application-default login --scopes=openid,https://www.googleapis.com/auth/drive"));
	CHECK_INT(get(d), -EACCES);
	CHECK(strstr(err_last(), "set-quota-project"));
	drive_close(d);
	d = server_drive_with(&(struct drive_config){ .deadline_ms = 2000, .token_command = "echo ya29.c" });
	CHECK_INT(get(d), -EACCES);
	CHECK(strstr(err_last(), "the command's token lacks the scope"));
	drive_close(d);
	d = server_drive_with(&(struct drive_config){ .deadline_ms = 2000, .scope = "drive.readonly" });
	CHECK_INT(get(d), -EACCES);
	CHECK(strstr(err_last(), "scope=drive.readonly was asked for"));
	server_done();
	drive_close(d);
}

/* ---- the metadata server */
#define META "GET /computeMetadata/v1/instance/service-accounts/default/"
#define FLAVOR "Metadata-Flavor: Google\r\n"

TEST(drive_grant__a_virtual_machine)
{
	static const struct line script[] = {
		{ META "email ", FLAVOR, 200, FLAVOR, "robot@vm.example\n", 0, ANSWER },
		{ META "token?scopes=https%3A%2F%2Fwww.googleapis.com%2Fauth%2Fdrive ", FLAVOR, 503, FLAVOR, "busy", 0, ANSWER },
		{ META "token?", FLAVOR, 200, FLAVOR, TOKEN("vm", ""), 0, ANSWER },
		{ GET, "ya29.vm", 200, NULL, FILE_ID, 0, ANSWER },
		{ 0 },
	};
	only_these();
	server_start(script);
	setenv("GCE_METADATA_HOST", server_root() + strlen("http://"), 1);
	setenv("http_proxy", "http://127.0.0.1:1", 1); /* nobody there: it must not be asked */
	struct drive *d = open_found();
	CHECK_STR(drive_identity(d), "robot@vm.example");
	CHECK_INT(get(d), 0);
	server_done();
	drive_close(d);
}

TEST(drive_grant__who_does_not_say_that_it_is_google_is_no_metadata_server)
{
	static const struct line script[] = {
		{ META "email ", NULL, 200, NULL, "router@home", 0, ANSWER },
		{ META "email ", NULL, 200, "Metadata-Flavor: Other\r\n", "router@home", 0, ANSWER },
		{ META "email ", NULL, 404, FLAVOR, "", 0, ANSWER },
		{ 0 },
	};
	struct drive *d = NULL;
	only_these();
	server_start(script);
	setenv("GCE_METADATA_HOST", server_root() + strlen("http://"), 1);
	for (int i = 0; i < 3; i++) {
		CHECK_INT(drive_open(&(struct drive_config){ .api_root = server_root() }, &d), -ENOENT);
		CHECK(strstr(err_last(), "no credentials: ") && strstr(err_last(), "key_file") && strstr(err_last(), "auth login"));
	}
	setenv("NO_GCE_CHECK", "true", 1);
	CHECK_INT(drive_open(&(struct drive_config){ .api_root = server_root() }, &d), -ENOENT);
	server_done();
}

TEST(drive_grant__a_metadata_server_that_is_just_starting_is_asked_again)
{
	static const struct line script[] = {
		{ META "email ", NULL, 200, NULL, NULL, 0, STALL }, { META "email ", NULL, 200, FLAVOR, "m@x", 0, ANSWER },
		{ META "email ", NULL, 200, NULL, NULL, 0, STALL }, { META "email ", NULL, 200, NULL, NULL, 0, STALL },
		{ META "email ", NULL, 200, NULL, NULL, 0, STALL }, { 0 },
	};
	struct drive *d = NULL;
	only_these();
	server_start(script);
	setenv("GCE_METADATA_HOST", server_root() + strlen("http://"), 1);
	setenv("GCE_METADATA_TIMEOUT", "1", 1);
	CHECK_INT(drive_open(&(struct drive_config){ .api_root = server_root() }, &d), 0);
	CHECK_STR(drive_identity(d), "m@x");
	drive_close(d);
	CHECK_INT(drive_open(&(struct drive_config){ .api_root = server_root() }, &d), -ENOENT);
	server_done();
}

#define DENIED "{\"error\":{\"code\":403,\"message\":\"Caller does not have required permission to use project p-1.\"," \
	       "\"status\":\"PERMISSION_DENIED\",\"errors\":[{\"reason\":\"forbidden\"}]," \
	       "\"details\":[{\"reason\":\"USER_PROJECT_DENIED\"}]}}"

TEST(drive_grant__a_quota_project_of_the_file_that_is_denied_is_done_without)
{
	static const struct line script[] = {
		{ GET, "x-goog-user-project: p-1\r\n", 403, NULL, DENIED, 0, ANSWER },
		{ GET, NULL, 200, NULL, FILE_ID, 0, ANSWER }, { GET, NULL, 200, NULL, FILE_ID, 0, ANSWER }, { 0 },
	};
	only_these();
	server_start(script);
	struct drive *d = server_drive_with(&(struct drive_config){ .deadline_ms = 2000,
					    .key_file = write_user("u", ",\"quota_project_id\":\"p-1\"") });
	CHECK_INT(get(d), 0);
	CHECK_INT(get(d), 0);
	CHECK(!strstr(server_request(1)->head, "x-goog-user-project") && !strstr(server_request(2)->head, "x-goog-user-project"));
	server_done();
	drive_close(d);
}

TEST(drive_grant__a_quota_project_of_the_environment_stands_and_is_named)
{
	static const struct line script[] = { { GET, "x-goog-user-project: p-1\r\n", 403, NULL, DENIED, 0, ANSWER }, { 0 } };
	only_these();
	setenv("GOOGLE_CLOUD_QUOTA_PROJECT", "p-1", 1);
	server_start(script);
	struct drive *d = server_drive_with(&(struct drive_config){ .deadline_ms = 2000, .key_file = write_user("u", "") });
	CHECK_INT(get(d), -EACCES);
	CHECK(strstr(err_last(), "p-1") && strstr(err_last(), "GOOGLE_CLOUD_QUOTA_PROJECT"));
	server_done();
	drive_close(d);
}
