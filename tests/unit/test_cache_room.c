/* SPDX-License-Identifier: MIT */
/* Room on the cache's disk: who gives way to whom, what is said, and what gives its room back. */
#include "tests/unit/test_cache_fake.h"
#include "tests/unit/test_cache_fault.h"

#include "cache/store.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

enum { KB = 1 << 10, MB = 1 << 20 };

static void keep(struct cache *c, const char *name, uint64_t size)
{
	struct fake *f = fake_new(size, 1);
	struct source *s = wrap(c, name, &f->src);
	read_all(s, f, MB);
	source_unref(s);
	source_unref(&f->src);
}

static struct draft *new_draft(struct cache *c, struct source *base)
{
	struct draft *d;
	CHECK_INT(draft_create(c, base, &d), 0);
	return d;
}

/* n bytes of what a fake of seed 5 has. */
static int write_some(struct draft *d, uint64_t off, size_t n)
{
	char *p = malloc(n);
	CHECK(p);
	fake_fill(5, p, n, off);
	int r = draft_pwrite(d, p, n, off);
	free(p);
	return r;
}

static struct cache_stats figures(struct cache *c)
{
	struct cache_stats st;
	cache_stats(c, &st);
	return st;
}

/* After it was full the disk is left alone for 2 s: they are over. */
static void believe_disk(struct cache *c)
{
	store_acquire(c);
	c->disk_bad_until = 0;
	store_release(c);
}

TEST(cache_room__a_full_quota_is_a_full_disk_for_drafts_and_fetches)
{
	HEAVY;
	struct cache *c = open_cache(64 * MB);
	struct draft *d = new_draft(c, NULL);
	fault_at(FAULT_WRITE, 1, EDQUOT, 0);
	CHECK_INT(write_some(d, 0, 100), -ENOSPC);
	CHECK(strstr(err_last(), "quota"));
	fault_off();
	draft_discard(d);
	believe_disk(c);
	keep(c, "a", 3 * MB);
	fault_at(FAULT_WRITE, 1, EDQUOT, 1);
	keep(c, "b", 3 * MB); /* by reading past the cache */
	CHECK_INT(fault_failed(), 1);
	for (int i = 0; i < 5000 && !figures(c).evicted; i++)
		usleep(1000);
	CHECK_INT(figures(c).evicted, 3); /* a made room */
	cache_close(c);
}

TEST(cache_room__cached_blocks_give_way_to_a_draft_until_there_are_none)
{
	HEAVY;
	struct cache *c = open_cache(256 * MB);
	struct draft *d = new_draft(c, NULL);
	keep(c, "a", 80 * MB);
	fault_at(FAULT_WRITE, 1, ENOSPC, 2); /* 64 MiB went, and were taken again by somebody */
	CHECK_INT(write_some(d, 0, MB), 0);
	CHECK_INT(figures(c).bytes, 0);
	fault_at(FAULT_WRITE, 1, ENOSPC, 0);
	CHECK_INT(write_some(d, MB, MB), -ENOSPC);
	CHECK(strstr(err_last(), "nothing that is cached is left"));
	CHECK_INT(draft_size(d), MB);
	fault_off();
	CHECK_INT(write_some(d, MB, MB), 0);
	struct source *s;
	CHECK_INT(draft_seal(d, &s), 0);
	CHECK_INT(read_check(s, 5, 0, 2 * MB), 0);
	source_unref(s);
	draft_discard(d);
	cache_close(c);
}

TEST(cache_room__cached_blocks_give_way_to_a_seal_and_to_a_note)
{
	HEAVY;
	struct cache *c = open_cache(64 * MB);
	struct fake *f = fake_new(3 * MB, 5);
	struct draft *d = new_draft(c, &f->src);
	struct source *s;
	keep(c, "a", 3 * MB);
	fault_at(FAULT_WRITE, 2, ENOSPC, 1);
	CHECK_INT(draft_seal(d, &s), 0);
	CHECK_INT(read_check(s, 5, 0, 3 * MB), 0);
	CHECK_INT(figures(c).bytes, 0);
	fault_off();
	believe_disk(c);
	keep(c, "a", 3 * MB);
	fault_at(FAULT_COMMIT, 1, ENOSPC, 1);
	CHECK_INT(draft_note(d, "note", 4), 0);
	CHECK_INT(figures(c).bytes, 0);
	source_unref(s);
	draft_discard(d);
	source_unref(&f->src);
	cache_close(c);
}

