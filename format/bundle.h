/* SPDX-License-Identifier: MIT */
/* TensorFlow's tensor bundle (tensorflow/core/util/tensor_bundle/tensor_bundle.cc): the table of
 * entries that is variables.index, and the form that string tensors have in a data file. Failures
 * stay in the buffers. One thread for each object. */
#ifndef DFM_FORMAT_BUNDLE_H
#define DFM_FORMAT_BUNDLE_H
#include "format/buf.h"

/* tensorflow/core/framework/types.proto */
enum dtype {
	DT_FLOAT = 1,
	DT_INT32 = 3,
	DT_STRING = 7,
	DT_INT64 = 9,
	DT_BOOL = 10,
	DT_RESOURCE = 20,
};

struct bundle_entry {
	const char *key;
	enum dtype dtype;
	unsigned rank;		/* 0: a scalar */
	uint64_t dims[2];
	unsigned shard;
	uint64_t off, size;	/* bytes in the shard's file */
	uint32_t crc;		/* masked */
};

/* Append a whole index to `ret`; keys must rise. Its size does not depend on any `crc`. */
void bundle_index(unsigned shards, const struct bundle_entry *entries, size_t n, struct buf *ret);

/* A string tensor is: every length as a varint, the masked CRC of the lengths, then the strings
 * one behind the other. Feed the lengths, seal, and what `head` holds stands before the strings. */
struct bundle_strings {
	struct buf head;
	uint64_t count;
	uint32_t crc;		/* plain, of the lengths as they are checked; sealed: of the checksum too */
};
void bundle_strings_init(struct bundle_strings *s, size_t head_bytes_max);
void bundle_strings_done(struct bundle_strings *s);
void bundle_strings_length(struct bundle_strings *s, uint64_t length);
void bundle_strings_seal(struct bundle_strings *s);
/* The masked CRC for the entry, from the plain CRC of all `n` bytes of the strings. */
uint32_t bundle_strings_crc(const struct bundle_strings *s, uint32_t crc, uint64_t n);

/* Append a whole scalar string tensor; its masked CRC. */
uint32_t bundle_string(const void *data, size_t n, struct buf *ret);
#endif
