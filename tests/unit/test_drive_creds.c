/* SPDX-License-Identifier: MIT */
#include "drive/auth/creds.h"
#include "drive/auth/secret.h"
#include "drive/md5.h"
#include "tests/unit/test_drive_server.h"

#include <sys/stat.h>
#include <unistd.h>

static const struct creds_config google = { .api_root = CREDS_GOOGLE };

static int parse_for(const struct creds_config *cfg, const char *text, struct creds **c)
{
	return creds_parse(text, strlen(text), "key.json", cfg, c);
}

static int parse(const char *text, struct creds **c) { return parse_for(&google, text, c); }

static int find(const char *key_file, struct creds **c)
{
	return creds_find(&(struct creds_config){ .key_file = key_file, .api_root = CREDS_GOOGLE }, c);
}

/* No credentials of whoever runs the tests. */
static void nothing_else(void)
{
	static const char *const names[] = { "GOOGLE_APPLICATION_CREDENTIALS", "XDG_CONFIG_HOME", "CLOUDSDK_CONFIG",
					     "GCE_METADATA_HOST", "GCE_METADATA_ROOT", "GCE_METADATA_IP",
					     "GOOGLE_CLOUD_QUOTA_PROJECT", "NO_GCE_CHECK" };
	for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
		unsetenv(names[i]);
	setenv("HOME", test_dir, 1);
}

static const char *key_text(const char *token_uri)
{
	static char text[4096];
	snprintf(text, sizeof text, "{\"type\":\"service_account\",\"client_email\":\"r@x\",\"private_key_id\":\"k\",\"private_key\":"
		 "\"%s\",\"token_uri\":\"%s\"}", server_pem_json, token_uri);
	return text;
}

static const char *write_key(const char *name, mode_t mode)
{
	static char path[512];
	snprintf(path, sizeof path, "%s/%s", test_dir, name);
	FILE *f = fopen(path, "w");
	CHECK(f);
	fputs(key_text(CREDS_GOOGLE_TOKEN_URI), f);
	fclose(f);
	CHECK(chmod(path, mode) == 0);
	return path;
}

TEST(drive_creds__reads_a_key)
{
	struct creds *c = NULL;
	CHECK_INT(find(write_key("k", 0600), &c), 0);
	CHECK_STR(c->identity, "r@x");
	CHECK_STR(c->key_id, "k");
	CHECK_STR(c->token_uri, CREDS_GOOGLE_TOKEN_URI);
	creds_close(c);
	CHECK_INT(find(write_key("k2", 0400), &c), 0);
	creds_close(c);
}

TEST(drive_creds__an_open_file_is_refused_with_the_cure)
{
	struct creds *c = NULL;
	static const mode_t modes[] = { 0644, 0640, 0604, 0620, 0601, 0666 };
	for (unsigned i = 0; i < sizeof modes / sizeof *modes; i++) {
		const char *path = write_key("open", modes[i]);
		char cure[600];
		CHECK_INT(find(path, &c), -EACCES);
		snprintf(cure, sizeof cure, "chmod 600 %s", path);
		CHECK(strstr(err_last(), cure));
	}
}

/* As Kubernetes does: a link to a file of root's in memory, 0644. */
TEST(drive_creds__a_key_that_is_provided_in_memory_may_be_read_by_others)
{
	struct creds *c = NULL;
	char dir[] = "/dev/shm/dfm-unit-XXXXXX", path[512], link[512];
	CLEANUP_BUF struct buf told = BUF_INIT(4096);
	if (!mkdtemp(dir))
		return; /* no tmpfs here */
	snprintf(path, sizeof path, "%s/key", dir);
	snprintf(link, sizeof link, "%s/mounted", test_dir);
	FILE *f = fopen(path, "w");
	CHECK(f);
	fputs(key_text(CREDS_GOOGLE_TOKEN_URI), f);
	fclose(f);
	CHECK(symlink(path, link) == 0 && chmod(path, 0644) == 0);
	int r = find(link, &c);
	if (r == 0)
		creds_describe(c, &told);
	c = creds_close(c);
	CHECK(chmod(path, 0664) == 0);
	int writable = find(link, &c);
	CHECK(chmod(path, 0600) == 0);
	int ours = find(link, &c);
	bool shared = ours == 0 && c->shared;
	creds_close(c);
	unlink(path);
	rmdir(dir);
	CHECK_INT(r, 0);
	CHECK(told.failed || strstr(told.data, "WARNING: others"));
	CHECK_INT(writable, -EACCES);
	CHECK(ours == 0 && !shared);
}

