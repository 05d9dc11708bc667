/* SPDX-License-Identifier: MIT */
#include "drive/pool.h"
#include "tests/unit/test.h"

#include <string.h>

static const char *mark_of(struct pool_slot *s)
{
	char *mark = NULL;
	CHECK_INT(curl_easy_getinfo(s->easy, CURLINFO_PRIVATE, &mark), CURLE_OK);
	return mark;
}

/* libcurl 8.14 keeps its wish to rewind a body in a handle whose transfer failed. */
TEST(drive_pool__a_handle_whose_transfer_failed_is_not_used_again)
{
	struct pool *p = NULL;
	struct pool_slot *s = NULL;
	struct pool_share *share = NULL;
	CHECK_INT(pool_share_open(&share), 0);
	CHECK_INT(pool_open(1, &p), 0);
	CHECK_INT(pool_take(p, 0, &s), 0);
	CHECK_INT(curl_easy_setopt(s->easy, CURLOPT_PRIVATE, "used"), CURLE_OK);
	pool_put(p, s, false);
	CHECK_INT(pool_take(p, 0, &s), 0);
	CHECK(mark_of(s) && !strcmp(mark_of(s), "used")); /* with its warm connection */
	pool_put(p, s, true);
	CHECK_INT(pool_take(p, 0, &s), 0);
	CHECK(!mark_of(s));
	pool_put(p, s, true);
	pool_close(p);
	pool_share_close(share);
}
