/* SPDX-License-Identifier: MIT */
#include "fs/handle.h"

#include "fs/held.h"
#include "fs/namei.h"
#include "fs/publish.h"
#include "fs/publisher.h"
#include "fs/shortcut.h"

#include <fcntl.h>
#include <limits.h>

/* ---- opening */

/* h has had a hand in w->open. */
static void author(struct writing *w, struct handle *h) REQUIRES(w->lock)
{
	if (h->wrote == w->open->number)
		return;
	h->wrote = w->open->number;
	w->authors++;
}

static int start_empty(struct fs *fs, struct handle *h, pid_t tid)
{
	struct inode *n = h->node;
	struct save *s;
	lock_acquire(&fs->tree.lock);
	lock_acquire(&n->w->lock);
	writers_learn(&n->w->writers, tid);
	lock_release(&fs->tree.lock);
	int r = writing_empty(fs, n->w, &s);
	if (!r)
		author(n->w, h);
	lock_release(&n->w->lock);
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
	CLEANUP_SOURCE struct source *src = w->open || w->sent || !w->src ? NULL : source_ref(w->src);
	lock_release(&w->lock);
	if (!src || source_pread(src, &first, 1, 0) != -ESTALE)
		return cancelled() ? err_set(-EINTR, "interrupted while a file is opened") : 0; /* read() tells */
	return namei_refresh(fs, n->file) == 0 && is_outdated(fs, n) ? err_set(-ESTALE, "replaced: look it up again") : 0;
}

/* Its name has gone since the kernel looked it up, and nobody has it open: there may be another file of
 * that name by now, and what is written to this one is nobody's. */
static bool is_stale(struct fs *fs, const struct inode *n)
{
	lock_acquire(&fs->tree.lock);
	bool stale = file_gone_here(n->file) && !(n->w && n->w->opens);
	lock_release(&fs->tree.lock);
	return stale;
}

enum { RELEASE_WAIT_MS = 500 };

/* A writer was killed a moment ago, and the RELEASE that takes its half away is on the way: who comes to write
 * over or behind it gets to see the file without it. True: that has happened, the size is another one. */
static bool outlived_damage(struct fs *fs, struct inode *n)
{
	bool was = false, is;
	lock_acquire(&fs->tree.lock);
	struct writing *w = n->w && n->w->opens ? n->w : NULL;
	if (w)
		w->opens++; /* it stays while we wait */
	inode_hold(n);
	lock_release(&fs->tree.lock);
	for (int64_t end = now_ms() + RELEASE_WAIT_MS, left = 1; w && left > 0; left = end - now_ms()) {
		lock_acquire(&w->lock);
		is = save_state(w->open) == SAVE_DAMAGED;
		was |= is;
		if (is)
			(void)lock_wait(&w->lock, &w->changed, (int)left);
		lock_release(&w->lock);
		if (!is)
			break;
	}
	if (w) {
		lock_acquire(&w->lock);
		was &= save_state(w->open) != SAVE_DAMAGED;
		lock_release(&w->lock);
		writing_leave(fs, n);
	} else {
		lock_acquire(&fs->tree.lock);
		inode_forget(&fs->tree, n, 0, 1);
		lock_release(&fs->tree.lock);
	}
	return was;
}

static int handle_new(struct fs *fs, struct inode *n, int flags, bool writable, struct handle **ret)
{
	struct handle *h = calloc(1, sizeof *h);
	int r = h ? writing_join(fs, n, writable) : err_nomem("an open file");
	if (r) {
		free(h);
		return r;
	}
	*h = (struct handle){ .node = n, .writable = writable, .writes = (flags & O_ACCMODE) != O_RDONLY };
	lock_acquire(&n->w->lock);
	h->next = n->w->handles;
	n->w->handles = h;
	lock_release(&n->w->lock);
	*ret = h;
	return 0;
}

