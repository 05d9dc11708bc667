/* SPDX-License-Identifier: MIT */
#include "fs/ops.h"

#include "fs/attr.h"
#include "fs/namei.h"
#include "fs/rename.h"
#include "fs/shortcut.h"
#include "fs/handle.h"
#include "fs/log.h"
#include "fs/notify.h"
#include "fs/readbuf.h"
#include "fs/reply.h"
#include "fs/view.h"

#include <fcntl.h>
#include <string.h>

static struct handle *handle_of(const struct fuse_file_info *fi) { return (struct handle *)(uintptr_t)fi->fh; }

static void done(fuse_req_t req, const char *op, fuse_ino_t ino, const char *name, int r)
{
	if (r) {
		reply_error(req, op, ino, name, r);
		return;
	}
	lock_assert_none();
	fuse_reply_err(req, 0);
}

/* Is `name` in `dir` something that only saved_model/ can make or remove? */
static bool in_view(struct fs *fs, const struct inode *dir, const char *name)
{
	return dir->kind == NODE_VIEW || (dir->file == fs->tree.root && strcmp(name, VIEW_NAME) == 0);
}

static bool cannot_change(struct fs *fs, const struct inode *dir, const char *name)
{
	return fs_offline(fs) || in_view(fs, dir, name);
}

/* ---- names */

/* Reads ahead that the kernel has under way at once: with its default of 12, a dozen that hang would
 * hold up all others. */
enum { BACKGROUND_MAX = 512 };

static void op_init(void *userdata, struct fuse_conn_info *conn)
{
	(void)userdata;
	conn->time_gran = 1000000;			/* Drive keeps milliseconds */
	conn->max_background = BACKGROUND_MAX;
	conn->congestion_threshold = BACKGROUND_MAX / 4 * 3;
	conn->want &= ~FUSE_CAP_WRITEBACK_CACHE;	/* it would own size and errors, and forbid passthrough */
	conn->want &= ~(FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE);
}

static void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fs *fs = reply_begin(req);
	struct inode *dir = reply_node(req, parent), *n;
	if (!dir)
		return;
	int r;
	if (dir->kind == NODE_VIEW)
		r = view_lookup(fs, dir, name, &n);
	else if (in_view(fs, dir, name))
		r = view_root(fs, &n);
	else
		r = namei_lookup(fs, dir, name, &n);
	if (!r) {
		reply_entry(req, n);
	} else if (r == -ENOENT) { /* kept by the kernel as well; the change feed corrects it */
		struct fuse_entry_param none = { .entry_timeout = dir->kind == NODE_VIEW ? 0 : NAME_KEEP_S };
		fuse_reply_entry(req, &none);
	} else {
		reply_error(req, "lookup", parent, name, r);
	}
}

static void forget_one(struct fs *fs, fuse_ino_t ino, uint64_t nlookup)
{
	lock_acquire(&fs->tree.lock);
	struct inode *n = inode_get(&fs->tree, ino);
	if (n)
		inode_forget(&fs->tree, n, nlookup, 0);
	lock_release(&fs->tree.lock);
}

static void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t nlookup)
{
	forget_one(fuse_req_userdata(req), ino, nlookup);
	fuse_reply_none(req);
}

static void op_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets)
{
	for (size_t i = 0; i < count; i++)
		forget_one(fuse_req_userdata(req), forgets[i].ino, forgets[i].nlookup);
	fuse_reply_none(req);
}

static void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	struct fs *fs = reply_begin(req);
	struct inode *dir = reply_node(req, parent), *n;
	(void)mode;
	if (!dir)
		return;
	if (cannot_change(fs, dir, name)) {
		reply_read_only(req, "mkdir", parent, name);
		return;
	}
	reply_saving(fs, true);
	attr_made_by(fuse_req_ctx(req)->pid);
	int r = namei_mkdir(fs, dir, name, &n);
	reply_saving(fs, false);
	if (r)
		reply_error(req, "mkdir", parent, name, r);
	else
		reply_entry(req, n);
}

static void removed(fuse_req_t req, const char *op, fuse_ino_t parent, const char *name, int r)
{
	if (!r)
		reply_log_removed(fuse_req_userdata(req), op, parent, name);
	done(req, op, parent, name, r);
}

/* An empty file, in Drive when this returns: there is no close() that could tell. */
static int make_file(struct fs *fs, struct inode *dir, const char *name, pid_t tid, struct inode **ret)
{
	struct handle *h;
	int r = namei_create(fs, dir, name, ret);
	if (r)
		return r;
	r = handle_create(fs, *ret, O_WRONLY, tid, &h);
	if (!r) {
		r = handle_fsync(fs, h);
		handle_release(fs, h);
	} else {
		namei_uncreate(fs, *ret);
	}
	if (r)
		forget_one(fs, (*ret)->id, 1);
	return r;
}

