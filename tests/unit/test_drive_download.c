/* SPDX-License-Identifier: MIT */
#include "tests/unit/test_drive_server.h"

static const char text[] = "0123456789abcdefghij";	/* 20 bytes */
#define MEDIA "GET /drive/v3/files/ID/revisions/r1?alt=media"
#define HEAD_MEDIA "GET /drive/v3/files/ID?alt=media&supportsAllDrives=true"
#define FORBIDDEN "{\"error\":{\"code\":403,\"message\":\"The user does not have sufficient permissions for this file.\"," \
	"\"errors\":[{\"message\":\"no\",\"domain\":\"global\",\"reason\":\"insufficientFilePermissions\"}]}}"
#define HEAD "GET /drive/v3/files/ID?supportsAllDrives=true&prettyPrint=false&fields=id,mimeType,size,md5Checksum,version,headRevisionId"
#define IS_HEAD "{\"id\":\"ID\",\"mimeType\":\"x/y\",\"size\":\"20\",\"headRevisionId\":\"r1\"}"

struct got {
	char bytes[64];
	size_t n;
	int fail_at, err;
};

static int sink(void *ctx, const void *data, size_t n)
{
	struct got *g = ctx;
	CHECK(g->n + n < sizeof g->bytes);
	memcpy(g->bytes + g->n, data, n);
	g->n += n;
	return g->err;
}

static struct source *open_file(struct drive *d, uint64_t size)
{
	struct drive_file f = { .id = "ID", .revision = "r1", .name = (char *)"m.model", .size = size, .blob = true };
	struct source *s = NULL;
	CHECK_INT(drive_source(d, &f, &s), 0);
	return s;
}

/* Streams [off, off + n) of `text` and wants it right. */
static void streams(const struct line *script, uint64_t off, uint64_t n, int requests)
{
	struct got g = { 0 };
	server_start(script);
	struct drive *d = server_drive(5000);
	struct source *s = open_file(d, 20);
	int r = source_stream(s, off, n, sink, &g);
	if (r < 0 && !torture)
		fprintf(stderr, "%s\n", err_last());
	CHECK_INT(r, 0);
	CHECK_INT(g.n, n);
	CHECK(!memcmp(g.bytes, text + off, n));
	source_unref(s);
	server_done();
	CHECK_INT(server_requests(), requests);
	drive_close(d);
}

static void fails(const struct line *script, uint64_t off, uint64_t n, int err)
{
	struct got g = { 0 };
	server_start(script);
	struct drive *d = server_drive(2000);
	struct source *s = open_file(d, 20);
	CHECK_INT(source_stream(s, off, n, sink, &g), err);
	CHECK(g.n <= n && !memcmp(g.bytes, text + off, g.n));
	source_unref(s);
	server_done();
	drive_close(d);
}

TEST(drive_download__one_range_is_one_request)
{
	static const struct line script[] = {
		{ MEDIA, "Range: bytes=5-9\r\n", 206, "Content-Range: bytes 5-9/20\r\n", "56789", 0, ANSWER },
		{ 0 },
	};
	streams(script, 5, 5, 1);
	CHECK(strstr(server_request(0)->head, "Accept-Encoding: identity\r\n"));
	CHECK(strstr(server_trace(), "GET /drive/v3/files/ID/revisions/r1?alt=media bytes=5-9 206 5 B "));
}

TEST(drive_download__a_200_to_a_range_is_cut_to_what_was_asked_for)
{
	static const struct line script[] = { { MEDIA, "bytes=5-9", 200, NULL, text, 0, ANSWER }, { 0 } };
	streams(script, 5, 5, 1);
}

TEST(drive_download__a_cut_body_goes_on_from_the_break)
{
	static const struct line script[] = {
		{ MEDIA, "bytes=0-19", 206, "Content-Range: bytes 0-19/20\r\n", text, 0, CUT },
		{ MEDIA, "bytes=10-19", 206, "Content-Range: bytes 10-19/20\r\n", text + 10, 0, ANSWER },
		{ 0 },
	};
	streams(script, 0, 20, 2);
}

#define MOVED_ON "{\"id\":\"ID\",\"mimeType\":\"x/y\",\"size\":\"20\",\"headRevisionId\":\"r2\"}"

