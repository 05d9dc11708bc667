/* SPDX-License-Identifier: MIT */
/* Every call of drive.h against every malformed answer: an errno and one line that says why, never
 * a crash, never a success that is none. */
#include "tests/unit/test_drive_server.h"

#define HEAVY do { if (torture) return; } while (0)

/* ---- the calls */
static int nothing(void *ctx, struct drive_file *f)
{
	(void)ctx, (void)f;
	return 0;
}

static int no_change(void *ctx, const char *id, struct drive_file *f)
{
	(void)ctx, (void)id, (void)f;
	return 0;
}

static int no_bytes(void *ctx, const void *data, size_t n)
{
	(void)ctx, (void)data, (void)n;
	return 0;
}

static int call_get(struct drive *d, struct drive_file *f) { return drive_get(d, "ID", f); }

static int call_list(struct drive *d, struct drive_file *f)
{
	(void)f;
	return drive_list(d, "ID", NULL, nothing, NULL);
}

static int call_mkdir(struct drive *d, struct drive_file *f) { return drive_mkdir(d, "ID", "name", f); }

static int call_edit(struct drive *d, struct drive_file *f)
{
	struct drive_edit e = { .name = "n", .from_parent = "a", .to_parent = "b", .mtime_ms = -1 };
	return drive_edit(d, "ID", &e, f);
}

static int call_trash(struct drive *d, struct drive_file *f)
{
	struct drive_edit e = { .mtime_ms = -1, .trash = true };
	return drive_edit(d, "ID", &e, f);
}

static int call_about(struct drive *d, struct drive_file *f)
{
	struct drive_about a;
	(void)f;
	return drive_about(d, &a);
}

static int call_who(struct drive *d, struct drive_file *f)
{
	struct drive_who w;
	(void)f;
	return drive_who(d, &w);
}

static int call_folder(struct drive *d, struct drive_file *f)
{
	struct drive_folder folder = { 0 };
	(void)f;
	int r = drive_folder(d, "ID", &folder);
	drive_file_done(&folder.file);
	return r;
}

static int call_shared_name(struct drive *d, struct drive_file *f)
{
	CLEANUP_FREE char *name = NULL;
	(void)f;
	return drive_shared_name(d, "ID", &name);
}

static int call_changes_start(struct drive *d, struct drive_file *f)
{
	CLEANUP_FREE char *token = NULL;
	(void)f;
	return drive_changes_start(d, "", &token);
}

static int call_changes(struct drive *d, struct drive_file *f)
{
	CLEANUP_FREE char *token = strdup("t");
	(void)f;
	int r = drive_changes(d, "", &token, no_change, NULL);
	if (r < 0)
		CHECK_STR(token, "t"); /* nothing is skipped */
	return r;
}

static int call_reserve(struct drive *d, struct drive_file *f) { return drive_reserve_id(d, f->id); }

static int call_verify(struct drive *d, struct drive_file *f)
{
	(void)f;
	struct drive_file old = { .id = "ID", .name = (char *)"m", .revision = "R1", .size = 9, .blob = true };
	return drive_verify_head(d, &old);
}

static int download(struct drive *d, const char *revision)
{
	struct drive_file f = { .id = "ID", .name = (char *)"m", .size = 9, .blob = true };
	CLEANUP_SOURCE struct source *s = NULL;
	memcpy(f.revision, revision, strlen(revision) + 1);
	int r = drive_source(d, &f, &s);
	return r < 0 ? r : source_stream(s, 2, 5, no_bytes, NULL);
}

static int call_download(struct drive *d, struct drive_file *f)
{
	(void)f;
	return download(d, "R1");
}

static int call_download_head(struct drive *d, struct drive_file *f)
{
	(void)f;
	return download(d, "");
}

static int upload(struct drive *d, size_t n, const char *id, struct drive_file *f)
{
	static char bytes[(1 << 20) + 1];
	CLEANUP_SOURCE struct source *s = NULL;
	struct drive_put put = { .id = id, .parent = "P", .name = "m", .reserved = id ? NULL : "NEW", .mtime_ms = -1 };
	int r = source_bytes(bytes, n, &s);
	put.body = s;
	return r < 0 ? r : drive_upload(d, &put, f);
}

static int call_upload_empty(struct drive *d, struct drive_file *f) { return upload(d, 0, NULL, f); }
static int call_upload_small(struct drive *d, struct drive_file *f) { return upload(d, 5, NULL, f); }
static int call_upload_large(struct drive *d, struct drive_file *f) { return upload(d, (1 << 20) + 1, NULL, f); }
static int call_replace(struct drive *d, struct drive_file *f) { return upload(d, 5, "ID", f); }

