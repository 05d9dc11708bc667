/* SPDX-License-Identifier: MIT */
#include "fs/ask.h"

#include "fs/log.h"
#include "fs/notify.h"

#include <string.h>

enum { AGAIN_MS = 60000, AGAIN_MAX = 6, AT_ONCE = 4 };

/* Refused by an answer to us, not by the change feed: it will be asked for again. */
static void suspect(struct tree *t, struct file *f) REQUIRES(t->lock)
{
	if (f->ask_tries >= AGAIN_MAX)
		return;
	t->suspects++;
	f->ask_ms = now_ms() + ((int64_t)AGAIN_MS << f->ask_tries++);
}

int ask_drive(struct fs *fs, struct file *f)
{
	struct tree *t = &fs->tree;
	struct inval inval = { 0 };
	CLEANUP_DRIVE_FILE struct drive_file news = { 0 };
	char id[DRIVE_ID_MAX + 1];
	lock_acquire(&t->lock);
	memcpy(id, f->id, sizeof id);
	lock_release(&t->lock);
	int r = id[0] ? drive_get(fs->drive, id, &news) : err_set(-ENOENT, "it is not in Drive yet");
	lock_acquire(&t->lock);
	const struct file *folder = f->parent ? f->parent : f->was_in;
	if (!r) {
		if (!news.parent[0] && folder) /* Drive hides a parent that we may not see */
			memcpy(news.parent, folder->id, sizeof news.parent);
		tree_allow(f);
		r = tree_apply(t, &news, &inval, NULL);
	} else if (r == -ENOENT && id[0]) {
		tree_deny(t, f, &inval);
		suspect(t, f);
	}
	lock_release(&t->lock);
	notify_later(fs->notify, &inval);
	return r;
}

/* One whose time has come, or NULL. */
static struct file *due_suspect(struct tree *t)
{
	struct file *ret = NULL;
	lock_acquire(&t->lock);
	for (size_t i = 0; i < t->files_count && t->suspects && !ret; i++) {
		struct file *f = t->files[i];
		if (!f->ask_ms || (f->state == FILE_REFUSED && f->ask_ms > now_ms()))
			continue;
		f->ask_ms = 0;
		t->suspects--;
		if (f->state == FILE_REFUSED)
			ret = f;
	}
	lock_release(&t->lock);
	return ret;
}

void ask_again(struct fs *fs)
{
	for (unsigned n = 0; n < AT_ONCE; n++) {
		struct file *f = due_suspect(&fs->tree);
		if (!f)
			return;
		if (ask_drive(fs, f) == 0 && !file_gone(f))
			log_info("watch", "Drive shows \"%s\" again, which it has denied", f->name ? f->name : f->id);
	}
}
