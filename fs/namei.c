/* SPDX-License-Identifier: MIT */
#include "fs/namei.h"

#include "fs/ask.h"
#include "fs/notify.h"
#include "fs/shortcut.h"
#include "fs/tree/name.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE 1
#endif
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
	r = drive_list(fs->drive, folder->id, one_listed, &l);
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

/* The child, or NULL. */
static int find_child(struct fs *fs, struct file *folder, const char *name, struct file **ret)
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
	int r = find_child(fs, dir->file, name, &f);
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

/* Drive's name for `name`; it must come back as what it was given as. */
static int drive_name_of(const char *name, char **ret)
{
	int r = name_drive(name, ret);
	if (r)
		return r;
	CLEANUP_FREE char *back = name_show(*ret, "");
	if (!back)
		return err_set(-ENOMEM, "a file name");
	return strcmp(back, name) == 0 ? 0 : err_set(-EILSEQ, "the name has a character that stands for NUL here: rename it");
}

static int find_free(struct fs *fs, struct file *folder, const char *name, char **ret_drive_name)
{
	struct file *f;
	int r = find_child(fs, folder, name, &f);
	if (!r && (f || (folder == fs->tree.root && strcmp(name, VIEW_NAME) == 0)))
		r = err_set(-EEXIST, "there is one already");
	return r ? r : drive_name_of(name, ret_drive_name);
}

/* ---- making */

int namei_create(struct fs *fs, struct file *folder, const char *name, struct inode **ret)
{
	CLEANUP_FREE char *drive_name = NULL;
	char reserved[DRIVE_ID_MAX + 1];
	int r = find_free(fs, folder, name, &drive_name);
	if (!r && !folder->can_edit)
		r = err_set(-EACCES, "Drive does not let %s write into this folder", drive_identity(fs->drive));
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
	lock_release(&fs->tree.lock);
	notify_later(fs->notify, &inval);
	return r;
}

int namei_mkdir(struct fs *fs, struct inode *dir, const char *name, struct inode **ret)
{
	CLEANUP_FREE char *drive_name = NULL;
	CLEANUP_DRIVE_FILE struct drive_file news = { 0 };
	struct file *f = NULL;
	int r = find_free(fs, dir->file, name, &drive_name);
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
	r = tree_apply(&fs->tree, &news, NULL, NULL);
	lock_release(&fs->tree.lock);
	return r;
}

/* To the trash, and out of the tree. One that Drive does not know has no id and nothing to trash. */
static int trash(struct fs *fs, struct file *f)
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
	int r = find_child(fs, folder, name, &f);
	if (r)
		return r;
	if (!f)
		return -ENOENT;
	return f->folder ? -EISDIR : trash(fs, f);
}

static int check_empty(struct fs *fs, struct file *f)
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
	int r = find_child(fs, folder, name, &f);
	if (r)
		return r;
	if (!f)
		return -ENOENT;
	if (f->target)
		return trash(fs, f); /* the kernel has seen it as a folder, or as nothing that is one */
	if (!f->folder)
		return -ENOTDIR;
	r = check_empty(fs, f);
	return r ? r : trash(fs, f);
}

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
	return over->folder ? check_empty(fs, over) : 0;
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

int namei_rename(struct fs *fs, struct file *from, const char *name, struct file *to, const char *new_name,
		  unsigned flags)
{
	struct file *f, *target;
	CLEANUP_FREE char *drive_name = NULL;
	CLEANUP_DRIVE_FILE struct drive_file news = { 0 };
	if (flags & ~(unsigned)RENAME_NOREPLACE)
		return err_set(-EINVAL, "Drive cannot exchange two files");
	int r = find_child(fs, from, name, &f);
	if (!r)
		r = find_child(fs, to, new_name, &target);
	if (!r)
		r = f ? check_replace(fs, f, target, new_name, flags) : -ENOENT;
	if (r || target == f)
		return r;
	r = drive_name_of(new_name, &drive_name);
	if (!r)
		r = cut_suffix(f, drive_name);
	if (!r && f->id[0])
		r = move_in_drive(fs, f, from, to, drive_name, &news);
	if (!r && target)
		r = trash(fs, target);
	if (r)
		return r;
	struct inval inval = { .ours = true };
	lock_acquire(&fs->tree.lock);
	if (f->id[0])
		r = tree_apply(&fs->tree, &news, &inval, NULL);
	if (!r && (f->parent != to || strcmp(f->name, drive_name) != 0))
		r = tree_move(&fs->tree, f, to, STEAL(drive_name), &inval);
	if (f->target || from->aliases || to->aliases)
		inval_names(f, &inval); /* a folder on a shortcut's path is another node at another place */
	lock_release(&fs->tree.lock);
	notify_later(fs->notify, &inval);
	return r;
}
