/* SPDX-License-Identifier: MIT */
#include "drive/resource_keys.h"

#include "drive/url.h"

#include <string.h>

struct resource_key {
	struct resource_key *next;	/* in the bucket */
	struct resource_key *above;	/* of the folder that it lies in */
	char *text;		/* NULL: none of its own */
	char id[DRIVE_ID_MAX + 1];
};

static struct lock resource_keys_lock = LOCK_INIT(RANK_LEAF);

static struct resource_key **bucket_of(struct resource_keys *k, const char *id)
{
	unsigned h = 0;
	for (const char *s = id; *s; s++)
		h = h * 31 + (unsigned char)*s;
	return &k->buckets[h % RESOURCE_KEYS_BUCKETS];
}

static struct resource_key *find(struct resource_keys *k, const char *id)
{
	struct resource_key *e = id && *id ? *bucket_of(k, id) : NULL;
	while (e && strcmp(e->id, id) != 0)
		e = e->next;
	return e;
}

static struct resource_key *find_or_add(struct resource_keys *k, const char *id)
{
	struct resource_key *e = find(k, id), **bucket = bucket_of(k, id);
	if (e || !(e = calloc(1, sizeof *e)))
		return e;
	memcpy(e->id, id, strlen(id) + 1);
	e->next = *bucket;
	*bucket = e;
	return e;
}

void resource_keys_learn(struct resource_keys *k, const char *id, const char *above, const char *key)
{
	if (!url_id_ok(id) || (key && *key && !url_id_ok(key)))
		return;
	lock_acquire(&resource_keys_lock);
	struct resource_key *up = find(k, above), *e = up || (key && *key) ? find_or_add(k, id) : NULL;
	char *copy = e && key && *key && (!e->text || strcmp(e->text, key) != 0) ? strdup(key) : NULL;
	if (e && up && up != e)
		e->above = up;
	if (copy) {
		free(e->text);
		e->text = copy;
	}
	lock_release(&resource_keys_lock);
}

void resource_keys_learn_file(struct resource_keys *k, const struct drive_file *f, const char *folder)
{
	resource_keys_learn(k, f->id, f->parent[0] ? f->parent : folder, f->key);
	if (f->target[0])
		resource_keys_learn(k, f->target, NULL, f->target_key);
}

void resource_keys_header(struct resource_keys *k, const char *id, struct buf *b)
{
	lock_acquire(&resource_keys_lock);
	const struct resource_key *e = find(k, id);
	for (unsigned depth = 0; e && depth < RESOURCE_KEYS_DEPTH_MAX; e = e->above, depth++)
		if (e->text)
			buf_printf(b, "%s%s/%s", b->len ? "," : "X-Goog-Drive-Resource-Keys: ", e->id, e->text);
	lock_release(&resource_keys_lock);
}

void resource_keys_done(struct resource_keys *k)
{
	for (unsigned i = 0; i < RESOURCE_KEYS_BUCKETS; i++)
		while (k->buckets[i]) {
			struct resource_key *e = k->buckets[i];
			k->buckets[i] = e->next;
			free(e->text);
			free(e);
		}
}
