/* SPDX-License-Identifier: MIT */
/* Questions that the kernel may not answer before we have answered it.
 *
 * A process in execve(2) closes its descriptors while it holds a lock that /proc/PID/stat, maps, fd/
 * and others wait for: a FLUSH that reads one of them waits for itself, and the whole machine's ps(1)
 * with it. So who has a request to answer never reads such a file: a thread of this pool does, and
 * its silence is an answer too. A prober that is stuck comes free when the request is answered. */
#ifndef DFM_FS_PROBE_H
#define DFM_FS_PROBE_H
#include "format/base.h"

/* Run `ask` on a copy of the `size` bytes at `arg` in another thread, and copy what it made of them
 * back. False: there was no answer within `patience_ms` (or no thread, no memory): `arg` is as it was. */
bool probe(void (*ask)(void *arg), void *arg, size_t size, int patience_ms);
#endif
