/* SPDX-License-Identifier: MIT */
/* Shortcuts: a name that leads to another file or folder, which may lie anywhere in Drive.
 *
 * -o shortcuts=link (the default): a symbolic link to where the target lies in the mount, so that `rm -r`
 * and the like never leave the folder that they were given. One that leads out of the mount, or
 * nowhere, says so in its text. Where it leads is found out when the link is read.
 *
 * -o shortcuts=follow: the name shows the target itself. A listing knows of a shortcut where it leads and
 * whether to a folder, which is all that it shows. What stat() needs is asked for when the name is
 * first looked up, by one request, and kept: the change feed of the drive that the target lies on is read
 * from then on. Names below a folder that was reached so are not changed, nor are files outside of the
 * mount, unless with shortcuts=write. A target that is deleted, in the trash or not to be seen by us,
 * a circle of shortcuts, and a shortcut to a folder that it lies in, are shown as symbolic links that
 * lead nowhere (ENOENT) or to themselves (ELOOP).
 *
 * In either case the name can be moved and removed: that is about the shortcut alone. saved_model/ follows. */
#ifndef DFM_FS_SHORTCUT_H
#define DFM_FS_SHORTCUT_H
#include "fs/fs.h"

/* What `f` shows: itself, unless it is a shortcut. No lock may be held. -ENOENT: there is nothing
 * (any more) where it leads; -ELOOP: shortcuts to shortcuts without end; else Drive's refusal. */
MUST_CHECK int shortcut_follow(struct fs *fs, struct file *f, struct file **ret);
/* The same without asking: NULL where that takes a request, or leads nowhere. One that is shown as a symbolic
 * link is itself. */
struct file *shortcut_known(struct tree *t, struct file *f) REQUIRES(t->lock);
/* The text of the symbolic link that a NODE_LINK is, as far as it is known; of the other: asked for. */
void shortcut_text(struct tree *t, const struct inode *n, struct buf *ret) REQUIRES(t->lock);
MUST_CHECK int shortcut_read(struct fs *fs, const struct inode *n, struct buf *ret);
/* May names in this folder be changed; may bytes and facts of this file? -EROFS: it was reached by a shortcut. */
MUST_CHECK int shortcut_check_folder(const struct fs *fs, const struct inode *dir);
MUST_CHECK int shortcut_check_file(struct fs *fs, const struct file *f);
#endif
