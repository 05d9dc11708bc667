/* SPDX-License-Identifier: MIT */
#include "fs/signals.h"

#include "fs/log.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Who is asked to end while he starts has nothing to save. */
enum { START_PATIENCE_MS = 4000, WAKE_SIGNAL = SIGUSR2 };

struct signals {
	struct fs *fs;
	pthread_t thread;
	struct lock lock;	/* RANK_LEAF */
	unsigned asked UNDER(lock);
	int64_t end_ms UNDER(lock);	/* 0: no deadline yet */
	int status UNDER(lock);
	bool stop UNDER(lock);
	void (*wake)(void *ctx) UNDER(lock);	/* NULL: it starts */
	void *ctx UNDER(lock);
};

static void taken_signals(sigset_t *ret)
{
	const int all[] = { SIGTERM, SIGINT, SIGHUP, WAKE_SIGNAL };
	sigemptyset(ret);
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		sigaddset(ret, all[i]);
}

void signals_block(void)
{
	sigset_t set;
	taken_signals(&set);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static void be_asked(struct signals *s)
{
	lock_acquire(&s->lock);
	s->asked++;
	void (*wake)(void *) = s->wake;
	void *ctx = s->ctx;
	if (!wake && !s->end_ms) {
		s->end_ms = now_ms() + START_PATIENCE_MS;
		s->status = EXIT_FAILURE;
		__atomic_store_n(&s->fs->stopping, true, __ATOMIC_RELAXED);
	}
	lock_release(&s->lock);
	if (wake)
		wake(ctx);
}

/* The next signal, or 0 at the deadline. */
static int next_signal(struct signals *s, const sigset_t *set)
{
	lock_acquire(&s->lock);
	int64_t left = s->end_ms ? s->end_ms - now_ms() : 3600000;
	lock_release(&s->lock);
	const struct timespec wait = { left > 0 ? left / 1000 : 0, left > 0 ? left % 1000 * 1000000 : 0 };
	int n = sigtimedwait(set, NULL, &wait);
	return n > 0 ? n : errno == EAGAIN && left <= 0 ? 0 : -1;
}

static void *signals_main(void *arg)
{
	struct signals *s = arg;
	sigset_t set;
	taken_signals(&set);
	for (;;) {
		int n = next_signal(s, &set);
		lock_acquire(&s->lock);
		bool over = s->end_ms && now_ms() >= s->end_ms;
		bool stop = s->stop;
		int status = s->status;
		lock_release(&s->lock);
		if (stop)
			return NULL;
		if (n == SIGTERM || n == SIGINT)
			be_asked(s);
		else if (n == SIGHUP)
			(void)log_reopen(); /* which says it */
		if (over) {
			log_error("mount", "it does not end by itself: left as it is");
			_exit(status);
		}
	}
}

int signals_start(struct fs *fs, struct signals **ret)
{
	struct signals *s = calloc(1, sizeof *s);
	if (!s)
		return err_nomem("the thread that takes signals");
	s->fs = fs;
	lock_init(&s->lock, RANK_LEAF);
	int e = pthread_create(&s->thread, NULL, signals_main, s);
	if (e) {
		free(s);
		return err_set(-e, "cannot start a thread: %s", strerror(e));
	}
	*ret = s;
	return 0;
}

static unsigned times_asked(struct signals *s)
{
	lock_acquire(&s->lock);
	unsigned n = s->asked;
	lock_release(&s->lock);
	return n;
}

void signals_serving(struct signals *s, void (*wake)(void *ctx), void *ctx)
{
	lock_acquire(&s->lock);
	s->wake = wake;
	s->ctx = ctx;
	lock_release(&s->lock);
}

bool signals_asked(struct signals *s) { return times_asked(s) > 0; }
bool signals_hurried(struct signals *s) { return times_asked(s) > 1; }

void signals_end_by(struct signals *s, int wait_ms, int status)
{
	lock_acquire(&s->lock);
	s->end_ms = now_ms() + wait_ms;
	s->status = status;
	lock_release(&s->lock);
	pthread_kill(s->thread, WAKE_SIGNAL);
}

struct signals *signals_stop(struct signals *s)
{
	if (!s)
		return NULL;
	lock_acquire(&s->lock);
	s->stop = true;
	lock_release(&s->lock);
	pthread_kill(s->thread, WAKE_SIGNAL);
	pthread_join(s->thread, NULL);
	lock_done(&s->lock);
	free(s);
	return NULL;
}
