/* SPDX-License-Identifier: MIT */
/* Whole reads, writes and syncs of the cache's data files, and the CRC of a part of one: the only
 * loops over pread() and pwrite() in cache/. `name` is for the message ("draft 7"). A disk or a
 * quota that is full is -ENOSPC (EDQUOT would be taken for Drive's quota). Any thread; file_sync()
 * without a lock. */
#ifndef DFM_CACHE_FILE_H
#define DFM_CACHE_FILE_H
#include "format/base.h"

#include <sys/types.h>

/* All n bytes or -errno; what was written of them is unknown then. */
MUST_CHECK int file_write(int fd, const char *name, const void *data, size_t n, uint64_t off);
/* Bytes read: n, or fewer where the file ends; or -EIO. */
MUST_CHECK ssize_t file_read_some(int fd, const char *name, void *data, size_t n, uint64_t off);
/* All n bytes; -EIO also where the file ends before. */
MUST_CHECK int file_read(int fd, const char *name, void *data, size_t n, uint64_t off);
/* The CRC-32C of n bytes at off; -EIO when they cannot all be read. */
MUST_CHECK int file_crc(int fd, const char *name, uint64_t off, uint64_t n, uint32_t *ret);
/* fdatasync(). */
MUST_CHECK int file_sync(int fd, const char *name);
/* -errno for an errno of the cache's disk: as it is, but -ENOSPC for EDQUOT. */
int file_errno(int err);
#endif
