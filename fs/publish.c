/* SPDX-License-Identifier: MIT */
#include "fs/publish.h"

#include "fs/ask.h"
#include "fs/log.h"
#include "fs/notify.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { TRY_FIRST_MS = 2000, TRY_LAST_MS = 300000, WAIT_MS = 200, NOTE_MAX = 8 << 10 };

struct publisher {
	struct lock lock;	/* RANK_QUEUE */
	pthread_cond_t wake;
	pthread_t thread;
	struct waiting { struct inode *node; struct waiting *next; } *waiting UNDER(lock);
	bool stop UNDER(lock);
};

/* What an upload is about, copied while tree.lock is held. */
struct target {
	char id[DRIVE_ID_MAX + 1], reserved[DRIVE_ID_MAX + 1], parent[DRIVE_ID_MAX + 1];
	char *name, *path;
	char *description;	/* of a file that Drive does not know yet */
	bool gone;
};

static void target_done(struct target *t)
{
	free(t->name);
	free(t->path);
	free(t->description);
}

static int target_of(struct fs *fs, struct inode *n, struct target *ret)
{
	*ret = (struct target){ 0 };
	lock_acquire(&fs->tree.lock);
	struct file *f = n->file;
	memcpy(ret->id, f->id, sizeof ret->id);
	memcpy(ret->reserved, f->reserved, sizeof ret->reserved);
	if (f->parent)
		memcpy(ret->parent, f->parent->id, sizeof ret->parent);
	ret->gone = file_gone_here(f);
	ret->name = strdup(f->name);
	ret->path = tree_path(&fs->tree, f);
	ret->description = !f->id[0] && f->description ? strdup(f->description) : NULL;
	lock_release(&fs->tree.lock);
	return ret->name && ret->path ? 0 : err_set(-ENOMEM, "no memory for a file name");
}

/* What to do about it, for the log line of a failed save. */
static const char *advice(int err)
{
	switch (err) {
	case -ENOSPC:
	case -EDQUOT:
		return "make room in Drive (or mount a folder on a shared drive), then save again or wait for the retry";
	case -EACCES:
	case -EPERM:
		return "give the mount's identity the right to write there, then save again or wait for the retry";
	case -ENOENT:
		return "restore the folder in Drive, or save under another path; it is tried again";
	case -EINTR:
		return "interrupted: it is tried again";
	default:
		return "check the network; it is tried again, or save again";
	}
}

/* ---- one try */

/* Take the draft: from here on nobody writes it. NULL with r 0: there is nothing to do. */
static int begin(struct writing *w, struct draft **ret)
{
	int r = 0;
	*ret = NULL;
	lock_acquire(&w->lock);
	while ((w->sending || w->users) && !r) {
		if (cancelled())
			r = err_set(-EINTR, "interrupted while an earlier save is being sent");
		else
			(void)lock_wait(&w->lock, &w->changed, WAIT_MS);
	}
	if (!r && w->draft && w->dirty) {
		w->sending = true;
		*ret = w->draft;
	}
	lock_release(&w->lock);
	return r;
}

static int note(struct draft *d, const struct target *t)
{
	CLEANUP_BUF struct buf b = BUF_INIT(NOTE_MAX);
	buf_str(&b, "{\"path\": ");
	buf_json(&b, t->path);
	buf_str(&b, ", \"id\": ");
	buf_json(&b, t->id);
	buf_printf(&b, ", \"time\": %lld}", (long long)time(NULL));
	int r = buf_check(&b, "the note of a draft");
	return r ? r : draft_note(d, b.data, b.len);
}

static int send_draft(struct fs *fs, struct draft *d, const struct target *t, int64_t mtime_ms,
		      struct source **ret_body, struct drive_file *ret)
{
	int r = note(d, t);
	if (!r)
		r = draft_seal(d, ret_body);
	if (r)
		return r;
	struct drive_put put = {
		.id = t->id[0] ? t->id : NULL,
		.parent = t->parent,
		.name = t->name,
		.reserved = t->reserved,
		.description = t->description,
		.body = *ret_body,
		.mtime_ms = mtime_ms,
		.deadline_ms = (int64_t)fs->config->upload_deadline * 1000,
	};
	return drive_upload(fs->drive, &put, ret);
}

