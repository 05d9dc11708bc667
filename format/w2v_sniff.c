/* SPDX-License-Identifier: MIT */
/* Telling word2vec files from others by their first bytes. Many text files begin with two
 * numbers, so the first row must bear the format out. */
#include "format/w2v.h"

#include "format/float_text.h"

#include <math.h>
#include <string.h>

static bool is_blank(unsigned char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

/* Python's int() in ASCII, unsigned: digits with single underscores between them. */
static bool take_count(const char **p, const char *end, uint64_t *ret)
{
	const char *q = *p;
	uint64_t v = 0;
	for (; q < end && !is_blank((unsigned char)*q); q++) {
		bool between = q > *p && q[-1] != '_' && q + 1 < end && q[1] >= '0' && q[1] <= '9';
		if (*q == '_' && between)
			continue;
		if (*q < '0' || *q > '9' || __builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(*q - '0'), &v))
			return false;
	}
	bool some = q > *p;
	*p = q;
	*ret = v;
	return some;
}

static void skip_blanks(const char **p, const char *end)
{
	while (*p < end && is_blank((unsigned char)**p))
		++*p;
}

bool w2v_sniff_header(const void *head, size_t n, struct w2v_header *ret)
{
	const char *p = head, *nl = n ? memchr(p, '\n', n) : NULL;
	if (!nl)
		return false;
	ret->size = (uint64_t)(nl - p) + 1;
	skip_blanks(&p, nl);
	if (!take_count(&p, nl, &ret->rows))
		return false;
	skip_blanks(&p, nl);
	if (!take_count(&p, nl, &ret->width))
		return false;
	skip_blanks(&p, nl);
	return p == nl && ret->rows && ret->width;
}

/* Does a text row begin at `p`: a word and `width` numbers, or as many of them as are before
 * `end`, where the file goes on (`cut`)? */
static bool is_text_row(const char *p, const char *end, bool cut, uint64_t width)
{
	const char *nl = memchr(p, '\n', (size_t)(end - p));
	uint64_t numbers = 0;
	float f;
	if (nl) {
		end = nl;
		cut = false;
	}
	/* What stands behind the last blank of a cut row may be half a number. */
	const char *last = cut ? memrchr(p, ' ', (size_t)(end - p)) : end;
	if (!last || last < p)
		return false;
	while (!cut && last > p && is_blank((unsigned char)last[-1]))
		last--;
	const char *blank = memchr(p, ' ', (size_t)(last - p));
	while (blank) {
		p = blank + 1;
		blank = memchr(p, ' ', (size_t)(last - p));
		if (numbers == width || !float_text_parse(p, (size_t)((blank ? blank : last) - p), &f))
			return false;
		numbers++;
	}
	return cut ? numbers > 0 : numbers == width;
}

/* The length of the UTF-8 sequence that the lead byte opens, 0 if it opens none. */
static unsigned utf8_length(unsigned char c)
{
	return c < 0x80 ? 1 : c >= 0xc2 && c < 0xe0 ? 2 : c >= 0xe0 && c < 0xf0 ? 3 : c >= 0xf0 && c < 0xf5 ? 4 : 0;
}

/* Printable UTF-8, perhaps cut off inside a character. */
static bool is_text(const unsigned char *p, const unsigned char *end)
{
	while (p < end) {
		unsigned n = utf8_length(*p);
		if (!n || (*p < 0x20 && !is_blank(*p)) || *p == 0x7f)
			return false;
		for (p++; --n && p < end; p++)
			if ((*p & 0xc0) != 0x80)
				return false;
	}
	return true;
}

/* Are at least half of the float32 there of a size that vectors have? Text in a one-byte encoding
 * makes 1e9 to 1e38. */
static bool are_floats(const unsigned char *p, size_t count)
{
	size_t good = 0;
	for (size_t i = 0; i < count; i++) {
		float f;
		memcpy(&f, p + 4 * i, 4);
		good += f == 0 || (fabsf(f) > 1e-12f && fabsf(f) < 1e6f);
	}
	return count && good * 2 >= count;
}

static bool is_binary_row(const unsigned char *p, const unsigned char *end, uint64_t width)
{
	const unsigned char *blank = memchr(p, ' ', (size_t)(end - p));
	if (!blank)
		return false;
	p = blank + 1;
	size_t count = (size_t)(end - p) / 4;
	if (count > width)
		count = (size_t)width;
	return are_floats(p, count) && !is_text(p, p + count * 4);
}

/* Do the rows that are here follow each other as the header says: a word of text, a blank, 4 D bytes, perhaps
 * a newline? At least one whole row and the next word, or the end of the last row. This knows files whose
 * numbers are nothing that vectors hold: NaN, infinite, huge, tiny, or letters by chance. */
static bool are_binary_rows(const unsigned char *p, const unsigned char *end, const struct w2v_header *h, bool cut)
{
	bool binary = false;
	for (uint64_t row = 0; row < h->rows; row++) {
		while (row && p < end && *p == '\n')
			p++;
		const unsigned char *blank = p < end ? memchr(p, ' ', (size_t)(end - p)) : NULL;
		if (!blank || blank == p)
			return row && binary && (blank || cut) && is_text(p, end);
		if (!is_text(p, blank) || h->width > (uint64_t)(end - blank - 1) / 4)
			return row && binary && cut && is_text(p, blank);
		p = blank + 1 + 4 * h->width;
		binary |= !is_text(blank + 1, p);
	}
	return binary;
}

/* Is there a first row: a word of at least a byte, a blank and 4 D bytes? A file that lacks others
 * was cut short, and the scan says so; left out of the view it would only be missed. */
static bool has_row(const struct w2v_header *h, uint64_t size)
{
	return h->rows && h->width <= (size - h->size) / 4 && size - h->size >= 2 + 4 * h->width;
}

enum savedmodel_kind w2v_sniff(const void *head, size_t n, uint64_t size)
{
	struct w2v_header h;
	const char *p = head;
	if (n > size || !w2v_sniff_header(head, n, &h) || h.size == n)
		return SAVEDMODEL_NONE;
	if (is_text_row(p + h.size, p + n, n < size, h.width))
		return SAVEDMODEL_W2V_TEXT;
	const unsigned char *b = head;
	bool binary = has_row(&h, size) && (is_binary_row(b + h.size, b + n, h.width) ||
					    are_binary_rows(b + h.size, b + n, &h, n < size));
	return binary ? SAVEDMODEL_W2V_BINARY : SAVEDMODEL_NONE;
}
