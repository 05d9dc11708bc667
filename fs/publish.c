/* SPDX-License-Identifier: MIT */
#include "fs/publish.h"

#include "fs/held.h"
#include "fs/log.h"
#include "fs/notify.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* What an upload is about, copied while tree.lock is held. */
struct target {
	char id[DRIVE_ID_MAX + 1], reserved[DRIVE_ID_MAX + 1], parent[DRIVE_ID_MAX + 1];
	char head[DRIVE_ID_MAX + 1];	/* the revision that Drive has, as far as we know */
	char *name, *path;
	char *description;	/* of a file that Drive does not know yet */
	bool unlinked;		/* by this mount */
	bool removed;		/* elsewhere */
};

static void target_done(struct target *t)
{
	free(t->name);
	free(t->path);
	free(t->description);
}

static void target_fill(struct fs *fs, const struct inode *n, struct target *ret) REQUIRES(fs->tree.lock)
{
	const struct file *f = n->file;
	memcpy(ret->id, f->id, sizeof ret->id);
	memcpy(ret->reserved, f->reserved, sizeof ret->reserved);
	memcpy(ret->head, f->head.revision, sizeof ret->head);
	if (f->parent)
		memcpy(ret->parent, f->parent->id, sizeof ret->parent);
	ret->unlinked = file_gone_here(f);
	/* What was moved out of our sight takes its bytes along, as an open file does anywhere. */
	ret->removed = !ret->unlinked && !f->elsewhere && (file_gone_by_news(f) || file_placeless(f));
	ret->name = strdup(f->name);
	ret->path = tree_path(&fs->tree, f);
	ret->description = !f->id[0] && f->description ? strdup(f->description) : NULL;
}

static int target_check(const struct target *t) { return t->name && t->path ? 0 : err_nomem("a file name"); }

static int target_of(struct fs *fs, const struct inode *n, struct target *ret)
{
	target_done(ret);
	*ret = (struct target){ 0 };
	lock_acquire(&fs->tree.lock);
	target_fill(fs, n, ret);
	lock_release(&fs->tree.lock);
	return target_check(ret);
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
		return "take its folder out of Drive's trash, or save under another path; the bytes are kept";
	case -EINTR:
		return "interrupted: it is tried again";
	default:
		return "check the network; it is tried again, or save again";
	}
}

/* ---- sealing */

static int make_durable(struct fs *fs, struct inode *n, struct draft *d, char ret_base[DRIVE_ID_MAX + 1], struct source **ret)
{
	CLEANUP(target_done) struct target t = { 0 };
	int r = target_of(fs, n, &t);
	memcpy(ret_base, t.head, sizeof t.head);
	if (!r)
		r = held_note(d, t.path, t.id, "not saved in Drive when the mount ended");
	POINT("publish.seal");
	return r ? r : draft_seal(d, ret);
}

/* w->open, which is SEALING, becomes w->sent; what waited there is out of date. */
static int seal(struct fs *fs, struct writing *w) REQUIRES(w->lock)
{
	struct save *s = w->open, *older = NULL;
	struct source *body = NULL;
	char base[DRIVE_ID_MAX + 1];
	lock_release(&w->lock);
	int r = make_durable(fs, w->node, s->draft, base, &body);
	lock_acquire(&w->lock);
	if (r) {
		save_move(s, SAVE_UNSEALED);
		w->error = r;
	} else {
		older = writing_take(w, &w->sent, SAVE_DROP);
		save_move(s, SAVE_SEALED);
		s->body = body;
		snprintf(s->base, sizeof s->base, "%s", base);
		w->sent = s;
		w->open = NULL;
		w->authors = 0;
	}
	pthread_cond_broadcast(&w->changed);
	if (older) {
		lock_release(&w->lock);
		writing_drain(w, older);
		save_free(older);
		lock_acquire(&w->lock);
	}
	return r;
}

/* Is what is open to be sent? Unasked only if nobody writes to it any more: it is theirs to end. */
static bool is_due_now(const struct writing *w, bool asked) REQUIRES(w->lock)
{
	enum save_state open = save_state(w->open);
	return (open == SAVE_FRESH || open == SAVE_OPEN) && (asked || !w->writable);
}

/* Something is on its way, or its draft is in use: wait. */
static bool is_busy(const struct writing *w, bool asked) REQUIRES(w->lock)
{
	return save_state(w->open) == SAVE_SEALING || save_state(w->sent) == SAVE_SENDING ||
	       (is_due_now(w, asked) && w->open->users);
}

