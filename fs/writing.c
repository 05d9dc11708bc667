/* SPDX-License-Identifier: MIT */
#include "fs/writing.h"

#include "fs/notify.h"

#include <stdio.h>
#include <string.h>

/* ---- the states (writing.h has them in words) */

#define N SAVE_NONE
#define C SAVE_CLEAN
#define F SAVE_FRESH
#define O SAVE_OPEN
#define D SAVE_DAMAGED
#define L SAVE_SEALING
#define S SAVE_SENDING
#define W SAVE_WAITING
#define X SAVE_STATES
static const unsigned char table[SAVE_STATES][SAVE_EVENTS] = {
	/*                 DRAFTED TRUNCATED WROTE REFUSED TORN KILLED SEAL UNSEALED SEALED SENT FAILED RETRY DROP HOLD */
	[SAVE_NONE] =    { C,      F,        X,    X,      X,   X,     X,   X,       X,     X,   X,     X,    X,   X },
	[SAVE_CLEAN] =   { X,      F,        O,    C,      D,   C,     X,   X,       X,     X,   X,     X,    N,   X },
	[SAVE_FRESH] =   { X,      F,        O,    F,      D,   D,     L,   X,       X,     X,   X,     X,    N,   N },
	[SAVE_OPEN] =    { X,      F,        O,    O,      D,   D,     L,   X,       X,     X,   X,     X,    N,   N },
	[SAVE_DAMAGED] = { X,      F,        D,    D,      D,   D,     X,   X,       X,     X,   X,     X,    N,   N },
	[SAVE_SEALING] = { X,      X,        X,    X,      X,   L,     X,   O,       S,     X,   X,     X,    X,   X },
	[SAVE_SENDING] = { X,      X,        X,    X,      X,   S,     X,   X,       X,     N,   W,     X,    X,   X },
	[SAVE_WAITING] = { X,      X,        X,    X,      X,   W,     X,   X,       X,     X,   X,     S,    N,   N },
};
#undef N
#undef C
#undef F
#undef O
#undef D
#undef L
#undef S
#undef W
#undef X

enum save_state save_next(enum save_state state, enum save_event event)
{
	return (enum save_state)table[state][event];
}

const char *save_state_name(enum save_state state)
{
	static const char *const names[SAVE_STATES] = { "none", "clean", "fresh", "open", "damaged", "sealing", "sending", "waiting" };
	return names[state];
}

void save_move(struct save *s, enum save_event event)
{
	enum save_state to = save_next(s->state, event);
	base_expect(to != SAVE_STATES, "a save that is %s gets event %d", save_state_name(s->state), event);
	if (to != SAVE_STATES)
		s->state = to;
}

/* ---- sources */

int writing_source(struct fs *fs, const char *id, const struct content *c, struct source **ret)
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

int writing_need_source(struct fs *fs, struct inode *n)
{
	struct writing *w = n->w;
	struct content c;
	char id[DRIVE_ID_MAX + 1];
	lock_acquire(&w->lock);
	bool there = w->src || w->open || w->sent;
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
	int r = text.len ? source_bytes(text.data, text.len, &src) : writing_source(fs, id, &c, &src);
	if (r)
		return r;
	lock_acquire(&w->lock);
	if (!w->src)
		w->src = STEAL(src);
	lock_release(&w->lock);
	source_unref(src);
	return 0;
}

/* ---- its life */

static struct writing *writing_new(struct inode *n)
{
	struct writing *w = calloc(1, sizeof *w);
	if (w) {
		lock_init(&w->lock, RANK_NODE);
		cond_init(&w->changed);
		w->node = n;
		w->mtime_later = -1;
	}
	return w;
}

static void writing_free(struct writing *w)
{
	source_unref(w->src);
	writers_done(&w->writers);
	pthread_cond_destroy(&w->changed);
	lock_done(&w->lock);
	free(w);
}

void writing_show(struct writing *w)
{
	w->node->writing = w->writable || w->open || w->sent;
}

