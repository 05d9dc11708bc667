/* SPDX-License-Identifier: MIT */
/* The first opcodes of a pickle of an object name its class. Then, from the outside in:
 *
 *   the model, or its attribute `wv`     holds the vectors ("kv" below)
 *   kv.index_to_key | index2word | index2entity    the words, word i belonging to row i
 *   kv.vectors | syn0                    the matrix: inline, or in a side-car if its name is in
 *                                        kv.__numpys (SaveLoad._save_specials)
 *
 * A side-car is named main + "." + (path of the object + ".") + attribute + ".npy". */
#include "format/gensim.h"

#include "format/float_text.h"
#include "format/keyset.h"
#include "format/npy.h"
#include "format/pickle.h"
#include "format/vocabulary.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { KEY_MAX = 1 << 20 };

static bool served_class(const char *module, const char *name)
{
	static const char *const names[] = {
		"Word2Vec", "KeyedVectors", "Word2VecKeyedVectors", "EuclideanKeyedVectors", "WordEmbeddingsKeyedVectors",
		"Doc2Vec", "FastText", "FastTextKeyedVectors",
	};
	if (strncmp(module, "gensim.models.", 14) != 0)
		return false;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (!strcmp(name, names[i]))
			return true;
	return false;
}

/* Copy up to `end` exclusive into a text; what follows is *p. */
static bool sniff_text(const unsigned char **p, const unsigned char *end, size_t n, char ret[PICKLE_NAME_MAX + 1])
{
	if (n > PICKLE_NAME_MAX || n > (size_t)(end - *p) || memchr(*p, '\0', n))
		return false;
	memcpy(ret, *p, n);
	ret[n] = '\0';
	*p += n;
	return true;
}

static bool sniff_line(const unsigned char **p, const unsigned char *end, char ret[PICKLE_NAME_MAX + 1])
{
	const unsigned char *nl = memchr(*p, '\n', (size_t)(end - *p));
	if (!nl || !sniff_text(p, end, (size_t)(nl - *p), ret))
		return false;
	++*p;
	return true;
}

/* SHORT_BINUNICODE, perhaps memoized. */
static bool sniff_short(const unsigned char **p, const unsigned char *end, char ret[PICKLE_NAME_MAX + 1])
{
	if (end - *p < 2 || **p != 0x8c)
		return false;
	size_t n = (*p)[1];
	*p += 2;
	if (!sniff_text(p, end, n, ret))
		return false;
	if (*p < end && **p == 0x94)
		++*p;
	else if (end - *p >= 2 && **p == 'q')
		*p += 2;
	return true;
}

/* The class of a user may be one of gensim's with something added: then what gensim's own holds is among
 * its first attributes. */
static bool derives(const char *module, const unsigned char *p, const unsigned char *end)
{
	static const char *const attributes[] = { "vector_size", "index_to_key", "index2word" };
	if (strncmp(module, "gensim.", 7) == 0)
		return false;
	for (size_t i = 0; i < sizeof attributes / sizeof *attributes; i++)
		if (memmem(p, (size_t)(end - p), attributes[i], strlen(attributes[i])))
			return true;
	return false;
}

static bool names_served_class(const void *head, size_t n)
{
	const unsigned char *p = head, *end = p + n;
	char module[PICKLE_NAME_MAX + 1], name[PICKLE_NAME_MAX + 1];
	if (n < 12 || p[0] != 0x80 || p[1] < 2 || p[1] > 5)
		return false;
	p += 2;
	if (*p == 0x95) /* FRAME and its length */
		p += 9;
	bool named;
	if (*p == 'c') {
		p++;
		named = sniff_line(&p, end, module) && sniff_line(&p, end, name);
	} else {
		named = sniff_short(&p, end, module) && sniff_short(&p, end, name) && p < end && *p == 0x93;
	}
	return named && (served_class(module, name) || derives(module, p, end));
}

