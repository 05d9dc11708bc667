/* SPDX-License-Identifier: MIT */
#include "format/graph.h"

#include "format/object_graph.h"
#include "format/proto.h"

#include <stdio.h>
#include <string.h>

/* The main graph: what TF1's loader, the C++ loader and TensorFlow Serving run. It restores the
 * variables (save/restore_all), then fills the table (init_table). Calls of the signatures'
 * functions stand between the two tables below. */
static const struct graph_node head[] = {
	NODE("embeddings", "VarHandleOp", "", TYPE("dtype", DT_FLOAT), SHAPE("shape", "[V,D]"),
	     BYTES("shared_name", "embeddings"), OUT("[]")),
	NODE("embeddings/Read/ReadVariableOp", "ReadVariableOp", "embeddings", TYPE("dtype", DT_FLOAT), OUT("[V,D]")),
	NODE("vocabulary", "VarHandleOp", "", TYPE("dtype", DT_STRING), SHAPE("shape", "[K]"),
	     BYTES("shared_name", "vocabulary"), OUT("[]")),
	NODE("vocabulary/Read/ReadVariableOp", "ReadVariableOp", "vocabulary", TYPE("dtype", DT_STRING), OUT("[K]")),
	NODE("hash_table", "HashTableV2", "", TYPE("key_dtype", DT_STRING), TYPE("value_dtype", DT_INT64),
	     BYTES("shared_name", "word_index"), BOOL("use_node_name_sharing", true), OUT("[]")),
	END
};

#define TENSOR_NAMES STRINGS(OBJECT_GRAPH_EMBEDDINGS_KEY, OBJECT_GRAPH_VOCABULARY_KEY)
static const struct graph_node tail[] = {
	NODE("init_table", "StatefulPartitionedCall", "hash_table vocabulary", TYPES("Tin", DT_RESOURCE, DT_RESOURCE),
	     TYPES("Tout", DT_INT32), FUNCTION("f", "__inference__initializer_15"), OUT("[]")),
	BARE("NoOp", "NoOp", "^init_table"),
	NODE("saver_filename", "Placeholder", "", TYPE("dtype", DT_STRING), SHAPE("shape", "[]"), OUT("[]")),
	CONST("save/RestoreV2/tensor_names", DT_STRING, "[2]", TENSOR_NAMES),
	CONST("save/RestoreV2/shape_and_slices", DT_STRING, "[2]", STRINGS("", "")),
	NODE("save/RestoreV2", "RestoreV2",
	     "saver_filename save/RestoreV2/tensor_names save/RestoreV2/shape_and_slices",
	     TYPES("dtypes", DT_FLOAT, DT_STRING), OUT("? ?")),
	NODE("save/AssignVariableOp", "AssignVariableOp", "embeddings save/RestoreV2", TYPE("dtype", DT_FLOAT)),
	NODE("save/AssignVariableOp_1", "AssignVariableOp", "vocabulary save/RestoreV2:1", TYPE("dtype", DT_STRING)),
	BARE("save/restore_all", "NoOp", "^save/AssignVariableOp ^save/AssignVariableOp_1"),
	CONST("save/SaveV2/tensor_names", DT_STRING, "[2]", TENSOR_NAMES),
	CONST("save/SaveV2/shape_and_slices", DT_STRING, "[2]", STRINGS("", "")),
	NODE("save/SaveV2", "SaveV2",
	     "saver_filename save/SaveV2/tensor_names save/SaveV2/shape_and_slices"
	     " embeddings/Read/ReadVariableOp vocabulary/Read/ReadVariableOp",
	     TYPES("dtypes", DT_FLOAT, DT_STRING)),
	NODE("save/control_dependency", "Identity", "saver_filename ^save/SaveV2", TYPE("T", DT_STRING), OUT("[]")),
	END
};

#define INIT_OP "__saved_model_init_op"

/* Names in the main graph that belong to signature `i`: its call, and an argument of it. */
static void name_call(char ret[GRAPH_NAME_MAX], size_t i)
{
	if (i)
		snprintf(ret, GRAPH_NAME_MAX, "StatefulPartitionedCall_%zu", i);
	else
		snprintf(ret, GRAPH_NAME_MAX, "StatefulPartitionedCall");
}

static void name_placeholder(char ret[GRAPH_NAME_MAX], size_t i, const struct graph_arg *a)
{
	snprintf(ret, GRAPH_NAME_MAX, "%s_%s", graph_signatures[i].key, a->name);
}

static void write_placeholder(struct buf *b, size_t i, const struct graph_arg *a, const struct graph_dims *d)
{
	char name[GRAPH_NAME_MAX];
	name_placeholder(name, i, a);
	const struct graph_attr attrs[] = { TYPE("dtype", a->type), SHAPE("shape", a->shape), OUT(a->shape), END };
	const struct graph_node placeholder = { name, "Placeholder", "", attrs };
	graph_node_write(b, 1, &placeholder, d);
}

/* A signature's placeholders and the call of its function. */
static void write_call(struct buf *b, const struct graph_library *l, size_t i, const struct graph_dims *d)
{
	const struct graph_function *wrapper = &l->wrappers[i].function;
	struct graph_call call;
	char name[GRAPH_NAME_MAX];
	name_call(name, i);
	graph_function_call_init(&call, name, wrapper);
	for (const struct graph_arg *a = wrapper->args; a->name; a++) {
		if (a->origin == GRAPH_GIVEN) {
			write_placeholder(b, i, a, d);
			name_placeholder(name, i, a);
			graph_function_call_input(&call, name);
		} else {
			graph_function_call_input(&call, graph_resources[a->origin].node);
		}
	}
	graph_node_write_all(b, 1, call.node, d);
}

