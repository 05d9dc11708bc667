/* SPDX-License-Identifier: MIT */
/* "Did you mean ...?": the nearest of some names to a word that was mistyped. One thread at a time. */
#ifndef DFM_FS_SPELL_H
#define DFM_FS_SPELL_H
#include <stddef.h>

struct spell {
	const char *word;
	const char *best;	/* the nearest name so far; NULL: none is near */
	size_t distance;	/* of `best`, in letters changed, left out, added or swapped */
};
#define SPELL_INIT(w) { (w), NULL, 0 }

/* How many letters to change, leave out, add or swap with the next, to make `b` of `a`; case counts not. */
size_t spell_distance(const char *a, const char *b);
/* One more name that may be meant; it has to outlive *s. */
void spell_try(struct spell *s, const char *name);
#endif
