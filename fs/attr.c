/* SPDX-License-Identifier: MIT */
/* Attributes: getattr, setattr, statfs. */
#include "fs/attr.h"

#include "fs/handle.h"
#include "fs/namei.h"
#include "fs/owners.h"
#include "fs/quota.h"
#include "fs/reply.h"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <time.h>

void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)fi;
	reply_begin(req);
	struct inode *n = reply_node(req, ino);
	if (n)
		reply_attr(req, n);
}

static int64_t to_wall_ms(const struct timespec *t) { return (int64_t)t->tv_sec * 1000 + t->tv_nsec / 1000000; }

static int set_mtime(struct fs *fs, struct inode *n, int64_t mtime_ms)
{
	if (n->kind == NODE_FILE && handle_set_mtime(fs, n, mtime_ms))
		return 0;
	const struct drive_edit e = { .mtime_ms = mtime_ms };
	return n->file->id[0] ? namei_edit(fs, n->file, &e) : 0;
}

/* truncate(2) has no descriptor and no close(): what it changes is published before it returns. */
static int attr_truncate(struct fs *fs, struct inode *n, uint64_t size)
{
	struct handle *h;
	int r = handle_open(fs, n, O_WRONLY, 0, &h);
	if (r)
		return r;
	r = handle_truncate(fs, h, size);
	if (!r)
		r = handle_fsync(fs, h);
	handle_release(fs, h);
	return r;
}

static int set_size(struct fs *fs, struct inode *n, uint64_t size, const struct fuse_file_info *fi)
{
	if (n->kind != NODE_FILE)
		return err_set(-EISDIR, "a folder has no size");
	if (size > DRIVE_FILE_MAX)
		return err_set(-EFBIG, "Drive takes no file of more than 5 TiB");
	return fi ? handle_truncate(fs, (struct handle *)(uintptr_t)fi->fh, size) : attr_truncate(fs, n, size);
}

/* The last threads that made files or folders here. */
enum { MAKERS_MAX = 32 };
static pid_t makers[MAKERS_MAX];
static unsigned next_maker;

void attr_made_by(pid_t tid)
{
	unsigned at = __atomic_load_n(&next_maker, __ATOMIC_RELAXED);
	if (__atomic_load_n(&makers[(at + MAKERS_MAX - 1) % MAKERS_MAX], __ATOMIC_RELAXED) != tid)
		__atomic_store_n(&makers[__atomic_fetch_add(&next_maker, 1, __ATOMIC_RELAXED) % MAKERS_MAX], tid, __ATOMIC_RELAXED);
}

static bool has_made(pid_t tid)
{
	bool found = false;
	for (unsigned i = 0; i < MAKERS_MAX && !found; i++)
		found = __atomic_load_n(&makers[i], __ATOMIC_RELAXED) == tid;
	return found;
}

/* Drive keeps neither owner nor mode. Who makes copies (`cp -a`, `rsync -a`, `tar x` as root) sets those of its
 * source beside the bytes, which are what matters: a mode is passed over, an owner is kept while the mount
 * lives. To chown(1), which does nothing else, that would be a lie. With -o strict neither is taken. */
static int take_owner_and_mode(struct fs *fs, struct inode *n, pid_t tid, const struct stat *st, int which)
{
	struct stat now;
	lock_acquire(&fs->tree.lock);
	reply_stat(fs, n, &now);
	lock_release(&fs->tree.lock);
	bool owner = ((which & FUSE_SET_ATTR_UID) && st->st_uid != now.st_uid) ||
		     ((which & FUSE_SET_ATTR_GID) && st->st_gid != now.st_gid);
	if (owner && (fs->config->strict || !has_made(tid)))
		return err_set(-EPERM, "files in Drive have no other owner than the mount's");
	if (fs->config->strict && (which & FUSE_SET_ATTR_MODE) && ((st->st_mode ^ now.st_mode) & 07777))
		return err_set(-EPERM, "files in Drive have no other mode than the mount's");
	if (owner)
		owners_set(n->file->ino, which & FUSE_SET_ATTR_UID ? st->st_uid : (uid_t)-1,
			   which & FUSE_SET_ATTR_GID ? st->st_gid : (gid_t)-1);
	return 0;
}

static int set_attributes(struct fs *fs, struct inode *n, pid_t tid, const struct stat *st, int which,
			  const struct fuse_file_info *fi)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	int r = take_owner_and_mode(fs, n, tid, st, which);
	if (!r && (which & FUSE_SET_ATTR_SIZE))
		r = set_size(fs, n, (uint64_t)st->st_size, fi);
	if (!r && (which & FUSE_SET_ATTR_MTIME_NOW))
		r = set_mtime(fs, n, to_wall_ms(&now));
	else if (!r && (which & FUSE_SET_ATTR_MTIME))
		r = set_mtime(fs, n, to_wall_ms(&st->st_mtim));
	return r;
}

void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *st, int which, struct fuse_file_info *fi)
{
	struct fs *fs = reply_begin(req);
	struct inode *n = reply_node(req, ino);
	if (!n)
		return;
	if (n->kind == NODE_VIEW || fs_offline(fs)) {
		reply_read_only(req, "setattr", ino, NULL);
		return;
	}
	reply_saving(fs, true);
	int r = set_attributes(fs, n, fuse_req_ctx(req)->pid, st, which, fi);
	reply_saving(fs, false);
	if (r)
		reply_error(req, "setattr", ino, NULL, r);
	else
		reply_attr(req, n);
}

enum { FS_BLOCK = 4096 };

void op_statfs(fuse_req_t req, fuse_ino_t ino)
{
	struct fs *fs = reply_begin(req);
	struct drive_about q;
	(void)ino;
	quota_get(fs, &q);
	uint64_t limit = q.limit ? q.limit : (uint64_t)1 << 50, left = limit > q.usage ? limit - q.usage : 0;
	struct statvfs st = {
		.f_bsize = FS_BLOCK, .f_frsize = FS_BLOCK,
		.f_blocks = limit / FS_BLOCK, .f_bfree = left / FS_BLOCK, .f_bavail = left / FS_BLOCK,
		.f_files = 1000000000, .f_ffree = 1000000000, .f_favail = 1000000000,
		.f_namemax = 255,
	};
	lock_assert_none();
	fuse_reply_statfs(req, &st);
}
