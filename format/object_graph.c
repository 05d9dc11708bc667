/* SPDX-License-Identifier: MIT */
#include "format/object_graph.h"

#include "format/proto.h"

#include <string.h>

/* Numbers of the objects: references between them, and what functions hold. */
enum {
	ROOT, EMBEDDINGS, VOCABULARY, TABLE, CREATOR, INITIALIZER, DESTROYER, WORD_EMBEDDINGS, LOOKUP, CALL, WORDS,
	VARIABLES, TRAINABLE_VARIABLES, REGULARIZATION_LOSSES, SIGNATURES,
	OBJECTS,	/* behind these, one for each signature */
};

struct child {
	const char *name;
	unsigned object;
};
struct object {
	const char *user;	/* identifier of a user object */
	enum graph_origin variable;
	bool trainable;
	const struct graph_function *function;
	const struct child *children;
};
#define CHILDREN(...) (const struct child[]){ __VA_ARGS__, END }

/* The last three lists are what hub.KerasLayer asks for. Keras's own layer looks for serve. */
static const struct object objects[OBJECTS] = {
	[ROOT] = { .user = "_generic_user_object", .children = CHILDREN(
		{ "embeddings", EMBEDDINGS }, { "vocabulary", VOCABULARY }, { "table", TABLE },
		{ "word_embeddings", WORD_EMBEDDINGS }, { "lookup", LOOKUP }, { "lookup_oov", LOOKUP },
		{ "__call__", CALL }, { "serve", CALL }, { "words", WORDS }, { "variables", VARIABLES },
		{ "trainable_variables", TRAINABLE_VARIABLES },
		{ "regularization_losses", REGULARIZATION_LOSSES }, { "signatures", SIGNATURES }) },
	[EMBEDDINGS] = { .variable = GRAPH_EMBEDDINGS, .trainable = true },
	[VOCABULARY] = { .variable = GRAPH_VOCABULARY },
	[TABLE] = { .children = CHILDREN({ "_create_resource", CREATOR }, { "_initialize", INITIALIZER },
		{ "_destroy_resource", DESTROYER }) },
	[CREATOR] = { .function = &graph_creator },
	[INITIALIZER] = { .function = &graph_initializer },
	[DESTROYER] = { .function = &graph_destroyer },
	[WORD_EMBEDDINGS] = { .function = &graph_word_embeddings },
	[LOOKUP] = { .function = &graph_lookup },
	[CALL] = { .function = &graph_sentences },
	[WORDS] = { .function = &graph_words },
	[VARIABLES] = { .user = "trackable_list_wrapper", .children = CHILDREN({ "0", EMBEDDINGS }) },
	[TRAINABLE_VARIABLES] = { .user = "trackable_list_wrapper", .children = CHILDREN({ "0", EMBEDDINGS }) },
	[REGULARIZATION_LOSSES] = { .user = "trackable_list_wrapper" },
	[SIGNATURES] = { .user = "signature_map" },	/* its children are the signatures */
};

static const unsigned held_objects[GRAPH_ORIGINS] = {
	[GRAPH_TABLE] = TABLE, [GRAPH_EMBEDDINGS] = EMBEDDINGS, [GRAPH_VOCABULARY] = VOCABULARY,
};

/* StructuredValue (struct.proto): the fields of its oneof that stand here. */
enum { SV_NONE = 1, SV_STRING = 13, SV_TENSOR_SPEC = 33, SV_LIST = 51, SV_TUPLE = 52, SV_DICT = 53, SV_NAMED_TUPLE = 54 };

/* ObjectReference, in both kinds of object graph. */
static void write_child(struct buf *b, const char *name, unsigned object)
{
	size_t child = proto_begin(b, 1);
	proto_int(b, 1, object);
	proto_str(b, 2, name);
	proto_end(b, child);
}

/* A StructuredValue that holds a TensorSpec. */
static void write_spec(struct buf *b, unsigned field, const char *name, enum dtype type, const char *shape,
		       const struct graph_dims *d)
{
	size_t value = proto_begin(b, field), spec = proto_begin(b, SV_TENSOR_SPEC);
	if (name)
		proto_str(b, 1, name);
	graph_node_write_shape(b, 2, shape, d);
	proto_int(b, 3, type);
	proto_end(b, spec);
	proto_end(b, value);
}

static void write_arg_spec(struct buf *b, unsigned field, const struct graph_arg *a, const struct graph_dims *d)
{
	write_spec(b, field, a->name, a->type, a->shape, d);
}

/* The given arguments as what stands in a tuple: positional. */
static void write_positional(struct buf *b, const struct graph_function *f, const struct graph_dims *d)
{
	for (const struct graph_arg *a = f->args; a->name && a->origin == GRAPH_GIVEN; a++)
		write_arg_spec(b, 1, a, d);
}

