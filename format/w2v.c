/* SPDX-License-Identifier: MIT */
/* One pass over the file, in the pieces that the source gives. Rows go to the matrix part in
 * writes of 256 KiB or more. A word that was there before is dropped with its row; as many rows
 * of zeroes are at the end, which is what gensim 4 leaves. */
#include "format/w2v.h"

#include "format/keyset.h"
#include "format/npy.h"
#include "format/float_text.h"
#include "format/vocabulary.h"
#include "format/window.h"

#include <inttypes.h>
#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "float32 are written as they lie in memory"
#endif

enum { WRITE_BYTES = 256 << 10, NUMBER_BYTES = 32 };

struct w2v {
	const struct savedmodel_input *in;
	struct w2v_header h;
	struct window win;		/* on the file, to look at earlier words */
	struct keyset *set;
	struct vocabulary *words;
	size_t row_bytes;
	char *out;			/* WRITE_BYTES and a row */
	size_t filled;			/* bytes of kept rows in `out` */
	uint64_t written;		/* bytes of the matrix part */
	uint64_t row;			/* rows read */
	uint64_t pos;			/* of the next byte in the file */
	bool ended;			/* all rows are there: the stream was ended on purpose */
	/* Binary: the word of the current row, then how much of its numbers is there. Text: the part
	 * of a line that earlier pieces held. */
	char *held;
	size_t held_len, held_max;
	bool in_row, keep;
	size_t row_have;
};

static int same_word(void *ctx, uint64_t ref, const void *key, size_t n, bool *ret)
{
	struct w2v *w = ctx;
	const unsigned char *b;
	if (n >= w->in->main->size - ref)
		return 0;
	int r = window_at(&w->win, ref, n + 1, &b);
	*ret = !r && b[n] == ' ' && !memcmp(b, key, n);
	return r;
}

static int flush_rows(struct w2v *w)
{
	int r = w->filled ? w->in->write(w->in->ctx, SAVEDMODEL_MATRIX, w->out, w->filled, w->written) : 0;
	w->written += w->filled;
	w->filled = 0;
	return r;
}

/* The word of the current row stands at `off`; *ret_keep: it is new. */
static int add_word(struct w2v *w, const char *word, size_t n, uint64_t off, bool *ret_keep)
{
	int r = keyset_add(w->set, word, n, off, ret_keep);
	return r || !*ret_keep ? r : vocabulary_add(w->words, word, n);
}

/* The current row stands in `out` behind the kept ones. */
static int end_row(struct w2v *w, bool keep)
{
	w->row++;
	if (keep)
		w->filled += w->row_bytes;
	w->ended = w->row == w->h.rows;
	return w->filled >= WRITE_BYTES ? flush_rows(w) : 0;
}

static int hold(struct w2v *w, const char *p, size_t n, const char *what)
{
	if (n > w->held_max - w->held_len)
		return err_set(-EBADMSG, "row %" PRIu64 " of %" PRIu64 ", byte %" PRIu64 ": %s of more than %zu bytes", w->row + 1,
			       w->h.rows, w->pos, what, w->held_max);
	memcpy(w->held + w->held_len, p, n);
	w->held_len += n;
	return 0;
}

/* gensim strips newlines before a word: word2vec.c wrote one after each row. */
static int end_binary_word(struct w2v *w)
{
	size_t skip = 0;
	while (skip < w->held_len && w->held[skip] == '\n')
		skip++;
	size_t n = w->held_len - skip;
	int r = add_word(w, w->held + skip, n, w->pos - 1 - n, &w->keep);
	w->held_len = 0;
	w->in_row = true;
	w->row_have = 0;
	return r;
}

/* Part of a word, or of the numbers of a row; *ret: how much of it was taken. */
static int take_word(struct w2v *w, const char *p, size_t n, size_t *ret)
{
	const char *blank = memchr(p, ' ', n);
	size_t len = blank ? (size_t)(blank - p) : n;
	int r = hold(w, p, len, "a word");
	*ret = blank ? len + 1 : len;
	w->pos += *ret;
	return r || !blank ? r : end_binary_word(w);
}

