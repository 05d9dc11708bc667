/* SPDX-License-Identifier: MIT */
#include "tests/unit/test_drive_server.h"

#include <openssl/evp.h>

enum { MIB = 1 << 20, BIG = MIB + 512 * 1024 }; /* BIG goes by a session, in one part */
#define GENERATE "GET /drive/v3/files/generateIds?count=20"
#define BEGIN "POST /upload/drive/v3/files?uploadType=resumable"
#define SESSION "PUT /upload/session?upload_id=SECRET "
#define AT_SESSION "Location: $ROOT/upload/session?upload_id=SECRET\r\n"
#define GET_NEW "GET /drive/v3/files/new2?"
#define MULTI "POST /upload/drive/v3/files?uploadType=multipart"
#define RESERVE { GENERATE, NULL, 200, NULL, IDS, 0, ANSWER }
#define OPENED { BEGIN, "X-Upload-Content-Length: 1572864\r\n", 200, AT_SESSION, NULL, 0, ANSWER }

/* Bytes that are made up as they are read: any size without memory. */
static ssize_t made_up(struct source *s, void *buf, size_t n, uint64_t off)
{
	(void)s;
	for (size_t i = 0; i < n; i++)
		((uint8_t *)buf)[i] = (uint8_t)((off + i) * 31 >> 3);
	return (ssize_t)n;
}

static void keep(struct source *s) { (void)s; }

static struct source *body(uint64_t size)
{
	static const struct source_ops ops = { .pread = made_up, .free = keep };
	static struct source s;
	source_init(&s, &ops, size);
	return &s;
}

/* What Drive answers for a file of these bytes. */
static const char *file_json(const char *id, uint64_t size)
{
	static char text[4][600];
	static int turn;
	char hex[33] = "";
	uint8_t piece[4096], md5[EVP_MAX_MD_SIZE];
	EVP_MD_CTX *g = EVP_MD_CTX_new(); /* not drive/md5.h: its allocation would count */
	CHECK(g && EVP_DigestInit_ex(g, EVP_md5(), NULL) == 1);
	for (uint64_t off = 0; off < size; off += sizeof piece) {
		size_t n = size - off < sizeof piece ? (size_t)(size - off) : sizeof piece;
		made_up(NULL, piece, n, off);
		CHECK(EVP_DigestUpdate(g, piece, n) == 1);
	}
	CHECK(EVP_DigestFinal_ex(g, md5, NULL) == 1);
	EVP_MD_CTX_free(g);
	for (int i = 0; i < 16; i++)
		snprintf(hex + 2 * i, 3, "%02x", md5[i]);
	turn = (turn + 1) % 4;
	snprintf(text[turn], sizeof text[turn], "{\"id\":\"%s\",\"name\":\"m.model\",\"mimeType\":\"application/octet-stream\","
		 "\"size\":\"%llu\",\"md5Checksum\":\"%s\",\"headRevisionId\":\"r1\",\"modifiedTime\":\"1970-01-01T00:00:07Z\","
		 "\"parents\":[\"dir\"]}", id, (unsigned long long)size, hex);
	return text[turn];
}

static uint64_t acked[16];
static int acks;

static void on_progress(void *ctx, uint64_t n)
{
	(void)ctx;
	CHECK(acks < 16);
	acked[acks++] = n;
}

static int put_with(const struct line *script, uint64_t size, const char *id, unsigned deadline_ms, struct drive_file *f)
{
	server_start(script);
	struct drive *d = server_drive(2000);
	struct drive_put p = { .id = id, .parent = "dir", .name = "m.model", .body = body(size), .mtime_ms = 7000,
			       .deadline_ms = deadline_ms, .progress = on_progress };
	int r = drive_upload(d, &p, f);
	drive_close(d);
	CHECK(!strstr(server_trace(), "SECRET") && !strstr(err_last(), "SECRET") && !strstr(server_trace(), "ya29"));
	server_done();
	return r;
}

