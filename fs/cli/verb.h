/* SPDX-License-Identifier: MIT */
/* What the command line can do: one file a verb, each with one row of the table in main.c. A verb
 * knows nothing of the others; `help`, which lists them, is handed the table. One thread. */
#ifndef DFM_FS_CLI_VERB_H
#define DFM_FS_CLI_VERB_H
#include "format/base.h"

enum { VERB_USAGE = 2 };	/* exit status of a wrong command line */

struct verb {
	const char *name;
	const char *usage;	/* behind "drivefs-models ", without the verb's name */
	const char *about;	/* its line in --help */
	const char *help;	/* what `VERB --help` prints below the usage */
	/* argv[1] is the verb's name, but for `mount`, which may be left out. The exit status. */
	int (*run)(const struct verb *const *all, int argc, char **argv);
};

extern const struct verb cli_mount, cli_check, cli_status, cli_path, cli_auth, cli_help;

/* Is "--help" or "-h" all that follows the verb? */
bool verb_wants_help(int argc, char **argv);
/* The usage and the help of `v` on standard output; EXIT_SUCCESS. */
int verb_show_help(const struct verb *v);
/* The usage of `v` on standard error, with a remark if it is not NULL; VERB_USAGE. */
int verb_misused(const struct verb *v, const char *remark);
/* Why it failed on standard error, in words fit for a terminal; EXIT_FAILURE. */
int verb_failed(const char *why);
#endif
