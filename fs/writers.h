/* SPDX-License-Identifier: MIT */
/* Who is writing a file: which FLUSH ends the writing.
 *
 * close(2) of each descriptor sends a FLUSH: numpy's dup sends two, `cat x > f` sends one at size 0
 * before anything is written, `{ echo; /bin/echo; } > f` one by a child half-way. Only the one after
 * which neither the opener nor a writer holds a writable descriptor any more may publish. They are
 * known by process (the pid of a FUSE header is a thread's), and what they hold is seen in
 * /proc/PID/fdinfo by mnt_id and ino. Where that cannot be seen (another user's process, another
 * mount namespace) every FLUSH after a write publishes.
 *
 * The caller's lock guards a struct writers. */
#ifndef DFM_FS_WRITERS_H
#define DFM_FS_WRITERS_H
#include "format/base.h"

#include <sys/types.h>

enum { WRITERS_MAX = 16 };
struct writers {
	struct writer { pid_t pid; uint64_t started; } all[WRITERS_MAX]; /* processes; start time in clock ticks */
	size_t count;
	pid_t last_thread;	/* whom the last request came from: learnt once */
};

/* The opener or the sender of a WRITE: thread `tid`. */
void writers_learn(struct writers *w, pid_t tid);
/* Does any of them hold a writable descriptor of inode `ino` on mount `mount_id`? */
bool writers_hold(const struct writers *w, int mount_id, uint64_t ino);
/* Does any process that we can see? Costs a walk over /proc: for a file that was opened to be written
 * and closed empty, whose descriptor may have gone to a child that has not written yet. */
bool writers_anybody_holds(int mount_id, uint64_t ino);
/* Is the process of thread `tid` being killed by a signal (its FLUSH is not a close())? */
bool writers_killed(pid_t tid);
/* The process of a thread. */
pid_t writers_process(pid_t tid);
/* The thread that this thread works for, of the operation that runs; 0: none, or not visible. */
void writers_set_caller(pid_t tid);
pid_t writers_caller(void);
/* The id of the mount at `path` (absolute, resolved) in our mount namespace; -1: not known. */
int writers_mount_id(const char *path);
#endif