static void succeeds(const struct line *script, uint64_t size, const char *id)
{
	CLEANUP_DRIVE_FILE struct drive_file f = { 0 };
	CHECK_INT(put_with(script, size, id, 5000, &f), 0);
	CHECK_INT(f.size, size);
	CHECK_STR(f.revision, "r1");
	CHECK(f.has_md5);
	CHECK_INT(acked[acks - 1], size);
}

static void fails(const struct line *script, uint64_t size, int err)
{
	struct drive_file f = { 0 };
	CHECK_INT(put_with(script, size, NULL, 1000, &f), err);
	CHECK(!f.name);
}

TEST(drive_upload__one_part_two_requests)
{
	struct line script[] = {
		RESERVE, OPENED,
		{ SESSION, "Content-Range: bytes 0-1572863/1572864\r\n", 200, NULL, file_json("new2", BIG), 0, ANSWER },
		{ 0 },
	};
	succeeds(script, BIG, NULL);
	CHECK_STR(server_request(1)->body, "{\"id\":\"new2\",\"parents\":[\"dir\"],\"mimeType\":\"application/octet-stream\","
		  "\"name\":\"m.model\",\"modifiedTime\":\"1970-01-01T00:00:07.000Z\"}");
	CHECK_INT(server_request(2)->body_n, BIG);
	CHECK(!strstr(server_request(2)->head, "Expect:") && strstr(server_request(2)->head, "Authorization: Bearer ya29."));
	CHECK(!strstr(server_request(2)->head, "Transfer-Encoding"));
	CHECK_INT(server_tokens(), 1);
}

TEST(drive_upload__parts_of_32_mib_the_last_one_when_all_before_is_acknowledged)
{
	uint64_t size = 33ull * MIB + 5;
	if (torture)
		return; /* the same allocations as with one part, but 33 MiB each time */
	struct line script[] = {
		RESERVE,
		{ BEGIN, NULL, 200, AT_SESSION, NULL, 0, ANSWER },
		{ SESSION, "Content-Range: bytes 0-33554431/34603013\r\n", 308, "Range: bytes=0-33554431\r\n", NULL, 0, ANSWER },
		{ SESSION, "Content-Range: bytes 33554432-34603012/34603013\r\n", 200, NULL, file_json("new2", size), 0, ANSWER },
		{ 0 },
	};
	succeeds(script, size, NULL);
	CHECK_INT(acks, 2);
	CHECK_INT(acked[0], 33554432);
}

TEST(drive_upload__a_part_accepted_in_part_goes_on_behind_it)
{
	struct line script[] = {
		RESERVE, OPENED,
		{ SESSION, "bytes 0-1572863/1572864", 308, "Range: 0-262143\r\n", NULL, 0, ANSWER },
		{ SESSION, "bytes 262144-1572863/1572864", 308, "Range: bytes=0-1048575\r\n", NULL, 0, ANSWER },
		{ SESSION, "bytes 1048576-1572863/1572864", 200, NULL, file_json("new2", BIG), 0, ANSWER },
		{ 0 },
	};
	succeeds(script, BIG, NULL);
	CHECK_INT(server_request(4)->body_n, 512 * 1024);
}

TEST(drive_upload__308_without_range_means_nothing_is_stored)
{
	struct line script[] = {
		RESERVE, OPENED,
		{ SESSION, "bytes 0-1572863/1572864", 308, NULL, NULL, 0, ANSWER },
		{ SESSION, "bytes 0-1572863/1572864", 200, NULL, file_json("new2", BIG), 0, ANSWER },
		{ 0 },
	};
	succeeds(script, BIG, NULL);
}

TEST(drive_upload__a_lost_final_answer_is_asked_for)
{
	struct line script[] = {
		RESERVE, OPENED,
		{ SESSION, "bytes 0-1572863/1572864", 200, NULL, NULL, 0, LOSE },
		{ SESSION, "Content-Range: bytes */1572864\r\n", 200, NULL, file_json("new2", BIG), 0, ANSWER },
		{ 0 },
	};
	succeeds(script, BIG, NULL);
	CHECK(strstr(server_request(3)->head, "Content-Length: 0\r\n"));
}

