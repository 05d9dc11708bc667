/* SPDX-License-Identifier: MIT */
#include "format/base.h"
#include "tests/unit/test.h"

#include <sys/wait.h>
#include <time.h>
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

TEST(format_base__no_memory_is_said_in_one_wording)
{
	CHECK_INT(err_nomem("a cached file"), -ENOMEM);
	CHECK_STR(err_last(), "out of memory: a cached file");
}

TEST(format_base__grow_keeps_what_is_there)
{
	struct pair { int a; long b; } *all = NULL;
	size_t count = 0, cap = 0;
	for (int i = 0; i < 1000; i++) {
		CHECK(GROW(all, count, cap));
		CHECK(cap > count);
		all[count++] = (struct pair){ i, -i };
	}
	for (int i = 0; i < 1000; i++)
		CHECK(all[i].a == i && all[i].b == -i);
	free(all);
}

TEST(format_base__grow_that_cannot_be_changes_nothing)
{
	char there, *all = &there;
	size_t cap = SIZE_MAX / 2 + 1;
	CHECK(!GROW(all, cap, cap));
	CHECK(all == &there && cap == SIZE_MAX / 2 + 1);
	struct big { char b[1 << 20]; } *big = NULL;
	cap = SIZE_MAX >> 20; /* its double fits, the bytes do not */
	CHECK(!GROW(big, cap, cap));
	CHECK(big == NULL && cap == SIZE_MAX >> 20);
}

static struct lock wait_lock = LOCK_INIT(RANK_LEAF);

TEST(format_base__a_wait_is_cancelled_at_the_next_step)
{
	pthread_cond_t c;
	bool now = false;
	cond_init(&c);
	cancel_set(yes, &now);
	lock_acquire(&wait_lock);
	CHECK_INT(lock_wait_or_cancel(&wait_lock, &c, 0, "nobody comes"), 0); /* nobody wakes it: it ends all the same */
	now = true;
	CHECK_INT(lock_wait_or_cancel(&wait_lock, &c, 0, "nobody comes"), -EINTR);
	CHECK_STR(err_last(), "interrupted while nobody comes");
	lock_release(&wait_lock);
	cancel_set(NULL, NULL);
	pthread_cond_destroy(&c);
}

TEST(format_base__a_wait_ends_at_its_deadline)
{
	pthread_cond_t c;
	cond_init(&c);
	lock_acquire(&wait_lock);
	int64_t end = now_ms() + 1;
	int r = 0;
	while (!r)
		r = lock_wait_or_cancel(&wait_lock, &c, end, "nobody comes");
	lock_release(&wait_lock);
	CHECK_INT(r, -ETIMEDOUT);
	CHECK_STR(err_last(), "timed out while nobody comes");
	CHECK(now_ms() >= end);
	pthread_cond_destroy(&c);
}

static int fail_if_cancelled(void *arg)
{
	(void)arg;
	return cancelled() ? err_set(-EINTR, "cancelled over there") : 7;
}

TEST(format_base__a_thread_inherits_the_cancel_test_and_hands_back_its_reason)
{
	struct thread t;
	bool now = false;
	cancel_set(yes, &now);
	(void)err_set(-EIO, "mine");
	CHECK_INT(thread_inherit(&t, fail_if_cancelled, NULL), 0);
	CHECK_INT(thread_join(&t), 7);
	CHECK_STR(err_last(), "mine"); /* that it was well is no news */
	now = true;
	CHECK_INT(thread_inherit(&t, fail_if_cancelled, NULL), 0);
	CHECK_INT(thread_join(&t), -EINTR);
	CHECK_STR(err_last(), "cancelled over there");
	CHECK(cancel_get().test == yes && cancel_get().ctx == &now);
	cancel_set(NULL, NULL);
	CHECK(!cancel_get().test);
}

TEST(format_base__wall_time_is_of_this_century)
{
	CHECK(wall_ms() / 1000 >= time(NULL) - 1);
	CHECK(wall_ms() / 1000 <= time(NULL) + 1);
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