TEST(drive_download__a_reader_without_the_right_to_revisions_reads_the_head_and_asks_again)
{
	static const struct line script[] = {
		{ MEDIA, "bytes=0-9", 403, NULL, FORBIDDEN, 0, ANSWER },
		{ HEAD, NULL, 200, NULL, IS_HEAD, 0, ANSWER },
		{ HEAD_MEDIA, "bytes=0-9", 206, "Content-Range: bytes 0-9/20\r\n", "0123456789", 0, ANSWER },
		{ HEAD, NULL, 200, NULL, IS_HEAD, 0, ANSWER },
		/* another stream, and another file's: the head at once */
		{ HEAD_MEDIA, "bytes=10-19", 206, "Content-Range: bytes 10-19/20\r\n", text + 10, 0, ANSWER },
		{ HEAD, NULL, 200, NULL, IS_HEAD, 0, ANSWER },
		{ HEAD_MEDIA, "bytes=10-19", 206, "Content-Range: bytes 10-19/20\r\n", text + 10, 0, ANSWER },
		{ HEAD, NULL, 200, NULL, MOVED_ON, 0, ANSWER },
		{ 0 },
	};
	struct got g = { 0 };
	server_start(script);
	struct drive *d = server_drive(5000);
	struct source *s = open_file(d, 20);
	CHECK(!s->ops->tentative(s));
	CHECK_INT(source_stream(s, 0, 10, sink, &g), 0);
	CHECK(s->ops->tentative(s));
	CHECK_INT(source_stream(s, 10, 10, sink, &g), 0);
	CHECK(g.n == 20 && !memcmp(g.bytes, text, 20));
	source_unref(s);
	s = open_file(d, 20);
	CHECK(s->ops->tentative(s));
	CHECK_INT(source_stream(s, 10, 10, sink, &g), -ESTALE);
	source_unref(s);
	server_done();
	CHECK_INT(server_requests(), 8);
	drive_close(d);
}

TEST(drive_download__a_revision_that_is_gone_is_stale_and_never_another_one)
{
	static const struct line script[] = {
		{ MEDIA, NULL, 404, NULL, FORBIDDEN, 0, ANSWER },
		{ HEAD, NULL, 200, NULL, MOVED_ON, 0, ANSWER },
		{ 0 },
	};
	fails(script, 0, 20, -ESTALE);
}

TEST(drive_download__a_revision_that_goes_half_way_is_stale)
{
	static const struct line script[] = {
		{ MEDIA, "bytes=0-19", 206, "Content-Range: bytes 0-19/20\r\n", text, 0, CUT },
		{ MEDIA, "bytes=10-19", 403, NULL, FORBIDDEN, 0, ANSWER },
		{ 0 },
	};
	fails(script, 0, 20, -ESTALE);
}

TEST(drive_download__a_shorter_range_than_asked_for_is_gone_on_with)
{
	static const struct line script[] = {
		{ MEDIA, "bytes=0-19", 206, "Content-Range: bytes 0-9/20\r\n", "0123456789", 0, ANSWER },
		{ MEDIA, "bytes=10-19", 206, "Content-Range: bytes 10-19/20\r\n", text + 10, 0, ANSWER },
		{ 0 },
	};
	streams(script, 0, 20, 2);
}

TEST(drive_download__rate_limits_and_5xx_are_waited_out)
{
	static const struct line script[] = {
		{ MEDIA, NULL, 403, NULL, RATE_LIMIT, 0, ANSWER },
		{ MEDIA, NULL, 502, "Content-Type: text/html\r\n", "<html>Bad Gateway</html>", 0, ANSWER },
		{ MEDIA, NULL, 0, NULL, NULL, 0, LOSE },
		{ MEDIA, "bytes=0-4", 206, "Content-Range: bytes 0-4/20\r\n", "01234", 0, ANSWER },
		{ 0 },
	};
	streams(script, 0, 5, 4);
}

TEST(drive_download__another_size_is_stale)
{
	static const struct line a[] = { { MEDIA, NULL, 206, "Content-Range: bytes 0-4/21\r\n", "01234", 0, ANSWER }, { 0 } };
	fails(a, 0, 5, -ESTALE);
}

TEST(drive_download__another_size_of_a_200_is_stale)
{
	static const struct line a[] = { { MEDIA, NULL, 200, NULL, "0123456789", 0, ANSWER }, { 0 } };
	fails(a, 0, 5, -ESTALE);
}

