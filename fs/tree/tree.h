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
#include "format/buf.h"
#include "fs/tree/early.h"
#include "fs/tree/file.h"
#include "fs/tree/inval.h"

#include <sys/types.h>

#define VIEW_NAME "saved_model"	/* the virtual folder at the root */
#define DOC_SUFFIX ".desktop"		/* of a Google document, where they are shown */

/* What a shortcut is: a symbolic link to where its target lies in the mount; what it leads to, but nothing
 * is changed by that way; what it leads to in everything. */
enum shortcuts { SHORTCUTS_LINK, SHORTCUTS_FOLLOW, SHORTCUTS_WRITE };

struct tree {
	struct lock lock;
	pthread_cond_t listed UNDER(lock);
	struct map by_id UNDER(lock);	/* files that Drive knows */
	struct map views UNDER(lock);	/* nodes of saved_model/ and those with `up`, by view_key */
	struct early early UNDER(lock);	/* news of files that are not in the tree */
	enum shortcuts shortcuts;	/* constant once mounted: -o shortcuts= */
	bool show_docs;			/* constant once mounted: -o google_docs=link */
	char **drives UNDER(lock);	/* ids that file.drive points to */
	size_t drives_count UNDER(lock);
	struct file **files UNDER(lock);	/* every one, to free them */
	size_t files_count UNDER(lock), files_cap UNDER(lock);
	struct inode **slots UNDER(lock);	/* nodes by the low half of their id */
	uint32_t slots_count UNDER(lock), slots_free UNDER(lock);
	uint64_t made UNDER(lock);		/* nodes ever */
	uint64_t clock UNDER(lock);	/* counts news */
	size_t suspects UNDER(lock);	/* files with an ask_ms */
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
/* This mount has unlinked it: in Drive's trash, or never there. */
void tree_remove(struct tree *t, struct file *f, struct inval *inval) REQUIRES(t->lock);
/* Drive does not know it (any more), or does not show it to us. */
void tree_deny(struct tree *t, struct file *f, struct inval *inval) REQUIRES(t->lock);
/* The news that come next were asked for after that: access comes back without a higher version. */
void tree_allow(struct file *f);
/* A complete listing of `folder` that began at tree.clock `since` has been applied. Children that
 * nothing has spoken of since then are gone, but for those that a listing which lags may lack: their
 * state is FILE_UNKNOWN then, for the caller to ask for. Returns the number of those. */
size_t tree_sweep(struct tree *t, struct file *folder, uint64_t since, struct inval *inval) REQUIRES(t->lock);
/* Walk over those; *pos starts at 0. NULL at the end. */
struct file *tree_unknown(struct tree *t, const struct file *folder, size_t *pos) REQUIRES(t->lock);
struct file *tree_file(struct tree *t, const char *id) REQUIRES(t->lock);
/* The child that Linux sees under `shown`, or NULL. Means nothing unless the listing is complete. */
struct file *tree_child(struct tree *t, struct file *folder, const char *shown) REQUIRES(t->lock);

/* A file that exists here only, until tree_adopt() gives it Drive's id, which should be `reserved`.
 * Takes `name`, Drive's. */
MUST_CHECK int tree_make(struct tree *t, struct file *folder, char *name, const char *reserved, struct file **ret,
			 struct inval *inval) REQUIRES(t->lock);
MUST_CHECK int tree_adopt(struct tree *t, struct file *f, struct drive_file *news, struct inval *inval) REQUIRES(t->lock);
/* The writing of `n` has ended: if Drive's head is another content, a lookup gets a new inode. */
void tree_outdated(struct tree *t, struct inode *n) REQUIRES(t->lock);
/* Somebody else removed the file that `n` is being written to: `n` gets another one of that name in
 * that folder, so that the bytes have a place to go: the one that has the name now, if there is one that
 * nobody writes here, else a new one, made here, with the id `reserved`. st_ino stays. -ENOENT: the
 * folder is gone too. */
MUST_CHECK int tree_renew(struct tree *t, struct inode *n, const char *reserved, struct inval *inval) REQUIRES(t->lock);
/* Move and rename a file that Drive does not know yet. Takes `name`. */
MUST_CHECK int tree_move(struct tree *t, struct file *f, struct file *folder, char *name, struct inval *inval)
	REQUIRES(t->lock);
/* Would f have `name`, that of `target`, if it took it and `target` were gone? Not where an older file of
 * that name is left: the same name must mean the same file on every host. */
bool tree_has_name(struct tree *t, struct file *f, struct file *target, const char *name) REQUIRES(t->lock);

/* The only content that a document has here: a freedesktop link that opens it in the browser. */
void tree_doc_text(const struct file *f, struct buf *ret);

/* Does it lie below the root by its own path? */
bool tree_inside(const struct tree *t, const struct file *f) REQUIRES(t->lock);
/* Is it shown as a symbolic link? */
bool tree_is_link(const struct tree *t, const struct file *f);
/* Where `to` is, from the folder of `link`: "../b/c". For a symbolic link. */
void tree_link_text(struct tree *t, const struct file *link, const struct file *to, struct buf *ret) REQUIRES(t->lock);
/* "a/b/c" below the root, for messages (the caller frees; NULL: no memory). */
char *tree_path(struct tree *t, const struct file *f) REQUIRES(t->lock);

#endif
