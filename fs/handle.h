/* SPDX-License-Identifier: MIT */
/* Open files: a source to read, or a save to write to (writing.h). */
#ifndef DFM_FS_HANDLE_H
#define DFM_FS_HANDLE_H
#include "fs/writing.h"

struct handle {
	struct inode *node;
	bool writable;		/* it can change the file: opened to write, or by O_TRUNC or O_CREAT */
	bool writes;		/* opened to write: what fdinfo shows as a writable descriptor */
	uint64_t wrote;		/* number of the save that it last wrote to, or emptied; 0: none */
	bool closing;		/* was flushed, and not used since: its RELEASE may be on the way */
	struct handle *next;	/* of w->handles */
	struct source *view;	/* of a NODE_VIEW, NULL else */
};

/* Open `node`. `flags` as in open(2), `tid` the caller's thread. -ESTALE: look the name up once
 * more (the kernel does): a writer gets a node of its own and whoever has the old one open or
 * mapped keeps it whole. */
MUST_CHECK int handle_open(struct fs *fs, struct inode *node, int flags, pid_t tid, struct handle **ret);
/* For a file that was just made here: an empty draft is there from the start. */
MUST_CHECK int handle_create(struct fs *fs, struct inode *node, int flags, pid_t tid, struct handle **ret);
MUST_CHECK ssize_t handle_read(struct fs *fs, struct handle *h, void *buf, size_t n, uint64_t off);
MUST_CHECK int handle_write(struct fs *fs, struct handle *h, pid_t tid, const void *buf, size_t n, uint64_t off);
MUST_CHECK int handle_truncate(struct fs *fs, struct handle *h, uint64_t size);
/* A time for what is being written, under tree.lock; false: nothing is, the time belongs to what Drive has. */
bool handle_set_mtime(struct fs *fs, struct inode *n, int64_t mtime_ms);
/* FLUSH and FSYNC: 0 only when Drive has the bytes, or when this is not the end of the writing. */
MUST_CHECK int handle_flush(struct fs *fs, struct handle *h, pid_t tid);
MUST_CHECK int handle_fsync(struct fs *fs, struct handle *h);
/* Frees h. Asks Drive for nothing: what is still unsaved is left to the publisher, or held. */
void handle_release(struct fs *fs, struct handle *h);
#endif
