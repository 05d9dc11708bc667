/* SPDX-License-Identifier: MIT */
#include "fs/notify.h"

#include "fs/ops.h"

#include <string.h>

struct notify {
	struct fs *fs;
	pthread_t thread;
	struct lock lock;	/* RANK_QUEUE */
	pthread_cond_t wake;
	bool stop UNDER(lock);
	struct batch {
		struct inval what;
		int64_t due_ms;
		struct batch *next;
	} *first UNDER(lock), **last UNDER(lock);	/* in the order of their time */
};

/* -ENOENT: the kernel did not have it; nothing to do in any other case either. */
static void tell_kernel(struct notify *n, const struct inval *what)
{
	lock_assert_none();
	for (size_t i = 0; i < what->count && n->fs->session; i++)
		fuse_lowlevel_notify_inval_inode(n->fs->session, what->all[i].node, what->all[i].listing ? 0 : -1, 0);
}

/* The next one whose time has come, out of the list, or NULL; *ret_wait_ms: until the next one's. */
static struct batch *next_due(struct notify *n, int *ret_wait_ms) REQUIRES(n->lock)
{
	struct batch *b = n->first;
	int64_t left = b ? b->due_ms - now_ms() : -1;
	*ret_wait_ms = (int)left;
	if (!b || left > 0)
		return NULL;
	n->first = b->next;
	if (!n->first)
		n->last = &n->first;
	return b;
}

static void *notify_main(void *arg)
{
	struct notify *n = arg;
	lock_acquire(&n->lock);
	while (!n->stop) {
		int wait_ms;
		struct batch *b = next_due(n, &wait_ms);
		if (!b) {
			(void)lock_wait(&n->lock, &n->wake, wait_ms);
			continue;
		}
		lock_release(&n->lock);
		tell_kernel(n, &b->what);
		inval_done(&b->what);
		free(b);
		lock_acquire(&n->lock);
	}
	lock_release(&n->lock);
	return NULL;
}

void notify_later(struct notify *n, struct inval *what)
{
	struct batch *b = n && what->count ? calloc(1, sizeof *b) : NULL;
	if (!b) { /* the mount has ended; or, without memory, the kernel's own timeout is the fallback */
		inval_done(what);
		return;
	}
	b->what = *what;
	b->due_ms = now_ms() + NAME_KEEP_MS;
	*what = (struct inval){ 0 };
	lock_acquire(&n->lock);
	*n->last = b;
	n->last = &b->next;
	pthread_cond_signal(&n->wake);
	lock_release(&n->lock);
}

static void notify_free(struct notify *n)
{
	while (n->first) {
		struct batch *b = n->first;
		n->first = b->next;
		inval_done(&b->what);
		free(b);
	}
	pthread_cond_destroy(&n->wake);
	lock_done(&n->lock);
	free(n);
}

int notify_start(struct fs *fs, struct notify **ret)
{
	struct notify *n = calloc(1, sizeof *n);
	if (!n)
		return err_set(-ENOMEM, "no memory to start");
	n->fs = fs;
	n->last = &n->first;
	lock_init(&n->lock, RANK_QUEUE);
	cond_init(&n->wake);
	int e = pthread_create(&n->thread, NULL, notify_main, n);
	if (e) {
		notify_free(n);
		return err_set(-e, "cannot start a thread: %s", strerror(e));
	}
	*ret = n;
	return 0;
}

struct notify *notify_stop(struct notify *n)
{
	if (!n)
		return NULL;
	lock_acquire(&n->lock);
	n->stop = true;
	pthread_cond_signal(&n->wake);
	lock_release(&n->lock);
	pthread_join(n->thread, NULL);
	notify_free(n);
	return NULL;
}
