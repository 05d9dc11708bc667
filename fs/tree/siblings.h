/* SPDX-License-Identifier: MIT */
/* The names within a folder: what each child is shown as, several of one Drive name told apart.
 * tree.lock is held. */
#ifndef DFM_FS_TREE_SIBLINGS_H
#define DFM_FS_TREE_SIBLINGS_H
#include "fs/tree/tree.h"

/* Put f into the folder under f->name; `inval` (may be NULL) hears of the listing. -ENOMEM: it may have no
 * shown name. */
MUST_CHECK int siblings_attach(struct tree *t, struct file *folder, struct file *f, struct inval *inval) REQUIRES(t->lock);
/* Out of its folder, if it is in one. */
void siblings_detach(struct tree *t, struct file *f, struct inval *inval) REQUIRES(t->lock);
/* Of several files of one name the oldest has it, by Drive's time of creation, then by id. */
bool siblings_older(const struct file *a, const struct file *b);
#endif
