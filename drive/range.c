/* SPDX-License-Identifier: MIT */
#include "drive/range.h"

#include <string.h>
#include <strings.h>

/* A decimal without sign or blank; moves *s behind it. */
static bool decimal(const char **s, uint64_t *ret)
{
	const char *p = *s;
	uint64_t v = 0;
	for (; *p >= '0' && *p <= '9'; p++) {
		if (v > (INT64_MAX - 9) / 10)
			return false;
		v = v * 10 + (uint64_t)(*p - '0');
	}
	if (p == *s)
		return false;
	*s = p;
	*ret = v;
	return true;
}

static bool skip_char(const char **s, char c)
{
	if (**s != c)
		return false;
	(*s)++;
	return true;
}

static bool at_end(const char *s)
{
	return s[strspn(s, " \t")] == 0;
}

bool range_content(const char *value, struct range_content *ret)
{
	memset(ret, 0, sizeof *ret);
	if (!value || strncasecmp(value, "bytes", 5) || (value[5] != ' ' && value[5] != '\t'))
		return false;
	const char *s = value + 5 + strspn(value + 5, " \t");
	if (skip_char(&s, '*'))
		return skip_char(&s, '/') && decimal(&s, &ret->total) && at_end(s);
	ret->whole = true;
	return decimal(&s, &ret->first) && skip_char(&s, '-') && decimal(&s, &ret->last) && skip_char(&s, '/') &&
	       decimal(&s, &ret->total) && at_end(s) && ret->first <= ret->last && ret->last < ret->total;
}

bool range_stored(const char *value, uint64_t *ret)
{
	*ret = 0;
	if (!value || !*value)
		return true;
	const char *s = value;
	if (!strncasecmp(s, "bytes", 5)) {
		s += 5;
		if (!skip_char(&s, '=') && !skip_char(&s, ' '))
			return false;
	}
	uint64_t first, last;
	if (!decimal(&s, &first) || first || !skip_char(&s, '-') || !decimal(&s, &last) || !at_end(s))
		return false;
	*ret = last + 1;
	return true;
}

static int base64_value(char c)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *p = c ? strchr(digits, c) : NULL;
	return p ? (int)(p - digits) : -1;
}

bool range_goog_md5(const char *value, uint8_t ret[16])
{
	const char *p = value ? strstr(value, "md5=") : NULL;
	if (!p || (p != value && p[-1] != ',' && p[-1] != ' '))
		return false;
	p += 4;
	uint32_t bits = 0;
	unsigned have = 0, n = 0;
	for (unsigned i = 0; i < 22; i++) { /* 22 digits carry 16 bytes and 4 bits */
		int v = base64_value(p[i]);
		if (v < 0)
			return false;
		bits = bits << 6 | (unsigned)v;
		have += 6;
		if (have >= 8 && n < 16) {
			have -= 8;
			ret[n++] = (uint8_t)(bits >> have);
		}
	}
	return !strncmp(p + 22, "==", 2) && n == 16;
}