TEST(drive_upload__a_lost_final_answer_of_a_session_that_is_gone)
{
	struct line script[] = {
		RESERVE, OPENED,
		{ SESSION, "bytes 0-1572863/1572864", 200, NULL, NULL, 0, LOSE },
		{ SESSION, "bytes */1572864", 404, NULL, "Not Found", 0, ANSWER },
		{ GET_NEW, NULL, 200, NULL, file_json("new2", BIG), 0, ANSWER },
		{ 0 },
	};
	succeeds(script, BIG, NULL);
}

TEST(drive_upload__a_connection_cut_in_the_middle_goes_on_where_the_session_is)
{
	struct line script[] = {
		RESERVE, OPENED,
		{ SESSION, "bytes 0-1572863/1572864", 0, NULL, NULL, 0, CUT_REQUEST },
		{ SESSION, "bytes */1572864", 308, "Range: bytes=0-524287\r\n", NULL, 0, ANSWER },
		{ SESSION, "bytes 524288-1572863/1572864", 200, NULL, file_json("new2", BIG), 0, ANSWER },
		{ 0 },
	};
	succeeds(script, BIG, NULL);
}

TEST(drive_upload__rate_limits_and_5xx_keep_the_session)
{
	struct line script[] = {
		RESERVE, OPENED,
		{ SESSION, "bytes 0-1572863/1572864", 503, NULL, "<html>", 0, ANSWER },
		{ SESSION, "bytes */1572864", 403, NULL, RATE_LIMIT, 0, ANSWER },
		{ SESSION, "bytes */1572864", 308, "Range: bytes=0-262143\r\n", NULL, 0, ANSWER },
		{ SESSION, "bytes 262144-1572863/1572864", 200, NULL, file_json("new2", BIG), 0, ANSWER },
		{ 0 },
	};
	succeeds(script, BIG, NULL);
}

TEST(drive_upload__401_in_the_middle_goes_on_in_the_same_session_with_a_new_token)
{
	struct line script[] = {
		RESERVE, OPENED,
		{ SESSION, "bytes 0-1572863/1572864", 401, NULL, UNAUTHORIZED, 0, ANSWER },
		{ SESSION, "bytes */1572864", 308, NULL, NULL, 0, ANSWER },
		{ SESSION, "bytes 0-1572863/1572864", 200, NULL, file_json("new2", BIG), 0, ANSWER },
		{ 0 },
	};
	succeeds(script, BIG, NULL);
	CHECK_INT(server_tokens(), 2);
}

TEST(drive_upload__a_dead_session_begins_anew_under_the_same_id)
{
	struct line script[] = {
		RESERVE, OPENED,
		{ SESSION, "bytes 0-1572863/1572864", 308, "Range: bytes=0-262143\r\n", NULL, 0, ANSWER },
		{ SESSION, "bytes 262144-1572863/1572864", 410, NULL, NULL, 0, ANSWER },
		{ GET_NEW, NULL, 404, NULL, NOT_FOUND, 0, ANSWER },
		OPENED,
		{ SESSION, "bytes 0-1572863/1572864", 200, NULL, file_json("new2", BIG), 0, ANSWER },
		{ 0 },
	};
	succeeds(script, BIG, NULL);
	CHECK(strstr(server_request(5)->body, "\"id\":\"new2\""));
}

TEST(drive_upload__409_for_what_an_unheard_answer_made_is_success)
{
	struct line script[] = {
		RESERVE, OPENED,
		{ SESSION, "bytes 0-1572863/1572864", 200, NULL, NULL, 0, LOSE },
		{ SESSION, "bytes */1572864", 404, NULL, "Not Found", 0, ANSWER },
		{ GET_NEW, NULL, 404, NULL, NOT_FOUND, 0, ANSWER },
		{ BEGIN, NULL, 409, NULL, IN_USE, 0, ANSWER },
		{ GET_NEW, NULL, 200, NULL, file_json("new2", BIG), 0, ANSWER },
		{ 0 },
	};
	succeeds(script, BIG, NULL);
}