int handle_open(struct fs *fs, struct inode *n, int flags, pid_t tid, struct handle **ret)
{
	bool writable = (flags & O_ACCMODE) != O_RDONLY, empty = flags & O_TRUNC;
	if ((writable || empty) && n->file->doc)
		return err_set(-EACCES, "a Google document is edited in the browser");
	if ((writable || empty) && !n->file->can_edit)
		return err_set(-EACCES, "Drive does not let %s edit it: ask its owner for the right to",
			       drive_identity(fs->drive));
	int refused = writable || empty ? shortcut_check_file(fs, n->file) : 0;
	if (refused)
		return refused;
	if (is_stale(fs, n))
		return err_set(-ESTALE, "it has gone meanwhile: look it up again");
	if (is_outdated(fs, n) || (empty && must_replace(fs, n)))
		return err_set(-ESTALE, "replaced: look it up again");
	if (writable && !empty && outlived_damage(fs, n))
		return err_set(-ESTALE, "its writer was killed: look it up again");
	struct handle *h;
	int r = handle_new(fs, n, flags, writable || empty, &h); /* O_RDONLY | O_TRUNC empties it, as on Linux's own */
	if (r)
		return r;
	r = empty ? start_empty(fs, h, tid) : writing_need_source(fs, n);
	if (!r && !writable && !empty)
		r = check_first(fs, n);
	if (r) {
		handle_release(fs, h);
		return r;
	}
	if (writable) {
		lock_acquire(&n->w->lock);
		writers_learn(&n->w->writers, tid);
		lock_release(&n->w->lock);
	}
	*ret = h;
	return 0;
}

int handle_create(struct fs *fs, struct inode *n, int flags, pid_t tid, struct handle **ret)
{
	struct handle *h;
	int r = handle_new(fs, n, flags, true, &h); /* made by this open: even a reader's is a writer of nothing */
	if (r)
		return r;
	r = start_empty(fs, h, tid);
	if (r)
		handle_release(fs, h);
	else
		*ret = h;
	return r;
}

/* ---- bytes */

ssize_t handle_read(struct fs *fs, struct handle *h, void *buf, size_t n, uint64_t off)
{
	if (h->view)
		return source_pread(h->view, buf, n, off);
	struct writing *w = h->node->w;
	int e = writing_need_source(fs, h->node);
	if (e)
		return e;
	lock_acquire(&w->lock);
	struct save *s = w->open;
	struct source *stands = w->sent ? w->sent->body : w->src;
	CLEANUP_SOURCE struct source *src = s || !stands ? NULL : source_ref(stands);
	if (s)
		writing_use(s);
	lock_release(&w->lock);
	if (src) {
		ssize_t got = source_pread(src, buf, n, off);
		if (got == -ESTALE && namei_refresh(fs, h->node->file) != 0) /* who opens it next finds what is there now */
			err_set(-ESTALE, "it was replaced in Drive, and what is there now could not be asked for");
		return got;
	}
	if (!s)
		return err_set(-ESTALE, "what was being written was given up meanwhile: open it again");
	ssize_t r = draft_pread(s->draft, buf, n, off);
	lock_acquire(&w->lock);
	writing_used(w, s);
	lock_release(&w->lock);
	return r;
}

struct change {
	int (*make)(struct draft *d, const struct change *c);
	const void *data;
	size_t n;
	uint64_t off;	/* or the size, of a truncate */
};

static int write_piece(struct draft *d, const struct change *c) { return draft_pwrite(d, c->data, c->n, c->off); }
static int cut_to(struct draft *d, const struct change *c) { return draft_truncate(d, c->off); }

/* What a failed call has done. Drive's limit on sizes is refused beforehand, and so is a truncate that
 * cannot be. A write that fails for want of room may have done a part, and its writer may not care: a file
 * with a hole where it failed must not replace a good one. */
static enum save_event outcome(int r, const struct change *c)
{
	if (!r)
		return SAVE_WROTE;
	return r == -EFBIG || c->make == cut_to ? SAVE_REFUSED : SAVE_TORN;
}

/* Change the draft, without the lock meanwhile. */
static int with_draft(struct fs *fs, struct handle *h, pid_t tid, const struct change *c)
{
	struct writing *w = h->node->w;
	struct save *s;
	lock_acquire(&w->lock);
	writers_learn(&w->writers, tid);
	int r = writing_draft(fs, w, &s);
	if (r) {
		lock_release(&w->lock);
		return r;
	}
	writing_use(s);
	author(w, h);
	h->closing = false;
	lock_release(&w->lock);
	POINT("write.begun");
	r = c->make(s->draft, c);
	lock_acquire(&w->lock);
	enum save_event event = outcome(r, c);
	save_move(s, event);
	if (event == SAVE_TORN)
		s->torn_by = r;
	else if (!r)
		s->mtime_ms = wall_ms();
	writing_used(w, s);
	lock_release(&w->lock);
	return r;
}

int handle_write(struct fs *fs, struct handle *h, pid_t tid, const void *buf, size_t n, uint64_t off)
{
	const struct change c = { write_piece, buf, n, off };
	return with_draft(fs, h, tid, &c);
}

