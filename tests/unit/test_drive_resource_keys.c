/* SPDX-License-Identifier: MIT */
#include "drive/resource_keys.h"
#include "tests/unit/test.h"

static void header_is(struct resource_keys *k, const char *id, const char *want)
{
	CLEANUP_BUF struct buf b = BUF_INIT(RESOURCE_KEYS_HEADER_MAX);
	resource_keys_header(k, id, &b);
	CHECK_STR(b.data ? b.data : "", want);
}

TEST(drive_resource_keys__go_with_their_file_and_with_what_lies_below)
{
	struct resource_keys k = { 0 };
	resource_keys_learn(&k, "PLAIN", NULL, NULL);
	resource_keys_learn(&k, "F", NULL, "0-f");
	resource_keys_learn(&k, "child", "F", NULL);
	resource_keys_learn(&k, "keyed", "child", "0-k");
	header_is(&k, "PLAIN", "");
	header_is(&k, NULL, "");
	header_is(&k, "F", "X-Goog-Drive-Resource-Keys: F/0-f");
	header_is(&k, "child", "X-Goog-Drive-Resource-Keys: F/0-f");
	header_is(&k, "keyed", "X-Goog-Drive-Resource-Keys: keyed/0-k,F/0-f");
	resource_keys_learn(&k, "F", NULL, NULL); /* an answer that does not name it */
	resource_keys_learn(&k, "F", NULL, "0-new");
	header_is(&k, "child", "X-Goog-Drive-Resource-Keys: F/0-new");
	resource_keys_done(&k);
}

TEST(drive_resource_keys__a_folder_that_lies_in_itself_ends)
{
	struct resource_keys k = { 0 };
	resource_keys_learn(&k, "A", NULL, "1");
	resource_keys_learn(&k, "B", "A", NULL);
	resource_keys_learn(&k, "A", "B", "1");
	CLEANUP_BUF struct buf b = BUF_INIT(RESOURCE_KEYS_HEADER_MAX);
	resource_keys_header(&k, "A", &b);
	CHECK(b.len > 0 && b.len < 200);
	resource_keys_learn(&k, "no id", NULL, "1");
	resource_keys_learn(&k, "C", NULL, "no\r\nkey");
	header_is(&k, "C", "");
	resource_keys_done(&k);
}