static int take_numbers(struct w2v *w, const char *p, size_t n, size_t *ret)
{
	*ret = w->row_bytes - w->row_have < n ? w->row_bytes - w->row_have : n;
	if (w->keep)
		memcpy(w->out + w->filled + w->row_have, p, *ret);
	w->row_have += *ret;
	w->pos += *ret;
	if (w->row_have < w->row_bytes)
		return 0;
	w->in_row = false;
	return end_row(w, w->keep);
}

static int binary_sink(void *ctx, const void *data, size_t n)
{
	struct w2v *w = ctx;
	const char *p = data;
	int r = cancelled() ? err_set(-EINTR, "cancelled") : 0;
	while (!r && n && !w->ended) {
		size_t taken;
		r = w->in_row ? take_numbers(w, p, n, &taken) : take_word(w, p, n, &taken);
		p += taken;
		n -= taken;
	}
	return r ? r : w->ended ? -ECANCELED : 0;
}

static int bad_row(const struct w2v *w, uint64_t off, const char *what, uint64_t count)
{
	return err_set(-EBADMSG, "row %" PRIu64 " of %" PRIu64 ", byte %" PRIu64 ": %s %" PRIu64 " of %" PRIu64, w->row + 1,
		       w->h.rows, off, what, count, w->h.width);
}

/* The numbers at [p, end), each after a single blank, into the row behind the kept ones. */
static int parse_numbers(struct w2v *w, const char *p, const char *end, uint64_t off)
{
	const char *start = p;
	uint64_t count = 0;
	for (; p < end; count++) {
		const char *number = p + 1, *blank = memchr(number, ' ', (size_t)(end - number));
		float f;
		if (count == w->h.width)
			return bad_row(w, off + (uint64_t)(p - start), "there are more numbers than", count);
		p = blank ? blank : end;
		if (!float_text_parse(number, (size_t)(p - number), &f))
			return bad_row(w, off + (uint64_t)(number - start), "this is not a number: number", count + 1);
		memcpy(w->out + w->filled + 4 * count, &f, 4);
	}
	return count == w->h.width ? 0 : bad_row(w, off + (uint64_t)(end - start), "it ends after number", count);
}

/* A line of n bytes at `off`, without its newline. */
static int parse_line(struct w2v *w, const char *line, size_t n, uint64_t off)
{
	bool keep;
	while (n && (line[n - 1] == ' ' || (line[n - 1] >= '\t' && line[n - 1] <= '\r')))
		n--;
	const char *blank = n ? memchr(line, ' ', n) : NULL;
	size_t len = blank ? (size_t)(blank - line) : n;
	if (len > W2V_WORD_MAX || n > w->held_max)
		return err_set(-EBADMSG, "row %" PRIu64 " of %" PRIu64 ", byte %" PRIu64 ": a %s of %zu bytes", w->row + 1,
			       w->h.rows, off, len > W2V_WORD_MAX ? "word" : "line", len > W2V_WORD_MAX ? len : n);
	int r = parse_numbers(w, line + len, line + n, off + len);
	if (r || (r = add_word(w, line, len, off, &keep)))
		return r;
	return end_row(w, keep);
}

/* The line that `held` and the n bytes at `p` make. */
static int take_line(struct w2v *w, const char *p, size_t n)
{
	uint64_t off = w->pos - w->held_len;
	if (!w->held_len)
		return parse_line(w, p, n, off);
	int r = hold(w, p, n, "a line");
	if (!r)
		r = parse_line(w, w->held, w->held_len, off);
	w->held_len = 0;
	return r;
}

static int text_sink(void *ctx, const void *data, size_t n)
{
	struct w2v *w = ctx;
	const char *p = data, *end = p + n;
	int r = cancelled() ? err_set(-EINTR, "cancelled") : 0;
	while (!r && p < end && !w->ended) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		const char *stop = nl ? nl : end;
		size_t len = (size_t)(stop - p);
		r = nl ? take_line(w, p, len) : hold(w, p, len, "a line");
		w->pos += len + (nl ? 1 : 0);
		p = nl ? nl + 1 : end;
	}
	return r ? r : w->ended ? -ECANCELED : 0;
}

