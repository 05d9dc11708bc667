/* SPDX-License-Identifier: MIT */
#include "fs/sidecar.h"

#include "fs/namei.h"
#include "fs/shortcut.h"

#include <stdio.h>
#include <string.h>

enum { NAME_BYTES_MAX = 128 << 10 };

/* The entry that the main file is known by here, or NULL. */
static struct file *entry_of_main(struct file *main) { return main->parent || !main->links ? main : main->links; }

char *sidecar_name(struct fs *fs, struct file *main, const char *suffix)
{
	CLEANUP_BUF struct buf name = BUF_INIT(NAME_BYTES_MAX);
	lock_acquire(&fs->tree.lock);
	const char *shown = entry_of_main(main)->shown;
	buf_printf(&name, "%s%s", shown ? shown : "", suffix);
	lock_release(&fs->tree.lock);
	return buf_take(&name);
}

static struct file *folder_of_main(struct fs *fs, struct file *main)
{
	lock_acquire(&fs->tree.lock);
	struct file *folder = entry_of_main(main)->parent;
	lock_release(&fs->tree.lock);
	return folder;
}

/* What is called `name` in the folder, shortcuts followed; *ret NULL where nothing is. */
static int find_named(struct fs *fs, struct file *folder, const char *name, struct file **ret)
{
	*ret = NULL;
	int r = namei_list(fs, folder);
	if (r)
		return r;
	lock_acquire(&fs->tree.lock);
	struct file *entry = tree_child(&fs->tree, folder, name);
	lock_release(&fs->tree.lock);
	r = entry ? shortcut_follow(fs, entry, ret) : 0;
	return r == -ENOENT || r == -ELOOP ? 0 : r;
}

int sidecar_find(struct fs *fs, struct file *main, const char *suffix, struct sidecar *ret)
{
	struct file *folder = folder_of_main(fs, main), *f = NULL;
	CLEANUP_FREE char *name = sidecar_name(fs, main, suffix);
	*ret = (struct sidecar){ 0 };
	snprintf(ret->suffix, sizeof ret->suffix, "%s", suffix);
	if (!name)
		return err_nomem("a side-car's name");
	int r = folder ? find_named(fs, folder, name, &f) : 0;
	if (r || !f)
		return r;
	lock_acquire(&fs->tree.lock);
	if (f->blob && f->head.revision[0]) {
		memcpy(ret->id, f->id, sizeof ret->id);
		ret->content = f->head;
	}
	lock_release(&fs->tree.lock);
	return 0;
}

int sidecar_same(struct fs *fs, struct file *main, const struct sidecars *s, bool *ret)
{
	struct sidecar now;
	*ret = true;
	for (size_t i = 0; i < s->count && *ret; i++) {
		int r = sidecar_find(fs, main, s->all[i].suffix, &now);
		if (r)
			return r;
		*ret = strcmp(now.id, s->all[i].id) == 0 &&
		       strcmp(now.content.revision, s->all[i].content.revision) == 0;
	}
	return 0;
}

/* A name that we miss may have come meanwhile. */
static void outdate_names(struct fs *fs, struct file *folder)
{
	lock_acquire(&fs->tree.lock);
	if (folder && folder->listing == LISTING_COMPLETE)
		folder->listing = LISTING_UNKNOWN;
	lock_release(&fs->tree.lock);
}

int sidecar_refresh(struct fs *fs, struct file *main, const struct sidecars *s)
{
	int r = 0;
	for (size_t i = 0; i < s->count && !r; i++) {
		lock_acquire(&fs->tree.lock);
		struct file *f = s->all[i].id[0] ? tree_file(&fs->tree, s->all[i].id) : NULL;
		lock_release(&fs->tree.lock);
		r = f ? namei_refresh(fs, f) : 0;
		if (!f || r == -ENOENT) {
			outdate_names(fs, folder_of_main(fs, main));
			r = 0;
		}
	}
	return r;
}

uint64_t sidecar_hash(const struct sidecars *s)
{
	char text[SIDECARS_MAX * (SIDECAR_SUFFIX_MAX + 2 * DRIVE_ID_MAX + 4) + 1];
	size_t n = 0;
	for (size_t i = 0; i < s->count; i++)
		n += (size_t)snprintf(text + n, sizeof text - n, "%s/%s/%s\n", s->all[i].suffix, s->all[i].id,
				      s->all[i].content.revision);
	return n ? map_hash(text) : 0;
}
