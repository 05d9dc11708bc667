/* SPDX-License-Identifier: MIT */
#include "fs/tree/map.h"

#include <string.h>

static const char gone[] = ""; /* the key of a removed entry: compared by address */

uint64_t map_hash(const char *s)
{
	uint64_t h = 0xcbf29ce484222325u;
	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 0x100000001b3u;
	h ^= h >> 32;
	h *= 0x9e3779b97f4a7c15u;
	return h ^ h >> 29;
}

void map_done(struct map *m)
{
	free(m->slots);
	*m = (struct map){ 0 };
}

/* The entry of key, or NULL; *ret_free: the first slot that a put may take. */
static struct map_entry *find_slot_of(const struct map *m, const char *key, uint64_t hash, struct map_entry **ret_free)
{
	struct map_entry *open = NULL;
	for (size_t i = hash & (m->cap - 1); m->cap; i = (i + 1) & (m->cap - 1)) {
		struct map_entry *e = &m->slots[i];
		if (!e->key || e->key == gone) {
			open = open ? open : e;
			if (!e->key)
				break;
		} else if (e->hash == hash && strcmp(e->key, key) == 0) {
			return e;
		}
	}
	if (ret_free)
		*ret_free = open;
	return NULL;
}

static int grow_map(struct map *m)
{
	size_t cap = 16;
	while (cap < m->count * 4)
		cap *= 2;
	struct map_entry *old = m->slots, *slots = calloc(cap, sizeof *slots);
	if (!slots)
		return err_set(-ENOMEM, "a table of %zu entries", cap);
	struct map n = { slots, m->count, m->count, cap };
	for (size_t i = 0; i < m->cap; i++) {
		struct map_entry *to;
		if (!old[i].key || old[i].key == gone)
			continue;
		(void)find_slot_of(&n, old[i].key, old[i].hash, &to);
		*to = old[i];
	}
	free(old);
	*m = n;
	return 0;
}

void *map_get(const struct map *m, const char *key)
{
	struct map_entry *e = m->cap ? find_slot_of(m, key, map_hash(key), NULL) : NULL;
	return e ? e->value : NULL;
}

int map_put(struct map *m, const char *key, void *value)
{
	uint64_t hash = map_hash(key);
	struct map_entry *to = NULL, *e;
	if ((m->used + 1) * 4 > m->cap * 3) {
		int r = grow_map(m);
		if (r)
			return r;
	}
	e = find_slot_of(m, key, hash, &to);
	if (!e) {
		m->used += !to->key;
		m->count++;
		e = to;
	}
	*e = (struct map_entry){ key, value, hash };
	return 0;
}

void *map_del(struct map *m, const char *key)
{
	struct map_entry *e = m->cap ? find_slot_of(m, key, map_hash(key), NULL) : NULL;
	if (!e)
		return NULL;
	void *value = e->value;
	*e = (struct map_entry){ gone, NULL, 0 };
	m->count--;
	return value;
}

void *map_next(const struct map *m, size_t *pos)
{
	while (*pos < m->cap) {
		const struct map_entry *e = &m->slots[(*pos)++];
		if (e->key && e->key != gone)
			return e->value;
	}
	return NULL;
}
