/* SPDX-License-Identifier: MIT */
#include "fs/owners.h"

enum { PLACES = 8192 };

static struct lock owners_lock = LOCK_INIT(RANK_LEAF);
static struct owner { uint64_t ino; uid_t uid; gid_t gid; } places[PLACES];

void owners_set(uint64_t ino, uid_t uid, gid_t gid)
{
	struct owner *at = &places[ino % PLACES];
	lock_acquire(&owners_lock);
	if (at->ino != ino)
		*at = (struct owner){ ino, (uid_t)-1, (gid_t)-1 };
	if (uid != (uid_t)-1)
		at->uid = uid;
	if (gid != (gid_t)-1)
		at->gid = gid;
	lock_release(&owners_lock);
}

void owners_get(uint64_t ino, uid_t *uid, gid_t *gid)
{
	const struct owner *at = &places[ino % PLACES];
	lock_acquire(&owners_lock);
	if (at->ino == ino && at->uid != (uid_t)-1)
		*uid = at->uid;
	if (at->ino == ino && at->gid != (gid_t)-1)
		*gid = at->gid;
	lock_release(&owners_lock);
}
