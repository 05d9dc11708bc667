/* SPDX-License-Identifier: MIT */
#include "format/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void buf_done(struct buf *b)
{
	free(b->data);
	*b = (struct buf)BUF_INIT(b->max);
}

void buf_reset(struct buf *b)
{
	b->len = 0;
	b->failed = false;
	if (b->data)
		b->data[0] = 0;
}

/* Room for n more bytes and the NUL. */
static bool reserve(struct buf *b, size_t n)
{
	if (b->failed || n > b->max - b->len) {
		b->failed = true;
		return false;
	}
	if (b->data && b->len + n < b->cap)
		return true;
	size_t want = b->cap ? b->cap : 64;
	while (want <= b->len + n)
		want *= 2;
	if (want > b->max + 1)
		want = b->max + 1;
	char *p = realloc(b->data, want);
	if (!p) {
		b->failed = true;
		return false;
	}
	b->data = p;
	b->cap = want;
	return true;
}

void buf_add(struct buf *b, const void *data, size_t n)
{
	if (!reserve(b, n))
		return;
	if (n)
		memcpy(b->data + b->len, data, n);
	b->len += n;
	b->data[b->len] = 0;
}

void buf_str(struct buf *b, const char *s) { buf_add(b, s, strlen(s)); }

void buf_byte(struct buf *b, unsigned char c) { buf_add(b, &c, 1); }

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0 || !reserve(b, (size_t)n)) {
		b->failed = true;
		return;
	}
	va_start(ap, fmt);
	vsnprintf(b->data + b->len, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)n;
}

size_t buf_utf8(const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	if (s[0] < 0x80)
		return 1;
	size_t n = s[0] >= 0xc2 && s[0] < 0xe0 ? 2 : (s[0] & 0xf0) == 0xe0 ? 3 : s[0] >= 0xf0 && s[0] < 0xf5 ? 4 : 0;
	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

uint32_t buf_utf8_code(const char *s, size_t n)
{
	const unsigned char *p = (const unsigned char *)s;
	static const uint8_t lead[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	uint32_t c = p[0] & lead[n];
	for (size_t i = 1; i < n; i++)
		c = c << 6 | (p[i] & 0x3f);
	return c;
}

bool buf_utf8_unseen(uint32_t c)
{
	static const struct { uint32_t first, last; } ranges[] = {
		{ 0x061c, 0x061c }, { 0x180e, 0x180e }, { 0x200b, 0x200b }, { 0x200e, 0x200f }, { 0x2028, 0x202e },
		{ 0x2060, 0x206f }, { 0xfeff, 0xfeff }, { 0xfff9, 0xfffb }, { 0xe0000, 0xe007f },
	};
	for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
		if (c >= ranges[i].first && c <= ranges[i].last)
			return true;
	return false;
}

static bool json_escapes(uint32_t c) { return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c <= 0xffff && buf_utf8_unseen(c)); }

void buf_json(struct buf *b, const char *str)
{
	buf_byte(b, '"');
	for (const unsigned char *s = (const unsigned char *)str; *s;) {
		size_t n = buf_utf8((const char *)s);
		if (!n)
			buf_str(b, "\\ufffd");
		else if (*s == '"' || *s == '\\')
			buf_printf(b, "\\%c", *s);
		else if (json_escapes(buf_utf8_code((const char *)s, n)))
			buf_printf(b, "\\u%04x", (unsigned)buf_utf8_code((const char *)s, n));
		else
			buf_add(b, s, n);
		s += n ? n : 1;
	}
	buf_byte(b, '"');
}

int buf_check(const struct buf *b, const char *what)
{
	if (!b->failed)
		return 0;
	if (b->len >= b->max / 2)
		return err_set(-EFBIG, "%s: over the limit of %zu bytes", what, b->max);
	return err_nomem(what);
}

char *buf_take(struct buf *b)
{
	if (b->failed || !reserve(b, 0)) {
		buf_done(b);
		return NULL;
	}
	b->data[b->len] = 0;
	char *p = b->data;
	b->data = NULL;
	buf_done(b);
	return p;
}