/* What is to be sent now, as SENDING; NULL: nothing. */
static int take(struct fs *fs, struct inode *n, bool asked, struct save **ret)
{
	struct writing *w = n->w;
	int r = 0;
	*ret = NULL;
	lock_acquire(&w->lock);
	while (!r && is_busy(w, asked))
		r = lock_wait_or_cancel(&w->lock, &w->changed, 0, "an earlier save is being sent");
	if (!r && is_due_now(w, asked)) {
		save_move(w->open, SAVE_SEAL);
		r = seal(fs, w);
		*ret = r ? NULL : w->sent;
	} else if (!r && w->sent) {
		save_move(w->sent, SAVE_RETRY);
		*ret = w->sent;
	} else if (!r && save_state(w->open) == SAVE_DAMAGED) {
		r = err_set(-EIO, "a write failed or its writer was killed: the file in Drive stays as it was");
	}
	lock_release(&w->lock);
	return r;
}

/* ---- sending */

static int upload(struct fs *fs, const struct target *t, const struct save *s, struct drive_file *ret)
{
	struct drive_put put = {
		.id = t->id[0] ? t->id : NULL,
		.parent = t->parent,
		.name = t->name,
		.reserved = t->reserved,
		.description = t->description,
		.body = s->body,
		.mtime_ms = s->mtime_ms,
		.deadline_ms = (int64_t)fs->config->upload_deadline * 1000,
	};
	POINT("publish.upload");
	return drive_upload(fs->drive, &put, ret);
}

/* The file of `n` is gone by what happened elsewhere: another one of that name, in the same folder. */
static int renew_target(struct fs *fs, struct inode *n, struct target *t)
{
	char reserved[DRIVE_ID_MAX + 1];
	struct inval inval = { 0 };
	int r = drive_reserve_id(fs->drive, reserved);
	if (r)
		return r;
	lock_acquire(&fs->tree.lock);
	r = file_gone_by_news(n->file) ? tree_renew(&fs->tree, n, reserved, &inval)
	    : file_placeless(n->file)  ? -ENOENT : 0;
	lock_release(&fs->tree.lock);
	notify_later(fs->notify, &inval);
	if (r == -ENOENT)
		return err_set(r, "its folder was removed in Drive");
	if (r)
		return r;
	log_warning("save", "%s: the file was removed in Drive meanwhile: saved as a new one of that name", t->path);
	return target_of(fs, n, t);
}

/* What Drive says of a file or folder, or that it denies it, into the tree. */
static int look_again(struct fs *fs, const char *id)
{
	CLEANUP_DRIVE_FILE struct drive_file news = { 0 };
	struct inval inval = { 0 };
	int r = drive_get(fs->drive, id, &news);
	lock_acquire(&fs->tree.lock);
	struct file *f = tree_file(&fs->tree, id);
	if (r == -ENOENT && f)
		tree_deny(&fs->tree, f, &inval);
	else if (!r)
		r = tree_apply(&fs->tree, &news, &inval, NULL);
	lock_release(&fs->tree.lock);
	notify_later(fs->notify, &inval);
	return r == -ENOENT ? 0 : r;
}

/* Drive has put the bytes into a file in the trash. */
static int take_trashed(struct fs *fs, struct inode *n, struct drive_file *news)
{
	struct inval inval = { 0 };
	lock_acquire(&fs->tree.lock);
	int r = tree_adopt(&fs->tree, n->file, news, &inval);
	lock_release(&fs->tree.lock);
	notify_later(fs->notify, &inval);
	drive_file_done(news);
	return r;
}

enum { TRIES = 3 };

/* Send s until Drive has it where it can be seen. *ret_unlinked: this mount has removed it, all is done. */
static int send(struct fs *fs, struct inode *n, const struct save *s, struct target *t, struct drive_file *ret,
		bool *ret_unlinked)
{
	int r = target_of(fs, n, t);
	for (int i = 0; i < TRIES; i++) {
		*ret_unlinked = t->unlinked;
		if (r || t->unlinked)
			return r;
		if (t->removed)
			r = renew_target(fs, n, t);
		if (r)
			return r;
		r = upload(fs, t, s, ret);
		if (r ? r != -ENOENT : !ret->trashed)
			return r;
		/* What went: the file, or of a new one the folder? */
		if (!r)
			r = take_trashed(fs, n, ret);
		else
			r = look_again(fs, t->id[0] ? t->id : t->parent);
		if (!r && !t->id[0])
			r = look_again(fs, t->parent);
		if (!r)
			r = target_of(fs, n, t);
	}
	return r ? r : err_set(-EIO, "the file is removed in Drive again and again");
}

/* ---- the outcome */

static struct content content_of(const struct drive_file *news)
{
	struct content c = { .size = news->size, .mtime_ms = news->mtime_ms, .has_md5 = news->has_md5 };
	memcpy(c.revision, news->revision, sizeof c.revision);
	memcpy(c.md5, news->md5, sizeof c.md5);
	return c;
}

