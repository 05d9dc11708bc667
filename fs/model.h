/* SPDX-License-Identifier: MIT */
/* What is known of a file as a model: its kind (from its first 4 KiB, kept per revision), and the
 * SavedModel made of it. A scan runs at most once per revision and cache; its parts are revisions
 * in the cache, its record is in the state. No lock may be held by the caller. */
#ifndef DFM_FS_MODEL_H
#define DFM_FS_MODEL_H
#include "format/kinds.h"
#include "fs/fs.h"

struct model;

/* One ranged GET of 4 KiB, unless it is known or cached. */
MUST_CHECK int model_kind(struct fs *fs, struct file *f, const struct content *c, enum savedmodel_kind *ret);
/* The SavedModel of content `c` of file `f`, scanned if need be. model_unref() it. -EBADMSG: the
 * model is damaged; -EMEDIUMTYPE: it holds no vectors that can be served; said once in the log. */
MUST_CHECK int model_open(struct fs *fs, struct file *f, const struct content *c, struct model **ret);
struct model *model_unref(struct fs *fs, struct model *m); /* NULL is fine; returns NULL */
const struct savedmodel *model_savedmodel(const struct model *m);
/* The bytes of savedmodel_files()[index]. */
MUST_CHECK int model_source(struct fs *fs, struct model *m, size_t index, struct source **ret);
void models_done(struct fs *fs);
#endif
