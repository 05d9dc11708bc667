/* SPDX-License-Identifier: MIT */
#include "fs/watch.h"

#include "fs/ask.h"
#include "fs/connect.h"
#include "fs/log.h"
#include "fs/notify.h"
#include "fs/snapshot.h"

#include <string.h>

enum { KEEP_PATIENCE_MS = 1000 };

struct watch {
	struct fs *fs;
	pthread_t thread;
	struct lock lock;	/* RANK_QUEUE */
	pthread_cond_t wake;
	bool stop UNDER(lock);
	struct feed {		/* of the mounted folder's drive first, then of those that shortcuts lead to */
		char *drive;	/* id, or "": what this identity sees outside of shared drives */
		bool refused;	/* we are no member of that drive: the feed of all that we see has it */
		char *token;	/* the thread's own; NULL: another feed brings it */
		bool failing;
		struct feed *next;
	} *feeds UNDER(lock);	/* only ever grows, at its end */
	int64_t read_ms;	/* atomic; 0: never */
	bool root_gone;		/* the thread's own: that it is was logged */
};

struct news { struct fs *fs; struct inval inval; };

static int one_change(void *ctx, const char *id, struct drive_file *f)
{
	struct news *news = ctx;
	struct tree *t = &news->fs->tree;
	int r = 0;
	lock_acquire(&t->lock);
	struct file *known = tree_file(t, id);
	if (known)
		tree_allow(known);
	else
		early_allow(&t->early, id);
	if (f)
		r = tree_apply(t, f, &news->inval, NULL);
	else if (known)
		tree_deny(t, known, &news->inval);
	else
		early_deny(&t->early, id);
	lock_release(&t->lock);
	return r;
}

/* The kernel has listings and names of its own, and would not ask again. */
static void outdate(struct file *f, struct inval *inval)
{
	if (f->folder && f->listing == LISTING_COMPLETE)
		f->listing = LISTING_UNKNOWN;
	if (f->folder)
		inval_listing(inval, f);
	while (!f->parent && f->links) /* no listing will tell of it: ask again */
		tree_unlink_target(f->links);
}

/* Every listing is read again when it is next needed. */
static void outdate_all(struct fs *fs)
{
	struct tree *t = &fs->tree;
	struct inval all = { 0 };
	lock_acquire(&t->lock);
	for (size_t i = 0; i < t->files_count; i++)
		outdate(t->files[i], &all);
	lock_release(&t->lock);
	notify_later(fs->notify, &all);
}

/* The feed has forgotten our token: every listing is read again when it is next needed. */
static void start_over(struct watch *w, struct feed *feed)
{
	char *token;
	log_warning("watch", "Drive refused the change token (%s): listing again", err_last());
	if (drive_changes_start(w->fs->drive, feed->refused ? "" : feed->drive, &token) != 0)
		return;
	free(feed->token);
	feed->token = token;
	outdate_all(w->fs);
}

/* One feed to its end; 0, or why not. */
static int look_at(struct watch *w, struct feed *feed, struct news *news)
{
	int r = drive_changes(w->fs->drive, feed->refused ? "" : feed->drive, &feed->token, one_change, news);
	if (r == -EBADMSG)
		start_over(w, feed);
	else if (r && r != -EINTR && !feed->failing)
		log_warning("watch", "changes made elsewhere are not seen now: %s; trying on", err_last());
	else if (!r && feed->failing)
		log_info("watch", "changes made elsewhere are seen again");
	feed->failing = r != 0;
	return r;
}

static struct feed *next_feed(struct watch *w, struct feed *after)
{
	lock_acquire(&w->lock);
	struct feed *feed = after ? after->next : w->feeds;
	lock_release(&w->lock);
	return feed;
}

/* Is there still the folder that all this is about? */
static void look_at_root(struct watch *w)
{
	struct tree *t = &w->fs->tree;
	lock_acquire(&t->lock);
	bool gone = file_gone(t->root), denied = t->root->state == FILE_REFUSED;
	lock_release(&t->lock);
	if (gone && !w->root_gone)
		log_error("watch", "the mounted folder is %s: what is known of it can be read, nothing can be saved; restore it",
			  denied ? "deleted in Drive, or not shared any more" : "in Drive's trash");
	else if (!gone && w->root_gone)
		log_info("watch", "the mounted folder is there again");
	w->root_gone = gone;
}

static void look_at_all(struct watch *w)
{
	struct news news = { .fs = w->fs };
	int r = 0;
	for (struct feed *feed = next_feed(w, NULL); feed; feed = next_feed(w, feed)) {
		int one = feed->token ? look_at(w, feed, &news) : 0;
		r = r ? r : one;
	}
	ask_again(w->fs);
	look_at_root(w);
	notify_later(w->fs->notify, &news.inval); /* also what came before an error */
	if (!r)
		__atomic_store_n(&w->read_ms, now_ms(), __ATOMIC_RELAXED);
}

