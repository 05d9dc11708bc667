/* SPDX-License-Identifier: MIT */
/* What the kernel has to drop after news from elsewhere: gathered under tree.lock, sent without it
 * (fs/notify.h). FUSE's word "forget" is what the kernel tells us. */
#ifndef DFM_FS_TREE_INVAL_H
#define DFM_FS_TREE_INVAL_H
#include "format/base.h"

struct file;
struct inode;

/* Not names: to drop one the kernel wants its folder's lock, which it holds for requests that wait for
 * Drive. It keeps them for a second only (fs/notify.h). */
struct inval {
	struct inval_one { uint64_t node; bool listing; } *all;	/* a folder's listing, or attributes */
	size_t count, cap;
	bool ours;	/* the kernel itself asked for the change, and knows */
};
void inval_done(struct inval *f);
/* The attributes of a node; its listing, too; the listings of a folder, on every path to it. `f` may be NULL. */
void inval_node(struct inval *f, const struct inode *n);
void inval_node_listing(struct inval *f, const struct inode *n);
void inval_listing(struct inval *f, struct file *folder);
#endif
