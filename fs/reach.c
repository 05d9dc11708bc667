/* SPDX-License-Identifier: MIT */
#include "fs/reach.h"

#include "fs/listing.h"

#include <string.h>

enum { FOLDERS_ABOVE_MAX = 100 };

static struct file *known_file(struct fs *fs, const char *id)
{
	lock_acquire(&fs->tree.lock);
	struct file *f = tree_file(&fs->tree, id);
	if (f && (file_gone(f) || file_placeless(f) || !tree_inside(&fs->tree, f)))
		f = NULL;
	lock_release(&fs->tree.lock);
	return f;
}

static int reach_from(struct fs *fs, const char *id, unsigned depth, struct file **ret)
{
	CLEANUP_DRIVE_FILE struct drive_file news = { 0 };
	struct file *parent;
	*ret = known_file(fs, id);
	if (*ret)
		return 0;
	int r = depth < FOLDERS_ABOVE_MAX ? drive_get(fs->drive, id, &news) : err_set(-ENOENT, "too many folders above %s", id);
	if (!r && (!news.parent[0] || news.trashed || strcmp(news.drive, fs->shared_drive) != 0))
		r = err_set(-ENOENT, "%s: %s", id, news.trashed ? "in Drive's trash" : "not below the mounted folder");
	if (!r)
		r = reach_from(fs, news.parent, depth + 1, &parent);
	if (!r)
		r = listing_need(fs, parent);
	if (r)
		return r;
	*ret = known_file(fs, id);
	return *ret ? 0 : err_set(-ENOENT, "%s is not shown in the mount (a Google Doc?)", id);
}

int reach_file(struct fs *fs, const char *id, struct file **ret) { return reach_from(fs, id, 0, ret); }
