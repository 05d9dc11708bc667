/* SPDX-License-Identifier: MIT */
#include "drive/keys.h"
#include "tests/unit/test.h"

static void header_is(struct keys *k, const char *id, const char *want)
{
	CLEANUP_BUF struct buf b = BUF_INIT(KEYS_HEADER_MAX);
	keys_header(k, id, &b);
	CHECK_STR(b.data ? b.data : "", want);
}

TEST(drive_keys__go_with_their_file_and_with_what_lies_below)
{
	struct keys k = { 0 };
	keys_learn(&k, "PLAIN", NULL, NULL);
	keys_learn(&k, "F", NULL, "0-f");
	keys_learn(&k, "child", "F", NULL);
	keys_learn(&k, "keyed", "child", "0-k");
	header_is(&k, "PLAIN", "");
	header_is(&k, NULL, "");
	header_is(&k, "F", "X-Goog-Drive-Resource-Keys: F/0-f");
	header_is(&k, "child", "X-Goog-Drive-Resource-Keys: F/0-f");
	header_is(&k, "keyed", "X-Goog-Drive-Resource-Keys: keyed/0-k,F/0-f");
	keys_learn(&k, "F", NULL, NULL); /* an answer that does not name it */
	keys_learn(&k, "F", NULL, "0-new");
	header_is(&k, "child", "X-Goog-Drive-Resource-Keys: F/0-new");
	keys_done(&k);
}

TEST(drive_keys__a_folder_that_lies_in_itself_ends)
{
	struct keys k = { 0 };
	keys_learn(&k, "A", NULL, "1");
	keys_learn(&k, "B", "A", NULL);
	keys_learn(&k, "A", "B", "1");
	CLEANUP_BUF struct buf b = BUF_INIT(KEYS_HEADER_MAX);
	keys_header(&k, "A", &b);
	CHECK(b.len > 0 && b.len < 200);
	keys_learn(&k, "no id", NULL, "1");
	keys_learn(&k, "C", NULL, "no\r\nkey");
	header_is(&k, "C", "");
	keys_done(&k);
}
