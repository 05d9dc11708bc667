/* SPDX-License-Identifier: MIT */
/* What the kernel has to drop is told to it here and nowhere else, by a thread of its own: operations and
 * the watcher only queue.
 *
 * No thread of ours may wait in the kernel for what a request of ours holds: it could not be killed, and
 * with it the mount would outlive the daemon. So
 *   - names are never dropped: FUSE_NOTIFY_INVAL_ENTRY takes the folder's lock, which lookup, readdir,
 *     create, unlink, rename ... hold until they are answered. The kernel keeps a name for NAME_KEEP_S
 *     and then asks again, which needs no lock. (FUSE_NOTIFY_INC_EPOCH of Linux 6.16 takes no lock, but
 *     throws the names away, and who uses one next needs the folder's lock to look it up: a mkdir that
 *     hangs in the root stopped every path for 27 s.) A late answer to a readdirplus cannot bring an old
 *     name back for longer than that either.
 *   - a file's pages are never dropped, which waits for reads that are under way: other bytes are
 *     another node.
 *   - attributes, and the listings of folders, are: that waits for nothing. A listing is told of
 *     NAME_KEEP_S later, so that who sees the new one finds no old name any more.
 *
 * Any thread; no lock may be held. */
#ifndef DFM_FS_NOTIFY_H
#define DFM_FS_NOTIFY_H
#include "fs/fs.h"

/* How long the kernel may keep a name, there or not. */
#define NAME_KEEP_MS 1000
#define NAME_KEEP_S (NAME_KEEP_MS / 1000.0)

struct notify;
MUST_CHECK int notify_start(struct fs *fs, struct notify **ret);
struct notify *notify_stop(struct notify *n); /* NULL is fine; returns NULL */

/* Tell the kernel soon; takes what is in `what`. */
void notify_later(struct notify *n, struct inval *what);
#endif