/* From here on n's content is `c`, read from the sealed bytes: for stat() and read() in one instant. */
static struct save *switch_over(struct fs *fs, struct inode *n, const struct content *c, struct drive_file *news,
				struct target *ret_now)
{
	struct writing *w = n->w;
	struct inval inval = { .ours = true };
	lock_acquire(&fs->tree.lock);
	lock_acquire(&w->lock);
	struct source *old = w->src;
	w->src = source_ref(w->sent->body);
	struct save *s = writing_take(w, &w->sent, SAVE_SENT);
	w->error = 0;
	w->tries = 0;
	n->content = *c;
	writing_show(w);
	lock_release(&w->lock);
	if (n->file->next == n)
		inode_settle(&fs->tree, n->file, true);
	target_fill(fs, n, ret_now); /* before the answer, which is older than what was changed here since */
	if (tree_adopt(&fs->tree, n->file, news, &inval) != 0)
		log_warning("save", "%s: saved in Drive; %s", news->id, err_last());
	lock_release(&fs->tree.lock);
	notify_later(fs->notify, &inval);
	source_unref(old);
	return s;
}

/* Drive has the bytes: they are the node's content. Nothing here can undo that: what fails is logged. */
static void adopt(struct fs *fs, struct inode *n, struct drive_file *news, struct target *ret_now)
{
	char id[DRIVE_ID_MAX + 1];
	memcpy(id, news->id, sizeof id);
	struct content c = content_of(news);
	struct cache_key key = { id, c.revision, "" };
	POINT("publish.adopt");
	struct save *s = switch_over(fs, n, &c, news, ret_now);
	writing_drain(n->w, s);
	struct source *body = s->body, *src = NULL, *old = NULL;
	if (draft_commit(STEAL(s->draft), &key) != 0)
		log_warning("cache", "%s: saved in Drive, but not kept in the cache: %s", id, err_last());
	if (writing_source(fs, id, &c, &src) == 0) { /* else the sealed draft serves as well */
		lock_acquire(&n->w->lock);
		bool still = n->w->src == body;
		if (still) {
			old = n->w->src;
			n->w->src = src;
		}
		lock_release(&n->w->lock);
		source_unref(still ? old : src);
	}
	save_free(s);
}

static void give_up(struct fs *fs, struct inode *n, int err)
{
	struct writing *w = n->w;
	struct inval inval = { .ours = true };
	lock_acquire(&fs->tree.lock);
	lock_acquire(&w->lock);
	save_move(w->sent, SAVE_FAILED);
	w->error = err;
	w->tries += err != 0;
	pthread_cond_broadcast(&w->changed);
	lock_release(&w->lock);
	if (n->file->next == n) /* the mount shows what was written, status that it is not saved */
		inode_settle(&fs->tree, n->file, true);
	lock_release(&fs->tree.lock);
	notify_later(fs->notify, &inval);
}

/* ---- what happened meanwhile */

static bool differ(const char *a, const char *b) { return strcmp(a ? a : "", b ? b : "") != 0; }

/* What was set here while the bytes were on their way, and Drive does not have; false: nothing. Of a file
 * that Drive knew name, place and description go there at once. */
static bool missed(struct inode *n, const struct target *sent, const struct target *now, const struct drive_file *was,
		   struct drive_edit *ret)
{
	bool created = !sent->id[0], moved = created && !now->unlinked && differ(now->parent, was->parent);
	lock_acquire(&n->w->lock);
	*ret = (struct drive_edit){ .mtime_ms = n->w->mtime_later, .trash = created && now->unlinked };
	n->w->mtime_later = -1;
	lock_release(&n->w->lock);
	if (created && !now->unlinked && differ(now->name, was->name))
		ret->name = now->name;
	if (created && differ(now->description, sent->description))
		ret->description = now->description ? now->description : "";
	if (moved) {
		ret->from_parent = was->parent;
		ret->to_parent = now->parent;
	}
	return ret->name || ret->description || moved || ret->trash || ret->mtime_ms != -1;
}

static int catch_up(struct fs *fs, struct inode *n, const struct target *sent, const struct target *now,
		    const struct drive_file *was)
{
	CLEANUP_DRIVE_FILE struct drive_file news = { 0 };
	struct drive_edit e;
	struct inval inval = { .ours = true };
	int r = target_check(now);
	if (r || !missed(n, sent, now, was, &e))
		return r;
	r = drive_edit(fs->drive, was->id, &e, &news);
	lock_acquire(&fs->tree.lock);
	if (!r)
		r = tree_apply(&fs->tree, &news, &inval, NULL);
	lock_release(&fs->tree.lock);
	notify_later(fs->notify, &inval);
	return r;
}

