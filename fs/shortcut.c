/* SPDX-License-Identifier: MIT */
#include "fs/shortcut.h"

#include "fs/notify.h"
#include "fs/reach.h"
#include "fs/watch.h"

#include <stdio.h>
#include <string.h>

enum { HOPS_MAX = 8, OUTSIDE_MS = 60000, FOLDERS_MAX = 1000 };

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
	if (tree_is_link(t, f))
		return f;
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

/* Of a shortcut that is a symbolic link: the target, if it is known to lie in the mount. */
static const struct file *target_here(struct tree *t, const struct file *link) REQUIRES(t->lock)
{
	const struct file *to = tree_file(t, link->target);
	return to && !file_gone(to) && !file_placeless(to) && tree_inside(t, to) ? to : NULL;
}

void shortcut_text(struct tree *t, const struct inode *n, struct buf *b)
{
	const struct file *f = n->file, *to = tree_is_link(t, f) ? target_here(t, f) : NULL;
	if (n->circle)
		buf_str(b, f->shown ? f->shown : "."); /* to itself: ELOOP for who follows it */
	else if (to)
		tree_link_text(t, f, to, b);
	else
		buf_printf(b, "%shttps://drive.google.com/open?id=%s", tree_is_link(t, f) ? "not in this mount: " : "", f->target);
}

int shortcut_read(struct fs *fs, const struct inode *n, struct buf *ret)
{
	struct tree *t = &fs->tree;
	struct file *f = n->file, *to;
	lock_acquire(&t->lock);
	bool known = !tree_is_link(t, f) || target_here(t, f) || (f->asked_ms && now_ms() - f->asked_ms < OUTSIDE_MS);
	lock_release(&t->lock);
	int r = known ? 0 : reach_file(fs, f->target, &to);
	if (r && r != -ENOENT)
		return r;
	lock_acquire(&t->lock);
	if (!known)
		f->asked_ms = r ? now_ms() : 0;
	shortcut_text(t, n, ret);
	lock_release(&t->lock);
	return buf_check(ret, "the text of a symbolic link");
}

int shortcut_check_folder(const struct fs *fs, const struct inode *dir)
{
	if (!dir->up || fs->tree.shortcuts == SHORTCUTS_WRITE)
		return 0;
	return err_set(-EROFS, "a shortcut leads here: change it where it lies, or mount with -o shortcuts=write");
}

int shortcut_check_file(struct fs *fs, const struct file *f)
{
	if (fs->tree.shortcuts == SHORTCUTS_WRITE)
		return 0;
	lock_acquire(&fs->tree.lock);
	for (unsigned depth = 0; f->parent && depth < FOLDERS_MAX; depth++)
		f = f->parent;
	bool outside = f != fs->tree.root && f->links;
	lock_release(&fs->tree.lock);
	return !outside ? 0 : err_set(-EROFS, "it lies outside of the mounted folder, a shortcut leads to it: mount with "
				    "-o shortcuts=write to change it");
}
