/* SPDX-License-Identifier: MIT */
/* What is known of Drive: files by id, folders with the names that Linux sees, and the nodes that
 * the kernel knows them by.
 *
 * A *file* is what Drive says of one id. An *inode* is what a FUSE nodeid means: a folder, a file at
 * one content, or an entry of saved_model/. New content that a holder of the old must not see is
 * a new node; st_ino comes from the file all the same.
 *
 * News come through tree_apply(), in any order and more than once: a `version` that is not higher
 * than the known one changes nothing. Files are never freed while mounted: one that is gone stays
 * as a tombstone, so that a late answer cannot bring it back.
 *
 * All functions want tree.lock held unless they say otherwise. */
#ifndef DFM_FS_TREE_H
#define DFM_FS_TREE_H
#include "drive/drive.h"
#include "format/buf.h"
#include "fs/map.h"
#include "fs/writers.h"

#include <sys/types.h>

#define VIEW_NAME "saved_model"	/* the virtual folder at the root */
#define DOC_SUFFIX ".desktop"		/* of a Google document, where they are shown */

/* One revision of a file's bytes. */
struct content {
	char revision[DRIVE_ID_MAX + 1];	/* "": not in Drive yet */
	uint64_t size;
	int64_t mtime_ms;
	bool has_md5;
	uint8_t md5[DRIVE_DIGEST_MD5];
};

enum listing { LISTING_UNKNOWN, LISTING_RUNS, LISTING_COMPLETE };

struct inode;
struct file {
	char id[DRIVE_ID_MAX + 1];	/* "" until Drive has made it */
	char reserved[DRIVE_ID_MAX + 1];/* the id that it will have */
	uint64_t ino;			/* stable hash of the id */
	struct file *parent;		/* NULL: the root, or not in our tree */
	char *name, *base, *shown;	/* Drive's; as Linux can hold it; unique in its folder */
	char *description;		/* NULL: none */
	uint64_t version;
	uint64_t touched;		/* tree.clock when Drive, or we, last spoke of it */
	int64_t created_ms;
	struct content head;
	bool folder, blob, can_edit;
	bool doc;			/* opens in a browser only: shown, if at all, as a small file with a link */
	const char *drive;		/* the shared drive that it lies on, or ""; one pointer for each */
	bool gone;			/* trashed, deleted or moved out of what we see */
	struct inode *node;		/* what a lookup answers; NULL: the kernel does not know it */
	/* O_TRUNC over a revision: the processes that write see `next`, all others `node`, until it is
	 * published. */
	struct inode *next;
	struct writers next_writers;
	struct file *next_same;		/* the next younger of one base name in the folder */

	/* shortcuts: they have name and place, all else is their target's (follow.h) */
	char *target;			/* its id; NULL: no shortcut */
	bool target_folder;		/* it was a folder when the shortcut was made */
	struct file *to;		/* the target; NULL: not asked for yet, or not to be had */
	int64_t asked_ms;		/* when Drive last said so; 0: never */
	struct file *next_link;		/* the next shortcut to the same file */
	struct file *links;		/* shortcuts to this file: it is kept wherever it lies */

	/* folders */
	struct inode *aliases;		/* its nodes on the paths of shortcuts, beside `node` */
	enum listing listing;
	bool listed;			/* at least once */
	struct map by_shown, by_base;
	uint64_t news;			/* counts changes from elsewhere to its names */
	size_t hidden;			/* children that are not shown (Google Docs) */

	struct model *model;		/* what model.c knows of head; guarded by its own lock */
};

enum node_kind {
	NODE_FOLDER, NODE_FILE, NODE_VIEW,
	NODE_BROKEN,	/* a shortcut that leads nowhere, or into a circle: shown as a symbolic link that does */
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
	bool circle;			/* NODE_BROKEN: its target is a folder that it lies in */
	bool writing;			/* there is a draft: its size counts, not content.size */

	enum view_kind view;
	unsigned view_index;		/* VIEW_FILE: of savedmodel_files() */
	uint64_t view_size;
	char *view_key;			/* its key in tree.views, also of a node with `up` */

	struct writing *w;		/* handle.c: draft, sources, writers; NULL: never opened */
};

struct tree {
	struct lock lock;
	pthread_cond_t listed UNDER(lock);
	struct map by_id UNDER(lock);	/* files that Drive knows */
	struct map views UNDER(lock);	/* nodes of saved_model/ and those with `up`, by view_key */
	bool show_docs;			/* constant once mounted: -o google_docs=link */
	char **drives UNDER(lock);	/* ids that file.drive points to */
	size_t drives_count UNDER(lock);
	struct file **files UNDER(lock);	/* every one, to free them */
	size_t files_count UNDER(lock), files_cap UNDER(lock);
	struct inode **slots UNDER(lock);	/* nodes by the low half of their id */
	uint32_t slots_count UNDER(lock), slots_free UNDER(lock);
	uint64_t made UNDER(lock);		/* nodes ever */
	uint64_t clock UNDER(lock);	/* counts news */
	struct file *root;
};