/* A dictionary's entry. */
static void write_field(struct buf *b, const char *key, enum dtype type, const char *shape, const struct graph_dims *d)
{
	size_t entry = proto_begin(b, 1);
	proto_str(b, 1, key);
	write_spec(b, 2, key, type, shape, d);
	proto_end(b, entry);
}

/* The given arguments as what stands in a dictionary: keywords. */
static void write_keywords(struct buf *b, const struct graph_function *f, const struct graph_dims *d)
{
	for (const struct graph_arg *a = f->args; a->name && a->origin == GRAPH_GIVEN; a++)
		write_field(b, a->name, a->type, a->shape, d);
}

/* The entry of a FullArgSpec; what is in it is one empty value of `kind`, or the arguments' names. */
static void write_spec_entry(struct buf *b, const char *key, unsigned kind, const struct graph_arg *names)
{
	size_t pair = proto_begin(b, 2);
	proto_str(b, 1, key);
	size_t value = proto_begin(b, 2), content = proto_begin(b, kind);
	for (; names && names->name && names->origin == GRAPH_GIVEN; names++) {
		size_t name = proto_begin(b, 1);
		proto_str(b, SV_STRING, names->name);
		proto_end(b, name);
	}
	proto_end(b, content);
	proto_end(b, value);
	proto_end(b, pair);
}

/* FunctionSpec: Python's inspect.getfullargspec() of the method, and its input_signature. */
static void write_function_spec(struct buf *b, const struct graph_function *f, const struct graph_dims *d)
{
	size_t spec = proto_begin(b, 2), arg_spec = proto_begin(b, 1), tuple = proto_begin(b, SV_NAMED_TUPLE);
	proto_str(b, 1, "FullArgSpec");
	write_spec_entry(b, "args", SV_LIST, f->args);
	write_spec_entry(b, "varargs", SV_NONE, NULL);
	write_spec_entry(b, "varkw", SV_NONE, NULL);
	write_spec_entry(b, "defaults", SV_NONE, NULL);
	write_spec_entry(b, "kwonlyargs", SV_LIST, NULL);
	write_spec_entry(b, "kwonlydefaults", SV_NONE, NULL);
	write_spec_entry(b, "annotations", SV_DICT, NULL);
	proto_end(b, tuple);
	proto_end(b, arg_spec);
	size_t inputs = proto_begin(b, 5), positional = proto_begin(b, SV_TUPLE);
	write_positional(b, f, d);
	proto_end(b, positional);
	proto_end(b, inputs);
	proto_end(b, spec);
}

static void write_concrete_function(struct buf *b, const struct graph_function *f, const struct graph_dims *d)
{
	size_t function = proto_begin(b, 6);
	proto_str(b, 1, f->name);
	write_function_spec(b, f, d);
	proto_end(b, function);
}

static void write_variable(struct buf *b, const struct object *o, const struct graph_dims *d)
{
	const struct graph_resource *r = &graph_resources[o->variable];
	size_t variable = proto_begin(b, 7);
	proto_int(b, 1, r->type);
	graph_node_write_shape(b, 2, r->shape, d);
	if (o->trainable)
		proto_int(b, 3, true);
	proto_str(b, 6, r->node);
	proto_end(b, variable);
}

static void write_user(struct buf *b, const char *identifier)
{
	size_t user = proto_begin(b, 4);
	proto_str(b, 1, identifier);
	size_t version = proto_begin(b, 2);
	proto_int(b, 1, 1); /* producer */
	proto_int(b, 2, 1); /* min_consumer */
	proto_end(b, version);
	proto_end(b, user);
}

/* SavedObject */
static void write_object(struct buf *b, unsigned i, const struct graph_dims *d)
{
	const struct object *o = &objects[i];
	size_t object = proto_begin(b, 1);
	for (const struct child *c = o->children; c && c->name; c++)
		write_child(b, c->name, c->object);
	for (unsigned s = 0; i == SIGNATURES && s < GRAPH_SIGNATURES; s++)
		write_child(b, graph_signatures[s].key, OBJECTS + s);
	if (o->user)
		write_user(b, o->user);
	else if (o->function)
		write_concrete_function(b, o->function, d);
	else if (o->variable)
		write_variable(b, o, d);
	else
		proto_empty(b, 10); /* a resource */
	proto_end(b, object);
}

/* SavedObject with a SavedBareConcreteFunction: keywords, one of which may go without its name. */
static void write_signature_function(struct buf *b, const struct graph_function *wrapper)
{
	unsigned given = 0;
	size_t object = proto_begin(b, 1), function = proto_begin(b, 8);
	proto_str(b, 1, wrapper->name);
	for (const struct graph_arg *a = wrapper->args; a->name && a->origin == GRAPH_GIVEN; a++, given++)
		proto_str(b, 2, a->name);
	if (given == 1)
		proto_int(b, 3, 1);
	proto_end(b, function);
	proto_end(b, object);
}

