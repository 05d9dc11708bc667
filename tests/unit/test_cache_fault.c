/* SPDX-License-Identifier: MIT */
#include "tests/unit/test_cache_fault.h"

#include "tests/unit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <pthread.h>
#include <stdarg.h>
#include <sys/types.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t moved = PTHREAD_COND_INITIALIZER;
static unsigned fail_kinds, hold_kind;
static long fail_first, fail_times, calls, failed;
static int fail_with;
static bool held;

void fault_at(unsigned kinds, long nth, int err, long times)
{
	pthread_mutex_lock(&lock);
	fail_kinds = kinds;
	fail_first = nth;
	fail_with = err;
	fail_times = times;
	calls = failed = 0;
	pthread_mutex_unlock(&lock);
}

void fault_off(void) { fault_at(0, 0, 0, 0); }

static long read_count(const long *count)
{
	pthread_mutex_lock(&lock);
	long n = *count;
	pthread_mutex_unlock(&lock);
	return n;
}

long fault_calls(void) { return read_count(&calls); }
long fault_failed(void) { return read_count(&failed); }

void fault_hold(unsigned kind)
{
	pthread_mutex_lock(&lock);
	hold_kind = kind;
	pthread_mutex_unlock(&lock);
}

void fault_await(void)
{
	pthread_mutex_lock(&lock);
	while (!held)
		pthread_cond_wait(&moved, &lock);
	pthread_mutex_unlock(&lock);
}

void fault_go(void)
{
	pthread_mutex_lock(&lock);
	held = false;
	pthread_cond_broadcast(&moved);
	pthread_mutex_unlock(&lock);
}

/* The errno that this call is to fail with, or 0. */
static int fault(unsigned kind)
{
	int err = 0;
	pthread_mutex_lock(&lock);
	if (hold_kind & kind) {
		hold_kind = 0;
		held = true;
		pthread_cond_broadcast(&moved);
		while (held)
			pthread_cond_wait(&moved, &lock);
	}
	if (fail_kinds & kind) {
		calls++;
		if (calls >= fail_first && (!fail_times || calls < fail_first + fail_times)) {
			err = fail_with;
			failed++;
		}
	}
	pthread_mutex_unlock(&lock);
	errno = err ? err : errno;
	return err;
}

ssize_t __real_pwrite64(int fd, const void *p, size_t n, off_t off);
ssize_t __real_pread64(int fd, void *p, size_t n, off_t off);
int __real_fdatasync(int fd);
int __real_fsync(int fd);
int __real_ftruncate64(int fd, off_t size);
int __real_fallocate64(int fd, int mode, off_t off, off_t n);
int __real_renameat(int from_dir, const char *from, int to_dir, const char *to);
int __real_openat64(int dir, const char *path, int flags, ...);
int __real_unlinkat(int dir, const char *path, int flags);
int __real_mdb_txn_commit(MDB_txn *txn);

/* A disk that is full takes what still fits: half of it is written before the failure. */
ssize_t __wrap_pwrite64(int fd, const void *p, size_t n, off_t off)
{
	int err = fault(FAULT_WRITE);
	if (!err)
		return __real_pwrite64(fd, p, n, off);
	(void)(__real_pwrite64(fd, p, n / 2, off) == 0);
	errno = err;
	return -1;
}

ssize_t __wrap_pread64(int fd, void *p, size_t n, off_t off)
{
	return fault(FAULT_READ) ? -1 : __real_pread64(fd, p, n, off);
}

int __wrap_fdatasync(int fd) { return fault(FAULT_DATASYNC) ? -1 : __real_fdatasync(fd); }
int __wrap_fsync(int fd) { return fault(FAULT_SYNC) ? -1 : __real_fsync(fd); }
int __wrap_ftruncate64(int fd, off_t size) { return fault(FAULT_SIZE) ? -1 : __real_ftruncate64(fd, size); }

int __wrap_fallocate64(int fd, int mode, off_t off, off_t n)
{
	return fault(FAULT_PUNCH) ? -1 : __real_fallocate64(fd, mode, off, n);
}

int __wrap_renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	return fault(FAULT_RENAME) ? -1 : __real_renameat(from_dir, from, to_dir, to);
}

int __wrap_openat64(int dir, const char *path, int flags, ...)
{
	va_list ap;
	va_start(ap, flags);
	mode_t mode = flags & O_CREAT ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	return flags & O_CREAT && fault(FAULT_CREATE) ? -1 : __real_openat64(dir, path, flags, mode);
}

int __wrap_unlinkat(int dir, const char *path, int flags)
{
	return fault(FAULT_UNLINK) ? -1 : __real_unlinkat(dir, path, flags);
}

int __wrap_mdb_txn_commit(MDB_txn *txn)
{
	int err = fault(FAULT_COMMIT);
	if (!err)
		return __real_mdb_txn_commit(txn);
	mdb_txn_abort(txn);
	return err;
}
