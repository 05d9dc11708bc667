/* SPDX-License-Identifier: MIT */
/* From draft to Drive: seal, upload, and make the bytes the node's content.
 *
 * A draft whose upload failed stays: the mount shows its bytes, status shows the error, and it is
 * tried again with growing pauses (2 s to 5 min) by the retrier, and by every later close() or
 * fsync(). One that is left at unmount, or whose writer was killed, stays in the cache folder with
 * a note and is listed by status as held. */
#ifndef DFM_FS_PUBLISH_H
#define DFM_FS_PUBLISH_H
#include "fs/handle.h"

MUST_CHECK int publisher_start(struct fs *fs);
void publisher_stop(struct fs *fs); /* stop trying */

/* Publish the draft of `n`; 0 also when there is none. No lock may be held. On an error the draft
 * is open again. */
MUST_CHECK int publish(struct fs *fs, struct inode *n);
/* After a failure with no handle left: try again later. */
void publish_later(struct fs *fs, struct inode *n);
/* Keep the draft of `n` out of Drive, for the user to find in status. The node shows its content
 * again. */
void publish_hold(struct fs *fs, struct inode *n, const char *why);

/* At the end, when no operation runs any more: keep every draft that Drive does not have. */
void publish_hold_all(struct fs *fs);

/* For status: JSON arrays of what waits and of what is held. */
void publish_pending(struct fs *fs, struct buf *ret, size_t *ret_count);
void publish_held(struct fs *fs, struct buf *ret, size_t *ret_count);
#endif