/* What the kernel has to forget after news from elsewhere; names are copies. */
struct forget {
	struct forget_one { uint64_t parent, node; char *name; } *all;
	size_t count, cap;
	bool ours;	/* the kernel itself asked for the change: only what it did to other names is told */
};
void forget_done(struct forget *f);
void forget_take(struct forget *f, struct forget_one *one); /* moves `one`; its name is NULL then */
/* A name in a folder, on every path to it; what is kept of a node. `f` may be NULL. */
void forget_name(struct forget *f, const struct file *folder, const char *name);
void forget_node(struct forget *f, const struct inode *n);

/* Without the lock; `root` is emptied. */
MUST_CHECK int tree_init(struct tree *t, struct drive_file *root);
void tree_done(struct tree *t);

/* News of one file; takes over the strings of `news` (left empty). `forget` (may be NULL: the
 * change is our own and the kernel knows) collects. What lies in no folder that we know is not
 * kept. -ENOMEM. *ret (may be NULL): the file, or NULL where it is not ours to know. */
MUST_CHECK int tree_apply(struct tree *t, struct drive_file *news, struct forget *forget, struct file **ret) REQUIRES(t->lock);
/* The same of the target of the shortcut `link`, which is kept whether or not it lies in a folder that
 * we know. *ret: the file. */
MUST_CHECK int tree_link(struct tree *t, struct file *link, struct drive_file *news, struct forget *forget,
			 struct file **ret) REQUIRES(t->lock);
/* The target is this file, which is known. */
void tree_link_known(struct file *link, struct file *to);
/* It has to be asked for again. */
void tree_unlink_target(struct file *link);
/* Deleted for good, or access lost. */
void tree_remove(struct tree *t, struct file *f, struct forget *forget) REQUIRES(t->lock);
/* A complete listing of `folder` that began at tree.clock `since` has been applied: children that
 * nothing has spoken of since then are gone. */
void tree_sweep(struct tree *t, struct file *folder, uint64_t since, struct forget *forget) REQUIRES(t->lock);
struct file *tree_file(struct tree *t, const char *id) REQUIRES(t->lock);
/* The child that Linux sees under `shown`, or NULL. Means nothing unless the listing is complete. */
struct file *tree_child(struct tree *t, struct file *folder, const char *shown) REQUIRES(t->lock);

/* A file that exists here only, until tree_adopt() gives it Drive's id, which should be `reserved`.
 * Takes `name`, Drive's. */
MUST_CHECK int tree_make(struct tree *t, struct file *folder, char *name, const char *reserved, struct file **ret,
			 struct forget *forget) REQUIRES(t->lock);
MUST_CHECK int tree_adopt(struct tree *t, struct file *f, struct drive_file *news, struct forget *forget) REQUIRES(t->lock);
/* The writing of `n` has ended: if Drive's head is another content, a lookup gets a new inode. */
void tree_outdated(struct tree *t, struct inode *n, struct forget *forget) REQUIRES(t->lock);
/* Move and rename a file that Drive does not know yet. Takes `name`. */
MUST_CHECK int tree_move(struct tree *t, struct file *f, struct file *folder, char *name, struct forget *forget)
	REQUIRES(t->lock);
/* Would f have `name`, that of `target`, if it took it and `target` were gone? Not where an older file of
 * that name is left: the same name must mean the same file on every host. */
bool tree_has_name(struct tree *t, struct file *f, struct file *target, const char *name) REQUIRES(t->lock);

/* Every name of f, shortcuts' too, on every path; those of the shortcuts; the listings of a folder. */
void tree_forget_names(struct file *f, struct forget *forget);
void tree_forget_links(struct file *f, struct forget *forget);
void tree_forget_listing(struct file *folder, struct forget *forget);
/* The only content that a document has here: a freedesktop link that opens it in the browser. */
void tree_doc_text(const struct file *f, struct buf *ret);

/* "a/b/c" below the root, for messages (the caller frees; NULL: no memory). */
char *tree_path(struct tree *t, const struct file *f) REQUIRES(t->lock);

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
/* The node of a shortcut that shows nothing. Adds one to nlookup. */
MUST_CHECK int inode_broken(struct tree *t, struct file *link, bool circle, struct inode **ret) REQUIRES(t->lock);
/* Is `folder` on the path that n was reached by? */
bool inode_below(const struct inode *n, const struct file *folder);
/* The node of saved_model/ under `key` (and `up`, if not NULL), made if there is none. Adds one to nlookup. */
MUST_CHECK int inode_view(struct tree *t, const char *key, struct inode *up, struct file *f, enum view_kind kind,
			 unsigned index, struct inode **ret) REQUIRES(t->lock);
void inode_hold(struct inode *n);
/* Drop references; frees the node when none is left. */
void inode_forget(struct tree *t, struct inode *n, uint64_t nlookup, unsigned holds) REQUIRES(t->lock);
#endif
