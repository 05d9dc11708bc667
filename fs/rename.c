/* SPDX-License-Identifier: MIT */
#include "fs/rename.h"

#include "fs/handle.h"
#include "fs/namei.h"
#include "fs/notify.h"
#include "fs/shortcut.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE 1
#endif

/* What it shows, as far as that is known. */
static struct file *shows(struct fs *fs, struct file *f)
{
	lock_acquire(&fs->tree.lock);
	struct file *to = shortcut_known(&fs->tree, f);
	lock_release(&fs->tree.lock);
	return to ? to : f;
}

/* May `target` (NULL: none) be replaced by f? */
static int check_replace(struct fs *fs, struct file *f, struct file *target, const char *name, unsigned flags)
{
	if (!target || target == f)
		return 0;
	if (flags & RENAME_NOREPLACE)
		return -EEXIST;
	struct file *from = shows(fs, f), *over = shows(fs, target);
	if (from->folder && !over->folder)
		return -ENOTDIR;
	if (!from->folder && over->folder)
		return -EISDIR;
	if (target->doc)
		return err_set(-EACCES, "a Google document is not replaced by a file: remove it first, if it may go");
	lock_acquire(&fs->tree.lock);
	bool has_name = tree_has_name(&fs->tree, f, target, name);
	lock_release(&fs->tree.lock);
	if (!has_name)
		return err_set(-ENOTUNIQ, "Drive has several files of this name, and an older one would have it: rename "
			       "or remove that one first");
	return over->folder ? namei_check_empty(fs, over) : 0;
}

static int move_in_drive(struct fs *fs, struct file *f, struct file *from, struct file *to, const char *drive_name,
			 struct drive_file *ret)
{
	struct drive_edit e = {
		.name = drive_name,
		.mtime_ms = f->folder ? -1 : f->head.mtime_ms, /* a rename alone would move it */
	};
	if (from != to) {
		e.from_parent = from->id;
		e.to_parent = to->id;
	}
	int r = drive_edit(fs->drive, f->id, &e, ret);
	if (r == -EACCES && from->drive != to->drive) /* mv(1) copies then */
		return err_set(-EXDEV, "Drive does not move it from one drive to another (%s)", err_last());
	return r;
}

/* A document's name in Drive has no DOC_SUFFIX. */
static int cut_suffix(const struct file *f, char *drive_name)
{
	size_t n = strlen(drive_name), end = strlen(DOC_SUFFIX);
	if (!f->doc)
		return 0;
	if (n <= end || strcmp(drive_name + n - end, DOC_SUFFIX) != 0)
		return err_set(-EINVAL, "the name of a Google document ends in " DOC_SUFFIX " here");
	drive_name[n - end] = 0;
	return 0;
}

/* The bytes of f that are not in Drive are sent before f takes a name: what had it would be in the trash,
 * and nothing in its place. One that is open to be written and takes a free name may wait. */
static int save_first(struct fs *fs, struct file *f, bool takes_over)
{
	struct handle *h;
	lock_acquire(&fs->tree.lock);
	struct inode *n = f->next ? f->next : f->node;
	bool unsaved = n && n->kind == NODE_FILE && n->w && n->writing && (takes_over || !n->w->writable);
	if (unsaved)
		inode_hold(n);
	lock_release(&fs->tree.lock);
	if (!unsaved)
		return 0;
	int r = handle_open(fs, n, O_RDONLY, 0, &h);
	if (!r) {
		r = handle_fsync(fs, h);
		handle_release(fs, h);
	}
	lock_acquire(&fs->tree.lock);
	inode_forget(&fs->tree, n, 0, 1);
	lock_release(&fs->tree.lock);
	return r;
}

/* Drive has moved f (`news`) and refuses to trash what had the name: `why`. Back, so that no two have it. */
static int move_back(struct fs *fs, struct file *f, struct file *from, struct file *to, const char *old_name,
		     struct drive_file *news, int why)
{
	struct inval inval = { 0 };
	CLEANUP_DRIVE_FILE struct drive_file back = { 0 };
	CLEANUP_FREE char *reason = strdup(err_last());
	cancel_set(NULL, NULL); /* half done is worse than late */
	int r = move_in_drive(fs, f, to, from, old_name, &back), applied;
	lock_acquire(&fs->tree.lock);
	applied = tree_apply(&fs->tree, r ? news : &back, &inval, NULL);
	lock_release(&fs->tree.lock);
	notify_later(fs->notify, &inval);
	if (r || applied)
		return err_set(why, "moved, but what had the name cannot be trashed (%s): both have it now", reason ? reason : "");
	return err_set(why, "what has the name cannot be trashed (%s): both are as they were", reason ? reason : "");
}

/* The tree does what Drive has done. A file that is not there yet will be sent under its new name. */
static int move_here(struct fs *fs, struct file *f, struct file *from, struct file *to, const char *drive_name,
		     struct drive_file *news)
{
	struct inval inval = { .ours = true };
	char *copy = strdup(drive_name);
	int r = copy ? 0 : err_nomem("a file name");
	lock_acquire(&fs->tree.lock);
	bool sent = !news->id[0] && f->id[0]; /* since we looked, under the old name */
	if (!r && news->id[0])
		r = tree_apply(&fs->tree, news, &inval, NULL);
	else if (!r && !sent && !file_gone(f))
		r = tree_move(&fs->tree, f, to, STEAL(copy), &inval);
	from->changed_ms = to->changed_ms = wall_ms();
	lock_release(&fs->tree.lock);
	free(copy);
	notify_later(fs->notify, &inval);
	if (r || !sent)
		return r;
	r = move_in_drive(fs, f, from, to, drive_name, news);
	return r ? r : move_here(fs, f, from, to, drive_name, news);
}

/* May f have the name, and what is it in Drive? */
static int check_rename(struct fs *fs, struct file *f, struct file *target, const char *new_name, unsigned flags, char **ret)
{
	int r = check_replace(fs, f, target, new_name, flags);
	if (!r)
		r = namei_drive_name(new_name, ret);
	if (!r)
		r = cut_suffix(f, *ret);
	return r;
}

int rename_entry(struct fs *fs, struct inode *from_dir, const char *name, struct inode *to_dir, const char *new_name,
		 unsigned flags)
{
	struct file *from = from_dir->file, *to = to_dir->file;
	struct file *f, *target;
	CLEANUP_FREE char *drive_name = NULL, *old_name = NULL;
	CLEANUP_DRIVE_FILE struct drive_file news = { 0 };
	if (flags & ~(unsigned)RENAME_NOREPLACE)
		return err_set(-EINVAL, "Drive cannot exchange two files");
	int r = namei_find(fs, from, name, &f);
	if (!r)
		r = namei_find(fs, to, new_name, &target);
	if (r || !f || target == f)
		return r ? r : f ? 0 : -ENOENT;
	r = shortcut_check_folder(fs, from_dir);
	if (!r)
		r = shortcut_check_folder(fs, to_dir);
	if (!r)
		r = check_rename(fs, f, target, new_name, flags, &drive_name);
	if (!r)
		r = save_first(fs, f, target != NULL);
	if (r)
		return r;
	lock_acquire(&fs->tree.lock);
	old_name = strdup(f->name);
	bool known = f->id[0];
	lock_release(&fs->tree.lock);
	r = !old_name ? err_nomem("a file name") : known ? move_in_drive(fs, f, from, to, drive_name, &news) : 0;
	if (r)
		return r;
	r = target ? namei_trash(fs, target) : 0;
	if (r)
		return known ? move_back(fs, f, from, to, old_name, &news, r) : r;
	return move_here(fs, f, from, to, drive_name, &news);
}
