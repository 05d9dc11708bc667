/* SPDX-License-Identifier: MIT */
/* The verb `mount`, which may be left out: parse, go into the background, serve. */
#include "fs/cli/verb.h"
#include "fs/config.h"
#include "fs/log.h"
#include "fs/mount.h"
#include "fs/ops.h"
#include "fs/spell.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct start {
	int tell;	/* the pipe to the process that waits; -1: foreground */
};

/* The mount answers: from here on the log is only where the user wants it, and the shell gets its
 * prompt back. */
static void mount_ready(void *ctx)
{
	const struct start *s = ctx;
	log_echo(false);
	if (s->tell < 0)
		return;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int fd = 0; null >= 0 && fd < 3; fd++)
		dup2(null, fd);
	if (chdir("/") != 0)
		log_warning("mount", "cannot leave the working folder");
	if (write(s->tell, "", 1) != 1)
		log_warning("mount", "who started the mount has gone");
	close(s->tell);
}

static int serve_mount(struct config *c, int tell)
{
	struct start s = { tell };
	const char *log = c->log_file ? c->log_file : c->foreground ? NULL : "syslog";
	signal(SIGPIPE, SIG_IGN);
	if (log_open(log, c->debug ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO) != 0) {
		verb_failed(err_last());
		return VERB_USAGE;
	}
	log_echo(true);
	return mount_run(c, mount_ready, &s);
}

/* Wait for the child's word; without it, for its end, which it has explained. */
static int wait_for_child(pid_t child, int from)
{
	char byte;
	int status;
	if (read(from, &byte, 1) == 1)
		return EXIT_SUCCESS;
	if (waitpid(child, &status, 0) != child || !WIFEXITED(status)) {
		fprintf(stderr, "drivefs-models: the mount died while it started\n");
		return EXIT_FAILURE;
	}
	return WEXITSTATUS(status) ? WEXITSTATUS(status) : EXIT_FAILURE;
}

static int run_in_background(struct config *c)
{
	int tell[2];
	if (pipe2(tell, O_CLOEXEC) != 0) {
		perror("drivefs-models: pipe");
		return EXIT_FAILURE;
	}
	pid_t child = fork();
	if (child < 0) {
		perror("drivefs-models: fork");
		return EXIT_FAILURE;
	}
	if (child) {
		close(tell[1]);
		return wait_for_child(child, tell[0]);
	}
	close(tell[0]);
	setsid();
	return serve_mount(c, tell[1]);
}

/* Relative to where the user stands, whatever the daemon does later. */
static int make_path_absolute(char **path)
{
	char here[PATH_MAX], *full;
	if (!*path || **path == '/')
		return 0;
	if (!getcwd(here, sizeof here) || asprintf(&full, "%s/%s", here, *path) < 0)
		return err_set(-ENOENT, "\"%s\": the working folder is gone", *path);
	free(*path);
	*path = full;
	return 0;
}

/* `word` stands where a verb or a folder id does, and is neither. */
static int unknown_verb(const struct verb *const *all, const char *word)
{
	static const char *const advice[][2] = {
		{ "umount", "unmount by `fusermount3 -u MOUNTPOINT`" },
		{ "unmount", "unmount by `fusermount3 -u MOUNTPOINT`" },
		{ "sync", "close() and fsync() wait for Drive; `sync FILE` asks for one file" },
		{ "login", "did you mean `auth login`?" },
		{ "logout", "did you mean `auth logout`?" },
		{ "version", "did you mean `--version`?" },
	};
	struct spell s = SPELL_INIT(word);
	for (; *all; all++)
		spell_try(&s, (*all)->name);
	spell_try(&s, "root");
	const char *say = NULL;
	for (size_t i = 0; i < sizeof advice / sizeof *advice && !say; i++)
		say = strcasecmp(word, advice[i][0]) ? NULL : advice[i][1];
	if (say)
		fprintf(stderr, "drivefs-models: unknown verb \"%s\": %s\n", word, say);
	else
		fprintf(stderr, "drivefs-models: \"%s\" is neither a verb nor a folder id%s%s%s\n", word,
			s.best ? "; did you mean `" : "", s.best ? s.best : "", s.best ? "`?" : "");
	fputs("Try: drivefs-models --help\n", stderr);
	return VERB_USAGE;
}

static int run_mount(const struct verb *const *all, int argc, char **argv)
{
	struct config c;
	bool named = argc > 1 && !strcmp(argv[1], cli_mount.name);
	if (!named && argc > 1 && config_is_word(argv[1]))
		return unknown_verb(all, argv[1]);
	int r = config_parse(argc - named, argv + named, &c);
	if (!r)
		r = make_path_absolute(&c.key_file) || make_path_absolute(&c.ca_file) ||
		    make_path_absolute(&c.cache_dir) || make_path_absolute(&c.log_file);
	if (r) {
		verb_failed(err_last());
		fputs("Try: drivefs-models --help\n", stderr);
		r = VERB_USAGE;
	} else if (c.help) {
		r = cli_help.run(all, 1, argv);
	} else if (c.version) {
		printf("drivefs-models %s (libfuse %s)\n", DFM_VERSION, fuse_pkgversion());
	} else {
		r = c.foreground ? serve_mount(&c, -1) : run_in_background(&c);
	}
	config_done(&c);
	return r;
}

const struct verb cli_mount = {
	.name = "mount",
	.usage = "[OPTIONS] FOLDER MOUNTPOINT",
	.about = "mount FOLDER (the word mount may be left out)",
	.help = "Mount a Google Drive folder. `drivefs-models --help` lists the options.\n\n"
		"example: drivefs-models mount -o key_file=key.json 1AbCdEfGhIjKlMnOpQrStUvWxYz /mnt/models",
	.run = run_mount,
};
