/* SPDX-License-Identifier: MIT */
/* Threads that save what nobody waits for: after a close() that failed, and what the last RELEASE left.
 * Several, so that one upload that is stuck does not hold up the others; each node is tried with growing
 * pauses. */
#ifndef DFM_FS_PUBLISHER_H
#define DFM_FS_PUBLISHER_H
#include "fs/writing.h"

MUST_CHECK int publisher_start(struct fs *fs);
/* Let what is under way or due end within `drain_ms`, then stop it at its next step: what is not saved stays
 * where it is. */
void publisher_stop(struct fs *fs, int drain_ms);
/* Try soon: at once if the node was not tried before. Does not fail: the place in the queue is the
 * node's own. */
void publisher_add(struct fs *fs, struct inode *n);
/* Saves that are under way or due now. */
unsigned publisher_busy(struct fs *fs);
#endif
