/* SPDX-License-Identifier: MIT */
#include "fs/log.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

static enum log_level max_level = LOG_LEVEL_INFO;
static int out = STDERR_FILENO; /* -1: syslog */
static uint64_t errors;

static const struct { const char *name; int priority; } levels[] = {
	[LOG_LEVEL_ERROR] = { "error", LOG_ERR },
	[LOG_LEVEL_WARNING] = { "warning", LOG_WARNING },
	[LOG_LEVEL_INFO] = { "info", LOG_INFO },
	[LOG_LEVEL_DEBUG] = { "debug", LOG_DEBUG },
};

int log_open(const char *path, enum log_level level)
{
	max_level = level;
	if (!path) {
		out = STDERR_FILENO;
	} else if (strcmp(path, "syslog") == 0) {
		openlog("drivefs-models", LOG_PID, LOG_DAEMON);
		out = -1;
	} else {
		int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
		if (fd < 0)
			return err_set(-errno, "log_file \"%s\": %s", path, strerror(errno));
		out = fd;
	}
	return 0;
}

void log_close(void)
{
	if (out > STDERR_FILENO)
		close(out);
	else if (out < 0)
		closelog();
	out = STDERR_FILENO;
}

bool log_wants(enum log_level level) { return level <= max_level; }

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
	if (level == LOG_LEVEL_ERROR)
		__atomic_add_fetch(&errors, 1, __ATOMIC_RELAXED);
	if (level > max_level)
		return;
	size_t start = out < 0 ? 0 : stamp(line, sizeof line);
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
	if (out < 0) {
		syslog(levels[level].priority, "%.*s", (int)n, line);
		return;
	}
	line[n++] = '\n';
	ssize_t r = write(out, line, n); /* one write: lines of several threads do not mix */
	(void)r;			 /* nowhere left to complain */
}