enum savedmodel_kind gensim_sniff(const void *head, size_t n, uint64_t size)
{
	(void)size;
	return names_served_class(head, n) ? SAVEDMODEL_GENSIM : SAVEDMODEL_NONE;
}

struct model {
	const struct savedmodel_input *in;
	struct pickle *pickle;
	uint64_t kv;			/* the object that holds the vectors */
	const char *prefix;		/* of its side-cars: "" or ".wv" */
	bool inner_sidecars;		/* does gensim look for side-cars of kv? */
	uint64_t words;			/* the list */
	uint64_t rows_named;		/* of it, without None at the end */
	const char *matrix_name;
	struct npy matrix;
	struct source *sidecar;		/* that the matrix is in, or NULL */
	char suffix[64];
};

/* Is `name` in the list of names that is the attribute `list` of `object`? */
static int lists(struct pickle *p, uint64_t object, const char *list, const char *name, bool *ret)
{
	uint64_t v;
	char text[64];
	int r = pickle_attr(p, object, list, &v);
	*ret = false;
	for (uint64_t i = 0; !r && !*ret && i < pickle_count(p, v); i++) {
		r = pickle_text_string(p, pickle_item(p, v, i), text, sizeof text);
		*ret = !r && !strcmp(text, name);
	}
	return r;
}

static int find_kv(struct model *m)
{
	uint64_t top = pickle_top(m->pickle), wv;
	if (!pickle_is_object(m->pickle, top))
		return err_set(-EBADMSG, "pickle holds no object");
	int r = pickle_attr(m->pickle, top, "wv", &wv);
	if (r)
		return r;
	m->kv = top;
	m->prefix = "";
	m->inner_sidecars = true;
	if (!pickle_is_object(m->pickle, wv))
		return 0;
	m->kv = wv;
	m->prefix = ".wv";
	return lists(m->pickle, top, "__recursive_saveloads", "wv", &m->inner_sidecars);
}

static int find_words(struct model *m)
{
	static const char *const names[] = { "index_to_key", "index2word", "index2entity" };
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		int r = pickle_attr(m->pickle, m->kv, names[i], &m->words);
		if (r)
			return r;
		/* index2entity is there and empty where index2word holds the words, and the other way round. */
		if (pickle_count(m->pickle, m->words))
			return 0;
	}
	return err_set(-EMEDIUMTYPE, "%s has no words", pickle_name(m->pickle, m->kv));
}

/* A dtype object: numpy.dtype('f4', False, True) and the state (3, '<', ...). */
static int read_dtype(struct pickle *p, uint64_t v, struct npy *ret)
{
	char type[20], order[4], descr[24];
	int r = pickle_text_string(p, pickle_item(p, pickle_args(p, v), 0), type, sizeof type);
	if (!r)
		r = pickle_text_string(p, pickle_item(p, pickle_state(p, v), 1), order, sizeof order);
	if (r)
		return r;
	bool whole = *type && strchr("<>|=", *type);
	snprintf(descr, sizeof descr, "%s%s", whole ? "" : *order ? order : "<", type);
	return npy_dtype(descr, ret);
}

static int read_shape(struct pickle *p, uint64_t v, struct npy *ret)
{
	ret->dims = (unsigned)pickle_count(p, v);
	if (!pickle_is_tuple(p, v) || pickle_count(p, v) > NPY_DIMS)
		return err_set(-EBADMSG, "its shape is not a tuple of at most %d numbers", NPY_DIMS);
	for (unsigned i = 0; i < ret->dims; i++) {
		uint64_t n = pickle_item(p, v, i);
		if (pickle_tag(n) != PICKLE_INT || pickle_int(n) < 0)
			return err_set(-EBADMSG, "its shape holds something that is not a count");
		ret->shape[i] = (uint64_t)pickle_int(n);
	}
	return 0;
}

/* Where the bytes are: a byte string, a Python 2 string, _codecs.encode(text, 'latin1'), or
 * bytes() for none. */
