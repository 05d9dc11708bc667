/* SPDX-License-Identifier: MIT */
#include "fs/escape.h"

#include <stdio.h>
#include <string.h>

enum { ESCAPE_MAX = 12 };	/* \u{10ffff} and a NUL */

/* What stands for the character at s, of *ret_n bytes: itself or an escape. Returns its length. */
static size_t escape_one(const char *s, char to[ESCAPE_MAX], size_t *ret_n)
{
	unsigned char first = (unsigned char)*s;
	size_t n = buf_utf8(s);
	*ret_n = n ? n : 1;
	if (!n)
		return (size_t)snprintf(to, ESCAPE_MAX, "\\x%02x", first);
	uint32_t c = buf_utf8_code(s, n);
	const char *plain = c < 0x20 ? strchr("\nn\tt\rr", (int)c) : NULL;
	if (plain)
		return (size_t)snprintf(to, ESCAPE_MAX, "\\%c", plain[1]);
	if (c < 0x20 || (c >= 0x7f && c < 0xa0))
		return (size_t)snprintf(to, ESCAPE_MAX, "\\x%02x", (unsigned)c);
	if (buf_utf8_unseen(c))
		return (size_t)snprintf(to, ESCAPE_MAX, "\\u{%x}", (unsigned)c);
	memcpy(to, s, n);
	return n;
}

void escape_add(struct buf *b, const char *s)
{
	char one[ESCAPE_MAX];
	for (size_t n; *s; s += n)
		buf_add(b, one, escape_one(s, one, &n));
}

size_t escape_text(char *to, size_t max, const char *s)
{
	char one[ESCAPE_MAX];
	size_t len = 0;
	for (size_t n; *s; s += n) {
		size_t m = escape_one(s, one, &n);
		if (len + m >= max)
			break;
		memcpy(to + len, one, m);
		len += m;
	}
	to[len] = 0;
	return len;
}
