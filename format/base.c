/* SPDX-License-Identifier: MIT */
#include "format/base.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

static _Thread_local char last[512];
static _Thread_local bool (*cancel_test)(void *ctx);
static _Thread_local void *cancel_ctx;
#ifdef DFM_DEBUG
static _Thread_local unsigned held; /* a bit per rank */
#endif

int err_set(int err, const char *fmt, ...)
{
	/* Through a buffer of its own: an argument may be err_last() itself. */
	char line[sizeof last];
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	size_t len = n < 0 ? 0 : (size_t)n < sizeof line ? (size_t)n : sizeof line - 1;
	for (size_t i = 0; i < len; i++) /* one line, whatever a server or a name put into it */
		last[i] = (unsigned char)line[i] < 0x20 || line[i] == 0x7f ? ' ' : line[i];
	last[len] = 0;
	return err;
}

const char *err_last(void) { return last; }

void err_clear(void) { last[0] = 0; }

void cancel_set(bool (*test)(void *ctx), void *ctx)
{
	cancel_test = test;
	cancel_ctx = ctx;
}

bool cancelled(void) { return cancel_test && cancel_test(cancel_ctx); }

void lock_init(struct lock *l, enum lock_rank rank)
{
	int r = pthread_mutex_init(&l->m, NULL);
	assert(r == 0);
	(void)r;
	l->rank = rank;
}

void lock_done(struct lock *l) { pthread_mutex_destroy(&l->m); }

void lock_acquire(struct lock *l) TSA(no_thread_safety_analysis)
{
#ifdef DFM_DEBUG
	if (held >> l->rank) { /* a rank that is not lower is held */
		fprintf(stderr, "lock order: rank %d while holding %#x\n", (int)l->rank, held);
		abort();
	}
	held |= 1u << l->rank;
#endif
	int r = pthread_mutex_lock(&l->m);
	assert(r == 0);
	(void)r;
}

void lock_release(struct lock *l) TSA(no_thread_safety_analysis)
{
	int r = pthread_mutex_unlock(&l->m);
	assert(r == 0);
	(void)r;
#ifdef DFM_DEBUG
	held &= ~(1u << l->rank);
#endif
}

void cond_init(pthread_cond_t *c)
{
	pthread_condattr_t a;
	pthread_condattr_init(&a);
	pthread_condattr_setclock(&a, CLOCK_MONOTONIC);
	pthread_cond_init(c, &a);
	pthread_condattr_destroy(&a);
}

int lock_wait(struct lock *l, pthread_cond_t *c, int timeout_ms) TSA(no_thread_safety_analysis)
{
	if (timeout_ms < 0)
		return pthread_cond_wait(c, &l->m) ? -EINVAL : 0;
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += timeout_ms / 1000;
	t.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_sec++;
		t.tv_nsec -= 1000000000;
	}
	return pthread_cond_timedwait(c, &l->m, &t) == ETIMEDOUT ? -ETIMEDOUT : 0;
}

void lock_assert_none(void)
{
#ifdef DFM_DEBUG
	if (held) {
		fprintf(stderr, "lock held (%#x) across a blocking call\n", held);
		abort();
	}
#endif
}

int64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}
