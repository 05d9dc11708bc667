/* SPDX-License-Identifier: MIT */
/* rename(2), in Drive: move, then trash what had the name, so that the name is never without a file.
 *
 * What is not in Drive yet is sent first, and its failure is the rename's: nothing has changed then. If
 * Drive moves the one and refuses to trash the other, the move is taken back. */
#ifndef DFM_FS_RENAME_H
#define DFM_FS_RENAME_H
#include "fs/fs.h"

/* `flags` as renameat2(2): RENAME_NOREPLACE or 0, else -EINVAL. No lock may be held; blocks on the network. */
MUST_CHECK int rename_entry(struct fs *fs, struct inode *from_dir, const char *name, struct inode *to_dir,
			    const char *new_name, unsigned flags);
#endif
