/* SPDX-License-Identifier: MIT */
/* The functions of the model, as tables. The same in Python:
 *
 *   word_embeddings() = embeddings                          words() = vocabulary
 *   lookup(words):     id = table.lookup(words)             # -1: not in the vocabulary
 *                      rows = gather(embeddings, max(id, 0))
 *                      return where(id >= 0, rows, 0.0)
 *   __call__(sentences): tokens = strings.split(sentences)
 *                      return sum of lookup(tokens) by sentence / how many are known, or 0.0
 *   create():          return HashTable(string -> int64)
 *   initialize():      table.import(vocabulary, range(size(vocabulary)))
 *
 * The gather reads the variable first (ReadVariableOp, GatherV2): ResourceGather would turn the
 * variable to copy-on-read, and every later word_embeddings() would copy the whole matrix. */
#include "format/graph_function.h"

const struct graph_resource graph_resources[GRAPH_ORIGINS] = {
	[GRAPH_TABLE] = { .node = "hash_table" },
	[GRAPH_EMBEDDINGS] = { "embeddings", DT_FLOAT, "[V,D]" },
	[GRAPH_VOCABULARY] = { "vocabulary", DT_STRING, "[K]" },
};

static const struct graph_arg no_args[] = { END };

static const struct graph_arg word_embeddings_args[] = { HELD("readvariableop_resource", GRAPH_EMBEDDINGS), END };
static const struct graph_node word_embeddings_nodes[] = {
	NODE("ReadVariableOp", "ReadVariableOp", "readvariableop_resource", TYPE("dtype", DT_FLOAT), OUT("[V,D]")),
	END
};
const struct graph_function graph_word_embeddings = {
	.name = "__inference_word_embeddings_10",
	.args = word_embeddings_args,
	.nodes = word_embeddings_nodes,
	.result = { "ReadVariableOp:value:0", DT_FLOAT, "[V,D]" },
	.after = "ReadVariableOp",
};

static const struct graph_arg words_args[] = { HELD("readvariableop_resource", GRAPH_VOCABULARY), END };
static const struct graph_node words_nodes[] = {
	NODE("ReadVariableOp", "ReadVariableOp", "readvariableop_resource", TYPE("dtype", DT_STRING), OUT("[K]")),
	END
};
const struct graph_function graph_words = {
	.name = "__inference_words_11",
	.args = words_args,
	.nodes = words_nodes,
	.result = { "ReadVariableOp:value:0", DT_STRING, "[K]" },
	.after = "ReadVariableOp",
};

/* What the rows of known words need; ROWS_OF leaves them in SelectV2:output:0, zeroes for
 * unknown words, and which are known in in_vocab:z:0. */
#define ROWS_CONSTANTS \
	CONST("default_value", DT_INT64, "[]", INTS(-1)), \
	CONST("zero", DT_INT64, "[]", INTS(0)), \
	CONST("axis", DT_INT32, "[]", INTS(-1)), \
	CONST("zero_vec", DT_FLOAT, "[]", FLOATS(0))
#define ROWS_OF(keys) \
	NODE("LookupTableFindV2", "LookupTableFindV2", "table_handle " keys " default_value:output:0", \
	     TYPE("Tin", DT_STRING), TYPE("Tout", DT_INT64), OUT("[?]")), \
	NODE("in_vocab", "GreaterEqual", "LookupTableFindV2:values:0 zero:output:0", TYPE("T", DT_INT64), OUT("[?]")), \
	NODE("row", "Maximum", "LookupTableFindV2:values:0 zero:output:0", TYPE("T", DT_INT64), OUT("[?]")), \
	NODE("ReadVariableOp", "ReadVariableOp", "gather_resource", TYPE("dtype", DT_FLOAT), OUT("[V,D]")), \
	CONST("rows_axis", DT_INT32, "[]", INTS(0)), \
	NODE("GatherV2", "GatherV2", "ReadVariableOp:value:0 row:z:0 rows_axis:output:0", TYPE("Tparams", DT_FLOAT), \
	     TYPE("Tindices", DT_INT64), TYPE("Taxis", DT_INT32), INT("batch_dims", 0), OUT("[?,D]")), \
	NODE("mask", "ExpandDims", "in_vocab:z:0 axis:output:0", TYPE("T", DT_BOOL), OUT("[?,1]")), \
	NODE("SelectV2", "SelectV2", "mask:output:0 GatherV2:output:0 zero_vec:output:0", TYPE("T", DT_FLOAT), OUT("[?,D]"))

static const struct graph_arg lookup_args[] = {
	GIVEN("words", DT_STRING, "[?]"),
	HELD("table_handle", GRAPH_TABLE),
	HELD("gather_resource", GRAPH_EMBEDDINGS),
	END
};
static const struct graph_node lookup_nodes[] = { ROWS_CONSTANTS, ROWS_OF("words"), END };
const struct graph_function graph_lookup = {
	.name = "__inference_lookup_12",
	.args = lookup_args,
	.nodes = lookup_nodes,
	.result = { "SelectV2:output:0", DT_FLOAT, "[?,D]" },
	.after = "LookupTableFindV2 ReadVariableOp",
};

