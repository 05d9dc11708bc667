/* SPDX-License-Identifier: MIT */
#include "format/base.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { CANCEL_POLL_MS = 200 };

static _Thread_local char last[512];
static _Thread_local struct cancel_scope scope;
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

int err_nomem(const char *what) { return err_set(-ENOMEM, "out of memory: %s", what); }

const char *err_last(void) { return last; }

#ifdef DFM_DEBUG
void (*base_point_hook)(const char *name);
#endif

void base_expect(bool holds, const char *fmt, ...)
{
#ifdef DFM_DEBUG
	va_list ap;
	if (holds)
		return;
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	abort();
#else
	(void)holds, (void)fmt;
#endif
}

void err_clear(void) { last[0] = 0; }

void cancel_set(bool (*test)(void *ctx), void *ctx)
{
	scope = (struct cancel_scope){ test, ctx };
}

bool cancelled(void) { return scope.test && scope.test(scope.ctx); }

struct cancel_scope cancel_get(void) { return scope; }

bool base_grow(void *pp, size_t *cap, size_t size)
{
	void *p;
	size_t want = *cap ? *cap * 2 : 8, bytes;
	if (want <= *cap || __builtin_mul_overflow(want, size, &bytes))
		return false;
	memcpy(&p, pp, sizeof p); /* a pointer of another type, which *(void **)pp would alias */
	p = realloc(p, bytes);
	if (!p)
		return false;
	memcpy(pp, &p, sizeof p);
	*cap = want;
	return true;
}

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
#ifdef DFM_DEBUG
	held &= ~(1u << l->rank); /* first: whoever takes the lock next may be the one that frees it */
#endif
	int r = pthread_mutex_unlock(&l->m);
	assert(r == 0);
	(void)r;
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

int lock_wait_or_cancel(struct lock *l, pthread_cond_t *c, int64_t end_at_ms, const char *while_what)
{
	int64_t left = end_at_ms ? end_at_ms - now_ms() : CANCEL_POLL_MS;
	if (cancelled())
		return err_set(-EINTR, "interrupted while %s", while_what);
	if (left <= 0)
		return err_set(-ETIMEDOUT, "timed out while %s", while_what);
	(void)lock_wait(l, c, left < CANCEL_POLL_MS ? (int)left : CANCEL_POLL_MS); /* woken or not: look again */
	return 0;
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

static void *thread_main(void *arg)
{
	struct thread *t = arg;
	cancel_set(t->scope.test, t->scope.ctx);
	t->result = t->run(t->arg);
	memcpy(t->why, last, sizeof t->why);
	return NULL;
}

int thread_inherit(struct thread *t, int (*run)(void *arg), void *arg)
{
	*t = (struct thread){ .run = run, .arg = arg, .scope = scope };
	int e = pthread_create(&t->id, NULL, thread_main, t);
	return e ? err_set(-e, "no thread can be started: %s", strerror(e)) : 0;
}

int thread_join(struct thread *t)
{
	pthread_join(t->id, NULL);
	if (t->result < 0)
		memcpy(last, t->why, sizeof last);
	return t->result;
}

static int64_t clock_ms(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t now_ms(void) { return clock_ms(CLOCK_MONOTONIC); }

int64_t wall_ms(void) { return clock_ms(CLOCK_REALTIME); }
