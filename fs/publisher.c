/* SPDX-License-Identifier: MIT */
#include "fs/publisher.h"

#include "fs/held.h"
#include "fs/publish.h"

#include <string.h>

enum { THREADS = 4, TRY_FIRST_MS = 2000, TRY_LAST_MS = 300000, TRIES_DOUBLE = 8 };

struct publisher {
	struct fs *fs;
	struct lock lock;	/* RANK_QUEUE */
	pthread_cond_t wake, idle;
	pthread_t threads[THREADS];
	unsigned started;
	struct writing *queue UNDER(lock);	/* each holds its node */
	unsigned running UNDER(lock);
	bool stop UNDER(lock);
	bool stopping;		/* atomic: give up what is under way */
};

static int64_t pause_ms(unsigned tries)
{
	int64_t pause = (int64_t)TRY_FIRST_MS << (tries < TRIES_DOUBLE ? tries : TRIES_DOUBLE);
	return pause < TRY_LAST_MS ? pause : TRY_LAST_MS;
}

void publisher_add(struct fs *fs, struct inode *n)
{
	struct publisher *p = fs->publisher;
	if (!p) /* the mount ends: what is left is held */
		return;
	lock_acquire(&fs->tree.lock);
	struct writing *w = n->w;
	lock_acquire(&w->lock);
	unsigned tries = w->tries;
	lock_release(&w->lock);
	lock_acquire(&p->lock);
	bool add = !w->queued;
	if (add) {
		w->queued = true;
		w->queue_ms = tries ? now_ms() + pause_ms(tries - 1) : 0;
		w->queue_next = p->queue;
		p->queue = w;
		pthread_cond_signal(&p->wake);
	}
	lock_release(&p->lock);
	if (add) {
		w->opens++;
		inode_hold(n);
	}
	lock_release(&fs->tree.lock);
}

/* A node whose time has come, out of the queue; *ret_wait_ms: until the next one's, -1: there is none. */
static struct writing *due(struct publisher *p, int *ret_wait_ms) REQUIRES(p->lock)
{
	int64_t now = now_ms(), next = INT64_MAX;
	for (struct writing **at = &p->queue; *at; at = &(*at)->queue_next) {
		struct writing *w = *at;
		if (w->queue_ms <= now) {
			*at = w->queue_next;
			w->queued = false;
			return w;
		}
		next = w->queue_ms < next ? w->queue_ms : next;
	}
	*ret_wait_ms = next == INT64_MAX ? -1 : (int)(next - now);
	return NULL;
}

static void send_one(struct fs *fs, struct inode *n)
{
	int r = publish_again(fs, n);
	lock_acquire(&fs->tree.lock);
	bool placeless = file_placeless(n->file);
	lock_release(&fs->tree.lock);
	if (r == -ENOENT && placeless)
		held_keep(fs, n, HELD_SENT, NULL);
	else if (r)
		publisher_add(fs, n);
}

/* Is there something to pick instead of sending it? */
static bool pick_one(struct writing *w, struct held_picked *ret) REQUIRES(w->lock)
{
	bool gone = file_gone_here(w->node->file) && !w->writable;
	bool damaged = !w->writable && save_state(w->open) == SAVE_DAMAGED;
	if (gone)
		held_pick(w, SAVE_DROP, HELD_OPEN | HELD_SENT, ret);
	else if (damaged)
		held_pick(w, SAVE_HOLD, HELD_OPEN, ret);
	return gone || damaged;
}

/* One try of a node that the queue has held. */
static void try_one(struct fs *fs, struct inode *n)
{
	struct held_picked picked;
	lock_acquire(&fs->tree.lock);
	lock_acquire(&n->w->lock);
	bool pick = pick_one(n->w, &picked);
	enum save_state open = save_state(n->w->open);
	/* What somebody writes to is theirs to end; what a failed close left is not. */
	bool ours = n->w->sent || (!n->w->writable && (open == SAVE_FRESH || open == SAVE_OPEN));
	lock_release(&n->w->lock);
	lock_release(&fs->tree.lock);
	err_clear();
	if (pick)
		held_finish(fs, &picked, NULL);
	if (ours)
		send_one(fs, n);
	writing_settle(fs, n);
	writing_leave(fs, n);
}

static bool publisher_stopping(void *ctx) { return __atomic_load_n(&((struct publisher *)ctx)->stopping, __ATOMIC_RELAXED); }

static void *publisher_main(void *arg)
{
	struct publisher *p = arg;
	cancel_set(publisher_stopping, p);
	lock_acquire(&p->lock);
	while (!p->stop) {
		int wait_ms = -1;
		struct writing *w = due(p, &wait_ms);
		if (!w) {
			(void)lock_wait(&p->lock, &p->wake, wait_ms);
			continue;
		}
		p->running++;
		lock_release(&p->lock);
		try_one(p->fs, w->node);
		lock_acquire(&p->lock);
		p->running--;
		pthread_cond_broadcast(&p->idle);
	}
	lock_release(&p->lock);
	return NULL;
}

int publisher_start(struct fs *fs)
{
	struct publisher *p = calloc(1, sizeof *p);
	if (!p)
		return err_nomem("the threads that save");
	p->fs = fs;
	lock_init(&p->lock, RANK_QUEUE);
	cond_init(&p->wake);
	cond_init(&p->idle);
	fs->publisher = p;
	int e = 0;
	while (p->started < THREADS && !(e = pthread_create(&p->threads[p->started], NULL, publisher_main, p)))
		p->started++;
	if (p->started)
		return 0;
	publisher_stop(fs, 0);
	return err_set(-e, "cannot start a thread: %s", strerror(e));
}

static unsigned count_busy(struct publisher *p) REQUIRES(p->lock)
{
	unsigned n = p->running;
	int64_t now = now_ms();
	for (const struct writing *w = p->queue; w; w = w->queue_next)
		n += w->queue_ms <= now;
	return n;
}

unsigned publisher_busy(struct fs *fs)
{
	struct publisher *p = fs->publisher;
	lock_acquire(&p->lock);
	unsigned n = count_busy(p);
	lock_release(&p->lock);
	return n;
}

void publisher_stop(struct fs *fs, int drain_ms)
{
	struct publisher *p = fs->publisher;
	if (!p)
		return;
	int64_t end = now_ms() + drain_ms, left;
	lock_acquire(&p->lock);
	while (count_busy(p) && (left = end - now_ms()) > 0)
		(void)lock_wait(&p->lock, &p->idle, (int)left);
	p->stop = true;
	__atomic_store_n(&p->stopping, true, __ATOMIC_RELAXED);
	pthread_cond_broadcast(&p->wake);
	lock_release(&p->lock);
	for (unsigned i = 0; i < p->started; i++)
		pthread_join(p->threads[i], NULL);
	for (struct writing *w = p->queue; w; w = w->queue_next)
		w->opens--; /* no operation runs any more; the nodes go with the tree */
	pthread_cond_destroy(&p->wake);
	pthread_cond_destroy(&p->idle);
	lock_done(&p->lock);
	free(p);
	fs->publisher = NULL;
}
