/* SPDX-License-Identifier: MIT */
/* The nodes of tree.h: nodeids are slot numbers with a generation above them, so that a nodeid is
 * never used twice and one that the kernel should not have is told from a live one. */
#include "fs/tree/inode.h"

#include <string.h>

enum { SLOTS_MAX = 1 << 30, FOLDERS_DEEP = 200, WAYS_MAX = 4 };

struct inode *inode_get(struct tree *t, uint64_t id)
{
	uint32_t slot = (uint32_t)id;
	struct inode *n = slot && slot <= t->slots_count ? t->slots[slot - 1] : NULL;
	return n && n->id == id ? n : NULL;
}

/* An empty slot, as its index. */
static int find_slot(struct tree *t, uint32_t *ret)
{
	while (t->slots_free < t->slots_count && t->slots[t->slots_free])
		t->slots_free++;
	if (t->slots_free == t->slots_count) {
		uint32_t count = t->slots_count ? t->slots_count * 2 : 64;
		struct inode **slots = count <= SLOTS_MAX ? realloc(t->slots, count * sizeof *slots) : NULL;
		if (!slots)
			return err_set(-ENOMEM, "no memory for %u nodes", count);
		memset(slots + t->slots_count, 0, (count - t->slots_count) * sizeof *slots);
		t->slots = slots;
		t->slots_count = count;
	}
	*ret = t->slots_free;
	return 0;
}

static int inode_new(struct tree *t, struct file *f, enum node_kind kind, struct inode **ret)
{
	uint32_t slot = 0;
	int r = find_slot(t, &slot);
	if (r)
		return r;
	struct inode *n = calloc(1, sizeof *n);
	if (!n)
		return err_set(-ENOMEM, "no memory for a node");
	/* The root is made first: slot 0, generation 0, so its nodeid is FUSE_ROOT_ID. */
	uint64_t generation = t->root && t->root->node ? ++t->made & 0x7fffffff : 0;
	*n = (struct inode){ .id = generation << 32 | (slot + 1), .kind = kind, .file = f, .content = f->head };
	t->slots[slot] = n;
	*ret = n;
	return 0;
}

int inode_of(struct tree *t, struct file *f, struct inode **ret)
{
	if (f->next && writers_has(&f->next_writers, writers_caller())) {
		f->next->nlookup++;
		*ret = f->next;
		return 0;
	}
	if (!f->node) {
		int r = inode_new(t, f, f->folder ? NODE_FOLDER : NODE_FILE, &f->node);
		if (r)
			return r;
	}
	f->node->nlookup++;
	*ret = f->node;
	return 0;
}

int inode_next(struct tree *t, struct file *f)
{
	int r = f->next ? 0 : inode_new(t, f, NODE_FILE, &f->next);
	if (!r)
		writers_pin(&f->next_writers, writers_caller());
	return r;
}

void inode_settle(struct tree *t, struct file *f, bool well)
{
	struct inode *n = f->next;
	f->next = NULL;
	writers_done(&f->next_writers);
	if (well && n)
		f->node = n;
	else if (n)
		inode_forget(t, n, 0, 0);
}

/* The node under `key` and `up`, made if there is none. Adds one to nlookup. */
static int inode_keyed(struct tree *t, const char *key, struct inode *up, struct file *f, enum node_kind kind,
		       struct inode **ret) REQUIRES(t->lock)
{
	CLEANUP_BUF struct buf b = BUF_INIT(4096);
	buf_str(&b, key);
	if (up)
		buf_printf(&b, "@%llx", (unsigned long long)up->id);
	if (b.failed)
		return err_set(-ENOMEM, "no memory for a node");
	struct inode *n = map_get(&t->views, b.data);
	int r = n ? 0 : inode_new(t, f, kind, &n);
	if (r)
		return r;
	if (!n->view_key) {
		n->view_key = buf_take(&b);
		n->up = up;
		if (up)
			inode_hold(up);
		if (kind == NODE_FOLDER) {
			n->next_alias = f->aliases;
			f->aliases = n;
		}
		r = n->view_key ? map_put(&t->views, n->view_key, n) : err_set(-ENOMEM, "no memory for a node");
		if (r) {
			inode_forget(t, n, 0, 0);
			return r;
		}
	}
	n->nlookup++;
	*ret = n;
	return 0;
}

int inode_view(struct tree *t, const char *key, struct inode *up, struct file *f, enum view_kind kind, unsigned index,
	      struct inode **ret)
{
	int r = inode_keyed(t, key, up, f, NODE_VIEW, ret);
	if (!r && ((*ret)->view != kind || (*ret)->view_index != index)) { /* constant: others read it without the lock */
		(*ret)->view = kind;
		(*ret)->view_index = index;
	}
	return r;
}

bool inode_below(const struct inode *n, const struct file *folder)
{
	for (; n; n = n->up) {
		const struct file *f = n->file;
		for (unsigned depth = 0; f && f != folder && !n->up && depth < FOLDERS_DEEP; depth++)
			f = f->parent;
		if (f == folder)
			return true;
	}
	return false;
}

int inode_entry(struct tree *t, struct inode *dir, struct file *entry, struct file *to, struct inode **ret)
{
	if (!to->folder || (entry == to && !dir->up))
		return inode_of(t, to, ret);
	unsigned ways = 0;
	for (const struct inode *n = dir; n->up; n = n->up)
		ways += n->file->parent != n->up->file; /* else a folder below the one that a shortcut led to */
	if (entry != to && (ways >= WAYS_MAX || inode_below(dir, to)))
		return err_set(-ELOOP, ways >= WAYS_MAX ? "more than 4 shortcuts on one path: with two in each folder every level "
			       "doubles the number of paths" : "a shortcut to a folder that it lies in");
	return inode_keyed(t, entry->id, dir, to, NODE_FOLDER, ret);
}

int inode_link(struct tree *t, struct file *link, bool circle, struct inode **ret)
{
	int r = link->node ? 0 : inode_new(t, link, NODE_LINK, &link->node);
	if (r)
		return r;
	link->node->circle = circle;
	link->node->nlookup++;
	*ret = link->node;
	return 0;
}

/* Out of the list of its folder's other nodes. */
static void leave_aliases(struct inode *n)
{
	struct inode **at = &n->file->aliases;
	while (*at && *at != n)
		at = &(*at)->next_alias;
	if (*at)
		*at = n->next_alias;
}

void inode_hold(struct inode *n) { n->holds++; }

void inode_forget(struct tree *t, struct inode *n, uint64_t nlookup, unsigned holds)
{
	uint32_t slot = (uint32_t)n->id - 1;
	n->nlookup -= nlookup < n->nlookup ? nlookup : n->nlookup;
	n->holds -= holds < n->holds ? holds : n->holds;
	if (n->nlookup || n->holds || n == t->root->node || n->file->next == n)
		return; /* `next` waits for its writer, who looks it up twice and lets go of it in between */
	if (n->view_key && map_get(&t->views, n->view_key) == n)
		map_del(&t->views, n->view_key);
	if (n->file->node == n)
		n->file->node = NULL;
	struct inode *above = n->up;
	leave_aliases(n);
	free(n->view_key);
	t->slots[slot] = NULL;
	if (slot < t->slots_free)
		t->slots_free = slot;
	free(n);
	if (above)
		inode_forget(t, above, 0, 1);
}
