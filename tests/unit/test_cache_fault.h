/* SPDX-License-Identifier: MIT */
/* For the tests of cache/: calls that change the disk fail, or wait, when a test says so. The unit
 * binary is linked with --wrap of each of them; calls inside liblmdb are not touched, but for the
 * commit of a transaction. */
#ifndef DFM_TEST_CACHE_FAULT_H
#define DFM_TEST_CACHE_FAULT_H
#include <stdbool.h>

enum fault {
	FAULT_WRITE = 1 << 0,		/* pwrite */
	FAULT_READ = 1 << 1,		/* pread */
	FAULT_DATASYNC = 1 << 2,	/* fdatasync: bytes of drafts and of cached files */
	FAULT_SYNC = 1 << 3,		/* fsync: the folder of the drafts */
	FAULT_SIZE = 1 << 4,		/* ftruncate */
	FAULT_PUNCH = 1 << 5,		/* fallocate */
	FAULT_RENAME = 1 << 6,
	FAULT_CREATE = 1 << 7,		/* openat with O_CREAT */
	FAULT_UNLINK = 1 << 8,
	FAULT_COMMIT = 1 << 9,		/* of an LMDB transaction that writes */
	FAULT_CHANGES = 0x3ff & ~(1 << 1),	/* all of them but reads */
};

/* From now on calls of these kinds are counted; the nth (from 1) and the `times` - 1 after it fail with
 * `err` (a positive errno). times 0: all after it too. */
void fault_at(unsigned kinds, long nth, int err, long times);
void fault_off(void);
/* How many calls of those kinds there were since fault_at(); how many failed. */
long fault_calls(void);
long fault_failed(void);
/* The next call of this kind stops before it does anything, until fault_go(). */
void fault_hold(unsigned kind);
void fault_await(void);		/* until one has stopped there */
void fault_go(void);
#endif
