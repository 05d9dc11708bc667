/* SPDX-License-Identifier: MIT */
#include "fs/tree.h"

#include "format/buf.h"
#include "fs/name.h"

#include <stdio.h>
#include <string.h>

/* ---- names within a folder */

/* Does the kernel know of a change in `folder` itself? Only on the path that it was made by. */
static bool is_known(const struct forget *forget, const struct file *folder)
{
	return !forget || (forget->ours && !folder->aliases);
}

enum { ID_SHOWN = 8, TELL_APART_MAX = 4, DOC_TEXT_MAX = 1024 };

static const char *id_of(const struct file *f) { return f->id[0] ? f->id : f->reserved; }

static bool older(const struct file *a, const struct file *b)
{
	if (a->created_ms != b->created_ms)
		return a->created_ms < b->created_ms;
	return strcmp(id_of(a), id_of(b)) < 0;
}

/* A told-apart name gives way to every file that has it as its own. */
static bool taken(const struct file *folder, const char *name)
{
	return map_get(&folder->by_base, name) || map_get(&folder->by_shown, name);
}

/* What f is called as the `at`-th of its base name; NULL: no memory. */
static char *shown_name(const struct tree *t, const struct file *folder, const struct file *f, size_t at)
{
	if (folder == t->root && strcmp(f->base, VIEW_NAME) == 0)
		at++; /* the virtual folder has the name */
	if (at == 0)
		return strdup(f->base);
	char *name = name_tell_apart(f->base, id_of(f), ID_SHOWN);
	for (int i = 0; i < TELL_APART_MAX && name && taken(folder, name); i++) {
		char *longer = name_tell_apart(i ? name : f->base, id_of(f), sizeof f->id);
		free(name);
		name = longer;
	}
	return name;
}

/* Give every file of one base name its shown name; what changes is told to the kernel. */
static int regroup(struct tree *t, struct file *folder, struct file *first, struct forget *forget)
{
	size_t at = 0;
	for (struct file *f = first; f; f = f->next_same, at++)
		if (f->shown) {
			map_del(&folder->by_shown, f->shown);
		}
	at = 0;
	for (struct file *f = first; f; f = f->next_same, at++) {
		char *name = shown_name(t, folder, f, at);
		if (!name)
			return err_set(-ENOMEM, "no memory for a file name");
		if (!f->shown || strcmp(f->shown, name) != 0) {
			forget_name(forget, folder, f->shown);
			if (f->shown || !is_known(forget, folder))
				forget_name(forget, folder, name);
		}
		free(f->shown);
		f->shown = name;
		int r = map_put(&folder->by_shown, f->shown, f);
		if (r)
			return r;
	}
	return 0;
}

/* Could a told-apart name be `base`? */
static bool looks_told_apart(const char *base)
{
	const char *at = strrchr(base, '~');
	return at && strlen(at + 1) >= ID_SHOWN;
}

/* A base name has come or gone that a duplicate of another one may be told apart by: names must not
 * depend on which of the two was seen first. Rare enough to look at the whole folder. */
static int regroup_others(struct tree *t, struct file *folder, const char *base, struct forget *forget)
{
	size_t pos = 0;
	int r = 0;
	if (!looks_told_apart(base))
		return 0;
	for (struct file *first; !r && (first = map_next(&folder->by_base, &pos));)
		if (strcmp(first->base, base) != 0 && (first->next_same || (folder == t->root && !strcmp(first->base, VIEW_NAME))))
			r = regroup(t, folder, first, forget);
	return r;
}

/* Is there a name for it to have? */
static bool is_shown(const struct tree *t, const struct file *f)
{
	return f->doc ? t->show_docs : f->folder || f->blob || f->target;
}

/* As Linux can hold it, without regard to others. */
static char *base_name(const struct file *f)
{
	if (!f->doc)
		return name_show(f->name, id_of(f));
	CLEANUP_BUF struct buf b = BUF_INIT(1 << 20);
	buf_printf(&b, "%s%s", f->name, DOC_SUFFIX);
	return b.failed ? NULL : name_show(b.data, id_of(f));
}

static int attach(struct tree *t, struct file *folder, struct file *f, struct forget *forget)
{
	f->parent = folder;
	if (!is_shown(t, f)) {
		folder->hidden++;
		return 0;
	}
	free(f->base);
	f->base = base_name(f);
	if (!f->base)
		return err_set(-ENOMEM, "no memory for a file name");
	struct file *first = map_get(&folder->by_base, f->base), **at = &first;
	bool fresh = !first;
	while (*at && older(*at, f))
		at = &(*at)->next_same;
	f->next_same = *at;
	*at = f;
	int r = map_put(&folder->by_base, first->base, first);
	if (!r && fresh)
		r = regroup_others(t, folder, f->base, forget);
	if (r)
		return r;
	if (!is_known(forget, folder))
		tree_forget_listing(folder, forget);
	return regroup(t, folder, first, forget);
}

