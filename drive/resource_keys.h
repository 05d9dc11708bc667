/* SPDX-License-Identifier: MIT */
/* Resource keys: what is shared by link alone since before 2021 is only given to who shows the key
 * from the link, as X-Goog-Drive-Resource-Keys (drive_api.md 5.10). They come with the folder's URL,
 * with listings and with shortcuts, and are kept here by id, so that nobody above drive/ meets them.
 * What lies in a folder with a key needs the folder's as well. Any thread. */
#ifndef DFM_DRIVE_RESOURCE_KEYS_H
#define DFM_DRIVE_RESOURCE_KEYS_H
#include "drive/drive.h"
#include "format/buf.h"

enum { RESOURCE_KEYS_BUCKETS = 64, RESOURCE_KEYS_DEPTH_MAX = 8, RESOURCE_KEYS_HEADER_MAX = 8 << 10 };

struct resource_key;
struct resource_keys {
	struct resource_key *buckets[RESOURCE_KEYS_BUCKETS];	/* guarded by one lock of the process */
};
void resource_keys_done(struct resource_keys *k);
/* `id` has `key` (NULL or "": none that we know) and lies in `above` (NULL or "": as far as known).
 * Without memory it is not kept, and Drive answers as if there were no such file. */
void resource_keys_learn(struct resource_keys *k, const char *id, const char *above, const char *key);
/* What an answer tells of f's key and of its target's. `folder` as `above`, where f names no parent. */
void resource_keys_learn_file(struct resource_keys *k, const struct drive_file *f, const char *folder);
/* Adds the header line for `id` and what it lies in to one that is begun, or begins it; nothing when
 * there is no key, or no id. */
void resource_keys_header(struct resource_keys *k, const char *id, struct buf *b);
#endif
