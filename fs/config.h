/* SPDX-License-Identifier: MIT */
/* The command line of a mount, and of a check. One table (config.c) drives parsing, --help and the test that the
 * man page names every option. */
#ifndef DFM_FS_CONFIG_H
#define DFM_FS_CONFIG_H
#include "format/buf.h"

struct config {
	char *folder;		/* the id that FOLDER means, or "root" */
	char *folder_key;	/* the resource key in FOLDER's URL; NULL: none */
	char *mountpoint;	/* as given */
	char *google_docs;	/* "hide" or "link" */
	char *shortcuts;	/* "link", "follow" or "write" */
	char *key_file, *token_command, *subject, *scope; /* credentials */
	char *api_root, *ca_file, *cache_dir, *log_file;
	uint64_t cache_size;	/* bytes */
	uint64_t poll;		/* s between looks at the change feed */
	uint64_t connections;	/* bulk transfers at once */
	uint64_t deadline;	/* s for a metadata call, and without a byte of a download */
	uint64_t upload_deadline; /* s without an acknowledged byte of an upload */
	uint64_t quota_units;	/* of Drive's quota, a minute; 0: no limit */
	uint64_t wait_scale;	/* percent of the waits before a retry: for tests */
	uint64_t drain;		/* s that a signal gives what is being saved */
	uint64_t uid, gid, umask; /* what stat() says of every file: owner, and rights that nobody has */
	bool foreground, debug, help, version, json;
	bool read_only;		/* -o ro */
	bool acknowledge_abuse;	/* download what Drive takes for malware */
	bool strict;		/* refuse owners and modes that cannot be kept */
	char *fuse_options;	/* what is not ours, for libfuse: "a,b=c"; NULL: none */
};

/* Fill *ret from argv. -EINVAL with the reason; config_done() in either case. */
MUST_CHECK int config_parse(int argc, char **argv, struct config *ret);
/* The same for `check [--json] [-o OPTION[,...]] FOLDER`: argv[1] is "check", there is no MOUNTPOINT. */
MUST_CHECK int config_parse_check(int argc, char **argv, struct config *ret);
/* For other verbs: every option's default, then what a -o list or one option by its name says. */
MUST_CHECK int config_begin(struct config *ret);
MUST_CHECK int config_list(struct config *c, const char *list);
MUST_CHECK int config_set(struct config *c, const char *name, const char *value);
void config_done(struct config *c);
/* The text of --help. */
void config_help(struct buf *ret);
/* Name of the i-th -o option ("key_file") that --help shows, NULL behind the last: for tests. */
const char *config_option(size_t i);
/* Is it a mistyped verb rather than an id of Drive: short, and without a digit? "root" is neither. */
bool config_is_word(const char *text);
/* The resource key in a URL (…?resourcekey=KEY), or NULL; the caller frees. -ENOMEM. */
MUST_CHECK int config_folder_key(const char *text, char **ret);
/* The folder id in an id, "root" or a Drive URL (…/folders/ID…, …open?id=ID); the caller frees.
 * -EINVAL: none of these. */
MUST_CHECK int config_folder(const char *text, char **ret);
#endif