/* Wait for the time of the next look. */
static void wait_until(struct watch *w, int64_t until) REQUIRES(w->lock)
{
	for (int64_t left; !w->stop && (left = until - now_ms()) > 0;)
		(void)lock_wait(&w->lock, &w->wake, (int)left);
}

static bool stopping(void *ctx)
{
	const struct fs *fs = ctx;
	return __atomic_load_n(&fs->stopping, __ATOMIC_RELAXED);
}

/* OFFLINE -> ONLINE, once Drive answers: its changes are read from here on, what was kept is asked for anew. */
static void come_online(struct watch *w)
{
	bool fresh;
	if (connect_again(w->fs) != 0 || watch_follow(w, w->fs->shared_drive, &fresh) != 0)
		return;
	__atomic_store_n(&w->fs->offline, false, __ATOMIC_RELEASE);
	outdate_all(w->fs);
	log_info("mount", "Drive answers: %s from here on", w->fs->config->read_only ? "names are its own" : "read-write");
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
		if (fs_offline(w->fs))
			come_online(w);
		else
			look_at_all(w);
		if (!fs_offline(w->fs))
			snapshot_keep_names(w->fs, KEEP_PATIENCE_MS);
		lock_acquire(&w->lock);
	}
	lock_release(&w->lock);
	if (!fs_offline(w->fs))
		snapshot_keep_names(w->fs, KEEP_PATIENCE_MS);
	return NULL;
}

static struct feed *feed_free(struct feed *feed)
{
	if (feed) {
		free(feed->drive);
		free(feed->token);
		free(feed);
	}
	return NULL;
}

static void watch_free(struct watch *w)
{
	while (w->feeds) {
		struct feed *feed = w->feeds;
		w->feeds = feed->next;
		feed_free(feed);
	}
	pthread_cond_destroy(&w->wake);
	lock_done(&w->lock);
	free(w);
}

/* The feed that brings the changes of `drive`, or NULL. */
static struct feed *find_feed(struct watch *w, const char *drive) REQUIRES(w->lock)
{
	struct feed *feed = w->feeds;
	while (feed && strcmp(feed->drive, drive) != 0)
		feed = feed->next;
	return feed;
}

static bool has_feed(struct watch *w, const char *drive)
{
	lock_acquire(&w->lock);
	bool has = find_feed(w, drive) != NULL;
	lock_release(&w->lock);
	return has;
}

/* A new one, that begins now. */
static int feed_start(struct watch *w, const char *drive, struct feed **ret)
{
	struct feed *feed = calloc(1, sizeof *feed);
	if (!feed || !(feed->drive = strdup(drive))) {
		free(feed);
		return err_set(-ENOMEM, "no memory to start");
	}
	int r = drive_changes_start(w->fs->drive, drive, &feed->token);
	if ((r == -ENOENT || r == -EACCES) && *drive) {
		/* Something on a shared drive was shared with us, and not the drive. */
		feed->refused = true;
		r = has_feed(w, "") ? 0 : drive_changes_start(w->fs->drive, "", &feed->token);
	}
	if (r)
		feed_free(feed);
	else
		*ret = feed;
	return r;
}

int watch_follow(struct watch *w, const char *drive, bool *ret_fresh)
{
	struct feed *feed = NULL;
	*ret_fresh = false;
	if (has_feed(w, drive))
		return 0;
	int r = feed_start(w, drive, &feed);
	if (r)
		return r;
	lock_acquire(&w->lock);
	struct feed **at = &w->feeds;
	while (*at && strcmp((*at)->drive, drive) != 0)
		at = &(*at)->next;
	bool added = !*at; /* else somebody was quicker */
	if (added)
		*at = feed;
	lock_release(&w->lock);
	*ret_fresh = true;
	if (!added)
		feed_free(feed);
	return 0;
}

int watch_start(struct fs *fs, struct watch **ret)
{
	struct watch *w = calloc(1, sizeof *w);
	if (!w)
		return err_set(-ENOMEM, "no memory to start");
	w->fs = fs;
	lock_init(&w->lock, RANK_QUEUE);
	cond_init(&w->wake);
	bool fresh;
	int r = fs_offline(fs) ? 0 : watch_follow(w, fs->shared_drive, &fresh);
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

int64_t watch_age_s(const struct watch *w)
{
	int64_t at = __atomic_load_n(&w->read_ms, __ATOMIC_RELAXED);
	return at ? (now_ms() - at) / 1000 : -1;
}
