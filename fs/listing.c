/* SPDX-License-Identifier: MIT */
#include "fs/listing.h"

#include "fs/ask.h"
#include "fs/notify.h"

#include <stdio.h>
#include <string.h>

enum { ASK_AT_ONCE = 32 };

struct listing_news { struct fs *fs; struct file *folder; struct inval inval; };

static int one_listed(void *ctx, struct drive_file *news)
{
	struct listing_news *l = ctx;
	if (!news->parent[0]) /* Drive hides a parent that we may not see; we asked for it by id */
		memcpy(news->parent, l->folder->id, sizeof news->parent);
	lock_acquire(&l->fs->tree.lock);
	/* Of what a first listing brings the kernel knows nothing yet. */
	bool tell = l->folder->listed || tree_file(&l->fs->tree, news->id);
	int r = tree_apply(&l->fs->tree, news, tell ? &l->inval : NULL, NULL);
	lock_release(&l->fs->tree.lock);
	return r;
}

/* Is there something to do? Then the listing is ours to run. */
static int claim_listing(struct tree *t, struct file *folder, bool *ret_ours, uint64_t *ret_since)
{
	int r = 0;
	lock_acquire(&t->lock);
	while (folder->listing == LISTING_RUNS && !r)
		r = lock_wait_or_cancel(&t->lock, &t->listed, 0, "a folder is being listed");
	*ret_ours = !r && folder->listing == LISTING_UNKNOWN;
	if (*ret_ours)
		folder->listing = LISTING_RUNS;
	*ret_since = t->clock;
	lock_release(&t->lock);
	return r;
}

/* Children that the listing lacks though they were there lately: Drive's listings lag. Some are asked for
 * at once, so that `ls` is right; what is left is asked for when it is looked up. */
static void ask_unknown(struct fs *fs, struct file *folder)
{
	size_t pos = 0;
	for (unsigned n = 0; n < ASK_AT_ONCE && !cancelled(); n++) {
		lock_acquire(&fs->tree.lock);
		struct file *f = tree_unknown(&fs->tree, folder, &pos);
		lock_release(&fs->tree.lock);
		if (!f || (ask_drive(fs, f) != 0 && !file_gone(f)))
			return; /* Drive does not answer: nothing is known yet */
	}
}

static int list_in_drive(struct fs *fs, struct listing_news *l)
{
	char drive[DRIVE_ID_MAX + 1];
	lock_acquire(&fs->tree.lock);
	snprintf(drive, sizeof drive, "%s", l->folder->drive ? l->folder->drive : "");
	lock_release(&fs->tree.lock);
	return drive_list(fs->drive, l->folder->id, drive, one_listed, l);
}

/* Drive answers 404 for the folder itself, which proves nothing where it knows the folder by its id. */
static int list_denied(struct fs *fs, struct listing_news *l)
{
	int r = ask_drive(fs, l->folder);
	if (!r)
		r = list_in_drive(fs, l);
	if (r != -ENOENT)
		return r;
	if (l->folder == fs->tree.root)
		return err_set(-EIO, "the mounted folder is gone in Drive, or is not shared with %s any more",
			       drive_identity(fs->drive));
	return file_gone(l->folder) ? err_set(-ESTALE, "the folder is gone in Drive")
				    : err_set(-EIO, "Drive knows the folder and does not list it: try again");
}

int listing_need(struct fs *fs, struct file *folder)
{
	struct tree *t = &fs->tree;
	bool ours;
	uint64_t since;
	size_t unknown = 0;
	int r = claim_listing(t, folder, &ours, &since);
	if (r || !ours)
		return r;
	struct listing_news l = { .fs = fs, .folder = folder };
	r = fs_offline(fs) ? err_set(-ENETUNREACH, "Drive cannot be reached, and the cache does not know this folder")
			   : list_in_drive(fs, &l);
	if (r == -ENOENT)
		r = list_denied(fs, &l);
	lock_acquire(&t->lock);
	if (!r && folder->listed)
		unknown = tree_sweep(t, folder, since, &l.inval);
	lock_release(&t->lock);
	if (unknown)
		ask_unknown(fs, folder);
	lock_acquire(&t->lock);
	folder->listed |= !r;
	folder->listing = r ? LISTING_UNKNOWN : LISTING_COMPLETE;
	pthread_cond_broadcast(&t->listed);
	lock_release(&t->lock);
	notify_later(fs->notify, &l.inval); /* a file may have come here from a folder that the kernel knows */
	return r;
}
