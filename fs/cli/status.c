/* SPDX-License-Identifier: MIT */
/* The verb `status`: what is going on in a mount. */
#include "fs/cli/verb.h"
#include "fs/control.h"

#include <stdio.h>
#include <string.h>

static int run_status(const struct verb *const *all, int argc, char **argv)
{
	(void)all;
	bool json = argc > 2 && !strcmp(argv[2], "--json");
	CLEANUP_FREE char *text = NULL;
	if (verb_wants_help(argc, argv))
		return verb_show_help(&cli_status);
	if (argc != (json ? 4 : 3))
		return verb_misused(&cli_status, NULL);
	int r = control_ask(argv[argc - 1], json ? "status json" : "status", &text);
	if (r)
		return verb_failed(r < 0 ? err_last() : text);
	fputs(text, stdout);
	return EXIT_SUCCESS;
}

const struct verb cli_status = {
	.name = "status",
	.usage = "[--json] PATH",
	.about = "what is going on in a mount",
	.help = "What is going on in the mount that PATH lies in: identity, cache, requests, and what is not in\n"
		"Drive yet: pending (being sent or tried again) and held (kept in the cache folder, never sent).\n"
		"Other users of the mount than who mounted it see figures only.\n\n"
		"example: drivefs-models status --json /mnt/models",
	.run = run_status,
};
