/* SPDX-License-Identifier: MIT */
#include "fs/writers.h"
#include "tests/unit/test.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* A file of ours, and the mount it lies on as /proc sees it. */
static int make_file(char path[PATH_MAX], int flags, uint64_t *ret_ino, int *ret_mount)
{
	struct stat st;
	char info[64], text[512] = "";
	snprintf(path, PATH_MAX, "%s/f", test_dir);
	int fd = open(path, flags | O_CREAT | O_CLOEXEC, 0600);
	CHECK(fd >= 0 && fstat(fd, &st) == 0);
	snprintf(info, sizeof info, "/proc/self/fdinfo/%d", fd);
	FILE *f = fopen(info, "r");
	CHECK(f && fread(text, 1, sizeof text - 1, f) > 0);
	fclose(f);
	*ret_ino = st.st_ino;
	*ret_mount = (int)strtol(strstr(text, "mnt_id:") + 7, NULL, 10);
	return fd;
}

TEST(fs_writers__hold_while_a_writable_descriptor_is_open)
{
	char path[PATH_MAX];
	uint64_t ino;
	int mount, fd = make_file(path, O_WRONLY, &ino, &mount);
	struct writers w = { 0 };
	writers_learn(&w, gettid());
	CHECK(writers_hold(&w, &(struct writers_mount){ mount, 0 }, ino));
	CHECK(!writers_hold(&w, &(struct writers_mount){ mount + 100000, 0 }, ino));
	CHECK(!writers_hold(&w, &(struct writers_mount){ mount, 0 }, ino + 1));
	CHECK(!writers_hold(&w, &(struct writers_mount){ -1, 0 }, ino));
	int second = dup(fd);
	CHECK_INT(writers_hold(&w, &(struct writers_mount){ mount, 0 }, ino), 2);
	close(fd);
	CHECK_INT(writers_hold(&w, &(struct writers_mount){ mount, 0 }, ino), 1);
	CHECK(writers_hold(&w, &(struct writers_mount){ mount, 0 }, ino));
	close(second);
	int reader = open(path, O_RDONLY | O_CLOEXEC);
	CHECK(!writers_hold(&w, &(struct writers_mount){ mount, 0 }, ino));
	close(reader);
}

TEST(fs_writers__another_process_counts_only_if_it_was_learnt)
{
	char path[PATH_MAX], byte;
	uint64_t ino;
	int mount, up[2], down[2], fd = make_file(path, O_RDWR, &ino, &mount);
	CHECK(pipe(up) == 0 && pipe(down) == 0);
	pid_t child = fork();
	if (child == 0) {
		close(down[1]);
		_exit(write(up[1], "", 1) != 1 || read(down[0], &byte, 1) != 0);
	}
	CHECK_INT(read(up[0], &byte, 1), 1);
	close(fd);
	struct writers w = { 0 };
	writers_learn(&w, gettid());
	CHECK(!writers_hold(&w, &(struct writers_mount){ mount, 0 }, ino));
	writers_learn(&w, child);
	CHECK(writers_hold(&w, &(struct writers_mount){ mount, 0 }, ino));
	CHECK(!writers_killed(child));
	close(down[0]);
	close(down[1]);
	CHECK_INT(waitpid(child, NULL, 0), child);
	CHECK(!writers_hold(&w, &(struct writers_mount){ mount, 0 }, ino));
}

TEST(fs_writers__a_killed_process_is_seen)
{
	pid_t child = fork();
	if (child == 0) {
		pause();
		_exit(0);
	}
	kill(child, SIGKILL);
	siginfo_t info;
	CHECK_INT(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0); /* a zombie still has its flags */
	CHECK(writers_killed(child));
	CHECK_INT(waitpid(child, NULL, 0), child);
	CHECK(!writers_killed(child) && !writers_killed(0));
}

TEST(fs_writers__mount_id_is_that_of_the_mountpoint)
{
	CHECK(writers_mount_id("/proc") > 0);
	CHECK_INT(writers_mount_id("/no such mountpoint"), -1);
}