static const struct call_row {
	const char *name;
	int (*run)(struct drive *d, struct drive_file *f);
} calls[] = {
	{ "get", call_get }, { "list", call_list }, { "mkdir", call_mkdir },
	{ "edit", call_edit }, { "trash", call_trash }, { "about", call_about },
	{ "who", call_who }, { "folder", call_folder }, { "shared_name", call_shared_name },
	{ "changes_start", call_changes_start }, { "changes", call_changes },
	{ "reserve_id", call_reserve }, { "verify_head", call_verify },
	{ "download", call_download }, { "download_head", call_download_head },
	{ "upload_empty", call_upload_empty }, { "upload_small", call_upload_small },
	{ "upload_large", call_upload_large }, { "replace", call_replace },
};

/* ---- the answers */
#define OK "HTTP/1.1 200 OK\r\n"
#define JSON OK "Content-Type: application/json; charset=UTF-8\r\n\r\n"
#define LENGTH(n) OK "Content-Length: " n "\r\n\r\n"
#define ANSWER_ROW(text) { text, sizeof text - 1 }

static const struct {
	const char *raw;
	size_t n;
} answers[] = {
	/* not JSON, or cut short; whole to HTTP, since the connection's end ends it */
	ANSWER_ROW(JSON), ANSWER_ROW(JSON "{"), ANSWER_ROW(JSON "{\"id\":\"ID\",\"na"), ANSWER_ROW(JSON "{\"files\":[{\"id\":\"a\"},"),
	ANSWER_ROW(JSON "{\"id\":\"ID\"} x"), ANSWER_ROW(JSON "\0\0\0"), ANSWER_ROW(JSON "{\"id\":\"I\0D\"}"),
	ANSWER_ROW(JSON "\xff\xfe{\0}\0"), ANSWER_ROW(OK "Content-Type: text/html\r\n\r\n<html><body>Sign in to the Wi-Fi"),
	ANSWER_ROW(OK "Content-Type: image/png\r\n\r\n\x89PNG\r\n\x1a\n"),
	/* JSON of another kind */
	ANSWER_ROW(JSON "null"), ANSWER_ROW(JSON "[]"), ANSWER_ROW(JSON "7"), ANSWER_ROW(JSON "\"text\""), ANSWER_ROW(JSON "true"),
	ANSWER_ROW(JSON "{}"), ANSWER_ROW(JSON "[{\"id\":\"ID\"}]"), ANSWER_ROW(JSON "{\"error\":{\"code\":404}}"),
	/* wrong types, everywhere at once and one by one */
	ANSWER_ROW(JSON "{\"id\":5,\"name\":[],\"mimeType\":{},\"size\":{},\"parents\":\"x\",\"files\":7,\"changes\":\"no\",\"ids\":\"x\","
		   "\"startPageToken\":3,\"newStartPageToken\":[],\"nextPageToken\":{},\"storageQuota\":[],\"user\":\"u\","
		   "\"owners\":{},\"capabilities\":[],\"trashed\":\"yes\",\"version\":1e999,\"md5Checksum\":7}"),
	ANSWER_ROW(JSON "{\"id\":null}"), ANSWER_ROW(JSON "{\"id\": \"\"}"), ANSWER_ROW(JSON "{\"id\":\"../../x\"}"),
	ANSWER_ROW(JSON "{\"id\":\"a b\"}"), ANSWER_ROW(JSON "{\"files\":{\"id\":\"a\"}}"), ANSWER_ROW(JSON "{\"ids\":[1,null,\"\",\"a/b\"]}"),
	ANSWER_ROW(JSON "{\"kind\":7,\"incompleteSearch\":\"no\"}"), ANSWER_ROW(JSON "{\"files\":[],\"incompleteSearch\":true}"),
	ANSWER_ROW(JSON "{\"changes\":[{\"fileId\":\"a\",\"file\":{\"id\":7}}],\"newStartPageToken\":\"u\"}"),
	ANSWER_ROW(JSON "{\"changes\":[]}"), ANSWER_ROW(JSON "{\"startPageToken\":\"\"}"),
	/* lengths that lie */
	ANSWER_ROW(LENGTH("1000") "{}"), ANSWER_ROW(LENGTH("-1") "{}"), ANSWER_ROW(LENGTH("99999999999999999999") "{}"),
	ANSWER_ROW(LENGTH("x") "{"), ANSWER_ROW(OK "Content-Length: 1\r\nContent-Length: 2\r\n\r\n{}"), ANSWER_ROW(LENGTH("1") "{}"),
	ANSWER_ROW(OK "Transfer-Encoding: chunked\r\n\r\nzz\r\n{}"), ANSWER_ROW(OK "Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n{}"),
	ANSWER_ROW(OK "Transfer-Encoding: chunked\r\n\r\n5\r\n{}"), ANSWER_ROW(OK "Content-Encoding: gzip\r\n\r\nnot gzip at all"),
	ANSWER_ROW(OK "Content-Encoding: zebra\r\n\r\n{"),
	/* hostile headers */
	ANSWER_ROW(OK "X: a\0b\r\n\r\n{"), ANSWER_ROW(OK "Date: never\r\nRetry-After: -7\r\n: :\r\n\r\n{"),
	ANSWER_ROW(OK "Content-Range: bytes 5-1/2\r\nRange: bytes=9-1\r\nX-Goog-Hash: md5=\r\n\r\n{"),
	ANSWER_ROW(OK "Location: http://evil.example/upload?upload_id=1\r\n\r\n"), ANSWER_ROW(OK "Location: file:///etc/passwd\r\n\r\n"),
	ANSWER_ROW(OK "Location:\r\n\r\n"), ANSWER_ROW(OK "Location: https://u:p@www.googleapis.com/\\\r\n\r\n"),
	/* ranges that lie */
	ANSWER_ROW("HTTP/1.1 206 OK\r\n\r\nxxxxx"), ANSWER_ROW("HTTP/1.1 206 OK\r\nContent-Range: bytes 0-4/9\r\n\r\nxxxxx"),
	ANSWER_ROW("HTTP/1.1 206 OK\r\nContent-Range: bytes 2-6/8\r\n\r\nxxxxx"), ANSWER_ROW("HTTP/1.1 206 OK\r\nContent-Range: bytes 2-8/9\r\n\r\nxxxxxxx"),
	ANSWER_ROW("HTTP/1.1 206 OK\r\nContent-Range: bytes 2-6/*\r\n\r\nxxxxx"), ANSWER_ROW("HTTP/1.1 206 OK\r\nContent-Range: lines 2-6/9\r\n\r\nxxxxx"),
	ANSWER_ROW("HTTP/1.1 416 X\r\nContent-Range: bytes */0\r\n\r\n"), ANSWER_ROW("HTTP/1.1 308 X\r\nRange: bytes=0-99999999999\r\n\r\n"),
	ANSWER_ROW("HTTP/1.1 308 X\r\nRange: bytes=5-7\r\n\r\n"), ANSWER_ROW("HTTP/1.1 308 X\r\n\r\n"),
	/* no HTTP, or odd HTTP */
	ANSWER_ROW(""), ANSWER_ROW("SSH-2.0-OpenSSH_9.2\r\n"), ANSWER_ROW("HTTP/9.9 200 OK\r\n\r\n{}"), ANSWER_ROW("HTTP/1.1 \r\n\r\n"),
	ANSWER_ROW("HTTP/1.1 99 X\r\n\r\n"), ANSWER_ROW("HTTP/1.1 999 X\r\n\r\n"), ANSWER_ROW("HTTP/1.1 204 X\r\n\r\n"),
	ANSWER_ROW("HTTP/1.1 304 X\r\n\r\n"), ANSWER_ROW("HTTP/1.1 302 X\r\nLocation: http://127.0.0.1:1/\r\n\r\n"),
	ANSWER_ROW("HTTP/1.1 302 X\r\nLocation: gopher://x/\r\n\r\n"), ANSWER_ROW("HTTP/1.1 100 Continue\r\n\r\n"),
	ANSWER_ROW("HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n"),
	/* errors whose bodies are none */
	ANSWER_ROW("HTTP/1.1 403 X\r\n\r\n{\"error\":\"\xff\"}"), ANSWER_ROW("HTTP/1.1 400 X\r\n\r\n{\"error\":{\"errors\":{\"reason\":[]}}}"),
	ANSWER_ROW("HTTP/1.1 403 X\r\n\r\n{\"error\":{\"errors\":[7,null],\"details\":[[],{\"reason\":{}}],\"message\":7}}"),
	ANSWER_ROW("HTTP/1.1 500 X\r\n\r\n\0\0"), ANSWER_ROW("HTTP/1.1 404 X\r\n\r\n<<<<>>>>"), ANSWER_ROW("HTTP/1.1 409 X\r\n\r\n"),
	ANSWER_ROW("HTTP/1.1 401 X\r\nWWW-Authenticate: Bearer\r\n\r\n"), ANSWER_ROW("HTTP/1.1 429 X\r\nRetry-After: soon\r\n\r\n"),
};

