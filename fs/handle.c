/* SPDX-License-Identifier: MIT */
#include "fs/handle.h"

#include "fs/log.h"
#include "fs/namei.h"
#include "fs/publish.h"
#include "fs/shortcut.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

enum { WAIT_MS = 200 };

int handle_source(struct fs *fs, const char *id, const struct content *c, struct source **ret)
{
	if (!c->revision[0] || !c->size)
		return source_bytes("", 0, ret);
	struct drive_file f = { .size = c->size, .mtime_ms = c->mtime_ms, .blob = true, .has_md5 = c->has_md5 };
	memcpy(f.md5, c->md5, sizeof f.md5);
	snprintf(f.id, sizeof f.id, "%s", id);
	snprintf(f.revision, sizeof f.revision, "%s", c->revision);
	struct source *origin = NULL;
	int r = drive_source(fs->drive, &f, &origin);
	if (r)
		return r;
	struct cache_key key = { id, c->revision, "" };
	r = cache_wrap(fs->cache, &key, origin, ret);
	if (r)
		source_unref(origin);
	return r;
}

/* ---- opening */

static struct writing *writing_new(void)
{
	struct writing *w = calloc(1, sizeof *w);
	if (w) {
		lock_init(&w->lock, RANK_NODE);
		cond_init(&w->changed);
	}
	return w;
}

static void writing_free(struct writing *w)
{
	source_unref(w->src);
	pthread_cond_destroy(&w->changed);
	lock_done(&w->lock);
	free(w);
}

/* Count a handle in; the node cannot go from here on. */
static int join(struct fs *fs, struct inode *n, bool writable)
{
	int r = 0;
	lock_acquire(&fs->tree.lock);
	if (!n->w && !(n->w = writing_new()))
		r = err_set(-ENOMEM, "no memory to open a file");
	if (!r) {
		n->w->opens++;
		n->w->writable += writable;
		n->writing |= writable;
		inode_hold(n);
	}
	lock_release(&fs->tree.lock);
	return r;
}

void writing_drop(struct fs *fs, struct inode *n)
{
	struct writing *w = NULL;
	lock_acquire(&fs->tree.lock);
	if (n->w && !n->w->opens) {
		lock_acquire(&n->w->lock);
		bool needed = n->w->draft || n->w->sending || n->w->waiting;
		lock_release(&n->w->lock);
		if (!needed) {
			w = n->w;
			n->w = NULL;
			n->writing = false;
		}
	}
	lock_release(&fs->tree.lock);
	if (w)
		writing_free(w);
}

/* Count a handle out. */
static void leave(struct fs *fs, struct inode *n)
{
	lock_acquire(&fs->tree.lock);
	n->w->opens--;
	lock_release(&fs->tree.lock);
	writing_drop(fs, n);
	lock_acquire(&fs->tree.lock);
	inode_forget(&fs->tree, n, 0, 1);
	lock_release(&fs->tree.lock);
}

/* The source of the node's content, opened once. */
static int need_source(struct fs *fs, struct inode *n)
{
	struct writing *w = n->w;
	struct content c;
	char id[DRIVE_ID_MAX + 1];
	lock_acquire(&w->lock);
	bool there = w->src || w->draft;
	lock_release(&w->lock);
	if (there)
		return 0;
	lock_acquire(&fs->tree.lock);
	c = n->content;
	memcpy(id, n->file->id, sizeof id);
	CLEANUP_BUF struct buf text = BUF_INIT(4096);
	if (n->file->doc)
		tree_doc_text(n->file, &text);
	lock_release(&fs->tree.lock);
	struct source *src;
	int r = text.len ? source_bytes(text.data, text.len, &src) : handle_source(fs, id, &c, &src);
	if (r)
		return r;
	lock_acquire(&w->lock);
	if (!w->src)
		w->src = STEAL(src);
	lock_release(&w->lock);
	source_unref(src);
	return 0;
}

