/* SPDX-License-Identifier: MIT */
#include "fs/tree/file.h"

enum { FOLDERS_MAX = 1000 };
#define NEVER ((enum file_state)-1)

/* The table of file.h: by event, then by state. */
static const enum file_state becomes[][FILE_REFUSED + 1] = {
	[FILE_SEEN] = { FILE_LISTED, FILE_LISTED, FILE_LISTED, FILE_LISTED, FILE_LISTED, FILE_LISTED },
	[FILE_ABSENT] = { NEVER, FILE_UNKNOWN, FILE_UNKNOWN, NEVER, NEVER, NEVER },
	[FILE_WENT] = { FILE_REMOVED_BY_NEWS, FILE_REMOVED_BY_NEWS, FILE_REMOVED_BY_NEWS, FILE_REMOVED_HERE,
			FILE_REMOVED_BY_NEWS, FILE_REMOVED_BY_NEWS },
	[FILE_DENIED] = { FILE_REFUSED, FILE_REFUSED, FILE_REFUSED, FILE_REMOVED_HERE, FILE_REFUSED, FILE_REFUSED },
	[FILE_UNLINKED] = { FILE_REMOVED_HERE, FILE_REMOVED_HERE, FILE_REMOVED_HERE, FILE_REMOVED_HERE,
			    FILE_REMOVED_HERE, FILE_REMOVED_HERE },
};

void file_event(struct file *f, enum file_event event)
{
	enum file_state next = becomes[event][f->state];
#ifdef DFM_DEBUG
	if (next == NEVER)
		abort();
#endif
	if (next != NEVER)
		f->state = next;
}

bool file_gone(const struct file *f) { return f->state >= FILE_REMOVED_HERE; }

bool file_gone_here(const struct file *f) { return f->state == FILE_REMOVED_HERE; }

bool file_gone_by_news(const struct file *f) { return f->state == FILE_REMOVED_BY_NEWS || f->state == FILE_REFUSED; }

bool file_placeless(const struct file *f)
{
	const struct file *up = f->parent ? f->parent : f->was_in;
	unsigned depth = 0;
	for (; up && depth < FOLDERS_MAX; up = up->parent, depth++)
		if (file_gone(up))
			return !up->elsewhere;
	return false;
}

int64_t file_mtime_ms(const struct file *f) { return f->changed_ms > f->head.mtime_ms ? f->changed_ms : f->head.mtime_ms; }
