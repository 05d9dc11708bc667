/* SPDX-License-Identifier: MIT */
/* Names: what lookup, readdir, mkdir, unlink, rmdir and setattr mean in Drive. No lock may
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
/* A new, empty file that only exists here until it is published. -EEXIST, -EILSEQ, -ENAMETOOLONG;
 * -ENOENT: the folder is gone in Drive.
 * The node has one more nlookup. */
MUST_CHECK int namei_create(struct fs *fs, struct inode *dir, const char *name, struct inode **ret);
/* What it was made for has failed: there is no such file. */
void namei_uncreate(struct fs *fs, struct inode *n);
MUST_CHECK int namei_mkdir(struct fs *fs, struct inode *dir, const char *name, struct inode **ret);
/* To Drive's trash: of a shortcut itself, never what it leads to. rmdir: an empty folder only (what is
 * not shown in it counts: -ENOTEMPTY), or a shortcut to any. */
MUST_CHECK int namei_unlink(struct fs *fs, struct inode *dir, const char *name);
MUST_CHECK int namei_rmdir(struct fs *fs, struct inode *dir, const char *name);
/* Change description or time of what Drive has. */
MUST_CHECK int namei_edit(struct fs *fs, struct file *f, const struct drive_edit *e);

/* For rename.c. The child, or NULL; Drive's name for one that a user gives (the caller frees), which must
 * come back as what it was given as; to Drive's trash and out of the tree; -ENOTEMPTY. */
MUST_CHECK int namei_find(struct fs *fs, struct file *folder, const char *name, struct file **ret);
MUST_CHECK int namei_drive_name(const char *name, char **ret);
MUST_CHECK int namei_trash(struct fs *fs, struct file *f);
MUST_CHECK int namei_check_empty(struct fs *fs, struct file *f);
#endif
