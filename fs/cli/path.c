/* SPDX-License-Identifier: MIT */
/* The verb `path`: where a Drive file lies in a mount. */
#include "drive/drive.h"
#include "fs/cli/verb.h"
#include "fs/control.h"
#include "fs/escape.h"

#include <stdio.h>
#include <string.h>

/* The path and a newline: names in it may hold anything, so it is escaped, unless it ends in a NUL. */
static int show_path(char *path, bool raw)
{
	CLEANUP_BUF struct buf b = BUF_INIT(1 << 20);
	size_t n = strlen(path);
	if (n && path[n - 1] == '\n')
		path[n - 1] = 0;
	if (raw)
		buf_str(&b, path);
	else
		escape_add(&b, path);
	buf_byte(&b, raw ? 0 : '\n');
	if (buf_check(&b, "a path") != 0)
		return verb_failed(err_last());
	return fwrite(b.data, 1, b.len, stdout) == b.len ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int run_path(const struct verb *const *all, int argc, char **argv)
{
	char request[512];
	CLEANUP_FREE char *text = NULL;
	(void)all;
	if (verb_wants_help(argc, argv))
		return verb_show_help(&cli_path);
	bool raw = argc > 2 && (!strcmp(argv[2], "-0") || !strcmp(argv[2], "--null"));
	if (argc != 4 + raw)
		return verb_misused(&cli_path, NULL);
	const char *id = argv[3 + raw];
	if (strlen(id) > DRIVE_ID_MAX || strpbrk(id, "\n/"))
		return verb_misused(&cli_path, "an id has letters, digits, '-' and '_'");
	snprintf(request, sizeof request, "path %s", id);
	int r = control_ask(argv[2 + raw], request, &text);
	return r ? verb_failed(r < 0 ? err_last() : text) : show_path(text, raw);
}

const struct verb cli_path = {
	.name = "path",
	.usage = "[-0] MOUNTPOINT ID",
	.about = "where a Drive file id lies in it",
	.help = "Print where the Drive file with this id lies in the mount. What a terminal\n"
		"would obey is escaped in it; with -0 (--null) it is as it is, and ends in a NUL, for scripts.\n\n"
		"example: drivefs-models path /mnt/models 1AbCdEfGhIjKlMnOpQrStUvWxYz",
	.run = run_path,
};
