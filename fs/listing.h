/* SPDX-License-Identifier: MIT */
/* Listing a folder of Drive, once: the change feed tells of what comes later. */
#ifndef DFM_FS_LISTING_H
#define DFM_FS_LISTING_H
#include "fs/fs.h"

/* Make sure that the folder's listing is known; one request however many ask. No lock may be held. A
 * failed or partial answer changes nothing. -ESTALE: the folder is gone in Drive. */
MUST_CHECK int listing_need(struct fs *fs, struct file *folder);
#endif
