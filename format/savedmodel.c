/* SPDX-License-Identifier: MIT */
/* From a record to the files of a SavedModel directory. What a file holds that is not made here
 * is in a source that the caller has: this file only says in which. */
#include "format/savedmodel.h"

#include "format/crc32c.h"
#include "format/graph.h"
#include "format/object_graph.h"
#include "format/record.h"

#include <inttypes.h>
#include <string.h>

enum { PB, SHARD_0, SHARD_1, INDEX, FILES };	/* sorted by path */
enum { SHARDS = 2, INDEX_BYTES_MAX = 4096 };

struct savedmodel {
	struct savedmodel_record record;	/* as it was opened */
	struct savedmodel_file files[FILES];
	struct buf pb;
	/* checksum() may complete the record while others read: crc first, then checked */
	uint32_t matrix_crc;	/* atomic */
	bool checked;		/* atomic */
};

static uint64_t matrix_size(const struct savedmodel_record *r) { return r->rows * r->width * sizeof(float); }

static int write_index(const struct savedmodel_record *r, uint32_t matrix_crc, struct buf *ret)
{
	CLEANUP_BUF struct buf graph = BUF_INIT(OBJECT_GRAPH_BYTES_MAX);
	uint32_t graph_crc = object_graph_tensor(&graph);
	const struct bundle_entry entries[] = {
		{ OBJECT_GRAPH_KEY, DT_STRING, 0, { 0 }, 1, 0, graph.len, graph_crc },
		{ OBJECT_GRAPH_EMBEDDINGS_KEY, DT_FLOAT, 2, { r->rows, r->width }, 0, r->matrix_off, matrix_size(r),
		  crc32c_mask(matrix_crc) },
		{ OBJECT_GRAPH_VOCABULARY_KEY, DT_STRING, 1, { r->words }, 1, r->vocabulary_off, r->vocabulary_size,
		  r->vocabulary_crc },
	};
	int e = buf_check(&graph, "the object graph");
	if (e)
		return e;
	if (r->vocabulary_off != graph.len)
		return err_set(-EBADMSG, "model record: the vocabulary is at byte %" PRIu64 ", not at %zu",
			       r->vocabulary_off, graph.len);
	bundle_index(SHARDS, entries, sizeof entries / sizeof *entries, ret);
	return buf_check(ret, "variables.index");
}

static int measure_index(const struct savedmodel_record *r, uint64_t *ret)
{
	CLEANUP_BUF struct buf index = BUF_INIT(INDEX_BYTES_MAX);
	int e = write_index(r, 0, &index); /* no CRC changes its size */
	*ret = index.len;
	return e;
}

static int list_files(struct savedmodel *m)
{
	const struct savedmodel_record *r = &m->record;
	uint64_t index_size;
	int e = measure_index(r, &index_size);
	if (e)
		return e;
	m->files[PB] = (struct savedmodel_file){ "saved_model.pb", m->pb.len, SAVEDMODEL_MADE };
	m->files[SHARD_0] = (struct savedmodel_file){ "variables/variables.data-00000-of-00002", r->shard0_size, r->matrix };
	m->files[SHARD_1] = (struct savedmodel_file){ "variables/variables.data-00001-of-00002", r->strings_size,
						      SAVEDMODEL_IN_STRINGS };
	m->files[INDEX] = (struct savedmodel_file){ "variables/variables.index", index_size, SAVEDMODEL_MADE };
	return 0;
}

static int build(struct savedmodel *m)
{
	const struct graph_dims dims = { m->record.rows, m->record.width, m->record.words };
	m->matrix_crc = m->record.matrix_crc;
	m->checked = m->record.checked;
	graph_write(&dims, &m->pb);
	int e = buf_check(&m->pb, "saved_model.pb");
	return e ? e : list_files(m);
}

int savedmodel_open(const void *record, size_t n, struct savedmodel **ret)
{
	struct savedmodel *m = malloc(sizeof *m);
	if (!m)
		return err_nomem("a model");
	*m = (struct savedmodel){ .pb = BUF_INIT(GRAPH_BYTES_MAX) };
	int e = record_read(record, n, &m->record);
	if (!e)
		e = build(m);
	if (e) {
		savedmodel_close(m);
		return e;
	}
	*ret = m;
	return 0;
}

struct savedmodel *savedmodel_close(struct savedmodel *m)
{
	if (m)
		buf_done(&m->pb);
	free(m);
	return NULL;
}

uint64_t savedmodel_rows(const struct savedmodel *m) { return m->record.rows; }
uint64_t savedmodel_width(const struct savedmodel *m) { return m->record.width; }
uint64_t savedmodel_words(const struct savedmodel *m) { return m->record.words; }

const char *savedmodel_sidecar(const struct savedmodel *m)
{
	return m->record.matrix == SAVEDMODEL_IN_SIDECAR ? m->record.sidecar : NULL;
}

size_t savedmodel_files(const struct savedmodel *m, const struct savedmodel_file **ret)
{
	*ret = m->files;
	return FILES;
}

bool savedmodel_checked(const struct savedmodel *m) { return __atomic_load_n(&m->checked, __ATOMIC_ACQUIRE); }

/* Two threads may do this at once: they store the same. */
static int learn_crc(struct savedmodel *m, struct source *shard0)
{
	uint32_t crc;
	if (savedmodel_checked(m))
		return 0;
	int e = source_crc32c(shard0, m->record.matrix_off, matrix_size(&m->record), &crc);
	if (e)
		return e;
	__atomic_store_n(&m->matrix_crc, crc, __ATOMIC_RELAXED);
	__atomic_store_n(&m->checked, true, __ATOMIC_RELEASE);
	return 0;
}

int savedmodel_checksum(struct savedmodel *m, struct source *shard0, struct buf *ret_record)
{
	struct savedmodel_record r = m->record;
	if (shard0->size != r.shard0_size)
		return err_set(-ESTALE, "the matrix's file has %" PRIu64 " bytes, and had %" PRIu64
			       " when the model was scanned", shard0->size, r.shard0_size);
	int e = learn_crc(m, shard0);
	if (e)
		return e;
	r.checked = true;
	r.matrix_crc = __atomic_load_n(&m->matrix_crc, __ATOMIC_RELAXED);
	return record_write(&r, ret_record);
}

int savedmodel_make(struct savedmodel *m, size_t index, struct buf *ret)
{
	switch (index) {
	case PB:
		buf_add(ret, m->pb.data, m->pb.len);
		return buf_check(ret, "saved_model.pb");
	case INDEX:
		if (!savedmodel_checked(m))
			return err_set(-EAGAIN, "the checksum of the matrix is not known yet");
		return write_index(&m->record, __atomic_load_n(&m->matrix_crc, __ATOMIC_RELAXED), ret);
	default:
		return err_set(-EINVAL, "file %zu of a model is not made", index);
	}
}
