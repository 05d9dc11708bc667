/* SPDX-License-Identifier: MIT */
/* One mount: what its parts share.
 *
 * A read():  ops.c -> handle.c -> cache/ (blocks) -> drive/ (ranged GET).
 * A save:    ops.c -> handle.c (which FLUSH ends the writing) -> publish.c -> drive/ upload; its states: writing.h.
 * A name:    ops.c -> namei.c -> tree/tree.c (what is known) -> drive/ (list, edit).
 * The view:  ops.c -> view.c -> model.c -> format/savedmodel.
 *
 * Locks, in the order in which they are taken (format/base.h checks it in debug builds):
 *   rank        lock               guards
 *   RANK_TREE   tree.lock          files, names, folders, nodes and their counts, node.content
 *   RANK_NODE   writing.lock       the draft of a node, its sources, writers, publishing
 *   RANK_QUEUE  publisher.lock     saves that nobody waits for
 *               notify.lock        what the kernel is to drop
 *               watch.lock         the feeds
 *   (cache/: RANK_DRAFT, RANK_FLIGHT, RANK_STORE; drive/: RANK_AUTH, RANK_POOL)
 *   RANK_LEAF   model_lock, quota_lock   what model.c knows of a file; statfs
 *               loop.lock, signals.lock  requests; who asked to end
 * None is held at a network call, an fsync, a reply to the kernel or a notification to it.
 *
 * Threads: one for each request that runs (loop.c), the one that takes signals (signals.c), the
 * watcher (watch.c), the notifier (notify.c), those that save what nobody waits for (publisher.c), the control socket
 * (control.c), one that asks for the quota (quota.c); those of cache/. */
#ifndef DFM_FS_FS_H
#define DFM_FS_FS_H
#include "cache/cache.h"
#include "drive/drive.h"
#include "fs/config.h"
#include "fs/tree/inode.h"

struct fuse_session;
struct notify;
struct publisher;
struct watch;

struct fs {
	const struct config *config;
	struct drive *drive;
	struct cache *cache;
	struct tree tree;
	struct publisher *publisher;
	struct watch *watch;
	struct notify *notify;
	struct fuse_session *session;
	char *cache_dir;
	char *mountpoint;	/* absolute */
	char *folder_name;	/* Drive's name of the folder that is mounted */
	char *shared_drive;	/* id of the shared drive it lies on, or "" */
	int64_t started_ms;
	uid_t uid;		/* what files belong to in stat() */
	gid_t gid;
	int mount_id;		/* atomic; of /proc/self/mountinfo; -1: not known */
	dev_t dev;		/* st_dev of the mount; set before mount_id is */
	unsigned handles;	/* atomic: open files */

	struct lock model_lock;	/* RANK_LEAF: what model.c knows of each file */
	pthread_cond_t model_changed;

	struct lock quota_lock;	/* RANK_LEAF */
	struct drive_about quota UNDER(quota_lock);
	pthread_cond_t quota_changed;
	int64_t quota_ms UNDER(quota_lock);	/* when told; 0: never */
	int64_t quota_asked_ms UNDER(quota_lock);
	bool quota_asking UNDER(quota_lock), quota_started UNDER(quota_lock);
	pthread_t quota_thread UNDER(quota_lock);

	unsigned saving;	/* atomic: requests that may be uploading, or change names in Drive */
	bool stopping;		/* atomic: no new work, and what waits for Drive gives up */
	bool offline;		/* atomic; connect.h has its states */
};

/* Nothing may be changed, and only what the cache holds is there. */
static inline bool fs_offline(const struct fs *fs) { return __atomic_load_n(&fs->offline, __ATOMIC_ACQUIRE); }
#endif