TEST(drive_download__416_for_a_file_that_shrank_is_stale)
{
	static const struct line a[] = { { MEDIA, NULL, 416, "Content-Range: bytes */7\r\n", "{}", 0, ANSWER }, { 0 } };
	fails(a, 10, 5, -ESTALE);
}

TEST(drive_download__416_for_the_same_size_is_no_end_of_file)
{
	static const struct line a[] = { { MEDIA, NULL, 416, "Content-Range: bytes */20\r\n", "{}", 0, ANSWER }, { 0 } };
	fails(a, 10, 5, -EBADMSG);
}

TEST(drive_download__a_wrong_position_is_never_stored)
{
	static const struct line a[] = { { MEDIA, NULL, 206, "Content-Range: bytes 0-4/20\r\n", "01234", 0, ANSWER }, { 0 } };
	fails(a, 5, 5, -EBADMSG);
}

TEST(drive_download__206_needs_a_content_range)
{
	static const struct line a[] = { { MEDIA, NULL, 206, NULL, "56789", 0, ANSWER }, { 0 } };
	fails(a, 5, 5, -EBADMSG);
}

TEST(drive_download__compressed_bytes_are_refused)
{
	static const struct line a[] = {
		{ MEDIA, NULL, 206, "Content-Range: bytes 0-4/20\r\nContent-Encoding: gzip\r\n", "01234", 0, ANSWER }, { 0 },
	};
	fails(a, 0, 5, -EBADMSG);
}

TEST(drive_download__the_quota_of_a_file_is_not_hammered)
{
	static const struct line a[] = {
		{ MEDIA, NULL, 403, NULL, "{\"error\":{\"errors\":[{\"reason\":\"downloadQuotaExceeded\"}],\"message\":\"m\"}}", 0, ANSWER },
		{ 0 },
	};
	fails(a, 0, 5, -EDQUOT);
	CHECK(strstr(err_last(), "download \"m.model\": HTTP 403 downloadQuotaExceeded: m"));
}

TEST(drive_download__an_empty_file_is_never_asked_for)
{
	static const struct line script[] = { { 0 } };
	char b[4];
	server_start(script);
	struct drive *d = server_drive(5000);
	struct source *s = open_file(d, 0);
	CHECK_INT(source_pread(s, b, 4, 0), 0);
	CHECK_INT(source_stream(s, 0, 0, sink, NULL), 0);
	CHECK_INT(server_requests() + server_tokens(), 0);
	source_unref(s);
	drive_close(d);
}

TEST(drive_download__pread_is_whole_or_an_error)
{
	static const struct line script[] = {
		{ MEDIA, "bytes=18-19", 206, "Content-Range: bytes 18-19/20\r\n", "ij", 0, ANSWER },
		{ MEDIA, "bytes=0-3", 401, NULL, UNAUTHORIZED, 0, ANSWER },
		{ MEDIA, "bytes=0-3", 206, "Content-Range: bytes 0-3/20\r\n", "0123", 0, ANSWER },
		{ 0 },
	};
	char b[16];
	server_start(script);
	struct drive *d = server_drive(5000);
	struct source *s = open_file(d, 20);
	CHECK_INT(source_pread(s, b, sizeof b, 18), 2);
	CHECK(!memcmp(b, "ij", 2));
	CHECK_INT(source_pread(s, b, 4, 0), 4);
	CHECK_INT(server_tokens(), 2);
	source_unref(s);
	server_done();
	drive_close(d);
}

TEST(drive_download__a_sinks_error_is_returned_as_it_is)
{
	static const struct line script[] = {
		{ MEDIA, NULL, 206, "Content-Range: bytes 0-19/20\r\n", text, 0, ANSWER },
		{ 0 },
	};
	struct got g = { .err = -ENOSPC };
	server_start(script);
	struct drive *d = server_drive(5000);
	struct source *s = open_file(d, 20);
	CHECK_INT(source_stream(s, 0, 20, sink, &g), -ENOSPC);
	source_unref(s);
	server_done();
	drive_close(d);
}

TEST(drive_download__a_checksum_in_the_header_tells_another_revision)
{
	static const struct line script[] = {
		{ MEDIA, NULL, 200, "X-Goog-Hash: md5=1B2M2Y8AsgTpgAmY7PhCfg==\r\n", text, 0, ANSWER },
		{ 0 },
	};
	struct got g = { 0 };
	struct drive_file f = { .id = "ID", .revision = "r1", .name = (char *)"m", .size = 20, .blob = true, .has_md5 = true };
	struct source *s = NULL;
	server_start(script);
	struct drive *d = server_drive(5000);
	CHECK_INT(drive_source(d, &f, &s), 0);
	CHECK_INT(source_stream(s, 0, 20, sink, &g), -ESTALE);
	CHECK_INT(g.n, 0);
	source_unref(s);
	drive_close(d);
}

