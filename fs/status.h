/* SPDX-License-Identifier: MIT */
/* What is going on in a mount, for a person and for a program. Any thread, no lock held. */
#ifndef DFM_FS_STATUS_H
#define DFM_FS_STATUS_H
#include "fs/fs.h"

/* One JSON object on one line: version, pid, mount, folder, identity, uptime_s, pending, held, cache, drive,
 * watch, memory. Who is not trusted is not told whose it is, what lies in it nor where it is kept: counts
 * (pending_count, held_count) instead of the lists. */
MUST_CHECK int status_json(struct fs *fs, bool trusted, struct buf *ret);
MUST_CHECK int status_text(struct fs *fs, bool trusted, struct buf *ret);
/* Where Drive file `id` lies in the mount: its absolute path and a newline. -ENOENT: not below the
 * folder that is mounted. May ask Drive. */
MUST_CHECK int status_path(struct fs *fs, const char *id, struct buf *ret);
#endif
