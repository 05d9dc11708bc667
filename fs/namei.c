/* SPDX-License-Identifier: MIT */
#include "fs/namei.h"

#include "fs/ask.h"
#include "fs/notify.h"
#include "fs/shortcut.h"
#include "fs/tree/name.h"

#include <string.h>

enum { WAIT_MS = 200, ASK_AT_ONCE = 32 };

/* ---- listing */

struct listing_news { struct fs *fs; struct file *folder; struct inval inval; };

static int one_listed(void *ctx, struct drive_file *news)
{
	struct listing_news *l = ctx;
	if (!news->parent[0]) /* Drive hides a parent that we may not see; we asked for it by id */
		memcpy(news->parent, l->folder->id, sizeof news->parent);
	lock_acquire(&l->fs->tree.lock);
	/* Of what a first listing brings the kernel knows nothing yet. */
	bool tell = l->folder->listed || tree_file(&l->fs->tree, news->id);
	int r = tree_apply(&l->fs->tree, news, tell ? &l->inval : NULL, NULL);
	lock_release(&l->fs->tree.lock);
	return r;
}

/* Is there something to do? Then the listing is ours to run. */
static int claim(struct tree *t, struct file *folder, bool *ret_ours, uint64_t *ret_since)
{
	int r = 0;
	lock_acquire(&t->lock);
	while (folder->listing == LISTING_RUNS && !r) {
		if (cancelled())
			r = err_set(-EINTR, "interrupted while a folder is being listed");
		else
			(void)lock_wait(&t->lock, &t->listed, WAIT_MS);
	}
	*ret_ours = !r && folder->listing == LISTING_UNKNOWN;
	if (*ret_ours)
		folder->listing = LISTING_RUNS;
	*ret_since = t->clock;
	lock_release(&t->lock);
	return r;
}

/* Children that the listing lacks though they were there lately: Drive's listings lag. Some are asked for
 * at once, so that `ls` is right; what is left is asked for when it is looked up. */
static void ask_unknown(struct fs *fs, struct file *folder)
{
	size_t pos = 0;
	for (unsigned n = 0; n < ASK_AT_ONCE && !cancelled(); n++) {
		lock_acquire(&fs->tree.lock);
		struct file *f = tree_unknown(&fs->tree, folder, &pos);
		lock_release(&fs->tree.lock);
		if (!f || (ask_drive(fs, f) != 0 && !file_gone(f)))
			return; /* Drive does not answer: nothing is known yet */
	}
}

/* Drive answers 404 for the folder itself, which proves nothing where it knows the folder by its id. */
static int list_denied(struct fs *fs, struct listing_news *l)
{
	int r = ask_drive(fs, l->folder);
	if (!r)
		r = drive_list(fs->drive, l->folder->id, one_listed, l);
	if (r != -ENOENT)
		return r;
	if (l->folder == fs->tree.root)
		return err_set(-EIO, "the mounted folder is gone in Drive, or is not shared with %s any more",
			       drive_identity(fs->drive));
	return file_gone(l->folder) ? err_set(-ESTALE, "the folder is gone in Drive")
				    : err_set(-EIO, "Drive knows the folder and does not list it: try again");
}

int namei_list(struct fs *fs, struct file *folder)
{
	struct tree *t = &fs->tree;
	bool ours;
	uint64_t since;
	size_t unknown = 0;
	int r = claim(t, folder, &ours, &since);
	if (r || !ours)
		return r;
	struct listing_news l = { .fs = fs, .folder = folder };
	r = fs_offline(fs) ? err_set(-ENETUNREACH, "Drive cannot be reached, and the cache does not know this folder")
			   : drive_list(fs->drive, folder->id, one_listed, &l);
	if (r == -ENOENT)
		r = list_denied(fs, &l);
	lock_acquire(&t->lock);
	if (!r && folder->listed)
		unknown = tree_sweep(t, folder, since, &l.inval);
	lock_release(&t->lock);
	if (unknown)
		ask_unknown(fs, folder);
	lock_acquire(&t->lock);
	folder->listed |= !r;
	folder->listing = r ? LISTING_UNKNOWN : LISTING_COMPLETE;
	pthread_cond_broadcast(&t->listed);
	lock_release(&t->lock);
	notify_later(fs->notify, &l.inval); /* a file may have come here from a folder that the kernel knows */
	return r;
}

int namei_refresh(struct fs *fs, struct file *f)
{
	int r = ask_drive(fs, f);
	if (!r && file_gone(f))
		r = err_set(-ENOENT, "it is in Drive's trash, or was moved out of the mounted folder");
	return r;
}

int namei_find(struct fs *fs, struct file *folder, const char *name, struct file **ret)
{
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
	r = shortcut_follow(fs, f, &to);
	lock_acquire(&fs->tree.lock);
	if (!r)
		r = inode_entry(&fs->tree, dir, f, to, ret);
	if (f->target && (r == -ENOENT || r == -ELOOP))
		r = inode_broken(&fs->tree, f, r == -ELOOP, ret);
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
static int check_place(struct fs *fs, struct file *folder)
{
	lock_acquire(&fs->tree.lock);
	bool gone = file_gone(folder) || file_placeless(folder), root = file_gone(fs->tree.root);
	lock_release(&fs->tree.lock);
	if (!gone)
		return folder->can_edit ? 0 : err_set(-EACCES, "Drive does not let %s write into this folder",
						      drive_identity(fs->drive));
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

int namei_create(struct fs *fs, struct file *folder, const char *name, struct inode **ret)
{
	CLEANUP_FREE char *drive_name = NULL;
	char reserved[DRIVE_ID_MAX + 1];
	int r = find_free(fs, folder, name, &drive_name);
	if (!r)
		r = check_place(fs, folder);
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
		r = check_place(fs, dir->file);
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
	int r = drive_edit(fs->drive, f->id, e, &news);
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

int namei_unlink(struct fs *fs, struct file *folder, const char *name)
{
	struct file *f;
	int r = namei_find(fs, folder, name, &f);
	if (r)
		return r;
	if (!f)
		return -ENOENT;
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

int namei_rmdir(struct fs *fs, struct file *folder, const char *name)
{
	struct file *f;
	int r = namei_find(fs, folder, name, &f);
	if (r)
		return r;
	if (!f)
		return -ENOENT;
	if (f->target)
		return namei_trash(fs, f); /* the kernel has seen it as a folder, or as nothing that is one */
	if (!f->folder)
		return -ENOTDIR;
	r = namei_check_empty(fs, f);
	return r ? r : namei_trash(fs, f);
}
