/* SPDX-License-Identifier: MIT */
#include "drive/budget.h"

#include <string.h>

enum {
	MINUTE = 60000,
	AT_ONCE = 4,	/* the bucket holds this part of a minute's units */
	REST = 4,	/* bulk leaves this part of the bucket to metadata */
	SPARE = 2,	/* read-ahead wants this part of it full */
};
enum { READ = 5, LIST = 100, DOWNLOAD = 200, EDIT = 50 };

void budget_init(struct budget *b, uint64_t per_minute, int64_t now_ms)
{
	*b = (struct budget){ .per_minute = per_minute < INT32_MAX ? (int64_t)per_minute : INT32_MAX, .at_ms = now_ms };
	b->level = b->size = b->per_minute / AT_ONCE * MINUTE;
}

/* What comes in: so much less than the limit that a full bucket and a minute of it make the limit. */
static int64_t rate(const struct budget *b) { return b->per_minute - b->per_minute / AT_ONCE; }

static void fill(struct budget *b, int64_t now_ms)
{
	int64_t ms = now_ms - b->at_ms;
	if (ms <= 0)
		return;
	b->level += (ms < MINUTE ? ms : MINUTE) * rate(b);
	if (b->level > b->size)
		b->level = b->size;
	b->at_ms = now_ms;
}

int64_t budget_take(struct budget *b, int64_t now_ms, unsigned units, enum budget_rank rank)
{
	if (!b->per_minute || !units)
		return 0;
	int64_t cost = (int64_t)units * MINUTE, rest = rank == BUDGET_META ? 0 : b->size / REST;
	fill(b, now_ms);
	if (b->level >= cost + rest) {
		b->level -= cost;
		return 0;
	}
	return (cost + rest - b->level + rate(b) - 1) / rate(b);
}

bool budget_spare(struct budget *b, int64_t now_ms)
{
	if (!b->per_minute)
		return true;
	fill(b, now_ms);
	return b->level >= b->size / SPARE;
}

/* Does `path` begin with `start`? Moves it behind that. */
static bool skip(const char **path, const char *start)
{
	size_t n = strlen(start);
	if (strncmp(*path, start, n) != 0)
		return false;
	*path += n;
	return true;
}

/* The path of a URL ends here. */
static bool ends(const char *s) { return !*s || *s == '?' || *s == '#'; }

static unsigned of_files(const char *path)
{
	if (ends(path))
		return LIST;
	if (strstr(path, "?alt=media") || strstr(path, "&alt=media"))
		return DOWNLOAD;
	path += strcspn(path + 1, "/?#") + 1; /* the id, or a method's name */
	return skip(&path, "/revisions") && ends(path) ? LIST : READ;
}

unsigned budget_units(const char *method, const char *url)
{
	const char *path = strstr(url, "://");
	path = path ? path + 3 + strcspn(path + 3, "/?#") : url;
	if (skip(&path, "/upload/drive/v3/"))
		return strstr(path, "upload_id=") ? 0 : EDIT;
	if (!skip(&path, "/drive/v3/"))
		return 0;
	if (strcmp(method, "GET") != 0)
		return EDIT;
	if (skip(&path, "files"))
		return of_files(path);
	if (skip(&path, "changes") || skip(&path, "drives"))
		return ends(path) ? LIST : READ;
	return READ;
}
