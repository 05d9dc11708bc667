/* SPDX-License-Identifier: MIT */
#include "fs/items.h"

#include "fs/escape.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { VALUE_MAX = 16 << 10 };

void items_bytes(struct buf *b, uint64_t n)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	double v = (double)n;
	size_t u = 0;
	for (; v >= 1024 && u < 4; u++)
		v /= 1024;
	buf_printf(b, u ? "%.1f %s" : "%.0f %s", v, units[u]);
}

static const char *skip_separators(const char *s) { return s + strspn(s, " \t\n,:"); }

static void add_code(struct buf *b, unsigned c)
{
	if (c >= 0x800)
		buf_byte(b, (unsigned char)(0xe0 | c >> 12));
	if (c >= 0x800)
		buf_byte(b, (unsigned char)(0x80 | (c >> 6 & 0x3f)));
	else if (c >= 0x80)
		buf_byte(b, (unsigned char)(0xc0 | c >> 6));
	buf_byte(b, (unsigned char)(c >= 0x80 ? 0x80 | (c & 0x3f) : c));
}

/* The string that begins at s[0] == '"'; returns what follows it. */
static const char *read_string(const char *s, struct buf *b)
{
	unsigned code;
	for (s++; *s && *s != '"'; s++) {
		if (*s != '\\' || !s[1]) {
			buf_byte(b, (unsigned char)*s);
		} else if (*++s == 'u' && sscanf(s + 1, "%4x", &code) == 1 && strspn(s + 1, "0123456789abcdefABCDEF") >= 4) {
			add_code(b, code);
			s += 4;
		} else {
			const char *plain = strchr("n\nt\tr\rb\bf\f", *s);
			buf_byte(b, (unsigned char)(plain ? plain[1] : *s));
		}
	}
	return s + (*s == '"');
}

/* One key or value; what is nested is left out. Returns what follows. */
static const char *read_value(const char *s, struct buf *b, bool *ret_text)
{
	buf_reset(b);
	*ret_text = *s == '"';
	if (*s == '"')
		return read_string(s, b);
	if (*s == '{' || *s == '[') {
		size_t depth = 0;
		do {
			depth += *s == '{' || *s == '[';
			depth -= *s == '}' || *s == ']';
		} while (*s++ && depth && *s);
		return s;
	}
	size_t n = strcspn(s, ",}] \n");
	buf_add(b, s, n);
	return s + n;
}

struct field { struct buf key, value; bool text; };

/* The next field of the object that `s` is in; NULL behind the last. */
static const char *next_field(const char *s, struct field *f)
{
	bool text;
	s = skip_separators(s);
	if (*s != '"')
		return NULL;
	s = skip_separators(read_value(s, &f->key, &text));
	s = read_value(s, &f->value, &f->text);
	return f->key.failed || f->value.failed ? NULL : s;
}

static bool is_key(const struct field *f, const char *name) { return f->key.data && !strcmp(f->key.data, name); }

/* The value of `name` in the object at s; the caller frees; NULL: none. */
static char *value_of_key(const char *s, const char *name, struct field *f)
{
	while ((s = next_field(s, f)))
		if (is_key(f, name) && f->value.len)
			return strdup(f->value.data);
	return NULL;
}

static void show_time(struct buf *b, time_t t)
{
	char text[64];
	struct tm tm;
	if (localtime_r(&t, &tm) && strftime(text, sizeof text, ", of %Y-%m-%d %H:%M:%S", &tm))
		buf_str(b, text);
}

/* Nothing, no, none and 0 are not worth a word. */
static bool says_nothing(const struct field *f)
{
	const char *v = f->value.len ? f->value.data : "";
	return !*v || (!f->text && (!strcmp(v, "0") || !strcmp(v, "false") || !strcmp(v, "null")));
}

static void show_field(struct buf *b, const struct field *f)
{
	if (says_nothing(f))
		return;
	if (is_key(f, "bytes")) {
		buf_str(b, ", ");
		items_bytes(b, strtoull(f->value.data, NULL, 10));
		return;
	}
	if (is_key(f, "time") && !f->text) {
		show_time(b, (time_t)strtoll(f->value.data, NULL, 10));
		return;
	}
	buf_str(b, ", ");
	escape_add(b, f->key.data);
	if (!f->text && !strcmp(f->value.data, "true"))
		return;
	buf_str(b, " ");
	escape_add(b, f->value.data);
}

/* The object at s[0] == '{'; returns what follows it. */
static const char *show_object(struct buf *b, const char *s, struct field *f)
{
	const char *inside = s + 1, *at = inside;
	bool path = true;
	CLEANUP_FREE char *title = value_of_key(inside, "path", f);
	if (!title) {
		path = false;
		title = value_of_key(inside, "draft", f);
	}
	buf_str(b, "  \"");
	escape_add(b, title ? title : "?");
	buf_byte(b, '"');
	while ((s = next_field(at, f))) {
		at = s;
		if (!is_key(f, path ? "path" : "draft"))
			show_field(b, f);
	}
	buf_byte(b, '\n');
	return at + strspn(at, " \n}");
}

void items_show(struct buf *b, const char *json)
{
	struct field f = { BUF_INIT(VALUE_MAX), BUF_INIT(VALUE_MAX), false };
	for (json = skip_separators(json + strspn(json, "[ ")); *json == '{'; json = skip_separators(json))
		json = show_object(b, json, &f);
	buf_done(&f.key);
	buf_done(&f.value);
}
