/* SPDX-License-Identifier: MIT */
#include "fs/namei.h"

#include "fs/ask.h"
#include "fs/listing.h"
#include "fs/notify.h"
#include "fs/shortcut.h"
#include "fs/tree/name.h"

#include <string.h>


int namei_list(struct fs *fs, struct file *folder) { return listing_need(fs, folder); }

int namei_refresh(struct fs *fs, struct file *f)
{
	int r = ask_drive(fs, f);
	if (!r && file_gone(f))
		r = err_set(-ENOENT, "it is in Drive's trash, or was moved out of the mounted folder");
	return r;
}

int namei_find(struct fs *fs, struct file *folder, const char *name, struct file **ret)
{
	if (strlen(name) > NAME_BYTES_MAX) /* FUSE allows 1024 */
		return err_set(-ENAMETOOLONG, "the name has %zu bytes, the limit is %d", strlen(name), NAME_BYTES_MAX);
	int r = namei_list(fs, folder);
	if (r)
		return r;
	lock_acquire(&fs->tree.lock);
	struct file *f = tree_child(&fs->tree, folder, name);
	bool unknown = f && f->state == FILE_UNKNOWN;
	lock_release(&fs->tree.lock);
	r = unknown ? ask_drive(fs, f) : 0;
	if (r && r != -ENOENT)
		return r;
	lock_acquire(&fs->tree.lock);
	*ret = tree_child(&fs->tree, folder, name);
	lock_release(&fs->tree.lock);
	return 0;
}

int namei_lookup(struct fs *fs, struct inode *dir, const char *name, struct inode **ret)
{
	struct file *f, *to = NULL;
	int r = namei_find(fs, dir->file, name, &f);
	if (!r && !f)
		r = -ENOENT;
	if (r)
		return r;
	bool link = tree_is_link(&fs->tree, f);
	r = link ? 0 : shortcut_follow(fs, f, &to);
	lock_acquire(&fs->tree.lock);
	if (link)
		r = inode_link(&fs->tree, f, false, ret);
	else if (!r)
		r = inode_entry(&fs->tree, dir, f, to, ret);
	if (!link && f->target && (r == -ENOENT || r == -ELOOP))
		r = inode_link(&fs->tree, f, r == -ELOOP, ret);
	lock_release(&fs->tree.lock);
	return r;
}

int namei_drive_name(const char *name, char **ret)
{
	int r = name_drive(name, ret);
	if (r)
		return r;
	CLEANUP_FREE char *back = name_show(*ret, "");
	if (!back)
		return err_set(-ENOMEM, "a file name");
	return strcmp(back, name) == 0 ? 0 : err_set(-EILSEQ, "the name has a character that stands for NUL here: rename it");
}

/* Can something be put into the folder? Drive would make it in a folder that is in its trash, too. */
static int check_place(struct fs *fs, const struct inode *dir)
{
	const struct file *folder = dir->file;
	lock_acquire(&fs->tree.lock);
	bool gone = file_gone(folder) || file_placeless(folder), root = file_gone(fs->tree.root);
	lock_release(&fs->tree.lock);
	if (!gone && !folder->can_edit)
		return err_set(-EACCES, "Drive does not let %s write into this folder", drive_identity(fs->drive));
	if (!gone)
		return shortcut_check_folder(fs, dir);
	return err_set(-ENOENT, "the %sfolder is in Drive's trash, deleted or not shared any more: restore it in Drive, or "
		       "save %s", root ? "mounted " : "", root ? "to another mount" : "under another path");
}

/* A name in the folder has changed, by this mount: rmdir(2) and the like move its time. */
static void touch(struct tree *t, struct file *folder) REQUIRES(t->lock)
{
	(void)t;
	folder->changed_ms = wall_ms();
}

static int find_free(struct fs *fs, struct file *folder, const char *name, char **ret_drive_name)
{
	struct file *f;
	int r = namei_find(fs, folder, name, &f);
	if (!r && (f || (folder == fs->tree.root && strcmp(name, VIEW_NAME) == 0)))
		r = err_set(-EEXIST, "there is one already");
	return r ? r : namei_drive_name(name, ret_drive_name);
}

/* ---- making */

int namei_create(struct fs *fs, struct inode *dir, const char *name, struct inode **ret)
{
	struct file *folder = dir->file;
	CLEANUP_FREE char *drive_name = NULL;
	char reserved[DRIVE_ID_MAX + 1];
	int r = find_free(fs, folder, name, &drive_name);
	if (!r)
		r = check_place(fs, dir);
	if (!r)
		r = drive_reserve_id(fs->drive, reserved);
	if (r)
		return r;
	struct file *f;
	struct inval inval = { .ours = true };
	lock_acquire(&fs->tree.lock);
	r = tree_make(&fs->tree, folder, STEAL(drive_name), reserved, &f, &inval);
	if (!r)
		r = inode_of(&fs->tree, f, ret);
	touch(&fs->tree, folder);
	lock_release(&fs->tree.lock);
	notify_later(fs->notify, &inval);
	return r;
}

