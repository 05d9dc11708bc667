/* SPDX-License-Identifier: MIT */
/* A mount from its start to its end. */
#ifndef DFM_FS_MOUNT_H
#define DFM_FS_MOUNT_H
#include "fs/config.h"

/* Mount and serve until the unmount. ready() is called once, from another thread, when the mount
 * answers. The exit status: 0 after an unmount; 1 when it could not start, said on stderr. */
int mount_run(struct config *c, void (*ready)(void *ctx), void *ctx);
#endif