/* Make the draft, empty or over the present content. Waits while the last one is being sent. */
static int need_draft(struct fs *fs, struct writing *w, bool empty) REQUIRES(w->lock)
{
	while (w->sending) {
		if (cancelled())
			return err_set(-EINTR, "interrupted while the last save is being sent");
		(void)lock_wait(&w->lock, &w->changed, WAIT_MS);
	}
	if (w->draft)
		return 0;
	if (!empty && !w->src)
		return err_set(-ESTALE, "what was being written was given up meanwhile: open it again");
	w->mtime_ms = wall_ms();
	w->doomed = w->wrote = false;
	w->error = 0;
	return draft_create(fs->cache, empty ? NULL : w->src, &w->draft);
}

static int start_empty(struct fs *fs, struct inode *n, pid_t tid)
{
	struct writing *w = n->w;
	lock_acquire(&w->lock);
	writers_learn(&w->writers, tid);
	int r = need_draft(fs, w, true);
	if (!r)
		r = draft_truncate(w->draft, 0);
	if (!r) {
		w->dirty = true;
		w->wrote = false;
		w->mtime_ms = wall_ms();
	}
	lock_release(&w->lock);
	return r;
}

/* Must O_TRUNC not touch this inode? It holds a revision that others may have open or mapped, and
 * shall see until the new one is published: the caller gets an inode of its own, which the kernel
 * finds when it looks the name up once more. */
static bool must_replace(struct fs *fs, struct inode *n)
{
	lock_acquire(&fs->tree.lock);
	struct file *f = n->file;
	bool replace = !file_gone(f) && n != f->next && !n->writing && n->content.revision[0] &&
		       inode_next(&fs->tree, f) == 0; /* no memory: then in place */
	lock_release(&fs->tree.lock);
	return replace;
}

/* Does the name mean another node by now? The kernel may keep it for a second: OPEN sends it back to look. */
static bool is_outdated(struct fs *fs, const struct inode *n)
{
	lock_acquire(&fs->tree.lock);
	const struct file *f = n->file;
	bool outdated = f->node != n && f->next != n && !n->writing && !file_gone_here(f);
	lock_release(&fs->tree.lock);
	return outdated;
}

/* A reader's first bytes come with the open: whether Drive still has that revision is known then, while
 * there is a way back. If it was replaced, Drive is asked for what is there now. */
static int check_first(struct fs *fs, struct inode *n)
{
	struct writing *w = n->w;
	uint8_t first;
	lock_acquire(&w->lock);
	CLEANUP_SOURCE struct source *src = w->draft || !w->src ? NULL : source_ref(w->src);
	lock_release(&w->lock);
	if (!src || source_pread(src, &first, 1, 0) != -ESTALE)
		return cancelled() ? err_set(-EINTR, "interrupted while a file is opened") : 0; /* read() tells */
	return namei_refresh(fs, n->file) == 0 && is_outdated(fs, n) ? err_set(-ESTALE, "replaced: look it up again") : 0;
}

int handle_open(struct fs *fs, struct inode *n, int flags, pid_t tid, struct handle **ret)
{
	bool writable = (flags & O_ACCMODE) != O_RDONLY;
	if (writable && n->file->doc)
		return err_set(-EACCES, "a Google document is edited in the browser");
	if (writable && !n->file->can_edit)
		return err_set(-EACCES, "Drive does not let %s edit it: ask its owner for the right to",
			       drive_identity(fs->drive));
	int refused = writable ? shortcut_check_file(fs, n->file) : 0;
	if (refused)
		return refused;
	if (is_outdated(fs, n) || (writable && (flags & O_TRUNC) && must_replace(fs, n)))
		return err_set(-ESTALE, "replaced: look it up again");
	struct handle *h = calloc(1, sizeof *h);
	int r = h ? join(fs, n, writable) : err_set(-ENOMEM, "no memory to open a file");
	if (r) {
		free(h);
		return r;
	}
	*h = (struct handle){ n, writable, NULL };
	r = writable && (flags & O_TRUNC) ? start_empty(fs, n, tid) : need_source(fs, n);
	if (!r && writable) {
		lock_acquire(&n->w->lock);
		writers_learn(&n->w->writers, tid);
		lock_release(&n->w->lock);
	}
	if (!r && !writable)
		r = check_first(fs, n);
	if (r) {
		handle_release(fs, h);
		return r;
	}
	*ret = h;
	return 0;
}

