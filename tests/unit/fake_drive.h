/* SPDX-License-Identifier: MIT */
/* A Drive in memory, linked in the place of drive/: fs/ above it is the real one. Every call of drive.h that
 * a test needs is here; each is counted, and may be stopped before it begins (fake_drive_before), so that
 * what another host does in that moment is done in it.
 *
 * One process for a test: nothing is freed but by drive_close(). */
#ifndef DFM_TEST_FAKE_DRIVE_H
#define DFM_TEST_FAKE_DRIVE_H
#include "drive/drive.h"

/* FAKE_ROW: one of a listing, between its making and its delivery; FAKE_CHANGES: about no id. */
enum fake_call {
	FAKE_GET, FAKE_LIST, FAKE_READ, FAKE_VERIFY, FAKE_UPLOAD, FAKE_EDIT, FAKE_ROW, FAKE_CHANGES, FAKE_CALLS
};

struct drive *fake_drive_new(void);
/* A folder, or a file whose content is its first revision; `parent` "" for the root. */
void fake_drive_folder(struct drive *d, const char *id, const char *parent, const char *name);
void fake_drive_file(struct drive *d, const char *id, const char *parent, const char *name, const void *data, size_t n);
void fake_drive_shortcut(struct drive *d, const char *id, const char *parent, const char *name, const char *target);
/* What another host does: new content, trash, another MIME type. */
void fake_drive_replace(struct drive *d, const char *id, const void *data, size_t n);
void fake_drive_trash(struct drive *d, const char *id, bool trashed);
void fake_drive_mime(struct drive *d, const char *id, const char *mime);
/* To another folder, under another name. */
void fake_drive_move(struct drive *d, const char *id, const char *parent, const char *name);
/* Listings lack it, as they do for a while with what is new. */
void fake_drive_lag(struct drive *d, const char *id, bool lags);
/* The change feed tells of it at its next look: as it is then; or as removed. */
void fake_drive_say(struct drive *d, const char *id, bool removed);
/* Old revisions cannot be read from here on: -ESTALE, as for who may not read revisions. */
void fake_drive_heads_only(struct drive *d);
/* Reading this file fails with `err` ("%s" in the reason is its id); 0: no longer. */
void fake_drive_refuse(struct drive *d, const char *id, int err, const char *why);
/* Run hook(ctx) before the next such call about `id` (NULL: any), once, without a lock. It returns 0, or what
 * the call is to fail with (its reason recorded). A call stops as long as its hook does. */
void fake_drive_before(struct drive *d, enum fake_call call, const char *id, int (*hook)(void *ctx), void *ctx);
/* Wait until there were so many looks at the change feed in all. */
void fake_drive_looks(struct drive *d, unsigned n);
/* Calls so far about `id` (NULL: any). */
unsigned fake_drive_count(struct drive *d, enum fake_call call, const char *id);
#endif
