/* SPDX-License-Identifier: MIT */
#include "fs/log.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

/* Atomic: the log moves from stderr to its place while other threads may already write. */
static int max_level = LOG_LEVEL_INFO;
static int out = STDERR_FILENO; /* -1: syslog */
static uint64_t errors;

static int get(const int *of) { return __atomic_load_n(of, __ATOMIC_ACQUIRE); }
static void set(int *of, int value) { __atomic_store_n(of, value, __ATOMIC_RELEASE); }

static const struct { const char *name; int priority; } levels[] = {
	[LOG_LEVEL_ERROR] = { "error", LOG_ERR },
	[LOG_LEVEL_WARNING] = { "warning", LOG_WARNING },
	[LOG_LEVEL_INFO] = { "info", LOG_INFO },
	[LOG_LEVEL_DEBUG] = { "debug", LOG_DEBUG },
};

int log_open(const char *path, enum log_level level)
{
	set(&max_level, (int)level);
	if (!path) {
		set(&out, STDERR_FILENO);
	} else if (strcmp(path, "syslog") == 0) {
		openlog("drivefs-models", LOG_PID, LOG_DAEMON);
		set(&out, -1);
	} else {
		int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
		if (fd < 0)
			return err_set(-errno, "log_file \"%s\": %s", path, strerror(errno));
		set(&out, fd);
	}
	return 0;
}

void log_close(void)
{
	int was = get(&out);
	set(&out, STDERR_FILENO);
	if (was > STDERR_FILENO)
		close(was);
	else if (was < 0)
		closelog();
}

bool log_wants(enum log_level level) { return (int)level <= get(&max_level); }

uint64_t log_errors(void) { return __atomic_load_n(&errors, __ATOMIC_RELAXED); }

static size_t stamp(char *to, size_t max)
{
	struct timespec t;
	struct tm tm;
	clock_gettime(CLOCK_REALTIME, &t);
	gmtime_r(&t.tv_sec, &tm);
	size_t n = strftime(to, max, "%Y-%m-%dT%H:%M:%S", &tm);
	return n + (size_t)snprintf(to + n, max - n, ".%03ldZ ", t.tv_nsec / 1000000);
}

void log_line(enum log_level level, const char *module, const char *fmt, ...)
{
	char line[2048];
	int to = get(&out);
	if (level == LOG_LEVEL_ERROR)
		__atomic_add_fetch(&errors, 1, __ATOMIC_RELAXED);
	if (!log_wants(level))
		return;
	size_t start = to < 0 ? 0 : stamp(line, sizeof line);
	size_t n = start + (size_t)snprintf(line + start, sizeof line - start, "%s %s: ", levels[level].name, module);
	va_list ap;
	va_start(ap, fmt);
	int more = vsnprintf(line + n, sizeof line - n - 1, fmt, ap);
	va_end(ap);
	if (more > 0)
		n += (size_t)more < sizeof line - n - 2 ? (size_t)more : sizeof line - n - 2;
	for (size_t i = 0; i < n; i++) /* a name must not forge a line of its own */
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = '?';
	if (to < 0) {
		syslog(levels[level].priority, "%.*s", (int)n, line);
		return;
	}
	line[n++] = '\n';
	ssize_t r = write(to, line, n); /* one write: lines of several threads do not mix */
	(void)r;			 /* nowhere left to complain */
}
