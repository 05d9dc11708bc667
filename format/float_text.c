/* SPDX-License-Identifier: MIT */
/* Most numbers have at most 19 digits and a small exponent: their digits and the power of ten are
 * exact doubles, and one multiplication or division rounds correctly (Clinger, "How to read
 * floating point numbers accurately"). The C library does the others. */
#include "format/float_text.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#if FLT_EVAL_METHOD != 0
#error "double arithmetic must round to double at every step"
#endif

enum { POWER_MAX = 22, DIGITS_MAX = 19 };

/* What a text says, before rounding: digits * 10^exponent. */
struct decimal {
	bool negative, exact;	/* exact: `digits` holds all of them */
	uint64_t digits;
	int exponent;
};

/* A locale of our own: strtod() would follow the user's decimal comma. */
static locale_t c_locale;
static pthread_once_t c_locale_once = PTHREAD_ONCE_INIT;
static void make_c_locale(void) { c_locale = newlocale(LC_ALL_MASK, "C", NULL); }

/* The text without its underscores through strtod_l. */
static bool parse_slowly(const char *s, size_t n, float *ret)
{
	char text[FLOAT_TEXT_MAX + 1], *end;
	size_t len = 0;
	if (n > FLOAT_TEXT_MAX)
		return false;
	for (size_t i = 0; i < n; i++)
		if (s[i] != '_')
			text[len++] = s[i];
	text[len] = '\0';
	pthread_once(&c_locale_once, make_c_locale);
	double d = c_locale ? strtod_l(text, &end, c_locale) : strtod(text, &end);
	*ret = (float)d;
	return *end == '\0' && end != text;
}

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

/* Digits with single underscores between them (PEP 515). Returns how many; `*p` is behind them. */
static size_t take_digits(const char **p, const char *end, struct decimal *d)
{
	const char *q = *p;
	size_t count = 0;
	for (; q < end; q++) {
		if (*q == '_' && count && q + 1 < end && is_digit(q[1]))
			continue;
		if (!is_digit(*q))
			break;
		count++;
		if (d->digits < UINT64_C(1000000000000000000))
			d->digits = d->digits * 10 + (uint64_t)(*q - '0');
		else
			d->exact = false;
	}
	*p = q;
	return count;
}

static bool take_exponent(const char **p, const char *end, struct decimal *d)
{
	struct decimal e = { .exact = true };
	++*p;
	bool negative = *p < end && **p == '-';
	if (*p < end && (**p == '-' || **p == '+'))
		++*p;
	if (!take_digits(p, end, &e))
		return false;
	int value = e.exact && e.digits < 100000 ? (int)e.digits : 100000;
	d->exponent += negative ? -value : value;
	return true;
}

static bool is_word(const char *s, const char *end, const char *word)
{
	for (; s < end && *word; s++, word++)
		if ((*s | 0x20) != *word)
			return false;
	return s == end && !*word;
}

static bool parse_word(const char *s, const char *end, bool negative, float *ret)
{
	if (is_word(s, end, "inf") || is_word(s, end, "infinity"))
		*ret = negative ? -INFINITY : INFINITY;
	else if (is_word(s, end, "nan"))
		*ret = negative ? -NAN : NAN;
	else
		return false;
	return true;
}

/* digits [. digits] [e exponent] */
static bool scan_decimal(const char *p, const char *end, struct decimal *d)
{
	size_t whole = take_digits(&p, end, d), part = 0;
	if (p < end && *p == '.') {
		p++;
		part = take_digits(&p, end, d);
		d->exponent -= part > FLOAT_TEXT_MAX ? FLOAT_TEXT_MAX : (int)part;
	}
	if (whole + part == 0)
		return false;
	if (p < end && (*p | 0x20) == 'e' && !take_exponent(&p, end, d))
		return false;
	return p == end;
}

static bool is_python_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r') || (c >= 0x1c && c <= 0x1f); }

bool float_text_parse(const char *s, size_t n, float *ret)
{
	static const double powers[POWER_MAX + 1] = {
		1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
		1e19, 1e20, 1e21, 1e22,
	};
	struct decimal d = { .exact = true };
	const char *end = s + n;
	while (s < end && is_python_blank(*s))
		s++;
	while (s < end && is_python_blank(end[-1]))
		end--;
	const char *start = s;
	if (s < end && (*s == '-' || *s == '+'))
		d.negative = *s++ == '-';
	if (s == end)
		return false;
	if (!is_digit(*s) && *s != '.')
		return parse_word(s, end, d.negative, ret);
	if (!scan_decimal(s, end, &d))
		return false;
	if (!d.exact || d.digits > UINT64_C(1) << 53 || d.exponent > POWER_MAX || d.exponent < -POWER_MAX)
		return parse_slowly(start, (size_t)(end - start), ret);
	double v = d.exponent < 0 ? (double)d.digits / powers[-d.exponent] : (double)d.digits * powers[d.exponent];
	*ret = (float)(d.negative ? -v : v);
	return true;
}

enum { REPR_DIGITS = 17 };

/* "d.ddde+XX" with the fewest digits that are read back as v. */
static void shortest(double v, char ret[FLOAT_TEXT_REPR_MAX])
{
	for (int digits = 0; digits < REPR_DIGITS; digits++) {
		snprintf(ret, FLOAT_TEXT_REPR_MAX, "%.*e", digits, v);
		if (strtod(ret, NULL) == v)
			return;
	}
}

void float_text_repr(double v, char ret[FLOAT_TEXT_REPR_MAX])
{
	char text[FLOAT_TEXT_REPR_MAX], digits[REPR_DIGITS + 1];
	if (v != v || v - v != 0) { /* Python has no sign for a NaN */
		snprintf(ret, FLOAT_TEXT_REPR_MAX, "%s", v != v ? "nan" : v > 0 ? "inf" : "-inf");
		return;
	}
	shortest(v, text);
	const char *sign = *text == '-' ? "-" : "", *exponent = strchr(text, 'e');
	int e = exponent ? (int)strtol(exponent + 1, NULL, 10) : 0, n = 0;
	for (const char *p = text; p < exponent; p++)
		if (*p >= '0' && *p <= '9' && n < REPR_DIGITS)
			digits[n++] = *p;
	digits[n] = 0;
	if (e < -4 || e >= 16)
		snprintf(ret, FLOAT_TEXT_REPR_MAX, "%s%c%s%se%c%02d", sign, *digits, n > 1 ? "." : "", digits + 1, e < 0 ? '-' : '+',
			 e < 0 ? -e : e);
	else if (e < 0)
		snprintf(ret, FLOAT_TEXT_REPR_MAX, "%s0.%.*s%s", sign, -e - 1, "0000", digits);
	else if (n <= e + 1)
		snprintf(ret, FLOAT_TEXT_REPR_MAX, "%s%s%.*s.0", sign, digits, e + 1 - n, "0000000000000000");
	else
		snprintf(ret, FLOAT_TEXT_REPR_MAX, "%s%.*s.%s", sign, e + 1, digits, digits + e + 1);
}