int handle_truncate(struct fs *fs, struct handle *h, uint64_t size)
{
	const struct change c = { cut_to, NULL, 0, size };
	return with_draft(fs, h, 0, &c);
}

bool handle_set_mtime(struct fs *fs, struct inode *n, int64_t mtime_ms)
{
	bool ours = false;
	lock_acquire(&fs->tree.lock); /* n->w stays where it is */
	struct writing *w = n->w;
	if (w) {
		lock_acquire(&w->lock);
		enum save_state open = save_state(w->open), sent = save_state(w->sent);
		ours = (open != SAVE_NONE && open != SAVE_CLEAN) || sent != SAVE_NONE;
		if (ours && w->open)
			w->open->mtime_ms = mtime_ms;
		else if (ours)
			w->sent->mtime_ms = mtime_ms;
		if (sent == SAVE_SENDING || open == SAVE_SEALING)
			w->mtime_later = mtime_ms; /* on its way with another: Drive is told of it afterwards */
		lock_release(&w->lock);
	}
	lock_release(&fs->tree.lock);
	return ours;
}

/* ---- the end of the writing */

/* Of the opens for writing that are not h, how many there are; each has a descriptor somewhere. */
static unsigned count_writes(const struct writing *w, const struct handle *h) REQUIRES(w->lock)
{
	unsigned n = 0;
	for (const struct handle *o = w->handles; o; o = o->next)
		n += o != h && o->writes;
	return n;
}

/* One that was closed a moment ago has none, but its RELEASE comes after its FLUSH, without anybody waiting for
 * it: wait for it once. Where it does not come, another descriptor of that open is left. */
static unsigned other_opens(struct writing *w, const struct handle *h) REQUIRES(w->lock)
{
	const struct handle *closing = h;
	for (int64_t end = now_ms() + RELEASE_WAIT_MS, left; closing && (left = end - now_ms()) > 0;) {
		closing = w->handles;
		while (closing && !(closing != h && closing->writes && closing->closing))
			closing = closing->next;
		if (closing)
			(void)lock_wait(&w->lock, &w->changed, (int)left);
	}
	for (struct handle *o = w->handles; o; o = o->next)
		o->closing &= o == h;
	return count_writes(w, h);
}

/* Those of other nodes of the same file: of content that O_TRUNC has replaced. A walk: asked only where it matters. */
static unsigned opens_elsewhere(struct fs *fs, const struct inode *n)
{
	unsigned count = 0;
	lock_acquire(&fs->tree.lock);
	for (uint32_t i = 0; i < fs->tree.slots_count; i++) {
		const struct inode *o = fs->tree.slots[i];
		if (!o || o == n || !o->w || o->kind != NODE_FILE || o->file->ino != n->file->ino)
			continue;
		lock_acquire(&o->w->lock);
		count += count_writes(o->w, NULL);
		lock_release(&o->w->lock);
	}
	lock_release(&fs->tree.lock);
	return count;
}

/* Is this FLUSH the end of the writing (writers.h)? `others`: opens of this node, beside the one that is closed. */
static bool ends_writing(struct fs *fs, const struct inode *n, const struct writers *writers, unsigned others,
			 bool wrote)
{
	const struct writers_mount mount = { __atomic_load_n(&fs->mount_id, __ATOMIC_ACQUIRE), fs->dev };
	unsigned held = writers_hold(writers, &mount, n->file->ino);
	if (held > others) {
		unsigned opens = others + opens_elsewhere(fs, n);
		if (held > opens && writers_hold_distinct(writers, &mount, n->file->ino) > opens)
			return false;
	}
	if (wrote)
		return true;
	/* Empty so far: a child may have the descriptor and be about to write. Where that cannot be
	 * seen the last RELEASE settles it. */
	held = mount.id >= 0 ? writers_anybody_holds(&mount, n->file->ino) : UINT_MAX;
	return held <= others + opens_elsewhere(fs, n);
}

static bool is_unsaved(const struct writing *w) REQUIRES(w->lock)
{
	return w->sent || (w->open && w->open->state != SAVE_CLEAN);
}

static int damaged(void)
{
	return err_set(-EIO, "a write failed or its writer was killed: the file in Drive stays as it was, write it anew");
}

/* Save now; what cannot be saved is tried again. */
static int save_now(struct fs *fs, struct inode *n, bool all)
{
	int r = all ? publish(fs, n) : publish_sealed(fs, n);
	if (r)
		publisher_add(fs, n);
	return r;
}

