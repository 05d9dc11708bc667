/* SPDX-License-Identifier: MIT */
#include "fs/tree/siblings.h"

#include "format/buf.h"
#include "fs/tree/name.h"

#include <string.h>

enum { ID_SHOWN = 8, TELL_APART_MAX = 4 };

/* Does the kernel know of a change in `folder` itself? Only on the path that it was made by. */
static bool is_known(const struct inval *inval, const struct file *folder)
{
	return !inval || (inval->ours && !folder->aliases);
}

static const char *id_of(const struct file *f) { return f->id[0] ? f->id : f->reserved; }

bool siblings_older(const struct file *a, const struct file *b)
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

/* Give every file of one base name its shown name. */
static int regroup(struct tree *t, struct file *folder, struct file *first)
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
static int regroup_others(struct tree *t, struct file *folder, const char *base)
{
	size_t pos = 0;
	int r = 0;
	if (!looks_told_apart(base))
		return 0;
	for (struct file *first; !r && (first = map_next(&folder->by_base, &pos));)
		if (strcmp(first->base, base) != 0 && (first->next_same || (folder == t->root && !strcmp(first->base, VIEW_NAME))))
			r = regroup(t, folder, first);
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

int siblings_attach(struct tree *t, struct file *folder, struct file *f, struct inval *inval)
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
	while (*at && siblings_older(*at, f))
		at = &(*at)->next_same;
	f->next_same = *at;
	*at = f;
	int r = map_put(&folder->by_base, first->base, first);
	if (!r && fresh)
		r = regroup_others(t, folder, f->base);
	if (r)
		return r;
	if (!is_known(inval, folder))
		inval_listing(inval, folder);
	return regroup(t, folder, first);
}

void siblings_detach(struct tree *t, struct file *f, struct inval *inval)
{
	struct file *folder = f->parent;
	f->parent = NULL;
	if (!folder)
		return;
	f->was_in = folder;
	if (!is_shown(t, f)) {
		folder->hidden--;
		return;
	}
	if (!is_known(inval, folder)) {
		inval_listing(inval, folder);
	}
	struct file *first = f->base ? map_del(&folder->by_base, f->base) : NULL, **at = &first;
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
		(void)regroup(t, folder, first);
	else if (!first && f->base)
		(void)regroup_others(t, folder, f->base);
}