TEST(drive_creds__only_a_regular_file)
{
	struct creds *c = NULL;
	char path[512];
	snprintf(path, sizeof path, "%s/link", test_dir);
	CHECK(symlink(write_key("target", 0600), path) == 0);
	CHECK_INT(find(path, &c), 0); /* what it leads to counts */
	creds_close(c);
	CHECK(chmod(write_key("target", 0600), 0644) == 0);
	CHECK_INT(find(path, &c), -EACCES);
	CHECK(strstr(err_last(), "chmod 600") && strstr(err_last(), "read-only"));
	CHECK_INT(find(test_dir, &c), -EACCES);
	snprintf(path, sizeof path, "%s/fifo", test_dir);
	CHECK(mkfifo(path, 0600) == 0);
	CHECK_INT(find(path, &c), -EACCES);
	snprintf(path, sizeof path, "%s/none", test_dir);
	CHECK_INT(find(path, &c), -ENOENT);
}

#define USER(more) "{\"type\":\"authorized_user\",\"client_id\":\"ci\",\"client_secret\":\"cs\",\"refresh_token\":\"1//rt\"" more "}"

static void write_text(const char *path, const char *text)
{
	CLEANUP_BUF struct buf b = BUF_INIT(4096);
	buf_str(&b, text);
	CHECK_INT(buf_check(&b, "test"), 0);
	CHECK_INT(secret_write(path, "test", &b), 0);
}

TEST(drive_creds__places_in_their_order)
{
	char login[512], gcloud[512];
	struct creds *c = NULL;
	nothing_else();
	snprintf(login, sizeof login, "%s/.config/drivefs-models/credentials.json", test_dir);
	snprintf(gcloud, sizeof gcloud, "%s/.config/gcloud/application_default_credentials.json", test_dir);
	const char *key = write_key("k", 0600);
	CHECK_INT(find(NULL, &c), 0); /* the last place, which only the network can tell */
	CHECK_INT(c->kind, CREDS_METADATA);
	CHECK_STR(c->host, "169.254.169.254");
	c = creds_close(c);
	write_text(gcloud, USER(",\"account\":\"\""));
	CHECK_INT(find(NULL, &c), 0);
	CHECK_INT(c->place, CREDS_GCLOUD);
	CHECK(!c->known);
	c = creds_close(c);
	write_text(login, USER(",\"account\":\"a@x\""));
	CHECK_INT(find(NULL, &c), 0);
	CHECK_INT(c->place, CREDS_LOGIN);
	CHECK_STR(c->identity, "a@x");
	c = creds_close(c);
	setenv("GOOGLE_APPLICATION_CREDENTIALS", key, 1);
	CHECK_INT(find(NULL, &c), 0);
	CHECK_INT(c->place, CREDS_ENVIRONMENT);
	CHECK_STR(c->identity, "r@x");
	c = creds_close(c);
	CHECK_INT(find(login, &c), 0);
	CHECK_INT(c->place, CREDS_OPTION);
	c = creds_close(c);
	CHECK_INT(creds_find(&(struct creds_config){ .token_command = "echo t", .api_root = CREDS_GOOGLE }, &c), 0);
	CHECK_INT(c->kind, CREDS_COMMAND);
	c = creds_close(c);
	CHECK_INT(creds_find(&(struct creds_config){ .token_command = "t", .key_file = key, .api_root = CREDS_GOOGLE }, &c), -EINVAL);
}

TEST(drive_creds__a_place_that_is_not_usable_is_not_passed_over)
{
	char gcloud[512];
	struct creds *c = NULL;
	nothing_else();
	setenv("CLOUDSDK_CONFIG", test_dir, 1);
	snprintf(gcloud, sizeof gcloud, "%s/application_default_credentials.json", test_dir);
	write_text(gcloud, USER(""));
	CHECK(chmod(gcloud, 0644) == 0);
	CHECK_INT(find(NULL, &c), -EACCES);
	CHECK(strstr(err_last(), "chmod 600"));
	setenv("GOOGLE_APPLICATION_CREDENTIALS", "/nonexistent/key.json", 1);
	CHECK_INT(find(NULL, &c), -ENOENT);
	CHECK(strstr(err_last(), "/nonexistent/key.json"));
}

