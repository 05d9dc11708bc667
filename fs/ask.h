/* SPDX-License-Identifier: MIT */
/* Asking Drive for one file by its id: where a listing lacks it, or answers 404, which proves nothing.
 * No lock may be held; blocks on the network. */
#ifndef DFM_FS_ASK_H
#define DFM_FS_ASK_H
#include "fs/fs.h"

/* What Drive says of f goes into the tree and to the kernel. -ENOENT: it does not know it, or does not
 * show it to us: f has no name from here on, and is asked for again after 1, 2, 4 ... minutes, since
 * such answers pass. Another error: nothing has changed. */
MUST_CHECK int ask_drive(struct fs *fs, struct file *f);
/* The watcher calls it at each look: asks for those again whose time has come, some at a time. */
void ask_again(struct fs *fs);
#endif
