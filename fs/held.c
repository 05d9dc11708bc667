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

/* Out of the slots of `n`, unless an upload or a seal has it: the open one, the sent one. A damaged one
 * goes alone: what was complete before it goes on waiting for its next try. */
static void take_both(struct fs *fs, struct inode *n, enum save_event event, struct save *ret[2])
{
	struct writing *w = n->w;
	struct save *unchanged = NULL;
	struct source *old = NULL;
	ret[0] = ret[1] = NULL;
	lock_acquire(&fs->tree.lock);
	lock_acquire(&w->lock);
	enum save_state open = save_state(w->open), sent = save_state(w->sent);
	if (open == SAVE_CLEAN)
		unchanged = writing_take(w, &w->open, SAVE_DROP);
	else if (open != SAVE_SEALING)
		ret[0] = writing_take(w, &w->open, event);
	if (sent != SAVE_SENDING && open != SAVE_DAMAGED)
		ret[1] = writing_take(w, &w->sent, event);
	if (!w->open && !w->sent) {
		old = STEAL(w->src);
		n->content = n->file->head;
		w->error = 0;
	}
	writing_show(n);
	lock_release(&w->lock);
	lock_release(&fs->tree.lock);
	source_unref(old);
	struct save *all[] = { unchanged, ret[0], ret[1] };
	for (int i = 0; i < 3; i++)
		writing_drain(w, all[i]);
	save_free(unchanged);
}


static void keep_one(struct fs *fs, struct save *s, const char *path, const char *id, const char *why)
{
	if (!s)
		return;
	if (held_note(s->draft, path, id, why) != 0)
		log_warning("save", "a draft is kept without a note: %s", err_last());
	log_error("save", "%s: %s: the file in Drive stays as it was, the bytes are kept as %s/draft/%" PRIu64, path, why,
		  fs->cache_dir, draft_number(s->draft));
	s->draft = draft_leave(s->draft);
	save_free(s);
}

void held_keep(struct fs *fs, struct inode *n, const char *why)
{
	struct save *both[2];
	char id[DRIVE_ID_MAX + 1];
	lock_acquire(&fs->tree.lock);
	CLEANUP_FREE char *path = tree_path(&fs->tree, n->file);
	memcpy(id, n->file->id, sizeof id);
	bool gone = file_gone_here(n->file);
	if (!why)
		why = file_placeless(n->file) ? "its folder was removed in Drive" : "its writer was killed or a write failed";
	lock_release(&fs->tree.lock);
	if (gone) {
		held_drop(fs, n);
		return;
	}
	take_both(fs, n, SAVE_HOLD, both);
	for (int i = 0; i < 2; i++)
		keep_one(fs, both[i], path ? path : "?", id, why);
	writing_settle(fs, n);
}

void held_drop(struct fs *fs, struct inode *n)
{
	struct save *both[2];
	take_both(fs, n, SAVE_DROP, both);
	for (int i = 0; i < 2; i++)
		save_free(both[i]);
	writing_settle(fs, n);
}

void held_keep_all(struct fs *fs)
{
	for (uint32_t i = 0; i < fs->tree.slots_count; i++) {
		lock_acquire(&fs->tree.lock);
		struct inode *n = fs->tree.slots[i];
		bool unsaved = n && n->w && (n->w->open || n->w->sent);
		lock_release(&fs->tree.lock);
		for (int slot = 0; unsaved && slot < 2; slot++)
			held_keep(fs, n, "not saved in Drive before the unmount");
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
