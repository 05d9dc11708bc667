/* SPDX-License-Identifier: MIT */
/* Open files: a source to read, or a draft to write.
 *
 * struct writing is the state that all handles of one node share; it exists while there are any,
 * or while the node's draft waits to be published again. A draft is made by the first write (or
 * O_TRUNC, or a new file); from then on every handle of the node reads the draft. Publishing
 * (publish.c) turns it into the node's new content. */
#ifndef DFM_FS_HANDLE_H
#define DFM_FS_HANDLE_H
#include "fs/fs.h"
#include "fs/writers.h"

struct writing {
	struct lock lock;		/* RANK_NODE */
	pthread_cond_t changed;		/* `sending` or `users` went down */
	unsigned opens, writable;	/* handles; guarded by tree.lock */
	struct source *src UNDER(lock);	/* of node.content; NULL: none yet */
	struct draft *draft UNDER(lock);	/* NULL: nothing is being written */
	unsigned users UNDER(lock);	/* of the draft, outside the lock */
	bool dirty UNDER(lock);		/* the draft differs from what Drive has */
	bool wrote UNDER(lock);		/* bytes since O_TRUNC */
	bool sending UNDER(lock);
	bool doomed UNDER(lock);		/* the writer was killed, or a write failed: never publish */
	bool waiting UNDER(lock);		/* in the retrier's list, which holds the node */
	int error UNDER(lock);		/* of the last try to publish */
	unsigned tries UNDER(lock);
	int64_t next_try_ms UNDER(lock);
	int64_t mtime_ms UNDER(lock);	/* of the draft */
	struct writers writers UNDER(lock);
};

struct handle {
	struct inode *node;
	bool writable;
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
/* A time for the draft; false: there is none, the time belongs to what Drive has. */
bool handle_set_mtime(struct inode *n, int64_t mtime_ms);
/* FLUSH and FSYNC: 0 only when Drive has the bytes, or when this is not the end of the writing. */
MUST_CHECK int handle_flush(struct fs *fs, struct handle *h, pid_t tid);
MUST_CHECK int handle_fsync(struct fs *fs, struct handle *h);
/* Frees h. What is still unpublished is published now, or kept and tried again. */
void handle_release(struct fs *fs, struct handle *h);

/* Size and time of a node as stat() shows them. */
void handle_size(struct fs *fs, struct inode *n, uint64_t *ret_size, int64_t *ret_mtime_ms) REQUIRES(fs->tree.lock);
/* A cached source of one content of a file. */
MUST_CHECK int handle_source(struct fs *fs, const char *id, const struct content *c, struct source **ret);
/* Let go of a `writing` that nobody needs any more; tree.lock must not be held. */
void writing_drop(struct fs *fs, struct inode *n);
#endif
