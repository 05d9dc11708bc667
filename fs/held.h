/* SPDX-License-Identifier: MIT */
/* Bytes that will not go to Drive by themselves: kept in the cache's folder, with a note of what they
 * are, for the user to find in status; or dropped, where they are nobody's. */
#ifndef DFM_FS_HELD_H
#define DFM_FS_HELD_H
#include "fs/writing.h"

/* What a draft is about, durably: from here on it is listed as held whenever it is not open. */
MUST_CHECK int held_note(struct draft *d, const char *path, const char *id, const char *why);
/* Keep what of `n` is not on its way to Drive out of Drive. The node shows Drive's content again. `why` NULL:
 * by its states, a writer that was killed, a write that failed, or a folder that is gone. */
void held_keep(struct fs *fs, struct inode *n, const char *why);
/* Drop it: the file was unlinked, or nothing was changed. */
void held_drop(struct fs *fs, struct inode *n);
/* At the end, when no operation runs any more: keep every draft that Drive does not have. */
void held_keep_all(struct fs *fs);
/* For status: a JSON array of what is held. */
void held_list(struct fs *fs, struct buf *ret, size_t *ret_count);
#endif