/* GraphDef. Versions: written as of March 2022, readable by every TensorFlow 2. */
static void write_graph_def(struct buf *b, const struct graph_library *l, const struct graph_dims *d)
{
	size_t graph = proto_begin(b, 2);
	graph_node_write_all(b, 1, head, d);
	for (size_t i = 0; i < GRAPH_SIGNATURES; i++)
		write_call(b, l, i, d);
	graph_node_write_all(b, 1, tail, d);
	graph_function_library_write(b, 2, l, d);
	size_t versions = proto_begin(b, 4);
	proto_int(b, 1, 1087); /* producer */
	proto_int(b, 2, 12); /* min_consumer, as TensorFlow writes it */
	proto_end(b, versions);
	proto_end(b, graph);
}

static void write_meta_info(struct buf *b)
{
	size_t info = proto_begin(b, 1);
	proto_str(b, 4, "serve");
	proto_str(b, 5, "2.10.0");
	proto_str(b, 6, "unknown");
	proto_int(b, 7, true); /* attributes with default values are left out */
	proto_end(b, info);
}

/* TF1's Saver insists on a save_tensor_name, though nobody saves with it. */
static void write_saver(struct buf *b)
{
	size_t saver = proto_begin(b, 3);
	proto_str(b, 1, "saver_filename:0");
	proto_str(b, 2, "save/control_dependency:0");
	proto_str(b, 3, "save/restore_all");
	proto_int(b, 7, 2); /* the tensor bundle */
	proto_end(b, saver);
}

/* The init op a second time, where older loaders look for it. */
static void write_collection(struct buf *b)
{
	size_t entry = proto_begin(b, 4);
	proto_str(b, 1, "saved_model_main_op");
	size_t collection = proto_begin(b, 2), nodes = proto_begin(b, 1);
	proto_str(b, 1, "NoOp");
	proto_end(b, nodes);
	proto_end(b, collection);
	proto_end(b, entry);
}

/* An entry of a signature's map of TensorInfo: the output of a node. */
static void write_tensor_info(struct buf *b, unsigned field, const char *key, const char *node, enum dtype type,
			 const char *shape, const struct graph_dims *d)
{
	char name[GRAPH_NAME_MAX + 2];
	snprintf(name, sizeof name, "%s:0", node);
	size_t entry = proto_begin(b, field);
	proto_str(b, 1, key);
	size_t info = proto_begin(b, 2);
	proto_str(b, 1, name);
	proto_int(b, 2, type);
	graph_node_write_shape(b, 3, shape, d);
	proto_end(b, info);
	proto_end(b, entry);
}

static void write_signature(struct buf *b, size_t i, const struct graph_dims *d)
{
	const struct graph_function *f = graph_signatures[i].target;
	char name[GRAPH_NAME_MAX];
	size_t entry = proto_begin(b, 5);
	proto_str(b, 1, graph_signatures[i].key);
	size_t signature = proto_begin(b, 2);
	for (const struct graph_arg *a = f->args; a->name && a->origin == GRAPH_GIVEN; a++) {
		name_placeholder(name, i, a);
		write_tensor_info(b, 1, a->name, name, a->type, a->shape, d);
	}
	name_call(name, i);
	write_tensor_info(b, 2, GRAPH_OUTPUT, name, f->result.type, f->result.shape, d);
	proto_str(b, 3, "tensorflow/serving/predict");
	proto_end(b, signature);
	proto_end(b, entry);
}

/* The init op dressed up as a signature: its output is an operation, without type. */
static void write_init_op(struct buf *b, const struct graph_dims *d)
{
	size_t entry = proto_begin(b, 5);
	proto_str(b, 1, INIT_OP);
	size_t signature = proto_begin(b, 2), output = proto_begin(b, 2);
	proto_str(b, 1, INIT_OP);
	size_t info = proto_begin(b, 2);
	proto_str(b, 1, "NoOp");
	graph_node_write_shape(b, 3, "?", d);
	proto_end(b, info);
	proto_end(b, output);
	proto_end(b, signature);
	proto_end(b, entry);
}

/* The signature whose key follows `last` (NULL: the first) in a map; -1 behind the end. */
static int next_signature(const char *last)
{
	int next = -1;
	for (int i = 0; i < GRAPH_SIGNATURES; i++) {
		const char *key = graph_signatures[i].key;
		if ((!last || proto_compare(key, last) > 0) &&
		    (next < 0 || proto_compare(key, graph_signatures[next].key) < 0))
			next = i;
	}
	return next;
}

void graph_write(const struct graph_dims *d, struct buf *ret)
{
	struct graph_library l;
	graph_function_library_init(&l);
	proto_int(ret, 1, 1); /* saved_model_schema_version */
	size_t meta = proto_begin(ret, 2);
	write_meta_info(ret);
	write_graph_def(ret, &l, d);
	write_saver(ret);
	write_collection(ret);
	write_init_op(ret, d); /* its key goes before all others */
	for (int i = next_signature(NULL); i >= 0; i = next_signature(graph_signatures[i].key))
		write_signature(ret, (size_t)i, d);
	object_graph_write(ret, 7, &l, d);
	proto_end(ret, meta);
}
