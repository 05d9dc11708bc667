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
	struct inval queue UNDER(lock);	/* to be told, once */
	struct inval news UNDER(lock);	/* to be told, and once more */
	struct inval told UNDER(lock);	/* news that were told once */
};

/* -ENOENT: the kernel did not have it; nothing to do in any other case either. */
static void tell_kernel(struct fs *fs, const struct inval *what)
{
	lock_assert_none();
	for (size_t i = 0; i < what->count && fs->session; i++) {
		const struct inval_one *one = &what->all[i];
		if (one->name)
			fuse_lowlevel_notify_inval_entry(fs->session, one->parent, one->name, strlen(one->name));
		else
			fuse_lowlevel_notify_inval_inode(fs->session, one->node, 0, 0);
	}
}

/* All of `from` to the end of `to`. */
static void append(struct inval *to, struct inval *from)
{
	if (!to->count) {
		inval_done(to);
		*to = *from;
		*from = (struct inval){ 0 };
	}
	for (size_t i = 0; i < from->count; i++)
		inval_take(to, &from->all[i]);
	inval_done(from);
}

static void *notify_main(void *arg)
{
	struct notify *n = arg;
	lock_acquire(&n->lock);
	while (!n->stop) {
		struct inval once = n->queue, twice = n->news;
		n->queue = n->news = (struct inval){ 0 };
		if (!once.count && !twice.count) {
			(void)lock_wait(&n->lock, &n->wake, -1);
			continue;
		}
		lock_release(&n->lock);
		tell_kernel(n->fs, &once);
		tell_kernel(n->fs, &twice);
		inval_done(&once);
		lock_acquire(&n->lock);
		append(&n->told, &twice);
	}
	lock_release(&n->lock);
	return NULL;
}

void notify_later(struct notify *n, struct inval *what)
{
	lock_acquire(&n->lock);
	append(&n->queue, what);
	pthread_cond_signal(&n->wake);
	lock_release(&n->lock);
}

void notify_news(struct notify *n, struct inval *what)
{
	lock_acquire(&n->lock);
	append(&n->queue, &n->told);
	append(&n->news, what);
	pthread_cond_signal(&n->wake);
	lock_release(&n->lock);
}

static void notify_free(struct notify *n)
{
	inval_done(&n->queue);
	inval_done(&n->news);
	inval_done(&n->told);
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
