/* SPDX-License-Identifier: MIT */
#include "drive/creds.h"
#include "drive/digest.h"
#include "tests/unit/test_drive_server.h"

#include <sys/stat.h>
#include <unistd.h>

static const char api[] = "https://www.googleapis.com";

static int parse(const char *text, struct creds **c) { return creds_parse(text, strlen(text), "key.json", api, c); }

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
	CHECK_INT(creds_open(write_key("k", 0600), api, &c), 0);
	CHECK_STR(c->identity, "r@x");
	CHECK_STR(c->key_id, "k");
	CHECK_STR(c->token_uri, CREDS_GOOGLE_TOKEN_URI);
	creds_close(c);
	CHECK_INT(creds_open(write_key("k2", 0400), api, &c), 0);
	creds_close(c);
}

TEST(drive_creds__an_open_file_is_refused_with_the_cure)
{
	struct creds *c = NULL;
	static const mode_t modes[] = { 0644, 0640, 0604, 0620, 0601 };
	for (unsigned i = 0; i < sizeof modes / sizeof *modes; i++) {
		const char *path = write_key("open", modes[i]);
		char cure[600];
		CHECK_INT(creds_open(path, api, &c), -EACCES);
		snprintf(cure, sizeof cure, "chmod 600 %s", path);
		CHECK(strstr(err_last(), cure));
	}
}

TEST(drive_creds__only_a_regular_file)
{
	struct creds *c = NULL;
	char path[512];
	snprintf(path, sizeof path, "%s/link", test_dir);
	CHECK(symlink(write_key("target", 0600), path) == 0);
	CHECK_INT(creds_open(path, api, &c), -EACCES);
	CHECK(strstr(err_last(), "symbolic link"));
	CHECK_INT(creds_open(test_dir, api, &c), -EACCES);
	snprintf(path, sizeof path, "%s/fifo", test_dir);
	CHECK(mkfifo(path, 0600) == 0);
	CHECK_INT(creds_open(path, api, &c), -EACCES);
	snprintf(path, sizeof path, "%s/none", test_dir);
	CHECK_INT(creds_open(path, api, &c), -ENOENT);
}

TEST(drive_creds__the_environment_names_it)
{
	struct creds *c = NULL;
	unsetenv("GOOGLE_APPLICATION_CREDENTIALS");
	CHECK_INT(creds_open(NULL, api, &c), -ENOENT);
	CHECK(strstr(err_last(), "GOOGLE_APPLICATION_CREDENTIALS"));
	setenv("GOOGLE_APPLICATION_CREDENTIALS", write_key("k", 0600), 1);
	CHECK_INT(creds_open(NULL, api, &c), 0);
	creds_close(c);
}

TEST(drive_creds__other_kinds_are_named)
{
	struct creds *c = NULL;
	CHECK_INT(parse("{\"installed\":{\"client_id\":\"x\"}}", &c), -EBADMSG);
	CHECK(strstr(err_last(), "OAuth client"));
	CHECK_INT(parse("{\"web\":{}}", &c), -EBADMSG);
	CHECK(strstr(err_last(), "OAuth client"));
	CHECK_INT(parse("{\"type\":\"authorized_user\",\"refresh_token\":\"1//secret\"}", &c), -EBADMSG);
	CHECK(strstr(err_last(), "authorized_user") && !strstr(err_last(), "secret"));
	CHECK_INT(parse("{\"type\":\"external_account\"}", &c), -EBADMSG);
	CHECK_INT(parse("{}", &c), -EBADMSG);
	CHECK_INT(parse("-----BEGIN PRIVATE KEY-----", &c), -EBADMSG);
	CHECK_INT(parse("{\"type\":\"service_account\"}", &c), -EBADMSG);
	CHECK_INT(parse("{\"type\":\"service_account\",\"client_email\":\"r@x\",\"private_key\":\"secret\"}", &c), -EBADMSG);
	CHECK(strstr(err_last(), "private_key") && !strstr(err_last(), "secret"));
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
	CHECK_INT(creds_parse(text, strlen(text), "k", "http://127.0.0.1:81", &c), 0);
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
	struct digest *g = NULL;
	uint8_t v[DRIVE_DIGEST_MD5];
	CHECK_INT(digest_open(&g), 0);
	CHECK_INT(digest_value(g, v), 0);
	CHECK_INT(v[0], 0xd4);
	CHECK_INT(digest_add(g, "a", 1), 0);
	CHECK_INT(digest_value(g, v), 0);
	CHECK_INT(v[0], 0x0c);
	CHECK_INT(digest_add(g, "bc", 2), 0);
	CHECK_INT(digest_value(g, v), 0);
	CHECK_INT(v[0], 0x90);
	CHECK_INT(digest_reset(g), 0);
	CHECK_INT(digest_value(g, v), 0);
	CHECK_INT(v[0], 0xd4);
	digest_close(g);
}