static int read_data(struct pickle *p, uint64_t v, struct npy *ret)
{
	uint64_t bytes;
	bool raw = true;
	int r = npy_bytes(ret, &bytes);
	if (r)
		return r;
	if (!strcmp(pickle_name(p, v), "encode"))
		v = pickle_item(p, pickle_args(p, v), 0);
	if (pickle_is_object(p, v) && !strcmp(pickle_name(p, v), "bytes"))
		ret->off = ret->size = 0;
	else if ((r = pickle_text_span(p, v, &ret->off, &ret->size, &raw)))
		return r;
	ret->latin1 = !raw;
	/* Every byte takes one or two in UTF-8. */
	if (raw ? ret->size != bytes : ret->size < bytes || ret->size / 2 > bytes)
		return err_set(-EBADMSG, "its data are %" PRIu64 " bytes at byte %" PRIu64 ", its shape asks for %" PRIu64,
			       ret->size, ret->off, bytes);
	return 0;
}

/* numpy.core.numeric._frombuffer(data, dtype, shape, order), protocol 5. */
static int read_frombuffer(struct pickle *p, uint64_t v, struct npy *ret)
{
	uint64_t args = pickle_args(p, v);
	char order[4];
	int r = pickle_text_string(p, pickle_item(p, args, 3), order, sizeof order);
	if (!r && strcmp(order, "C") != 0 && strcmp(order, "F") != 0)
		r = err_set(-EMEDIUMTYPE, "its order is neither C nor F");
	if (r || (r = read_dtype(p, pickle_item(p, args, 1), ret)) || (r = read_shape(p, pickle_item(p, args, 2), ret)))
		return r;
	ret->fortran = *order == 'F';
	return ret->kind == 'O' ? 0 : read_data(p, pickle_item(p, args, 0), ret);
}

/* _reconstruct(...) and the state ([version,] shape, dtype, is Fortran, data). */
static int read_reconstruct(struct pickle *p, uint64_t v, struct npy *ret)
{
	uint64_t state = pickle_state(p, v), first = pickle_count(p, state) == 5;
	int r = read_shape(p, pickle_item(p, state, first), ret);
	if (r || (r = read_dtype(p, pickle_item(p, state, first + 1), ret)))
		return r;
	ret->fortran = pickle_int(pickle_item(p, state, first + 2)) != 0;
	return ret->kind == 'O' ? 0 : read_data(p, pickle_item(p, state, first + 3), ret);
}

static int read_array(struct model *m, uint64_t v, struct npy *ret)
{
	const char *name = pickle_name(m->pickle, v);
	if (!strcmp(name, "_reconstruct"))
		return read_reconstruct(m->pickle, v, ret);
	if (!strcmp(name, "_frombuffer"))
		return read_frombuffer(m->pickle, v, ret);
	return err_set(-EMEDIUMTYPE, "it is not a numpy array");
}

static int open_npy(struct model *m)
{
	snprintf(m->suffix, sizeof m->suffix, "%s.%s.npy", m->prefix, m->matrix_name);
	int r = m->in->open(m->in->ctx, m->suffix, &m->sidecar);
	if (r)
		return r == -ENOENT ? err_set(r, "its side-car \"*%s\" is missing", m->suffix) : r;
	r = npy_read(m->sidecar, &m->matrix);
	return r == -EBADMSG ? err_set(r, "its side-car \"*%s\" %s", m->suffix, err_last()) : r;
}

/* 0 with matrix_name set when the attribute is there, in either way. */
static int try_matrix(struct model *m, const char *name)
{
	uint64_t v;
	bool aside = false;
	int r = pickle_attr(m->pickle, m->kv, name, &v);
	if (!r && m->inner_sidecars)
		r = lists(m->pickle, m->kv, "__numpys", name, &aside);
	if (r)
		return r;
	if (pickle_is_object(m->pickle, v)) {
		m->matrix_name = name;
		r = read_array(m, v, &m->matrix);
		return r == -EBADMSG || r == -EMEDIUMTYPE ? err_set(r, "array %s: %s", name, err_last()) : r;
	}
	if (!aside)
		return 0;
	m->matrix_name = name;
	return open_npy(m);
}

