/* SPDX-License-Identifier: MIT */
/* Scans and what is kept of them. A *set* is a main file at one revision with its side-cars at one
 * revision each; all that is made here is a function of the set and of nothing else: the record (in the
 * cache's state, one for each main revision, with the side-cars that it is about) and the parts (revisions
 * in the cache, keyed by the set).
 *
 * One thread for one set at a time (model.c sees to it); no lock may be held. */
#ifndef DFM_FS_MODEL_SCAN_H
#define DFM_FS_MODEL_SCAN_H
#include "format/kinds.h"
#include "fs/sidecar.h"

struct model_set {
	struct file *file;
	struct content main;
	enum savedmodel_kind kind;
	struct sidecars sidecars;	/* those that the main file names */
};

/* The parts of a scan as sources that keep them in the cache, by enum savedmodel_part; NULL: not made. */
struct model_parts { struct source *part[SAVEDMODEL_PARTS]; };
void model_scan_done(struct model_parts *p);

/* What kind the main file is: one ranged GET of 4 KiB, unless it is known or cached. */
MUST_CHECK int model_scan_kind(struct fs *fs, const struct file *f, const struct content *main,
			       enum savedmodel_kind *ret);
/* The kept SavedModel of the set as it is now, its side-cars looked up; *ret NULL: none, scan. */
MUST_CHECK int model_scan_recall(struct fs *fs, struct model_set *set, struct savedmodel **ret);
/* Scan. `known`: set->sidecars are the ones to read; else they are looked up and filled in, on failure
 * too. Errors: kinds_scan()'s; *ret_io: not what the bytes say, but that they, or the names beside them,
 * could not be had. What it makes is kept. */
MUST_CHECK int model_scan_run(struct fs *fs, struct model_set *set, bool known, struct model_parts *ret_parts,
			      struct savedmodel **ret, bool *ret_io);
/* Keep a record, that of a scan with the CRC added say. Failure is logged: it costs a scan. */
void model_scan_keep(struct fs *fs, const struct model_set *set, const struct buf *record);
/* A part as it is kept. -ENODATA: it is not (any more). */
MUST_CHECK int model_scan_part(struct fs *fs, const struct model_set *set, enum savedmodel_part part,
			       struct source **ret);
#endif
