/* SPDX-License-Identifier: MIT */
/* The kernel's requests, each in a thread of its own while it waits for Drive.
 *
 * Threads come on demand, so that no request waits behind slow ones; idle ones beyond a few end. Most
 * requests are small and are copied to the thread's stack: a thread that waits holds no large buffer.
 * Requests that may ask Drive are bounded; beyond that they wait in a queue, and the threads that
 * remain serve what never waits: interrupts, attributes, statfs. */
#ifndef DFM_FS_LOOP_H
#define DFM_FS_LOOP_H
#include "fs/fs.h"

struct loop;
MUST_CHECK int loop_start(struct fs *fs, struct loop **ret);
/* Wait until nothing is served any more (true: unmounted, or the connection broke) or loop_wake(). */
bool loop_wait(struct loop *l);
void loop_wake(struct loop *l);
/* Serve nothing new, whatever the threads are in; wait at most `wait_ms` for what runs, which the caller
 * has cancelled. The number of requests that still run: while there are any, nothing that they use may
 * go, nor `l`. *ret_err: why the connection broke, or 0. */
unsigned loop_stop(struct loop *l, int wait_ms, int *ret_err);
void loop_free(struct loop *l);
#endif
