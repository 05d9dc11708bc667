/* SPDX-License-Identifier: MIT */
/* TEST(folder_file__what_it_promises) { ... }: registers itself, nothing else to edit. Each test
 * runs in a process of its own, in an empty temporary folder (test_dir), under a 20 s alarm. */
#ifndef DFM_TEST_H
#define DFM_TEST_H
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern int torture;		/* this run fails every torture-th allocation: a CHECK ends the round quietly; 0: none */
extern const char *test_dir;	/* absolute path of an empty folder, removed afterwards */

struct test {
	const char *name;
	void (*run)(void);
	struct test *next;
};
void test_register(struct test *t);

#define TEST(n) static void n(void); static struct test t_##n = { #n, n, NULL }; \
	__attribute__((constructor)) static void r_##n(void) { test_register(&t_##n); } static void n(void)
#define CHECK(c) do { if (!(c)) { if (torture) exit(3); \
	fprintf(stderr, "%s:%d: CHECK(%s)\n", __FILE__, __LINE__, #c); abort(); } } while (0)
#define CHECK_INT(a, b) do { long long a_ = (long long)(a), b_ = (long long)(b); if (a_ != b_) { if (torture) exit(3); \
	fprintf(stderr, "%s:%d: %s is %lld, want %lld\n", __FILE__, __LINE__, #a, a_, b_); abort(); } } while (0)
#define CHECK_STR(a, b) do { const char *a_ = (a), *b_ = (b); if (!a_ || strcmp(a_, b_)) { if (torture) exit(3); \
	fprintf(stderr, "%s:%d: %s is \"%s\", want \"%s\"\n", __FILE__, __LINE__, #a, a_ ? a_ : "(null)", b_); abort(); } } while (0)
#endif