/* Which objects take the places of the held arguments, in their order. */
static void write_bound(struct buf *b, const struct graph_function *f)
{
	const struct graph_arg *a = f->args;
	while (a->name && a->origin == GRAPH_GIVEN)
		a++;
	if (!a->name)
		return;
	size_t packed = proto_begin(b, 2);
	for (; a->name; a++)
		proto_varint(b, held_objects[a->origin]);
	proto_end(b, packed);
}

/* The signature ((positional), {keywords}), as TensorFlow makes it canonical. */
static void write_inputs(struct buf *b, const struct graph_function *f, bool keywords, const struct graph_dims *d)
{
	size_t value = proto_begin(b, 3), both = proto_begin(b, SV_TUPLE);
	size_t first = proto_begin(b, 1), positional = proto_begin(b, SV_TUPLE);
	if (!keywords)
		write_positional(b, f, d);
	proto_end(b, positional);
	proto_end(b, first);
	size_t second = proto_begin(b, 1), dictionary = proto_begin(b, SV_DICT);
	if (keywords)
		write_keywords(b, f, d);
	proto_end(b, dictionary);
	proto_end(b, second);
	proto_end(b, both);
	proto_end(b, value);
}

static void write_output(struct buf *b, const struct graph_function *f, bool dictionary, const struct graph_dims *d)
{
	if (!dictionary) {
		write_spec(b, 4, NULL, f->result.type, f->result.shape, d);
		return;
	}
	size_t value = proto_begin(b, 4), fields = proto_begin(b, SV_DICT);
	write_field(b, GRAPH_OUTPUT, f->result.type, f->result.shape, d);
	proto_end(b, fields);
	proto_end(b, value);
}

/* An entry of the map of SavedConcreteFunction. */
static void write_concrete(struct buf *b, const struct graph_function *f, bool wrapper, const struct graph_dims *d)
{
	size_t entry = proto_begin(b, 2);
	proto_str(b, 1, f->name);
	size_t function = proto_begin(b, 2);
	write_bound(b, f);
	write_inputs(b, f, wrapper, d);
	write_output(b, f, wrapper, d);
	proto_end(b, function);
	proto_end(b, entry);
}

/* The function whose name follows that of `last` (NULL: the first) in a map; -1 behind the end. */
static int next_function(const struct graph_library *l, const char *last)
{
	int next = -1;
	for (int i = 0; i < GRAPH_FUNCTIONS; i++) {
		const char *name = l->functions[i]->name;
		if ((!last || proto_compare(name, last) > 0) &&
		    (next < 0 || proto_compare(name, l->functions[next]->name) < 0))
			next = i;
	}
	return next;
}

void object_graph_write(struct buf *b, unsigned field, const struct graph_library *l, const struct graph_dims *d)
{
	size_t graph = proto_begin(b, field);
	for (unsigned i = 0; i < OBJECTS; i++)
		write_object(b, i, d);
	for (size_t i = 0; i < GRAPH_SIGNATURES; i++)
		write_signature_function(b, &l->wrappers[i].function);
	int tables = GRAPH_FUNCTIONS - GRAPH_SIGNATURES;
	for (int i = next_function(l, NULL); i >= 0; i = next_function(l, l->functions[i]->name))
		write_concrete(b, l->functions[i], i >= tables, d);
	proto_end(b, graph);
}

/* TrackableObject of a variable: its value is in the checkpoint, under `key`. */
static void write_saved_variable(struct buf *b, const char *name, const char *key)
{
	size_t object = proto_begin(b, 1), attribute = proto_begin(b, 2);
	proto_str(b, 1, "VARIABLE_VALUE");
	proto_str(b, 2, name);
	proto_str(b, 3, key);
	proto_end(b, attribute);
	size_t has_values = proto_begin(b, 5);
	proto_int(b, 1, true);
	proto_end(b, has_values);
	proto_end(b, object);
}

/* OpenVINO skips exactly two bytes of length: this must stay at 128 to 16383 bytes. */
uint32_t object_graph_tensor(struct buf *ret)
{
	CLEANUP_BUF struct buf b = BUF_INIT(OBJECT_GRAPH_BYTES_MAX);
	size_t root = proto_begin(&b, 1);
	write_child(&b, "embeddings", 1);
	write_child(&b, "vocabulary", 2);
	size_t has_values = proto_begin(&b, 5);
	proto_int(&b, 1, true);
	proto_end(&b, has_values);
	proto_end(&b, root);
	write_saved_variable(&b, "embeddings", OBJECT_GRAPH_EMBEDDINGS_KEY);
	write_saved_variable(&b, "vocabulary", OBJECT_GRAPH_VOCABULARY_KEY);
	if (b.failed)
		ret->failed = true;
	return b.failed ? 0 : bundle_string(b.data, b.len, ret);
}
