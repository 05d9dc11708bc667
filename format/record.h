/* SPDX-License-Identifier: MIT */
/* The record of a scanned model: all that is needed to present it as a directory, in some hundred
 * bytes that the caller keeps for the model's revision. A record may come back damaged, or from
 * another version of this program: record_read() checks every field, so that who holds a
 * struct savedmodel_record may compute with it. Internal to format/. Any thread. */
#ifndef DFM_FORMAT_RECORD_H
#define DFM_FORMAT_RECORD_H
#include "format/savedmodel.h"

struct savedmodel_record {
	uint64_t rows;		/* V of the matrix */
	uint64_t width;		/* D: float32 in a row */
	uint64_t words;		/* K, 1 <= K <= V */
	enum savedmodel_where matrix;	/* which source is shard 0: IN_MAIN, IN_SIDECAR or IN_MATRIX */
	uint64_t matrix_off;	/* first byte of the array in that source */
	uint64_t shard0_size;	/* of the whole source, in bytes */
	char sidecar[256];	/* suffix, "" unless IN_SIDECAR */
	uint64_t strings_size;	/* of the part SAVEDMODEL_STRINGS, which is shard 1 */
	uint64_t vocabulary_off, vocabulary_size;	/* bytes in shard 1: its last part */
	uint32_t vocabulary_crc;	/* masked, as the bundle entry has it */
	bool checked;		/* is the next field known? */
	uint32_t matrix_crc;	/* CRC-32C of the array, not masked */
};

/* Append the encoding of `r` to `ret`. -EBADMSG: `r` breaks a rule that record_read() checks. */
MUST_CHECK int record_write(const struct savedmodel_record *r, struct buf *ret);
/* -EBADMSG: no record of this version, or one that is damaged or contradicts itself. */
MUST_CHECK int record_read(const void *data, size_t n, struct savedmodel_record *ret);
#endif
