/* SPDX-License-Identifier: MIT */
#include "fs/view.h"

#include "fs/folder.h"
#include "fs/model.h"

#include <stdio.h>
#include <string.h>

enum { SNIFFERS = 8, DEPTH_MAX = 100 };

/* What a model's folder holds: known before any scan, so that listing needs none. */
static const struct { const char *name, *path; bool folder, in_variables; } entries[] = {
	{ "saved_model.pb", "saved_model.pb", false, false },
	{ "variables", NULL, true, false },
	{ "variables.data-00000-of-00002", "variables/variables.data-00000-of-00002", false, true },
	{ "variables.data-00001-of-00002", "variables/variables.data-00001-of-00002", false, true },
	{ "variables.index", "variables/variables.index", false, true },
};
enum { ENTRIES = sizeof entries / sizeof *entries };

/* A node of the view for `f`; `letter` tells the kinds apart in the key. */
static int view_node(struct fs *fs, char letter, struct file *f, enum view_kind kind, unsigned index,
		     const struct content *c, uint64_t size, struct inode **ret)
{
	char key[2 * DRIVE_ID_MAX + 32];
	snprintf(key, sizeof key, "%c%u/%s/%s", letter, index, f->id, c ? c->revision : "");
	lock_acquire(&fs->tree.lock);
	int r = inode_view(&fs->tree, key, f, kind, index, ret);
	if (!r) {
		if (c)
			(*ret)->content = *c;
		(*ret)->view_size = size;
	}
	lock_release(&fs->tree.lock);
	return r;
}

int view_root(struct fs *fs, struct inode **ret)
{
	return view_node(fs, 'F', fs->tree.root, VIEW_FOLDER, 0, NULL, 0, ret);
}

static int lookup_in_folder(struct fs *fs, struct file *folder, const char *name, struct inode **ret)
{
	enum savedmodel_kind kind = SAVEDMODEL_NONE;
	struct content c = { .revision = "" };
	int r = folder_list(fs, folder);
	if (r)
		return r;
	lock_acquire(&fs->tree.lock);
	struct file *f = tree_child(&fs->tree, folder, name);
	if (f)
		c = f->head;
	lock_release(&fs->tree.lock);
	if (!f)
		return -ENOENT;
	if (f->folder)
		return view_node(fs, 'F', f, VIEW_FOLDER, 0, NULL, 0, ret);
	r = model_kind(fs, f, &c, &kind);
	if (r || kind == SAVEDMODEL_NONE)
		return r ? r : -ENOENT;
	return view_node(fs, 'M', f, VIEW_MODEL, 0, &c, 0, ret);
}

/* The file `path` of the SavedModel: its size needs the scan. */
static int lookup_file(struct fs *fs, struct inode *dir, const char *path, struct inode **ret)
{
	struct model *m;
	const struct savedmodel_file *files;
	int r = model_open(fs, dir->file, &dir->content, &m);
	if (r)
		return r;
	size_t i = 0, n = savedmodel_files(model_savedmodel(m), &files);
	while (i < n && strcmp(files[i].path, path) != 0)
		i++;
	r = i < n ? view_node(fs, 'f', dir->file, VIEW_FILE, (unsigned)i, &dir->content, files[i].size, ret) : -ENOENT;
	model_unref(fs, m);
	return r;
}

int view_lookup(struct fs *fs, struct inode *dir, const char *name, struct inode **ret)
{
	if (dir->view == VIEW_FOLDER)
		return lookup_in_folder(fs, dir->file, name, ret);
	for (size_t i = 0; i < ENTRIES; i++) {
		if (entries[i].in_variables != (dir->view == VIEW_VARIABLES) || strcmp(entries[i].name, name) != 0)
			continue;
		if (entries[i].folder)
			return view_node(fs, 'V', dir->file, VIEW_VARIABLES, 0, &dir->content, 0, ret);
		return lookup_file(fs, dir, entries[i].path, ret);
	}
	return -ENOENT; /* fingerprint.pb, debug/, assets/ ...: loaders ask, none needs them */
}

/* ---- listing */

struct child { struct file *file; struct content head; char *name; enum savedmodel_kind kind; int error; };
struct children {
	struct fs *fs;
	struct child *all;
	size_t count;
	size_t next;	/* atomic: the next to sniff */
};

static void children_done(struct children *c)
{
	for (size_t i = 0; i < c->count; i++)
		free(c->all[i].name);
	free(c->all);
}

