/* SPDX-License-Identifier: MIT */
/* News of files that are not in the tree: trashed, gone, or in a folder that is not known. A listing
 * that is on its way, or that lags, may bring an older word of them later, and the younger one counts:
 * else a file trashed while its folder is being listed would stay for ever.
 *
 * The latest are kept, up to a number. tree.lock guards it. */
#ifndef DFM_FS_TREE_EARLY_H
#define DFM_FS_TREE_EARLY_H
#include "drive/drive.h"
#include "fs/tree/map.h"

enum { EARLY_MAX = 1024 };
struct early {
	struct map by_id;
	struct early_one { struct drive_file news; bool denied; int64_t at_ms; size_t at; } *all[EARLY_MAX]; /* a ring */
	size_t next;	/* the oldest, or an empty place */
};
void early_done(struct early *e);
/* Keep `news` (taken, left empty); of what is kept of one id the latest counts. Without memory nothing is. */
void early_keep(struct early *e, struct drive_file *news);
/* Drive does not know it any more, or does not show it to us. */
void early_deny(struct early *e, const char *id);
/* Access came back. */
void early_allow(struct early *e, const char *id);
/* `news` of a file that is not in the tree. True: they count; younger ones that were kept have taken
 * their place, and nothing is kept from here on. False: what is kept says that it is not there. */
bool early_take(struct early *e, struct drive_file *news);
#endif
