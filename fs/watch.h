/* SPDX-License-Identifier: MIT */
/* The watcher: Drive's change feed, every `poll` seconds, into the tree and the kernel. */
#ifndef DFM_FS_WATCH_H
#define DFM_FS_WATCH_H
#include "fs/fs.h"

struct watch;
/* Takes the feed's start token at once: it must be older than the first listing. */
MUST_CHECK int watch_start(struct fs *fs, struct watch **ret);
struct watch *watch_stop(struct watch *w); /* NULL is fine; returns NULL */
/* Have the watcher tell the kernel to forget; takes what is in `f`. For operations, which must not
 * tell it themselves: the kernel may hold a folder's lock until they are answered. */
void watch_forget(struct watch *w, struct forget *f);
/* Seconds since the feed was last read to its end; -1: never. */
int64_t watch_age_s(const struct watch *w);
#endif
