/* SPDX-License-Identifier: MIT */
/* A file: what is known of one id of Drive, or of a file made here that Drive does not have yet.
 *
 * "Absent" has several meanings, and what each allows differs: the bytes of a file that this mount
 * unlinked are nobody's, those of one that somebody else removed are still to be saved, and of one that
 * a listing lacks nothing is known. So each file is in one state, changed by file_event() alone:
 *
 *   state           means                                              name  who sees it so
 *   MADE            made here, Drive does not have it yet              yes   status: pending
 *   LISTED          Drive has told of it where we see it               yes
 *   UNKNOWN         a complete listing lacked it: asked by id next     yes   namei_list(), namei_lookup()
 *   REMOVED_HERE    unlink, rmdir, or a rename over it, by this mount  no    publish: bytes are dropped
 *   REMOVED_BY_NEWS trashed, or moved out of our sight, elsewhere      no    publish: bytes get a new file, or
 *                                                                            go to where it was moved
 *   REFUSED         deleted for good, or access was lost (Drive does   no    as REMOVED_BY_NEWS
 *                   not say which)
 *
 *   event       by                                 MADE     LISTED   UNKNOWN  RM_HERE  BY_NEWS  REFUSED
 *   SEEN        tree_apply(), tree_adopt()         LISTED   LISTED   LISTED   LISTED   LISTED   LISTED
 *   ABSENT      tree_sweep()                       -        UNKNOWN  UNKNOWN  -        -        -
 *   WENT        tree_apply(), tree_adopt()         BY_NEWS  BY_NEWS  BY_NEWS  RM_HERE  BY_NEWS  BY_NEWS
 *   DENIED      tree_deny()                        REFUSED  REFUSED  REFUSED  RM_HERE  REFUSED  REFUSED
 *   UNLINKED    tree_remove()                      RM_HERE  RM_HERE  RM_HERE  RM_HERE  RM_HERE  RM_HERE
 *
 * ("-" cannot be: debug builds abort. Only what has a name can be absent from a listing.) Held by
 * tests/unit/test_fs_states.c, each row.
 *
 * tree.lock guards all of it. */
#ifndef DFM_FS_TREE_FILE_H
#define DFM_FS_TREE_FILE_H
#include "drive/drive.h"
#include "fs/tree/map.h"
#include "fs/writers.h"

enum file_state {
	FILE_MADE, FILE_LISTED, FILE_UNKNOWN,
	FILE_REMOVED_HERE, FILE_REMOVED_BY_NEWS, FILE_REFUSED,
};
enum file_event { FILE_SEEN, FILE_ABSENT, FILE_WENT, FILE_DENIED, FILE_UNLINKED };

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
	struct file *was_in;		/* the folder that it was in last; NULL: none that we knew */
	char *name, *base, *shown;	/* Drive's; as Linux can hold it; unique in its folder */
	char *description;		/* NULL: none */
	uint64_t version;
	uint64_t touched;		/* tree.clock when Drive, or we, last spoke of it */
	int64_t seen_ms;		/* the same by now_ms() */
	int64_t created_ms;
	struct content head;
	bool folder, blob, can_edit;
	bool media;			/* a picture, a video, sound or a PDF */
	bool doc;			/* opens in a browser only: shown, if at all, as a small file with a link */
	const char *drive;		/* the shared drive that it lies on, or ""; one pointer for each */
	enum file_state state;
	bool ours;			/* made or saved by this mount: a listing that lags may not know of it */
	int64_t ask_ms;			/* FILE_REFUSED: when it is asked for once more (ask.h); 0: never */
	unsigned ask_tries;
	bool elsewhere;			/* REMOVED_BY_NEWS: moved out of our sight, not trashed */
	bool leaving;			/* this mount has asked Drive to trash it, and waits for the answer */
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
	int64_t changed_ms;		/* when this mount last changed a name in it; 0: not since Drive's time */
	uint64_t news;			/* counts changes from elsewhere to its names */
	size_t hidden;			/* children that are not shown (Google Docs) */
	uint64_t kept;			/* snapshot.c: of the names that are in the cache; 0: none are */

	struct model *model;		/* what model.c knows of head; guarded by its own lock */
};

void file_event(struct file *f, enum file_event event);
/* Has it no name any more? By this mount; by what happened elsewhere. */
bool file_gone(const struct file *f);
bool file_gone_here(const struct file *f);
bool file_gone_by_news(const struct file *f);
/* Is the folder that it lies in (or lay in, when it went), or one above, trashed or deleted? A save there has
 * no place. */
bool file_placeless(const struct file *f);
/* The time that stat() shows of what has no bytes. */
int64_t file_mtime_ms(const struct file *f);
#endif