static int children_of(struct fs *fs, struct file *folder, struct children *ret)
{
	*ret = (struct children){ .fs = fs };
	int r = folder_list(fs, folder);
	if (r)
		return r;
	lock_acquire(&fs->tree.lock);
	ret->all = calloc(folder->by_shown.count + 1, sizeof *ret->all);
	size_t pos = 0;
	for (struct file *f; ret->all && (f = map_next(&folder->by_shown, &pos));) {
		struct child *c = &ret->all[ret->count++];
		*c = (struct child){ .file = f, .head = f->head, .name = strdup(f->shown) };
		if (!c->name)
			r = -ENOMEM;
	}
	lock_release(&fs->tree.lock);
	return !ret->all || r ? err_set(-ENOMEM, "no memory to list a folder") : 0;
}

static void *sniffer(void *arg)
{
	struct children *c = arg;
	for (size_t i; (i = __atomic_fetch_add(&c->next, 1, __ATOMIC_RELAXED)) < c->count;) {
		struct child *one = &c->all[i];
		if (!one->file->folder)
			one->error = model_kind(c->fs, one->file, &one->head, &one->kind);
	}
	return NULL;
}

/* What each file is, several at a time: each may cost one request. */
static int sniff_all(struct children *c)
{
	pthread_t threads[SNIFFERS];
	size_t n = 0;
	while (n < SNIFFERS && n + 1 < c->count && !pthread_create(&threads[n], NULL, sniffer, c))
		n++;
	sniffer(c);
	while (n)
		pthread_join(threads[--n], NULL);
	for (size_t i = 0; i < c->count; i++)
		if (c->all[i].error) /* unknown is not "no model": the listing fails as a whole */
			return err_set(c->all[i].error, "\"%s\" cannot be looked into", c->all[i].name);
	return 0;
}

static int each_child(struct fs *fs, struct file *folder, unsigned depth,
		      int (*each)(void *ctx, const char *name, bool folder), void *ctx);

static int found_one(void *ctx, const char *name, bool folder)
{
	(void)name, (void)folder;
	*(bool *)ctx = true;
	return 1; /* enough */
}

static int holds_models(struct fs *fs, struct file *folder, unsigned depth, bool *ret)
{
	*ret = false;
	int r = depth < DEPTH_MAX ? each_child(fs, folder, depth + 1, found_one, ret) : 0;
	return *ret ? 0 : r;
}

/* Models first: they answer "does this folder hold any" without going deeper. */
static int each_child(struct fs *fs, struct file *folder, unsigned depth,
		      int (*each)(void *ctx, const char *name, bool folder), void *ctx)
{
	struct children c;
	int r = children_of(fs, folder, &c);
	if (!r)
		r = sniff_all(&c);
	for (size_t i = 0; i < c.count && !r; i++)
		if (!c.all[i].file->folder && c.all[i].kind != SAVEDMODEL_NONE)
			r = each(ctx, c.all[i].name, true);
	for (size_t i = 0; i < c.count && !r; i++) {
		bool holds = false;
		if (c.all[i].file->folder)
			r = holds_models(fs, c.all[i].file, depth, &holds);
		if (!r && holds)
			r = each(ctx, c.all[i].name, true);
	}
	children_done(&c);
	return r;
}

int view_list(struct fs *fs, struct inode *dir, int (*each)(void *ctx, const char *name, bool folder), void *ctx)
{
	int r = 0;
	if (dir->view == VIEW_FOLDER)
		return each_child(fs, dir->file, 0, each, ctx);
	for (size_t i = 0; i < ENTRIES && !r; i++)
		if (entries[i].in_variables == (dir->view == VIEW_VARIABLES))
			r = each(ctx, entries[i].name, entries[i].folder);
	return r;
}

int view_open(struct fs *fs, struct inode *n, struct handle **ret)
{
	struct model *m;
	int r = model_open(fs, n->file, &n->content, &m);
	if (r)
		return r;
	struct source *src;
	r = model_source(fs, m, n->view_index, &src);
	model_unref(fs, m);
	if (r)
		return r;
	struct handle *h = calloc(1, sizeof *h);
	if (!h) {
		source_unref(src);
		return err_set(-ENOMEM, "no memory to open a file");
	}
	*h = (struct handle){ .node = n, .view = src };
	lock_acquire(&fs->tree.lock);
	inode_hold(n);
	lock_release(&fs->tree.lock);
	*ret = h;
	return 0;
}
