/* SPDX-License-Identifier: MIT */
/* Names: what lookup, readdir, mkdir, unlink, rmdir, rename and setattr mean in Drive. No lock may
 * be held by the caller; every function may block on the network. */
#ifndef DFM_FS_NAMEI_H
#define DFM_FS_NAMEI_H
#include "fs/fs.h"

/* Make sure that the folder's listing is known; one request however many ask. A failed or partial
 * answer changes nothing. */
MUST_CHECK int namei_list(struct fs *fs, struct file *folder);
/* Ask Drive for this one file: for who notices that what is known of it is of yesterday (a revision that
 * cannot be had any more), before the change feed tells. A lookup then finds the new content. -ENOENT:
 * it is gone, or out of our sight. */
MUST_CHECK int namei_refresh(struct fs *fs, struct file *f);
/* The child named `name` as Linux sees it, shortcuts followed, as a node with one more nlookup. -ENOENT. */
MUST_CHECK int namei_lookup(struct fs *fs, struct inode *dir, const char *name, struct inode **ret);
/* A new, empty file that only exists here until it is published. -EEXIST, -EILSEQ, -ENAMETOOLONG.
 * The node has one more nlookup. */
MUST_CHECK int namei_create(struct fs *fs, struct file *folder, const char *name, struct inode **ret);
MUST_CHECK int namei_mkdir(struct fs *fs, struct inode *dir, const char *name, struct inode **ret);
/* To Drive's trash: of a shortcut itself, never what it leads to. rmdir: an empty folder only (what is
 * not shown in it counts: -ENOTEMPTY), or a shortcut to any. */
MUST_CHECK int namei_unlink(struct fs *fs, struct file *folder, const char *name);
MUST_CHECK int namei_rmdir(struct fs *fs, struct file *folder, const char *name);
/* `flags` as renameat2(2): RENAME_NOREPLACE or 0, else -EINVAL. What is replaced goes to the trash
 * after the move, so that the name is never without a file in Drive. */
MUST_CHECK int namei_rename(struct fs *fs, struct file *from, const char *name, struct file *to, const char *new_name,
			     unsigned flags);
/* Change description or time of what Drive has. */
MUST_CHECK int namei_edit(struct fs *fs, struct file *f, const struct drive_edit *e);
#endif
