/* SPDX-License-Identifier: MIT */
/* Nodes of a TensorFlow graph as rows of a table, and their wire form (node_def.proto,
 * attr_value.proto, tensor.proto, tensor_shape.proto in tensorflow/core/framework). Every table
 * ends with the row END; order of attributes is free. Internal to the graph writers.
 *
 * Shapes are text: "[]" a scalar, "[?,D]" dimensions (? unknown, V D K the model's, or a number),
 * "?" unknown rank. Several shapes are separated by a space. */
#ifndef DFM_FORMAT_GRAPH_NODE_H
#define DFM_FORMAT_GRAPH_NODE_H
#include "format/bundle.h"

/* What V, D and K stand for. */
struct graph_dims {
	uint64_t rows, width, words;
};

enum graph_attr_kind {
	GRAPH_TYPE,		/* number: enum dtype */
	GRAPH_TYPES,		/* types, count */
	GRAPH_SHAPE,		/* text */
	GRAPH_SHAPES,		/* text; "" is an empty list */
	GRAPH_BOOL,		/* number */
	GRAPH_INT,		/* number */
	GRAPH_BYTES,		/* text */
	GRAPH_FUNCTION,		/* text: its name */
	GRAPH_TENSOR,		/* number: dtype; text: shape; count of ints, floats or strings */
};
struct graph_attr {
	const char *name;
	enum graph_attr_kind kind;
	int64_t number;
	const char *text;
	size_t count;
	const enum dtype *types;
	const int64_t *ints;
	const float *floats;
	const char *const *strings;
};

struct graph_node {
	const char *name, *op;
	const char *inputs;	/* separated by a space; "^x": after x */
	const struct graph_attr *attrs;
};

#define GRAPH_ATTRS_MAX 12	/* of a node */

#define END { .name = NULL }
#define LIST(type, ...) (const type[]){ __VA_ARGS__ }, .count = sizeof((const type[]){ __VA_ARGS__ }) / sizeof(type)
#define TYPE(k, t) { .name = (k), .kind = GRAPH_TYPE, .number = (t) }
#define TYPES(k, ...) { .name = (k), .kind = GRAPH_TYPES, .types = LIST(enum dtype, __VA_ARGS__) }
#define SHAPE(k, s) { .name = (k), .kind = GRAPH_SHAPE, .text = (s) }
#define BOOL(k, v) { .name = (k), .kind = GRAPH_BOOL, .number = (v) }
#define INT(k, v) { .name = (k), .kind = GRAPH_INT, .number = (v) }
#define BYTES(k, s) { .name = (k), .kind = GRAPH_BYTES, .text = (s) }
#define FUNCTION(k, s) { .name = (k), .kind = GRAPH_FUNCTION, .text = (s) }
/* The shapes of what a node gives: loaders take them from here before they know the variables. */
#define OUT(s) { .name = "_output_shapes", .kind = GRAPH_SHAPES, .text = (s) }

#define NODE(n, o, in, ...) { (n), (o), (in), (const struct graph_attr[]){ __VA_ARGS__, END } }
#define BARE(n, o, in) { (n), (o), (in), NULL }
#define INTS(...) .ints = LIST(int64_t, __VA_ARGS__)
#define FLOATS(...) .floats = LIST(float, __VA_ARGS__)
#define STRINGS(...) .strings = LIST(char *const, __VA_ARGS__)
#define CONST(n, t, s, ...) NODE(n, "Const", "", TYPE("dtype", t), OUT(s), \
	{ .name = "value", .kind = GRAPH_TENSOR, .number = (t), .text = (s), __VA_ARGS__ })

void graph_node_write(struct buf *b, unsigned field, const struct graph_node *n, const struct graph_dims *d);
void graph_node_write_all(struct buf *b, unsigned field, const struct graph_node *table, const struct graph_dims *d);
/* A map<string, AttrValue> from a table; NULL is an empty one. */
void graph_node_write_attrs(struct buf *b, unsigned field, const struct graph_attr *table, const struct graph_dims *d);
/* TensorShapeProto of the first shape in `text`; what follows it. */
const char *graph_node_write_shape(struct buf *b, unsigned field, const char *text, const struct graph_dims *d);

/* for each word of `text`, at `word` and `len` bytes long; words are separated by one space. */
#define GRAPH_WORDS(text, word, len) \
	for (const char *word = (text); *word && ((len) = strcspn(word, " "), 1); word += (len) + (word[len] == ' '))
#endif
