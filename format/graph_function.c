/* SPDX-License-Identifier: MIT */
#include "format/graph_function.h"

#include "format/proto.h"

#include <stdio.h>
#include <string.h>

#define RESULT "identity"		/* the name that every function gives its result */
#define RESULT_NODE "Identity_out"
#define CALL "StatefulPartitionedCall"

enum dtype graph_function_arg_type(const struct graph_arg *a) { return a->origin == GRAPH_GIVEN ? a->type : DT_RESOURCE; }

const char *graph_function_arg_shape(const struct graph_arg *a) { return a->origin == GRAPH_GIVEN ? a->shape : "[]"; }

/* OpDef.ArgDef. Handle data: type and shape of the variable behind a resource. */
static void write_arg(struct buf *b, const struct graph_arg *a, const struct graph_dims *d)
{
	const struct graph_resource *behind = &graph_resources[a->origin];
	size_t arg = proto_begin(b, 2);
	proto_str(b, 1, a->name);
	proto_int(b, 3, graph_function_arg_type(a));
	if (behind->type) {
		size_t handle = proto_begin(b, 7);
		proto_int(b, 1, behind->type);
		graph_node_write_shape(b, 2, behind->shape, d);
		proto_end(b, handle);
	}
	proto_end(b, arg);
}

static void write_op_def(struct buf *b, const struct graph_function *f, const struct graph_dims *d)
{
	size_t signature = proto_begin(b, 1), len;
	proto_str(b, 1, f->name);
	for (const struct graph_arg *a = f->args; a->name; a++)
		write_arg(b, a, d);
	size_t result = proto_begin(b, 3);
	proto_str(b, 1, RESULT);
	proto_int(b, 3, f->result.type);
	proto_end(b, result);
	if (!f->pure)
		proto_int(b, 17, true);
	GRAPH_WORDS(f->after, name, len)
		proto_bytes(b, 20, name, len);
	proto_end(b, signature);
}

/* The last node: the result, once everything in `after` has run. */
static void write_result(struct buf *b, const struct graph_function *f, const struct graph_dims *d)
{
	const struct graph_attr attrs[] = { TYPE("T", f->result.type), OUT(f->result.shape), END };
	size_t node = proto_begin(b, 3), len;
	proto_str(b, 1, RESULT_NODE);
	proto_str(b, 2, "Identity");
	proto_str(b, 3, f->result.from);
	GRAPH_WORDS(f->after, name, len) {
		size_t input = proto_begin(b, 3);
		buf_byte(b, '^');
		buf_add(b, name, len);
		proto_end(b, input);
	}
	graph_node_write_attrs(b, 5, attrs, d);
	proto_end(b, node);
}

/* A map<string, string> entry. */
static void write_pair(struct buf *b, unsigned field, const char *key, size_t n, const char *value, size_t m)
{
	size_t pair = proto_begin(b, field);
	proto_bytes(b, 1, key, n);
	proto_bytes(b, 2, value, m);
	proto_end(b, pair);
}

static void write_attrs(struct buf *b, const struct graph_function *f, const struct graph_dims *d)
{
	static const struct graph_attr context[] = { BYTES("_construction_context", "kEagerRuntime"), END };
	graph_node_write_attrs(b, 5, context, d);
	size_t entry = proto_begin(b, 5);
	proto_str(b, 1, "_input_shapes");
	size_t value = proto_begin(b, 2), list = proto_begin(b, 1);
	for (const struct graph_arg *a = f->args; a->name; a++)
		graph_node_write_shape(b, 7, graph_function_arg_shape(a), d);
	proto_end(b, list);
	proto_end(b, value);
	proto_end(b, entry);
}

static void write_arg_attr(struct buf *b, unsigned i, const struct graph_arg *a, const struct graph_dims *d)
{
	const struct graph_attr attrs[] = { OUT(a->shape), BYTES("_user_specified_name", a->name), END };
	size_t entry = proto_begin(b, 7);
	proto_int(b, 1, i);
	size_t value = proto_begin(b, 2);
	if (a->origin == GRAPH_GIVEN)
		graph_node_write_attrs(b, 1, attrs, d);
	proto_end(b, value);
	proto_end(b, entry);
}

/* The keyword of an argument stands in an attribute too, where saving a model again finds it. A
 * map with integer keys: from the highest down, see proto_compare(). */
