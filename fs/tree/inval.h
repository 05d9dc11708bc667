/* SPDX-License-Identifier: MIT */
/* What the kernel has to drop after news from elsewhere: gathered under tree.lock, sent without it
 * (fs/notify.h). FUSE's word "forget" is what the kernel tells us. */
#ifndef DFM_FS_TREE_INVAL_H
#define DFM_FS_TREE_INVAL_H
#include "format/base.h"

struct file;
struct inode;

/* Names are copies. */
struct inval {
	struct inval_one { uint64_t parent, node; char *name; } *all;
	size_t count, cap;
	bool ours;	/* the kernel itself asked for the change: only what it did to other names is told */
};
void inval_done(struct inval *f);
void inval_take(struct inval *f, struct inval_one *one); /* moves `one`; its name is NULL then */
/* A name in a folder, on every path to it; what is kept of a node. `f` may be NULL. */
void inval_name(struct inval *f, const struct file *folder, const char *name);
void inval_node(struct inval *f, const struct inode *n);
/* Every name of f, shortcuts' too, on every path; those of the shortcuts; the listings of a folder. */
void inval_names(struct file *f, struct inval *inval);
void inval_links(struct file *f, struct inval *inval);
void inval_listing(struct file *folder, struct inval *inval);
#endif