int handle_create(struct fs *fs, struct inode *n, int flags, pid_t tid, struct handle **ret)
{
	bool writable = (flags & O_ACCMODE) != O_RDONLY;
	struct handle *h = calloc(1, sizeof *h);
	int r = h ? join(fs, n, writable) : err_set(-ENOMEM, "no memory to open a file");
	if (!r) {
		*h = (struct handle){ n, writable, NULL };
		*ret = h;
		r = start_empty(fs, n, tid);
		if (r)
			handle_release(fs, h);
		return r;
	}
	free(h);
	return r;
}

/* ---- bytes */

/* The draft for use outside the lock, or NULL. put_draft() it. */
static struct draft *get_draft(struct writing *w) REQUIRES(w->lock)
{
	if (w->draft)
		w->users++;
	return w->draft;
}

static void put_draft(struct writing *w) REQUIRES(w->lock)
{
	if (--w->users == 0)
		pthread_cond_broadcast(&w->changed);
}

ssize_t handle_read(struct fs *fs, struct handle *h, void *buf, size_t n, uint64_t off)
{
	if (h->view)
		return source_pread(h->view, buf, n, off);
	struct writing *w = h->node->w;
	int e = need_source(fs, h->node);
	if (e)
		return e;
	lock_acquire(&w->lock);
	struct draft *d = get_draft(w);
	CLEANUP_SOURCE struct source *src = d || !w->src ? NULL : source_ref(w->src);
	lock_release(&w->lock);
	if (src) {
		ssize_t got = source_pread(src, buf, n, off);
		if (got == -ESTALE && namei_refresh(fs, h->node->file) != 0) /* who opens it next finds what is there now */
			err_set(-ESTALE, "it was replaced in Drive, and what is there now could not be asked for");
		return got;
	}
	if (!d)
		return err_set(-ESTALE, "what was being written was given up meanwhile: open it again");
	ssize_t r = draft_pread(d, buf, n, off);
	lock_acquire(&w->lock);
	put_draft(w);
	lock_release(&w->lock);
	return r;
}

/* Change the draft by `change`, which runs without the lock. */
static int with_draft(struct fs *fs, struct inode *n, pid_t tid, int (*change)(struct draft *d, void *ctx), void *ctx)
{
	struct writing *w = n->w;
	lock_acquire(&w->lock);
	writers_learn(&w->writers, tid);
	int r = need_draft(fs, w, false);
	struct draft *d = r ? NULL : get_draft(w);
	lock_release(&w->lock);
	if (!d)
		return r;
	r = change(d, ctx);
	lock_acquire(&w->lock);
	put_draft(w);
	w->dirty = w->wrote = true;
	w->doomed |= r != 0; /* a file with a hole where a write failed must not replace a good one */
	w->mtime_ms = wall_ms();
	lock_release(&w->lock);
	return r;
}

struct piece { const void *data; size_t n; uint64_t off; };

static int write_piece(struct draft *d, void *ctx)
{
	struct piece *p = ctx;
	return draft_pwrite(d, p->data, p->n, p->off);
}

int handle_write(struct fs *fs, struct handle *h, pid_t tid, const void *buf, size_t n, uint64_t off)
{
	struct piece p = { buf, n, off };
	return with_draft(fs, h->node, tid, write_piece, &p);
}

static int cut_to(struct draft *d, void *ctx) { return draft_truncate(d, *(uint64_t *)ctx); }

int handle_truncate(struct fs *fs, struct handle *h, uint64_t size)
{
	return with_draft(fs, h->node, 0, cut_to, &size);
}

bool handle_set_mtime(struct inode *n, int64_t mtime_ms)
{
	struct writing *w = n->w;
	if (!w)
		return false;
	lock_acquire(&w->lock);
	bool unsent = w->draft && w->dirty && !w->sending;
	if (unsent)
		w->mtime_ms = mtime_ms;
	lock_release(&w->lock);
	return unsent;
}

