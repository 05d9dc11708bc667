/* SPDX-License-Identifier: MIT */
#ifndef DFM_FS_ATTR_H
#define DFM_FS_ATTR_H
#include "fs/fs.h"

#define DRIVE_FILE_MAX ((uint64_t)5 << 40) /* Drive's own bound for one file */

/* This thread makes files: what copies carry besides bytes is passed over, where it cannot be kept. */
void attr_made_by(pid_t tid);
#endif
