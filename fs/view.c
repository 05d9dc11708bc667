/* SPDX-License-Identifier: MIT */
#include "fs/view.h"

#include "fs/namei.h"
#include "fs/shortcut.h"
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

/* A node of the view for `f`; `letter` tells the kinds apart in the key, and `up` (else NULL) a folder
 * on the path of a shortcut, as everywhere. */
static int view_node(struct fs *fs, char letter, struct inode *up, struct file *f, enum view_kind kind, unsigned index,
		     const struct content *c, uint64_t size, struct inode **ret)
{
	char key[2 * DRIVE_ID_MAX + 32];
	snprintf(key, sizeof key, "%c%u/%s/%s", letter, index, f->id, c ? c->revision : "");
	lock_acquire(&fs->tree.lock);
	int r = inode_view(&fs->tree, key, up, f, kind, index, ret);
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
	return view_node(fs, 'F', NULL, fs->tree.root, VIEW_FOLDER, 0, NULL, 0, ret);
}

/* What a name shows; a shortcut that leads nowhere holds no model: -ENOENT. */
static int find(struct fs *fs, struct inode *dir, const char *name, struct file **ret, bool *ret_shortcut)
{
	int r = namei_list(fs, dir->file);
	if (r)
		return r;
	lock_acquire(&fs->tree.lock);
	struct file *f = tree_child(&fs->tree, dir->file, name);
	lock_release(&fs->tree.lock);
	if (!f)
		return -ENOENT;
	r = shortcut_follow(fs, f, ret);
	*ret_shortcut = !r && *ret != f;
	if (!*ret_shortcut)
		return r == -ELOOP ? -ENOENT : r;
	lock_acquire(&fs->tree.lock);
	bool circle = (*ret)->folder && inode_below(dir, *ret);
	lock_release(&fs->tree.lock);
	return circle ? -ENOENT : 0;
}

static int lookup_in_folder(struct fs *fs, struct inode *dir, const char *name, struct inode **ret)
{
	enum savedmodel_kind kind = SAVEDMODEL_NONE;
	struct file *f;
	bool shortcut;
	int r = find(fs, dir, name, &f, &shortcut);
	if (r)
		return r;
	struct inode *up = shortcut || dir->up ? dir : NULL;
	if (f->folder)
		return view_node(fs, 'F', up, f, VIEW_FOLDER, 0, NULL, 0, ret);
	lock_acquire(&fs->tree.lock);
	struct content c = f->head;
	lock_release(&fs->tree.lock);
	r = model_kind(fs, f, &c, &kind);
	if (r || kind == SAVEDMODEL_NONE)
		return r ? r : -ENOENT;
	return view_node(fs, 'M', up, f, VIEW_MODEL, 0, &c, 0, ret);
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
	r = i < n ? view_node(fs, 'f', NULL, dir->file, VIEW_FILE, (unsigned)i, &dir->content, files[i].size, ret) : -ENOENT;
	model_unref(fs, m);
	return r;
}

int view_lookup(struct fs *fs, struct inode *dir, const char *name, struct inode **ret)
{
	if (dir->view == VIEW_FOLDER)
		return lookup_in_folder(fs, dir, name, ret);
	for (size_t i = 0; i < ENTRIES; i++) {
		if (entries[i].in_variables != (dir->view == VIEW_VARIABLES) || strcmp(entries[i].name, name) != 0)
			continue;
		if (entries[i].folder)
			return view_node(fs, 'V', dir->up ? dir : NULL, dir->file, VIEW_VARIABLES, 0, &dir->content, 0, ret);
		return lookup_file(fs, dir, entries[i].path, ret);
	}
	return -ENOENT; /* fingerprint.pb, debug/, assets/ ...: loaders ask, none needs them */
}

/* ---- listing */

/* `file`: what the name shows, once looked into; NULL: nothing. */
struct child { struct file *entry, *file; char *name; enum savedmodel_kind kind; int error; };
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
	int r = namei_list(fs, folder);
	if (r)
		return r;
	lock_acquire(&fs->tree.lock);
	ret->all = calloc(folder->by_shown.count + 1, sizeof *ret->all);
	size_t pos = 0;
	for (struct file *f; ret->all && (f = map_next(&folder->by_shown, &pos));) {
		struct child *c = &ret->all[ret->count++];
		*c = (struct child){ .entry = f, .name = strdup(f->shown) };
		if (!c->name)
			r = -ENOMEM;
	}
	lock_release(&fs->tree.lock);
	return !ret->all || r ? err_set(-ENOMEM, "no memory to list a folder") : 0;
}

