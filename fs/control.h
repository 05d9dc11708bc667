/* SPDX-License-Identifier: MIT */
/* The control sockets of a mount: `drivefs-models status` and `path` talk to the daemon through them. One is
 * the Unix socket "control" in the cache folder, which an xattr of the mount's root names; the other is an
 * abstract one named after the mount's device, so that it is found without asking a mount that may hang.
 * Who mounted, and root, are told all; anybody else only how the mount is. One request a connection, a line
 * "verb[ argument]"; the answer is "0\n" or "1\n" and text to its end. */
#ifndef DFM_FS_CONTROL_H
#define DFM_FS_CONTROL_H
#include "fs/fs.h"
#include "fs/mountinfo.h"

#define CONTROL_XATTR "user.drive.control"

struct control;
/* Makes the socket in the cache folder; requests wait in it. */
MUST_CHECK int control_start(struct fs *fs, struct control **ret);
/* Once it is mounted: the other socket, and the thread that answers. */
MUST_CHECK int control_serve(struct control *c);
struct control *control_stop(struct control *c); /* NULL is fine; returns NULL */

/* The other end: ask the mount that `path` lies in. 0 and the text (the caller frees); 1 and the text when
 * the daemon refused; -errno when there is no mount of ours. */
int control_ask(const char *path, const char *request, char **ret);
/* The daemon behind the mount `m`; 0: none is known. Does not wait. */
pid_t control_pid(const struct mountinfo *m);
#endif