int writing_join(struct fs *fs, struct inode *n, bool writable)
{
	int r = 0;
	lock_acquire(&fs->tree.lock);
	if (!n->w && !(n->w = writing_new(n)))
		r = err_nomem("an open file");
	if (!r) {
		lock_acquire(&n->w->lock);
		n->w->opens++;
		n->w->writable += writable;
		writing_show(n->w);
		lock_release(&n->w->lock);
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
		bool needed = n->w->open || n->w->sent;
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

void writing_leave(struct fs *fs, struct inode *n)
{
	lock_acquire(&fs->tree.lock);
	n->w->opens--;
	lock_release(&fs->tree.lock);
	writing_drop(fs, n);
	lock_acquire(&fs->tree.lock);
	inode_forget(&fs->tree, n, 0, 1);
	lock_release(&fs->tree.lock);
}

void writing_settle(struct fs *fs, struct inode *n)
{
	struct inval inval = { 0 };
	lock_acquire(&fs->tree.lock);
	lock_acquire(&n->w->lock);
	if (!n->w->writable)
		writers_done(&n->w->writers);
	writing_show(n->w);
	lock_release(&n->w->lock);
	if (!n->writing && n->file->next == n)
		inode_settle(&fs->tree, n->file, false);
	if (!n->writing && n->file->state == FILE_MADE)
		tree_remove(&fs->tree, n->file, &inval);
	if (!n->writing)
		tree_outdated(&fs->tree, n);
	lock_release(&fs->tree.lock);
	notify_later(fs->notify, &inval);
}

/* ---- drafts */

/* Begin another save in the slot `open`: who writes from here on is its author. */
static void begin_save(struct writing *w, struct save *s) REQUIRES(w->lock)
{
	s->number = ++w->saves;
	s->mtime_ms = wall_ms();
	s->torn_by = 0;
	w->authors = 0;
	w->open = s;
}

static int new_save(struct fs *fs, struct writing *w, struct source *base, enum save_event event) REQUIRES(w->lock)
{
	struct save *s = calloc(1, sizeof *s);
	if (!s)
		return err_nomem("a save");
	int r = draft_create(fs->cache, base, &s->draft);
	if (r) {
		free(s);
		return r;
	}
	save_move(s, event);
	begin_save(w, s);
	return 0;
}

static int wait_sealed(struct writing *w) REQUIRES(w->lock)
{
	int r = 0;
	while (!r && save_state(w->open) == SAVE_SEALING)
		r = lock_wait_or_cancel(&w->lock, &w->changed, 0, "the last save is made durable");
	return r;
}

int writing_draft(struct fs *fs, struct writing *w, struct save **ret)
{
	int r = wait_sealed(w);
	struct source *base = w->sent ? w->sent->body : w->src;
	if (!r && !w->open && !base)
		r = err_set(-ESTALE, "what was being written was given up meanwhile: open it again");
	if (!r && !w->open)
		r = new_save(fs, w, base, SAVE_DRAFTED);
	*ret = w->open;
	return r;
}

int writing_empty(struct fs *fs, struct writing *w, struct save **ret)
{
	int r = wait_sealed(w);
	if (!r && !w->open)
		r = new_save(fs, w, NULL, SAVE_TRUNCATED);
	else if (!r && !(r = draft_truncate(w->open->draft, 0))) {
		save_move(w->open, SAVE_TRUNCATED);
		begin_save(w, w->open);
	}
	*ret = w->open;
	return r;
}

void writing_use(struct save *s) { s->users++; }

void writing_used(struct writing *w, struct save *s)
{
	if (--s->users == 0)
		pthread_cond_broadcast(&w->changed);
}

struct save *writing_take(struct writing *w, struct save **slot, enum save_event event)
{
	struct save *s = *slot;
	if (!s)
		return NULL;
	save_move(s, event);
	if (slot == &w->open)
		w->authors = 0;
	*slot = NULL;
	pthread_cond_broadcast(&w->changed);
	return s;
}

void writing_drain(struct writing *w, struct save *s)
{
	lock_acquire(&w->lock);
	while (s && s->users) /* out of sight: nobody new comes */
		(void)lock_wait(&w->lock, &w->changed, -1);
	lock_release(&w->lock);
}

void save_free(struct save *s)
{
	if (!s)
		return;
	source_unref(s->body);
	draft_discard(s->draft);
	free(s);
}

void writing_size(struct inode *n, uint64_t *ret_size, int64_t *ret_mtime_ms)
{
	*ret_size = n->content.size;
	*ret_mtime_ms = n->content.mtime_ms;
	if (!n->w)
		return;
	lock_acquire(&n->w->lock);
	const struct save *s = n->w->open ? n->w->open : n->w->sent;
	if (s) {
		*ret_size = draft_size(s->draft);
		*ret_mtime_ms = s->mtime_ms;
	}
	lock_release(&n->w->lock);
}