static void op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t rdev)
{
	struct fs *fs = reply_begin(req);
	struct inode *dir = reply_node(req, parent), *n;
	(void)rdev;
	if (!dir)
		return;
	if (cannot_change(fs, dir, name)) {
		reply_read_only(req, "mknod", parent, name);
		return;
	}
	reply_saving(fs, true);
	attr_made_by(fuse_req_ctx(req)->pid);
	int r = S_ISREG(mode) ? make_file(fs, dir, name, fuse_req_ctx(req)->pid, &n)
			      : err_set(-EPERM, "Drive holds files and folders only");
	reply_saving(fs, false);
	if (r)
		reply_error(req, "mknod", parent, name, r);
	else
		reply_entry(req, n);
}

static void op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fs *fs = reply_begin(req);
	struct inode *dir = reply_node(req, parent);
	if (!dir)
		return;
	if (cannot_change(fs, dir, name)) {
		reply_read_only(req, "unlink", parent, name);
		return;
	}
	reply_saving(fs, true);
	int r = namei_unlink(fs, dir, name);
	reply_saving(fs, false);
	removed(req, "unlink", parent, name, r);
}

static void op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fs *fs = reply_begin(req);
	struct inode *dir = reply_node(req, parent);
	if (!dir)
		return;
	if (cannot_change(fs, dir, name)) {
		reply_read_only(req, "rmdir", parent, name);
		return;
	}
	reply_saving(fs, true);
	int r = namei_rmdir(fs, dir, name);
	reply_saving(fs, false);
	removed(req, "rmdir", parent, name, r);
}

static void op_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t newparent, const char *newname,
		      unsigned int flags)
{
	struct fs *fs = reply_begin(req);
	struct inode *from = reply_node(req, parent), *to = from ? reply_node(req, newparent) : NULL;
	if (!to)
		return;
	if (cannot_change(fs, from, name) || cannot_change(fs, to, newname)) {
		reply_read_only(req, "rename", parent, name);
		return;
	}
	reply_saving(fs, true);
	int r = rename_entry(fs, from, name, to, newname, flags);
	reply_saving(fs, false);
	if (!r)
		reply_log_rename(fs, parent, name, newparent, newname);
	done(req, "rename", parent, name, r);
}

static void refuse_link(fuse_req_t req, const char *op, fuse_ino_t parent, const char *name)
{
	reply_begin(req);
	reply_error(req, op, parent, name, err_set(-EPERM, "Drive holds files and folders only: store a copy"));
}

static void op_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t newparent, const char *newname)
{
	(void)ino;
	refuse_link(req, "link", newparent, newname);
}

static void op_symlink(fuse_req_t req, const char *link, fuse_ino_t parent, const char *name)
{
	(void)link;
	refuse_link(req, "symlink", parent, name);
}

static void op_readlink(fuse_req_t req, fuse_ino_t ino)
{
	struct fs *fs = reply_begin(req);
	struct inode *n = reply_node(req, ino);
	CLEANUP_BUF struct buf text = BUF_INIT(4096);
	if (!n)
		return;
	int r = n->kind == NODE_LINK ? shortcut_read(fs, n, &text) : -EINVAL;
	if (r) {
		reply_error(req, "readlink", ino, NULL, r);
		return;
	}
	lock_assert_none();
	fuse_reply_readlink(req, text.data);
}

/* ---- open files */

static void close_handle(struct fs *fs, struct handle *h)
{
	handle_release(fs, h);
	__atomic_sub_fetch(&fs->handles, 1, __ATOMIC_RELAXED);
}

static void reply_open(fuse_req_t req, struct fs *fs, struct handle *h, struct fuse_file_info *fi)
{
	fi->fh = (uint64_t)(uintptr_t)h;
	__atomic_add_fetch(&fs->handles, 1, __ATOMIC_RELAXED);
	fi->keep_cache = 1; /* new content is a new node, so what the kernel keeps of this one is right */
	lock_assert_none();
	if (fuse_reply_open(req, fi) != 0)
		close_handle(fs, h);
}

static void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct fs *fs = reply_begin(req);
	struct inode *n = reply_node(req, ino);
	struct handle *h;
	if (!n)
		return;
	bool changes = (fi->flags & O_ACCMODE) != O_RDONLY || (fi->flags & O_TRUNC);
	if (changes && (n->kind == NODE_VIEW || fs_offline(fs))) {
		reply_read_only(req, "open", ino, NULL);
		return;
	}
	if (changes)
		attr_made_by(fuse_req_ctx(req)->pid);
	int r = n->kind == NODE_VIEW ? view_open(fs, n, &h) : handle_open(fs, n, fi->flags, fuse_req_ctx(req)->pid, &h);
	if (r)
		reply_error(req, "open", ino, NULL, r);
	else
		reply_open(req, fs, h, fi);
}

