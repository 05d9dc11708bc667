/* SPDX-License-Identifier: MIT */
/* Reading folders: a snapshot of names at opendir, so that a listing that goes on while files come
 * and go shows each name at most once. */
#include "fs/namei.h"
#include "fs/notify.h"
#include "fs/shortcut.h"
#include "fs/reply.h"
#include "fs/view.h"

#include <string.h>

struct dir_entry {
	char *name;
	struct file *file;	/* NULL: "." "..", and in saved_model/, where listing must not scan */
	mode_t type;
	uint64_t ino;
};
struct dir {
	struct dir_entry *all;
	size_t count, cap;
	struct inode *node;
	struct file *folder;	/* NULL: in saved_model/ */
	uint64_t news;		/* folder->news of the snapshot */
};

static void dir_free(struct dir *d)
{
	for (size_t i = 0; i < d->count; i++)
		free(d->all[i].name);
	free(d->all);
	free(d);
}

static int add_entry(struct dir *d, const char *name, struct file *f, mode_t type, uint64_t ino)
{
	if (d->count == d->cap) {
		size_t cap = d->cap ? d->cap * 2 : 32;
		struct dir_entry *all = realloc(d->all, cap * sizeof *all);
		if (!all)
			return err_set(-ENOMEM, "no memory to list a folder");
		d->all = all;
		d->cap = cap;
	}
	char *copy = strdup(name);
	if (!copy)
		return err_set(-ENOMEM, "no memory to list a folder");
	d->all[d->count++] = (struct dir_entry){ copy, f, type, ino };
	return 0;
}

enum { SOME_INO = 2 };

static int add_view(void *ctx, const char *name, bool folder)
{
	return add_entry(ctx, name, NULL, folder ? S_IFDIR : S_IFREG, SOME_INO);
}

/* One that lies in the folder. Where a shortcut leads is shown without a request, by what is known. */
static int add_file(struct fs *fs, struct dir *d, struct file *f) REQUIRES(fs->tree.lock)
{
	struct file *to = shortcut_known(&fs->tree, f);
	mode_t type = tree_is_link(&fs->tree, f) ? S_IFLNK : to ? to->folder ? S_IFDIR : S_IFREG : f->target_folder ? S_IFDIR : S_IFREG;
	if (to && to != f && to->folder && inode_below(d->node, to))
		type = S_IFLNK; /* a circle: not to be walked into */
	return add_entry(d, f->shown, f, type, to ? to->ino : f->ino);
}

static int fill_dir(struct fs *fs, struct inode *n, struct dir *d)
{
	d->node = n;
	int r = add_entry(d, ".", NULL, S_IFDIR, SOME_INO);
	if (!r)
		r = add_entry(d, "..", NULL, S_IFDIR, SOME_INO);
	if (r || n->kind == NODE_VIEW)
		return r ? r : view_list(fs, n, add_view, d);
	if (n->file == fs->tree.root)
		r = add_entry(d, VIEW_NAME, NULL, S_IFDIR, SOME_INO);
	if (!r)
		r = namei_list(fs, n->file);
	if (r)
		return r;
	lock_acquire(&fs->tree.lock);
	d->folder = n->file;
	d->news = n->file->news;
	size_t pos = 0;
	for (struct file *f; !r && (f = map_next(&n->file->by_shown, &pos));)
		r = add_file(fs, d, f);
	lock_release(&fs->tree.lock);
	return r;
}

void op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct fs *fs = reply_begin(req);
	struct inode *n = reply_node(req, ino);
	if (!n)
		return;
	struct dir *d = calloc(1, sizeof *d);
	int r = d ? fill_dir(fs, n, d) : err_set(-ENOMEM, "no memory to list a folder");
	if (r) {
		if (d)
			dir_free(d);
		reply_error(req, "opendir", ino, NULL, r);
		return;
	}
	fi->fh = (uint64_t)(uintptr_t)d;
	fi->cache_readdir = fi->keep_cache = n->kind == NODE_FOLDER; /* the change feed drops it */
	lock_assert_none();
	if (fuse_reply_open(req, fi) != 0)
		dir_free(d);
}

static struct dir *dir_of(const struct fuse_file_info *fi) { return (struct dir *)(uintptr_t)fi->fh; }

/* The entry with one more nlookup, or with nodeid 0: "no attributes wanted". */
static void entry_of(struct fs *fs, const struct dir *d, const struct dir_entry *one, struct fuse_entry_param *e)
{
	struct inode *n;
	*e = (struct fuse_entry_param){ .attr.st_mode = one->type, .attr.st_ino = one->ino };
	if (!one->file)
		return;
	lock_acquire(&fs->tree.lock);
	struct file *to = shortcut_known(&fs->tree, one->file);
	if (to && !tree_is_link(&fs->tree, one->file) && one->file->state != FILE_UNKNOWN && !file_gone(one->file) && one->file->shown && strcmp(one->file->shown, one->name) == 0 &&
	    inode_entry(&fs->tree, d->node, one->file, to, &n) == 0)
		reply_fill(fs, n, e);
	lock_release(&fs->tree.lock);
}

/* The kernel may have kept what it was told from this snapshot after the news that came since: it has
 * taken in the last answer when it asks for the next, or closes the folder, and drops it once more. */
static void inval_stale(struct fs *fs, const struct dir *d)
{
	struct inval inval = { 0 };
	lock_acquire(&fs->tree.lock);
	if (d->folder && d->folder->news != d->news)
		inval_node_listing(&inval, d->node);
	lock_release(&fs->tree.lock);
	if (inval.count)
		notify_later(fs->notify, &inval);
}

void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	struct fs *fs = reply_begin(req);
	struct dir *d = dir_of(fi);
	CLEANUP_FREE char *buf = malloc(size);
	size_t used = 0;
	(void)ino;
	inval_stale(fs, d);
	for (size_t i = (size_t)off; buf && i < d->count; i++) {
		struct stat st = { .st_mode = d->all[i].type, .st_ino = d->all[i].ino };
		size_t n = fuse_add_direntry(req, buf + used, size - used, d->all[i].name, &st, (off_t)i + 1);
		if (n > size - used)
			break;
		used += n;
	}
	if (buf)
		fuse_reply_buf(req, buf, used);
	else
		fuse_reply_err(req, ENOMEM);
}

void op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	struct fs *fs = reply_begin(req);
	struct dir *d = dir_of(fi);
	CLEANUP_FREE char *buf = malloc(size);
	size_t used = 0;
	(void)ino;
	inval_stale(fs, d);
	for (size_t i = (size_t)off; buf && i < d->count; i++) {
		struct fuse_entry_param e;
		/* Asked before the entry gets its reference: one that does not fit must have none. */
		if (fuse_add_direntry_plus(req, NULL, 0, d->all[i].name, NULL, 0) > size - used)
			break;
		entry_of(fs, d, &d->all[i], &e);
		used += fuse_add_direntry_plus(req, buf + used, size - used, d->all[i].name, &e, (off_t)i + 1);
	}
	lock_assert_none();
	if (buf)
		fuse_reply_buf(req, buf, used);
	else
		fuse_reply_err(req, ENOMEM);
}

void op_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct fs *fs = reply_begin(req);
	(void)ino;
	inval_stale(fs, dir_of(fi));
	dir_free(dir_of(fi));
	fuse_reply_err(req, 0);
}
