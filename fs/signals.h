/* SPDX-License-Identifier: MIT */
/* All signals come to one thread.
 *
 *   event               while it starts        while it serves         while it ends
 *   SIGTERM, SIGINT     what start waits for   signals_asked(): the    the first one's again: signals_hurried(),
 *                       is cancelled           mount drains and ends   nothing is waited for any more
 *   SIGHUP              the log is opened anew, in every state
 *   the deadline of     .                      .                       the process ends as it stands: what is in
 *   signals_end_by()                                                   the cache's folder is safe in that
 *
 * SIGPIPE is ignored. Every other thread has them blocked: signals_block() comes before the first. */
#ifndef DFM_FS_SIGNALS_H
#define DFM_FS_SIGNALS_H
#include "fs/fs.h"

struct signals;
void signals_block(void);
MUST_CHECK int signals_start(struct fs *fs, struct signals **ret);
/* The start is over: from here on the caller looks at signals_asked(), whenever wake() was called. */
void signals_serving(struct signals *s, void (*wake)(void *ctx), void *ctx);
bool signals_asked(struct signals *s);
bool signals_hurried(struct signals *s);
/* The end has begun: whatever still hangs in `wait_ms` is left behind by _exit(`status`). */
void signals_end_by(struct signals *s, int wait_ms, int status);
struct signals *signals_stop(struct signals *s);
#endif