TEST(drive_creds__a_relative_name_stays_right_when_the_mount_goes_elsewhere)
{
	char want[512];
	struct creds *c = NULL;
	nothing_else();
	snprintf(want, sizeof want, "%s/k", test_dir);
	write_key("k", 0600);
	CHECK(chdir(test_dir) == 0);
	CHECK_INT(find("k", &c), 0);
	CHECK_STR(c->file, want);
	creds_close(c);
}

TEST(drive_creds__where_the_metadata_server_is)
{
	struct creds *c = NULL;
	nothing_else();
	setenv("GCE_METADATA_IP", "127.0.0.3", 1);
	CHECK_INT(find(NULL, &c), 0);
	CHECK_STR(c->host, "127.0.0.3");
	c = creds_close(c);
	setenv("GCE_METADATA_ROOT", "127.0.0.2:1", 1);
	CHECK_INT(find(NULL, &c), 0);
	CHECK_STR(c->host, "127.0.0.2:1");
	c = creds_close(c);
	setenv("GCE_METADATA_HOST", "127.0.0.1:2", 1);
	CHECK_INT(find(NULL, &c), 0);
	CHECK_STR(c->host, "127.0.0.1:2");
	creds_close(c);
}

TEST(drive_creds__a_users_login)
{
	struct creds *c = NULL;
	nothing_else();
	CHECK_INT(parse(USER(",\"quota_project_id\":\"p-1\",\"account\":\"a@x\",\"universe_domain\":\"googleapis.com\""), &c), 0);
	CHECK_INT(c->kind, CREDS_USER);
	CHECK_STR(c->refresh_token, "1//rt");
	CHECK_STR(c->token_uri, CREDS_GOOGLE_TOKEN_URI);
	CHECK_STR(c->project, "p-1");
	CHECK_STR(c->identity, "a@x");
	c = creds_close(c);
	setenv("GOOGLE_CLOUD_QUOTA_PROJECT", "p-2", 1);
	CHECK_INT(parse_for(&(struct creds_config){ .api_root = "http://127.0.0.1:81" }, USER(",\"quota_project_id\":\"p-1\""), &c), 0);
	CHECK_STR(c->project, "p-2");
	CHECK_STR(c->token_uri, "http://127.0.0.1:81/token");
	c = creds_close(c);
	setenv("GOOGLE_CLOUD_QUOTA_PROJECT", "p\r\nEvil: 1", 1);
	CHECK_INT(parse(USER(""), &c), -EBADMSG);
	CHECK_INT(parse("{\"type\":\"authorized_user\",\"client_id\":\"c\",\"refresh_token\":\"1//secret\"}", &c), -EBADMSG);
	CHECK(strstr(err_last(), "client_secret") && !strstr(err_last(), "1//secret"));
	CHECK_INT(parse(USER(",\"token_uri\":\"https://evil.example/token\""), &c), -EACCES);
	CHECK_INT(parse(USER(",\"universe_domain\":\"evil.example\""), &c), -EBADMSG);
	CHECK_INT(parse_for(&(struct creds_config){ .api_root = CREDS_GOOGLE, .subject = "u@x" }, USER(""), &c), -EINVAL);
	CHECK(strstr(err_last(), "subject=u@x needs a service account"));
}

TEST(drive_creds__subject_and_scope)
{
	struct creds *c = NULL;
	const char *key = key_text(CREDS_GOOGLE_TOKEN_URI);
	CHECK_INT(parse_for(&(struct creds_config){ .api_root = CREDS_GOOGLE, .subject = "u@x", .scope = "drive.readonly" }, key, &c), 0);
	CHECK_STR(c->identity, "u@x");
	CHECK_STR(c->account, "r@x");
	CHECK_STR(c->scope, "https://www.googleapis.com/auth/drive.readonly");
	CLEANUP_BUF struct buf b = BUF_INIT(4096);
	creds_describe(c, &b);
	CHECK(!b.failed);
	CHECK_STR(b.data, "key of the service account r@x, key.json (by -o key_file), acting for u@x");
	c = creds_close(c);
	CHECK_INT(parse_for(&(struct creds_config){ .api_root = CREDS_GOOGLE, .scope = "drive.file" }, key, &c), -EINVAL);
	nothing_else();
	CHECK_INT(creds_find(&(struct creds_config){ .api_root = CREDS_GOOGLE, .subject = "u@x" }, &c), -EINVAL);
}