/* The draft, out of sight of every handle, once nobody uses it; they read `instead` from here on. */
static struct draft *withdraw(struct writing *w, struct source *instead)
{
	lock_acquire(&w->lock);
	struct source *old = w->src;
	struct draft *d = w->draft;
	w->src = instead;
	w->draft = NULL;
	w->dirty = w->wrote = false;
	while (w->users)
		(void)lock_wait(&w->lock, &w->changed, WAIT_MS);
	lock_release(&w->lock);
	source_unref(old);
	return d;
}

/* Drive has the bytes: they are the node's content. Nothing here can undo that: what fails is
 * logged. */
static void adopt(struct fs *fs, struct inode *n, struct source *body, struct drive_file *news)
{
	struct content c = { .size = news->size, .mtime_ms = news->mtime_ms, .has_md5 = news->has_md5 };
	char id[DRIVE_ID_MAX + 1];
	memcpy(c.revision, news->revision, sizeof c.revision);
	memcpy(c.md5, news->md5, sizeof c.md5);
	memcpy(id, news->id, sizeof id);
	struct cache_key key = { id, c.revision, "" };
	struct draft *d = withdraw(n->w, source_ref(body));
	if (draft_commit(d, &key) != 0)
		log_warning("cache", "%s: saved in Drive, but not kept in the cache: %s", news->name ? news->name : id,
			    err_last());
	struct inval inval = { .ours = true };
	lock_acquire(&fs->tree.lock);
	n->content = c;
	if (n->file->next == n)
		inode_settle(&fs->tree, n->file, true);
	if (tree_adopt(&fs->tree, n->file, news, &inval) != 0)
		log_warning("save", "%s: saved in Drive; %s", id, err_last());
	lock_release(&fs->tree.lock);
	notify_later(fs->notify, &inval);
	struct source *src = NULL;
	if (handle_source(fs, id, &c, &src) != 0)
		return; /* the sealed draft serves as well */
	lock_acquire(&n->w->lock);
	struct source *old = n->w->src;
	n->w->src = src;
	lock_release(&n->w->lock);
	source_unref(old);
}

static void end(struct writing *w, int err)
{
	lock_acquire(&w->lock);
	w->sending = false;
	w->error = err;
	if (err)
		w->tries++;
	pthread_cond_broadcast(&w->changed);
	lock_release(&w->lock);
}

/* A new file was unlinked, renamed or moved here while its bytes were on their way: Drive has `was`. */
static int catch_up(struct fs *fs, struct inode *n, const struct drive_file *was)
{
	struct target now;
	int r = target_of(fs, n, &now);
	bool moved = !r && !now.gone && now.parent[0] && strcmp(now.parent, was->parent) != 0;
	if (!r && (now.gone || moved || strcmp(now.name, was->name ? was->name : "") != 0)) {
		struct drive_edit e = {
			.name = now.gone ? NULL : now.name, .mtime_ms = -1, .trash = now.gone,
			.from_parent = moved ? was->parent : NULL, .to_parent = moved ? now.parent : NULL,
		};
		CLEANUP_DRIVE_FILE struct drive_file news = { 0 };
		r = drive_edit(fs->drive, now.id, &e, &news);
		lock_acquire(&fs->tree.lock);
		if (!r)
			r = tree_apply(&fs->tree, &news, NULL, NULL);
		lock_release(&fs->tree.lock);
	}
	target_done(&now);
	return r;
}

/* Has the file a place to be saved at? What this mount unlinked needs none; one that somebody else removed
 * gets a successor. */
