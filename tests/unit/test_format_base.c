/* SPDX-License-Identifier: MIT */
#include "format/base.h"
#include "tests/unit/test.h"

#include <sys/wait.h>
#include <unistd.h>

TEST(format_base__err_set_returns_the_code_and_keeps_one_line)
{
	CHECK_INT(err_set(-ENOSPC, "need %d\nmore", 7), -ENOSPC);
	CHECK_STR(err_last(), "need 7 more");
	CHECK_INT(err_set(-EIO, "outer: %s", err_last()), -EIO);
	CHECK_STR(err_last(), "outer: need 7 more");
}

TEST(format_base__steal_moves_ownership)
{
	char *p = malloc(1), *q = STEAL(p);
	CHECK(p == NULL);
	free(q);
}

static bool yes(void *ctx) { return *(bool *)ctx; }

TEST(format_base__cancelled_asks_the_test_of_this_thread)
{
	bool now = false;
	CHECK(!cancelled());
	cancel_set(yes, &now);
	CHECK(!cancelled());
	now = true;
	CHECK(cancelled());
	cancel_set(NULL, NULL);
	CHECK(!cancelled());
}

#ifdef DFM_DEBUG
TEST(format_base__lock_out_of_order_aborts)
{
	static struct lock a = LOCK_INIT(RANK_TREE), b = LOCK_INIT(RANK_FLIGHT);
	pid_t p = fork();
	if (p == 0) {
		fclose(stderr);
		lock_acquire(&b);
		lock_acquire(&a);
		_exit(0);
	}
	int st;
	waitpid(p, &st, 0);
	CHECK(WIFSIGNALED(st));
	lock_acquire(&a);
	lock_acquire(&b);
	lock_release(&b);
	lock_release(&a);
	lock_assert_none();
}
#endif
