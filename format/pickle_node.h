/* SPDX-License-Identifier: MIT */
/* What a pickle is made of while it is read. Only pickle*.c include this. */
#ifndef DFM_FORMAT_PICKLE_NODE_H
#define DFM_FORMAT_PICKLE_NODE_H
#include "format/pickle.h"
#include "format/window.h"

/* Values in blocks of PICKLE_SEQ_BLOCK: growing never copies more than one block, and at most one block
 * is unused. Up to PICKLE_SEQ_BLOCK values are one array that doubles. */
#define PICKLE_SEQ_BLOCK 32768u
struct seq {
	union {
		uint64_t *flat;		/* cap <= PICKLE_SEQ_BLOCK */
		uint64_t **blocks;	/* cap / PICKLE_SEQ_BLOCK of them, in room for the next power of two */
	};
	uint64_t n, cap;
};

enum node_kind { NODE_FREE, NODE_LIST, NODE_TUPLE, NODE_DICT, NODE_OBJECT };
struct node {
	uint8_t kind;
	bool dropped;		/* a dict that is only counted by now */
	char type;		/* of a dtype: 'i', 'u', 'b', 'U'; 0: another kind, or big-endian */
	uint8_t type_size;	/* of 'i' and 'u', in bytes */
	uint32_t generation;	/* 24 bits; a handle of another one is stale */
	union {
		struct seq items;	/* of a dict: key, value, key, value ... */
		struct {
			uint64_t class, args, state;
		};
		uint32_t next_free;
	};
};
#define PICKLE_NODES_BLOCK 1024u

/* What is done with objects of a class. */
enum class_role {
	CLASS_PLAIN,
	CLASS_DICT,	/* makes a dict: defaultdict, OrderedDict, Counter */
	CLASS_FORGET,	/* Vocab, Doctag */
	CLASS_SCALAR,	/* numpy's: made into a value */
	CLASS_ARRAY,	/* _reconstruct, _frombuffer */
	CLASS_DTYPE,	/* shared by all arrays: never forgotten */
};
struct class {
	uint64_t hash;
	enum class_role role;
	char *module, *name;	/* one allocation, module's */
};

struct pickle {
	struct window win;
	uint64_t pos;		/* next byte */
	uint64_t at;		/* first byte of the current opcode */
	uint64_t used, max;	/* memory */
	struct seq stack, memo;
	struct node **nodes;	/* blocks of PICKLE_NODES_BLOCK */
	uint32_t node_count, node_free;	/* ids given out; head of the free list + 1 */
	struct class classes[PICKLE_CLASSES_MAX];
	unsigned class_count;
	uint64_t top;
};

#define PICKLE_VALUE_MASK ((UINT64_C(1) << 56) - 1)
static inline uint64_t pickle_value_make(enum pickle_tag tag, uint64_t payload)
{
	return (uint64_t)tag << 56 | (payload & PICKLE_VALUE_MASK);
}
static inline uint64_t pickle_value_payload(uint64_t v) { return v & PICKLE_VALUE_MASK; }

static inline uint64_t *pickle_seq_at(const struct seq *s, uint64_t i)
{
	return s->cap <= PICKLE_SEQ_BLOCK ? s->flat + i : s->blocks[i / PICKLE_SEQ_BLOCK] + i % PICKLE_SEQ_BLOCK;
}
/* realloc() of the pointer at `pp` within the pickle's memory bound. */
MUST_CHECK int pickle_seq_resize(struct pickle *p, void *pp, uint64_t old_bytes, uint64_t bytes);
MUST_CHECK int pickle_seq_grow(struct pickle *p, struct seq *s);
MUST_CHECK static inline int pickle_seq_push(struct pickle *p, struct seq *s, uint64_t v)
{
	int r = s->n == s->cap ? pickle_seq_grow(p, s) : 0;
	if (!r)
		*pickle_seq_at(s, s->n++) = v;
	return r;
}
void pickle_seq_free(struct pickle *p, struct seq *s);

/* The node of a value, or NULL: no node, or one forgotten. */
struct node *pickle_node_of(const struct pickle *p, uint64_t value);
/* A new empty node; *ret is its value. */
MUST_CHECK int pickle_node_new(struct pickle *p, enum node_kind kind, uint64_t *ret);
/* Forget a node and what only it can be expected to hold, to a small depth. */
void pickle_node_forget(struct pickle *p, uint64_t value);
MUST_CHECK int pickle_node_set(struct pickle *p, uint64_t dict, uint64_t key, uint64_t value);
enum class_role pickle_node_role(const struct pickle *p, uint64_t value);
/* The GLOBAL of that name. */
MUST_CHECK int pickle_class_get(struct pickle *p, const char *module, const char *name, uint64_t *ret);

/* A dtype with its arguments: read what pickle_scalar_value() needs of them. */
MUST_CHECK int pickle_scalar_type(struct pickle *p, struct node *dtype);
/* What numpy's scalar(dtype, bytes) makes; OPAQUE where nobody asks for such. */
MUST_CHECK int pickle_scalar_value(struct pickle *p, uint64_t args, uint64_t *ret);

/* Run the opcode at p->pos; 1 after STOP. */
MUST_CHECK int pickle_ops_step(struct pickle *p);
#endif
