/* SPDX-License-Identifier: MIT */
/* What the kernel's table of mounts says of a path. Nothing here asks a file system, so that a mount that
 * hangs or is dead cannot stop who looks. Any thread. */
#ifndef DFM_FS_MOUNTINFO_H
#define DFM_FS_MOUNTINFO_H
#include "format/base.h"

#include <sys/types.h>

struct mountinfo {
	char *point;		/* where it is mounted, absolute */
	unsigned major, minor;	/* of its device: unlike any other's */
	bool ours;		/* a drivefs-models */
	uid_t user;		/* who mounted it, where that is told (FUSE) */
};
#define CLEANUP_MOUNTINFO CLEANUP(mountinfo_done)

/* The mount that `path` (absolute, without symbolic links) lies on, the topmost of several. -ENOENT: none;
 * -errno when the table cannot be read. mountinfo_done(). */
MUST_CHECK int mountinfo_find(const char *path, struct mountinfo *ret);
/* The same in another table, for tests. */
MUST_CHECK int mountinfo_find_in(const char *table, const char *path, struct mountinfo *ret);
void mountinfo_done(struct mountinfo *m);
#endif
