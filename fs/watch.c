/* SPDX-License-Identifier: MIT */
#include "fs/watch.h"

#include "fs/log.h"
#include "fs/ops.h"

#include <string.h>

struct watch {
	struct fs *fs;
	pthread_t thread;
	struct lock lock;	/* RANK_QUEUE */
	pthread_cond_t wake;
	bool stop UNDER(lock);
	struct forget queue UNDER(lock);	/* from operations */
	char *token;		/* the thread's own */
	int64_t read_ms;	/* atomic; 0: never */
	bool failing;
	struct forget last;	/* what the kernel was told at the last look */
};

struct news { struct fs *fs; struct forget forget; };

static int one_change(void *ctx, const char *id, struct drive_file *f)
{
	struct news *news = ctx;
	struct tree *t = &news->fs->tree;
	int r = 0;
	lock_acquire(&t->lock);
	struct file *known = tree_file(t, id);
	if (f)
		r = tree_apply(t, f, &news->forget, NULL);
	else if (known)
		tree_remove(t, known, &news->forget);
	lock_release(&t->lock);
	return r;
}

/* The kernel has listings and names of its own, and would not ask again. */
static void outdate(struct file *f, struct forget *forget)
{
	if (f->folder && f->listing == LISTING_COMPLETE)
		f->listing = LISTING_UNKNOWN;
	if (f->folder && f->node) {
		f->news++; /* for who reads the folder right now */
		forget_take(forget, &(struct forget_one){ .node = f->node->id });
	}
	if (!f->node || !f->shown || !f->parent || !f->parent->node)
		return;
	struct forget_one one = { .parent = f->parent->node->id, .node = f->node->id, .name = strdup(f->shown) };
	if (one.name)
		forget_take(forget, &one);
	free(one.name);
}

/* The feed has forgotten our token: every listing is read again when it is next needed. */
static void start_over(struct watch *w)
{
	struct tree *t = &w->fs->tree;
	struct forget all = { 0 };
	char *token;
	log_warning("watch", "Drive refused the change token (%s): listing again", err_last());
	if (drive_changes_start(w->fs->drive, w->fs->shared_drive, &token) != 0)
		return;
	free(w->token);
	w->token = token;
	lock_acquire(&t->lock);
	for (size_t i = 0; i < t->files_count; i++)
		outdate(t->files[i], &all);
	lock_release(&t->lock);
	ops_forget(w->fs, &all);
	forget_done(&all);
}

static void look(struct watch *w)
{
	struct news news = { .fs = w->fs };
	int r = drive_changes(w->fs->drive, w->fs->shared_drive, &w->token, one_change, &news);
	/* Also what came before an error; and what was told at the last look once more, since a listing
	 * that was under way then may have brought an old name back to the kernel after it. */
	ops_forget(w->fs, &w->last);
	ops_forget(w->fs, &news.forget);
	forget_done(&w->last);
	w->last = news.forget;
	if (r == -EBADMSG) {
		start_over(w);
	} else if (r && r != -EINTR && !w->failing) {
		log_warning("watch", "changes made elsewhere are not seen now: %s; trying on", err_last());
	} else if (!r) {
		if (w->failing)
			log_info("watch", "changes made elsewhere are seen again");
		__atomic_store_n(&w->read_ms, now_ms(), __ATOMIC_RELAXED);
	}
	w->failing = r != 0;
}

/* Tell the kernel what operations found out, and wait for the time of the next look. */
static void wait_until(struct watch *w, int64_t until) REQUIRES(w->lock)
{
	while (!w->stop) {
		struct forget f = w->queue;
		w->queue = (struct forget){ 0 };
		if (f.count) {
			lock_release(&w->lock);
			ops_forget(w->fs, &f);
			forget_done(&f);
			lock_acquire(&w->lock);
			continue;
		}
		int64_t left = until - now_ms();
		if (left <= 0)
			return;
		(void)lock_wait(&w->lock, &w->wake, (int)left);
	}
}

static bool stopping(void *ctx)
{
	const struct fs *fs = ctx;
	return __atomic_load_n(&fs->stopping, __ATOMIC_RELAXED);
}

static void *watch_main(void *arg)
{
	struct watch *w = arg;
	cancel_set(stopping, w->fs);
	lock_acquire(&w->lock);
	while (!w->stop) {
		wait_until(w, now_ms() + (int64_t)w->fs->config->poll * 1000);
		if (w->stop)
			break;
		lock_release(&w->lock);
		look(w);
		lock_acquire(&w->lock);
	}
	lock_release(&w->lock);
	return NULL;
}

static void watch_free(struct watch *w)
{
	pthread_cond_destroy(&w->wake);
	lock_done(&w->lock);
	forget_done(&w->last);
	forget_done(&w->queue);
	free(w->token);
	free(w);
}

int watch_start(struct fs *fs, struct watch **ret)
{
	struct watch *w = calloc(1, sizeof *w);
	if (!w)
		return err_set(-ENOMEM, "no memory to start");
	w->fs = fs;
	lock_init(&w->lock, RANK_QUEUE);
	cond_init(&w->wake);
	int r = drive_changes_start(fs->drive, fs->shared_drive, &w->token);
	int e = r ? 0 : pthread_create(&w->thread, NULL, watch_main, w);
	if (e)
		r = err_set(-e, "cannot start a thread: %s", strerror(e));
	if (r) {
		watch_free(w);
		return r;
	}
	*ret = w;
	return 0;
}

struct watch *watch_stop(struct watch *w)
{
	if (!w)
		return NULL;
	lock_acquire(&w->lock);
	w->stop = true;
	pthread_cond_signal(&w->wake);
	lock_release(&w->lock);
	pthread_join(w->thread, NULL);
	watch_free(w);
	return NULL;
}

void watch_forget(struct watch *w, struct forget *f)
{
	lock_acquire(&w->lock);
	if (!w->queue.count) {
		forget_done(&w->queue);
		w->queue = *f;
		*f = (struct forget){ 0 };
	}
	for (size_t i = 0; i < f->count; i++)
		forget_take(&w->queue, &f->all[i]);
	pthread_cond_signal(&w->wake);
	lock_release(&w->lock);
	forget_done(f);
}

int64_t watch_age_s(const struct watch *w)
{
	int64_t at = __atomic_load_n(&w->read_ms, __ATOMIC_RELAXED);
	return at ? (now_ms() - at) / 1000 : -1;
}
