/* SPDX-License-Identifier: MIT */
/* Bytes that will not go to Drive by themselves: kept in the cache's folder, with a note of what they
 * are, for the user to find in status; or dropped, where they are nobody's. */
#ifndef DFM_FS_HELD_H
#define DFM_FS_HELD_H
#include "fs/writing.h"

/* What a draft is about, durably: from here on it is listed as held whenever it is not open. */
MUST_CHECK int held_note(struct draft *d, const char *path, const char *id, const char *why);
/* What was taken out of the slots of a node, in one step with the decision to do so: nobody's save that begins
 * afterwards is touched. */
enum { HELD_OPEN = 1, HELD_SENT = 2 };
struct held_picked {
	struct inode *node;
	enum save_event event;
	struct save *all[2], *unchanged;
	struct source *old;
};
/* Pick by HOLD (keep the bytes) or DROP, from the slots `what`; what is being sealed or sent stays. tree.lock is
 * held as well. The node shows Drive's content again, unless something is left. */
void held_pick(struct writing *w, enum save_event event, unsigned what, struct held_picked *ret) REQUIRES(w->lock);
/* The rest of it, without locks: note, log line, or the dropping. `why` NULL: by the states of the file. */
void held_finish(struct fs *fs, struct held_picked *p, const char *why);
/* Both at once, to keep. */
void held_keep(struct fs *fs, struct inode *n, unsigned what, const char *why);
/* At the end, when no operation runs any more: keep every draft that Drive does not have. */
void held_keep_all(struct fs *fs);
/* For status: a JSON array of what is held. */
void held_list(struct fs *fs, struct buf *ret, size_t *ret_count);
#endif
