/* SPDX-License-Identifier: MIT */
#include "fs/mountpoint.h"

#include "fs/control.h"
#include "fs/log.h"
#include "fs/mountinfo.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ANSWER_PATIENCE_MS = 3000, DEAD_MAX = 16 };

/* stat() of a mount that hangs does not come back: a process of its own, which can be killed, asks, for what the
 * kernel does not know by itself. The errno, 0, or ETIMEDOUT. */
static int ask_root(const char *path)
{
	int tell[2], status = 0;
	unsigned char e = ETIMEDOUT;
	struct statx st;
	if (pipe2(tell, 0) != 0)
		return errno;
	pid_t child = fork();
	if (child == 0) {
		e = statx(AT_FDCWD, path, AT_STATX_FORCE_SYNC, STATX_MODE, &st) == 0 ? 0 : (unsigned char)errno;
		_exit(write(tell[1], &e, 1) == 1 ? 0 : 1);
	}
	close(tell[1]);
	struct pollfd p = { .fd = tell[0], .events = POLLIN };
	if (child > 0 && poll(&p, 1, ANSWER_PATIENCE_MS) == 1 && read(tell[0], &e, 1) != 1)
		e = EIO;
	close(tell[0]);
	if (child > 0 && e == ETIMEDOUT)
		kill(child, SIGKILL);
	if (child > 0)
		waitpid(child, &status, e == ETIMEDOUT ? WNOHANG : 0);
	return child < 0 ? EAGAIN : e;
}

static int detach(const char *point)
{
	char program[] = "fusermount3", how[] = "-uz", quietly[] = "-q", end[] = "--";
	char *const argv[] = { program, how, quietly, end, (char *)point, NULL };
	pid_t pid;
	int status;
	if (umount2(point, MNT_DETACH | UMOUNT_NOFOLLOW) == 0)
		return 0;
	int e = errno;
	if (e == EPERM && posix_spawnp(&pid, program, NULL, NULL, argv, environ) == 0 && waitpid(pid, &status, 0) == pid &&
	    WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	return err_set(-e, "MOUNTPOINT \"%s\": a mount that died is there and cannot be removed (%s): try fusermount3 -uz, "
		       "as who mounted it", point, strerror(e));
}

/* What of ours is on top of `point`: 0 and nothing is left to say, 1 one that was dead is gone, -errno. */
static int clear_one(const char *point)
{
	CLEANUP_MOUNTINFO struct mountinfo m = { 0 };
	int r = mountinfo_find(point, &m);
	if (r || !m.ours || strcmp(m.point, point) != 0)
		return r == -ENOENT ? 0 : r;
	pid_t pid = control_pid(&m);
	if (pid)
		return err_set(-EBUSY, "MOUNTPOINT \"%s\": a drivefs-models is mounted there already (process %d): unmount it "
			       "first, by fusermount3 -u", point, (int)pid);
	int e = ask_root(point);
	if (e != ENOTCONN && e != ECONNABORTED)
		return err_set(-EBUSY, "MOUNTPOINT \"%s\": a drivefs-models is mounted there already%s: unmount it first, by "
			       "fusermount3 -u%s", point, e ? " and does not answer" : "", e ? "z" : "");
	r = detach(point);
	if (!r)
		log_warning("mount", "a mount that had died was on %s: removed", point);
	return r ? r : 1;
}

int mountpoint_clear(const char *path, char **ret)
{
	char real[PATH_MAX];
	struct stat st;
	*ret = NULL;
	int r = realpath(path, real) ? 1 : 0;
	for (int i = 0; r > 0 && i < DEAD_MAX; i++)
		r = clear_one(real);
	if (r < 0)
		return r;
	if (stat(path, &st) != 0) {
		int e = errno;
		return err_set(-e, "MOUNTPOINT \"%s\": %s%s", path, strerror(e), e == ENOENT ? ": make the folder first" :
			       e == ENOTCONN ? ": a mount that died is there, remove it by fusermount3 -u" : "");
	}
	if (!S_ISDIR(st.st_mode))
		return err_set(-ENOTDIR, "MOUNTPOINT \"%s\" is not a folder: name an empty folder", path);
	*ret = realpath(path, real) ? strdup(real) : NULL;
	return *ret ? 0 : err_set(-errno, "MOUNTPOINT \"%s\": %s", path, strerror(errno));
}
