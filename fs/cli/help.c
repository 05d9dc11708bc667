/* SPDX-License-Identifier: MIT */
/* The verb `help`, and --help: every verb, and the options of a mount. */
#include "fs/cli/verb.h"
#include "fs/config.h"

#include <stdio.h>
#include <string.h>

static void list_verbs(struct buf *b, const struct verb *const *all)
{
	for (; *all; all++) {
		char line[160];
		snprintf(line, sizeof line, "%s %s", (*all)->name, (*all)->usage);
		buf_printf(b, "  %-42s  %s\n", line, (*all)->about);
	}
	buf_printf(b, "  %-42s  %s\n", "fusermount3 -u MOUNTPOINT", "unmount (another program)");
}

static int show_all_help(const struct verb *const *all)
{
	CLEANUP_BUF struct buf b = BUF_INIT(64 << 10);
	buf_str(&b,
		"drivefs-models: a Google Drive folder of gensim models as a filesystem\n"
		"\n"
		"usage: drivefs-models [OPTIONS] FOLDER MOUNTPOINT     the same as the verb mount\n"
		"       drivefs-models VERB ...                        `drivefs-models VERB --help` says more\n"
		"\n");
	list_verbs(&b, all);
	buf_byte(&b, '\n');
	config_help(&b);
	fputs(b.failed ? "drivefs-models: no memory\n" : b.data, b.failed ? stderr : stdout);
	return b.failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int run_help(const struct verb *const *all, int argc, char **argv)
{
	if (argc < 3)
		return show_all_help(all);
	for (; argc == 3 && *all; all++)
		if (!strcmp((*all)->name, argv[2]))
			return verb_show_help(*all);
	return verb_misused(&cli_help, NULL);
}

const struct verb cli_help = {
	.name = "help",
	.usage = "[VERB]",
	.about = "this text, or that of a verb",
	.help = "Print what there is to say of a verb, or of all.\n\nexample: drivefs-models help check",
	.run = run_help,
};
