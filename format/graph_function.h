/* SPDX-License-Identifier: MIT */
/* Functions of a graph's library as tables, and their wire form (FunctionDef in
 * tensorflow/core/framework/function.proto, OpDef in op_def.proto). Internal to the graph writers. */
#ifndef DFM_FORMAT_GRAPH_FUNCTION_H
#define DFM_FORMAT_GRAPH_FUNCTION_H
#include "format/graph_node.h"

/* Where an argument comes from: the caller, or an object that the function holds on to. */
enum graph_origin {
	GRAPH_GIVEN,
	GRAPH_TABLE,
	GRAPH_EMBEDDINGS,
	GRAPH_VOCABULARY,
	GRAPH_ORIGINS
};
struct graph_arg {
	const char *name;
	enum graph_origin origin;
	enum dtype type;	/* GRAPH_GIVEN only, as is the shape */
	const char *shape;
};
#define GIVEN(n, t, s) { (n), GRAPH_GIVEN, (t), (s) }
#define HELD(n, o) { .name = (n), .origin = (o) }

/* What is behind a held argument. */
struct graph_resource {
	const char *node;	/* of the main graph */
	enum dtype type;	/* of the variable; 0 for the table */
	const char *shape;
};
extern const struct graph_resource graph_resources[GRAPH_ORIGINS];

struct graph_function {
	const char *name;
	bool pure;		/* without side effects, which TensorFlow may leave out */
	const struct graph_arg *args;	/* given ones first; ends with END */
	const struct graph_node *nodes;
	struct {
		const char *from;	/* an output of a node */
		enum dtype type;
		const char *shape;
	} result;
	const char *after;	/* nodes that must have run, in rising order */
};

extern const struct graph_function graph_creator, graph_initializer, graph_destroyer, graph_word_embeddings,
	graph_words, graph_lookup, graph_sentences;

/* A function that is callable by name from outside: with keywords, giving a dictionary. */
struct graph_signature {
	const char *key;
	const struct graph_function *target;
};
#define GRAPH_SIGNATURES 5
extern const struct graph_signature graph_signatures[GRAPH_SIGNATURES];
#define GRAPH_OUTPUT "output_0"		/* the name of every result in that dictionary */

#define GRAPH_NAME_MAX 64
#define GRAPH_ARGS_MAX 8
/* A node that calls a function. Points into itself: never copy one. */
struct graph_call {
	struct graph_node node[2];	/* the node and END */
	char name[GRAPH_NAME_MAX], inputs[256];
	enum dtype inputs_types[GRAPH_ARGS_MAX], result_type[1];
	struct graph_attr attrs[5];
};
/* Without inputs yet. */
void graph_function_call_init(struct graph_call *c, const char *name, const struct graph_function *callee);
void graph_function_call_input(struct graph_call *c, const char *name);

/* The library's function behind a signature. Points into itself, too. */
struct graph_wrapper {
	struct graph_function function;
	char name[GRAPH_NAME_MAX], held[GRAPH_ARGS_MAX][24];
	struct graph_arg args[GRAPH_ARGS_MAX + 1];
	struct graph_call call;
};
/* Signature number `i`. */
void graph_function_wrapper(struct graph_wrapper *w, size_t i);

/* All functions, in the order of the library: 7 tables, then the wrappers. */
#define GRAPH_FUNCTIONS (7 + GRAPH_SIGNATURES)
struct graph_library {
	struct graph_wrapper wrappers[GRAPH_SIGNATURES];
	const struct graph_function *functions[GRAPH_FUNCTIONS];
};
void graph_function_library_init(struct graph_library *l);
void graph_function_library_write(struct buf *b, unsigned field, const struct graph_library *l, const struct graph_dims *d);

enum dtype graph_function_arg_type(const struct graph_arg *a);
const char *graph_function_arg_shape(const struct graph_arg *a);
#endif
