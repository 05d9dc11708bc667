/* SPDX-License-Identifier: MIT */
#include "fs/tree/inval.h"

#include "fs/tree/inode.h"

#include <string.h>

void inval_done(struct inval *f)
{
	for (size_t i = 0; i < f->count; i++)
		free(f->all[i].name);
	free(f->all);
	*f = (struct inval){ 0 };
}

void inval_take(struct inval *f, struct inval_one *one)
{
	if (f->count == f->cap) {
		size_t cap = f->cap ? f->cap * 2 : 16;
		struct inval_one *all = realloc(f->all, cap * sizeof *all);
		if (!all)
			return;
		f->all = all;
		f->cap = cap;
	}
	f->all[f->count++] = *one;
	one->name = NULL;
}

/* Remember that the kernel must drop `name` in `parent`, or, without a name, what it keeps of
 * `node`. Without memory it is left out: the kernel's own timeout is the fallback. */
static void inval_add(struct inval *f, const struct inode *parent, const struct inode *node, const char *name)
{
	if (!f || (name && !parent) || (!name && !node))
		return;
	struct inval_one one = { parent ? parent->id : 0, node ? node->id : 0, name ? strdup(name) : NULL };
	if (name && !one.name)
		return;
	inval_take(f, &one);
	free(one.name);
}

void inval_name(struct inval *f, const struct file *folder, const char *name)
{
	if (!folder || !name)
		return;
	inval_add(f, folder->node, NULL, name);
	for (const struct inode *n = folder->aliases; n; n = n->next_alias)
		inval_add(f, n, NULL, name);
}

void inval_listing(struct file *folder, struct inval *inval)
{
	folder->news++; /* for who reads the folder right now */
	inval_add(inval, NULL, folder->node, NULL);
	for (const struct inode *n = folder->aliases; n; n = n->next_alias)
		inval_add(inval, NULL, n, NULL);
}

enum { LINKS_DEPTH_MAX = 4 };

static void links_from(struct inval *inval, const struct file *f, unsigned depth)
{
	for (const struct file *l = depth < LINKS_DEPTH_MAX ? f->links : NULL; l; l = l->next_link) {
		inval_name(inval, l->parent, l->shown);
		links_from(inval, l, depth + 1);
	}
}

void inval_links(struct file *f, struct inval *inval) { links_from(inval, f, 0); }

void inval_names(struct file *f, struct inval *inval)
{
	inval_name(inval, f->parent, f->shown);
	links_from(inval, f, 0);
}

void inval_node(struct inval *f, const struct inode *n) { inval_add(f, NULL, n, NULL); }