TEST(drive_creds__other_kinds_are_named_with_the_cure)
{
	struct creds *c = NULL;
	static const char *const kinds[][2] = {
		{ "external_account", "token_command" }, { "external_account_authorized_user", "token_command" },
		{ "impersonated_service_account", "--impersonate-service-account" }, { "gdch_service_account", "no Drive" },
		{ "surprise", "unknown type" },
	};
	for (unsigned i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		char text[200];
		snprintf(text, sizeof text, "{\"type\":\"%s\",\"x\":\"secret\"}", kinds[i][0]);
		CHECK_INT(parse(text, &c), -EBADMSG);
		CHECK(strstr(err_last(), kinds[i][0]) && strstr(err_last(), kinds[i][1]) && !strstr(err_last(), "secret"));
	}
	CHECK_INT(parse("{\"installed\":{\"client_id\":\"x\"}}", &c), -EBADMSG);
	CHECK(strstr(err_last(), "drivefs-models auth login --client-secret key.json"));
	CHECK_INT(parse("{\"web\":{}}", &c), -EBADMSG);
	CHECK(strstr(err_last(), "OAuth client"));
	CHECK_INT(parse("{}", &c), -EBADMSG);
	CHECK_INT(parse("-----BEGIN PRIVATE KEY-----", &c), -EBADMSG);
	CHECK_INT(parse("{\"type\":\"service_account\"}", &c), -EBADMSG);
	CHECK_INT(parse("{\"type\":\"service_account\",\"client_email\":\"r@x\",\"private_key\":\"secret\"}", &c), -EBADMSG);
	CHECK(strstr(err_last(), "private_key") && !strstr(err_last(), "secret"));
}

static void read_text(const char *path, struct buf *ret)
{
	CHECK_INT(secret_read(path, "test", ret), 0);
}

TEST(drive_creds__a_new_refresh_token_goes_into_our_own_file_alone)
{
	char path[512];
	struct creds *c = NULL;
	struct stat st;
	CLEANUP_BUF struct buf text = BUF_INIT(SECRET_FILE_MAX + 1);
	nothing_else();
	snprintf(path, sizeof path, "%s/.config/drivefs-models/credentials.json", test_dir);
	write_text(path, USER(",\"account\":\"a@x\",\"quota_project_id\":\"p\""));
	CHECK_INT(find(NULL, &c), 0);
	CHECK_INT(creds_rotate(c, "1//new"), 0);
	read_text(path, &text);
	CHECK(strstr(text.data, "\"refresh_token\": \"1//new\"") && strstr(text.data, "\"account\": \"a@x\"") &&
	      strstr(text.data, "\"quota_project_id\": \"p\"") && !strstr(text.data, "1//rt"));
	CHECK(stat(path, &st) == 0 && (st.st_mode & 07777) == 0600);
	write_text(path, USER(",\"account\":\"b@x\"")); /* somebody else has logged in meanwhile */
	CHECK_INT(creds_rotate(c, "1//newer"), 0);
	buf_reset(&text);
	read_text(path, &text);
	CHECK(strstr(text.data, "b@x") && !strstr(text.data, "newer"));
	CHECK(unlink(path) == 0); /* logged out */
	CHECK_INT(creds_rotate(c, "1//newest"), 0);
	CHECK(access(path, F_OK) != 0);
	CHECK_STR(c->refresh_token, "1//newest");
	creds_close(c);
}

TEST(drive_creds__a_login_renewed_by_the_same_user_is_taken_up)
{
	char path[512];
	struct creds *c = NULL;
	nothing_else();
	snprintf(path, sizeof path, "%s/.config/drivefs-models/credentials.json", test_dir);
	write_text(path, USER(",\"account\":\"a@x\""));
	CHECK_INT(find(NULL, &c), 0);
	CHECK(!creds_renewed(c));
	write_text(path, "{\"type\":\"authorized_user\",\"client_id\":\"ci\",\"refresh_token\":\"1//b\",\"account\":\"b@x\"}");
	CHECK(!creds_renewed(c));
	write_text(path, "{\"type\":\"authorized_user\",\"client_id\":\"ci\",\"refresh_token\":\"1//a2\",\"account\":\"a@x\"}");
	bool renewed = creds_renewed(c);
	CHECK(renewed);
	CHECK_STR(c->refresh_token, "1//a2");
	creds_close(c);
}

