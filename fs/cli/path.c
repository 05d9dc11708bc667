/* SPDX-License-Identifier: MIT */
/* The verb `path`: where a Drive file lies in a mount. */
#include "drive/drive.h"
#include "fs/cli/verb.h"
#include "fs/control.h"

#include <stdio.h>
#include <string.h>

static int run_path(const struct verb *const *all, int argc, char **argv)
{
	char request[512];
	CLEANUP_FREE char *text = NULL;
	(void)all;
	if (verb_wants_help(argc, argv))
		return verb_show_help(&cli_path);
	if (argc != 4)
		return verb_misused(&cli_path, NULL);
	if (strlen(argv[3]) > DRIVE_ID_MAX || strpbrk(argv[3], "\n/"))
		return verb_misused(&cli_path, "an id has letters, digits, '-' and '_'");
	snprintf(request, sizeof request, "path %s", argv[3]);
	int r = control_ask(argv[2], request, &text);
	if (r) {
		fprintf(stderr, "drivefs-models: %s\n", r < 0 ? err_last() : text);
		return EXIT_FAILURE;
	}
	fputs(text, stdout);
	return EXIT_SUCCESS;
}

const struct verb cli_path = {
	.name = "path",
	.usage = "MOUNTPOINT ID",
	.about = "where a Drive file id lies in it",
	.help = "Print where the Drive file with this id lies in the mount.\n\n"
		"example: drivefs-models path /mnt/models 1AbCdEfGhIjKlMnOpQrStUvWxYz",
	.run = run_path,
};
