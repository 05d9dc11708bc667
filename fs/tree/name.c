/* SPDX-License-Identifier: MIT */
#include "fs/tree/name.h"

#include "format/buf.h"

#include <string.h>

enum { DRIVE_NAME_BYTES_MAX = 64 << 10 };

/* Behind the '%' at s and the "25"s that follow it. An escape is '%', any number of "25" and its
 * code: none of them is the escaped character, each more is one '%' that Drive's own name had.
 * That makes the mapping one-to-one, and leaves every '%' that cannot be misread as it is. */
static const char *code_at(const char *s)
{
	for (s++; strncmp(s, "25", 2) == 0;)
		s += 2;
	return s;
}

static bool is_escape(const char *s)
{
	const char *code = code_at(s);
	return strncmp(code, "2F", 2) == 0 || strncmp(code, "00", 2) == 0;
}

/* Escapes that are the whole name: "", "." and "..". */
static bool is_whole_escape(const char *s)
{
	const char *code = *s == '%' ? code_at(s) : "x";
	return !*code || strcmp(code, "2E") == 0 || strcmp(code, "2E%2E") == 0;
}

/* The bytes of s, at most n, that end at a whole UTF-8 character. */
static size_t cut(const char *s, size_t n)
{
	if (strlen(s) <= n)
		return strlen(s);
	while (n && ((unsigned char)s[n] & 0xc0) == 0x80)
		n--;
	return n;
}

char *name_tell_apart(const char *base, const char *id, size_t n)
{
	size_t id_len = strlen(id) < n ? strlen(id) : n;
	CLEANUP_BUF struct buf b = BUF_INIT(NAME_BYTES_MAX);
	if (id_len > NAME_BYTES_MAX / 2)
		id_len = NAME_BYTES_MAX / 2;
	buf_add(&b, base, cut(base, NAME_BYTES_MAX - 1 - id_len));
	buf_byte(&b, '~');
	buf_add(&b, id, id_len);
	return buf_take(&b);
}

static void show_char(struct buf *b, const char *s, size_t *used)
{
	*used = 1;
	if (*s == '/') {
		buf_str(b, "%2F");
	} else if (strncmp(s, "\xef\xb7\x90", 3) == 0) { /* U+FDD0 */
		buf_str(b, "%00");
		*used = 3;
	} else if (*s == '%' && is_escape(s)) {
		buf_str(b, "%25");
	} else {
		buf_byte(b, (unsigned char)*s);
	}
}

char *name_show(const char *name, const char *id)
{
	CLEANUP_BUF struct buf b = BUF_INIT(3 * DRIVE_NAME_BYTES_MAX);
	if (!*name)
		return strdup("%");
	if (strcmp(name, ".") == 0)
		return strdup("%2E");
	if (strcmp(name, "..") == 0)
		return strdup("%2E%2E");
	if (is_whole_escape(name)) {
		buf_str(&b, "%25");
		name++;
	}
	for (size_t used; *name && b.len <= 4 * NAME_BYTES_MAX; name += used)
		show_char(&b, name, &used);
	char *shown = buf_take(&b);
	if (!shown || strlen(shown) <= NAME_BYTES_MAX)
		return shown;
	char *shorter = name_tell_apart(shown, id, strlen(id));
	free(shown);
	return shorter;
}

int name_drive(const char *shown, char **ret)
{
	CLEANUP_BUF struct buf b = BUF_INIT(DRIVE_NAME_BYTES_MAX);
	if (strlen(shown) > NAME_BYTES_MAX)
		return err_set(-ENAMETOOLONG, "the name has %zu bytes, the limit is %d", strlen(shown), NAME_BYTES_MAX);
	if (is_whole_escape(shown)) {
		if (strncmp(shown, "%25", 3) == 0)
			buf_printf(&b, "%%%s", shown + 3);
		else
			buf_str(&b, strcmp(shown, "%2E%2E") == 0 ? ".." : strcmp(shown, "%2E") == 0 ? "." : "");
		shown = "";
	}
	while (*shown) {
		size_t n = *shown == '%' && is_escape(shown) ? 3 : buf_utf8(shown);
		if (!n)
			return err_set(-EILSEQ, "the name is not UTF-8, which Drive needs: rename it");
		if (*shown != '%' || n == 1)
			buf_add(&b, shown, n);
		else if (shown[1] == '2')
			buf_byte(&b, shown[2] == 'F' ? '/' : '%');
		else
			buf_str(&b, "\xef\xb7\x90");
		shown += n;
	}
	int r = buf_check(&b, "a file name");
	if (r)
		return r;
	*ret = buf_take(&b);
	return *ret ? 0 : err_set(-ENOMEM, "a file name");
}
