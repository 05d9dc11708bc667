/* SPDX-License-Identifier: MIT */
/* The model as an object with attributes, twice: in saved_model.pb, with functions
 * (saved_object_graph.proto), and in the checkpoint, with what was saved of it
 * (trackable_object_graph.proto, both in tensorflow/core/protobuf). Failures stay in the buffers. */
#ifndef DFM_FORMAT_OBJECT_GRAPH_H
#define DFM_FORMAT_OBJECT_GRAPH_H
#include "format/graph_function.h"

/* Keys of the variables in the checkpoint. */
#define OBJECT_GRAPH_KEY "_CHECKPOINTABLE_OBJECT_GRAPH"
#define OBJECT_GRAPH_EMBEDDINGS_KEY "embeddings/.ATTRIBUTES/VARIABLE_VALUE"
#define OBJECT_GRAPH_VOCABULARY_KEY "vocabulary/.ATTRIBUTES/VARIABLE_VALUE"

#define OBJECT_GRAPH_BYTES_MAX 4096
/* Append the checkpoint's one as a scalar string tensor: the first bytes of shard 1, the same for
 * every model. Returns the masked CRC of its entry. */
uint32_t object_graph_tensor(struct buf *ret);

/* A SavedObjectGraph. */
void object_graph_write(struct buf *b, unsigned field, const struct graph_library *l, const struct graph_dims *d);
#endif