TEST(drive_creds__a_token_is_asked_for_at_google_or_the_api_only)
{
	struct creds *c = NULL;
	static const char *const good[] = { "https://oauth2.googleapis.com/token", "https://accounts.google.com/o/oauth2/token",
					    "https://www.googleapis.com/oauth2/v4/token" };
	for (unsigned i = 0; i < sizeof good / sizeof *good; i++) {
		CHECK_INT(parse(key_text(good[i]), &c), 0);
		creds_close(c);
	}
	static const char *const bad[] = { "https://evil.example/token", "http://oauth2.googleapis.com/token",
					   "https://oauth2.googleapis.com@evil.example/", "http://127.0.0.1:1/token", "token" };
	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++)
		CHECK_INT(parse(key_text(bad[i]), &c), -EACCES);
	const char *text = key_text("http://127.0.0.1:81/token");
	CHECK_INT(parse_for(&(struct creds_config){ .api_root = "http://127.0.0.1:81" }, text, &c), 0);
	creds_close(c);
}

TEST(drive_jwt__header_and_claims)
{
	CLEANUP_BUF struct buf b = BUF_INIT(4096);
	jwt_unsigned(&b, &(struct jwt_claims){ .key_id = "k1", .issuer = "r@x", .scope = "s", .audience = "a\"b",
					       .issued_s = 1000, .expires_s = 4600 });
	CHECK(!b.failed);
	/* {"alg":"RS256","typ":"JWT","kid":"k1"} . {"iat":1000,"exp":4600,"iss":"r@x","scope":"s","aud":"a\"b"} */
	CHECK_STR(b.data, "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsxIn0"
		  ".eyJpYXQiOjEwMDAsImV4cCI6NDYwMCwiaXNzIjoickB4Iiwic2NvcGUiOiJzIiwiYXVkIjoiYVwiYiJ9");
}

TEST(drive_jwt__base64url_of_every_length)
{
	static const char *const want[] = { "", "Zg", "Zm8", "Zm9v", "Zm9vYg", "Zm9vYmE", "Zm9vYmFy" };
	for (size_t n = 0; n <= 6; n++) {
		CLEANUP_BUF struct buf b = BUF_INIT(100);
		jwt_base64url(&b, "foobar", n);
		CHECK(!b.failed);
		CHECK_STR(b.data ? b.data : "", want[n]);
	}
	CLEANUP_BUF struct buf b = BUF_INIT(100);
	jwt_base64url(&b, "\xfb\xff\xfe", 3);
	CHECK(!b.failed);
	CHECK_STR(b.data, "-__-");
}

TEST(drive_jwt__signs)
{
	struct creds *c = NULL;
	CHECK_INT(parse(key_text(CREDS_GOOGLE_TOKEN_URI), &c), 0);
	struct jwt_claims claims = { .issuer = "r@x", .scope = "s", .audience = "a", .issued_s = 1, .expires_s = 2 };
	CLEANUP_BUF struct buf b = BUF_INIT(65536), again = BUF_INIT(65536);
	buf_str(&b, "assertion=");
	CHECK_INT(jwt_sign(c->key, &claims, &b), 0);
	CHECK_INT(jwt_sign(c->key, &claims, &again), 0);
	CHECK_STR(b.data + strlen("assertion="), again.data); /* PKCS #1 v1.5: no chance in it */
	const char *sig = strrchr(b.data, '.') + 1;
	CHECK_INT(strlen(sig), (128 * 8 + 5) / 6);
	creds_close(c);
}

TEST(drive_digest__md5)
{
	struct md5 *g = NULL;
	uint8_t v[DRIVE_DIGEST_MD5];
	CHECK_INT(md5_open(&g), 0);
	CHECK_INT(md5_value(g, v), 0);
	CHECK_INT(v[0], 0xd4);
	CHECK_INT(md5_add(g, "a", 1), 0);
	CHECK_INT(md5_value(g, v), 0);
	CHECK_INT(v[0], 0x0c);
	CHECK_INT(md5_add(g, "bc", 2), 0);
	CHECK_INT(md5_value(g, v), 0);
	CHECK_INT(v[0], 0x90);
	CHECK_INT(md5_reset(g), 0);
	CHECK_INT(md5_value(g, v), 0);
	CHECK_INT(v[0], 0xd4);
	md5_close(g);
}
