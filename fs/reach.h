/* SPDX-License-Identifier: MIT */
/* Finding a file in the mount by its id. */
#ifndef DFM_FS_REACH_H
#define DFM_FS_REACH_H
#include "fs/fs.h"

/* Make `id` known by going up to a folder that is, and listing down again. -ENOENT: it does not lie below
 * the mounted folder, is in the trash, or is not shown; else Drive's refusal. No lock may be held. */
MUST_CHECK int reach_file(struct fs *fs, const char *id, struct file **ret);
#endif
