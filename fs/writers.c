/* SPDX-License-Identifier: MIT */
#include "fs/writers.h"

#include "fs/probe.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* proc(5): /proc/PID/stat field 9 holds task flags; include/linux/sched.h names them. */
enum { TASK_KILLED_BY_SIGNAL = 0x400, PATIENCE_MS = 5000, DISTINCT_PATIENCE_MS = 300 };

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

/* The number behind `name` at the start of a line of `text`; `none`: there is no such line. */
static unsigned long long field(const char *text, const char *name, int base, unsigned long long none)
{
	for (const char *at = text; at; at = strchr(at, '\n')) {
		at += *at == '\n';
		if (strncmp(at, name, strlen(name)) == 0)
			return strtoull(at + strlen(name), NULL, base);
	}
	return none;
}

/* ---- processes */

enum { STATUS_MAX = 4096 };

/* Never waits for anything, not even for a process in execve(2). */
static bool proc_status(pid_t tid, char text[STATUS_MAX])
{
	char path[64];
	snprintf(path, sizeof path, "/proc/%d/status", tid);
	return tid > 0 && slurp(path, text, STATUS_MAX);
}

pid_t writers_process(pid_t tid)
{
	char text[STATUS_MAX];
	unsigned long long tgid = proc_status(tid, text) ? field(text, "Tgid:", 10, 0) : 0;
	return tgid ? (pid_t)tgid : tid;
}

static void add_writer(struct writers *w, pid_t tid, bool pin)
{
	if (!tid || tid == w->last_thread)
		return;
	struct writer one = { writers_process(tid), -1 };
	w->last_thread = pin ? 0 : tid; /* pinned ones are asked anew: a process may come back after its end */
	for (size_t i = 0; i < w->count; i++)
		if (w->all[i].pid == one.pid && (!pin || writers_has(w, tid)))
			return;
	if (pin)
		one.pidfd = (int)syscall(SYS_pidfd_open, one.pid, 0);
	if (w->count == WRITERS_MAX) { /* the oldest is the one that is least likely to write on */
		if (w->all[0].pidfd >= 0)
			close(w->all[0].pidfd);
		memmove(w->all, w->all + 1, (--w->count) * sizeof *w->all);
	}
	w->all[w->count++] = one;
}

void writers_learn(struct writers *w, pid_t tid) { add_writer(w, tid, false); }
void writers_pin(struct writers *w, pid_t tid) { add_writer(w, tid, true); }

/* pidfd_open(2): readable once the process has ended. */
static bool is_alive(const struct writer *one)
{
	struct pollfd p = { .fd = one->pidfd, .events = POLLIN };
	return one->pidfd < 0 || poll(&p, 1, 0) == 0;
}

bool writers_has(const struct writers *w, pid_t tid)
{
	pid_t pid = w->count ? writers_process(tid) : 0;
	for (size_t i = 0; i < w->count && pid; i++)
		if (w->all[i].pid == pid && is_alive(&w->all[i]))
			return true;
	return false;
}

void writers_done(struct writers *w)
{
	for (size_t i = 0; i < w->count; i++)
		if (w->all[i].pidfd >= 0)
			close(w->all[i].pidfd);
	*w = (struct writers){ 0 };
}

/* ---- descriptors */

/* Is the mount `id` of that process's namespace ours? proc(5): "36 35 98:0 /root /mount/point ...". */
static bool same_mount(pid_t pid, int id, const struct writers_mount *mount)
{
	char path[64], line[8192];
	bool same = false;
	snprintf(path, sizeof path, "/proc/%d/mountinfo", pid);
	FILE *f = mount->dev ? fopen(path, "re") : NULL;
	while (f && !same && fgets(line, sizeof line, f)) {
		int one;
		unsigned major_no, minor_no;
		same = sscanf(line, "%d %*d %u:%u", &one, &major_no, &minor_no) == 3 && one == id &&
		       makedev(major_no, minor_no) == mount->dev;
	}
	if (f)
		fclose(f);
	return same;
}

static bool is_ours(pid_t pid, const char *fdinfo, const struct writers_mount *mount, uint64_t ino)
{
	unsigned long long flags = field(fdinfo, "flags:", 8, O_RDONLY);
	int id = (int)field(fdinfo, "mnt_id:", 10, 0);
	return (flags & O_ACCMODE) != O_RDONLY && field(fdinfo, "ino:", 10, 0) == ino &&
	       (id == mount->id || same_mount(pid, id, mount));
}

enum { DESCRIPTORS_MAX = 64 };

struct descriptor { pid_t pid; int fd; };
struct held_by {
	struct writers writers;
	struct writers_mount mount;
	uint64_t ino;
	unsigned held;
	struct descriptor all[DESCRIPTORS_MAX]; /* the first of them */
};

static void add_descriptor(struct held_by *q, pid_t pid, int fd)
{
	if (q->held < DESCRIPTORS_MAX)
		q->all[q->held] = (struct descriptor){ pid, fd };
	q->held++;
}

