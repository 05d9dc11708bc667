/* SPDX-License-Identifier: MIT */
/* The files that a model is read together with: named by the model, found beside it, and known by id
 * and revision from then on. What is made of a model depends on these revisions as on its own.
 *
 * Any thread; no lock may be held. */
#ifndef DFM_FS_SIDECAR_H
#define DFM_FS_SIDECAR_H
#include "fs/fs.h"

enum { SIDECARS_MAX = 2, SIDECAR_SUFFIX_MAX = 255 };

struct sidecar {
	char suffix[SIDECAR_SUFFIX_MAX + 1];	/* its name is the main file's and this */
	char id[DRIVE_ID_MAX + 1];		/* "": it was looked for, and is not there */
	struct content content;
};
struct sidecars {
	size_t count;
	struct sidecar all[SIDECARS_MAX];
};

/* Look for it as it is now: beside the main file, or, of one that only a shortcut leads to, beside the
 * shortcut. 0 also where there is none; an error says that it is not known. */
MUST_CHECK int sidecar_find(struct fs *fs, struct file *main, const char *suffix, struct sidecar *ret);
/* Are all of them still the same revisions of the same files (or still missing)? */
MUST_CHECK int sidecar_same(struct fs *fs, struct file *main, const struct sidecars *s, bool *ret);
/* Ask Drive for each of them, and for the names beside `main` where one is missing: for who found out
 * that what we know is of yesterday. */
MUST_CHECK int sidecar_refresh(struct fs *fs, struct file *main, const struct sidecars *s);
/* Tells sets of side-cars apart; 0 for none. */
uint64_t sidecar_hash(const struct sidecars *s);
/* The name that `suffix` stands for, for a message; the caller frees. NULL: no memory. */
char *sidecar_name(struct fs *fs, struct file *main, const char *suffix);
#endif
