/* SPDX-License-Identifier: MIT */
#include "tests/unit/test_drive_server.h"

#include <unistd.h>

#define GET "GET /drive/v3/files/ID?"
#define FILE_ID "{\"id\":\"ID\",\"name\":\"n\"}"
#define TOKEN(t, life) "{\"access_token\":\"ya29." t "\",\"expires_in\":" life ",\"token_type\":\"Bearer\"}"

static int get(struct drive *d)
{
	CLEANUP_DRIVE_FILE struct drive_file f = { 0 };
	return drive_get(d, "ID", &f);
}

TEST(drive_token__one_token_for_many_calls)
{
	static const struct line script[] = {
		{ GET, "Authorization: Bearer ya29.test-token\r\n", 200, NULL, FILE_ID, 0, ANSWER },
		{ GET, "User-Agent: drivefs-models/", 200, NULL, FILE_ID, 0, ANSWER },
		{ 0 },
	};
	server_start(script);
	struct drive *d = server_drive(2000);
	CHECK_STR(drive_identity(d), "robot@example.com");
	CHECK_INT(get(d), 0);
	CHECK_INT(get(d), 0);
	CHECK_INT(server_tokens(), 1);
	CHECK(!strstr(server_trace(), "ya29") && !strstr(server_trace(), "assertion"));
	server_done();
	drive_close(d);
}

TEST(drive_token__401_fetches_a_new_token_once)
{
	static const struct line tokens[] = {
		{ "POST", NULL, 200, NULL, TOKEN("one", "3599"), 0, ANSWER },
		{ "POST", NULL, 200, NULL, TOKEN("two", "3599"), 0, ANSWER },
		{ "POST", NULL, 200, NULL, TOKEN("three", "3599"), 0, ANSWER },
		{ 0 },
	};
	static const struct line script[] = {
		{ GET, "ya29.one", 401, NULL, UNAUTHORIZED, 0, ANSWER },
		{ GET, "ya29.two", 200, NULL, FILE_ID, 0, ANSWER },
		{ GET, "ya29.two", 401, NULL, UNAUTHORIZED, 0, ANSWER },
		{ GET, "ya29.three", 401, NULL, UNAUTHORIZED, 0, ANSWER },
		{ 0 },
	};
	server_start(script);
	server_token_script(tokens);
	struct drive *d = server_drive(2000);
	CHECK_INT(get(d), 0);
	CHECK_INT(get(d), -EACCES);
	CHECK(strstr(err_last(), "get \"ID\": HTTP 401 authError"));
	CHECK_INT(server_tokens(), 3);
	server_done();
	drive_close(d);
}

TEST(drive_token__a_short_lived_token_is_replaced_each_time)
{
	static const struct line tokens[] = {
		{ "POST", NULL, 200, NULL, TOKEN("one", "100"), 0, ANSWER },
		{ "POST", NULL, 503, NULL, "busy", 0, ANSWER },
		{ "POST", NULL, 400, NULL, "{\"error\":\"invalid_grant\"}", 0, ANSWER },
		{ 0 },
	};
	static const struct line script[] = {
		{ GET, "ya29.one", 200, NULL, FILE_ID, 0, ANSWER },
		{ GET, "ya29.one", 200, NULL, FILE_ID, 0, ANSWER }, /* the old one is good yet */
		{ 0 },
	};
	server_start(script);
	server_token_script(tokens);
	struct drive *d = server_drive(2000);
	CHECK_INT(get(d), 0);
	CHECK_INT(get(d), 0);
	CHECK_INT(server_tokens(), 3);
	server_done();
	drive_close(d);
}

static void refused(const char *body, const char *why)
{
	struct line tokens[] = { { "POST", NULL, 400, NULL, body, 0, ANSWER }, { 0 } };
	static const struct line script[] = { { 0 } };
	server_start(script);
	server_token_script(tokens);
	struct drive *d = server_drive(2000);
	CHECK_INT(get(d), -EACCES);
	CHECK(strstr(err_last(), "token for \"robot@example.com\": HTTP 400 invalid_grant: "));
	CHECK(strstr(err_last(), why));
	CHECK_INT(server_tokens(), 1);
	drive_close(d);
}

TEST(drive_token__a_revoked_key_is_told)
{
	refused("{\"error\":\"invalid_grant\",\"error_description\":\"Invalid JWT Signature.\"}", "make a new one");
}
TEST(drive_token__a_deleted_account_is_told)
{
	refused("{\"error\":\"invalid_grant\",\"error_description\":\"Invalid grant: account not found\"}", "does not exist");
}

#define SKEWED "{\"error\":\"invalid_grant\",\"error_description\":\"Invalid JWT: Token must be a short-lived token (60 minutes) " \
	       "and in a reasonable timeframe. Check your iat and exp values in the JWT claim.\"}"

