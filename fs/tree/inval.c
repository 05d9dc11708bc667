/* SPDX-License-Identifier: MIT */
#include "fs/tree/inval.h"

#include "fs/tree/inode.h"

void inval_done(struct inval *f)
{
	free(f->all);
	*f = (struct inval){ 0 };
}

/* Without memory it is left out: the kernel's own timeout is the fallback. */
static void add_one(struct inval *f, struct inval_one one)
{
	if (GROW(f->all, f->count, f->cap))
		f->all[f->count++] = one;
}

static void add_node(struct inval *f, const struct inode *n, bool listing)
{
	if (f && n)
		add_one(f, (struct inval_one){ n->id, listing });
}

void inval_node(struct inval *f, const struct inode *n) { add_node(f, n, false); }

void inval_node_listing(struct inval *f, const struct inode *n) { add_node(f, n, true); }

void inval_listing(struct inval *f, struct file *folder)
{
	folder->news++; /* for who reads the folder right now */
	add_node(f, folder->node, true);
	for (const struct inode *n = folder->aliases; n; n = n->next_alias)
		add_node(f, n, true);
}
