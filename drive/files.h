/* SPDX-License-Identifier: MIT */
/* Making a file or folder under a reserved id, for files.c and upload.c. */
#ifndef DFM_DRIVE_FILES_H
#define DFM_DRIVE_FILES_H
#include "drive/call.h"

struct files_new {
	const char *id, *parent, *name, *mime;
	const char *description;	/* NULL: none */
	int64_t mtime_ms;		/* -1: Drive's time */
};
/* Adds the metadata as a JSON object. */
void files_new_json(struct buf *b, const struct files_new *n);
/* What separates metadata from bytes in one request; at random, so that no bytes hold it. */
void files_boundary(char ret[33]);
/* Makes it, without bytes. -EEXIST: the id exists, perhaps by an earlier try of this very call;
 * -EBADMSG: made, but the answer cannot be read. Look at the id then. */
MUST_CHECK int files_make(struct drive *d, const struct files_new *n, const char *what, struct drive_file *ret);
#endif
