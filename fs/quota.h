/* SPDX-License-Identifier: MIT */
/* Drive's quota, for statfs(2), which never waits for Drive for long. */
#ifndef DFM_FS_QUOTA_H
#define DFM_FS_QUOTA_H
#include "fs/fs.h"

/* What is known, asked anew when it is older than a minute: by a thread, which gets a moment to answer;
 * later on the last known is told. Zeroes: Drive does not tell. */
void quota_get(struct fs *fs, struct drive_about *ret);
/* Wait for that thread, which ends with fs->stopping. */
void quota_stop(struct fs *fs);
#endif
