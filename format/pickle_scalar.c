/* SPDX-License-Identifier: MIT */
/* Values that are more than an opcode: byte strings of protocol 2, and numpy's scalars,
 * numpy.core.multiarray.scalar(dtype, bytes). Keys may be either. */
#include "format/pickle_node.h"

#include <inttypes.h>
#include <string.h>

/* Bytes that protocol 2 wrote as a text, one character for a byte. */
static void add_latin1(struct buf *ret, const unsigned char *b, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		bool two = (b[i] & 0xe0) == 0xc0 && i + 1 < n;
		buf_byte(ret, (unsigned char)(two ? (b[i] << 6 & 0xff) | (b[i + 1] & 0x3f) : b[i]));
		i += two;
	}
}

/* Lone surrogates too, as Python's "surrogatepass" does. */
static void add_utf8(struct buf *ret, uint32_t c)
{
	static const unsigned char lead[] = { 0, 0xc0, 0xe0, 0xf0 };
	unsigned more = c < 0x80 ? 0 : c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
	buf_byte(ret, (unsigned char)(lead[more] | c >> (6 * more)));
	while (more--)
		buf_byte(ret, (unsigned char)(0x80 | (c >> (6 * more) & 0x3f)));
}

/* numpy leaves zeroes out at the end of a text. */
static int utf32_to_utf8(struct pickle *p, const struct buf *from, struct buf *ret)
{
	const unsigned char *b = (const unsigned char *)from->data;
	size_t n = from->len;
	while (n && !b[n - 1])
		n--;
	for (size_t i = 0; i < n; i += 4) {
		uint32_t c = b[i] | (uint32_t)b[i + 1] << 8 | (uint32_t)b[i + 2] << 16 | (uint32_t)b[i + 3] << 24;
		if (c > 0x10ffff)
			return err_set(-EBADMSG, "a text of numpy's before byte %" PRIu64 " holds no character 0x%x", p->pos, c);
		add_utf8(ret, c);
	}
	return 0;
}

/* The bytes of a value as the object would have them. */
static int raw_bytes(struct pickle *p, uint64_t value, struct buf *ret)
{
	const unsigned char *b;
	uint64_t off, size;
	bool raw;
	size_t n;
	int r = pickle_text_span(p, value, &off, &size, &raw);
	if (r || (r = pickle_text_bytes(p, value, &b, &n)))
		return r;
	if (raw)
		buf_add(ret, b, n);
	else
		add_latin1(ret, b, n);
	return buf_check(ret, "a key");
}

int pickle_scalar_decode(struct pickle *p, uint64_t value, struct buf *ret, bool *ret_known)
{
	CLEANUP_BUF struct buf raw = BUF_INIT(WINDOW_MAX);
	bool text = pickle_tag(value) == PICKLE_UTF32;
	if (pickle_is_object(p, value) && !strcmp(pickle_name(p, value), "encode"))
		value = pickle_item(p, pickle_args(p, value), 0);
	else if (!text && pickle_tag(value) != PICKLE_BYTES)
		value = 0;
	*ret_known = pickle_tag(value) != PICKLE_ABSENT;
	if (!*ret_known)
		return 0;
	int r = raw_bytes(p, value, text ? &raw : ret);
	if (!r && text && raw.len % 4)
		r = err_set(-EBADMSG, "a text of numpy's before byte %" PRIu64 " is no UTF-32", p->pos);
	if (!r && text)
		r = utf32_to_utf8(p, &raw, ret);
	return r ? r : buf_check(ret, "a key");
}

int pickle_scalar_type(struct pickle *p, struct node *dtype)
{
	char text[20];
	const char *t = text;
	int r = pickle_text_string(p, pickle_item(p, dtype->args, 0), text, sizeof text);
	if (r)
		return r;
	t += *t && strchr("<|=", *t) ? 1 : 0;
	dtype->type = 0;
	if (!*t || !strchr("iubU", *t))
		return 0;
	unsigned long size = strtoul(t + 1, NULL, 10);
	if (*t != 'U' && (!size || size > 8))
		return 0;
	dtype->type = *t;
	dtype->type_size = *t == 'U' ? 0 : (uint8_t)size;
	return 0;
}

/* A little-endian number; OPAQUE if it does not fit into a value. */
static int scalar_number(struct pickle *p, uint64_t data, const struct node *dtype, uint64_t *ret)
{
	CLEANUP_BUF struct buf b = BUF_INIT(64);
	bool known = false, is_signed = dtype->type == 'i';
	int r = pickle_scalar_decode(p, data, &b, &known);
	if (r || !known || b.len != dtype->type_size)
		return r;
	const unsigned char *d = (const unsigned char *)b.data;
	uint64_t v = is_signed && d[b.len - 1] & 0x80 ? UINT64_MAX : 0;
	for (size_t i = b.len; i-- > 0;)
		v = v << 8 | d[i];
	int64_t small = (int64_t)v;
	if (dtype->type == 'b')
		*ret = pickle_value_make(PICKLE_BOOL, v != 0);
	else if (small >= -(INT64_C(1) << 55) && small < INT64_C(1) << 55)
		*ret = pickle_value_make(PICKLE_INT, v);
	return 0;
}

/* Where the bytes of a text are: a byte string, or the text that stands for one in protocol 2. */
static uint64_t scalar_text(const struct pickle *p, uint64_t data)
{
	if (pickle_is_object(p, data) && !strcmp(pickle_name(p, data), "encode"))
		data = pickle_item(p, pickle_args(p, data), 0);
	bool is_text = pickle_tag(data) == PICKLE_BYTES || pickle_tag(data) == PICKLE_STR;
	return pickle_value_make(is_text ? PICKLE_UTF32 : PICKLE_OPAQUE, is_text ? pickle_value_payload(data) : 0);
}

int pickle_scalar_value(struct pickle *p, uint64_t args, uint64_t *ret)
{
	uint64_t data = pickle_item(p, args, 1);
	const struct node *dtype = pickle_node_of(p, pickle_item(p, args, 0));
	int r = 0;
	*ret = pickle_value_make(PICKLE_OPAQUE, 0);
	if (dtype && dtype->kind == NODE_OBJECT && dtype->type == 'U')
		*ret = scalar_text(p, data);
	else if (dtype && dtype->kind == NODE_OBJECT && dtype->type)
		r = scalar_number(p, data, dtype, ret);
	if (!r)
		pickle_node_forget(p, args);
	return r;
}
