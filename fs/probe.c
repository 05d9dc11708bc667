/* SPDX-License-Identifier: MIT */
#include "fs/probe.h"

#include <string.h>

enum { PROBERS_MAX = 32, IDLE_MAX = 2, STACK = 256 << 10 };

struct question {
	void (*ask)(void *arg);
	void *arg;	/* a copy, the question's own */
	bool done;
	bool forgotten;	/* who asked has gone: the prober frees it */
	struct question *next;
};

static struct lock pool = LOCK_INIT(RANK_LEAF);
static pthread_cond_t work, answer;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct question *queue;
static unsigned probers, idle, queued;

static void start_pool(void)
{
	cond_init(&work);
	cond_init(&answer);
}

static void question_free(struct question *q)
{
	free(q->arg);
	free(q);
}

static void *prober(void *unused)
{
	(void)unused;
	lock_acquire(&pool);
	for (;;) {
		while (!queue && idle < IDLE_MAX) {
			idle++;
			(void)lock_wait(&pool, &work, -1);
			idle--;
		}
		struct question *q = queue;
		if (!q)
			break;
		queue = q->next;
		queued--;
		lock_release(&pool);
		q->ask(q->arg);
		lock_acquire(&pool);
		q->done = true;
		if (q->forgotten)
			question_free(q);
		else
			pthread_cond_broadcast(&answer);
	}
	probers--;
	lock_release(&pool);
	return NULL;
}

static bool add_prober(void)
{
	pthread_t id;
	pthread_attr_t attr;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	bool made = pthread_create(&id, &attr, prober, NULL) == 0;
	pthread_attr_destroy(&attr);
	probers += made;
	return made;
}

/* The question, in the queue; false: nobody could take it soon. */
static bool enqueue(struct question *q) REQUIRES(pool)
{
	if (queued >= idle && (probers >= PROBERS_MAX || !add_prober()))
		return false;
	q->next = queue;
	queue = q;
	queued++;
	pthread_cond_signal(&work);
	return true;
}

static void dequeue(const struct question *q) REQUIRES(pool)
{
	for (struct question **at = &queue; *at; at = &(*at)->next)
		if (*at == q) {
			*at = q->next;
			queued--;
			return;
		}
}

bool probe(void (*ask)(void *arg), void *arg, size_t size, int patience_ms)
{
	pthread_once(&once, start_pool);
	struct question *q = calloc(1, sizeof *q);
	if (q && !(q->arg = malloc(size)))
		free(q), q = NULL;
	if (!q)
		return false;
	memcpy(q->arg, arg, size);
	q->ask = ask;
	int64_t end = now_ms() + patience_ms;
	lock_acquire(&pool);
	bool taken = enqueue(q);
	for (int64_t left; taken && !q->done && (left = end - now_ms()) > 0;)
		(void)lock_wait(&pool, &answer, (int)left);
	bool done = q->done, queued_still = false;
	for (const struct question *at = queue; at && !queued_still; at = at->next)
		queued_still = at == q;
	if (queued_still)
		dequeue(q);
	q->forgotten = taken && !done && !queued_still;
	bool ours = !q->forgotten;
	lock_release(&pool);
	if (done)
		memcpy(arg, q->arg, size);
	if (ours)
		question_free(q);
	return done;
}
