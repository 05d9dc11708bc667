/* SPDX-License-Identifier: MIT */
/* argv: a verb of the table, or a mount. */
#include "fs/cli/verb.h"

#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static const struct verb *const verbs[] = { &cli_mount, &cli_check, &cli_status, &cli_path, &cli_auth, &cli_help, NULL };

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
	for (const struct verb *const *v = verbs; argc > 1 && *v; v++)
		if (!strcmp(argv[1], (*v)->name))
			return (*v)->run(verbs, argc, argv);
	return cli_mount.run(verbs, argc, argv);
}
