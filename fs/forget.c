/* SPDX-License-Identifier: MIT */
/* What the kernel has to forget, gathered under tree.lock and told without it. */
#include "fs/tree.h"

#include <string.h>

void forget_done(struct forget *f)
{
	for (size_t i = 0; i < f->count; i++)
		free(f->all[i].name);
	free(f->all);
	*f = (struct forget){ 0 };
}

void forget_take(struct forget *f, struct forget_one *one)
{
	if (f->count == f->cap) {
		size_t cap = f->cap ? f->cap * 2 : 16;
		struct forget_one *all = realloc(f->all, cap * sizeof *all);
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
static void forget_add(struct forget *f, const struct inode *parent, const struct inode *node, const char *name)
{
	if (!f || (name && !parent) || (!name && !node))
		return;
	struct forget_one one = { parent ? parent->id : 0, node ? node->id : 0, name ? strdup(name) : NULL };
	if (name && !one.name)
		return;
	forget_take(f, &one);
	free(one.name);
}

void forget_name(struct forget *f, const struct file *folder, const char *name)
{
	if (!folder || !name)
		return;
	forget_add(f, folder->node, NULL, name);
	for (const struct inode *n = folder->aliases; n; n = n->next_alias)
		forget_add(f, n, NULL, name);
}

void tree_forget_listing(struct file *folder, struct forget *forget)
{
	folder->news++; /* for who reads the folder right now */
	forget_add(forget, NULL, folder->node, NULL);
	for (const struct inode *n = folder->aliases; n; n = n->next_alias)
		forget_add(forget, NULL, n, NULL);
}

enum { LINKS_DEPTH_MAX = 4 };

static void forget_links(struct forget *forget, const struct file *f, unsigned depth)
{
	for (const struct file *l = depth < LINKS_DEPTH_MAX ? f->links : NULL; l; l = l->next_link) {
		forget_name(forget, l->parent, l->shown);
		forget_links(forget, l, depth + 1);
	}
}

void tree_forget_links(struct file *f, struct forget *forget) { forget_links(forget, f, 0); }

void tree_forget_names(struct file *f, struct forget *forget)
{
	forget_name(forget, f->parent, f->shown);
	forget_links(forget, f, 0);
}

void forget_node(struct forget *f, const struct inode *n) { forget_add(f, NULL, n, NULL); }
