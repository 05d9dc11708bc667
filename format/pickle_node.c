/* SPDX-License-Identifier: MIT */
/* Nodes of a pickle. */
#include "format/pickle_node.h"

#include <inttypes.h>

static struct node *node_at(const struct pickle *p, uint32_t id)
{
	return &p->nodes[id / PICKLE_NODES_BLOCK][id % PICKLE_NODES_BLOCK];
}

struct node *pickle_node_of(const struct pickle *p, uint64_t value)
{
	if (pickle_tag(value) != PICKLE_NODE)
		return NULL;
	struct node *n = node_at(p, (uint32_t)value);
	return n->kind != NODE_FREE && n->generation == pickle_value_payload(value) >> 32 ? n : NULL;
}

/* Room for node_count + 1 nodes: a new block, and a larger directory at powers of two. */
static int add_nodes(struct pickle *p)
{
	uint32_t count = p->node_count / PICKLE_NODES_BLOCK;
	uint64_t bytes = PICKLE_NODES_BLOCK * sizeof(struct node);
	if (p->node_count > UINT32_MAX - 2 * PICKLE_NODES_BLOCK)
		return err_set(-EBADMSG, "pickle has more than %" PRIu32 " objects at byte %" PRIu64, p->node_count, p->at);
	if ((count & (count - 1)) == 0) {
		uint64_t old = count * sizeof *p->nodes, room = count ? old * 2 : sizeof *p->nodes;
		int r = pickle_seq_resize(p, &p->nodes, old, room);
		if (r)
			return r;
	}
	p->nodes[count] = NULL;
	return pickle_seq_resize(p, &p->nodes[count], 0, bytes);
}

int pickle_node_new(struct pickle *p, enum node_kind kind, uint64_t *ret)
{
	uint32_t id, generation = 0;
	if (p->node_free) {
		id = p->node_free - 1;
		generation = node_at(p, id)->generation;
		p->node_free = node_at(p, id)->next_free;
	} else {
		int r = p->node_count % PICKLE_NODES_BLOCK == 0 ? add_nodes(p) : 0;
		if (r)
			return r;
		id = p->node_count++;
	}
	*node_at(p, id) = (struct node){ .kind = (uint8_t)kind, .generation = generation };
	*ret = pickle_value_make(PICKLE_NODE, (uint64_t)generation << 32 | id);
	return 0;
}

enum class_role pickle_node_role(const struct pickle *p, uint64_t value)
{
	const struct node *n = pickle_node_of(p, value);
	uint64_t class = n && n->kind == NODE_OBJECT ? n->class : value;
	return pickle_tag(class) == PICKLE_GLOBAL ? p->classes[pickle_value_payload(class)].role : CLASS_PLAIN;
}

static void forget_depth(struct pickle *p, uint64_t value, unsigned depth)
{
	struct node *n = pickle_node_of(p, value);
	if (!n || !depth || pickle_node_role(p, value) == CLASS_DTYPE)
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
		forget_depth(p, *pickle_seq_at(&was.items, i), depth - 1);
	pickle_seq_free(p, &was.items);
}

/* The deepest that gensim makes: Vocab, its dict, an array, its state, _codecs.encode, its
 * arguments. */
void pickle_node_forget(struct pickle *p, uint64_t value) { forget_depth(p, value, 8); }

int pickle_node_set(struct pickle *p, uint64_t dict, uint64_t key, uint64_t value)
{
	struct node *n = pickle_node_of(p, dict);
	if (!n || n->kind != NODE_DICT || n->dropped)
		return 0; /* a subclass whose making was forgotten */
	if (n->items.n == 2 * PICKLE_DICT_KEEP) {
		pickle_seq_free(p, &n->items);
		n->dropped = true;
		return 0;
	}
	int r = pickle_seq_push(p, &n->items, key);
	return r ? r : pickle_seq_push(p, &n->items, value);
}
