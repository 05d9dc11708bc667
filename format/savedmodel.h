/* SPDX-License-Identifier: MIT */
/* A word-vector model presented as the files of a TensorFlow SavedModel directory, without
 * TensorFlow. Reads only through sources; memory is O(vocabulary) while scanning, O(1) after,
 * never O(matrix). No byte of the model is ever executed.
 *
 * The bytes that TensorFlow wants: tensorflow/core/util/tensor_bundle, saved_model.proto,
 * saved_object_graph.proto. Two shards: shard 0 holds the matrix and nothing else, shard 1 the
 * object graph and the vocabulary. For C-order little-endian float32 arrays shard 0 *is* the
 * side-car or the pickle, byte for byte, and the array's offset in it stands in the index; in
 * every other case the matrix is converted once, into a part.
 *
 * Three steps, each cheaper to repeat than the one before:
 *   kinds_sniff       looks at the first bytes of a file: is it a model at all;
 *   kinds_scan        reads what must be read to know the shape and the vocabulary, and writes
 *                     the parts; its result, a *record* of some hundred bytes, is kept by the
 *                     caller for that revision;
 *   savedmodel_open   record -> list of files with exact sizes (a lookup must report them).
 * The CRC of the matrix is needed only when variables.index is read: savedmodel_checksum().
 *
 * Thread-safe but for one scan, which belongs to one thread. */
#ifndef DFM_FORMAT_SAVEDMODEL_H
#define DFM_FORMAT_SAVEDMODEL_H
#include "format/buf.h"
#include "format/source.h"

/* Changes whenever the bytes made from the same model change: parts and records of another
 * version are made anew. */
#define SAVEDMODEL_VERSION 2

enum savedmodel_kind {
	SAVEDMODEL_NONE,	/* not a model (side-cars, pictures, text ...) */
	SAVEDMODEL_GENSIM,	/* pickle of a Word2Vec, KeyedVectors, Doc2Vec ... */
	SAVEDMODEL_W2V_BINARY,	/* "V D\n", then word, space, D float32 */
	SAVEDMODEL_W2V_TEXT,	/* "V D\n", then lines of a word and D numbers */
};
#define SAVEDMODEL_SNIFF 4096

/* What a scan writes. The caller creates each part empty and gives it back as a source later. */
enum savedmodel_part {
	SAVEDMODEL_MATRIX,	/* shard 0, only where it has to be converted */
	SAVEDMODEL_STRINGS,	/* shard 1 */
	SAVEDMODEL_SCRATCH,	/* thrown away after the scan */
	SAVEDMODEL_PARTS
};
struct savedmodel_input {
	struct source *main;	/* borrowed */
	/* Open the side-car whose name is the main file's name + `suffix` (".wv.vectors.npy").
	 * The caller of open owns *ret. -ENOENT: there is none. */
	int (*open)(void *ctx, const char *suffix, struct source **ret);
	/* pwrite and pread of a part: whole or -errno. */
	int (*write)(void *ctx, enum savedmodel_part part, const void *data, size_t n, uint64_t off);
	int (*read)(void *ctx, enum savedmodel_part part, void *data, size_t n, uint64_t off);
	void *ctx;
};

/* Where the bytes of a file of the directory are. */
enum savedmodel_where {
	SAVEDMODEL_MADE,	/* made on demand: savedmodel_make() */
	SAVEDMODEL_IN_MAIN,	/* the main file itself */
	SAVEDMODEL_IN_SIDECAR,	/* the side-car named by savedmodel_sidecar() */
	SAVEDMODEL_IN_MATRIX,	/* the part of that name */
	SAVEDMODEL_IN_STRINGS,
};
struct savedmodel_file {
	const char *path;	/* "saved_model.pb", "variables/variables.index" ... */
	uint64_t size;
	enum savedmodel_where where;
};

struct savedmodel;
/* -EBADMSG: not a record of this version (scan again). */
MUST_CHECK int savedmodel_open(const void *record, size_t n, struct savedmodel **ret);
struct savedmodel *savedmodel_close(struct savedmodel *m); /* NULL is fine; returns NULL */

uint64_t savedmodel_rows(const struct savedmodel *m);	/* V, the matrix's */
uint64_t savedmodel_width(const struct savedmodel *m);	/* D */
uint64_t savedmodel_words(const struct savedmodel *m);	/* K <= V: unique keys */
/* Suffix of the side-car that is shard 0, or NULL. */
const char *savedmodel_sidecar(const struct savedmodel *m);
/* The files, sorted by path; borrowed. */
size_t savedmodel_files(const struct savedmodel *m, const struct savedmodel_file **ret);

/* Does the record hold the CRC of the matrix? */
bool savedmodel_checked(const struct savedmodel *m);
/* Compute it from shard 0 (whichever source that is) and return the completed record. Checks that
 * the source is as long as the record says (-ESTALE). */
MUST_CHECK int savedmodel_checksum(struct savedmodel *m, struct source *shard0, struct buf *ret_record);
/* The bytes of file `index`, whose `where` is MADE. variables.index: -EAGAIN until checked. */
MUST_CHECK int savedmodel_make(struct savedmodel *m, size_t index, struct buf *ret);
#endif