static bool known_errno(int r)
{
	static const int all[] = { ENOENT, EACCES, EIO, EBADMSG, EINVAL, ETIMEDOUT, EEXIST, ESTALE, ECONNREFUSED, EFBIG,
				   EDQUOT, ENOSPC, EHOSTUNREACH, ENETUNREACH };
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (r == -all[i])
			return true;
	return false;
}

static void check_one(struct drive *d, const struct call_row *c, const char *answer)
{
	struct drive_file f = { 0 };
	err_clear();
	int r = c->run(d, &f);
	bool fine = r < 0 && known_errno(r) && *err_last() && !strchr(err_last(), '\n') && !strstr(err_last(), "ya29.");
	if (!fine)
		fprintf(stderr, "%s: %d (%s) for %.200s\n", c->name, r, err_last(), answer);
	CHECK(fine);
	drive_file_done(&f);
}

static void all_answers_for(size_t first, size_t end)
{
	server_lie("", 0, 0, "");
	struct drive *d = server_drive(400);
	for (size_t i = first; i < end && i < sizeof calls / sizeof *calls; i++)
		for (size_t j = 0; j < sizeof answers / sizeof *answers; j++) {
			server_lie(answers[j].raw, answers[j].n, 0, "");
			check_one(d, &calls[i], answers[j].raw);
		}
	drive_close(d);
}

