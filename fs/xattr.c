/* SPDX-License-Identifier: MIT */
/* Extended attributes: what Drive says of a file, and its description, which can be written.
 * Outside "user." the answer is EOPNOTSUPP at once: the kernel asks for security.capability before
 * every write, and ls for ACLs of every file. */
#include "fs/control.h"
#include "fs/namei.h"
#include "fs/reply.h"

#include <linux/limits.h>
#include <string.h>
#include <sys/xattr.h>

#define DESCRIPTION "user.drive.description"
static const char *const names[] = { DESCRIPTION, "user.drive.id", "user.drive.md5", "user.drive.revision" };
enum { NAMES = sizeof names / sizeof *names };

static void hex(struct buf *b, const uint8_t *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf_printf(b, "%02x", bytes[i]);
}

/* The value of names[i]; nothing added: the file has none. */
static void value_of(struct fs *fs, struct inode *n, size_t i, struct buf *ret) REQUIRES(fs->tree.lock)
{
	const struct file *f = n->file;
	bool bytes = n->kind == NODE_FILE;
	if (i == 0 && f->description)
		buf_str(ret, f->description);
	else if (i == 1)
		buf_str(ret, f->id);
	else if (i == 2 && bytes && n->content.has_md5 && n->content.revision[0])
		hex(ret, n->content.md5, sizeof n->content.md5);
	else if (i == 3 && bytes)
		buf_str(ret, n->content.revision);
	(void)fs;
}

static void reply_value(fuse_req_t req, const struct buf *b, size_t size)
{
	lock_assert_none();
	if (b->failed)
		fuse_reply_err(req, ENOMEM);
	else if (!size)
		fuse_reply_xattr(req, b->len);
	else if (size < b->len)
		fuse_reply_err(req, ERANGE);
	else
		fuse_reply_buf(req, b->data, b->len);
}

/* Index in names[]; NAMES: another one of "user."; -EOPNOTSUPP else. */
static int index_of(const char *name)
{
	if (strncmp(name, "user.", 5) != 0)
		return -EOPNOTSUPP;
	int i = 0;
	while (i < NAMES && strcmp(names[i], name) != 0)
		i++;
	return i;
}

void op_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size)
{
	int i = index_of(name);
	if (i < 0) {
		fuse_reply_err(req, -i);
		return;
	}
	struct fs *fs = reply_begin(req);
	struct inode *n = reply_node(req, ino);
	CLEANUP_BUF struct buf b = BUF_INIT(XATTR_SIZE_MAX);
	if (!n)
		return;
	if (n->file == fs->tree.root && n->kind == NODE_FOLDER && strcmp(name, CONTROL_XATTR) == 0) {
		buf_str(&b, fs->cache_dir);
	} else if (i < NAMES && n->kind != NODE_VIEW) {
		lock_acquire(&fs->tree.lock);
		value_of(fs, n, (size_t)i, &b);
		lock_release(&fs->tree.lock);
	}
	if (b.len || b.failed)
		reply_value(req, &b, size);
	else
		fuse_reply_err(req, ENODATA);
}

/* Only what can be written as well: programs that copy a file copy what is listed. */
void op_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size)
{
	struct fs *fs = reply_begin(req);
	struct inode *n = reply_node(req, ino);
	CLEANUP_BUF struct buf b = BUF_INIT(XATTR_LIST_MAX);
	if (!n)
		return;
	lock_acquire(&fs->tree.lock);
	bool described = n->kind != NODE_VIEW && n->file->description;
	lock_release(&fs->tree.lock);
	if (described)
		buf_add(&b, DESCRIPTION, sizeof DESCRIPTION);
	reply_value(req, &b, size);
}

/* Of a file that Drive does not know yet it is kept, and goes with the upload. */
static int describe(struct fs *fs, struct inode *n, const char *text)
{
	const struct drive_edit e = { .description = text, .mtime_ms = n->kind == NODE_FILE ? n->content.mtime_ms : -1 };
	lock_acquire(&fs->tree.lock);
	bool known = n->file->id[0];
	if (!known) {
		free(n->file->description);
		n->file->description = *text ? strdup(text) : NULL;
	}
	lock_release(&fs->tree.lock);
	return known ? namei_edit(fs, n->file, &e) : 0;
}

static int set(struct fs *fs, struct inode *n, const char *name, const char *value, size_t size, int flags)
{
	int i = index_of(name);
	if (i < 0)
		return i;
	if (i == NAMES)
		return err_set(-EOPNOTSUPP, "%s: only " DESCRIPTION " can be written", name);
	if (i > 0)
		return err_set(-EPERM, "%s is Drive's: only " DESCRIPTION " can be written", name);
	if (memchr(value, 0, size))
		return err_set(-EINVAL, DESCRIPTION " is text: it cannot hold a NUL byte");
	lock_acquire(&fs->tree.lock);
	bool there = n->file->description;
	lock_release(&fs->tree.lock);
	if ((flags & XATTR_CREATE) && there)
		return -EEXIST;
	if ((flags & XATTR_REPLACE) && !there)
		return -ENODATA;
	CLEANUP_FREE char *text = strndup(value, size);
	return text ? describe(fs, n, text) : err_set(-ENOMEM, "no memory for a description");
}

void op_setxattr(fuse_req_t req, fuse_ino_t ino, const char *name, const char *value, size_t size, int flags)
{
	struct fs *fs = reply_begin(req);
	struct inode *n = reply_node(req, ino);
	if (!n)
		return;
	if (n->kind == NODE_VIEW || fs_offline(fs)) {
		reply_read_only(req, "setxattr", ino, NULL);
		return;
	}
	int r = set(fs, n, name, value, size, flags);
	if (r)
		reply_error(req, "setxattr", ino, NULL, r);
	else
		fuse_reply_err(req, 0);
}

void op_removexattr(fuse_req_t req, fuse_ino_t ino, const char *name)
{
	struct fs *fs = reply_begin(req);
	struct inode *n = reply_node(req, ino);
	if (!n)
		return;
	if (n->kind == NODE_VIEW || fs_offline(fs)) {
		reply_read_only(req, "removexattr", ino, NULL);
		return;
	}
	int r = set(fs, n, name, "", 0, XATTR_REPLACE);
	if (r)
		reply_error(req, "removexattr", ino, NULL, r);
	else
		fuse_reply_err(req, 0);
}
