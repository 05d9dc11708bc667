/* SPDX-License-Identifier: MIT */
/* What ops.c and dir.c share: the start and the end of an operation. */
#ifndef DFM_FS_REPLY_H
#define DFM_FS_REPLY_H
#include "fs/ops.h"

/* How long the kernel may keep attributes, in seconds: the change feed corrects them. */
#define KEEP_S 3600.0
/* How long the kernel may keep the name of `n`. Names in a mirrored folder of saved_model/ are asked
 * for each time: a new save makes a new folder of the same name, and everything in that is as
 * lasting as the revision. */
double reply_keep_s(const struct inode *n);

/* Clears this thread's error and lets cancelled() see the interrupts of `req`. */
struct fs *reply_begin(fuse_req_t req);
/* The same for a read, which ends with the mount. */
struct fs *reply_begin_read(fuse_req_t req);
/* The same for a release, for which nobody waits: what is unsaved is saved whatever happens to the caller. */
struct fs *reply_begin_release(fuse_req_t req);
/* Reply -err and log it once, as "op path: why", unless it is an everyday answer. `parent` and
 * `name` say what it was about; name NULL: parent itself. */
void reply_error(fuse_req_t req, const char *op, fuse_ino_t parent, const char *name, int err);
/* What was done to a name, one line at info. */
void reply_log_removed(struct fs *fs, const char *op, fuse_ino_t parent, const char *name);
void reply_log_rename(struct fs *fs, fuse_ino_t parent, const char *name, fuse_ino_t newparent, const char *newname);
/* -EROFS with the line that says why. */
void reply_read_only(fuse_req_t req, const char *op, fuse_ino_t parent, const char *name);
/* Reply an entry with the reference that it already has; takes it back if the kernel has gone. */
void reply_entry(fuse_req_t req, struct inode *n);
void reply_attr(fuse_req_t req, struct inode *n);
/* stat() of a node. */
void reply_stat(struct fs *fs, struct inode *n, struct stat *st) REQUIRES(fs->tree.lock);
/* Entry parameters of a node. */
void reply_fill(struct fs *fs, struct inode *n, struct fuse_entry_param *e) REQUIRES(fs->tree.lock);
/* The node of a nodeid; the kernel holds a reference while the operation runs. NULL: replied ESTALE. */
struct inode *reply_node(fuse_req_t req, fuse_ino_t ino);

/* Around what may be uploading, or changing names in Drive: the end of the mount waits for it (-o drain). */
void reply_saving(struct fs *fs, bool begin);

/* attr.c */
void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *st, int which, struct fuse_file_info *fi);
void op_statfs(fuse_req_t req, fuse_ino_t ino);

/* dir.c */
void op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi);
void op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi);
void op_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);

/* xattr.c */
void op_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size);
void op_setxattr(fuse_req_t req, fuse_ino_t ino, const char *name, const char *value, size_t size, int flags);
void op_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size);
void op_removexattr(fuse_req_t req, fuse_ino_t ino, const char *name);
#endif
