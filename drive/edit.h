/* SPDX-License-Identifier: MIT */
/* Making a file or folder under a reserved id, for edit.c and upload.c. */
#ifndef DFM_DRIVE_EDIT_H
#define DFM_DRIVE_EDIT_H
#include "drive/call.h"

struct edit_new {
	const char *id, *parent, *name, *mime;
	const char *description;	/* NULL: none */
	int64_t mtime_ms;		/* -1: Drive's time */
};
/* Adds the metadata as a JSON object. */
void edit_new_json(struct buf *b, const struct edit_new *n);
/* Makes it, without bytes. -EEXIST: the id exists, perhaps by an earlier try of this very call;
 * -EBADMSG: made, but the answer cannot be read. Look at the id then. */
MUST_CHECK int edit_make(struct drive *d, const struct edit_new *n, const char *what, struct drive_file *ret);
#endif