static void detach(struct tree *t, struct file *f, struct forget *forget)
{
	struct file *folder = f->parent;
	f->parent = NULL;
	if (!folder)
		return;
	if (!is_shown(t, f)) {
		folder->hidden--;
		return;
	}
	if (!is_known(forget, folder)) {
		tree_forget_listing(folder, forget);
		forget_name(forget, folder, f->shown);
	}
	struct file *first = map_del(&folder->by_base, f->base), **at = &first;
	while (*at && *at != f)
		at = &(*at)->next_same;
	if (*at)
		*at = f->next_same;
	f->next_same = NULL;
	if (f->shown)
		map_del(&folder->by_shown, f->shown);
	free(f->shown);
	f->shown = NULL;
	/* The table had room for the entry that was just removed: no put of these can fail but by
	 * memory for a name, and then the file keeps its longer name until the next news. */
	if (first && !map_put(&folder->by_base, first->base, first))
		(void)regroup(t, folder, first, forget);
	else if (!first)
		(void)regroup_others(t, folder, f->base, forget);
}

struct file *tree_child(struct tree *t, struct file *folder, const char *shown)
{
	(void)t;
	return map_get(&folder->by_shown, shown);
}

/* ---- files */

static struct file *file_new(struct tree *t)
{
	if (t->files_count == t->files_cap) {
		size_t cap = t->files_cap ? t->files_cap * 2 : 64;
		struct file **all = realloc(t->files, cap * sizeof *all);
		if (!all)
			return NULL;
		t->files = all;
		t->files_cap = cap;
	}
	struct file *f = calloc(1, sizeof *f);
	if (f)
		t->files[t->files_count++] = f;
	if (f)
		f->touched = ++t->clock;
	return f;
}

struct file *tree_file(struct tree *t, const char *id) { return map_get(&t->by_id, id); }

static void take_content(struct content *to, const struct drive_file *news)
{
	memcpy(to->revision, news->revision, sizeof to->revision);
	to->size = news->size;
	to->mtime_ms = news->mtime_ms;
	to->has_md5 = news->has_md5;
	memcpy(to->md5, news->md5, sizeof to->md5);
}

/* New bytes that did not come from a node of ours: whoever looks it up next gets a new node. */
static void take_head(struct file *f, const struct drive_file *news, struct forget *forget)
{
	bool same = strcmp(f->head.revision, news->revision) == 0;
	take_content(&f->head, news);
	struct inode *n = f->node;
	if (!n || f->folder)
		return;
	bool mine = strcmp(n->content.revision, news->revision) == 0;
	if (same || n->writing || mine) {
		if (mine)
			n->content.mtime_ms = news->mtime_ms;
		if (forget && !forget->ours) /* it would forget the bytes as well */
			forget_node(forget, n);
		return;
	}
	f->node = NULL;
	tree_forget_names(f, forget);
}

void tree_outdated(struct tree *t, struct inode *n, struct forget *forget)
{
	struct file *f = n->file;
	(void)t;
	if (f->node != n || strcmp(f->head.revision, n->content.revision) == 0)
		return;
	f->node = NULL;
	tree_forget_names(f, forget);
}

void tree_doc_text(const struct file *f, struct buf *b)
{
	/* The same for ever: no name in it, which could change, and an address that serves every kind. */
	buf_printf(b, "[Desktop Entry]\nType=Link\nName=Open in Google Drive\nURL=https://drive.google.com/open?id=%s\n",
		   f->target ? f->target : f->id);
}

/* One copy of each id, so that drives are compared by pointer. */
static const char *drive_of(struct tree *t, const char *id)
{
	for (size_t i = 0; i < t->drives_count; i++)
		if (strcmp(t->drives[i], id) == 0)
			return t->drives[i];
	char **all = *id ? realloc(t->drives, (t->drives_count + 1) * sizeof *all) : NULL;
	if (!all)
		return "";
	t->drives = all;
	t->drives[t->drives_count] = strdup(id);
	return t->drives[t->drives_count] ? t->drives[t->drives_count++] : "";
}