TEST(drive_upload__an_id_that_somebody_has_is_left_to_him)
{
	struct line script[] = {
		RESERVE,
		{ BEGIN, NULL, 409, NULL, IN_USE, 0, ANSWER },
		{ GET_NEW, NULL, 200, NULL, file_json("new2", 77), 0, ANSWER },
		OPENED,
		{ SESSION, "bytes 0-1572863/1572864", 200, NULL, file_json("new1", BIG), 0, ANSWER },
		{ 0 },
	};
	succeeds(script, BIG, NULL);
	CHECK(strstr(server_request(3)->body, "\"id\":\"new1\""));
}

TEST(drive_upload__a_damaged_answer_is_looked_up)
{
	struct line script[] = {
		RESERVE, OPENED,
		{ SESSION, NULL, 200, NULL, "{\"id\":\"new2\",\"si", 0, ANSWER },
		{ GET_NEW, NULL, 200, NULL, file_json("new2", BIG), 0, ANSWER },
		{ 0 },
	};
	succeeds(script, BIG, NULL);
}

#define DAMAGED "{\"id\":\"new2\",\"name\":\"m\",\"mimeType\":\"x/y\",\"size\":\"1572864\"," \
		"\"md5Checksum\":\"00000000000000000000000000000000\"}"

TEST(drive_upload__other_bytes_in_drive_are_replaced_once)
{
	struct line script[] = {
		RESERVE, OPENED,
		{ SESSION, NULL, 200, NULL, DAMAGED, 0, ANSWER },
		{ "PATCH /upload/drive/v3/files/new2?uploadType=resumable", NULL, 200, AT_SESSION, NULL, 0, ANSWER },
		{ SESSION, "bytes 0-1572863/1572864", 200, NULL, file_json("new2", BIG), 0, ANSWER },
		{ 0 },
	};
	succeeds(script, BIG, NULL);
}

TEST(drive_upload__other_bytes_twice_are_an_error)
{
	struct line script[] = {
		RESERVE, OPENED,
		{ SESSION, NULL, 200, NULL, DAMAGED, 0, ANSWER },
		{ "PATCH /upload/drive/v3/files/new2?uploadType=resumable", NULL, 200, AT_SESSION, NULL, 0, ANSWER },
		{ SESSION, NULL, 200, NULL, DAMAGED, 0, ANSWER },
		{ 0 },
	};
	fails(script, BIG, -EIO);
	CHECK(strstr(err_last(), "checksums differ"));
}

TEST(drive_upload__no_storage_is_final)
{
	struct line script[] = {
		RESERVE,
		{ BEGIN, NULL, 403, NULL, "{\"error\":{\"code\":403,\"message\":\"Service Accounts do not have storage quota.\","
		  "\"errors\":[{\"domain\":\"usageLimits\",\"reason\":\"storageQuotaExceeded\"}]}}", 0, ANSWER },
		{ 0 },
	};
	fails(script, BIG, -EDQUOT);
	CHECK(strstr(err_last(), "create \"m.model\": HTTP 403 storageQuotaExceeded: ") && strstr(err_last(), "shared drive"));
}

/* What Drive answers for a file of these bytes while it has no MD5, with `sums` in its place. */
static const char *bare_json(uint64_t size, const char *sums)
{
	static char text[16][600];
	static int turn;
	turn = (turn + 1) % 16;
	snprintf(text[turn], sizeof text[turn], "{\"id\":\"new2\",\"name\":\"m.model\",\"mimeType\":\"application/octet-stream\","
		 "\"size\":\"%llu\",%s\"headRevisionId\":\"r1\",\"modifiedTime\":\"1970-01-01T00:00:07Z\",\"parents\":[\"dir\"]}",
		 (unsigned long long)size, sums);
	return text[turn];
}

