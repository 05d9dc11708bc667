/* SPDX-License-Identifier: MIT */
/* A way to Drive, and what a mount needs to know of its folder before it starts: that it is there,
 * who we are to it and whether anything could be saved in it. Any thread; no lock held. */
#ifndef DFM_FS_CONNECT_H
#define DFM_FS_CONNECT_H
#include "fs/fs.h"

/* A client as the command line asks for it; asks nothing. drive_close(). */
MUST_CHECK int connect_open(const struct config *c, struct drive **ret);
/* `folder` as Drive has it: -errno with what to do where it is not there, no folder, or in the trash.
 * One request. drive_file_done(&ret->file). */
MUST_CHECK int connect_reach(struct drive *d, const char *folder, struct drive_folder *ret);
/* The folder of the mount `fs`, whose drive and config are set: sets fs->folder_name, shared_drive and,
 * where it had to be asked, quota. -errno as above or, unless config->read_only, where nothing could
 * be saved. One request, outside of shared drives two. drive_file_done(&ret->file). */
MUST_CHECK int connect_folder(struct fs *fs, struct drive_folder *ret);
#endif
