/* SPDX-License-Identifier: MIT */
/* The watcher: Drive's change feed, every `poll` seconds, into the tree and the kernel. */
#ifndef DFM_FS_WATCH_H
#define DFM_FS_WATCH_H
#include "fs/fs.h"

struct watch;
/* Takes the feed's start token at once: it must be older than the first listing. While fs->offline, the thread
 * looks for Drive instead (connect.h), and keeps names for such a start when there is none (snapshot.h). */
MUST_CHECK int watch_start(struct fs *fs, struct watch **ret);
struct watch *watch_stop(struct watch *w); /* NULL is fine; returns NULL */
/* See to it that the changes of a drive (an id, or "": outside of shared drives) are read. *ret_fresh:
 * they were not so far, so that what is known of anything there may be old. */
MUST_CHECK int watch_follow(struct watch *w, const char *drive, bool *ret_fresh);
/* Seconds since the feed was last read to its end; -1: never. */
int64_t watch_age_s(const struct watch *w);
#endif
