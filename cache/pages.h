/* SPDX-License-Identifier: MIT */
/* Is an LMDB file whole? LMDB maps it and follows page numbers: one that lies behind the end of a file
 * that was cut short is a SIGBUS. The file's size does not tell: a page that a transaction took at the
 * end and let go of again is counted and never written, so that a sound file may be short of pages
 * that nothing refers to. This follows what refers to pages, by pread() and with every number checked:
 * the format is that of LMDB 0.9, 64 bits (MDB_DATA_VERSION 1); any other is taken for cut short. */
#ifndef DFM_CACHE_PAGES_H
#define DFM_CACHE_PAGES_H
#include "format/base.h"

/* 0: every page that transaction `txn` refers to is in the file; -EBADMSG: it is not, or is not what
 * it should be; -errno. Any thread. */
MUST_CHECK int pages_check(int fd, uint32_t page_bytes, uint64_t txn);
#endif
