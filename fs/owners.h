/* SPDX-License-Identifier: MIT */
/* Owners that copies carried, by inode number, while the mount lives: `rsync -a` asks for them again.
 * Drive has no place for them. Bounded: one that has to make room shows the mount's owner again. */
#ifndef DFM_FS_OWNERS_H
#define DFM_FS_OWNERS_H
#include "format/base.h"

#include <sys/types.h>

/* (uid_t)-1, (gid_t)-1: leave it as it is. */
void owners_set(uint64_t ino, uid_t uid, gid_t gid);
/* Changes what is known of `ino`, nothing else. */
void owners_get(uint64_t ino, uid_t *uid, gid_t *gid);
#endif
