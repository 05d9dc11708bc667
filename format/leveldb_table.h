/* SPDX-License-Identifier: MIT */
/* Writes a leveldb table (doc/table_format.md there; tsl/lib/io/table_builder.cc in TensorFlow)
 * with a single data block, uncompressed and without filter: the form of variables.index.
 * Failures stay in the buffer. One thread. */
#ifndef DFM_FORMAT_LEVELDB_TABLE_H
#define DFM_FORMAT_LEVELDB_TABLE_H
#include "format/buf.h"

/* More entries than this make the buffer fail. */
#define LEVELDB_TABLE_ENTRIES_MAX 1024

struct leveldb_table {
	struct buf *ret;	/* borrowed */
	size_t start;		/* where in it the table begins */
	const char *last;	/* the key before, borrowed */
	size_t count;
	uint32_t restarts[LEVELDB_TABLE_ENTRIES_MAX / 16];
};

/* Append a table to `ret`. */
void leveldb_table_begin(struct leveldb_table *t, struct buf *ret);
/* Keys are ASCII, rise (strcmp) and stay valid until the next call. */
void leveldb_table_add(struct leveldb_table *t, const char *key, const void *value, size_t n);
/* At least one entry was added. */
void leveldb_table_finish(struct leveldb_table *t);
#endif