TEST(cache_room__a_seal_that_does_not_fit_leaves_the_draft_open)
{
	HEAVY;
	struct cache *c = open_cache(64 * MB);
	struct fake *f = fake_new(3 * MB, 5);
	struct draft *d = new_draft(c, &f->src);
	struct source *s;
	fault_at(FAULT_WRITE, 2, ENOSPC, 0);
	CHECK_INT(draft_seal(d, &s), -ENOSPC);
	fault_off();
	CHECK_INT(write_some(d, MB - 1, 2), 0);
	CHECK_INT(draft_seal(d, &s), 0);
	CHECK_INT(read_check(s, 5, 0, 3 * MB), 0);
	CHECK_INT(f->src.refs, 1); /* the base is let go of */
	source_unref(s);
	draft_discard(d);
	source_unref(&f->src);
	cache_close(c);
}

TEST(cache_room__a_failed_sync_is_not_believed_the_second_time)
{
	HEAVY;
	struct cache *c = open_cache(64 * MB);
	struct draft *d = new_draft(c, NULL);
	struct source *s;
	CHECK_INT(write_some(d, 0, 2 * MB + 10), 0);
	CHECK_INT(draft_truncate(d, 9 * MB), 0);
	fault_at(FAULT_DATASYNC, 1, EIO, 1);
	CHECK_INT(draft_seal(d, &s), -EIO);
	CHECK(strstr(err_last(), "draft 1"));
	fault_at(FAULT_WRITE, 1000, EIO, 0);
	CHECK_INT(draft_seal(d, &s), 0);
	CHECK_INT(fault_calls(), 3); /* written again, but for what nobody wrote */
	CHECK_INT(read_check(s, 5, 0, 2 * MB + 10), 0);
	source_unref(s);
	draft_discard(d);
	cache_close(c);
}

/* ---- figures, and giving back */

static int count_one(void *ctx, uint64_t number, uint64_t size, const void *note, size_t n)
{
	(void)number, (void)size, (void)note, (void)n;
	++*(int *)ctx;
	return 0;
}

TEST(cache_room__drafts_are_counted_and_dropped)
{
	struct cache *c = open_cache(64 * MB);
	struct draft *d = new_draft(c, NULL);
	int shown = 0;
	CHECK_INT(write_some(d, 0, 300 * KB), 0);
	CHECK_INT(draft_note(d, "note", 4), 0);
	struct cache_stats st = figures(c);
	CHECK_INT(st.drafts, 1);
	CHECK(st.draft_bytes >= 300 * KB);
	CHECK_INT(st.left, 0);
	CHECK_INT(cache_draft_drop(c, 1), -EBUSY);
	draft_leave(d);
	st = figures(c);
	CHECK_INT(st.drafts, 0);
	CHECK_INT(st.left, 1);
	CHECK(st.left_bytes >= 300 * KB);
	CHECK_INT(cache_draft_drop(c, 2), -ENOENT);
	CHECK_INT(cache_draft_drop(c, 1), 0);
	st = figures(c);
	CHECK_INT(st.left_bytes, 0);
	CHECK_INT(cache_drafts(c, count_one, &shown), 0);
	CHECK_INT(shown, 0);
	cache_close(c);
}

/* ---- scratch */

static struct draft *new_scratch(struct cache *c)
{
	struct draft *d;
	CHECK_INT(draft_create_scratch(c, &d), 0);
	CHECK_INT(write_some(d, 0, MB + 5), 0);
	return d;
}

static bool scratch_lies_about(void)
{
	char command[400];
	(void)snprintf(command, sizeof command, "ls %s/cache/draft | grep -q .", test_dir);
	return system(command) == 0;
}

