/* SPDX-License-Identifier: MIT */
/* Looking at what a pickle would have made. */
#include "format/pickle_node.h"

#include <string.h>

void pickle_shed(struct pickle *p)
{
	pickle_seq_free(p, &p->memo);
	pickle_seq_free(p, &p->stack);
}

struct pickle *pickle_free(struct pickle *p)
{
	if (!p)
		return NULL;
	pickle_shed(p);
	for (uint32_t i = 0; i < p->node_count; i++) {
		struct node *n = &p->nodes[i / PICKLE_NODES_BLOCK][i % PICKLE_NODES_BLOCK];
		if (n->kind != NODE_FREE && n->kind != NODE_OBJECT)
			pickle_seq_free(p, &n->items);
	}
	for (uint32_t i = 0; i < p->node_count; i += PICKLE_NODES_BLOCK)
		free(p->nodes[i / PICKLE_NODES_BLOCK]);
	for (unsigned i = 0; i < p->class_count; i++)
		free(p->classes[i].module);
	free(p->nodes);
	window_done(&p->win);
	free(p);
	return NULL;
}

uint64_t pickle_top(const struct pickle *p) { return p->top; }

static const struct class *class_of(const struct pickle *p, uint64_t value)
{
	const struct node *n = pickle_node_of(p, value);
	uint64_t v = n && n->kind == NODE_OBJECT ? n->class : value;
	return pickle_tag(v) == PICKLE_GLOBAL ? &p->classes[pickle_value_payload(v)] : NULL;
}

const char *pickle_module(const struct pickle *p, uint64_t value)
{
	const struct class *c = class_of(p, value);
	return c ? c->module : "";
}

const char *pickle_name(const struct pickle *p, uint64_t value)
{
	const struct class *c = class_of(p, value);
	return c ? c->name : "";
}

static bool is_kind(const struct pickle *p, uint64_t value, enum node_kind kind)
{
	const struct node *n = pickle_node_of(p, value);
	return n && n->kind == kind;
}

bool pickle_is_object(const struct pickle *p, uint64_t value) { return is_kind(p, value, NODE_OBJECT); }
bool pickle_is_list(const struct pickle *p, uint64_t value) { return is_kind(p, value, NODE_LIST); }
bool pickle_is_tuple(const struct pickle *p, uint64_t value) { return is_kind(p, value, NODE_TUPLE); }

uint64_t pickle_count(const struct pickle *p, uint64_t value)
{
	const struct node *n = pickle_node_of(p, value);
	return n && (n->kind == NODE_LIST || n->kind == NODE_TUPLE) ? n->items.n : 0;
}

uint64_t pickle_item(const struct pickle *p, uint64_t value, uint64_t index)
{
	return index < pickle_count(p, value) ? *pickle_seq_at(&pickle_node_of(p, value)->items, index) : 0;
}

uint64_t pickle_args(const struct pickle *p, uint64_t value)
{
	return pickle_is_object(p, value) ? pickle_node_of(p, value)->args : 0;
}

uint64_t pickle_state(const struct pickle *p, uint64_t value)
{
	return pickle_is_object(p, value) ? pickle_node_of(p, value)->state : 0;
}

/* The dict that holds attributes: the value itself, an object's state, or the first dict of a
 * state (dict, slots). */
static const struct node *attributes(const struct pickle *p, uint64_t value)
{
	uint64_t v = pickle_is_object(p, value) ? pickle_state(p, value) : value;
	if (pickle_is_tuple(p, v))
		v = pickle_item(p, v, 0);
	return is_kind(p, v, NODE_DICT) ? pickle_node_of(p, v) : NULL;
}

int pickle_attr(struct pickle *p, uint64_t value, const char *key, uint64_t *ret)
{
	const struct node *n = attributes(p, value);
	char name[64];
	*ret = 0;
	/* Backwards: of equal keys the last counts. */
	for (uint64_t i = n ? n->items.n : 0; i >= 2; i -= 2) {
		int r = pickle_text_string(p, *pickle_seq_at(&n->items, i - 2), name, sizeof name);
		if (r)
			return r;
		if (!strcmp(name, key)) {
			*ret = *pickle_seq_at(&n->items, i - 1);
			return 0;
		}
	}
	return 0;
}