static int publish_one(struct fs *fs, struct inode *n, bool asked)
{
	struct save *s;
	int r = take(fs, n, asked, &s);
	if (r || !s)
		return r;
	CLEANUP(target_done) struct target t = { 0 };
	CLEANUP_DRIVE_FILE struct drive_file news = { 0 };
	bool unlinked = false;
	int64_t began = now_ms();
	uint64_t size = draft_size(s->draft);
	r = send(fs, n, s, &t, &news, &unlinked);
	if (r) {
		log_error("save", "%s: not saved in Drive: %s (%s)", t.path ? t.path : "?", err_last(), advice(r));
		give_up(fs, n, r);
		return r;
	}
	if (unlinked) { /* its bytes are nobody's; who has it open reads on */
		give_up(fs, n, 0);
		return 0;
	}
	CLEANUP(target_done) struct target now = { 0 };
	CLEANUP_FREE char *name = STEAL(news.name); /* as it was created: the tree may take the strings over */
	news.name = name ? strdup(name) : NULL;
	adopt(fs, n, &news, &now);
	log_saved(t.path, size, now_ms() - began);
	struct drive_file was = news;
	was.name = name;
	return catch_up(fs, n, &t, &now, &was);
}

int publish(struct fs *fs, struct inode *n) { return publish_one(fs, n, true); }
int publish_sealed(struct fs *fs, struct inode *n) { return publish_one(fs, n, false); }

/* ---- again, unasked */

/* What a try that failed has to know: its bytes, and the revision that they were to replace. False: there is
 * no such thing, a newer save takes its place. */
static bool failed_try(struct writing *w, struct source **ret_body, char ret_base[DRIVE_ID_MAX + 1])
{
	lock_acquire(&w->lock);
	bool alone = save_state(w->sent) == SAVE_WAITING && !is_due_now(w, false);
	if (alone) {
		*ret_body = source_ref(w->sent->body);
		memcpy(ret_base, w->sent->base, sizeof w->sent->base);
	}
	lock_release(&w->lock);
	return alone;
}

/* The answer to the last try was lost: its bytes are there. */
static void found(struct fs *fs, struct inode *n, struct drive_file *news)
{
	CLEANUP(target_done) struct target now = { 0 };
	lock_acquire(&n->w->lock);
	bool still = save_state(n->w->sent) == SAVE_WAITING;
	if (still)
		save_move(n->w->sent, SAVE_RETRY);
	lock_release(&n->w->lock);
	if (still)
		adopt(fs, n, news, &now);
}

int publish_again(struct fs *fs, struct inode *n)
{
	CLEANUP(target_done) struct target t = { 0 };
	CLEANUP_DRIVE_FILE struct drive_file head = { 0 };
	CLEANUP_SOURCE struct source *body = NULL;
	char base[DRIVE_ID_MAX + 1];
	if (!failed_try(n->w, &body, base))
		return publish_one(fs, n, false);
	int r = target_of(fs, n, &t);
	if (r || t.unlinked || t.removed)
		return r ? r : publish_one(fs, n, false);
	/* A new file whose answer was lost may be there, and may have been saved over since. */
	r = drive_get(fs->drive, t.id[0] ? t.id : t.reserved, &head);
	if (r == -ENOENT || (!r && (head.trashed || strcmp(head.revision, base) == 0)))
		return publish_one(fs, n, false);
	bool ours = false;
	if (!r)
		r = drive_holds(&head, body, &ours);
	if (r) {
		lock_acquire(&n->w->lock);
		n->w->tries++;
		lock_release(&n->w->lock);
		return r;
	}
	if (ours)
		found(fs, n, &head);
	else
		held_keep(fs, n, HELD_SENT, "it was changed in Drive since the save failed");
	return 0;
}

/* ---- for status */

static void add_pending(struct fs *fs, struct inode *n, struct buf *b, size_t *count) REQUIRES(fs->tree.lock)
{
	struct writing *w = n->w;
	CLEANUP_FREE char *path = tree_path(&fs->tree, n->file);
	lock_acquire(&w->lock);
	const struct save *s = w->open && w->open->state != SAVE_CLEAN ? w->open : w->sent;
	if (s && !file_gone_here(n->file)) {
		buf_str(b, (*count)++ ? ", {\"path\": " : "{\"path\": ");
		buf_json(b, path ? path : "?");
		buf_printf(b, ", \"bytes\": %" PRIu64 ", \"state\": \"%s\", \"sending\": %s, \"tries\": %u, \"error\": ",
			   draft_size(s->draft), save_state_name(s->state),
			   save_state(w->sent) == SAVE_SENDING ? "true" : "false", w->tries);
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
