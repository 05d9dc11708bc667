/* SPDX-License-Identifier: MIT */
#include "fs/tree/early.h"

#include <string.h>

/* How long a denial stands: no request is older, no listing lags longer, and access may come back. */
enum { DENIED_MS = 600000 };

static void drop_at(struct early *e, size_t i)
{
	struct early_one *one = e->all[i];
	e->all[i] = NULL;
	if (!one)
		return;
	if (map_get(&e->by_id, one->news.id) == one)
		map_del(&e->by_id, one->news.id);
	drive_file_done(&one->news);
	free(one);
}

void early_done(struct early *e)
{
	for (size_t i = 0; i < EARLY_MAX; i++)
		drop_at(e, i);
	map_done(&e->by_id);
}

/* An empty place in the ring, known by `id`. */
static struct early_one *place_for(struct early *e, const char *id)
{
	struct early_one *one = map_get(&e->by_id, id);
	if (one) {
		drive_file_done(&one->news);
		memcpy(one->news.id, id, strlen(id) + 1); /* the key of the map points at it */
		return one;
	}
	drop_at(e, e->next);
	one = calloc(1, sizeof *one);
	if (!one)
		return NULL;
	memcpy(one->news.id, id, strlen(id) + 1);
	if (map_put(&e->by_id, one->news.id, one) != 0) {
		free(one);
		return NULL;
	}
	one->at = e->next;
	e->all[e->next] = one;
	e->next = (e->next + 1) % EARLY_MAX;
	return one;
}

void early_keep(struct early *e, struct drive_file *news)
{
	const struct early_one *known = map_get(&e->by_id, news->id);
	if (known && !known->denied && known->news.version > news->version)
		return;
	struct early_one *one = place_for(e, news->id);
	if (!one)
		return;
	one->news = *news;
	one->denied = false;
	*news = (struct drive_file){ 0 };
}

void early_deny(struct early *e, const char *id)
{
	char copy[DRIVE_ID_MAX + 1] = "";
	strncat(copy, id, DRIVE_ID_MAX);
	struct early_one *one = place_for(e, copy);
	if (!one)
		return;
	one->denied = true;
	one->at_ms = now_ms();
}

void early_allow(struct early *e, const char *id)
{
	const struct early_one *one = map_get(&e->by_id, id);
	if (one && one->denied)
		drop_at(e, one->at);
}

bool early_take(struct early *e, struct drive_file *news)
{
	struct early_one *one = map_get(&e->by_id, news->id);
	if (!one)
		return true;
	if (one->denied && now_ms() - one->at_ms < DENIED_MS)
		return false;
	if (!one->denied && one->news.version > news->version) {
		if (one->news.trashed)
			return false;
		struct drive_file older = *news;
		*news = one->news;
		one->news = older; /* of the same id */
	}
	drop_at(e, one->at);
	return true;
}