static int find_matrix(struct model *m)
{
	static const char *const names[] = { "vectors", "syn0" };
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		int r = try_matrix(m, names[i]);
		if (r || m->matrix_name)
			return r;
	}
	uint64_t ngrams;
	int r = pickle_attr(m->pickle, m->kv, "bucket", &ngrams);
	if (r)
		return r;
	if (ngrams)
		return err_set(-EMEDIUMTYPE, "a FastText model of gensim 4 keeps no word vectors: they are sums over the "
			       "n-gram vectors of each word");
	return err_set(-EMEDIUMTYPE, "%s has no matrix of word vectors", pickle_name(m->pickle, m->kv));
}

/* The side-car may be of another save than the pickle: gensim would load the two without a word. */
static int check_fit(struct model *m, uint64_t words)
{
	uint64_t v, rows = m->matrix.shape[0], width = m->matrix.shape[1], want = width;
	int r = pickle_attr(m->pickle, m->kv, "vector_size", &v);
	if (r)
		return r;
	if (pickle_tag(v) == PICKLE_INT && pickle_int(v) > 0)
		want = (uint64_t)pickle_int(v);
	if (words == rows && want == width)
		return 0;
	return err_set(-EBADMSG, "it has %" PRIu64 " words and vectors of %" PRIu64 " numbers, its side-car \"*%s\" %" PRIu64
		       " rows of %" PRIu64 ": they are of different saves", words, want, m->suffix, rows, width);
}

/* Keys stand for the first rows; rows of a preallocated KeyedVectors that were never filled have
 * None, at the end. */
static int check_shape(struct model *m)
{
	uint64_t n = pickle_count(m->pickle, m->words), named = n;
	int r = npy_servable(&m->matrix, m->matrix_name);
	if (!r && m->sidecar)
		r = check_fit(m, n);
	if (r)
		return r;
	if (n != m->matrix.shape[0])
		return err_set(-EBADMSG, "%" PRIu64 " words, but array %s has %" PRIu64 " rows", n, m->matrix_name,
			       m->matrix.shape[0]);
	while (named && pickle_tag(pickle_item(m->pickle, m->words, named - 1)) == PICKLE_NONE)
		named--;
	m->rows_named = named;
	return named ? 0 : err_set(-EMEDIUMTYPE, "%s has no words", pickle_name(m->pickle, m->kv));
}

/* A key that is no text of Python's as bytes: str() of a number, bytes as they are. */
static int key_text(struct model *m, uint64_t v, uint64_t index, struct buf *ret)
{
	char text[FLOAT_TEXT_REPR_MAX];
	bool known = true;
	double d;
	int r = 0;
	buf_reset(ret);
	switch (pickle_tag(v)) {
	case PICKLE_INT:
		buf_printf(ret, "%" PRId64, pickle_int(v));
		break;
	case PICKLE_BOOL:
		buf_str(ret, pickle_int(v) ? "True" : "False");
		break;
	case PICKLE_FLOAT:
		r = pickle_text_float(m->pickle, v, &d);
		if (!r)
			float_text_repr(d, text);
		buf_str(ret, r ? "" : text);
		break;
	default:
		r = pickle_scalar_decode(m->pickle, v, ret, &known);
	}
	if (!r && !known)
		r = err_set(-EMEDIUMTYPE, "key %" PRIu64 " is neither a text nor a number", index);
	return r ? r : buf_check(ret, "a key");
}

/* Key `index` as bytes: a text as it is in the file, others in `other`. */
static int key_bytes(struct model *m, uint64_t index, const unsigned char **ret, size_t *ret_size, struct buf *other)
{
	uint64_t v = pickle_item(m->pickle, m->words, index);
	if (pickle_tag(v) == PICKLE_STR)
		return pickle_text_bytes(m->pickle, v, ret, ret_size);
	int r = key_text(m, v, index, other);
	*ret_size = other->len;
	*ret = (const unsigned char *)(other->len ? other->data : "");
	return r;
}

