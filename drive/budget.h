/* SPDX-License-Identifier: MIT */
/* What requests cost in Drive's quota units, and a bucket of them: a mount stays below the units a
 * minute that it was given, whatever its programs do. Pure: the clock is an argument, the lock the
 * caller's. https://developers.google.com/workspace/drive/api/guides/limits, as of 2026-05-01. */
#ifndef DFM_DRIVE_BUDGET_H
#define DFM_DRIVE_BUDGET_H
#include "format/base.h"

enum {
	BUDGET_MIN = 2000,	/* units a minute: less could not pay for a download and a listing */
};

/* Who goes first when units are short. */
enum budget_rank {
	BUDGET_META,	/* somebody waits for a name: may use all there is */
	BUDGET_BULK,	/* bytes: leaves a rest for metadata */
};

/* Never more than `per_minute` in any 60 s: a quarter of it at once, the rest as it comes in. */
struct budget {
	int64_t per_minute;	/* 0: no limit */
	int64_t level, size;	/* in units of 1/60000 */
	int64_t at_ms;		/* when `level` was right */
};
void budget_init(struct budget *b, uint64_t per_minute, int64_t now_ms);
/* 0: taken. Else milliseconds after which to ask again; nothing is taken then. */
int64_t budget_take(struct budget *b, int64_t now_ms, unsigned units, enum budget_rank rank);
/* Is there enough for what nobody waits for? Takes nothing. */
bool budget_spare(struct budget *b, int64_t now_ms);

/* Units of one request to the API; 0 for tokens and for the parts of an upload, whose start is
 * what counts. */
unsigned budget_units(const char *method, const char *url);
#endif
