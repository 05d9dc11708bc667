/* SPDX-License-Identifier: MIT */
/* The vocabulary that every folder shares: cleanup, ownership, errors, cancelling, threads, locks.
 *
 * Errors: a function that can fail returns -errno and has recorded one line that says why, by
 * err_set(), the only way to make an error. Callers pass both up unchanged; who translates an
 * errno records a new line. fs/ops.c logs the line once. User data in it is quoted; secrets
 * (tokens, keys, upload session URIs) never get into it.
 *
 * libc only; every function may be called from any thread. */
#ifndef DFM_FORMAT_BASE_H
#define DFM_FORMAT_BASE_H
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

static inline void base_freep(void *p) { free(*(void **)p); }
#define CLEANUP(fn) __attribute__((cleanup(fn)))
#define CLEANUP_FREE CLEANUP(base_freep)
/* Hand over what a CLEANUP variable owns. */
#define STEAL(p) __extension__({ __typeof__(p) *pp_ = &(p); __typeof__(p) v_ = *pp_; *pp_ = NULL; v_; })
#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF(f, a) __attribute__((format(printf, f, a)))

/* Record why (one line, at most 511 bytes, this thread's) and return `err`, a negative errno. */
int err_set(int err, const char *fmt, ...) PRINTF(2, 3);
/* -ENOMEM and "out of memory: WHAT": what there was no memory for ("a cached file"). */
int err_nomem(const char *what);
/* The line that the last err_set() of this thread made; "" after err_clear(). Never NULL. */
const char *err_last(void);
void err_clear(void);

/* Cancelling: who starts an operation that a user may give up (a FUSE request) names a test for
 * its thread; what waits (network, another thread's fetch) asks cancelled() at least every
 * 200 ms and ends with -EINTR. The test must be quick, must not block, and may be asked by
 * several threads at once. */
void cancel_set(bool (*test)(void *ctx), void *ctx);
bool cancelled(void);
/* The test that this thread has, for another thread that goes on with the same operation: there
 * cancel_set(scope.test, scope.ctx). It lives as long as the operation does. */
struct cancel_scope { bool (*test)(void *ctx); void *ctx; };
struct cancel_scope cancel_get(void);

/* Make room for one more in a grown array: pointer, count and capacity (size_t). False: no memory,
 * and nothing has changed. */
#define GROW(array, count, cap) \
	((count) < (cap) || base_grow(&(array), &(cap), sizeof *(array)))
MUST_CHECK bool base_grow(void *pp, size_t *cap, size_t size);

#if defined(__clang__)
#define TSA(x) __attribute__((x))
#else
#define TSA(x)
#endif
#define GUARDED_BY(l) TSA(guarded_by(l))
/* The same where the lock is a member of the same struct, which clang cannot name in C: for readers.
 * Functions that want it say REQUIRES(), which is checked. */
#define UNDER(l)
#define REQUIRES(l) TSA(requires_capability(l))
#define ACQUIRE(l) TSA(acquire_capability(l))
#define RELEASE(l) TSA(release_capability(l))

/* Locks are taken in rising order of rank, at most one of each rank by a thread; a debug build
 * aborts on a violation. The table with what each guards is in fs/fs.h. */
enum lock_rank {
	RANK_NONE,
	RANK_TREE,	/* fs/tree.c */
	RANK_NODE,	/* fs/node.c */
	RANK_QUEUE,	/* fs/publish.c */
	RANK_DRAFT,	/* cache/draft.c */
	RANK_FLIGHT,	/* cache/read.c */
	RANK_STORE,	/* cache: index and state writers */
	RANK_AUTH,	/* drive/auth/token.c */
	RANK_POOL,	/* drive/http.c */
	RANK_LEAF,	/* logs, counters: nothing is taken under it */
	RANK_COUNT
};
struct TSA(capability("mutex")) lock {
	pthread_mutex_t m;
	enum lock_rank rank;
};
#define LOCK_INIT(r) { PTHREAD_MUTEX_INITIALIZER, (r) }
void lock_init(struct lock *l, enum lock_rank rank);
void lock_done(struct lock *l);
void lock_acquire(struct lock *l) ACQUIRE(*l);
void lock_release(struct lock *l) RELEASE(*l);
/* Wait on `c` with `l` held (released meanwhile). With a timeout: -ETIMEDOUT when it passes
 * (CLOCK_MONOTONIC: `c` must come from cond_init). 0 else, possibly spurious. */
int lock_wait(struct lock *l, pthread_cond_t *c, int timeout_ms) REQUIRES(*l);
void cond_init(pthread_cond_t *c);
/* One step of a wait for what another thread does, to be repeated as long as that has not come:
 * 0 after at most 200 ms; -EINTR when cancelled(); -ETIMEDOUT from `end_at_ms` (of now_ms(); 0: no
 * end) on. `while_what` completes "interrupted while ..." and "timed out while ...". */
MUST_CHECK int lock_wait_or_cancel(struct lock *l, pthread_cond_t *c, int64_t end_at_ms, const char *while_what)
	REQUIRES(*l);
/* Abort (debug build) if this thread holds any lock: stands before every network call, fsync
 * and reply to the kernel. */
void lock_assert_none(void);

/* What cannot be unless the program is wrong: a debug build says it and aborts, a release goes on. */
void base_expect(bool holds, const char *fmt, ...) PRINTF(2, 3);
/* A named point where a test can stop a thread; nothing in a release build. */
#ifdef DFM_DEBUG
extern void (*base_point_hook)(const char *name);
#define POINT(name) (base_point_hook ? base_point_hook(name) : (void)0)
#else
#define POINT(name) ((void)0)
#endif

/* A thread that does a part of its starter's operation: it is cancelled with it, and its reason comes
 * back. thread_join() it before the operation ends. Lives where it is; not to be copied. */
struct thread {
	pthread_t id;
	int (*run)(void *arg);
	void *arg;
	struct cancel_scope scope;
	int result;
	char why[512];
};
/* -EAGAIN and the like where there can be no more threads; then there is nothing to join. */
MUST_CHECK int thread_inherit(struct thread *t, int (*run)(void *arg), void *arg);
/* What run() returned; if that is an error, its err_last() is this thread's now. */
MUST_CHECK int thread_join(struct thread *t);

/* Milliseconds of CLOCK_MONOTONIC: for waits and deadlines. */
int64_t now_ms(void);
/* Milliseconds since 1970: for what is shown, stored or compared with another host's. */
int64_t wall_ms(void);
#endif
