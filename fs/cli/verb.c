/* SPDX-License-Identifier: MIT */
#include "fs/cli/verb.h"

#include "fs/escape.h"

#include <stdio.h>
#include <string.h>

bool verb_wants_help(int argc, char **argv)
{
	return argc == 3 && (!strcmp(argv[2], "--help") || !strcmp(argv[2], "-h"));
}

int verb_show_help(const struct verb *v)
{
	printf("usage: drivefs-models %s %s\n\n%s\n", v->name, v->usage, v->help);
	return EXIT_SUCCESS;
}

int verb_misused(const struct verb *v, const char *remark)
{
	fprintf(stderr, "usage: drivefs-models %s %s%s%s%s\nTry: drivefs-models %s --help\n", v->name, v->usage,
		remark ? " (" : "", remark ? remark : "", remark ? ")" : "", v->name);
	return VERB_USAGE;
}

int verb_failed(const char *why)
{
	char text[4096];
	escape_text(text, sizeof text, why);
	fprintf(stderr, "drivefs-models: %s\n", text);
	return EXIT_FAILURE;
}
