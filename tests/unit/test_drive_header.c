/* SPDX-License-Identifier: MIT */
#include "drive/header.h"
#include "tests/unit/test.h"

#include <time.h>

static void take(struct http_response *p, const char *line) { CHECK_INT(header_take(p, line, strlen(line)), 0); }

TEST(drive_header__each_goes_to_its_place)
{
	struct http_response p;
	http_response_init(&p);
	take(&p, "LOCATION:\t https://x/?y:z \r\n");
	take(&p, "Content-Range: bytes 0-1/2\r\n");
	take(&p, "range:bytes=0-41\r\n");
	take(&p, "X-Goog-Hash: md5=a\r\n");
	take(&p, "X-Goog-Hash: md5=b\r\n");
	take(&p, "Content-Length: 42\r\n");
	take(&p, "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n");
	take(&p, "Content-Encoding: gzip\r\n");
	CHECK_STR(p.location, "https://x/?y:z");
	CHECK_STR(p.content_range, "bytes 0-1/2");
	CHECK_STR(p.range, "bytes=0-41");
	CHECK_STR(p.goog_hash, "md5=b");
	CHECK_STR(p.encoding, "gzip");
	CHECK_INT(p.length, 42);
	CHECK_INT(p.date_s, 784111777);
	CHECK_INT(p.retry_after_ms, -1);
	http_response_done(&p);
}

TEST(drive_header__retry_after_in_seconds)
{
	static const struct {
		const char *value;
		int64_t ms;
	} rows[] = {
		{ "0", 0 }, { "7", 7000 }, { "86400", 86400000 }, { "86401", -1 }, { "-1", -1 }, { "7.5", -1 }, { "", -1 },
		{ "99999999999999999999", -1 }, { "0x7", -1 }, { "soon", -1 },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char line[100];
		struct http_response p;
		http_response_init(&p);
		snprintf(line, sizeof line, "Retry-After: %s\r\n", rows[i].value);
		take(&p, line);
		CHECK_INT(p.retry_after_ms, rows[i].ms);
		http_response_done(&p);
	}
}

TEST(drive_header__retry_after_as_a_date_counts_from_the_answers_own)
{
	static const char after[] = "Retry-After: Sun, 06 Nov 1994 08:50:07 GMT\r\n";
	static const char date[] = "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n";
	for (int order = 0; order < 2; order++) {
		struct http_response p;
		http_response_init(&p);
		take(&p, order ? date : after);
		take(&p, order ? after : date);
		CHECK_INT(p.retry_after_ms, 30000);
		take(&p, "Retry-After: 5\r\n");
		CHECK_INT(p.retry_after_ms, 5000);
		take(&p, date);
		CHECK_INT(p.retry_after_ms, 5000);
		http_response_done(&p);
	}
	struct http_response p; /* without it, from ours */
	char line[100];
	time_t at = time(NULL) + 100;
	struct tm tm;
	http_response_init(&p);
	gmtime_r(&at, &tm);
	strftime(line, sizeof line, "Retry-After: %a, %d %b %Y %H:%M:%S GMT", &tm);
	take(&p, line);
	CHECK(p.retry_after_ms > 0 && p.retry_after_ms <= 100000);
	take(&p, "Retry-After: Sun, 06 Nov 1994 08:49:37 GMT");
	CHECK_INT(p.retry_after_ms, -1);
	http_response_done(&p);
}

TEST(drive_header__what_makes_no_sense_is_left_out)
{
	static const char *const odd[] = {
		"", "\r\n", ":", " : ", "no colon", "Date: never", "Date:", "Content-Length: 18446744073709551616",
		"Content-Length: -5", "Content-Length: 1 2", "X-Unknown: y", ":Location",
	};
	struct http_response p;
	http_response_init(&p);
	for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
		take(&p, odd[i]);
	CHECK(!p.location && !p.range && !p.content_range && !p.goog_hash && !p.encoding);
	CHECK(p.length == -1 && p.date_s == -1 && p.retry_after_ms == -1);
	CHECK_INT(header_take(&p, "Location: a\0b", 13), 0);
	CHECK_STR(p.location, "a");
	http_response_done(&p);
}
