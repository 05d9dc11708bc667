/* SPDX-License-Identifier: MIT */
/* The control socket of a mount: `drivefs-models status` and `path` talk to the daemon through it.
 * A Unix socket "control" in the cache folder, which an xattr of the mount's root names. One
 * request a connection, a line "verb[ argument]"; the answer is "0\n" or "1\n" and text to its end. */
#ifndef DFM_FS_CONTROL_H
#define DFM_FS_CONTROL_H
#include "fs/fs.h"

#define CONTROL_XATTR "user.drive.control"

struct control;
MUST_CHECK int control_start(struct fs *fs, struct control **ret);
struct control *control_stop(struct control *c); /* NULL is fine; returns NULL */

/* The other end: ask the mount at `mountpoint`. 0 and the text (the caller frees); 1 and the text
 * when the daemon refused; -errno when there is no mount of ours. */
int control_ask(const char *mountpoint, const char *request, char **ret);
#endif
