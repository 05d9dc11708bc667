/* SPDX-License-Identifier: MIT */
/* What a mount needs of Drive, looked at before anybody trusts it with data: credentials, network,
 * the folder, and whether anything could be saved in it. */
#ifndef DFM_FS_CHECK_H
#define DFM_FS_CHECK_H
#include "drive/drive.h"
#include "fs/config.h"

/* Exit statuses of `drivefs-models check`: what failed first. 2 is a wrong command line. */
enum check_status {
	CHECK_OK = 0,
	CHECK_OTHER = 1,
	CHECK_CREDENTIALS = 3,	/* missing, refused, or without the scope */
	CHECK_NETWORK = 4,	/* no way to Drive */
	CHECK_FOLDER = 5,	/* not there, not shared with us, no folder */
	CHECK_SAVE = 6,		/* all is well but that nothing can be saved */
};

/* A client as the command line asks for it. */
MUST_CHECK int check_open(const struct config *c, struct drive **ret);
/* The folder that is to be mounted; -errno with what to do when it cannot be reached, or, unless
 * c->read_only, when nothing could be saved in it. One request, outside of shared drives two; then
 * ret_who->email is set. drive_file_done(&ret->file). */
MUST_CHECK int check_folder(struct drive *d, const struct config *c, struct drive_folder *ret, struct drive_who *ret_who);
/* The verb: adds the report for people or, with c->json, one JSON object to *ret. */
enum check_status check_run(const struct config *c, struct buf *ret);
#endif
