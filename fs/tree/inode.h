/* SPDX-License-Identifier: MIT */
/* What FUSE nodeids mean: a folder, a file at one content, a shortcut that leads nowhere, or an entry
 * of saved_model/. All functions want tree.lock held unless they say otherwise. */
#ifndef DFM_FS_TREE_INODE_H
#define DFM_FS_TREE_INODE_H
#include "fs/tree/tree.h"

enum node_kind {
	NODE_FOLDER, NODE_FILE, NODE_VIEW,
	NODE_LINK,	/* a shortcut that is shown as a symbolic link (shortcut.h) */
};
/* Entries of saved_model/ (view.c). */
enum view_kind { VIEW_FOLDER, VIEW_MODEL, VIEW_VARIABLES, VIEW_FILE };

struct inode {
	uint64_t id;			/* the nodeid */
	enum node_kind kind;
	struct file *file;
	uint64_t nlookup;		/* the kernel's references */
	unsigned holds;			/* ours: handles, publishing */
	struct content content;		/* of a NODE_FILE, or of the model of a NODE_VIEW */
	/* A folder that was reached by a shortcut is another node on each path, since the kernel wants
	 * one parent for a folder: `up` (held) is the folder that the name was found in. Files on such
	 * paths are the same nodes as elsewhere, so that all names show the same bytes. st_ino is the
	 * target's in either case: find(1), cp(1) and du(1) know by it a folder that they are already in. */
	struct inode *up;		/* NULL: reached by its own path */
	struct inode *next_alias;	/* of file->aliases */
	bool circle;			/* NODE_LINK: its target is a folder that it lies in */
	bool writing;			/* there is a draft: its size counts, not content.size */

	enum view_kind view;
	unsigned view_index;		/* VIEW_FILE: of savedmodel_files() */
	uint64_t view_size;
	char *view_key;			/* its key in tree.views, also of a node with `up` */

	struct writing *w;		/* handle.c: draft, sources, writers; NULL: never opened */
};

/* ---- inodes */
struct inode *inode_get(struct tree *t, uint64_t id) REQUIRES(t->lock); /* NULL: no such nodeid */
/* The node that a lookup of `f` answers, made if there is none. Adds one to nlookup. */
MUST_CHECK int inode_of(struct tree *t, struct file *f, struct inode **ret) REQUIRES(t->lock);
/* The caller (writers_caller()) will replace the content of `f`: from here on it gets f->next. */
MUST_CHECK int inode_next(struct tree *t, struct file *f) REQUIRES(t->lock);
/* f->next has ended well, or is all that there is to show: everybody gets it. Else (false) it is
 * given up: nobody does. The kernel forgets the name in either case (it keeps none meanwhile). */
void inode_settle(struct tree *t, struct file *f, bool well) REQUIRES(t->lock);
/* The node of `entry` of the folder `dir`, where `entry` shows as `to`: itself, or its target. Adds
 * one to nlookup. -ELOOP: a folder that `dir` lies in. */
MUST_CHECK int inode_entry(struct tree *t, struct inode *dir, struct file *entry, struct file *to, struct inode **ret)
	REQUIRES(t->lock);
/* The node of a shortcut that is shown as a symbolic link. Adds one to nlookup. */
MUST_CHECK int inode_link(struct tree *t, struct file *link, bool circle, struct inode **ret) REQUIRES(t->lock);
/* Is `folder` on the path that n was reached by? */
bool inode_below(const struct inode *n, const struct file *folder);
/* The node of saved_model/ under `key` (and `up`, if not NULL), made if there is none. Adds one to nlookup. */
MUST_CHECK int inode_view(struct tree *t, const char *key, struct inode *up, struct file *f, enum view_kind kind,
			 unsigned index, struct inode **ret) REQUIRES(t->lock);
void inode_hold(struct inode *n);
/* Drop references; frees the node when none is left. */
void inode_forget(struct tree *t, struct inode *n, uint64_t nlookup, unsigned holds) REQUIRES(t->lock);
#endif