static int same_key(void *ctx, uint64_t ref, const void *key, size_t n, bool *ret)
{
	struct model *m = ctx;
	const unsigned char *other;
	CLEANUP_BUF struct buf text = BUF_INIT(KEY_MAX);
	size_t size;
	int r = key_bytes(m, ref, &other, &size, &text);
	*ret = !r && size == n && !memcmp(other, key, n);
	return r;
}

static int add_key(struct model *m, uint64_t index, struct keyset *set, struct vocabulary *out, struct buf *copy)
{
	const unsigned char *b;
	CLEANUP_BUF struct buf text = BUF_INIT(KEY_MAX);
	size_t n;
	bool is_new;
	int r = key_bytes(m, index, &b, &n, &text);
	if (r)
		return r;
	buf_reset(copy); /* comparing moves the window that `b` points into */
	buf_add(copy, b, n);
	if ((r = buf_check(copy, "a word")))
		return r;
	const char *key = n ? copy->data : "";
	if ((r = keyset_add(set, key, n, index, &is_new)))
		return r;
	if (!is_new)
		return err_set(-EBADMSG, "key %" PRIu64 " of %" PRIu64 " is there twice: \"%.100s\"", index, m->rows_named, key);
	return vocabulary_add(out, key, n);
}

static int write_keys(struct model *m, struct savedmodel_record *ret)
{
	CLEANUP_VOCABULARY struct vocabulary *out = NULL;
	CLEANUP_KEYSET struct keyset *set = NULL;
	CLEANUP_BUF struct buf copy = BUF_INIT(1u << 20);
	int r = vocabulary_begin(m->in, &out);
	if (!r)
		r = keyset_new(same_key, m, &set);
	for (uint64_t i = 0; !r && i < m->rows_named; i++) {
		if (i % 4096 == 0 && cancelled())
			return err_set(-EINTR, "cancelled");
		r = add_key(m, i, set, out, &copy);
	}
	return r ? r : vocabulary_finish(out, ret);
}

static int place_matrix(struct model *m, struct savedmodel_record *ret)
{
	struct source *src = m->sidecar ? m->sidecar : m->in->main;
	ret->rows = m->matrix.shape[0];
	ret->width = m->matrix.shape[1];
	if (npy_plain(&m->matrix)) {
		ret->matrix = m->sidecar ? SAVEDMODEL_IN_SIDECAR : SAVEDMODEL_IN_MAIN;
		ret->matrix_off = m->matrix.off;
		ret->shard0_size = src->size;
		snprintf(ret->sidecar, sizeof ret->sidecar, "%s", m->suffix);
		return 0;
	}
	ret->matrix = SAVEDMODEL_IN_MATRIX;
	ret->shard0_size = ret->rows * ret->width * 4; /* no overflow: npy_bytes() of 2 bytes fits in 63 bits */
	return npy_convert(src, &m->matrix, m->in);
}

static int scan_pickle(struct model *m, struct savedmodel_record *ret)
{
	int r = find_kv(m);
	if (r || (r = find_words(m)) || (r = find_matrix(m)) || (r = check_shape(m)))
		return r;
	pickle_shed(m->pickle);
	/* One after the other: both use the scratch part. */
	r = write_keys(m, ret);
	return r ? r : place_matrix(m, ret);
}

int gensim_scan(const struct savedmodel_input *in, struct savedmodel_record *ret)
{
	CLEANUP_PICKLE struct pickle *pickle = NULL;
	struct model m = { .in = in };
	*ret = (struct savedmodel_record){ 0 };
	int r = pickle_read(in->main, &pickle);
	if (r)
		return r;
	m.pickle = pickle;
	r = scan_pickle(&m, ret);
	source_unref(m.sidecar);
	return r;
}
