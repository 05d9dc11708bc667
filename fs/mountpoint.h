/* SPDX-License-Identifier: MIT */
/* Where a mount is to go. Before other threads start. */
#ifndef DFM_FS_MOUNTPOINT_H
#define DFM_FS_MOUNTPOINT_H
#include "format/base.h"

/* Is MOUNTPOINT `path` an empty place for a mount? One of ours that died there is removed, which is logged.
 * *ret is its path without links; the caller frees. -EBUSY: one of ours is alive there, or does not answer;
 * else -errno with what to do. Waits at most a few seconds, whatever is mounted there. */
MUST_CHECK int mountpoint_clear(const char *path, char **ret);
#endif