/* Has h a part in what Drive does not have? Who has not has nothing to promise by its close(). */
static bool is_concerned(const struct writing *w, const struct handle *h) REQUIRES(w->lock)
{
	return h->wrote && ((w->open && h->wrote == w->open->number) || (w->sent && h->wrote == w->sent->number));
}

int handle_flush(struct fs *fs, struct handle *h, pid_t tid)
{
	struct writing *w = h->node->w;
	if (!h->writable)
		return 0;
	lock_acquire(&w->lock);
	bool concerned = is_concerned(w, h);
	h->closing = true;
	lock_release(&w->lock);
	if (!concerned) /* the closes of an execve, and of who has written nothing, cost no look at anybody */
		return 0;
	bool killed = writers_killed(tid);
	lock_acquire(&w->lock);
	unsigned others = killed ? 0 : other_opens(w, h);
	bool mine = w->open && h->wrote == w->open->number;
	if (killed && mine && writers_has(&w->writers, tid))
		save_move(w->open, SAVE_KILLED);
	concerned = is_concerned(w, h);
	enum save_state open = mine ? save_state(w->open) : SAVE_NONE;
	bool wrote = open == SAVE_OPEN || open == SAVE_SEALING || w->sent || w->error;
	int error = w->error;
	struct writers writers = w->writers;
	lock_release(&w->lock);
	if (killed || !concerned)
		return 0;
	if (open == SAVE_DAMAGED)
		return damaged();
	if (!mine) /* only what is sealed; somebody else writes on */
		return save_now(fs, h->node, false);
	if (ends_writing(fs, h->node, &writers, others, wrote))
		return save_now(fs, h->node, true);
	return error ? err_set(error, "the last try to upload failed, it is tried again") : 0;
}

int handle_fsync(struct fs *fs, struct handle *h)
{
	struct writing *w = h->node->w;
	lock_acquire(&w->lock);
	bool torn = save_state(w->open) == SAVE_DAMAGED;
	lock_release(&w->lock);
	return torn ? damaged() : save_now(fs, h->node, true);
}

/* What the handle that goes leaves of bytes that Drive does not have: picked out, or (true) to be sent. */
static bool leave_rest(struct writing *w, bool last, struct held_picked *ret) REQUIRES(w->lock)
{
	const struct inode *n = w->node;
	enum save_state open = save_state(w->open);
	if (last && file_gone_here(n->file)) {
		held_pick(w, SAVE_DROP, HELD_OPEN | HELD_SENT, ret);
	} else if (open == SAVE_DAMAGED && !w->authors) { /* what had no room must not keep the room that it had */
		bool full = w->open->torn_by == -ENOSPC || w->open->torn_by == -EDQUOT;
		held_pick(w, full ? SAVE_DROP : SAVE_HOLD, HELD_OPEN, ret);
	} else if (last && open == SAVE_CLEAN) {
		held_pick(w, SAVE_DROP, HELD_OPEN, ret);
	} else if (last && is_unsaved(w) && file_placeless(n->file)) { /* tried again it would fail again */
		held_pick(w, SAVE_HOLD, HELD_OPEN | HELD_SENT, ret);
	}
	return last && is_unsaved(w);
}

static void release_view(struct fs *fs, struct handle *h)
{
	source_unref(h->view);
	lock_acquire(&fs->tree.lock);
	inode_forget(&fs->tree, h->node, 0, 1);
	lock_release(&fs->tree.lock);
	free(h);
}

void handle_release(struct fs *fs, struct handle *h)
{
	struct inode *n = h->node;
	struct writing *w = n->w;
	if (h->view) {
		release_view(fs, h);
		return;
	}
	lock_acquire(&fs->tree.lock);
	lock_acquire(&w->lock);
	struct handle **at = &w->handles;
	while (*at && *at != h)
		at = &(*at)->next;
	if (*at)
		*at = h->next;
	pthread_cond_broadcast(&w->changed);
	if (w->open && h->wrote == w->open->number)
		w->authors--;
	bool last = h->writable && --w->writable == 0;
	struct held_picked picked = { 0 };
	bool send = h->writable && leave_rest(w, last, &picked);
	lock_release(&w->lock);
	lock_release(&fs->tree.lock);
	POINT("release.decided");
	if (picked.node)
		held_finish(fs, &picked, NULL);
	if (last)
		writing_settle(fs, n);
	if (send)
		publisher_add(fs, n);
	writing_leave(fs, n);
	free(h);
}
