/* SPDX-License-Identifier: MIT */
/* Runs the tests that a unit binary holds: all, or those whose name contains argv[1]. With
 * TORTURE=N each test runs once for every N-th allocation it makes, failing that one: a CHECK
 * may then fail (that ends the round), a crash or a sanitizer report may not. Several tests run at
 * a time (UNIT_JOBS, 4), since many wait for a server or a thread. */
#include "tests/unit/test.h"

#include <ftw.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { NONE_MATCHED = 4 };	/* exit status; the Makefile knows it as NONE */
extern long torture_countdown;
int torture;
const char *test_dir;
static struct test *all;
static struct counts { int total, failed; } *counts; /* shared with the processes that run tests; atomic */

void test_register(struct test *t)
{
	struct test **p = &all;
	while (*p && strcmp((*p)->name, t->name) < 0)
		p = &(*p)->next;
	t->next = *p;
	*p = t;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *f)
{
	(void)st, (void)type, (void)f;
	return remove(path);
}

/* The exit status of one test, run in a child. */
static int run(struct test *t, long fail_allocation)
{
	char dir[] = "/tmp/dfm-unit-XXXXXX";
	if (!mkdtemp(dir))
		abort();
	fflush(NULL);
	pid_t p = fork();
	if (p == 0) {
		test_dir = dir;
		alarm(20);
		torture_countdown = fail_allocation;
		t->run();
		exit(fail_allocation && torture_countdown == 0 ? 3 : 0);
	}
	int st;
	waitpid(p, &st, 0);
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	return st;
}

static void count(int failed)
{
	__atomic_add_fetch(&counts->total, 1, __ATOMIC_RELAXED);
	__atomic_add_fetch(&counts->failed, failed, __ATOMIC_RELAXED);
}

/* One test: once, or once for every allocation that it makes (TORTURE=7: every seventh). */
static void run_all_rounds(struct test *t)
{
	int more = 1;
	if (torture && run(t, 0) != 0) { /* a test that fails by itself would fail for ever */
		fprintf(stderr, "FAIL %s, without any failing allocation\n", t->name);
		count(1);
		return;
	}
	for (long n = torture; more; n += torture) {
		int st = run(t, n);
		more = torture && WIFEXITED(st) && WEXITSTATUS(st) == 3;
		count(st && !more);
		if (st && !more)
			fprintf(stderr, "FAIL %s (allocation %ld, status %#x)\n", t->name, n, st);
	}
}

/* Waits for one of the processes that run tests; it must have come to its end by itself. */
static void reap(void)
{
	int st;
	if (wait(&st) > 0 && st != 0)
		count(1);
}

static void start(struct test *t)
{
	fflush(NULL);
	pid_t p = fork();
	if (p < 0)
		abort();
	if (p == 0) {
		run_all_rounds(t);
		_exit(0);
	}
}

int main(int argc, char **argv)
{
	struct timespec a, b;
	const char *jobs_text = getenv("UNIT_JOBS");
	long jobs = jobs_text ? strtol(jobs_text, NULL, 10) : 4, running = 0;
	torture = getenv("TORTURE") ? (int)strtol(getenv("TORTURE"), NULL, 10) : 0;
	counts = mmap(NULL, sizeof *counts, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (counts == MAP_FAILED)
		abort();
	clock_gettime(CLOCK_MONOTONIC, &a);
	for (struct test *t = all; t; t = t->next) {
		if (argc > 1 && !strstr(t->name, argv[1]))
			continue;
		if (running++ >= jobs)
			reap();
		start(t);
	}
	for (running = running < jobs ? running : jobs; running > 0; running--)
		reap();
	clock_gettime(CLOCK_MONOTONIC, &b);
	const char *name = strrchr(argv[0], '/');
	printf("%s: %.2f s\n%d passed, %d failed\n", name ? name + 1 : argv[0],
	       (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9, counts->total - counts->failed,
	       counts->failed);
	return !counts->total ? NONE_MATCHED : counts->failed != 0;
}