static const struct graph_arg sentences_args[] = {
	GIVEN("sentences", DT_STRING, "[?]"),
	HELD("table_handle", GRAPH_TABLE),
	HELD("gather_resource", GRAPH_EMBEDDINGS),
	END
};
static const struct graph_node sentences_nodes[] = {
	ROWS_CONSTANTS,
	CONST("sep", DT_STRING, "[]", STRINGS("")),
	CONST("b01", DT_INT32, "[2]", INTS(0, 0)),
	CONST("e01", DT_INT32, "[2]", INTS(0, 1)),
	CONST("s01", DT_INT32, "[2]", INTS(1, 1)),
	CONST("b0", DT_INT32, "[1]", INTS(0)),
	CONST("e1", DT_INT32, "[1]", INTS(1)),
	CONST("s1", DT_INT32, "[1]", INTS(1)),
	NODE("StringSplit", "StringSplitV2", "sentences sep:output:0", OUT("[?,2] [?] [2]")),
	ROWS_OF("StringSplit:values:0"),
	/* seg = indices[:, 0], the sentence of each token; batch = shape[0], how many there are */
	NODE("seg", "StridedSlice", "StringSplit:indices:0 b01:output:0 e01:output:0 s01:output:0",
	     TYPE("T", DT_INT64), TYPE("Index", DT_INT32), INT("begin_mask", 1), INT("end_mask", 1),
	     INT("shrink_axis_mask", 2), OUT("[?]")),
	NODE("batch", "StridedSlice", "StringSplit:shape:0 b0:output:0 e1:output:0 s1:output:0",
	     TYPE("T", DT_INT64), TYPE("Index", DT_INT32), INT("shrink_axis_mask", 1), OUT("[]")),
	NODE("sum", "UnsortedSegmentSum", "SelectV2:output:0 seg:output:0 batch:output:0",
	     TYPE("T", DT_FLOAT), TYPE("Tindices", DT_INT64), TYPE("Tnumsegments", DT_INT64), OUT("[?,D]")),
	NODE("one", "Cast", "in_vocab:z:0", TYPE("SrcT", DT_BOOL), TYPE("DstT", DT_FLOAT), OUT("[?]")),
	NODE("count", "UnsortedSegmentSum", "one:y:0 seg:output:0 batch:output:0",
	     TYPE("T", DT_FLOAT), TYPE("Tindices", DT_INT64), TYPE("Tnumsegments", DT_INT64), OUT("[?]")),
	NODE("den", "ExpandDims", "count:output:0 axis:output:0", TYPE("T", DT_FLOAT), OUT("[?,1]")),
	NODE("mean", "DivNoNan", "sum:output:0 den:output:0", TYPE("T", DT_FLOAT), OUT("[?,D]")),
	END
};
const struct graph_function graph_sentences = {
	.name = "__inference___call___13",
	.args = sentences_args,
	.nodes = sentences_nodes,
	.result = { "mean:z:0", DT_FLOAT, "[?,D]" },
	.after = "LookupTableFindV2 ReadVariableOp",
};

static const struct graph_node creator_nodes[] = {
	NODE("hash_table", "HashTableV2", "", TYPE("key_dtype", DT_STRING), TYPE("value_dtype", DT_INT64),
	     BYTES("shared_name", "word_index"), BOOL("use_node_name_sharing", true), OUT("[]")),
	END
};
const struct graph_function graph_creator = {
	.name = "__inference__creator_14",
	.args = no_args,
	.nodes = creator_nodes,
	.result = { "hash_table:table_handle:0", DT_RESOURCE, "[]" },
	.after = "hash_table",
};

static const struct graph_arg initializer_args[] = {
	HELD("table_handle", GRAPH_TABLE),
	HELD("readvariableop_resource", GRAPH_VOCABULARY),
	END
};
static const struct graph_node initializer_nodes[] = {
	CONST("start", DT_INT64, "[]", INTS(0)),
	CONST("delta", DT_INT64, "[]", INTS(1)),
	CONST("done", DT_INT32, "[]", INTS(1)),
	NODE("keys", "ReadVariableOp", "readvariableop_resource", TYPE("dtype", DT_STRING), OUT("[K]")),
	NODE("n", "Size", "keys:value:0", TYPE("T", DT_STRING), TYPE("out_type", DT_INT64), OUT("[]")),
	NODE("values", "Range", "start:output:0 n:output:0 delta:output:0", TYPE("Tidx", DT_INT64), OUT("[?]")),
	NODE("LookupTableImportV2", "LookupTableImportV2", "table_handle keys:value:0 values:output:0",
	     TYPE("Tin", DT_STRING), TYPE("Tout", DT_INT64), OUT("")),
	END
};
const struct graph_function graph_initializer = {
	.name = "__inference__initializer_15",
	.args = initializer_args,
	.nodes = initializer_nodes,
	.result = { "done:output:0", DT_INT32, "[]" },
	.after = "LookupTableImportV2",
};

static const struct graph_node destroyer_nodes[] = { CONST("done", DT_INT32, "[]", INTS(1)), END };
const struct graph_function graph_destroyer = {
	.name = "__inference__destroyer_16",
	.pure = true,
	.args = no_args,
	.nodes = destroyer_nodes,
	.result = { "done:output:0", DT_INT32, "[]" },
	.after = "",
};

const struct graph_signature graph_signatures[GRAPH_SIGNATURES] = {
	{ "word_embeddings", &graph_word_embeddings },
	{ "lookup", &graph_lookup },
	{ "lookup_oov", &graph_lookup },	/* unknown words are zeroes in both */
	{ "serving_default", &graph_sentences },
	{ "serve", &graph_sentences },
};
