/* SPDX-License-Identifier: MIT */
/* One line per event, "LEVEL module: text", to stderr, a file or syslog. The only place where the
 * project logs: the folders below return errors. error = a user's operation failed or data is at
 * risk; warning = handled, going on; info = mounts, unmounts, recoveries; debug = each request.
 * Control and invisible characters are escaped (escape.h); secrets never get here. Any thread. */
#ifndef DFM_FS_LOG_H
#define DFM_FS_LOG_H
#include "format/base.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Lines above `level` are dropped. path NULL: stderr; "syslog": syslog(3); else appended to that
 * file (made 0600), which is opened here. -errno when it cannot be. Before other threads log. */
MUST_CHECK int log_open(const char *path, enum log_level level);
/* Lines go to stderr as well: while somebody waits for the mount. */
void log_echo(bool on);
/* Go on in a file newly opened under the same path (SIGHUP, after a rotation); other places stay. Lines of
 * other threads go to the one or to the other, whole. -errno, said in the old file, which stays, when the
 * new one cannot be opened. */
int log_reopen(void);
void log_close(void);
bool log_wants(enum log_level level);
void log_line(enum log_level level, const char *module, const char *fmt, ...) PRINTF(3, 4);
#define log_error(...) log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...) log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)
/* A file was saved, one line: what, how much, how long, how fast. */
void log_saved(const char *path, uint64_t bytes, int64_t ms);
/* Was the error that err_last() tells logged by this thread since it happened? Who passes an error up to the
 * next that logs asks, so that one failure is one line. Asking forgets. */
bool log_said(void);
/* Lines at error level so far. */
uint64_t log_errors(void);
#endif
