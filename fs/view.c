/* SPDX-License-Identifier: MIT */
#include "fs/view.h"

#include "fs/namei.h"
#include "fs/shortcut.h"
#include "fs/view_name.h"
#include "fs/model.h"

#include <stdio.h>
#include <string.h>

enum { SNIFFERS = 8, DEPTH_MAX = 100, KEY_BYTES = MODEL_NAME_MAX + 32 };
#define ERROR_NAME "ERROR.txt"
#define ERROR_INDEX (~0u)	/* the view_index of that one */

/* What a model's folder holds: known before any scan, so that listing needs none. */
static const struct { const char *name, *path; bool folder, in_variables; } entries[] = {
	{ "saved_model.pb", "saved_model.pb", false, false },
	{ "variables", NULL, true, false },
	{ "variables.data-00000-of-00002", "variables/variables.data-00000-of-00002", false, true },
	{ "variables.data-00001-of-00002", "variables/variables.data-00001-of-00002", false, true },
	{ "variables.index", "variables/variables.index", false, true },
};
enum { ENTRIES = sizeof entries / sizeof *entries };

/* A node of the view for `f`, by a key that says all that it shows. Folders show what is there now: they
 * are one node for a file or folder (and `up`, else NULL, on the path of a shortcut). */
static int view_node(struct fs *fs, const char *key, struct inode *up, struct file *f, enum view_kind kind,
		     unsigned index, const struct content *c, uint64_t size, struct inode **ret)
{
	lock_acquire(&fs->tree.lock);
	int r = inode_view(&fs->tree, key, up, f, kind, index, ret);
	if (!r) {
		(*ret)->content = c ? *c : f->head;
		(*ret)->view_size = size;
	}
	lock_release(&fs->tree.lock);
	return r;
}

static int folder_node(struct fs *fs, char letter, struct inode *up, struct file *f, enum view_kind kind,
		       struct inode **ret)
{
	char key[KEY_BYTES];
	snprintf(key, sizeof key, "%c/%s", letter, f->id);
	return view_node(fs, key, up, f, kind, 0, NULL, 0, ret);
}

/* A file of a model: its bytes are a function of the set, so that another set is another node, for the
 * pages that the kernel keeps as well. */
static void file_key(char to[KEY_BYTES], const struct model *m, unsigned index)
{
	char name[MODEL_NAME_MAX];
	model_name(m, name);
	if (index == ERROR_INDEX)
		snprintf(to, KEY_BYTES, "e/%s/%016llx", name, (unsigned long long)map_hash(model_problem(m)));
	else
		snprintf(to, KEY_BYTES, "f%u/%s", index, name);
}

int view_root(struct fs *fs, struct inode **ret)
{
	return folder_node(fs, 'F', NULL, fs->tree.root, VIEW_FOLDER, ret);
}

/* What a name shows; a shortcut that leads nowhere holds no model: -ENOENT. */
static int find_entry(struct fs *fs, struct inode *dir, const char *shown, struct file **ret, bool *ret_shortcut)
{
	CLEANUP_FREE char *name = view_name_read(shown);
	int r = name ? namei_list(fs, dir->file) : err_nomem("a name in " VIEW_NAME "/");
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
	int r = find_entry(fs, dir, name, &f, &shortcut);
	if (r)
		return r;
	struct inode *up = shortcut || dir->up ? dir : NULL;
	if (f->folder)
		return folder_node(fs, 'F', up, f, VIEW_FOLDER, ret);
	r = model_kind(fs, f, &kind);
	if (r || kind == SAVEDMODEL_NONE)
		return r ? r : -ENOENT;
	return folder_node(fs, 'M', up, f, VIEW_MODEL, ret);
}

static int file_node(struct fs *fs, struct model *m, struct file *f, unsigned index, uint64_t size, struct inode **ret)
{
	char key[KEY_BYTES];
	file_key(key, m, index);
	return view_node(fs, key, NULL, f, VIEW_FILE, index, model_content(m), size, ret);
}