static void reply_create(fuse_req_t req, struct fs *fs, struct inode *n, struct handle *h, struct fuse_file_info *fi)
{
	struct fuse_entry_param e;
	fi->fh = (uint64_t)(uintptr_t)h;
	fi->keep_cache = 1;
	__atomic_add_fetch(&fs->handles, 1, __ATOMIC_RELAXED);
	lock_acquire(&fs->tree.lock);
	reply_fill(fs, n, &e);
	lock_release(&fs->tree.lock);
	lock_assert_none();
	if (fuse_reply_create(req, &e, fi) != 0) {
		close_handle(fs, h);
		forget_one(fs, n->id, 1);
	}
}

static void op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, struct fuse_file_info *fi)
{
	struct fs *fs = reply_begin(req);
	struct inode *dir = reply_node(req, parent), *n;
	struct handle *h;
	(void)mode;
	if (!dir)
		return;
	if (cannot_change(fs, dir, name)) {
		reply_read_only(req, "create", parent, name);
		return;
	}
	attr_made_by(fuse_req_ctx(req)->pid);
	int r = namei_create(fs, dir, name, &n);
	bool made = !r;
	if (r == -EEXIST && !(fi->flags & O_EXCL)) /* made on another host since the kernel looked */
		r = namei_lookup(fs, dir, name, &n);
	if (!r && n->kind != NODE_FILE) {
		forget_one(fs, n->id, 1);
		r = n->kind == NODE_FOLDER ? -EISDIR : -ELOOP;
	}
	if (!r) {
		r = n->file->id[0] ? handle_open(fs, n, fi->flags, fuse_req_ctx(req)->pid, &h)
				   : handle_create(fs, n, fi->flags, fuse_req_ctx(req)->pid, &h);
		if (r) {
			if (made)
				namei_uncreate(fs, n);
			forget_one(fs, n->id, 1);
		}
	}
	if (r)
		reply_error(req, "create", parent, name, r);
	else
		reply_create(req, fs, n, h, fi);
}

static void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	struct fs *fs = reply_begin_read(req);
	void *buf = readbuf_take(size);
	ssize_t n = buf ? handle_read(fs, handle_of(fi), buf, size, (uint64_t)off) : err_nomem("a read");
	lock_assert_none();
	if (n < 0)
		reply_error(req, "read", ino, NULL, (int)n);
	else
		fuse_reply_buf(req, buf, (size_t)n);
	readbuf_put(buf);
}

static void op_write(fuse_req_t req, fuse_ino_t ino, const char *buf, size_t size, off_t off, struct fuse_file_info *fi)
{
	struct fs *fs = reply_begin(req);
	int r = (uint64_t)off > DRIVE_FILE_MAX - size ? err_set(-EFBIG, "Drive takes no file of more than 5 TiB") : handle_write(fs, handle_of(fi), fuse_req_ctx(req)->pid, buf, size, (uint64_t)off);
	if (r) {
		reply_error(req, "write", ino, NULL, r);
		return;
	}
	lock_assert_none();
	fuse_reply_write(req, size);
}

static void op_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct fs *fs = reply_begin(req);
	reply_saving(fs, true);
	int r = handle_flush(fs, handle_of(fi), fuse_req_ctx(req)->pid);
	reply_saving(fs, false);
	done(req, "close", ino, NULL, r);
}

static void op_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
	struct fs *fs = reply_begin(req);
	(void)datasync;
	reply_saving(fs, true);
	int r = handle_fsync(fs, handle_of(fi));
	reply_saving(fs, false);
	done(req, "fsync", ino, NULL, r);
}

static void op_fsyncdir(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
	(void)ino, (void)datasync, (void)fi;
	fuse_reply_err(req, 0); /* a name is in Drive before the call that made it returns */
}

static void op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct fs *fs = reply_begin_release(req);
	(void)ino;
	reply_saving(fs, true);
	close_handle(fs, handle_of(fi));
	reply_saving(fs, false);
	fuse_reply_err(req, 0);
}

const struct fuse_lowlevel_ops ops = {
	.init = op_init,
	.lookup = op_lookup,
	.forget = op_forget,
	.forget_multi = op_forget_multi,
	.getattr = op_getattr,
	.setattr = op_setattr,
	.mkdir = op_mkdir,
	.mknod = op_mknod,
	.unlink = op_unlink,
	.rmdir = op_rmdir,
	.rename = op_rename,
	.link = op_link,
	.symlink = op_symlink,
	.readlink = op_readlink,
	.open = op_open,
	.create = op_create,
	.read = op_read,
	.write = op_write,
	.flush = op_flush,
	.release = op_release,
	.fsync = op_fsync,
	.fsyncdir = op_fsyncdir,
	.opendir = op_opendir,
	.readdir = op_readdir,
	.readdirplus = op_readdirplus,
	.releasedir = op_releasedir,
	.statfs = op_statfs,
	.setxattr = op_setxattr,
	.getxattr = op_getxattr,
	.listxattr = op_listxattr,
	.removexattr = op_removexattr,
};
