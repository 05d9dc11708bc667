/* SPDX-License-Identifier: MIT */
#include "drive/range.h"
#include "drive/url.h"
#include "tests/unit/test.h"

TEST(drive_url__origins)
{
	struct url_origin o;
	CHECK_INT(url_origin("https://WWW.googleapis.com/x?y", &o), 0);
	CHECK(o.https && o.port == 443);
	CHECK_STR(o.host, "www.googleapis.com");
	CHECK_INT(url_origin("http://[::1]:8080", &o), 0);
	CHECK_STR(o.host, "[::1]");
	CHECK_INT(o.port, 8080);
	static const char *const bad[] = { "", "ftp://x", "https://", "https:///x", "https://u@h/", "https://h:0", "https://h:65536",
					   "https://h:x", "https://h\\x", "https://h /", "//h", "https://[::1", "https://h\n" };
	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++)
		CHECK_INT(url_origin(bad[i], &o), -EINVAL);
	CHECK(url_same_origin("https://a/b", "HTTPS://A:443?x"));
	CHECK(!url_same_origin("https://a", "http://a"));
	CHECK(!url_same_origin("https://a", "https://a:444"));
	CHECK(!url_same_origin("https://a.b", "https://a"));
}

TEST(drive_url__only_google_is_google)
{
	CHECK(url_is_google("https://www.googleapis.com/upload"));
	CHECK(url_is_google("https://googleapis.com/"));
	CHECK(!url_is_google("http://www.googleapis.com/"));
	CHECK(!url_is_google("https://evilgoogleapis.com/"));
	CHECK(!url_is_google("https://googleapis.com.evil.example/"));
	CHECK(!url_is_google("https://www.googleapis.com@evil.example/"));
	CHECK(!url_is_google("https://www.googleapis.com:444/"));
	CHECK(!url_is_google("https://evil.example/.googleapis.com"));
}

TEST(drive_url__http_is_for_this_machine)
{
	struct url_origin o;
	CHECK(url_origin("http://localhost:1", &o) == 0 && url_allowed(&o));
	CHECK(url_origin("http://127.0.0.1:1", &o) == 0 && url_allowed(&o));
	CHECK(url_origin("http://10.0.0.1", &o) == 0 && !url_allowed(&o));
	CHECK(url_origin("https://10.0.0.1", &o) == 0 && url_allowed(&o));
}

TEST(drive_url__ids)
{
	char longest[129];
	memset(longest, 'a', sizeof longest);
	longest[127] = 0;
	CHECK(url_id_ok("root") && url_id_ok("1-_Az09") && url_id_ok(longest));
	longest[127] = 'a';
	longest[128] = 0;
	CHECK(!url_id_ok(longest) && !url_id_ok("") && !url_id_ok("a b") && !url_id_ok("a/b") && !url_id_ok("a.b"));
}

TEST(drive_url__traces_hold_no_secret)
{
	CLEANUP_BUF struct buf b = BUF_INIT(4096);
	url_trace(&b, "https://h/upload/drive/v3/files/ID?uploadType=resumable&fields=a,b&upload_id=SECRET&access_token=S&alt=media");
	CHECK(!b.failed);
	CHECK_STR(b.data, "/upload/drive/v3/files/ID?uploadType=resumable&alt=media");
	buf_reset(&b);
	url_escape(&b, "a b/&=?%\xc3\xa9~");
	CHECK(!b.failed);
	CHECK_STR(b.data, "a%20b%2F%26%3D%3F%25%C3%A9~");
}

TEST(drive_range__content_range)
{
	struct range_content c;
	CHECK(range_content("bytes 0-99/100", &c) && c.whole && c.first == 0 && c.last == 99 && c.total == 100);
	CHECK(range_content("Bytes  5-5/9223372036854775799 ", &c) && c.first == 5);
	CHECK(range_content("bytes */225", &c) && !c.whole && c.total == 225);
	static const char *const bad[] = { "", "bytes", "bytes 0-99", "bytes 0-99/*", "bytes 5-4/10", "bytes 0-10/10", "bytes -1-2/3",
					   "bytes 0-99/100x", "bytes=0-99/100", "items 0-1/2", "bytes 0-9999999999999999999999/9",
					   "bytes +0-1/2", "bytes 0 -1/2", "bytes */", "bytes */*", "bytes 0-0/99999999999999999999" };
	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++)
		CHECK(!range_content(bad[i], &c));
	CHECK(!range_content(NULL, &c));
}

TEST(drive_range__what_a_308_stored)
{
	uint64_t n = 7;
	CHECK(range_stored(NULL, &n) && n == 0);
	CHECK(range_stored("", &n) && n == 0);
	CHECK(range_stored("bytes=0-42", &n) && n == 43);
	CHECK(range_stored("0-42", &n) && n == 43);
	CHECK(range_stored("bytes 0-0", &n) && n == 1);
	static const char *const bad[] = { "bytes=1-42", "bytes=0-", "bytes=-5", "x", "bytes=0-42,50-60", "bytes=0-99999999999999999999" };
	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++)
		CHECK(!range_stored(bad[i], &n));
}

TEST(drive_range__md5_of_x_goog_hash)
{
	uint8_t md5[16];
	CHECK(range_goog_md5("crc32c=AAAAAA==,md5=1B2M2Y8AsgTpgAmY7PhCfg==", md5));
	CHECK_INT(md5[0], 0xd4);
	CHECK_INT(md5[1], 0x1d);
	CHECK_INT(md5[15], 0x7e);
	CHECK(range_goog_md5("md5=1B2M2Y8AsgTpgAmY7PhCfg==", md5));
	CHECK(!range_goog_md5("crc32c=AAAAAA==", md5) && !range_goog_md5(NULL, md5) && !range_goog_md5("md5=1B2M", md5));
	CHECK(!range_goog_md5("xmd5=1B2M2Y8AsgTpgAmY7PhCfg==", md5));
}
