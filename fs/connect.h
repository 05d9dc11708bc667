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
/* ---- a mount's way to Drive
 *
 *   ONLINE   names and bytes come from Drive and follow its changes; what cannot be had fails by itself
 *   OFFLINE  Drive was not reached since the start: names as they were kept (snapshot.h), bytes that the cache
 *            holds; nothing can be changed (EROFS). fs->offline
 *
 *   event                                        at the start  OFFLINE              ONLINE
 *   Drive answers, all is well                   ONLINE        ONLINE (names anew)  ONLINE
 *   no way to Drive; the cache knows the folder  OFFLINE       OFFLINE              ONLINE
 *   no way to Drive; it does not                 no mount      -                    -
 *   Drive refuses us, the folder or the saving   no mount      OFFLINE, said once   ONLINE
 *
 * "no way" is anything but a refusal: no network, no name, a proxy's page, a Drive that is down. Held by
 * tests/mount/test_offline.py. */

/* The first row: sets fs->offline, folder_name, shared_drive, cache_dir, cache and, where it was asked, quota.
 * *ret: the folder; drive_file_done(). -errno: no mount, with what to do. */
MUST_CHECK int connect_start(struct fs *fs, struct drive_file *ret);
/* While OFFLINE, by one thread: 0 when Drive answers and all is well: then it is for the caller to have names
 * asked for anew, and to clear fs->offline. */
MUST_CHECK int connect_again(struct fs *fs);
#endif