static int find_place(struct fs *fs, struct inode *n)
{
	char reserved[DRIVE_ID_MAX + 1];
	struct inval inval = { 0 };
	lock_acquire(&fs->tree.lock);
	bool here = file_gone_here(n->file), removed = file_gone_by_news(n->file) && !n->file->elsewhere;
	bool placeless = !n->file->elsewhere && file_placeless(n->file);
	lock_release(&fs->tree.lock);
	if (here)
		return 0;
	if (placeless)
		return err_set(-ENOENT, "its folder is in Drive's trash, deleted, or out of the mount");
	int r = removed ? drive_reserve_id(fs->drive, reserved) : 0;
	if (r || !removed)
		return r;
	lock_acquire(&fs->tree.lock);
	if (file_gone_by_news(n->file) && !n->file->elsewhere)
		r = tree_renew(&fs->tree, n, reserved, &inval);
	lock_release(&fs->tree.lock);
	notify_later(fs->notify, &inval);
	return r;
}

/* The bytes went to a file that is in the trash, or Drive knows none (`r`): somebody removed it, or its
 * folder, and the feed has not said so yet. True: that is known now, and the save can look for a place. */
static bool was_removed(struct fs *fs, struct inode *n, int r, struct drive_file *news)
{
	struct inval inval = { 0 };
	lock_acquire(&fs->tree.lock);
	struct file *f = n->file, *folder = f->parent, *asked = r && f->id[0] ? f : folder;
	bool here = file_gone_here(f);
	if (!r && news->trashed && !here)
		r = tree_adopt(&fs->tree, f, news, &inval) == 0 ? -ENOENT : 0;
	lock_release(&fs->tree.lock);
	notify_later(fs->notify, &inval);
	if (r != -ENOENT || here)
		return false;
	if (asked && ask_drive(fs, asked) != 0 && !file_gone(asked))
		return false; /* Drive does not say */
	lock_acquire(&fs->tree.lock);
	bool removed = (file_gone_by_news(f) && !f->elsewhere) || file_placeless(f);
	lock_release(&fs->tree.lock);
	return removed;
}

int publish(struct fs *fs, struct inode *n)
{
	struct writing *w = n->w;
	struct draft *d;
	int64_t began_ms = now_ms();
	int r = begin(w, &d);
	if (r || !d)
		return r;
	struct target t;
	CLEANUP_DRIVE_FILE struct drive_file news = { 0 };
	struct source *body = NULL;
	bool again = true;
once_more:
	r = find_place(fs, n);
	int e = target_of(fs, n, &t);
	r = r ? r : e;
	if (!r && t.gone) { /* unlinked: its bytes are nobody's */
		target_done(&t);
		end(w, 0);
		return 0;
	}
	lock_acquire(&w->lock);
	int64_t mtime_ms = w->mtime_ms;
	lock_release(&w->lock);
	if (!r)
		r = send_draft(fs, d, &t, mtime_ms, &body, &news);
	if (again && (r == -ENOENT || news.trashed) && was_removed(fs, n, r, &news)) {
		again = false;
		body = source_unref(body);
		draft_reopen(d);
		target_done(&t);
		drive_file_done(&news);
		goto once_more;
	}
	if (!r && news.trashed && !t.gone)
		r = err_set(-ENOENT, "it went into Drive's trash");
	if (r) {
		body = source_unref(body);
		draft_reopen(d);
		log_error("save", "%s: not saved in Drive: %s (%s)", t.path ? t.path : "?", err_last(), advice(r));
		struct inval inval = { .ours = true };
		lock_acquire(&fs->tree.lock);
		if (n->file->next == n) /* the mount shows what was written, status that it is not saved */
			inode_settle(&fs->tree, n->file, true);
		lock_release(&fs->tree.lock);
		notify_later(fs->notify, &inval);
	} else {
		log_saved(t.path ? t.path : "?", news.size, now_ms() - began_ms);
		adopt(fs, n, body, &news);
		r = t.id[0] ? 0 : catch_up(fs, n, &news);
	}
	source_unref(body);
	target_done(&t);
	end(w, r);
	return r;
}

/* ---- again, later */

