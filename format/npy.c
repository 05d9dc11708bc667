/* SPDX-License-Identifier: MIT */
/* The header (numpy/lib/format.py): "\x93NUMPY", major, minor, header length (u16 LE in version
 * 1, u32 LE in 2 and 3), then the text of a Python dict with the keys descr, fortran_order and
 * shape, in any order; Python 2 wrote long integers as 10L. */
#include "format/npy.h"

#include <inttypes.h>
#include <string.h>

enum { HEADER_MAX = 64 << 10 };

int npy_dtype(const char *d, struct npy *ret)
{
	unsigned item = 0;
	if (!*d || !strchr("<>|=", *d) || !d[1])
		return err_set(-EBADMSG, "dtype \"%.16s\" is not one of plain numbers", d);
	for (const char *p = d + 2; *p; p++) {
		if (*p < '0' || *p > '9' || item > 1000)
			return err_set(-EBADMSG, "dtype \"%.16s\" is not one of plain numbers", d);
		item = item * 10 + (unsigned)(*p - '0');
	}
	ret->big_endian = *d == '>';
	ret->kind = d[1];
	ret->item = item;
	return 0;
}

int npy_bytes(const struct npy *a, uint64_t *ret)
{
	uint64_t n = a->item;
	for (unsigned i = 0; i < a->dims; i++)
		if (__builtin_mul_overflow(n, a->shape[i], &n) || n > INT64_MAX)
			return err_set(-EBADMSG, "an array whose size overflows 63 bits");
	*ret = n;
	return 0;
}

int npy_servable(const struct npy *a, const char *what)
{
	if (a->dims != 2)
		return err_set(-EMEDIUMTYPE, "%s has %u dimensions, not 2", what, a->dims);
	if (a->kind != 'f' || (a->item != 2 && a->item != 4 && a->item != 8))
		return err_set(-EMEDIUMTYPE, "%s is of type %c%u; float16, float32 and float64 are served", what,
			       a->kind, a->item);
	if (!a->shape[1] || a->shape[1] > NPY_WIDTH_MAX)
		return err_set(-EMEDIUMTYPE, "%s has %" PRIu64 " columns; 1 to %u are served", what, a->shape[1],
			       NPY_WIDTH_MAX);
	return 0;
}

bool npy_plain(const struct npy *a)
{
	/* One row or one column is in both orders. */
	bool order = !a->fortran || (a->dims == 2 && (a->shape[0] <= 1 || a->shape[1] == 1));
	return a->kind == 'f' && a->item == 4 && !a->big_endian && order && !a->latin1;
}

/* The text of the dict. */
struct text {
	const char *p, *end;
};

static bool take_char(struct text *t, char c)
{
	while (t->p < t->end && (*t->p == ' ' || *t->p == '\n' || *t->p == '\t'))
		t->p++;
	if (t->p == t->end || *t->p != c)
		return false;
	t->p++;
	return true;
}

static bool take_npy_word(struct text *t, const char *w)
{
	size_t n = strlen(w);
	while (t->p < t->end && *t->p == ' ')
		t->p++;
	if ((size_t)(t->end - t->p) < n || memcmp(t->p, w, n) != 0)
		return false;
	t->p += n;
	return true;
}

/* A quoted string shorter than `cap`, without escapes: neither keys nor plain dtypes have any. */
static bool take_string(struct text *t, char *ret, size_t cap)
{
	char quote = take_char(t, '\'') ? '\'' : take_char(t, '"') ? '"' : 0;
	if (!quote)
		return false;
	for (size_t n = 0; t->p < t->end && n < cap; n++, t->p++) {
		ret[n] = *t->p;
		if (*t->p == quote) {
			ret[n] = '\0';
			t->p++;
			return true;
		}
	}
	return false;
}

static bool take_number(struct text *t, uint64_t *ret)
{
	while (t->p < t->end && *t->p == ' ')
		t->p++;
	const char *start = t->p;
	uint64_t v = 0;
	for (; t->p < t->end && *t->p >= '0' && *t->p <= '9'; t->p++)
		if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, (uint64_t)(*t->p - '0'), &v))
			return false;
	if (t->p == start)
		return false;
	if (t->p < t->end && *t->p == 'L')
		t->p++;
	*ret = v;
	return true;
}

