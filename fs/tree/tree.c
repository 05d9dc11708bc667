/* SPDX-License-Identifier: MIT */
#include "fs/tree/tree.h"

#include "format/buf.h"
#include "fs/tree/inode.h"
#include "fs/tree/siblings.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { DOC_TEXT_MAX = 1024, LAG_MAX_MS = 600000, DEPTH_MAX = 1000 };

struct file *tree_child(struct tree *t, struct file *folder, const char *shown)
{
	(void)t;
	return map_get(&folder->by_shown, shown);
}

static void spoken_of(struct tree *t, struct file *f)
{
	f->touched = ++t->clock;
	f->seen_ms = now_ms();
}

static struct file *new_file(struct tree *t)
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
		spoken_of(t, f);
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
static void take_head(struct file *f, const struct drive_file *news, struct inval *inval)
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
		if (inval && !inval->ours) /* it would forget the bytes as well */
			inval_node(inval, n);
		return;
	}
	f->node = NULL;
}

void tree_outdated(struct tree *t, struct inode *n)
{
	struct file *f = n->file;
	(void)t;
	if (f->node != n || strcmp(f->head.revision, n->content.revision) == 0)
		return;
	f->node = NULL;
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

/* Out of the tree: its name goes. */
static void leave_tree(struct tree *t, struct file *f, enum file_event event, struct inval *inval) REQUIRES(t->lock)
{
	file_event(f, event);
	if (f == t->root)
		return;
	siblings_detach(t, f, inval);
	tree_unlink_target(f);
	f->node = NULL; /* holders keep it; a lookup does not find it again */
}

void tree_remove(struct tree *t, struct file *f, struct inval *inval) { leave_tree(t, f, FILE_UNLINKED, inval); }

void tree_deny(struct tree *t, struct file *f, struct inval *inval)
{
	spoken_of(t, f);
	f->elsewhere = false;
	leave_tree(t, f, FILE_DENIED, inval);
}

void tree_allow(struct file *f)
{
	if (f->state == FILE_REFUSED)
		f->version = 0;
}

/* Drive's time of creation of what was made here: of several of one name the oldest has the name. */
static void take_created(struct tree *t, struct file *f, int64_t created_ms, struct inval *inval) REQUIRES(t->lock)
{
	struct file *folder = f->parent, *first = folder && f->base ? map_get(&folder->by_base, f->base) : NULL;
	bool alone = !first || !first->next_same || f->created_ms == created_ms, ours = inval && inval->ours;
	if (inval)
		inval->ours = false; /* the kernel knows nothing of this one */
	if (!alone)
		siblings_detach(t, f, inval);
	f->created_ms = created_ms;
	if (!alone && siblings_attach(t, folder, f, inval) != 0)
		leave_tree(t, f, FILE_DENIED, inval); /* no memory for its name: out of the tree until the next listing */
	if (inval)
		inval->ours = ours;
}

/* By its MIME type, or, since many uploads have none, by how its name ends. */
static bool is_media(const char *mime, const char *name)
{
	static const char *const ends[] = { ".jpg", ".jpeg", ".png", ".gif", ".webp", ".heic", ".tif", ".tiff", ".svg", ".mp4",
					    ".mov", ".mkv", ".avi", ".webm", ".mp3", ".wav", ".flac", ".ogg", ".m4a", ".pdf" };
	const char *end = name ? strrchr(name, '.') : NULL;
	if (mime && (!strncmp(mime, "image/", 6) || !strncmp(mime, "video/", 6) || !strncmp(mime, "audio/", 6)))
		return true;
	for (size_t i = 0; end && i < sizeof ends / sizeof *ends; i++)
		if (strcasecmp(end, ends[i]) == 0)
			return true;
	return false;
}

/* Everything but name, place and version. */
static void take_facts(struct tree *t, struct file *f, struct drive_file *news, struct inval *inval) REQUIRES(t->lock)
{
	free(f->description);
	f->description = news->description;
	news->description = NULL;
	take_created(t, f, news->created_ms, inval);
	f->can_edit = news->can_edit;
	f->media = is_media(news->mime, news->name);
	f->drive = drive_of(t, news->drive);
	take_head(f, news, inval);
	if (f->doc) {
		CLEANUP_BUF struct buf text = BUF_INIT(DOC_TEXT_MAX);
		tree_doc_text(f, &text);
		f->head.size = text.len;
		if (f->node)
			f->node->content.size = text.len;
	}
}

static int place(struct tree *t, struct file *f, struct file *folder, char **name, struct inval *inval)
	REQUIRES(t->lock)
{
	bool renamed = !f->name || strcmp(f->name, *name) != 0;
	if (!renamed && f->parent == folder)
		return 0;
	siblings_detach(t, f, inval);
	if (renamed) {
		free(f->name);
		f->name = *name;
		*name = NULL;
	}
	return folder ? siblings_attach(t, folder, f, inval) : 0;
}

/* Never 0 or 1, and positive for programs that hold it in a signed number. */
static uint64_t ino_of(const char *id) { return map_hash(id) >> 1 | 2; }

static int make_known(struct tree *t, const struct drive_file *news, struct file **ret)
{
	struct file *f = new_file(t);
	if (!f)
		return err_set(-ENOMEM, "no memory for a file");
	memcpy(f->id, news->id, sizeof f->id);
	f->ino = ino_of(f->id);
	f->folder = news->folder;
	f->blob = news->blob;
	f->doc = news->doc;
	f->drive = "";
	f->target_folder = news->target_folder;
	f->state = FILE_LISTED;
	f->target = news->target[0] ? strdup(news->target) : NULL;
	if (news->target[0] && !f->target)
		return err_set(-ENOMEM, "no memory for a shortcut");
	int r = map_put(&t->by_id, f->id, f);
	if (!r)
		*ret = f;
	return r;
}

/* Is `news` younger than what is known of f? The one place where versions are compared. Of one that is
 * out of the tree for good only a higher one counts: else a late answer would bring it back. */
static bool is_younger(const struct tree *t, const struct file *f, const struct file *folder, const struct drive_file *news)
{
	bool placed = f->parent || !folder || file_gone(f) || f == t->root; /* else a shortcut led to it so far */
	return !f->version || news->version > f->version || (news->version == f->version && !placed);
}

/* The folder that Drive says it lies in, if we know that one. A folder that is gone counts: it may come
 * back, and is not shown meanwhile. */
static struct file *folder_of(struct tree *t, const struct drive_file *news) REQUIRES(t->lock)
{
	struct file *folder = tree_file(t, news->parent);
	return folder && folder->folder ? folder : NULL;
}

static bool lies_in(const struct file *f, const struct file *folder)
{
	for (unsigned depth = 0; f && f != folder && depth < DEPTH_MAX; depth++)
		f = f->parent;
	return f == folder;
}

/* A folder has come back. Of what happened in it meanwhile not all was told: its listings are old. */
static void come_back(struct tree *t, const struct file *folder)
{
	for (size_t i = 0; i < t->files_count; i++) {
		struct file *f = t->files[i];
		if (f->folder && f->listing == LISTING_COMPLETE && lies_in(f, folder))
			f->listing = LISTING_UNKNOWN;
	}
}

/* Drive's word on a file that is known, from wherever: the one door into the tree. */
static int take_news(struct tree *t, struct file *f, struct drive_file *news, struct inval *inval) REQUIRES(t->lock)
{
	struct file *folder = folder_of(t, news);
	spoken_of(t, f);
	if (!is_younger(t, f, folder, news)) {
		if (f->state == FILE_UNKNOWN && !news->trashed && f->parent == folder)
			file_event(f, FILE_SEEN);
		return 0;
	}
	bool unlinked = f->state == FILE_REMOVED_HERE && !f->version; /* while its first bytes were on their way */
	f->version = news->version;
	bool made = f->state == FILE_MADE; /* its upload has arrived: name and place are ours to tell */
	take_facts(t, f, news, inval);
	if (unlinked)
		return 0;
	if (news->trashed || (!made && !folder && !f->links && f != t->root)) {
		f->elsewhere = !news->trashed;
		leave_tree(t, f, f->leaving ? FILE_UNLINKED : FILE_WENT, inval);
		return 0;
	}
	if (f->folder && file_gone(f))
		come_back(t, f);
	file_event(f, FILE_SEEN);
	return made || f == t->root ? 0 : place(t, f, folder, &news->name, inval);
}

int tree_apply(struct tree *t, struct drive_file *news, struct inval *inval, struct file **ret)
{
	struct file *f = tree_file(t, news->id);
	int r = 0;
	if (!f) {
		bool counts = early_take(&t->early, news);
		if (counts && folder_of(t, news) && !news->trashed)
			r = make_known(t, news, &f);
		else if (counts)
			early_keep(&t->early, news);
	}
	if (ret)
		*ret = r ? NULL : f;
	if (r || !f)
		return r;
	if (!f->id[0])
		memcpy(f->id, f->reserved, sizeof f->id); /* the feed was quicker than the answer to the upload */
	return take_news(t, f, news, inval);
}

int tree_link(struct tree *t, struct file *link, struct drive_file *news, struct inval *inval, struct file **ret)
{
	struct file *f = tree_file(t, news->id);
	int r = f ? 0 : make_known(t, news, &f);
	if (r)
		return r;
	if (file_gone(f) && news->version >= f->version)
		f->version = 0; /* out of our sight only: it is there, and may have stayed as it was */
	tree_link_known(link, f);
	*ret = f;
	return tree_apply(t, news, inval, NULL);
}

int tree_make(struct tree *t, struct file *folder, char *name, const char *reserved, struct file **ret,
	      struct inval *inval)
{
	struct file *f = new_file(t);
	if (!f) {
		free(name);
		return err_set(-ENOMEM, "no memory for a file");
	}
	f->ino = ino_of(reserved);
	snprintf(f->reserved, sizeof f->reserved, "%s", reserved);
	int r = map_put(&t->by_id, f->reserved, f); /* the change feed may be quicker than the upload's answer */
	if (r) {
		free(name);
		return r;
	}
	f->ours = true;
	f->name = name;
	f->drive = folder->drive;
	f->blob = f->can_edit = true;
	f->created_ms = INT64_MAX; /* not in Drive: younger than all that are */
	*ret = f;
	return siblings_attach(t, folder, f, inval);
}

int tree_adopt(struct tree *t, struct file *f, struct drive_file *news, struct inval *inval)
{
	if (!f->id[0] || strcmp(f->id, news->id) != 0) {
		memcpy(f->id, news->id, sizeof f->id);
		int r = map_put(&t->by_id, f->id, f);
		if (r)
			return r;
	}
	f->ours = true;
	return take_news(t, f, news, inval);
}

/* A file in `folder` that has the name of f now, and takes bytes. */
static struct file *successor(struct file *folder, const struct file *f)
{
	struct file *now = f->base ? map_get(&folder->by_shown, f->base) : NULL;
	bool fit = now && now->state == FILE_LISTED && now->blob && now->can_edit && !now->next;
	return fit && !(now->node && now->node->writing) ? now : NULL;
}

int tree_renew(struct tree *t, struct inode *n, const char *reserved, struct inval *inval)
{
	struct file *f = n->file, *folder = f->parent ? f->parent : f->was_in, *now;
	if (!folder || file_placeless(f))
		return err_set(-ENOENT, "its folder is gone in Drive: restore it there, or save under another path");
	now = successor(folder, f);
	char *name = now ? NULL : strdup(f->name);
	int r = now || name ? 0 : err_nomem("a file name");
	if (!r && !now)
		r = tree_make(t, folder, name, reserved, &now, inval);
	if (r)
		return r;
	if (f->next == n)
		f->next = NULL;
	if (f->node == n)
		f->node = NULL;
	if (!now->id[0])
		now->ino = f->ino; /* what the kernel, and who reads fdinfo, knows it by */
	n->file = now;
	n->content = now->head;
	now->node = n;
	return 0;
}

/* Drive's listings lag behind what it has acknowledged. */
static bool may_lag(const struct file *f) { return f->ours || now_ms() - f->seen_ms < LAG_MAX_MS; }

size_t tree_sweep(struct tree *t, struct file *folder, uint64_t since, struct inval *inval)
{
	size_t unknown = 0;
	for (size_t i = 0; i < t->files_count; i++) {
		struct file *f = t->files[i];
		if (f->parent != folder || f->state == FILE_MADE || f->touched > since)
			continue;
		file_event(f, FILE_ABSENT);
		if (may_lag(f))
			unknown++;
		else
			tree_deny(t, f, inval);
	}
	return unknown;
}

struct file *tree_unknown(struct tree *t, const struct file *folder, size_t *pos)
{
	while (*pos < t->files_count) {
		struct file *f = t->files[(*pos)++];
		if (f->parent == folder && f->state == FILE_UNKNOWN)
			return f;
	}
	return NULL;
}

int tree_move(struct tree *t, struct file *f, struct file *folder, char *name, struct inval *inval)
{
	int r = place(t, f, folder, &name, inval);
	free(name);
	return r;
}

bool tree_has_name(struct tree *t, struct file *f, struct file *target, const char *name)
{
	(void)t;
	struct file *first = map_get(&target->parent->by_base, name);
	while (first && (first == target || first == f))
		first = first->next_same;
	return !first || siblings_older(f, first);
}

char *tree_path(struct tree *t, const struct file *f)
{
	const struct file *up[128];
	size_t n = 0;
	CLEANUP_BUF struct buf b = BUF_INIT(64 << 10);
	while (f && f != t->root && n < 128) {
		const struct file *at = f->parent || !f->links ? f : f->links; /* by a shortcut, if by nothing else */
		up[n++] = at;
		f = at->parent ? at->parent : at->was_in; /* of what has gone: where it was */
	}
	if (!n)
		return strdup(".");
	while (n--) {
		const char *name = up[n]->shown ? up[n]->shown : up[n]->name ? up[n]->name : "?";
		buf_printf(&b, "%s%s", b.len ? "/" : "", name);
	}
	return buf_take(&b);
}

bool tree_inside(const struct tree *t, const struct file *f) { return lies_in(f, t->root); }

bool tree_is_link(const struct tree *t, const struct file *f)
{
	return f->target && !f->doc && t->shortcuts == SHORTCUTS_LINK;
}

void tree_link_text(struct tree *t, const struct file *link, const struct file *to, struct buf *ret)
{
	const struct file *up = link->parent;
	for (; up && up != t->root && !lies_in(to, up); up = up->parent)
		buf_str(ret, ret->len ? "/.." : "..");
	CLEANUP_FREE char *whole = tree_path(t, to), *common = up ? tree_path(t, up) : NULL;
	if (!whole || !common) {
		ret->failed = true;
		return;
	}
	const char *rest = up == t->root ? whole : whole + strlen(common) + (to != up);
	if (to == up)
		buf_str(ret, ret->len ? "" : ".");
	else
		buf_printf(ret, "%s%s", ret->len ? "/" : "", rest);
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
	early_done(&t->early);
	map_done(&t->by_id);
	map_done(&t->views);
	lock_release(&t->lock);
	lock_done(&t->lock);
}