void publish_later(struct fs *fs, struct inode *n)
{
	struct publisher *p = fs->publisher;
	struct waiting *one = malloc(sizeof *one);
	lock_acquire(&fs->tree.lock);
	lock_acquire(&n->w->lock);
	bool add = one && n->w->draft && !n->w->waiting;
	if (add) {
		n->w->waiting = true;
		inode_hold(n);
		unsigned tries = n->w->tries < 8 ? n->w->tries : 8;
		int64_t pause = (int64_t)TRY_FIRST_MS << tries;
		n->w->next_try_ms = now_ms() + (pause < TRY_LAST_MS ? pause : TRY_LAST_MS);
	}
	lock_release(&n->w->lock);
	lock_release(&fs->tree.lock);
	if (!add) {
		free(one);
		return;
	}
	lock_acquire(&p->lock);
	*one = (struct waiting){ n, p->waiting };
	p->waiting = one;
	pthread_cond_signal(&p->wake);
	lock_release(&p->lock);
}

/* A node whose time has come, out of the list; *ret_wait_ms: until the next one's. */
static struct inode *due(struct publisher *p, int *ret_wait_ms) REQUIRES(p->lock)
{
	int64_t now = now_ms(), next = now + TRY_LAST_MS;
	for (struct waiting **at = &p->waiting; *at; at = &(*at)->next) {
		struct waiting *one = *at;
		int64_t when = __atomic_load_n(&one->node->w->next_try_ms, __ATOMIC_RELAXED);
		if (when <= now) {
			struct inode *n = one->node;
			*at = one->next;
			free(one);
			return n;
		}
		next = when < next ? when : next;
	}
	*ret_wait_ms = (int)(next - now);
	return NULL;
}

/* Try `n` once more; it was held by the list, and is again if that fails. */
static void try_again(struct fs *fs, struct inode *n)
{
	lock_acquire(&fs->tree.lock);
	bool gone = file_gone_here(n->file);
	lock_release(&fs->tree.lock);
	lock_acquire(&n->w->lock);
	n->w->waiting = false;
	lock_release(&n->w->lock);
	if (gone)
		publish_hold(fs, n, "unlinked"); /* which drops it */
	else if (publish(fs, n) != 0)
		publish_later(fs, n);
	writing_drop(fs, n);
	lock_acquire(&fs->tree.lock);
	inode_forget(&fs->tree, n, 0, 1);
	lock_release(&fs->tree.lock);
}

static void *retrier(void *arg)
{
	struct fs *fs = arg;
	struct publisher *p = fs->publisher;
	lock_acquire(&p->lock);
	while (!p->stop) {
		int wait_ms = TRY_LAST_MS;
		struct inode *n = due(p, &wait_ms);
		if (!n) {
			(void)lock_wait(&p->lock, &p->wake, wait_ms);
			continue;
		}
		lock_release(&p->lock);
		try_again(fs, n);
		lock_acquire(&p->lock);
	}
	lock_release(&p->lock);
	return NULL;
}

static bool publisher_stopping(void *ctx)
{
	return __atomic_load_n(&((struct fs *)ctx)->stopping, __ATOMIC_RELAXED);
}

static void *retrier_main(void *arg)
{
	cancel_set(publisher_stopping, arg);
	return retrier(arg);
}

int publisher_start(struct fs *fs)
{
	struct publisher *p = calloc(1, sizeof *p);
	if (!p)
		return err_set(-ENOMEM, "no memory to start");
	lock_init(&p->lock, RANK_QUEUE);
	cond_init(&p->wake);
	fs->publisher = p;
	int e = pthread_create(&p->thread, NULL, retrier_main, fs);
	if (!e)
		return 0;
	fs->publisher = NULL;
	lock_done(&p->lock);
	free(p);
	return err_set(-e, "cannot start a thread: %s", strerror(e));
}

void publisher_stop(struct fs *fs)
{
	struct publisher *p = fs->publisher;
	if (!p)
		return;
	lock_acquire(&p->lock);
	p->stop = true;
	pthread_cond_signal(&p->wake);
	lock_release(&p->lock);
	pthread_join(p->thread, NULL);
	while (p->waiting) {
		struct waiting *one = p->waiting;
		p->waiting = one->next;
		free(one);
	}
	pthread_cond_destroy(&p->wake);
	lock_done(&p->lock);
	free(p);
	fs->publisher = NULL;
}

