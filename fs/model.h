/* SPDX-License-Identifier: MIT */
/* What is known of a file as a model: its kind (from its first 4 KiB, once a revision), and the
 * SavedModel made of it.
 *
 * One struct model is about one *set*: the main file at one revision, and the side-cars that it names at
 * one revision each. It never becomes another set: a change of any of them, here or elsewhere, is a new
 * struct model at the next look, so that what was made of one set is never shown for another.
 *
 *   state      event                                              -> state     by                  held by
 *   UNKNOWN    somebody asks for the kind                         -> SNIFFING  claim_work()        kinds_
 *   SNIFFING   the first bytes say so                             -> NONE, KNOWN  sniff()          kinds_
 *   SNIFFING   Drive refuses the bytes, and shows the file        -> REFUSED   leave_failed()      refused_left_out_
 *   SNIFFING   any other failure: the asker gets it               -> UNKNOWN   leave_failed()      refused_for_now_
 *   KNOWN      somebody opens it                                  -> SCANNING  claim_work()        set_one_scan_
 *   SCANNING   done, and Drive has these files now                -> READY     scan_set()          set_, stale_
 *   SCANNING   the bytes are bad, or a side-car is missing or of
 *              another save, and Drive has these files now        -> BROKEN    leave_failed()      error_
 *   SCANNING   Drive refuses the bytes, and shows the file        -> REFUSED   leave_failed()      error_refused
 *   SCANNING   replaced in Drive (then superseded), or any other
 *              failure: the asker gets it                         -> KNOWN     leave_failed()      stale_, error_for_
 *   READY      a part was evicted and is wanted                   -> REMAKING  model_claim_remake  parts_
 *   REMAKING   done, or failed: the asker gets it                 -> READY     remake()            parts_
 *   READY, REMAKING, BROKEN: a side-car is another one, gone, or there again;
 *   REFUSED: 10 minutes, or news of the file;
 *   any: the main file has another revision                       -> superseded  get_current()   set_, error_, refused_
 *   superseded: another struct takes its place in file.model; who holds this one goes on with its set.
 * (Held by: the tests seam_view__... that begin so.)
 *
 * States change under fs->model_lock, in model.c only. Who made SNIFFING, SCANNING or REMAKING of it works
 * without the lock and alone; others wait, until they are cancelled(). No lock may be held by callers. */
#ifndef DFM_FS_MODEL_H
#define DFM_FS_MODEL_H
#include "format/kinds.h"
#include "fs/fs.h"

struct model;

/* SAVEDMODEL_NONE also for what Drive refuses to give out for good, which is logged once. -ENOENT: it is
 * gone, or a picture, video, sound or PDF by its type or name. Other errors: not known now. */
MUST_CHECK int model_kind(struct fs *fs, struct file *f, enum savedmodel_kind *ret);
/* The model of f as it is now, scanned if need be; where what we know of its files is of yesterday, Drive
 * is asked. model_unref() it. -ENOENT: no model, or gone. One that cannot be served is no error here:
 * ask model_problem(). */
MUST_CHECK int model_open(struct fs *fs, struct file *f, struct model **ret);
struct model *model_unref(struct fs *fs, struct model *m); /* NULL is fine; returns NULL */

/* Why it cannot be served, as a text for the user; NULL: it can. Borrowed. */
const char *model_problem(const struct model *m);
/* Names the set: other revisions have another name. */
enum { MODEL_NAME_MAX = 2 * DRIVE_ID_MAX + 24 };
void model_name(const struct model *m, char ret[MODEL_NAME_MAX]);
const struct content *model_content(const struct model *m);	/* of the main file */
const struct savedmodel *model_savedmodel(const struct model *m);	/* one without a problem */
/* Are the bytes of this set still to be had? They are where the cache holds them; else Drive is asked,
 * at most every 2 s. -ESTALE: not this set, which the tree knows by now: open the model again. */
MUST_CHECK int model_source_check(struct fs *fs, struct model *m);
/* The bytes of savedmodel_files()[index]. -ESTALE as above. */
MUST_CHECK int model_source(struct fs *fs, struct model *m, size_t index, struct source **ret);
/* Forget all, at the end. */
void model_done(struct fs *fs);
#endif
