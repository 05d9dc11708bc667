/* SPDX-License-Identifier: MIT */
/* A hash table from strings to pointers. Keys are borrowed: each must live, unchanged, as long as
 * its entry (they are fields of what is stored). The caller's lock guards it. */
#ifndef DFM_FS_TREE_MAP_H
#define DFM_FS_TREE_MAP_H
#include "format/base.h"

struct map_entry {
	const char *key; /* NULL: free */
	void *value;
	uint64_t hash;
};
struct map {
	struct map_entry *slots;
	size_t count, used, cap; /* used: with those that were removed */
};

void map_done(struct map *m); /* frees the table, not the values */
void *map_get(const struct map *m, const char *key); /* NULL: none */
/* Adds or replaces (with the new key pointer). -ENOMEM. */
MUST_CHECK int map_put(struct map *m, const char *key, void *value);
void *map_del(struct map *m, const char *key); /* what was there, or NULL */
/* Walk: *pos starts at 0; NULL at the end. The map must not change meanwhile. */
void *map_next(const struct map *m, size_t *pos);

/* 64-bit hash of a string (FNV-1a with a final mix): stable, so that st_ino can be made of it. */
uint64_t map_hash(const char *s);
#endif
