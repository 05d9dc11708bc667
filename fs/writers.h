/* SPDX-License-Identifier: MIT */
/* Who is writing a file: which FLUSH ends the writing, and whether its caller is being killed.
 *
 * close(2) of each descriptor sends a FLUSH: numpy's dup sends two, `cat x > f` sends one at size 0
 * before anything is written, `{ echo; /bin/echo; } > f` one by a child half-way. Only the one after
 * which neither the opener nor a writer holds a writable descriptor any more may publish. They are
 * known by process (the pid of a FUSE header is a thread's), and what they hold is seen in
 * /proc/PID/fdinfo by mnt_id and ino: a process that has taken the number of another one and holds
 * such a descriptor is a writer as well. In another mount namespace (a container) the same mount has
 * another mnt_id, which /proc/PID/mountinfo gives a device number. Where nothing can be seen (another
 * user's process, another pid namespace) every FLUSH after a write publishes.
 *
 * Of /proc only /proc/TID/status is read by who asks, since that never waits; all else is asked by
 * another thread (probe.h), whose silence means that nothing is to be seen.
 *
 * The caller's lock guards a struct writers. */
#ifndef DFM_FS_WRITERS_H
#define DFM_FS_WRITERS_H
#include "format/base.h"

#include <sys/types.h>

enum { WRITERS_MAX = 16 };
struct writers {
	struct writer {
		pid_t pid;	/* a process */
		int pidfd;	/* of writers_pin(); else -1 */
	} all[WRITERS_MAX];
	size_t count;
	pid_t last_thread;	/* whom the last request came from: learnt once */
};

/* A mount as fdinfo and mountinfo know it. id -1: not known. */
struct writers_mount { int id; dev_t dev; };

/* The opener or the sender of a WRITE: thread `tid`. */
void writers_learn(struct writers *w, pid_t tid);
/* The same, and it is known from a later process of the same number. writers_done() ends it. */
void writers_pin(struct writers *w, pid_t tid);
/* Is the process of thread `tid` one of them (and, if pinned, the same)? */
bool writers_has(const struct writers *w, pid_t tid);
void writers_done(struct writers *w);	/* empty again */
/* How many writable descriptors of inode `ino` on the mount they hold, as far as can be seen. */
unsigned writers_hold(const struct writers *w, const struct writers_mount *mount, uint64_t ino);
/* The same, with descriptors of one open file (dup, fork) counted once, where the kernel tells (kcmp(2)). */
unsigned writers_hold_distinct(const struct writers *w, const struct writers_mount *mount, uint64_t ino);
/* How many all processes that we can see hold. Costs a walk over /proc: for a file that was opened to be
 * written and closed empty, whose descriptor may have gone to a child that has not written yet. UINT_MAX
 * where the walk did not end in time. */
unsigned writers_anybody_holds(const struct writers_mount *mount, uint64_t ino);
/* Is the process of thread `tid` being killed by a signal (its FLUSH is not a close())? */
bool writers_killed(pid_t tid);
/* Has thread `tid` been sent a signal that shall end what it waits for: one that kills it, or one by which
 * users say "stop" though the program handles it (Python's ^C)? Others, an alarm or a child's end, are
 * no reason to give up a save half-way. */
bool writers_fatal(pid_t tid);
/* The process of a thread. */
pid_t writers_process(pid_t tid);
/* The thread that this thread works for, of the operation that runs; 0: none, or not visible. */
void writers_set_caller(pid_t tid);
pid_t writers_caller(void);
/* The id of the mount at `path` (absolute, resolved) in our mount namespace; -1: not known. */
int writers_mount_id(const char *path);
#endif