static int write_zero_rows(struct w2v *w)
{
	uint64_t total = w->h.rows * w->row_bytes;
	int r = flush_rows(w);
	if (w->written < total)
		memset(w->out, 0, WRITE_BYTES);
	while (!r && w->written < total) {
		uint64_t left = total - w->written;
		w->filled = left < WRITE_BYTES ? (size_t)left : WRITE_BYTES;
		r = cancelled() ? err_set(-EINTR, "cancelled") : flush_rows(w);
	}
	return r;
}

static int stream(struct w2v *w, bool text)
{
	uint64_t size = w->in->main->size;
	w->pos = w->h.size;
	int r = source_stream(w->in->main, w->pos, size - w->pos, text ? text_sink : binary_sink, w);
	if (r == -ECANCELED && w->ended)
		r = 0;
	if (!r && !w->ended && text && w->held_len) /* no newline at the end */
		r = take_line(w, "", 0);
	if (!r && !w->ended)
		r = err_set(-EBADMSG, "ends at byte %" PRIu64 ", in row %" PRIu64 " of %" PRIu64, size, w->row + 1, w->h.rows);
	return r;
}

/* What the header promises must fit into the file before anything of that size is made: a row is
 * at least a blank and 4 D bytes, or D times a blank and a digit. */
static int check_header(struct w2v *w, bool text)
{
	char head[SAVEDMODEL_SNIFF];
	struct source *src = w->in->main;
	size_t n = src->size < sizeof head ? (size_t)src->size : sizeof head;
	uint64_t row, need;
	int r = source_read(src, head, n, 0);
	if (r)
		return r;
	if (!w2v_sniff_header(head, n, &w->h))
		return err_set(-EBADMSG, "its first line is not two counts of at least 1");
	if (w->h.width > NPY_WIDTH_MAX)
		return err_set(-EMEDIUMTYPE, "rows of %" PRIu64 " numbers; at most %u are served", w->h.width, NPY_WIDTH_MAX);
	row = text ? w->h.width * 2 : w->h.width * 4 + 1;
	if (__builtin_mul_overflow(row, w->h.rows, &need) || need > src->size - w->h.size)
		return err_set(-EBADMSG, "its first line promises %" PRIu64 " rows of %" PRIu64 " numbers, but it ends at byte %"
			       PRIu64, w->h.rows, w->h.width, src->size);
	return 0;
}

static int reader_prepare(struct w2v *w, bool text)
{
	int r = check_header(w, text);
	if (r)
		return r;
	w->row_bytes = (size_t)w->h.width * 4;
	w->held_max = W2V_WORD_MAX + (text ? 4096 + (size_t)w->h.width * NUMBER_BYTES : 0);
	w->held = malloc(w->held_max);
	w->out = malloc(WRITE_BYTES + w->row_bytes);
	if (!w->held || !w->out)
		return err_nomem("rows of a word2vec file");
	if ((r = window_init(&w->win, w->in->main)) || (r = keyset_new(same_word, w, &w->set)))
		return r;
	return vocabulary_begin(w->in, &w->words);
}

static void reader_done(struct w2v *w)
{
	vocabulary_free(w->words);
	keyset_free(w->set);
	window_done(&w->win);
	free(w->out);
	free(w->held);
}

static int scan_rows(const struct savedmodel_input *in, bool text, struct savedmodel_record *ret)
{
	CLEANUP(reader_done) struct w2v w = { .in = in };
	*ret = (struct savedmodel_record){ 0 };
	int r = reader_prepare(&w, text);
	if (r || (r = stream(&w, text)) || (r = write_zero_rows(&w)))
		return r;
	ret->rows = w.h.rows;
	ret->width = w.h.width;
	ret->matrix = SAVEDMODEL_IN_MATRIX;
	ret->shard0_size = w.h.rows * w.row_bytes;
	return vocabulary_finish(w.words, ret);
}

int w2v_scan_binary(const struct savedmodel_input *in, struct savedmodel_record *ret) { return scan_rows(in, false, ret); }
int w2v_scan_text(const struct savedmodel_input *in, struct savedmodel_record *ret) { return scan_rows(in, true, ret); }
