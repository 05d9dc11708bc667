/* SPDX-License-Identifier: MIT */
/* Makes the n-th allocation of this process fail (0: none). Linked into every unit binary with
 * -Wl,--wrap, so that only our own code's calls count. */
#include <stddef.h>

long torture_countdown;
void *__real_malloc(size_t n);
void *__real_calloc(size_t a, size_t b);
void *__real_realloc(void *p, size_t n);
char *__real_strdup(const char *s);

static int fail_now(void)
{
	return __atomic_load_n(&torture_countdown, __ATOMIC_RELAXED) &&
	       __atomic_sub_fetch(&torture_countdown, 1, __ATOMIC_RELAXED) == 0;
}

void *__wrap_malloc(size_t n) { return fail_now() ? NULL : __real_malloc(n); }
void *__wrap_calloc(size_t a, size_t b) { return fail_now() ? NULL : __real_calloc(a, b); }
void *__wrap_realloc(void *p, size_t n) { return fail_now() ? NULL : __real_realloc(p, n); }
char *__wrap_strdup(const char *s) { return fail_now() ? NULL : __real_strdup(s); }