void publish_hold(struct fs *fs, struct inode *n, const char *why)
{
	struct writing *w = n->w;
	struct target t;
	int r = target_of(fs, n, &t);
	struct draft *d = withdraw(w, NULL);
	lock_acquire(&w->lock);
	w->waiting = w->doomed = false;
	w->error = 0;
	lock_release(&w->lock);
	if (d && !t.gone && (r || note(d, &t) != 0))
		log_warning("save", "a draft is kept without a note: %s", err_last());
	if (d && !t.gone)
		log_error("save", "%s: %s: the file in Drive stays as it was, the bytes are kept as %s/draft/%" PRIu64,
			  t.path ? t.path : "?", why, fs->cache_dir, draft_number(d));
	if (d && t.gone)
		draft_discard(d);
	else
		draft_leave(d);
	lock_acquire(&fs->tree.lock);
	n->content = n->file->head;
	if (n->file->next == n)
		inode_settle(&fs->tree, n->file, false);
	if (!n->file->id[0]) /* never was in Drive: the name goes with the draft */
		tree_remove(&fs->tree, n->file, NULL);
	lock_release(&fs->tree.lock);
	target_done(&t);
}

/* ---- for status */

static void add_pending(struct fs *fs, struct inode *n, struct buf *b, size_t *count) REQUIRES(fs->tree.lock)
{
	struct writing *w = n->w;
	CLEANUP_FREE char *path = tree_path(&fs->tree, n->file);
	lock_acquire(&w->lock);
	if (w->draft && w->dirty && !file_gone_here(n->file)) {
		buf_str(b, (*count)++ ? ", {\"path\": " : "{\"path\": ");
		buf_json(b, path ? path : "?");
		buf_printf(b, ", \"bytes\": %" PRIu64 ", \"sending\": %s, \"tries\": %u, \"error\": ",
			   draft_size(w->draft), w->sending ? "true" : "false", w->tries);
		buf_json(b, w->error ? strerror(-w->error) : "");
		buf_byte(b, '}');
	}
	lock_release(&w->lock);
}

void publish_pending(struct fs *fs, struct buf *b, size_t *ret_count)
{
	*ret_count = 0;
	buf_byte(b, '[');
	lock_acquire(&fs->tree.lock);
	for (uint32_t i = 0; i < fs->tree.slots_count; i++)
		if (fs->tree.slots[i] && fs->tree.slots[i]->w)
			add_pending(fs, fs->tree.slots[i], b, ret_count);
	lock_release(&fs->tree.lock);
	buf_byte(b, ']');
}

void publish_hold_all(struct fs *fs)
{
	for (uint32_t i = 0; i < fs->tree.slots_count; i++) {
		lock_acquire(&fs->tree.lock);
		struct inode *n = fs->tree.slots[i] && fs->tree.slots[i]->w ? fs->tree.slots[i] : NULL;
		lock_release(&fs->tree.lock);
		if (n)
			publish_hold(fs, n, "not saved in Drive before the unmount");
	}
}

struct held { struct buf *b; size_t count; const char *dir; };

static int add_held(void *ctx, uint64_t number, uint64_t size, const void *text, size_t n)
{
	struct held *h = ctx;
	bool known = n > 2 && ((const char *)text)[0] == '{';
	buf_str(h->b, h->count++ ? ", {\"draft\": " : "{\"draft\": ");
	CLEANUP_BUF struct buf file = BUF_INIT(8192);
	buf_printf(&file, "%s/draft/%" PRIu64, h->dir, number);
	buf_json(h->b, file.data ? file.data : "");
	buf_printf(h->b, ", \"bytes\": %" PRIu64, size);
	if (known) { /* the note is an object of ours: go on inside it */
		buf_str(h->b, ", ");
		buf_add(h->b, (const char *)text + 1, n - 2);
	}
	buf_byte(h->b, '}');
	return 0;
}

void publish_held(struct fs *fs, struct buf *b, size_t *ret_count)
{
	struct held h = { b, 0, fs->cache_dir };
	buf_byte(b, '[');
	if (cache_drafts(fs->cache, add_held, &h) != 0)
		log_warning("status", "the list of held drafts is not complete: %s", err_last());
	buf_byte(b, ']');
	*ret_count = h.count;
}
