/* SPDX-License-Identifier: MIT */
/* saved_model.pb (tensorflow/core/protobuf/saved_model.proto): one MetaGraphDef tagged "serve"
 * with the graph that TF1's and the C++ loader run, the library of functions, the signatures, and
 * the object graph that tf.saved_model.load rebuilds. About 20 KB for any model. */
#ifndef DFM_FORMAT_GRAPH_H
#define DFM_FORMAT_GRAPH_H
#include "format/graph_node.h"

#define GRAPH_BYTES_MAX ((size_t)1 << 20)

/* Append the file. Failures stay in `ret`. */
void graph_write(const struct graph_dims *d, struct buf *ret);
#endif