void namei_uncreate(struct fs *fs, struct inode *n)
{
	struct inval inval = { 0 };
	lock_acquire(&fs->tree.lock);
	if (n->file->state == FILE_MADE)
		tree_remove(&fs->tree, n->file, &inval);
	lock_release(&fs->tree.lock);
	notify_later(fs->notify, &inval);
}

int namei_mkdir(struct fs *fs, struct inode *dir, const char *name, struct inode **ret)
{
	CLEANUP_FREE char *drive_name = NULL;
	CLEANUP_DRIVE_FILE struct drive_file news = { 0 };
	struct file *f = NULL;
	int r = find_free(fs, dir->file, name, &drive_name);
	if (!r)
		r = check_place(fs, dir);
	if (!r)
		r = drive_mkdir(fs->drive, dir->file->id, drive_name, &news);
	if (r)
		return r;
	struct inval inval = { .ours = true };
	lock_acquire(&fs->tree.lock);
	r = tree_apply(&fs->tree, &news, &inval, &f);
	if (!r && !f)
		r = err_set(-EIO, "made, but Drive put it into another folder");
	if (!r) {
		touch(&fs->tree, dir->file);
		f->listing = LISTING_COMPLETE; /* new: nothing is in it, and the change feed tells what comes */
		r = inode_entry(&fs->tree, dir, f, f, ret);
	}
	lock_release(&fs->tree.lock);
	notify_later(fs->notify, &inval);
	return r;
}

/* ---- editing */

int namei_edit(struct fs *fs, struct file *f, const struct drive_edit *e)
{
	CLEANUP_DRIVE_FILE struct drive_file news = { 0 };
	int r = shortcut_check_file(fs, f);
	if (!r)
		r = drive_edit(fs->drive, f->id, e, &news);
	if (r)
		return r;
	lock_acquire(&fs->tree.lock);
	if (e->mtime_ms >= 0)
		f->changed_ms = 0;
	r = tree_apply(&fs->tree, &news, NULL, NULL);
	lock_release(&fs->tree.lock);
	return r;
}

int namei_trash(struct fs *fs, struct file *f)
{
	struct tree *t = &fs->tree;
	const struct drive_edit e = { .mtime_ms = -1, .trash = true };
	struct inval inval = { .ours = true };
	CLEANUP_DRIVE_FILE struct drive_file news = { 0 };
	lock_acquire(&t->lock);
	bool known = f->id[0];
	f->leaving = true; /* the change feed may be quicker than the answer */
	lock_release(&t->lock);
	int r = known ? drive_edit(fs->drive, f->id, &e, &news) : 0;
	if (r == -ENOENT)
		r = 0; /* somebody was quicker */
	lock_acquire(&t->lock);
	f->leaving = false;
	if (!r && f->parent)
		touch(t, f->parent);
	if (!r && news.id[0])
		r = tree_apply(t, &news, &inval, NULL);
	if (!r)
		tree_remove(t, f, &inval);
	lock_release(&t->lock);
	notify_later(fs->notify, &inval); /* another file of the name may have it now */
	return r;
}

/* What is to be removed: it is there, and not below a shortcut that only shows it. */
static int find_removable(struct fs *fs, struct inode *dir, const char *name, struct file **ret)
{
	int r = namei_find(fs, dir->file, name, ret);
	if (!r && !*ret)
		return -ENOENT;
	return r ? r : shortcut_check_folder(fs, dir);
}

int namei_unlink(struct fs *fs, struct inode *dir, const char *name)
{
	struct file *f;
	int r = find_removable(fs, dir, name, &f);
	if (r)
		return r;
	return f->folder ? -EISDIR : namei_trash(fs, f);
}

int namei_check_empty(struct fs *fs, struct file *f)
{
	int r = namei_list(fs, f);
	if (r)
		return r;
	lock_acquire(&fs->tree.lock);
	size_t shown = f->by_shown.count, hidden = f->hidden;
	lock_release(&fs->tree.lock);
	if (hidden && !shown)
		return err_set(-ENOTEMPTY, "%zu Google Docs or other items without bytes are in it, which a mount does "
			       "not show: remove them in Drive", hidden);
	return shown ? -ENOTEMPTY : 0;
}

int namei_rmdir(struct fs *fs, struct inode *dir, const char *name)
{
	struct file *f;
	int r = find_removable(fs, dir, name, &f);
	if (r)
		return r;
	if (f->target)
		return namei_trash(fs, f); /* the kernel has seen it as a folder, or as nothing that is one */
	if (!f->folder)
		return -ENOTDIR;
	r = namei_check_empty(fs, f);
	return r ? r : namei_trash(fs, f);
}