void handle_size(struct fs *fs, struct inode *n, uint64_t *ret_size, int64_t *ret_mtime_ms)
{
	(void)fs;
	*ret_size = n->content.size;
	*ret_mtime_ms = n->content.mtime_ms;
	if (!n->w)
		return;
	lock_acquire(&n->w->lock);
	if (n->w->draft) {
		*ret_size = draft_size(n->w->draft);
		*ret_mtime_ms = n->w->mtime_ms;
	}
	lock_release(&n->w->lock);
}

/* ---- the end of the writing */

/* Is this FLUSH the end of the writing (writers.h)? */
static bool ends_writing(struct fs *fs, const struct inode *n, const struct writers *writers, bool wrote)
{
	int mount_id = __atomic_load_n(&fs->mount_id, __ATOMIC_RELAXED);
	if (writers_hold(writers, mount_id, n->file->ino))
		return false;
	/* Empty so far: a child may have the descriptor and be about to write. Where that cannot be
	 * seen the last RELEASE settles it. */
	return wrote || (mount_id >= 0 && !writers_anybody_holds(mount_id, n->file->ino));
}

int handle_flush(struct fs *fs, struct handle *h, pid_t tid)
{
	struct writing *w = h->node->w;
	if (!h->writable)
		return 0;
	bool killed = writers_killed(tid);
	lock_acquire(&w->lock);
	bool unsaved = w->draft && w->dirty, wrote = w->wrote || w->error;
	w->doomed |= killed && unsaved;
	int error = unsaved ? w->error : 0;
	bool doomed = w->draft && w->doomed;
	struct writers writers = w->writers;
	lock_release(&w->lock);
	if (doomed && !killed)
		return err_set(-EIO, "a write failed: the file in Drive stays as it was");
	if (doomed || !unsaved)
		return 0;
	if (ends_writing(fs, h->node, &writers, wrote))
		return publish(fs, h->node);
	return error ? err_set(error, "the last try to upload failed, the next is at the last close") : 0;
}

int handle_fsync(struct fs *fs, struct handle *h)
{
	struct writing *w = h->node->w;
	lock_acquire(&w->lock);
	bool doomed = w->draft && w->doomed;
	lock_release(&w->lock);
	if (doomed)
		return err_set(-EIO, "a write failed: the file in Drive stays as it was");
	return publish(fs, h->node);
}

/* The last writer has gone: what happens to bytes that Drive does not have. */
static void settle(struct fs *fs, struct inode *n)
{
	struct writing *w = n->w;
	lock_acquire(&fs->tree.lock);
	bool gone = file_gone_here(n->file);
	lock_release(&fs->tree.lock);
	lock_acquire(&w->lock);
	bool unsaved = w->draft && w->dirty && !w->waiting, doomed = w->doomed;
	lock_release(&w->lock);
	if (!unsaved)
		return;
	if (doomed || gone) /* unlinked while open: publish_hold drops it */
		publish_hold(fs, n, "its writer was killed or a write failed");
	else if (publish(fs, n) != 0)
		publish_later(fs, n);
}

/* Is the content Drive's again? Then news from there replace the inode as they do any other, those
 * that came meanwhile at once. */
static void end_writing(struct fs *fs, struct inode *n)
{
	lock_acquire(&fs->tree.lock);
	lock_acquire(&n->w->lock);
	if (!n->w->writable) {
		n->w->writers = (struct writers){ 0 };
		n->writing = n->w->draft != NULL;
	}
	lock_release(&n->w->lock);
	if (!n->writing && n->file->next == n) /* nothing came of it */
		inode_settle(&fs->tree, n->file, false);
	if (!n->writing)
		tree_outdated(&fs->tree, n);
	lock_release(&fs->tree.lock);
}

void handle_release(struct fs *fs, struct handle *h)
{
	struct inode *n = h->node;
	if (h->view) {
		source_unref(h->view);
		free(h);
		lock_acquire(&fs->tree.lock);
		inode_forget(&fs->tree, n, 0, 1);
		lock_release(&fs->tree.lock);
		return;
	}
	lock_acquire(&fs->tree.lock);
	bool last = h->writable && --n->w->writable == 0;
	lock_release(&fs->tree.lock);
	if (last) {
		settle(fs, n);
		end_writing(fs, n);
	}
	leave(fs, n);
	free(h);
}