static bool take_shape(struct text *t, struct npy *a)
{
	a->dims = 0;
	if (!take_char(t, '('))
		return false;
	while (!take_char(t, ')')) {
		if (a->dims == NPY_DIMS || !take_number(t, &a->shape[a->dims]))
			return false;
		a->dims++;
		if (!take_char(t, ',')) {
			/* (5) is a number in Python, not a shape. */
			return a->dims > 1 && take_char(t, ')');
		}
	}
	return true;
}

enum { HAVE_DESCR = 1, HAVE_ORDER = 2, HAVE_SHAPE = 4, HAVE_ALL = 7 };

/* One "key: value"; returns its HAVE_ bit, 0 when malformed. */
static unsigned take_entry(struct text *t, struct npy *a, int *reterr)
{
	char key[16], descr[24];
	if (!take_string(t, key, sizeof key) || !take_char(t, ':'))
		return 0;
	if (!strcmp(key, "descr")) {
		if (!take_string(t, descr, sizeof descr))
			return 0;
		*reterr = npy_dtype(descr, a);
		return HAVE_DESCR;
	}
	if (!strcmp(key, "fortran_order")) {
		a->fortran = take_npy_word(t, "True");
		return a->fortran || take_npy_word(t, "False") ? HAVE_ORDER : 0;
	}
	if (!strcmp(key, "shape"))
		return take_shape(t, a) ? HAVE_SHAPE : 0;
	return 0;
}

static int parse_header(const char *text, size_t n, struct npy *a)
{
	struct text t = { text, text + n };
	unsigned have = 0;
	if (!take_char(&t, '{'))
		return err_set(-EBADMSG, "its npy header is not a dict");
	while (!take_char(&t, '}')) {
		int err = 0;
		unsigned bit = take_entry(&t, a, &err);
		if (err)
			return err;
		if (!bit || (have & bit) || (!take_char(&t, ',') && (t.p == t.end || *t.p != '}')))
			return err_set(-EBADMSG, "its npy header is malformed at character %td", t.p - text);
		have |= bit;
	}
	if (have != HAVE_ALL)
		return err_set(-EBADMSG, "its npy header lacks descr, fortran_order or shape");
	return 0;
}

static int check_npy_size(struct source *src, struct npy *a)
{
	int r = npy_bytes(a, &a->size);
	if (r)
		return r;
	if (a->size > src->size - a->off)
		return err_set(-EBADMSG, "ends at byte %" PRIu64 ", but its npy header promises %" PRIu64 " bytes from %" PRIu64
			       " on", src->size, a->size, a->off);
	return 0;
}

int npy_read(struct source *src, struct npy *ret)
{
	unsigned char pre[12];
	struct npy a = { 0 };
	int r = source_read(src, pre, sizeof pre, 0);
	if (r)
		return r;
	if (memcmp(pre, "\x93NUMPY", 6) != 0)
		return err_set(-EBADMSG, "is not a npy file: it does not start with \\x93NUMPY");
	if (pre[6] < 1 || pre[6] > 3)
		return err_set(-EBADMSG, "is of npy version %u; 1 to 3 are known", pre[6]);
	size_t len = pre[8] | (size_t)pre[9] << 8, off = 10;
	if (pre[6] > 1) {
		len |= (size_t)pre[10] << 16 | (size_t)pre[11] << 24;
		off = 12;
	}
	if (len > HEADER_MAX)
		return err_set(-EBADMSG, "has a npy header of %zu bytes; at most %d are read", len, HEADER_MAX);
	CLEANUP_FREE char *text = malloc(len + 1);
	if (!text)
		return err_nomem("the header of a .npy file");
	if ((r = source_read(src, text, len, off)) || (r = parse_header(text, len, &a)))
		return r;
	a.off = off + len;
	if ((r = check_npy_size(src, &a)))
		return r;
	*ret = a;
	return 0;
}
