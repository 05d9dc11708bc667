/* SPDX-License-Identifier: MIT */
/* From a save to a revision in Drive: one try.
 *
 * The bytes are sealed (made durable here, their digest known) before the first leaves; Drive's answer
 * has to name the same digest. Where the file was removed elsewhere meanwhile, or Drive has put the bytes
 * into a file in the trash, they go into a new file of that name: to remove a file is no reason to lose
 * what is saved under its name now. What this mount has unlinked is nobody's. */
#ifndef DFM_FS_PUBLISH_H
#define DFM_FS_PUBLISH_H
#include "fs/writing.h"

/* Send what is complete; waits for a try that runs. 0: Drive has all that was written before the call
 * (or there was nothing to do). Else the save waits (WAITING) and one log line says why; -ENOENT: its
 * folder is gone. */
MUST_CHECK int publish(struct fs *fs, struct inode *n);
/* Only what is sealed already, while somebody writes on. */
MUST_CHECK int publish_sealed(struct fs *fs, struct inode *n);
/* The same when nobody asks for it but time: a failed try must not undo what was saved elsewhere since. Where
 * the head has moved on the bytes are held (or found to be there already) and the result is 0. */
MUST_CHECK int publish_again(struct fs *fs, struct inode *n);
/* For status: a JSON array of what Drive does not have yet. */
void publish_pending(struct fs *fs, struct buf *ret, size_t *ret_count);
#endif
