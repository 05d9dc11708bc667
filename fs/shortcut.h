/* SPDX-License-Identifier: MIT */
/* Shortcuts: a name that shows another file or folder, which may lie anywhere in Drive.
 *
 * A listing knows of a shortcut where it leads and whether to a folder, which is all that it shows.
 * What stat() needs is asked for when the name is first looked up, by one request, and kept: the
 * change feed of the drive that the target lies on is read from then on.
 *
 * A target that is deleted, in the trash or not to be seen by us, a circle of shortcuts, and a
 * shortcut to a folder that it lies in, are shown as symbolic links that lead nowhere (ENOENT) or to
 * themselves (ELOOP): the name is there, can be moved and removed, and tells in `ls -l` where it
 * led; only following it fails. */
#ifndef DFM_FS_SHORTCUT_H
#define DFM_FS_SHORTCUT_H
#include "fs/fs.h"

/* What `f` shows: itself, unless it is a shortcut. No lock may be held. -ENOENT: there is nothing
 * (any more) where it leads; -ELOOP: shortcuts to shortcuts without end; else Drive's refusal. */
MUST_CHECK int shortcut_follow(struct fs *fs, struct file *f, struct file **ret);
/* The same without asking: NULL where that takes a request, or leads nowhere. */
struct file *shortcut_known(struct tree *t, struct file *f) REQUIRES(t->lock);
/* The text of the symbolic link that a NODE_BROKEN is. */
void shortcut_text(const struct inode *n, struct buf *ret);
#endif
