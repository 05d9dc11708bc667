/* SPDX-License-Identifier: MIT */
/* What a mount keeps in its cache folder, to come up when Drive cannot be reached: the folder that is mounted,
 * and the names of every folder that was listed. The bytes are the cache's own matter. Any thread; no lock
 * held. */
#ifndef DFM_FS_SNAPSHOT_H
#define DFM_FS_SNAPSHOT_H
#include "fs/fs.h"

/* The mounted folder, for the command line's FOLDER: durably. */
MUST_CHECK int snapshot_keep_root(struct fs *fs, const struct drive_file *root);
/* As it was kept. -ENOENT: not kept, or by other credentials than ours. drive_file_done(). */
MUST_CHECK int snapshot_root(struct fs *fs, struct drive_file *ret);
/* The names of folders that are known wholly and have changed since they were last kept. Ends early after
 * `patience_ms`; the rest is left to the next call. Failures are logged once. One thread at a time. */
void snapshot_keep_names(struct fs *fs, int64_t patience_ms);
/* Puts what was kept into the tree, from its root downwards. -errno: the tree is as far as it got. */
MUST_CHECK int snapshot_load_names(struct fs *fs);

/* One record of Drive's, as it is kept; for tests. `left` bytes at *at: what follows is left there. */
void snapshot_add_file(struct buf *b, const struct drive_file *f);
MUST_CHECK int snapshot_take_file(const uint8_t **at, size_t *left, struct drive_file *ret);
#endif
