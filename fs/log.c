/* SPDX-License-Identifier: MIT */
#include "fs/log.h"

#include "fs/escape.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

/* Atomic: the log moves from stderr to its place while other threads may already write. */
static int max_level = LOG_LEVEL_INFO;
static int out = STDERR_FILENO; /* -1: syslog */
static int echo;
static uint64_t errors;
static char *file_path;		/* of `out`, while that is a file; guarded by file_lock */
static struct lock file_lock = LOCK_INIT(RANK_LEAF);
static _Thread_local char said[512]; /* err_last() when this thread last logged an error; log_said() */

static int get_now(const int *of) { return __atomic_load_n(of, __ATOMIC_ACQUIRE); }
static void set_now(int *of, int value) { __atomic_store_n(of, value, __ATOMIC_RELEASE); }

static const struct { const char *name; int priority; } levels[] = {
	[LOG_LEVEL_ERROR] = { "error", LOG_ERR },
	[LOG_LEVEL_WARNING] = { "warning", LOG_WARNING },
	[LOG_LEVEL_INFO] = { "info", LOG_INFO },
	[LOG_LEVEL_DEBUG] = { "debug", LOG_DEBUG },
};

/* A FIFO without a reader must not stop us: O_NONBLOCK, which means nothing for a file. */
static int open_log_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0600);
	return fd >= 0 ? fd : err_set(-errno, "log_file \"%s\": %s", path, strerror(errno));
}

int log_open(const char *path, enum log_level level)
{
	set_now(&max_level, (int)level);
	if (!path) {
		set_now(&out, STDERR_FILENO);
	} else if (strcmp(path, "syslog") == 0) {
		openlog("drivefs-models", LOG_PID, LOG_DAEMON);
		set_now(&out, -1);
	} else {
		int fd = open_log_file(path);
		char *copy = fd < 0 ? NULL : strdup(path);
		if (fd >= 0 && !copy) {
			close(fd);
			return err_nomem("the log file");
		}
		if (fd < 0)
			return fd;
		lock_acquire(&file_lock);
		free(file_path);
		file_path = copy;
		lock_release(&file_lock);
		set_now(&out, fd);
	}
	return 0;
}

void log_echo(bool on) { set_now(&echo, on); }

/* Under the number of the old file, so that a line that is being written goes to one of them. */
static int replace_log_file(int to)
{
	int fd = open_log_file(file_path), r = fd < 0 ? fd : 0;
	if (fd >= 0 && dup3(fd, to, O_CLOEXEC) < 0)
		r = err_set(-errno, "log_file \"%s\": %s", file_path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return r;
}

int log_reopen(void)
{
	int to = get_now(&out);
	lock_acquire(&file_lock);
	bool is_file = file_path && to > STDERR_FILENO;
	int r = is_file ? replace_log_file(to) : 0;
	lock_release(&file_lock);
	if (r)
		log_error("log", "%s: the log goes on where it was", err_last());
	else if (is_file)
		log_info("log", "opened anew");
	return r;
}

void log_close(void)
{
	int was = get_now(&out);
	set_now(&out, STDERR_FILENO);
	if (was > STDERR_FILENO)
		close(was);
	else if (was < 0)
		closelog();
	lock_acquire(&file_lock);
	free(STEAL(file_path));
	lock_release(&file_lock);
}

bool log_wants(enum log_level level) { return (int)level <= get_now(&max_level); }

uint64_t log_errors(void) { return __atomic_load_n(&errors, __ATOMIC_RELAXED); }

static size_t time_stamp(char *to, size_t max)
{
	struct timespec t;
	struct tm tm;
	clock_gettime(CLOCK_REALTIME, &t);
	gmtime_r(&t.tv_sec, &tm);
	size_t n = strftime(to, max, "%Y-%m-%dT%H:%M:%S", &tm);
	return n + (size_t)snprintf(to + n, max - n, ".%03ldZ ", t.tv_nsec / 1000000);
}

static void put_line(int to, enum log_level level, const char *text)
{
	char line[4096];
	if (to < 0) {
		syslog(levels[level].priority, "%s %s", levels[level].name, text);
		return;
	}
	size_t n = time_stamp(line, sizeof line);
	int more = snprintf(line + n, sizeof line - n - 1, "%s %s", levels[level].name, text);
	n += (size_t)more < sizeof line - n - 2 ? (size_t)more : sizeof line - n - 2;
	line[n++] = '\n';
	ssize_t r = write(to, line, n); /* one write: lines of several threads do not mix */
	(void)r;			 /* nowhere left to complain */
}

void log_line(enum log_level level, const char *module, const char *fmt, ...)
{
	char raw[2048], text[3072];
	int to = get_now(&out);
	if (level == LOG_LEVEL_ERROR) {
		__atomic_add_fetch(&errors, 1, __ATOMIC_RELAXED);
		snprintf(said, sizeof said, "%s", err_last());
	}
	if (!log_wants(level))
		return;
	int n = snprintf(raw, sizeof raw, "%s: ", module);
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(raw + n, sizeof raw - (size_t)n, fmt, ap);
	va_end(ap);
	escape_text(text, sizeof text, raw);
	put_line(to, level, text);
	if (get_now(&echo) && to != STDERR_FILENO)
		put_line(STDERR_FILENO, level, text);
}

void log_saved(const char *path, uint64_t bytes, int64_t ms)
{
	double s = (double)(ms > 0 ? ms : 1) / 1000;
	log_info("save", "saved \"%s\": %" PRIu64 " bytes in %.2f s (%.1f MB/s)", path, bytes, s, (double)bytes / 1e6 / s);
}

bool log_said(void)
{
	bool was = *said && !strcmp(said, err_last());
	*said = 0;
	return was;
}
