/* SPDX-License-Identifier: MIT */
/* What the kernel has to drop is told to it here and nowhere else, by a thread of its own: the kernel
 * takes a folder's lock for it, which it may hold for a request that waits for Drive. Operations and
 * the watcher only queue.
 *
 * Any thread; no lock may be held. */
#ifndef DFM_FS_NOTIFY_H
#define DFM_FS_NOTIFY_H
#include "fs/fs.h"

struct notify;
MUST_CHECK int notify_start(struct fs *fs, struct notify **ret);
struct notify *notify_stop(struct notify *n); /* NULL is fine; returns NULL */

/* Tell the kernel soon; takes what is in `what`. */
void notify_later(struct notify *n, struct inval *what);
/* The same of what the watcher has learnt at one look. What it said at the last one is said once more:
 * a listing that was under way then may have brought an old name back to the kernel after it. */
void notify_news(struct notify *n, struct inval *what);
#endif
