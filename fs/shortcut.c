/* SPDX-License-Identifier: MIT */
#include "fs/shortcut.h"

#include "fs/notify.h"
#include "fs/watch.h"

#include <stdio.h>
#include <string.h>

enum { HOPS_MAX = 8 };

/* The target of one shortcut, if it is there and what we know of it is kept up to date: files in
 * folders that we know are, and others once a shortcut has led to them. */
static struct file *known_target(struct tree *t, struct file *link) REQUIRES(t->lock)
{
	struct file *to = link->to ? link->to : tree_file(t, link->target);
	if (!to || file_gone(to) || (!link->to && !to->parent && to != t->root && !to->links))
		return NULL;
	tree_link_known(link, to);
	return to;
}

struct file *shortcut_known(struct tree *t, struct file *f)
{
	for (unsigned hops = 0; f && hops < HOPS_MAX; hops++) {
		if (!f->target || f->doc)
			return f;
		f = known_target(t, f);
	}
	return NULL;
}

/* Ask Drive for the target. Twice where its drive's changes were not read so far: what changed
 * between the first answer and the start of the reading would be missed. */
static int ask_target(struct fs *fs, const char *id, struct drive_file *ret)
{
	int r = fs_offline(fs) ? err_set(-ENETUNREACH, "Drive cannot be reached") : drive_get(fs->drive, id, ret);
	bool fresh = false;
	if (!r && !ret->trashed)
		r = watch_follow(fs->watch, ret->drive, &fresh);
	if (!r && fresh) {
		drive_file_done(ret);
		r = drive_get(fs->drive, id, ret);
	}
	if (!r && ret->trashed)
		r = err_set(-ENOENT, "what it leads to is in Drive's trash");
	return r;
}

static int fetch_target(struct fs *fs, struct file *link, struct file **ret)
{
	struct tree *t = &fs->tree;
	struct inval inval = { 0 };
	CLEANUP_DRIVE_FILE struct drive_file news = { 0 };
	lock_acquire(&t->lock);
	bool lately = link->asked_ms && now_ms() - link->asked_ms < (int64_t)fs->config->poll * 1000;
	lock_release(&t->lock);
	int r = lately ? -ENOENT : ask_target(fs, link->target, &news);
	lock_acquire(&t->lock);
	if (!r)
		r = tree_link(t, link, &news, &inval, ret);
	if (!lately)
		link->asked_ms = r == -ENOENT ? now_ms() : 0;
	lock_release(&t->lock);
	notify_later(fs->notify, &inval);
	return r == -ENOENT ? err_set(r, "what the shortcut leads to is deleted, in the trash, or not shared with %s",
				      drive_identity(fs->drive)) : r;
}

int shortcut_follow(struct fs *fs, struct file *f, struct file **ret)
{
	for (unsigned hops = 0; hops < HOPS_MAX; hops++) {
		if (!f->target || f->doc) {
			*ret = f;
			return 0;
		}
		lock_acquire(&fs->tree.lock);
		struct file *to = known_target(&fs->tree, f);
		lock_release(&fs->tree.lock);
		int r = to ? 0 : fetch_target(fs, f, &to);
		if (r)
			return r;
		f = to;
	}
	return err_set(-ELOOP, "a shortcut to a shortcut, %d times", HOPS_MAX);
}

void shortcut_text(const struct inode *n, struct buf *b)
{
	const struct file *f = n->file;
	if (n->circle)
		buf_str(b, f->shown ? f->shown : "."); /* to itself: ELOOP for who follows it */
	else
		buf_printf(b, "https://drive.google.com/open?id=%s", f->target ? f->target : "");
}