/* The file `path` of the SavedModel: its size needs the scan. */
static int lookup_file(struct fs *fs, struct model *m, struct file *f, const char *path, struct inode **ret)
{
	const struct savedmodel_file *files;
	size_t i = 0, n = savedmodel_files(model_savedmodel(m), &files);
	while (i < n && strcmp(files[i].path, path) != 0)
		i++;
	return i < n ? file_node(fs, m, f, (unsigned)i, files[i].size, ret) : -ENOENT;
}

static int lookup_entry(struct fs *fs, struct inode *dir, size_t entry, struct inode **ret)
{
	struct model *m;
	int r = model_open(fs, dir->file, &m);
	if (r)
		return r;
	if (model_problem(m))
		r = -ENOENT;
	else if (entries[entry].folder)
		r = folder_node(fs, 'V', dir->up ? dir : NULL, dir->file, VIEW_VARIABLES, ret);
	else
		r = lookup_file(fs, m, dir->file, entries[entry].path, ret);
	model_unref(fs, m);
	return r;
}

static int lookup_error(struct fs *fs, struct inode *dir, struct inode **ret)
{
	struct model *m;
	int r = model_open(fs, dir->file, &m);
	if (r)
		return r;
	const char *text = model_problem(m);
	r = text ? file_node(fs, m, dir->file, ERROR_INDEX, strlen(text), ret) : -ENOENT;
	model_unref(fs, m);
	return r;
}

int view_lookup(struct fs *fs, struct inode *dir, const char *name, struct inode **ret)
{
	if (dir->view == VIEW_FOLDER)
		return lookup_in_folder(fs, dir, name, ret);
	for (size_t i = 0; i < ENTRIES; i++)
		if (entries[i].in_variables == (dir->view == VIEW_VARIABLES) && strcmp(entries[i].name, name) == 0)
			return lookup_entry(fs, dir, i, ret);
	if (dir->view == VIEW_MODEL && strcmp(name, ERROR_NAME) == 0)
		return lookup_error(fs, dir, ret);
	return -ENOENT; /* fingerprint.pb, debug/, assets/ ...: loaders ask, none needs them */
}

/* ---- listing */

/* `file`: what the name shows, once looked into; NULL: nothing. */
struct child { struct file *entry, *file; char *name; enum savedmodel_kind kind; };
struct children {
	struct fs *fs;
	struct child *all;
	size_t count;
	size_t next;	/* atomic: the next to sniff; `count` where one has failed */
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
		*c = (struct child){ .entry = f, .name = view_name_show(f->shown) };
		if (!c->name)
			r = -ENOMEM;
	}
	lock_release(&fs->tree.lock);
	return !ret->all || r ? err_nomem("the names in a folder") : 0;
}

/* What leads nowhere, or has gone since, is nothing. */
static int look_into(struct fs *fs, struct child *one)
{
	int r = shortcut_follow(fs, one->entry, &one->file);
	if (!r && !one->file->folder)
		r = model_kind(fs, one->file, &one->kind);
	if (r == -ENOENT || r == -ELOOP)
		return 0;
	return r ? err_set(r, "\"%s\" cannot be looked into: %s", one->name, err_last()) : 0;
}

/* Unknown is not "no model": the first that fails ends the listing, and the others need not go on. */
static int look_into_all(void *arg)
{
	struct children *c = arg;
	int r = 0;
	for (size_t i; !r && (i = __atomic_fetch_add(&c->next, 1, __ATOMIC_RELAXED)) < c->count;)
		r = look_into(c->fs, &c->all[i]);
	if (r)
		__atomic_store_n(&c->next, c->count, __ATOMIC_RELAXED);
	return r;
}

