/* SPDX-License-Identifier: MIT */
#include "fs/view_name.h"

#include <string.h>

enum { NAME_BYTES_MAX = 255, FORM_BYTES = 3 };

/* The first is what the forms begin with. */
static const struct form { char c; char text[FORM_BYTES + 1]; } forms[] = {
	{ '%', "%25" }, { '*', "%2A" }, { '?', "%3F" }, { '[', "%5B" }, { ']', "%5D" }, { '\\', "%5C" },
};
enum { FORMS = sizeof forms / sizeof *forms };

static const struct form *form_of(char c)
{
	for (size_t i = 0; i < FORMS; i++)
		if (forms[i].c == c)
			return &forms[i];
	return NULL;
}

/* The form that the text at `p` begins with, or NULL. */
static const struct form *form_at(const char *p)
{
	for (size_t i = 0; i < FORMS; i++)
		if (strncmp(p, forms[i].text, FORM_BYTES) == 0)
			return &forms[i];
	return NULL;
}

char *view_name_show(const char *name)
{
	char *to = malloc(strlen(name) * FORM_BYTES + 1), *end = to;
	for (const char *p = name; to && *p; p++) {
		const struct form *form = *p == '%' && !form_at(p) ? NULL : form_of(*p);
		memcpy(end, form ? form->text : p, form ? FORM_BYTES : 1);
		end += form ? FORM_BYTES : 1;
	}
	if (to && end - to > NAME_BYTES_MAX) {
		end = to + strlen(name);
		memcpy(to, name, strlen(name));
	}
	if (to)
		*end = 0;
	return to;
}

char *view_name_read(const char *shown)
{
	char *to = strdup(shown), *end = to;
	if (!to || strpbrk(shown, "*?[]\\"))
		return to;
	for (const char *p = shown; *p; p++) {
		const struct form *form = form_at(p);
		*end++ = form ? form->c : *p;
		p += form ? FORM_BYTES - 1 : 0;
	}
	*end = 0;
	return to;
}
