/* SPDX-License-Identifier: MIT */
#include "fs/held.h"

#include "fs/log.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

enum { NOTE_MAX = 8 << 10 };

int held_note(struct draft *d, const char *path, const char *id, const char *why)
{
	CLEANUP_BUF struct buf b = BUF_INIT(NOTE_MAX);
	buf_str(&b, "{\"path\": ");
	buf_json(&b, path);
	buf_str(&b, ", \"id\": ");
	buf_json(&b, id);
	buf_str(&b, ", \"why\": ");
	buf_json(&b, why);
	buf_printf(&b, ", \"time\": %lld}", (long long)time(NULL));
	int r = buf_check(&b, "the note of a draft");
	return r ? r : draft_note(d, b.data, b.len);
}

void held_pick(struct writing *w, enum save_event event, unsigned what, struct held_picked *ret)
{
	struct inode *n = w->node;
	*ret = (struct held_picked){ .node = n, .event = event };
	enum save_state open = save_state(w->open), sent = save_state(w->sent);
	if ((what & HELD_OPEN) && open == SAVE_CLEAN)
		ret->unchanged = writing_take(w, &w->open, SAVE_DROP);
	else if ((what & HELD_OPEN) && open != SAVE_NONE && open != SAVE_SEALING)
		ret->all[0] = writing_take(w, &w->open, event);
	if ((what & HELD_SENT) && sent == SAVE_WAITING)
		ret->all[1] = writing_take(w, &w->sent, event);
	if (!w->open && !w->sent) {
		ret->old = STEAL(w->src);
		n->content = n->file->head;
		w->error = 0;
	}
	writing_show(w);
}

static void keep_one(struct fs *fs, struct save *s, const char *path, const char *id, const char *why)
{
	if (held_note(s->draft, path, id, why) != 0)
		log_warning("save", "a draft is kept without a note: %s", err_last());
	log_error("save", "%s: %s: the file in Drive stays as it was, the bytes are kept as %s/draft/%" PRIu64, path, why,
		  fs->cache_dir, draft_number(s->draft));
	s->draft = draft_leave(s->draft);
}

/* By the states, where the caller has no better reason. */
static const char *reason(const struct file *f)
{
	return file_placeless(f) ? "its folder was removed in Drive" : "its writer was killed or a write failed";
}

void held_finish(struct fs *fs, struct held_picked *p, const char *why)
{
	char id[DRIVE_ID_MAX + 1];
	lock_acquire(&fs->tree.lock);
	const struct file *f = p->node->file;
	CLEANUP_FREE char *path = tree_path(&fs->tree, f);
	memcpy(id, f->id, sizeof id);
	bool drop = p->event == SAVE_DROP || file_gone_here(f);
	why = why ? why : reason(f);
	lock_release(&fs->tree.lock);
	source_unref(p->old);
	writing_drain(p->node->w, p->unchanged);
	save_free(p->unchanged);
	for (int i = 0; i < 2; i++) {
		writing_drain(p->node->w, p->all[i]);
		if (p->all[i] && !drop)
			keep_one(fs, p->all[i], path ? path : "?", id, why);
		save_free(p->all[i]);
	}
	writing_settle(fs, p->node);
}

void held_keep(struct fs *fs, struct inode *n, unsigned what, const char *why)
{
	struct held_picked p;
	lock_acquire(&fs->tree.lock);
	lock_acquire(&n->w->lock);
	held_pick(n->w, SAVE_HOLD, what, &p);
	lock_release(&n->w->lock);
	lock_release(&fs->tree.lock);
	held_finish(fs, &p, why);
}

void held_keep_all(struct fs *fs)
{
	for (uint32_t i = 0; i < fs->tree.slots_count; i++) {
		lock_acquire(&fs->tree.lock);
		struct inode *n = fs->tree.slots[i];
		bool unsaved = n && n->w && (n->w->open || n->w->sent);
		lock_release(&fs->tree.lock);
		if (unsaved)
			held_keep(fs, n, HELD_OPEN | HELD_SENT, "not saved in Drive before the unmount");
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

void held_list(struct fs *fs, struct buf *b, size_t *ret_count)
{
	struct held h = { b, 0, fs->cache_dir };
	buf_byte(b, '[');
	if (cache_drafts(fs->cache, add_held, &h) != 0)
		log_warning("status", "the list of held drafts is not complete: %s", err_last());
	buf_byte(b, ']');
	*ret_count = h.count;
}