/* Drive's time of creation of what was made here: of several of one name the oldest has the name. */
static void take_created(struct tree *t, struct file *f, int64_t created_ms, struct forget *forget)
{
	struct file *folder = f->parent, *first = folder && f->base ? map_get(&folder->by_base, f->base) : NULL;
	bool alone = !first || !first->next_same || f->created_ms == created_ms, ours = forget && forget->ours;
	if (forget)
		forget->ours = false; /* the kernel knows nothing of this one */
	if (!alone)
		detach(t, f, forget);
	f->created_ms = created_ms;
	if (!alone && attach(t, folder, f, forget) != 0)
		f->gone = true; /* no memory for its name: out of the tree until the next listing */
	if (forget)
		forget->ours = ours;
}

/* Everything but name, place and version. */
static void take_facts(struct tree *t, struct file *f, struct drive_file *news, struct forget *forget)
{
	free(f->description);
	f->description = news->description;
	news->description = NULL;
	take_created(t, f, news->created_ms, forget);
	f->can_edit = news->can_edit;
	f->drive = drive_of(t, news->drive);
	take_head(f, news, forget);
	if (f->doc) {
		CLEANUP_BUF struct buf text = BUF_INIT(DOC_TEXT_MAX);
		tree_doc_text(f, &text);
		f->head.size = text.len;
		if (f->node)
			f->node->content.size = text.len;
	}
}

static int place(struct tree *t, struct file *f, struct file *folder, char **name, struct forget *forget)
{
	bool renamed = !f->name || strcmp(f->name, *name) != 0;
	if (!renamed && f->parent == folder)
		return 0;
	detach(t, f, forget);
	if (renamed) {
		free(f->name);
		f->name = *name;
		*name = NULL;
	}
	return folder ? attach(t, folder, f, forget) : 0;
}

void tree_link_known(struct file *link, struct file *to)
{
	if (link->to == to)
		return;
	tree_unlink_target(link);
	link->to = to;
	link->next_link = to->links;
	to->links = link;
}

void tree_unlink_target(struct file *link)
{
	struct file **at = link->to ? &link->to->links : NULL;
	while (at && *at && *at != link)
		at = &(*at)->next_link;
	if (at && *at)
		*at = link->next_link;
	link->to = link->next_link = NULL;
}

void tree_remove(struct tree *t, struct file *f, struct forget *forget)
{
	f->gone = true;
	if (f == t->root)
		return;
	detach(t, f, forget);
	tree_forget_links(f, forget);
	tree_unlink_target(f);
	f->node = NULL; /* holders keep it; a lookup does not find it again */
}

/* Never 0 or 1, and positive for programs that hold it in a signed number. */
static uint64_t ino_of(const char *id) { return map_hash(id) >> 1 | 2; }

static int make_known(struct tree *t, const struct drive_file *news, struct file **ret)
{
	struct file *f = file_new(t);
	if (!f)
		return err_set(-ENOMEM, "no memory for a file");
	memcpy(f->id, news->id, sizeof f->id);
	f->ino = ino_of(f->id);
	f->folder = news->folder;
	f->blob = news->blob;
	f->doc = news->doc;
	f->drive = "";
	f->target_folder = news->target_folder;
	f->target = news->target[0] ? strdup(news->target) : NULL;
	if (news->target[0] && !f->target)
		return err_set(-ENOMEM, "no memory for a shortcut");
	int r = map_put(&t->by_id, f->id, f);
	if (!r)
		*ret = f;
	return r;
}

int tree_apply(struct tree *t, struct drive_file *news, struct forget *forget, struct file **ret)
{
	struct file *f = tree_file(t, news->id), *folder = tree_file(t, news->parent);
	int r = 0;
	if (ret)
		*ret = f;
	if (folder && (!folder->folder || folder->gone))
		folder = NULL;
	if (f)
		f->touched = ++t->clock;
	bool placed = f && (f->parent || !folder || f->gone || f == t->root); /* else a shortcut led to it so far */
	if (f && f->version && (news->version < f->version || (news->version == f->version && placed)))
		return 0;
	if (!f) {
		if (!folder || news->trashed)
			return 0;
		r = make_known(t, news, &f);
		if (r)
			return r;
		if (ret)
			*ret = f;
	}
	f->version = news->version;
	if (!f->id[0]) { /* made here: its upload has arrived, and its name and place are ours to tell */
		memcpy(f->id, f->reserved, sizeof f->id);
		take_facts(t, f, news, forget);
		return 0;
	}
	if (f == t->root) {
		f->gone = news->trashed;
		return 0;
	}
	take_facts(t, f, news, forget);
	if (news->trashed || (!folder && !f->links)) {
		tree_remove(t, f, forget);
		return 0;
	}
	f->gone = false;
	return place(t, f, folder, &news->name, forget);
}

