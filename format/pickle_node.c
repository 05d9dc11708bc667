/* SPDX-License-Identifier: MIT */
/* Nodes, sequences and classes of a pickle, with every byte of them counted. */
#include "format/pickle_node.h"

#include <inttypes.h>
#include <string.h>

/* realloc() of the pointer at `pp` within the pickle's memory bound. */
static int resize(struct pickle *p, void *pp, uint64_t old_bytes, uint64_t bytes)
{
	if (bytes > p->max || p->used - old_bytes > p->max - bytes)
		return err_set(-EBADMSG, "pickle needs more than %" PRIu64 " bytes of memory at byte %" PRIu64, p->max, p->at);
	void *q = realloc(*(void **)pp, (size_t)bytes);
	if (!q)
		return err_set(-ENOMEM, "%" PRIu64 " bytes for a pickle", bytes);
	*(void **)pp = q;
	p->used += bytes - old_bytes;
	return 0;
}

static int grow_flat(struct pickle *p, struct seq *s)
{
	uint64_t cap = s->cap ? s->cap * 2 : 4;
	int r = resize(p, &s->flat, s->cap * 8, cap * 8);
	if (!r)
		s->cap = cap;
	return r;
}

/* Room for one more block: the only array becomes the first block, or the directory doubles. */
static int grow_directory(struct pickle *p, struct seq *s)
{
	uint64_t count = s->cap / SEQ_BLOCK, **dir = NULL;
	if (count > 1)
		return count & (count - 1) ? 0 : resize(p, &s->blocks, count * sizeof *dir, count * 2 * sizeof *dir);
	int r = resize(p, &dir, 0, 2 * sizeof *dir);
	if (r)
		return r;
	dir[0] = s->flat;
	s->blocks = dir;
	return 0;
}

int seq_grow(struct pickle *p, struct seq *s)
{
	uint64_t *block = NULL, bytes = SEQ_BLOCK * sizeof *block;
	if (s->cap < SEQ_BLOCK)
		return grow_flat(p, s);
	int r = resize(p, &block, 0, bytes);
	if (r)
		return r;
	if ((r = grow_directory(p, s))) {
		free(block);
		p->used -= bytes;
		return r;
	}
	s->blocks[s->cap / SEQ_BLOCK] = block;
	s->cap += SEQ_BLOCK;
	return 0;
}

void seq_free(struct pickle *p, struct seq *s)
{
	uint64_t count = s->cap / SEQ_BLOCK, room = 2;
	if (s->cap <= SEQ_BLOCK) {
		free(s->flat);
	} else {
		for (uint64_t i = 0; i < count; i++)
			free(s->blocks[i]);
		while (room < count)
			room *= 2;
		p->used -= room * sizeof *s->blocks;
		free(s->blocks);
	}
	p->used -= s->cap * 8;
	*s = (struct seq){ 0 };
}

static struct node *node_at(const struct pickle *p, uint32_t id)
{
	return &p->nodes[id / NODES_BLOCK][id % NODES_BLOCK];
}

struct node *node_of(const struct pickle *p, uint64_t value)
{
	if (pickle_tag(value) != PICKLE_NODE)
		return NULL;
	struct node *n = node_at(p, (uint32_t)value);
	return n->kind != NODE_FREE && n->generation == value_payload(value) >> 32 ? n : NULL;
}

/* Room for node_count + 1 nodes: a new block, and a larger directory at powers of two. */
static int add_nodes(struct pickle *p)
{
	uint32_t count = p->node_count / NODES_BLOCK;
	uint64_t bytes = NODES_BLOCK * sizeof(struct node);
	if (p->node_count > UINT32_MAX - 2 * NODES_BLOCK)
		return err_set(-EBADMSG, "pickle has more than %" PRIu32 " objects at byte %" PRIu64, p->node_count, p->at);
	if ((count & (count - 1)) == 0) {
		uint64_t old = count * sizeof *p->nodes, room = count ? old * 2 : sizeof *p->nodes;
		int r = resize(p, &p->nodes, old, room);
		if (r)
			return r;
	}
	p->nodes[count] = NULL;
	return resize(p, &p->nodes[count], 0, bytes);
}