/* What each file is, several at a time: each may cost one request. */
static int sniff_all(struct children *c)
{
	struct thread threads[SNIFFERS];
	size_t n = 0;
	while (n < SNIFFERS && n + 1 < c->count && thread_inherit(&threads[n], look_into_all, c) == 0)
		n++;
	int r = look_into_all(c);
	CLEANUP_FREE char *why = r ? strdup(err_last()) : NULL;
	while (n) {
		int one = thread_join(&threads[--n]);
		r = r ? r : one;
	}
	return why ? err_set(r, "%s", why) : r;
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
	if (!GROW(w->seen, w->count, w->cap))
		return NULL;
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
		return err_nomem("the names in a folder");
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

static int list_folder(struct fs *fs, struct inode *dir, int (*each)(void *ctx, const char *name, bool folder),
		       void *ctx)
{
	struct walk w = { .fs = fs };
	bool fresh;
	int r = 0;
	lock_acquire(&fs->tree.lock);
	for (const struct inode *n = dir; n && !r; n = n->up) /* the folders that this one lies in are circles */
		for (struct file *f = n->file; f && !r; f = n->up ? NULL : f->parent)
			r = see(&w, f, &fresh) ? 0 : err_nomem("the names in a folder");
	lock_release(&fs->tree.lock);
	if (!r)
		r = each_child(&w, dir->file, 0, each, ctx);
	free(w.seen);
	return r;
}

static int list_entries(bool variables, int (*each)(void *ctx, const char *name, bool folder), void *ctx)
{
	int r = 0;
	for (size_t i = 0; i < ENTRIES && !r; i++)
		if (entries[i].in_variables == variables)
			r = each(ctx, entries[i].name, entries[i].folder);
	return r;
}

/* Scanned first: what is listed must be there when it is asked for. */
static int list_model(struct fs *fs, struct file *f, int (*each)(void *ctx, const char *name, bool folder), void *ctx)
{
	struct model *m;
	int r = model_open(fs, f, &m);
	if (r)
		return r;
	bool problem = model_problem(m);
	model_unref(fs, m);
	return problem ? each(ctx, ERROR_NAME, false) : list_entries(false, each, ctx);
}

int view_list(struct fs *fs, struct inode *dir, int (*each)(void *ctx, const char *name, bool folder), void *ctx)
{
	if (dir->view == VIEW_FOLDER)
		return list_folder(fs, dir, each, ctx);
	return dir->view == VIEW_MODEL ? list_model(fs, dir->file, each, ctx) : list_entries(true, each, ctx);
}

/* The bytes of the very set that the node is of. */
static int open_source(struct fs *fs, const struct inode *n, struct model *m, struct source **ret)
{
	char key[KEY_BYTES] = "";
	const char *problem = model_problem(m);
	if (!problem == (n->view_index != ERROR_INDEX))
		file_key(key, m, n->view_index);
	if (strcmp(key, n->view_key) != 0)
		return err_set(-ESTALE, "the model's files are others by now");
	if (problem)
		return source_bytes(problem, strlen(problem), ret);
	int r = model_source_check(fs, m);
	return r ? r : model_source(fs, m, n->view_index, ret);
}

/* -ESTALE: the kernel looks the name up once more, and opens what is there now. */
int view_open(struct fs *fs, struct inode *n, struct handle **ret)
{
	struct model *m;
	struct source *src;
	int r = model_open(fs, n->file, &m);
	if (r)
		return r == -ENOENT ? err_set(-ESTALE, "the model is gone") : r;
	r = open_source(fs, n, m, &src);
	model_unref(fs, m);
	if (r)
		return r;
	struct handle *h = calloc(1, sizeof *h);
	if (!h) {
		source_unref(src);
		return err_nomem("an open file");
	}
	*h = (struct handle){ .node = n, .view = src };
	lock_acquire(&fs->tree.lock);
	inode_hold(n);
	lock_release(&fs->tree.lock);
	*ret = h;
	return 0;
}