#define LATER { GET_NEW, NULL, 200, NULL, bare_json(BIG, ""), 0, ANSWER }

TEST(drive_upload__an_md5_that_comes_late_is_waited_for)
{
	struct line script[] = {
		RESERVE, OPENED, { SESSION, NULL, 200, NULL, bare_json(BIG, ""), 0, ANSWER },
		LATER, LATER, { GET_NEW, NULL, 200, NULL, file_json("new2", BIG), 0, ANSWER }, { 0 },
	};
	CLEANUP_DRIVE_FILE struct drive_file f = { 0 };
	CHECK_INT(put_with(script, BIG, NULL, 0, &f), 0);
	CHECK(f.has_md5);
}

static const char *sum_json(const EVP_MD *kind, const char *name, uint64_t size)
{
	char sums[200], hex[129] = "";
	uint8_t piece[4096], value[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	EVP_MD_CTX *g = EVP_MD_CTX_new();
	CHECK(g && EVP_DigestInit_ex(g, kind, NULL) == 1);
	for (uint64_t off = 0; off < size; off += sizeof piece) {
		made_up(NULL, piece, sizeof piece, off);
		CHECK(EVP_DigestUpdate(g, piece, sizeof piece) == 1);
	}
	CHECK(EVP_DigestFinal_ex(g, value, &n) == 1);
	EVP_MD_CTX_free(g);
	for (unsigned i = 0; i < n; i++)
		snprintf(hex + 2 * i, 3, "%02x", value[i]);
	snprintf(sums, sizeof sums, "\"%s\":\"%s\",", name, hex);
	return bare_json(size, sums);
}

static void settled_by(const char *answer)
{
	struct line script[] = {
		RESERVE, OPENED, { SESSION, NULL, 200, NULL, bare_json(BIG, ""), 0, ANSWER },
		LATER, LATER, LATER, { GET_NEW, NULL, 200, NULL, answer, 0, ANSWER }, { 0 },
	};
	CLEANUP_DRIVE_FILE struct drive_file f = { 0 };
	CHECK_INT(put_with(script, BIG, NULL, 0, &f), 0);
	CHECK(f.has_md5);
}

TEST(drive_upload__without_md5_a_sha_tells) { settled_by(sum_json(EVP_sha256(), "sha256Checksum", BIG)); }

TEST(drive_upload__without_md5_and_sha256_sha1_tells) { settled_by(sum_json(EVP_sha1(), "sha1Checksum", BIG)); }

TEST(drive_upload__without_any_checksum_nothing_is_sent_twice)
{
	struct line script[] = {
		RESERVE, OPENED, { SESSION, NULL, 200, NULL, bare_json(BIG, ""), 0, ANSWER }, LATER, LATER, LATER, LATER, { 0 },
	};
	fails(script, BIG, -EIO);
	CHECK(strstr(err_last(), "names no checksum"));
}

#define SLOW_DOWN "{\"error\":{\"code\":403,\"message\":\"User rate limit exceeded.\",\"errors\":[{\"reason\":\"userRateLimitExceeded\"}]}}"
#define SLOW_INFO "{\"error\":{\"code\":403,\"message\":\"x\",\"status\":\"PERMISSION_DENIED\",\"errors\":[{\"reason\":\"forbidden\"}]," \
		  "\"details\":[{\"@type\":\"y\"},{\"reason\":\"RATE_LIMIT_EXCEEDED\"}]}}"

TEST(drive_upload__a_rate_limit_in_any_wording_passes)
{
	struct line script[] = {
		RESERVE,
		{ BEGIN, NULL, 403, NULL, SLOW_DOWN, 0, ANSWER },
		{ BEGIN, NULL, 403, NULL, SLOW_INFO, 0, ANSWER },
		OPENED,
		{ SESSION, NULL, 403, NULL, SLOW_DOWN, 0, ANSWER },
		{ "PUT /upload/session?upload_id=SECRET ", "Content-Range: bytes */1572864\r\n", 308, NULL, NULL, 0, ANSWER },
		{ SESSION, NULL, 200, NULL, file_json("new2", BIG), 0, ANSWER },
		{ 0 },
	};
	CLEANUP_DRIVE_FILE struct drive_file f = { 0 };
	CHECK_INT(put_with(script, BIG, NULL, 60000, &f), 0);
}

TEST(drive_upload__a_rate_limit_until_the_deadline_is_a_full_quota)
{
	static struct line script[SERVER_REQUESTS];
	script[0] = (struct line)RESERVE;
	for (int i = 1; i < SERVER_REQUESTS - 1; i++)
		script[i] = (struct line){ BEGIN, NULL, 403, NULL, SLOW_DOWN, 0, ANSWER };
	server_start(script);
	struct drive *d = server_drive(2000);
	struct drive_file f = { 0 };
	struct drive_put p = { .parent = "dir", .name = "m.model", .body = body(BIG), .mtime_ms = 7000 };
	CHECK_INT(drive_upload(d, &p, &f), -EDQUOT);
	CHECK(server_requests() > 2 && strstr(err_last(), "given up after") && strstr(err_last(), "750 GB"));
	drive_close(d);
}

TEST(drive_upload__a_session_of_a_stranger_gets_nothing)
{
	struct line script[] = {
		RESERVE,
		{ BEGIN, NULL, 200, "Location: https://evil.example/upload?upload_id=SECRET\r\n", NULL, 0, ANSWER },
		{ 0 },
	};
	fails(script, BIG, -EBADMSG);
}

TEST(drive_upload__no_session_is_an_error)
{
	struct line script[] = { RESERVE, { BEGIN, NULL, 200, NULL, NULL, 0, ANSWER }, { 0 } };
	fails(script, BIG, -EBADMSG);
}

TEST(drive_upload__a_redirect_is_not_followed)
{
	struct line script[] = { RESERVE, { BEGIN, NULL, 307, AT_SESSION, NULL, 0, ANSWER }, { 0 } };
	fails(script, BIG, -EIO);
}

TEST(drive_upload__a_session_that_claims_more_than_was_sent_is_left)
{
	struct line script[] = {
		RESERVE, OPENED,
		{ SESSION, "bytes 0-1572863/1572864", 0, NULL, NULL, 0, CUT_REQUEST },
		{ SESSION, "bytes */1572864", 308, "Range: bytes=0-9999999\r\n", NULL, 0, ANSWER },
		OPENED,
		{ SESSION, "bytes 0-1572863/1572864", 200, NULL, file_json("new2", BIG), 0, ANSWER },
		{ 0 },
	};
	succeeds(script, BIG, NULL);
}

TEST(drive_upload__a_session_that_never_moves_ends_at_the_deadline)
{
	struct line script[40] = { RESERVE, OPENED };
	for (int i = 2; i < 39; i++)
		script[i] = (struct line){ SESSION, "Content-Range: bytes", 503, NULL, "busy", 0, ANSWER };
	struct drive_file f = { 0 };
	server_start(script);
	struct drive *d = server_drive(2000);
	struct drive_put p = { .parent = "dir", .name = "m", .body = body(BIG), .mtime_ms = -1, .deadline_ms = 400 };
	int64_t start = now_ms();
	CHECK_INT(drive_upload(d, &p, &f), -ETIMEDOUT);
	CHECK(now_ms() - start < 2000);
	CHECK(strstr(err_last(), "503"));
	drive_close(d);
}

TEST(drive_upload__a_small_file_is_one_request)
{
	struct line script[] = { RESERVE, { MULTI, "multipart/related; boundary=", 200, NULL, file_json("new2", 5), 0, ANSWER }, { 0 } };
	succeeds(script, 5, NULL);
	const struct request *q = server_request(1);
	CHECK(!strncmp(q->body, "--", 2));
	CHECK(strstr(q->body, "\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n{\"id\":\"new2\","));
	CHECK(strstr(q->body, "\r\nContent-Type: application/octet-stream\r\n\r\n"));
	CHECK(!strcmp(q->body + q->body_n - 4, "--\r\n"));
}

TEST(drive_upload__a_small_file_whose_answer_is_lost_is_one_file)
{
	struct line script[] = {
		RESERVE,
		{ MULTI, NULL, 200, NULL, NULL, 0, LOSE },
		{ GET_NEW, NULL, 200, NULL, file_json("new2", 5), 0, ANSWER },
		{ 0 },
	};
	succeeds(script, 5, NULL);
}

TEST(drive_upload__a_small_file_that_did_not_arrive_is_sent_again)
{
	struct line script[] = {
		RESERVE,
		{ MULTI, NULL, 502, NULL, "<html>", 0, ANSWER },
		{ GET_NEW, NULL, 404, NULL, NOT_FOUND, 0, ANSWER },
		{ MULTI, NULL, 409, NULL, IN_USE, 0, ANSWER },
		{ GET_NEW, NULL, 200, NULL, file_json("new2", 5), 0, ANSWER },
		{ 0 },
	};
	succeeds(script, 5, NULL);
}

TEST(drive_upload__an_empty_file_is_made_of_metadata)
{
	struct line script[] = {
		RESERVE,
		{ "POST /drive/v3/files?supportsAllDrives=true", NULL, 200, NULL, file_json("new2", 0), 0, ANSWER },
		{ 0 },
	};
	succeeds(script, 0, NULL);
}

TEST(drive_upload__an_empty_file_made_twice_is_one)
{
	struct line script[] = {
		RESERVE,
		{ "POST /drive/v3/files?supportsAllDrives=true", NULL, 200, NULL, NULL, 0, LOSE },
		{ "POST /drive/v3/files?supportsAllDrives=true", NULL, 409, NULL, IN_USE, 0, ANSWER },
		{ GET_NEW, NULL, 200, NULL, file_json("new2", 0), 0, ANSWER },
		{ 0 },
	};
	succeeds(script, 0, NULL);
}

TEST(drive_upload__new_content_for_a_file)
{
	struct line script[] = {
		{ "PATCH /upload/drive/v3/files/old?uploadType=resumable", NULL, 200, AT_SESSION, NULL, 0, ANSWER },
		{ SESSION, NULL, 200, NULL, file_json("old", BIG), 0, ANSWER },
		{ 0 },
	};
	succeeds(script, BIG, "old");
	CHECK_STR(server_request(0)->body, "{\"modifiedTime\":\"1970-01-01T00:00:07.000Z\"}");
}

TEST(drive_upload__emptying_a_file)
{
	struct line script[] = {
		{ "PATCH /upload/drive/v3/files/old?uploadType=multipart", NULL, 200, NULL, NULL, 0, LOSE },
		{ "GET /drive/v3/files/old?", NULL, 200, NULL, file_json("old", 3), 0, ANSWER },
		{ "PATCH /upload/drive/v3/files/old?uploadType=multipart", NULL, 200, NULL, file_json("old", 0), 0, ANSWER },
		{ 0 },
	};
	succeeds(script, 0, "old");
}

static ssize_t broken(struct source *s, void *buf, size_t n, uint64_t off)
{
	return off < MIB ? made_up(s, buf, n, off) : err_set(-ENODATA, "the disk is gone");
}

TEST(drive_upload__a_body_that_cannot_be_read_ends_it)
{
	static const struct source_ops ops = { .pread = broken, .free = keep };
	struct line script[] = { RESERVE, OPENED, { SESSION, NULL, 200, NULL, NULL, 0, LOSE }, { 0 } };
	struct drive_file f = { 0 };
	struct source s;
	server_start(script);
	struct drive *d = server_drive(2000);
	source_init(&s, &ops, BIG);
	struct drive_put p = { .parent = "dir", .name = "m", .body = &s, .mtime_ms = -1, .deadline_ms = 1000 };
	CHECK_INT(drive_upload(d, &p, &f), -ENODATA);
	CHECK_STR(err_last(), "the disk is gone");
	drive_close(d);
}
