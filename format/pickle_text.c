/* SPDX-License-Identifier: MIT */
/* The texts and byte strings of a pickle, which stay in the file. */
#include "format/pickle_node.h"

#include <inttypes.h>
#include <string.h>

int pickle_text_span(struct pickle *p, uint64_t value, uint64_t *ret_off, uint64_t *ret_size, bool *ret_raw)
{
	uint64_t off = pickle_value_payload(value), left, size = 0;
	const unsigned char *b;
	if (pickle_tag(value) != PICKLE_STR && pickle_tag(value) != PICKLE_BYTES && pickle_tag(value) != PICKLE_UTF32)
		return err_set(-EBADMSG, "pickle holds something else where text or bytes are expected");
	left = p->win.src->size - off;
	int r = window_at(&p->win, off, left < 9 ? (size_t)left : 9, &b);
	if (r)
		return r;
	/* The opcode was checked when it was read: only its width is asked for here. */
	bool wide = *b == 0x8d || *b == 0x8e || *b == 0x96;
	unsigned width = wide ? 8 : *b == 'X' || *b == 'B' || *b == 'T' ? 4 : 1;
	if (left < 1 + width)
		return err_set(-ESTALE, "pickle changed while it was read, at byte %" PRIu64, off);
	for (unsigned i = width; i; i--)
		size = size << 8 | b[i];
	if (size > left - 1 - width)
		return err_set(-ESTALE, "pickle changed while it was read, at byte %" PRIu64, off);
	*ret_off = off + 1 + width;
	*ret_size = size;
	*ret_raw = *b != 'X' && *b != 0x8c && *b != 0x8d;
	return 0;
}

int pickle_text_bytes(struct pickle *p, uint64_t value, const unsigned char **ret, size_t *ret_size)
{
	uint64_t off, size;
	bool raw;
	int r = pickle_text_span(p, value, &off, &size, &raw);
	if (r)
		return r;
	if (size > WINDOW_MAX)
		return err_set(-EMEDIUMTYPE, "a text of %" PRIu64 " bytes at byte %" PRIu64 "; at most %u are served", size, off,
			       WINDOW_MAX);
	*ret_size = (size_t)size;
	return window_at(&p->win, off, (size_t)size, ret);
}

int pickle_text_string(struct pickle *p, uint64_t value, char *ret, size_t cap)
{
	const unsigned char *b;
	uint64_t off, size;
	bool raw;
	*ret = '\0';
	if (pickle_tag(value) != PICKLE_STR)
		return 0;
	int r = pickle_text_span(p, value, &off, &size, &raw);
	if (r || size >= cap)
		return r;
	if ((r = window_at(&p->win, off, (size_t)size, &b)))
		return r;
	if (memchr(b, '\0', (size_t)size))
		return 0;
	memcpy(ret, b, (size_t)size);
	ret[size] = '\0';
	return 0;
}

int pickle_text_float(struct pickle *p, uint64_t value, double *ret)
{
	const unsigned char *b;
	uint64_t bits = 0;
	int r = window_at(&p->win, pickle_value_payload(value) + 1, 8, &b);
	for (unsigned i = 0; !r && i < 8; i++)
		bits = bits << 8 | b[i];
	if (!r)
		memcpy(ret, &bits, 8);
	return r;
}