TEST(drive_token__a_wrong_clock_is_corrected_by_the_servers_date)
{
	static const struct line tokens[] = {
		{ "POST /token", "Content-Type: application/x-www-form-urlencoded", 400, NULL, SKEWED, 0, ANSWER },
		{ "POST", NULL, 200, NULL, TOKEN("one", "3599"), 0, ANSWER },
		{ 0 },
	};
	static const struct line script[] = { { GET, "ya29.one", 200, NULL, FILE_ID, 0, ANSWER }, { 0 } };
	server_start(script);
	server_token_script(tokens);
	struct drive *d = server_drive(2000);
	CHECK_INT(get(d), 0);
	CHECK_INT(server_tokens(), 2);
	drive_close(d);
}

TEST(drive_token__a_clock_that_stays_wrong_is_told)
{
	static const struct line tokens[] = {
		{ "POST", NULL, 400, NULL, SKEWED, 0, ANSWER }, { "POST", NULL, 400, NULL, SKEWED, 0, ANSWER }, { 0 },
	};
	static const struct line script[] = { { 0 } };
	server_start(script);
	server_token_script(tokens);
	struct drive *d = server_drive(2000);
	CHECK_INT(get(d), -EACCES);
	CHECK(strstr(err_last(), "clock"));
	CHECK_INT(server_tokens(), 2);
	drive_close(d);
}

TEST(drive_token__an_unusable_token_is_refused)
{
	static const char *const bad[] = { "{}", "{\"access_token\":\"a\\r\\nX-Evil: 1\"}", "{\"access_token\":\"\"}", "<html>", "" };
	static const struct line script[] = { { 0 } };
	static struct line tokens[6];
	for (int i = 0; i < 5; i++)
		tokens[i] = (struct line){ "POST", NULL, 200, NULL, bad[i], 0, ANSWER };
	server_start(script);
	server_token_script(tokens);
	struct drive *d = server_drive(2000);
	for (int i = 0; i < 5; i++)
		CHECK_INT(get(d), -EBADMSG);
	drive_close(d);
}

static void *getter(void *d) { return (void *)(intptr_t)get(d); }

TEST(drive_token__many_threads_fetch_one_token)
{
	static struct line script[9];
	pthread_t t[8];
	if (torture)
		return; /* a failed CHECK would leave threads behind */
	for (int i = 0; i < 8; i++)
		script[i] = (struct line){ GET, NULL, 200, NULL, FILE_ID, 0, ANSWER };
	server_start(script);
	struct drive *d = server_drive(5000);
	for (int i = 0; i < 8; i++)
		CHECK(pthread_create(&t[i], NULL, getter, d) == 0);
	int failures = 0;
	for (int i = 0; i < 8; i++) {
		void *r;
		pthread_join(t[i], &r);
		failures += r != NULL;
	}
	CHECK_INT(failures, 0);
	CHECK_INT(server_tokens(), 1);
	server_done();
	drive_close(d);
}

TEST(drive_token__many_threads_share_one_refusal)
{
	static const struct line tokens[] = { { "POST", NULL, 400, NULL, "{\"error\":\"invalid_grant\"}", 0, LOSE },
					      { "POST", NULL, 400, NULL, "{\"error\":\"invalid_grant\"}", 0, ANSWER },
					      { "POST", NULL, 400, NULL, "{\"error\":\"invalid_grant\"}", 0, ANSWER },
					      { "POST", NULL, 400, NULL, "{\"error\":\"invalid_grant\"}", 0, ANSWER }, { 0 } };
	static const struct line script[] = { { 0 } };
	pthread_t t[3];
	if (torture)
		return;
	server_start(script);
	server_token_script(tokens);
	struct drive *d = server_drive(5000);
	for (int i = 0; i < 3; i++)
		CHECK(pthread_create(&t[i], NULL, getter, d) == 0);
	for (int i = 0; i < 3; i++) {
		void *r;
		pthread_join(t[i], &r);
		CHECK_INT((intptr_t)r, -EACCES);
	}
	drive_close(d);
}

TEST(drive_token__refused_credentials_are_not_asked_with_again_at_once)
{
	struct line tokens[] = {
		{ "POST", NULL, 400, NULL, "{\"error\":\"invalid_grant\",\"error_description\":\"Invalid JWT Signature.\"}", 0, ANSWER },
		{ "POST", NULL, 400, NULL, "{\"error\":\"invalid_grant\"}", 0, ANSWER }, { 0 },
	};
	static const struct line script[] = { { 0 } };
	server_start(script);
	server_token_script(tokens);
	struct drive *d = server_drive_with(&(struct drive_config){ .deadline_ms = 2000, .wait_scale_percent = 100 });
	for (int i = 0; i < 20; i++) {
		CHECK_INT(get(d), -EACCES);
		CHECK(strstr(err_last(), "make a new one"));
	}
	CHECK_INT(server_tokens(), 1);
	drive_close(d);
}