static void write_arg_attrs(struct buf *b, const struct graph_function *f, const struct graph_dims *d)
{
	unsigned n = 0;
	while (f->args[n].name)
		n++;
	while (n--)
		write_arg_attr(b, n, &f->args[n], d);
}

static void write_definition(struct buf *b, const struct graph_function *f, const struct graph_dims *d)
{
	static const char result[] = RESULT, from[] = RESULT_NODE ":output:0";
	size_t function = proto_begin(b, 1), len;
	write_op_def(b, f, d);
	graph_node_write_all(b, 3, f->nodes, d);
	write_result(b, f, d);
	write_pair(b, 4, result, sizeof result - 1, from, sizeof from - 1);
	write_attrs(b, f, d);
	GRAPH_WORDS(f->after, name, len)
		write_pair(b, 6, name, len, name, len);
	write_arg_attrs(b, f, d);
	proto_end(b, function);
}

void graph_function_call_init(struct graph_call *c, const char *name, const struct graph_function *callee)
{
	size_t n = 0;
	for (; callee->args[n].name; n++)
		c->inputs_types[n] = graph_function_arg_type(&callee->args[n]);
	c->result_type[0] = callee->result.type;
	c->inputs[0] = 0;
	snprintf(c->name, sizeof c->name, "%s", name);
	c->attrs[0] = (struct graph_attr){ .name = "Tin", .kind = GRAPH_TYPES, .types = c->inputs_types, .count = n };
	c->attrs[1] = (struct graph_attr){ .name = "Tout", .kind = GRAPH_TYPES, .types = c->result_type, .count = 1 };
	c->attrs[2] = (struct graph_attr)FUNCTION("f", callee->name);
	c->attrs[3] = (struct graph_attr)OUT(callee->result.shape);
	c->attrs[4] = (struct graph_attr)END;
	c->node[0] = (struct graph_node){ c->name, CALL, c->inputs, c->attrs };
	c->node[1] = (struct graph_node)END;
}

void graph_function_call_input(struct graph_call *c, const char *name)
{
	size_t n = strlen(c->inputs);
	snprintf(c->inputs + n, sizeof c->inputs - n, "%s%s", n ? " " : "", name);
}

/* Held arguments are called as TensorFlow calls them: unknown, unknown_0, unknown_1 ... */
static void name_held(struct graph_wrapper *w, unsigned arg, unsigned held)
{
	if (held)
		snprintf(w->held[arg], sizeof w->held[arg], "unknown_%u", held - 1);
	else
		snprintf(w->held[arg], sizeof w->held[arg], "unknown");
	w->args[arg].name = w->held[arg];
}

void graph_function_wrapper(struct graph_wrapper *w, size_t i)
{
	const struct graph_signature *s = &graph_signatures[i];
	const struct graph_function *target = s->target;
	unsigned held = 0, n = 0;
	graph_function_call_init(&w->call, CALL, target);
	for (; target->args[n].name; n++) {
		w->args[n] = target->args[n];
		if (w->args[n].origin != GRAPH_GIVEN)
			name_held(w, n, held++);
		graph_function_call_input(&w->call, w->args[n].name);
	}
	w->args[n] = (struct graph_arg)END;
	/* The number only makes the name unique, as TensorFlow's own are; 17 follows the tables'. */
	snprintf(w->name, sizeof w->name, "__inference_signature_wrapper_%s_%zu", s->key, 17 + i);
	w->function = (struct graph_function){
		.name = w->name, .args = w->args, .nodes = w->call.node, .after = CALL,
		.result = { CALL ":output:0", target->result.type, target->result.shape },
	};
}

void graph_function_library_init(struct graph_library *l)
{
	static const struct graph_function *const tables[] = {
		&graph_word_embeddings, &graph_words, &graph_lookup, &graph_sentences,
		&graph_creator, &graph_initializer, &graph_destroyer,
	};
	memcpy(l->functions, tables, sizeof tables);
	for (size_t i = 0; i < GRAPH_SIGNATURES; i++) {
		graph_function_wrapper(&l->wrappers[i], i);
		l->functions[sizeof tables / sizeof *tables + i] = &l->wrappers[i].function;
	}
}

void graph_function_library_write(struct buf *b, unsigned field, const struct graph_library *l, const struct graph_dims *d)
{
	size_t library = proto_begin(b, field);
	for (size_t i = 0; i < GRAPH_FUNCTIONS; i++)
		write_definition(b, l->functions[i], d);
	proto_end(b, library);
}
