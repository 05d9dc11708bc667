/* SPDX-License-Identifier: MIT */
#include "fs/reply.h"

#include "fs/shortcut.h"
#include "fs/handle.h"
#include "fs/log.h"
#include "fs/notify.h"
#include "fs/owners.h"

#include <stdio.h>
#include <string.h>

static bool mount_is_ending(void *ctx) { return __atomic_load_n(&((struct fs *)ctx)->stopping, __ATOMIC_RELAXED); }

/* The kernel tells of the first signal only, whatever it is, and of no later one: from there on the caller
 * is looked at. An alarm or a child's end is no reason to give up, and the program would not expect it. */
static bool interrupted(void *ctx)
{
	return mount_is_ending(fuse_req_userdata(ctx)) ||
	       (fuse_req_interrupted(ctx) && writers_fatal(fuse_req_ctx(ctx)->pid));
}

/* The kernel reads ahead for processes that have gone since, and interrupts nothing of that: an
 * unmount would wait for bytes that nobody can get any more. */
static bool useless(void *ctx)
{
	struct fs *fs = fuse_req_userdata(ctx);
	return interrupted(ctx) || fuse_session_exited(fs->session);
}

struct fs *reply_begin_read(fuse_req_t req)
{
	err_clear();
	(void)log_said(); /* of the request before, which this thread answered */
	cancel_set(useless, req);
	return fuse_req_userdata(req);
}

struct fs *reply_begin_release(fuse_req_t req)
{
	err_clear();
	(void)log_said(); /* of the request before, which this thread answered */
	cancel_set(mount_is_ending, fuse_req_userdata(req));
	return fuse_req_userdata(req);
}

void reply_saving(struct fs *fs, bool begin)
{
	__atomic_add_fetch(&fs->saving, begin ? 1u : ~0u, __ATOMIC_RELAXED);
}

struct fs *reply_begin(fuse_req_t req)
{
	err_clear();
	(void)log_said(); /* of the request before, which this thread answered */
	cancel_set(interrupted, req);
	writers_set_caller(fuse_req_ctx(req)->pid);
	return fuse_req_userdata(req);
}

/* "a/b/name" for a message; the caller frees. */
static char *path_of(struct fs *fs, fuse_ino_t parent, const char *name)
{
	CLEANUP_BUF struct buf b = BUF_INIT(64 << 10);
	lock_acquire(&fs->tree.lock);
	struct inode *n = inode_get(&fs->tree, parent);
	CLEANUP_FREE char *at = n ? tree_path(&fs->tree, n->file) : NULL;
	if (n && n->kind == NODE_VIEW)
		buf_str(&b, VIEW_NAME "/");
	lock_release(&fs->tree.lock);
	if (at && strcmp(at, ".") != 0)
		buf_printf(&b, "%s%s", at, name ? "/" : "");
	buf_str(&b, name ? name : "");
	return buf_take(&b);
}

/* Errors that programs ask for every day, and that say all there is to say. */
static bool everyday(int err)
{
	static const int errors[] = { ENOENT, EEXIST, ENOTEMPTY, ENODATA, EOPNOTSUPP, EISDIR, ENOTDIR, ERANGE, EINTR, ESTALE };
	for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
		if (err == -errors[i])
			return true;
	return false;
}

void reply_error(fuse_req_t req, const char *op, fuse_ino_t parent, const char *name, int err)
{
	struct fs *fs = fuse_req_userdata(req);
	/* That a name is gone is everyday; that bytes are, is not. */
	bool quiet = (everyday(err) && (err != -ESTALE || strcmp(op, "read") != 0)) || log_said();
	if (!quiet || log_wants(LOG_LEVEL_DEBUG)) {
		CLEANUP_FREE char *path = path_of(fs, parent, name);
		const char *why = *err_last() ? err_last() : strerror(-err);
		if (quiet)
			log_debug(op, "%s: %s", path ? path : "?", why);
		else
			log_error(op, "%s: %s", path ? path : "?", why);
	}
	lock_assert_none();
	fuse_reply_err(req, -err);
}

void reply_log_removed(struct fs *fs, const char *op, fuse_ino_t parent, const char *name)
{
	CLEANUP_FREE char *path = log_wants(LOG_LEVEL_INFO) ? path_of(fs, parent, name) : NULL;
	if (path)
		log_info(op, "removed \"%s\"", path);
}

void reply_log_rename(struct fs *fs, fuse_ino_t parent, const char *name, fuse_ino_t newparent, const char *newname)
{
	CLEANUP_FREE char *from = log_wants(LOG_LEVEL_INFO) ? path_of(fs, parent, name) : NULL;
	CLEANUP_FREE char *to = from ? path_of(fs, newparent, newname) : NULL;
	if (to)
		log_info("rename", "renamed \"%s\" to \"%s\"", from, to);
}