int node_new(struct pickle *p, enum node_kind kind, uint64_t *ret)
{
	uint32_t id, generation = 0;
	if (p->node_free) {
		id = p->node_free - 1;
		generation = node_at(p, id)->generation;
		p->node_free = node_at(p, id)->next_free;
	} else {
		int r = p->node_count % NODES_BLOCK == 0 ? add_nodes(p) : 0;
		if (r)
			return r;
		id = p->node_count++;
	}
	*node_at(p, id) = (struct node){ .kind = (uint8_t)kind, .generation = generation };
	*ret = value_make(PICKLE_NODE, (uint64_t)generation << 32 | id);
	return 0;
}

static void forget_depth(struct pickle *p, uint64_t value, unsigned depth)
{
	struct node *n = node_of(p, value);
	if (!n || !depth || class_role(p, value) == CLASS_DTYPE)
		return;
	struct node was = *n;
	/* Free first: the node may be reachable from itself. */
	n->kind = NODE_FREE;
	n->generation = (n->generation + 1) & 0xffffff;
	n->next_free = p->node_free;
	p->node_free = (uint32_t)value + 1;
	if (was.kind == NODE_OBJECT) {
		forget_depth(p, was.args, depth - 1);
		forget_depth(p, was.state, depth - 1);
		return;
	}
	for (uint64_t i = 0; i < was.items.n; i++)
		forget_depth(p, *seq_at(&was.items, i), depth - 1);
	seq_free(p, &was.items);
}

/* The deepest that gensim makes: Vocab, its dict, an array, its state, _codecs.encode, its
 * arguments. */
void node_forget(struct pickle *p, uint64_t value) { forget_depth(p, value, 8); }

int dict_set(struct pickle *p, uint64_t dict, uint64_t key, uint64_t value)
{
	struct node *n = node_of(p, dict);
	if (!n || n->kind != NODE_DICT || n->dropped)
		return 0; /* a subclass whose making was forgotten */
	if (n->items.n == 2 * PICKLE_DICT_KEEP) {
		seq_free(p, &n->items);
		n->dropped = true;
		return 0;
	}
	int r = seq_push(p, &n->items, key);
	return r ? r : seq_push(p, &n->items, value);
}

static enum class_role role_of(const char *name)
{
	static const struct {
		const char *name;
		enum class_role role;
	} known[] = {
		/* By name only: Python 3.4 wrote UserString.defaultdict, numpy 2 renamed its modules. */
		{ "defaultdict", CLASS_DICT }, { "OrderedDict", CLASS_DICT }, { "Counter", CLASS_DICT },
		{ "Vocab", CLASS_FORGET }, { "Doctag", CLASS_FORGET }, { "scalar", CLASS_FORGET },
		{ "_reconstruct", CLASS_ARRAY }, { "_frombuffer", CLASS_ARRAY }, { "dtype", CLASS_DTYPE },
	};
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (!strcmp(name, known[i].name))
			return known[i].role;
	return CLASS_PLAIN;
}

enum class_role class_role(const struct pickle *p, uint64_t value)
{
	const struct node *n = node_of(p, value);
	uint64_t class = n && n->kind == NODE_OBJECT ? n->class : value;
	return pickle_tag(class) == PICKLE_GLOBAL ? p->classes[value_payload(class)].role : CLASS_PLAIN;
}

static uint64_t hash_names(const char *module, const char *name)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325); /* FNV-1a; names are compared as well */
	for (const char *s = module; *s; s++)
		h = (h ^ (unsigned char)*s) * UINT64_C(0x100000001b3);
	for (const char *s = name; *s; s++)
		h = (h ^ (unsigned char)*s) * UINT64_C(0x100000001b3);
	return h;
}

int class_get(struct pickle *p, const char *module, const char *name, uint64_t *ret)
{
	uint64_t hash = hash_names(module, name);
	for (unsigned i = 0; i < p->class_count; i++) {
		const struct class *c = &p->classes[i];
		if (c->hash == hash && !strcmp(c->module, module) && !strcmp(c->name, name)) {
			*ret = value_make(PICKLE_GLOBAL, i);
			return 0;
		}
	}
	if (p->class_count == PICKLE_CLASSES_MAX)
		return err_set(-EBADMSG, "pickle names more than %u classes at byte %" PRIu64, PICKLE_CLASSES_MAX, p->at);
	size_t m = strlen(module) + 1, n = strlen(name) + 1;
	char *names = malloc(m + n);
	if (!names)
		return err_set(-ENOMEM, "a class name");
	memcpy(names, module, m);
	memcpy(names + m, name, n);
	p->classes[p->class_count] = (struct class){ hash, role_of(name), names, names + m };
	*ret = value_make(PICKLE_GLOBAL, p->class_count++);
	return 0;
}