static int look_into(struct fs *fs, struct child *one)
{
	int r = shortcut_follow(fs, one->entry, &one->file);
	if (r || one->file->folder)
		return r == -ENOENT || r == -ELOOP ? 0 : r;
	lock_acquire(&fs->tree.lock);
	struct content head = one->file->head;
	lock_release(&fs->tree.lock);
	return model_kind(fs, one->file, &head, &one->kind);
}

static void *sniffer(void *arg)
{
	struct children *c = arg;
	for (size_t i; (i = __atomic_fetch_add(&c->next, 1, __ATOMIC_RELAXED)) < c->count;) {
		struct child *one = &c->all[i];
		one->error = look_into(c->fs, one);
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

/* A walk that asks of folders whether they hold models. Each is looked into once, so that shortcuts
 * in a circle, or many to one folder, end it. Of folders that lie in each other by shortcuts, one may
 * be said to hold none though it would by way of the other: it can still be looked up. */
struct walk {
	struct fs *fs;
	struct seen { struct file *folder; bool holds; } *seen;
	size_t count, cap;
};

static struct seen *see(struct walk *w, struct file *folder, bool *ret_fresh)
{
	for (size_t i = 0; i < w->count; i++)
		if (w->seen[i].folder == folder) {
			*ret_fresh = false;
			return &w->seen[i];
		}
	if (w->count == w->cap) {
		size_t cap = w->cap ? w->cap * 2 : 16;
		struct seen *all = realloc(w->seen, cap * sizeof *all);
		if (!all)
			return NULL;
		w->seen = all;
		w->cap = cap;
	}
	*ret_fresh = true;
	w->seen[w->count] = (struct seen){ folder, false };
	return &w->seen[w->count++];
}

static int each_child(struct walk *w, struct file *folder, unsigned depth,
		      int (*each)(void *ctx, const char *name, bool folder), void *ctx);

static int found_one(void *ctx, const char *name, bool folder)
{
	(void)name, (void)folder;
	*(bool *)ctx = true;
	return 1; /* enough */
}

static int holds_models(struct walk *w, struct file *folder, unsigned depth, bool *ret)
{
	bool fresh;
	struct seen *seen = see(w, folder, &fresh);
	*ret = seen && seen->holds;
	if (!seen)
		return err_set(-ENOMEM, "no memory to list a folder");
	if (!fresh)
		return 0;
	size_t at = (size_t)(seen - w->seen);
	int r = depth < DEPTH_MAX ? each_child(w, folder, depth + 1, found_one, ret) : 0;
	w->seen[at].holds = *ret;
	return *ret ? 0 : r;
}

/* Models first: they answer "does this folder hold any" without going deeper. */
static int each_child(struct walk *w, struct file *folder, unsigned depth,
		      int (*each)(void *ctx, const char *name, bool folder), void *ctx)
{
	struct children c;
	int r = children_of(w->fs, folder, &c);
	if (!r)
		r = sniff_all(&c);
	for (size_t i = 0; i < c.count && !r; i++)
		if (c.all[i].file && !c.all[i].file->folder && c.all[i].kind != SAVEDMODEL_NONE)
			r = each(ctx, c.all[i].name, true);
	for (size_t i = 0; i < c.count && !r; i++) {
		bool holds = false;
		if (c.all[i].file && c.all[i].file->folder)
			r = holds_models(w, c.all[i].file, depth, &holds);
		if (!r && holds)
			r = each(ctx, c.all[i].name, true);
	}
	children_done(&c);
	return r;
}

static int list_folder(struct fs *fs, struct inode *dir, int (*each)(void *ctx, const char *name, bool folder), void *ctx)
{
	struct walk w = { .fs = fs };
	bool fresh;
	int r = 0;
	lock_acquire(&fs->tree.lock);
	for (const struct inode *n = dir; n && !r; n = n->up) /* the folders that this one lies in are circles */
		for (struct file *f = n->file; f && !r; f = n->up ? NULL : f->parent)
			r = see(&w, f, &fresh) ? 0 : err_set(-ENOMEM, "no memory to list a folder");
	lock_release(&fs->tree.lock);
	if (!r)
		r = each_child(&w, dir->file, 0, each, ctx);
	free(w.seen);
	return r;
}

int view_list(struct fs *fs, struct inode *dir, int (*each)(void *ctx, const char *name, bool folder), void *ctx)
{
	int r = 0;
	if (dir->view == VIEW_FOLDER)
		return list_folder(fs, dir, each, ctx);
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