TEST(drive_malformed__metadata_by_every_answer) { HEAVY; all_answers_for(0, 5); }
TEST(drive_malformed__questions_by_every_answer) { HEAVY; all_answers_for(5, 11); }
TEST(drive_malformed__ids_and_heads_by_every_answer) { HEAVY; all_answers_for(11, 13); }
TEST(drive_malformed__downloads_by_every_answer) { HEAVY; all_answers_for(13, 15); }
TEST(drive_malformed__small_uploads_by_every_answer) { HEAVY; all_answers_for(15, 17); }
TEST(drive_malformed__large_uploads_by_every_answer) { HEAVY; all_answers_for(17, 18); }
TEST(drive_malformed__new_contents_by_every_answer) { HEAVY; all_answers_for(18, 19); }

static void every_call(const char *head, size_t fill, const char *tail, size_t most)
{
	server_lie(head, strlen(head), fill, tail);
	struct drive *d = server_drive(400);
	for (size_t i = 0; i < most; i++)
		check_one(d, &calls[i], "what is filled up");
	drive_close(d);
}

TEST(drive_malformed__a_header_of_a_megabyte)
{
	HEAVY;
	every_call(OK "X: ", 1 << 20, "\r\n\r\n{", sizeof calls / sizeof *calls);
}

TEST(drive_malformed__ten_thousand_headers)
{
	HEAVY;
	static char head[400000] = OK;
	for (size_t n = strlen(head), i = 0; i < 10000; i++)
		n += (size_t)snprintf(head + n, sizeof head - n, "X-Header-Number-%zu: value\r\n", i);
	every_call(head, 0, "\r\n{", sizeof calls / sizeof *calls);
}

TEST(drive_malformed__a_hundred_megabytes_of_json)
{
	HEAVY;
	every_call(JSON "{\"files\":[],\"kind\":\"", 100 << 20, "\"}", 2);
}

TEST(drive_malformed__a_hundred_megabytes_of_an_error)
{
	HEAVY;
	every_call("HTTP/1.1 403 X\r\n\r\n{\"error\":{\"message\":\"", 100 << 20, "\"}}", 1);
}

TEST(drive_malformed__brackets_without_end)
{
	HEAVY;
	static char deep[200100] = JSON;
	memset(deep + strlen(deep), '[', 200000);
	every_call(deep, 0, "", sizeof calls / sizeof *calls);
}

TEST(drive_malformed__a_download_that_never_ends)
{
	HEAVY;
	server_lie("HTTP/1.1 206 OK\r\nContent-Range: bytes 2-6/9\r\n\r\n", 48, 100 << 20, "");
	struct drive *d = server_drive(400);
	CHECK_INT(download(d, "R1"), 0); /* what was asked for came; the rest is not read */
	struct drive_stats s;
	drive_stats(d, &s);
	CHECK(s.bytes_in < 4 << 20);
	drive_close(d);
}

TEST(drive_malformed__all_of_a_file_without_its_length_counts_when_it_ends_where_it_should)
{
	HEAVY;
	static const struct {
		const char *body;
		int want;
	} rows[] = { { "123456789", 0 }, { "12345678", -EBADMSG }, { "1234567890", -EBADMSG }, { "", -EBADMSG } };
	server_lie("", 0, 0, "");
	struct drive *d = server_drive(400);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		server_lie(OK "\r\n", strlen(OK "\r\n"), 0, rows[i].body);
		CHECK_INT(download(d, "R1"), rows[i].want);
	}
	drive_close(d);
}
