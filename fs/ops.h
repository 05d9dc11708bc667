/* SPDX-License-Identifier: MIT */
/* The FUSE operations: decode, call, reply, nothing else. The only file that replies. */
#ifndef DFM_FS_OPS_H
#define DFM_FS_OPS_H
#define FUSE_USE_VERSION 312
#include "fs/fs.h"

#include <fuse_lowlevel.h>

extern const struct fuse_lowlevel_ops ops; /* userdata: struct fs */
#endif
