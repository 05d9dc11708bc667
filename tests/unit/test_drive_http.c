/* SPDX-License-Identifier: MIT */
#include "drive/http.h"
#include "tests/unit/test_drive_server.h"

#include <unistd.h>

#define GET "GET /drive/v3/files/ID?"
#define FILE_ID "{\"id\":\"ID\",\"name\":\"n\"}"

static int64_t stop_at;

static bool time_is_up(void *ctx)
{
	(void)ctx;
	return stop_at && now_ms() >= stop_at;
}

static int get(struct drive *d)
{
	CLEANUP_DRIVE_FILE struct drive_file f = { 0 };
	return drive_get(d, "ID", &f);
}

TEST(drive_http__a_cancelled_request_ends_within_a_second)
{
	static const struct line script[] = { { GET, NULL, 200, NULL, NULL, 0, STALL }, { 0 } };
	server_start(script);
	struct drive *d = server_drive(10000);
	int64_t start = now_ms();
	stop_at = start + 100;
	cancel_set(time_is_up, NULL);
	CHECK_INT(get(d), -EINTR);
	CHECK(now_ms() - start < 1000);
	cancel_set(NULL, NULL);
	drive_close(d);
}

TEST(drive_http__a_cancelled_wait_for_a_retry_ends_too)
{
	static const struct line script[] = {
		{ GET, NULL, 503, "Retry-After: 900\r\n", NULL, 0, ANSWER }, { 0 }, /* 9 s, scaled */
	};
	server_start(script);
	struct drive *d = server_drive(3600 * 1000);
	int64_t start = now_ms();
	stop_at = start + 100;
	cancel_set(time_is_up, NULL);
	CHECK_INT(get(d), -EINTR);
	CHECK(now_ms() - start < 1000);
	cancel_set(NULL, NULL);
	server_done();
	drive_close(d);
}

TEST(drive_http__no_answer_ends_at_the_deadline)
{
	static struct line script[20];
	for (int i = 0; i < 19; i++)
		script[i] = (struct line){ GET, NULL, 200, NULL, NULL, 0, STALL };
	server_start(script);
	struct drive *d = server_drive(300);
	int64_t start = now_ms();
	CHECK_INT(get(d), -ETIMEDOUT);
	CHECK(now_ms() - start < 1500);
	drive_close(d);
}

static int drop(void *ctx, const void *data, size_t n)
{
	(void)ctx, (void)data, (void)n;
	return 0;
}

TEST(drive_http__a_stalled_download_ends_after_the_deadline_without_a_byte)
{
	static struct line script[20];
	for (int i = 0; i < 19; i++)
		script[i] = (struct line){ "GET /drive/v3/files/ID?alt=media", NULL, 200, NULL, NULL, 0, STALL };
	struct drive_file f = { .id = "ID", .name = (char *)"m", .size = 9, .blob = true };
	struct source *s = NULL;
	server_start(script);
	struct drive *d = server_drive(300);
	CHECK_INT(drive_source(d, &f, &s), 0);
	int64_t start = now_ms();
	CHECK_INT(source_stream(s, 0, 9, drop, NULL), -ETIMEDOUT);
	CHECK(now_ms() - start < 1500);
	source_unref(s);
	drive_close(d);
}

static void *streamer(void *s)
{
	return (void *)(intptr_t)source_stream(s, 0, 9, drop, NULL);
}

TEST(drive_http__metadata_never_waits_for_bulk_and_bulk_is_bounded)
{
	static const struct line script[] = {
		{ "GET /drive/v3/files/ID?alt=media", NULL, 200, NULL, NULL, 0, STALL },
		{ GET, NULL, 200, NULL, FILE_ID, 0, ANSWER },
		{ 0 },
	};
	struct drive_file f = { .id = "ID", .name = (char *)"m", .size = 9, .blob = true };
	struct source *s = NULL;
	pthread_t t;
	void *r;
	if (torture)
		return; /* a failed CHECK would leave a thread behind */
	server_start(script);
	struct drive *d = server_drive_with(&(struct drive_config){ .connections_max = 1, .deadline_ms = 500 });
	CHECK_INT(drive_source(d, &f, &s), 0);
	CHECK(pthread_create(&t, NULL, streamer, s) == 0);
	while (server_requests() < 1)
		usleep(1000);
	CHECK_INT(get(d), 0);
	stop_at = now_ms() + 100; /* the only bulk handle is out: this one waits, and is cancelled */
	cancel_set(time_is_up, NULL);
	CHECK_INT(source_stream(s, 0, 9, drop, NULL), -EINTR);
	CHECK(strstr(err_last(), "waiting for a connection"));
	cancel_set(NULL, NULL);
	CHECK_INT(server_requests(), 2);
	pthread_join(t, &r);
	CHECK((intptr_t)r < 0);
	source_unref(s);
	drive_close(d);
}

TEST(drive_http__no_server_is_connection_refused)
{
	static const struct line script[] = { { 0 } };
	struct http_config cfg = { .bulk_max = 1 };
	struct http *h = NULL;
	struct http_response p;
	server_start(script);
	CHECK_INT(http_open(&cfg, &h), 0);
	http_response_init(&p);
	CHECK_INT(http_do(h, &(struct http_request){ .method = "GET", .url = "http://127.0.0.1:1/x" }, &p), -ECONNREFUSED);
	CHECK_INT(p.end, HTTP_LOST);
	http_response_done(&p);
	http_close(h);
	cfg.ca_file = "/nonexistent/ca.pem";
	CHECK_INT(http_open(&cfg, &h), -ENOENT);
}

TEST(drive_http__figures)
{
	static const struct line script[] = {
		{ GET, NULL, 500, NULL, "{}", 0, ANSWER },
		{ GET, NULL, 200, NULL, FILE_ID, 0, ANSWER },
		{ 0 },
	};
	struct drive_stats s;
	server_start(script);
	struct drive *d = server_drive(2000);
	CHECK_INT(get(d), 0);
	drive_stats(d, &s);
	CHECK_INT(s.requests, 3); /* with the token's */
	CHECK_INT(s.retries, 1);
	CHECK(s.bytes_in > strlen(FILE_ID) && s.bytes_out > 100);
	server_done();
	drive_close(d);
}

TEST(drive_http__where_the_api_may_be)
{
	static const struct line script[] = { { 0 } };
	struct drive *d = NULL;
	server_start(script);
	static const char *const bad[] = { "http://example.com", "https://example.com/path", "ftp://x", "x", "https://u@x" };
	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct drive_config cfg = { .key_file = server_key(), .api_root = bad[i] };
		CHECK_INT(drive_open(&cfg, &d), -EINVAL);
	}
	struct drive_config other = { .key_file = server_key(), .api_root = "http://127.0.0.1:1" };
	CHECK_INT(drive_open(&other, &d), -EACCES); /* the key's token_uri is of another origin */
	CHECK(strstr(err_last(), "token_uri"));
}
