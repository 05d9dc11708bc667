/* SPDX-License-Identifier: MIT */
/* Runs the tests that a unit binary holds: all, or those whose name contains argv[1]. With
 * TORTURE=1 each test runs once per allocation it makes, each time failing another one: a CHECK
 * may then fail (that ends the round), a crash or a sanitizer report may not. */
#include "tests/unit/test.h"

#include <ftw.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern long torture_countdown;
int torture;
const char *test_dir;
static struct test *all;
static int total, failed;

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

int main(int argc, char **argv)
{
	struct timespec a, b;
	torture = getenv("TORTURE") != NULL;
	clock_gettime(CLOCK_MONOTONIC, &a);
	for (struct test *t = all; t; t = t->next) {
		if (argc > 1 && !strstr(t->name, argv[1]))
			continue;
		int more = 1;
		if (torture && run(t, 0) != 0) { /* a test that fails by itself would fail for ever */
			fprintf(stderr, "FAIL %s, without any failing allocation\n", t->name);
			total++;
			failed++;
			continue;
		}
		for (long n = torture ? 1 : 0; more; n++) {
			int st = run(t, n);
			total++;
			more = torture && WIFEXITED(st) && WEXITSTATUS(st) == 3;
			if (st && !more) {
				failed++;
				fprintf(stderr, "FAIL %s (allocation %ld, status %#x)\n", t->name, n, st);
			}
		}
	}
	clock_gettime(CLOCK_MONOTONIC, &b);
	const char *name = strrchr(argv[0], '/');
	printf("%s: %.2f s\n%d passed, %d failed\n", name ? name + 1 : argv[0],
	       (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9, total - failed, failed);
	return failed != 0;
}
