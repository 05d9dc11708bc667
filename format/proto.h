/* SPDX-License-Identifier: MIT */
/* Protocol-buffer wire writer (protobuf.dev/programming-guides/encoding) over a buffer. Failures
 * stay in the buffer: check once, with buf_check(). The writer neither leaves out defaults nor
 * orders anything: callers write fields in rising order and maps in the order of proto_compare().
 * One thread. */
#ifndef DFM_FORMAT_PROTO_H
#define DFM_FORMAT_PROTO_H
#include "format/buf.h"

/* Bytes of the longest varint. */
#define PROTO_VARINT_MAX 10
/* Encode `value` at `ret`; how many bytes it took. */
size_t proto_encode(uint64_t value, unsigned char ret[PROTO_VARINT_MAX]);

void proto_varint(struct buf *b, uint64_t value);	/* bare, as in packed lists and tables */
void proto_fixed32(struct buf *b, uint32_t value);	/* bare, little-endian */

void proto_int(struct buf *b, unsigned field, uint64_t value);	/* a negative int64 as its two's complement */
void proto_crc(struct buf *b, unsigned field, uint32_t value);	/* a fixed32 */
void proto_bytes(struct buf *b, unsigned field, const void *data, size_t n);
void proto_str(struct buf *b, unsigned field, const char *s);

/* A message, map entry or packed list: what is written between the two calls is its content.
 * They nest; hand each proto_end() what its proto_begin() returned. */
MUST_CHECK size_t proto_begin(struct buf *b, unsigned field);
void proto_end(struct buf *b, size_t begun);
/* One without content. */
void proto_empty(struct buf *b, unsigned field);

/* The order of string keys in a map, < 0 where `a` goes first. Readers take any order; this is
 * the one of the deterministic serialiser of protobuf for Python (upb), which our files are
 * compared with byte for byte: rising bytes, but a key goes behind those that it is a prefix of.
 * (Integer keys fall there.) */
MUST_CHECK int proto_compare(const char *a, const char *b);
#endif