void reply_read_only(fuse_req_t req, const char *op, fuse_ino_t parent, const char *name)
{
	struct fs *fs = fuse_req_userdata(req);
	reply_error(req, op, parent, name, err_set(-EROFS, "%s", fs_offline(fs) ?
		    "Drive has not been reached since the mount started: read-only until it answers" :
		    VIEW_NAME "/ is made from the models beside it and is read-only: save the model itself"));
}

struct inode *reply_node(fuse_req_t req, fuse_ino_t ino)
{
	struct fs *fs = fuse_req_userdata(req);
	lock_acquire(&fs->tree.lock);
	struct inode *n = inode_get(&fs->tree, ino);
	lock_release(&fs->tree.lock);
	if (!n)
		fuse_reply_err(req, ESTALE);
	return n;
}

static struct timespec to_timespec(int64_t ms)
{
	int64_t s = ms / 1000 - (ms % 1000 < 0);
	return (struct timespec){ s, (long)(ms - s * 1000) * 1000000 };
}

/* By what it is, whatever the path. */
static uint64_t view_ino(const struct inode *n)
{
	char key[4 * DRIVE_ID_MAX];
	snprintf(key, sizeof key, "%s", n->view_key);
	key[strcspn(key, "@")] = 0;
	return map_hash(key) >> 1 | 2;
}

void reply_stat(struct fs *fs, struct inode *n, struct stat *st)
{
	uint64_t size = n->view_size;
	int64_t mtime_ms = n->content.mtime_ms;
	CLEANUP_BUF struct buf text = BUF_INIT(4096);
	bool folder = n->kind == NODE_FOLDER || (n->kind == NODE_VIEW && n->view != VIEW_FILE);
	if (n->kind == NODE_FILE)
		writing_size(n, &size, &mtime_ms);
	else if (n->kind == NODE_FOLDER || n->kind == NODE_LINK)
		mtime_ms = file_mtime_ms(n->file);
	unsigned mask = (unsigned)fs->config->umask, mode = folder ? S_IFDIR | (0777 & ~mask) : S_IFREG | (0666 & ~mask);
	if (n->kind == NODE_VIEW || !n->file->can_edit || n->file->doc)
		mode &= ~0222u;
	if (n->kind == NODE_LINK) {
		shortcut_text(&fs->tree, n, &text);
		size = text.len;
		mode = S_IFLNK | 0777;
	}
	*st = (struct stat){
		.st_ino = n->kind == NODE_VIEW ? view_ino(n) : n->file->ino,
		.st_mode = mode,
		.st_nlink = folder ? 2 : 1,
		.st_uid = fs->uid,
		.st_gid = fs->gid,
		.st_size = folder ? 0 : (off_t)size,
		.st_blocks = folder ? 0 : (blkcnt_t)((size + 511) / 512),
		.st_blksize = 1 << 20, /* Python and stdio size their buffers by it: few, large requests */
	};
	if (n->kind != NODE_VIEW)
		owners_get(n->file->ino, &st->st_uid, &st->st_gid);
	st->st_mtim = st->st_ctim = st->st_atim = to_timespec(mtime_ms);
}

double reply_keep_s(const struct inode *n)
{
	if (n->kind == NODE_VIEW)
		return 0; /* what it shows depends on files of other names */
	if (n->kind == NODE_LINK)
		return 0; /* nothing tells of its mending */
	return n->file->next || n->file->links ? 0 : NAME_KEEP_S; /* the name means one inode or another, by process */
}

void reply_fill(struct fs *fs, struct inode *n, struct fuse_entry_param *e)
{
	*e = (struct fuse_entry_param){ .ino = n->id };
	e->entry_timeout = reply_keep_s(n);
	e->attr_timeout = n->writing || n->kind == NODE_LINK ? 0 : KEEP_S;
	reply_stat(fs, n, &e->attr);
}

void reply_entry(fuse_req_t req, struct inode *n)
{
	struct fs *fs = fuse_req_userdata(req);
	struct fuse_entry_param e;
	lock_acquire(&fs->tree.lock);
	reply_fill(fs, n, &e);
	lock_release(&fs->tree.lock);
	lock_assert_none();
	if (fuse_reply_entry(req, &e) != 0) { /* nobody waits any more: the kernel took no reference */
		lock_acquire(&fs->tree.lock);
		inode_forget(&fs->tree, n, 1, 0);
		lock_release(&fs->tree.lock);
	}
}

void reply_attr(fuse_req_t req, struct inode *n)
{
	struct fs *fs = fuse_req_userdata(req);
	struct fuse_entry_param e;
	lock_acquire(&fs->tree.lock);
	reply_fill(fs, n, &e);
	lock_release(&fs->tree.lock);
	lock_assert_none();
	fuse_reply_attr(req, &e.attr, e.attr_timeout);
}