TEST(drive_download__documents_have_no_source)
{
	static const struct line script[] = { { 0 } };
	struct drive_file f = { .id = "ID", .name = (char *)"doc" };
	struct source *s = NULL;
	server_start(script);
	struct drive *d = server_drive(5000);
	CHECK_INT(drive_source(d, &f, &s), -EACCES);
	drive_close(d);
}

TEST(drive_download__has_nothing_to_spare_when_units_are_short)
{
	struct line script[8];
	struct drive_file f = { .id = "ID", .name = (char *)"m", .revision = "R", .size = 3, .blob = true };
	struct source *s = NULL;
	for (int i = 0; i < 2; i++)
		script[i] = (struct line){ "GET /drive/v3/files/ID/revisions/R?alt=media", NULL, 200, NULL, "abc", 0, ANSWER };
	script[2] = (struct line){ 0 };
	server_start(script);
	struct drive *d = server_drive_with(&(struct drive_config){ .deadline_ms = 3000, .units_per_minute = 2800 });
	CHECK_INT(drive_source(d, &f, &s), 0);
	char got[3];
	CHECK(source_spare(s));		/* a bucket of 700 */
	CHECK_INT(source_read(s, got, 3, 0), 0);
	CHECK(source_spare(s));		/* 500 */
	CHECK_INT(source_read(s, got, 3, 0), 0);
	CHECK(!source_spare(s));	/* 300: readers may have it */
	struct drive_stats stats;
	drive_stats(d, &stats);
	CHECK_INT(stats.units, 400);
	source_unref(s);
	server_done();
	drive_close(d);
}

TEST(drive_download__a_revision_that_heeds_no_range_is_read_as_the_head)
{
	enum { SIZE = 3 << 20 };
	static char all[SIZE];
	static const char head[] = "{\"id\":\"ID\",\"size\":\"3145728\",\"headRevisionId\":\"r1\"}";
	static const struct line script[] = {
		{ "GET /drive/v3/files/ID/revisions/r1?alt=media", "Range: bytes=2097152-2097161\r\n", 200, NULL, all, SIZE, ANSWER },
		{ "GET /drive/v3/files/ID?supportsAllDrives", NULL, 200, NULL, head, 0, ANSWER },
		{ "GET /drive/v3/files/ID?alt=media", "Range: bytes=2097152-2097161\r\n", 206,
		  "Content-Range: bytes 2097152-2097161/3145728\r\n", "0123456789", 0, ANSWER },
		{ "GET /drive/v3/files/ID?supportsAllDrives", NULL, 200, NULL, head, 0, ANSWER },
		{ "GET /drive/v3/files/ID?alt=media", "Range: bytes=2097162-2097163\r\n", 206,
		  "Content-Range: bytes 2097162-2097163/3145728\r\n", "ab", 0, ANSWER },
		{ "GET /drive/v3/files/ID?supportsAllDrives", NULL, 200, NULL, head, 0, ANSWER },
		{ 0 },
	};
	char got[12];
	server_start(script);
	struct drive *d = server_drive(5000);
	struct source *s = open_file(d, SIZE);
	CHECK_INT(source_read(s, got, 10, 2097152), 0);
	CHECK_INT(source_read(s, got + 10, 2, 2097162), 0);
	CHECK(!memcmp(got, "0123456789ab", 12));
	source_unref(s);
	server_done();
	drive_close(d);
}

TEST(drive_download__abuse_is_acknowledged_only_on_demand)
{
	static const struct line script[] = {
		{ "GET /drive/v3/files/ID/revisions/r1?alt=media&acknowledgeAbuse=true", NULL, 206,
		  "Content-Range: bytes 0-1/20\r\n", "01", 0, ANSWER },
		{ 0 },
	};
	char got[2];
	server_start(script);
	struct drive *d = server_drive_with(&(struct drive_config){ .deadline_ms = 5000, .acknowledge_abuse = true });
	struct source *s = open_file(d, 20);
	CHECK_INT(source_read(s, got, 2, 0), 0);
	source_unref(s);
	server_done();
	drive_close(d);
}