int tree_link(struct tree *t, struct file *link, struct drive_file *news, struct forget *forget, struct file **ret)
{
	struct file *f = tree_file(t, news->id);
	int r = f ? 0 : make_known(t, news, &f);
	if (r)
		return r;
	if (f->gone && news->version >= f->version)
		f->version = 0; /* out of our sight only: it is there, and may have stayed as it was */
	tree_link_known(link, f);
	*ret = f;
	return tree_apply(t, news, forget, NULL);
}

int tree_make(struct tree *t, struct file *folder, char *name, const char *reserved, struct file **ret,
	      struct forget *forget)
{
	struct file *f = file_new(t);
	if (!f) {
		free(name);
		return err_set(-ENOMEM, "no memory for a file");
	}
	f->ino = ino_of(reserved);
	snprintf(f->reserved, sizeof f->reserved, "%s", reserved);
	int r = map_put(&t->by_id, f->reserved, f); /* the change feed may be quicker than the upload's answer */
	if (r)
		return r;
	f->name = name;
	f->drive = folder->drive;
	f->blob = f->can_edit = true;
	f->created_ms = INT64_MAX; /* not in Drive: younger than all that are */
	*ret = f;
	return attach(t, folder, f, forget);
}

int tree_adopt(struct tree *t, struct file *f, struct drive_file *news, struct forget *forget)
{
	if (!f->id[0] || strcmp(f->id, news->id) != 0) {
		memcpy(f->id, news->id, sizeof f->id);
		int r = map_put(&t->by_id, f->id, f);
		if (r)
			return r;
	}
	f->version = news->version;
	f->touched = ++t->clock;
	take_facts(t, f, news, forget);
	return 0;
}

void tree_sweep(struct tree *t, struct file *folder, uint64_t since, struct forget *forget)
{
	for (size_t i = 0; i < t->files_count; i++) {
		struct file *f = t->files[i];
		if (f->parent == folder && f->id[0] && f->touched <= since)
			tree_remove(t, f, forget);
	}
}

int tree_move(struct tree *t, struct file *f, struct file *folder, char *name, struct forget *forget)
{
	int r = place(t, f, folder, &name, forget);
	free(name);
	return r;
}

bool tree_has_name(struct tree *t, struct file *f, struct file *target, const char *name)
{
	(void)t;
	struct file *first = map_get(&target->parent->by_base, name);
	while (first && (first == target || first == f))
		first = first->next_same;
	return !first || older(f, first);
}

char *tree_path(struct tree *t, const struct file *f)
{
	const struct file *up[128];
	size_t n = 0;
	CLEANUP_BUF struct buf b = BUF_INIT(64 << 10);
	while (f && f != t->root && n < 128) {
		const struct file *at = f->parent || !f->links ? f : f->links; /* by a shortcut, if by nothing else */
		up[n++] = at;
		f = at->parent;
	}
	if (!n)
		return strdup(".");
	while (n--) {
		const char *name = up[n]->shown ? up[n]->shown : up[n]->name ? up[n]->name : "?";
		buf_printf(&b, "%s%s", b.len ? "/" : "", name);
	}
	return buf_take(&b);
}

int tree_init(struct tree *t, struct drive_file *root)
{
	*t = (struct tree){ 0 };
	lock_init(&t->lock, RANK_TREE);
	cond_init(&t->listed);
	lock_acquire(&t->lock);
	struct file *f = NULL;
	int r = make_known(t, root, &f);
	if (!r) {
		t->root = f;
		f->drive = drive_of(t, root->drive);
		f->name = STEAL(root->name);
		f->description = STEAL(root->description);
		f->version = root->version;
		f->can_edit = root->can_edit;
		take_content(&f->head, root);
		struct inode *n; /* nodeid 1, FUSE_ROOT_ID: never forgotten */
		r = inode_of(t, f, &n);
	}
	lock_release(&t->lock);
	return r;
}

void tree_done(struct tree *t)
{
	lock_acquire(&t->lock);
	for (uint32_t i = 0; i < t->slots_count; i++)
		if (t->slots[i]) {
			free(t->slots[i]->view_key);
			free(t->slots[i]);
		}
	for (size_t i = 0; i < t->files_count; i++) {
		struct file *f = t->files[i];
		free(f->name);
		free(f->base);
		free(f->shown);
		free(f->description);
		free(f->target);
		map_done(&f->by_shown);
		map_done(&f->by_base);
		free(f);
	}
	for (size_t i = 0; i < t->drives_count; i++)
		free(t->drives[i]);
	free(t->drives);
	free(t->slots);
	free(t->files);
	map_done(&t->by_id);
	map_done(&t->views);
	lock_release(&t->lock);
	lock_done(&t->lock);
}