/* Those that the process holds. */
static void add_pid(struct held_by *q, pid_t pid)
{
	char path[64], text[1024];
	snprintf(path, sizeof path, "/proc/%d/fdinfo", pid);
	DIR *dir = opendir(path);
	for (struct dirent *e; dir && (e = readdir(dir));) {
		char one[64 + 256];
		snprintf(one, sizeof one, "%s/%s", path, e->d_name);
		if (e->d_name[0] != '.' && slurp(one, text, sizeof text) && is_ours(pid, text, &q->mount, q->ino))
			add_descriptor(q, pid, (int)strtol(e->d_name, NULL, 10));
	}
	if (dir)
		closedir(dir);
}

static void ask_anybody(void *arg)
{
	struct held_by *q = arg;
	DIR *proc = opendir("/proc");
	for (struct dirent *e; proc && (e = readdir(proc));) {
		long pid = strtol(e->d_name, NULL, 10);
		if (pid > 0)
			add_pid(q, (pid_t)pid);
	}
	if (proc)
		closedir(proc);
}

unsigned writers_anybody_holds(const struct writers_mount *mount, uint64_t ino)
{
	struct held_by q = { .mount = *mount, .ino = ino };
	return probe(ask_anybody, &q, sizeof q, PATIENCE_MS) ? q.held : UINT_MAX;
}

static void ask_writers(void *arg)
{
	struct held_by *q = arg;
	for (size_t i = 0; i < q->writers.count; i++)
		add_pid(q, q->writers.all[i].pid);
}

/* Is it one of those before it? */
static bool is_copy(const struct held_by *q, unsigned i)
{
	const struct descriptor *d = q->all;
	for (unsigned k = 0; k < i; k++)
		if (syscall(SYS_kcmp, d[i].pid, d[k].pid, KCMP_FILE, (unsigned long)d[i].fd, (unsigned long)d[k].fd) == 0)
			return true;
	return false;
}

/* kcmp(2) waits for a process in execve(2): asked only where it matters, and not for long. */
static void ask_distinct(void *arg)
{
	struct held_by *q = arg;
	ask_writers(q);
	unsigned copies = 0;
	for (unsigned i = 1; i < q->held && i < DESCRIPTORS_MAX; i++)
		copies += is_copy(q, i);
	q->held -= copies;
}

unsigned writers_hold_distinct(const struct writers *w, const struct writers_mount *mount, uint64_t ino)
{
	struct held_by q = { .writers = *w, .mount = *mount, .ino = ino };
	return probe(ask_distinct, &q, sizeof q, DISTINCT_PATIENCE_MS) ? q.held : writers_hold(w, mount, ino);
}

unsigned writers_hold(const struct writers *w, const struct writers_mount *mount, uint64_t ino)
{
	struct held_by q = { .writers = *w, .mount = *mount, .ino = ino };
	return w->count && mount->id >= 0 && probe(ask_writers, &q, sizeof q, PATIENCE_MS) ? q.held : 0;
}

/* ---- signals */

static unsigned long long bit(int signal) { return 1ull << (signal - 1); }

/* What has been sent to the thread, or to its process, and is not blocked. */
static unsigned long long pending(const char *status)
{
	unsigned long long sent = field(status, "SigPnd:", 16, 0) | field(status, "ShdPnd:", 16, 0);
	return sent & ~(field(status, "SigBlk:", 16, 0) & ~bit(SIGKILL));
}

/* Those of them that nobody handles and whose default is not to be ignored. */
static unsigned long long deadly(const char *status)
{
	const unsigned long long harmless = bit(SIGCHLD) | bit(SIGWINCH) | bit(SIGURG) | bit(SIGCONT) |
					    bit(SIGSTOP) | bit(SIGTSTP) | bit(SIGTTIN) | bit(SIGTTOU);
	return pending(status) & ~field(status, "SigCgt:", 16, 0) & ~field(status, "SigIgn:", 16, 0) & ~harmless;
}

struct killed { pid_t tid; bool killed; };

/* Field 9 tells, of who ends, of signals that dump core as well, which are pending no more by now; behind the command,
 * which may hold anything: the last ')' ends it. */
static void ask_killed(void *arg)
{
	struct killed *q = arg;
	char path[64], text[1024];
	unsigned long flags;
	snprintf(path, sizeof path, "/proc/%d/stat", q->tid);
	const char *at = slurp(path, text, sizeof text) ? strrchr(text, ')') : NULL;
	q->killed = at && sscanf(at + 1, " %*c %*d %*d %*d %*d %*d %lu", &flags) == 1 && (flags & TASK_KILLED_BY_SIGNAL);
}

bool writers_killed(pid_t tid)
{
	char text[STATUS_MAX];
	struct killed q = { tid, false };
	if (!proc_status(tid, text))
		return false;
	/* Who is in do_exit() has no memory any more, and holds no lock of execve(2); everybody else is alive. */
	bool ends = field(text, "VmSize:", 10, 0) == 0;
	return deadly(text) || (ends && probe(ask_killed, &q, sizeof q, PATIENCE_MS) && q.killed);
}

bool writers_fatal(pid_t tid)
{
	char text[STATUS_MAX];
	const unsigned long long stop = bit(SIGINT) | bit(SIGTERM) | bit(SIGQUIT) | bit(SIGHUP);
	if (!proc_status(tid, text))
		return tid > 0; /* it has ended */
	return deadly(text) || (pending(text) & stop & field(text, "SigCgt:", 16, 0));
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
