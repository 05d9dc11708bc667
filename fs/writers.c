/* SPDX-License-Identifier: MIT */
#include "fs/writers.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* proc(5): /proc/PID/stat field 9 holds task flags; include/linux/sched.h names them. */
enum { TASK_KILLED_BY_SIGNAL = 0x400 };

/* The whole of a small /proc file, NUL-terminated; false: not to be had. */
static bool slurp(const char *path, char *buf, size_t max)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	size_t n = 0;
	for (ssize_t r; n < max - 1 && (r = read(fd, buf + n, max - 1 - n)) > 0;)
		n += (size_t)r;
	close(fd);
	buf[n] = 0;
	return n > 0;
}

/* The number behind `name` at the start of a line of `text`; -1: none. */
static long long field(const char *text, const char *name, int base)
{
	for (const char *at = text; at; at = strchr(at, '\n')) {
		at += *at == '\n';
		if (strncmp(at, name, strlen(name)) == 0)
			return strtoll(at + strlen(name), NULL, base);
	}
	return -1;
}

/* Fields of /proc/PID/stat behind the command, which may hold anything: the last ')' ends it. */
static bool task_stat(pid_t pid, unsigned long *ret_flags, uint64_t *ret_started)
{
	char path[64], text[1024];
	snprintf(path, sizeof path, "/proc/%d/stat", pid);
	char *at = slurp(path, text, sizeof text) ? strrchr(text, ')') : NULL;
	return at && sscanf(at + 1, " %*c %*d %*d %*d %*d %*d %lu %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %" SCNu64,
			    ret_flags, ret_started) == 2;
}

pid_t writers_process(pid_t tid)
{
	char path[64], text[4096];
	snprintf(path, sizeof path, "/proc/%d/status", tid);
	long long tgid = slurp(path, text, sizeof text) ? field(text, "Tgid:", 10) : -1;
	return tgid > 0 ? (pid_t)tgid : tid;
}

void writers_learn(struct writers *w, pid_t tid)
{
	if (!tid || tid == w->last_thread)
		return;
	unsigned long flags;
	struct writer one = { writers_process(tid), 0 };
	w->last_thread = tid;
	if (!task_stat(one.pid, &flags, &one.started))
		return;
	for (size_t i = 0; i < w->count; i++)
		if (w->all[i].pid == one.pid && w->all[i].started == one.started)
			return;
	if (w->count == WRITERS_MAX) /* the oldest is the one that is least likely to write on */
		memmove(w->all, w->all + 1, (--w->count) * sizeof *w->all);
	w->all[w->count++] = one;
}

static bool is_ours(const char *fdinfo, int mount_id, uint64_t ino)
{
	long long flags = field(fdinfo, "flags:", 8);
	return field(fdinfo, "mnt_id:", 10) == mount_id && (uint64_t)field(fdinfo, "ino:", 10) == ino &&
	       flags >= 0 && (flags & O_ACCMODE) != O_RDONLY;
}

static bool pid_holds(pid_t pid, int mount_id, uint64_t ino)
{
	char path[64], text[1024];
	snprintf(path, sizeof path, "/proc/%d/fdinfo", pid);
	DIR *dir = opendir(path);
	bool held = false;
	for (struct dirent *e; dir && !held && (e = readdir(dir));) {
		char one[64 + 256];
		snprintf(one, sizeof one, "%s/%s", path, e->d_name);
		held = e->d_name[0] != '.' && slurp(one, text, sizeof text) && is_ours(text, mount_id, ino);
	}
	if (dir)
		closedir(dir);
	return held;
}

static bool process_holds(const struct writer *p, int mount_id, uint64_t ino)
{
	unsigned long flags;
	uint64_t started;
	return task_stat(p->pid, &flags, &started) && started == p->started && pid_holds(p->pid, mount_id, ino);
}

bool writers_anybody_holds(int mount_id, uint64_t ino)
{
	DIR *proc = opendir("/proc");
	bool held = false;
	for (struct dirent *e; proc && !held && (e = readdir(proc));) {
		long pid = strtol(e->d_name, NULL, 10);
		held = pid > 0 && pid_holds((pid_t)pid, mount_id, ino);
	}
	if (proc)
		closedir(proc);
	return held;
}

bool writers_hold(const struct writers *w, int mount_id, uint64_t ino)
{
	for (size_t i = 0; i < w->count && mount_id >= 0; i++)
		if (process_holds(&w->all[i], mount_id, ino))
			return true;
	return false;
}

bool writers_killed(pid_t tid)
{
	unsigned long flags;
	uint64_t started;
	return tid && task_stat(tid, &flags, &started) && (flags & TASK_KILLED_BY_SIGNAL);
}

static _Thread_local pid_t caller;

void writers_set_caller(pid_t tid) { caller = tid; }
pid_t writers_caller(void) { return caller; }

int writers_mount_id(const char *path)
{
	/* proc(5): "36 35 98:0 /root /mount/point options ..."; octal escapes for space, tab, \n, '\'. */
	char line[8192];
	int found = -1;
	FILE *f = fopen("/proc/self/mountinfo", "re");
	while (f && fgets(line, sizeof line, f)) {
		int id;
		char at[4096], plain[4096];
		if (sscanf(line, "%d %*d %*s %*s %4095s", &id, at) != 2)
			continue;
		size_t n = 0;
		for (const char *s = at; *s; n++) {
			unsigned octal;
			bool escaped = *s == '\\' && sscanf(s + 1, "%3o", &octal) == 1;
			plain[n] = escaped ? (char)octal : *s;
			s += escaped ? 4 : 1;
		}
		plain[n] = 0;
		if (strcmp(plain, path) == 0)
			found = id; /* the last one is on top */
	}
	if (f)
		fclose(f);
	return found;
}