TEST(cache_room__scratch_of_a_killed_run_is_gone_at_the_next_start)
{
	HEAVY;
	int to_parent[2], status, shown = 0;
	char byte;
	CHECK_INT(pipe(to_parent), 0);
	pid_t p = fork();
	if (p == 0) {
		struct cache *c = open_cache(64 * MB);
		struct source *s;
		new_scratch(c);
		CHECK_INT(draft_seal(new_scratch(c), &s), 0);
		if (write(to_parent[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	CHECK_INT(read(to_parent[0], &byte, 1), 1);
	kill(p, SIGKILL);
	waitpid(p, &status, 0);
	CHECK(scratch_lies_about());
	struct cache *c = open_cache(64 * MB);
	CHECK_INT(cache_drafts(c, count_one, &shown), 0);
	CHECK_INT(shown, 0);
	CHECK(!scratch_lies_about());
	cache_close(c);
}

TEST(cache_room__scratch_becomes_a_revision_or_nothing)
{
	struct cache *c = open_cache(64 * MB);
	struct cache_key key = { "f", "r1", "part" };
	struct source *s;
	struct draft *d = new_scratch(c);
	CHECK_INT(draft_note(d, "x", 1), -EINVAL);
	CHECK_INT(figures(c).drafts, 1);
	CHECK(figures(c).draft_bytes >= MB);
	draft_leave(d);
	CHECK(!scratch_lies_about());
	d = new_scratch(c);
	CHECK_INT(draft_seal(d, &s), 0);
	CHECK_INT(draft_commit(d, &key), 0);
	CHECK(cache_complete(c, &key));
	CHECK(!scratch_lies_about());
	CHECK_INT(read_check(s, 5, 0, MB + 5), 0);
	source_unref(s);
	cache_close(c);
}

/* ---- writing beside an upload */

static void *read_whole(void *ctx)
{
	struct source *s = ctx;
	CHECK_INT(read_check(s, 5, 0, (size_t)s->size), 0);
	return NULL;
}

TEST(cache_room__a_write_beside_an_upload_goes_into_a_draft_over_it)
{
	HEAVY;
	struct cache *c = open_cache(64 * MB);
	struct cache_key key = { "f", "r1", "" };
	struct draft *first = new_draft(c, NULL), *second;
	struct source *sent, *again;
	pthread_t upload;
	char p[4];
	CHECK_INT(write_some(first, 0, 2 * MB), 0);
	CHECK_INT(draft_seal(first, &sent), 0);
	fault_hold(FAULT_READ);
	CHECK_INT(pthread_create(&upload, NULL, read_whole, sent), 0);
	fault_await(); /* it reads the sealed bytes */
	second = new_draft(c, sent);
	CHECK_INT(draft_pwrite(second, "abcd", 4, MB - 2), 0);
	CHECK_INT(write_some(second, 2 * MB, MB), 0);
	CHECK_INT(draft_size(second), 3 * MB);
	fault_go();
	pthread_join(upload, NULL);
	CHECK_INT(draft_commit(first, &key), 0);
	CHECK_INT(draft_pread(second, p, 4, MB - 2), 4);
	CHECK(memcmp(p, "abcd", 4) == 0);
	CHECK_INT(draft_seal(second, &again), 0);
	CHECK_INT(read_check(sent, 5, 0, 2 * MB), 0);
	CHECK_INT(sent->refs, 1);
	CHECK_INT(read_check(again, 5, 0, MB - 2), 0);
	CHECK_INT(read_check(again, 5, MB + 2, 2 * MB - 2), 0);
	source_unref(sent);
	source_unref(again);
	draft_discard(second);
	CHECK(cache_complete(c, &key));
	cache_close(c);
}

TEST(cache_room__a_draft_over_one_that_is_discarded_keeps_its_bytes)
{
	HEAVY;
	struct cache *c = open_cache(64 * MB);
	struct draft *first = new_draft(c, NULL), *second;
	struct source *sent, *again;
	CHECK_INT(write_some(first, 0, 2 * MB), 0);
	CHECK_INT(draft_seal(first, &sent), 0);
	second = new_draft(c, sent);
	source_unref(sent);
	CHECK_INT(draft_truncate(second, MB + 7), 0);
	draft_discard(first);
	CHECK_INT(draft_seal(second, &again), 0);
	CHECK_INT(again->size, MB + 7);
	CHECK_INT(read_check(again, 5, 0, MB + 7), 0);
	source_unref(again);
	draft_discard(second);
	cache_close(c);
}
