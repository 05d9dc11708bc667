/* SPDX-License-Identifier: MIT */
/* argv: a mount, or a verb that asks one. */
#include "fs/check.h"
#include "fs/control.h"
#include "fs/log.h"
#include "fs/mount.h"
#include "fs/ops.h"
#include "fs/signin.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EXIT_USAGE = 2 };

/* ---- verbs */

static int ask(const char *mountpoint, const char *request)
{
	CLEANUP_FREE char *text = NULL;
	int r = control_ask(mountpoint, request, &text);
	if (r) {
		fprintf(stderr, "drivefs-models: %s\n", r < 0 ? err_last() : text);
		return EXIT_FAILURE;
	}
	fputs(text, stdout);
	return EXIT_SUCCESS;
}

static int usage(const char *text)
{
	fprintf(stderr, "usage: drivefs-models %s\n", text);
	return EXIT_USAGE;
}

static bool asks_for_help(int argc, char **argv)
{
	return argc == 3 && (!strcmp(argv[2], "--help") || !strcmp(argv[2], "-h"));
}

static int verb_status(int argc, char **argv)
{
	bool json = argc > 2 && !strcmp(argv[2], "--json");
	if (asks_for_help(argc, argv)) {
		puts("usage: drivefs-models status [--json] MOUNTPOINT\n\n"
		     "What is going on in a mount: identity, cache, requests, and what is not in Drive yet:\n"
		     "pending (being sent or tried again) and held (kept in the cache folder, never sent).\n\n"
		     "example: drivefs-models status --json /mnt/models");
		return EXIT_SUCCESS;
	}
	if (argc != (json ? 4 : 3))
		return usage("status [--json] MOUNTPOINT");
	return ask(argv[argc - 1], json ? "status json" : "status");
}

static int verb_path(int argc, char **argv)
{
	char request[512];
	if (asks_for_help(argc, argv)) {
		puts("usage: drivefs-models path MOUNTPOINT ID\n\n"
		     "Print where the Drive file with this id lies in the mount.\n\n"
		     "example: drivefs-models path /mnt/models 1AbCdEfGhIjKlMnOpQrStUvWxYz");
		return EXIT_SUCCESS;
	}
	if (argc != 4)
		return usage("path MOUNTPOINT ID");
	if (strlen(argv[3]) > DRIVE_ID_MAX || strpbrk(argv[3], "\n/"))
		return usage("path MOUNTPOINT ID (an id has letters, digits, '-' and '_')");
	snprintf(request, sizeof request, "path %s", argv[3]);
	return ask(argv[2], request);
}

/* ---- mounting and checking */

struct start {
	const struct config *config;
	int tell;	/* the pipe to the process that waits; -1: foreground */
};

/* The mount answers: from here on the log is where the user wants it, and the shell gets its
 * prompt back. */
static void ready(void *ctx)
{
	const struct start *s = ctx;
	const struct config *c = s->config;
	const char *log = c->log_file ? c->log_file : c->foreground ? NULL : "syslog";
	if (log_open(log, c->debug ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO) != 0)
		log_error("mount", "%s", err_last());
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

static int run(struct config *c, int tell)
{
	struct start s = { c, tell };
	signal(SIGPIPE, SIG_IGN);
	if (log_open(NULL, c->debug ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO) != 0) /* until the mount answers: stderr */
		return EXIT_FAILURE;
	return mount_run(c, ready, &s);
}

/* Wait for the child's word; without it, for its end, which it has explained. */
static int wait_for(pid_t child, int from)
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
		return wait_for(child, tell[0]);
	}
	close(tell[0]);
	setsid();
	return run(c, tell[1]);
}

/* Relative to where the user stands, whatever the daemon does later. */
static int make_absolute(char **path)
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

static int show_check_help(void)
{
	puts("usage: drivefs-models check [--json] [-o OPTION[,...]] FOLDER\n\n"
	     "Say, before FOLDER is trusted with data, who Drive takes us for and what may be done there:\n"
	     "identity, scopes, clock, folder, rights, storage, time of a request. Options are those of a\n"
	     "mount; with -o ro nothing needs to be saved. Changes nothing.\n\n"
	     "exit status: 0 all is well, 1 other failures, 2 wrong usage, 3 credentials, 4 no way to Drive,\n"
	     "5 the folder cannot be reached or read, 6 nothing can be saved in it.\n\n"
	     "example: drivefs-models check -o key_file=key.json 1AbCdEfGhIjKlMnOpQrStUvWxYz");
	return EXIT_SUCCESS;
}

static int verb_check(int argc, char **argv)
{
	struct config c;
	CLEANUP_BUF struct buf b = BUF_INIT(1 << 20);
	int r = config_parse_check(argc, argv, &c);
	if (r) {
		fprintf(stderr, "drivefs-models: %s\nTry: drivefs-models check --help\n", err_last());
		r = EXIT_USAGE;
	} else if (c.help) {
		r = show_check_help();
	} else {
		signal(SIGPIPE, SIG_IGN);
		r = (int)check_run(&c, &b);
		fputs(b.data ? b.data : "drivefs-models: no memory\n", stdout);
	}
	config_done(&c);
	return r;
}

static int mount_command(int argc, char **argv)
{
	struct config c;
	int r = config_parse(argc, argv, &c);
	if (!r)
		r = make_absolute(&c.key_file) || make_absolute(&c.ca_file) || make_absolute(&c.cache_dir) ||
		    make_absolute(&c.log_file);
	if (r) {
		fprintf(stderr, "drivefs-models: %s\nTry: drivefs-models --help\n", err_last());
		r = EXIT_USAGE;
	} else if (c.help) {
		CLEANUP_BUF struct buf b = BUF_INIT(64 << 10);
		config_help(&b);
		fputs(b.data ? b.data : "", stdout);
	} else if (c.version) {
		printf("drivefs-models %s (libfuse %s)\n", DFM_VERSION, fuse_pkgversion());
	} else {
		r = c.foreground ? run(&c, -1) : run_in_background(&c);
	}
	config_done(&c);
	return r;
}

/* Tokens and keys are in our memory: no core file may take them to disk. The limit stops the kernel's
 * own files; the filter empties what it would pipe to a collector, which need not heed the limit. */
static void leave_no_core(void)
{
	struct rlimit none = { 0, 0 };
	setrlimit(RLIMIT_CORE, &none);
	int fd = open("/proc/self/coredump_filter", O_WRONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : write(fd, "0", 1);
	(void)n; /* a kernel without core dumps */
	if (fd >= 0)
		close(fd);
}

int main(int argc, char **argv)
{
	leave_no_core();
	if (argc > 1 && !strcmp(argv[1], "status"))
		return verb_status(argc, argv);
	if (argc > 1 && !strcmp(argv[1], "path"))
		return verb_path(argc, argv);
	if (argc > 1 && !strcmp(argv[1], "check"))
		return verb_check(argc, argv);
	if (argc > 1 && !strcmp(argv[1], "auth"))
		return signin_verb(argc, argv);
	return mount_command(argc, argv);
}
