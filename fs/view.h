/* SPDX-License-Identifier: MIT */
/* saved_model/: the folders that hold models, each model as the folder of a TensorFlow SavedModel.
 * Listing it sniffs files (model.h) but never scans one; looking up a file inside a model's folder
 * does, since its size must be right from the first stat() on. Read-only. */
#ifndef DFM_FS_VIEW_H
#define DFM_FS_VIEW_H
#include "fs/handle.h"

/* The view's own root, with one more nlookup. */
MUST_CHECK int view_root(struct fs *fs, struct inode **ret);
MUST_CHECK int view_lookup(struct fs *fs, struct inode *dir, const char *name, struct inode **ret);
/* The names in `dir`; each() gets whether it is a folder; it returns 0 to go on. */
MUST_CHECK int view_list(struct fs *fs, struct inode *dir,
			 int (*each)(void *ctx, const char *name, bool folder), void *ctx);
MUST_CHECK int view_open(struct fs *fs, struct inode *n, struct handle **ret);
#endif
