/* SPDX-License-Identifier: MIT */
#include "format/vocabulary.h"

#include "format/bundle.h"
#include "format/crc32c.h"
#include "format/object_graph.h"

#include <string.h>

enum { SPILL_BYTES = 256 << 10 };
#define LENGTHS_BYTES_MAX ((size_t)1 << 30)

struct vocabulary {
	const struct savedmodel_input *in;
	struct bundle_strings tensor;
	uint64_t bytes;		/* of all words */
	uint64_t spilled;	/* the first of them, in SCRATCH; the rest is in `tail` */
	uint32_t crc;		/* of what is spilled; finished: of all words */
	bool finished;
	size_t tail_len;
	char tail[SPILL_BYTES];
};

int vocabulary_begin(const struct savedmodel_input *in, struct vocabulary **ret)
{
	struct vocabulary *s = malloc(sizeof *s);
	if (!s)
		return err_nomem("a vocabulary");
	memset(s, 0, offsetof(struct vocabulary, tail));
	s->in = in;
	bundle_strings_init(&s->tensor, LENGTHS_BYTES_MAX);
	*ret = s;
	return 0;
}

static int spill(struct vocabulary *s, const void *data, size_t n)
{
	int e = s->in->write(s->in->ctx, SAVEDMODEL_SCRATCH, data, n, s->spilled);
	if (e)
		return e;
	s->crc = crc32c(s->crc, data, n);
	s->spilled += n;
	return 0;
}

static int spill_tail(struct vocabulary *s)
{
	int e = spill(s, s->tail, s->tail_len);
	if (!e)
		s->tail_len = 0;
	return e;
}

/* The buffer is filled to the brim, so that every spill is a whole number of pages. */
static int append_bytes(struct vocabulary *s, const char *p, size_t n)
{
	while (n > SPILL_BYTES - s->tail_len) {
		size_t fits = SPILL_BYTES - s->tail_len;
		memcpy(s->tail + s->tail_len, p, fits);
		s->tail_len = SPILL_BYTES;
		p += fits;
		n -= fits;
		int e = spill_tail(s);
		if (e)
			return e;
	}
	memcpy(s->tail + s->tail_len, p, n);
	s->tail_len += n;
	return 0;
}

int vocabulary_add(struct vocabulary *s, const void *word, size_t n)
{
	if (s->finished)
		return err_set(-EINVAL, "a word behind the end of the vocabulary");
	bundle_strings_length(&s->tensor, n);
	if (s->tensor.head.failed)
		return buf_check(&s->tensor.head, "the lengths of the words");
	s->bytes += n;
	return n ? append_bytes(s, word, n) : 0;
}

static int write_at(const struct vocabulary *s, const void *data, size_t n, uint64_t *off)
{
	int e = n ? s->in->write(s->in->ctx, SAVEDMODEL_STRINGS, data, n, *off) : 0;
	*off += n;
	return e;
}

/* The words, to `off` and on; where they never filled the buffer, SCRATCH stays untouched. */
static int copy_words(struct vocabulary *s, uint64_t off)
{
	if (!s->spilled) {
		s->crc = crc32c(0, s->tail, s->tail_len);
		return write_at(s, s->tail, s->tail_len, &off);
	}
	int e = s->tail_len ? spill_tail(s) : 0;
	for (uint64_t done = 0; !e && done < s->spilled;) {
		uint64_t left = s->spilled - done;
		size_t n = left < SPILL_BYTES ? (size_t)left : SPILL_BYTES;
		e = s->in->read(s->in->ctx, SAVEDMODEL_SCRATCH, s->tail, n, done);
		if (!e)
			e = write_at(s, s->tail, n, &off);
		done += n;
	}
	return e;
}

/* The object graph's tensor, at the front. */
static int write_object_graph(const struct vocabulary *s, uint64_t *off)
{
	CLEANUP_BUF struct buf graph = BUF_INIT(OBJECT_GRAPH_BYTES_MAX);
	(void)object_graph_tensor(&graph); /* the entry's CRC is computed again when it is needed */
	int e = buf_check(&graph, "the object graph");
	return e ? e : write_at(s, graph.data, graph.len, off);
}

int vocabulary_finish(struct vocabulary *s, struct savedmodel_record *r)
{
	uint64_t off = 0;
	if (s->finished)
		return err_set(-EINVAL, "a vocabulary finished twice");
	if (!s->tensor.count)
		return err_set(-EMEDIUMTYPE, "a model without any word");
	s->finished = true;
	int e = write_object_graph(s, &off);
	if (e)
		return e;
	bundle_strings_seal(&s->tensor);
	e = buf_check(&s->tensor.head, "the lengths of the words");
	if (e)
		return e;
	r->vocabulary_off = off;
	e = write_at(s, s->tensor.head.data, s->tensor.head.len, &off);
	if (!e)
		e = copy_words(s, off);
	if (e)
		return e;
	r->words = s->tensor.count;
	r->strings_size = off + s->bytes;
	r->vocabulary_size = r->strings_size - r->vocabulary_off;
	r->vocabulary_crc = bundle_strings_crc(&s->tensor, s->crc, s->bytes);
	return 0;
}

struct vocabulary *vocabulary_free(struct vocabulary *s)
{
	if (s)
		bundle_strings_done(&s->tensor);
	free(s);
	return NULL;
}
