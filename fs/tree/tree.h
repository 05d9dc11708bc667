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
 * The room fs/tree/ knows of Drive by struct drive_file only: no request, no FUSE, no thread. All
 * functions want tree.lock held unless they say otherwise. */
#ifndef DFM_FS_TREE_TREE_H
#define DFM_FS_TREE_TREE_H
#include "drive/drive.h"
#include "format/buf.h"
#include "fs/tree/inval.h"
#include "fs/tree/map.h"
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

	/* shortcuts: they have name and place, all else is their target's (shortcut.h) */
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

/* Without the lock; `root` is emptied. */
MUST_CHECK int tree_init(struct tree *t, struct drive_file *root);
void tree_done(struct tree *t);

/* News of one file; takes over the strings of `news` (left empty). `forget` (may be NULL: the
 * change is our own and the kernel knows) collects. What lies in no folder that we know is not
 * kept. -ENOMEM. *ret (may be NULL): the file, or NULL where it is not ours to know. */
MUST_CHECK int tree_apply(struct tree *t, struct drive_file *news, struct inval *inval, struct file **ret) REQUIRES(t->lock);
/* The same of the target of the shortcut `link`, which is kept whether or not it lies in a folder that
 * we know. *ret: the file. */
MUST_CHECK int tree_link(struct tree *t, struct file *link, struct drive_file *news, struct inval *inval,
			 struct file **ret) REQUIRES(t->lock);
/* The target is this file, which is known. */
void tree_link_known(struct file *link, struct file *to);
/* It has to be asked for again. */
void tree_unlink_target(struct file *link);
/* Deleted for good, or access lost. */
void tree_remove(struct tree *t, struct file *f, struct inval *inval) REQUIRES(t->lock);
/* A complete listing of `folder` that began at tree.clock `since` has been applied: children that
 * nothing has spoken of since then are gone. */
void tree_sweep(struct tree *t, struct file *folder, uint64_t since, struct inval *inval) REQUIRES(t->lock);
struct file *tree_file(struct tree *t, const char *id) REQUIRES(t->lock);
/* The child that Linux sees under `shown`, or NULL. Means nothing unless the listing is complete. */
struct file *tree_child(struct tree *t, struct file *folder, const char *shown) REQUIRES(t->lock);

/* A file that exists here only, until tree_adopt() gives it Drive's id, which should be `reserved`.
 * Takes `name`, Drive's. */
MUST_CHECK int tree_make(struct tree *t, struct file *folder, char *name, const char *reserved, struct file **ret,
			 struct inval *inval) REQUIRES(t->lock);
MUST_CHECK int tree_adopt(struct tree *t, struct file *f, struct drive_file *news, struct inval *inval) REQUIRES(t->lock);
/* The writing of `n` has ended: if Drive's head is another content, a lookup gets a new inode. */
void tree_outdated(struct tree *t, struct inode *n, struct inval *inval) REQUIRES(t->lock);
/* Move and rename a file that Drive does not know yet. Takes `name`. */
MUST_CHECK int tree_move(struct tree *t, struct file *f, struct file *folder, char *name, struct inval *inval)
	REQUIRES(t->lock);
/* Would f have `name`, that of `target`, if it took it and `target` were gone? Not where an older file of
 * that name is left: the same name must mean the same file on every host. */
bool tree_has_name(struct tree *t, struct file *f, struct file *target, const char *name) REQUIRES(t->lock);

/* The only content that a document has here: a freedesktop link that opens it in the browser. */
void tree_doc_text(const struct file *f, struct buf *ret);

/* "a/b/c" below the root, for messages (the caller frees; NULL: no memory). */
char *tree_path(struct tree *t, const struct file *f) REQUIRES(t->lock);

#endif
