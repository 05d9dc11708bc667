/* SPDX-License-Identifier: MIT */
#include "drive/budget.h"
#include "tests/unit/test.h"

#define ROOT "https://www.googleapis.com"

TEST(drive_budget__units_of_every_request_that_we_make)
{
	static const struct {
		const char *method, *url;
		unsigned units;
	} rows[] = {
		{ "GET", ROOT "/drive/v3/files/ID?supportsAllDrives=true&fields=id", 5 },
		{ "GET", ROOT "/drive/v3/about?fields=user", 5 },
		{ "GET", ROOT "/drive/v3/drives/ID?fields=name", 5 },
		{ "GET", ROOT "/drive/v3/files/generateIds?count=20", 5 },
		{ "GET", ROOT "/drive/v3/changes/startPageToken?fields=startPageToken", 5 },
		{ "GET", ROOT "/drive/v3/changes?pageToken=1", 100 },
		{ "GET", ROOT "/drive/v3/files?q=x", 100 },
		{ "GET", ROOT "/drive/v3/drives?pageSize=100", 100 },
		{ "GET", ROOT "/drive/v3/files/ID/revisions?pageSize=200", 100 },
		{ "GET", ROOT "/drive/v3/files/ID?alt=media&supportsAllDrives=true", 200 },
		{ "GET", ROOT "/drive/v3/files/ID?supportsAllDrives=true&alt=media", 200 },
		{ "GET", ROOT "/drive/v3/files/ID/revisions/R?alt=media", 200 },
		{ "GET", ROOT "/drive/v3/files/ID/revisions/R?fields=id", 5 },
		{ "POST", ROOT "/drive/v3/files?fields=id", 50 },
		{ "PATCH", ROOT "/drive/v3/files/ID", 50 },
		{ "DELETE", ROOT "/drive/v3/files/ID", 50 },
		{ "POST", ROOT "/upload/drive/v3/files?uploadType=resumable", 50 },
		{ "PATCH", ROOT "/upload/drive/v3/files/ID?uploadType=multipart", 50 },
		{ "PUT", ROOT "/upload/drive/v3/files?uploadType=resumable&upload_id=x", 0 },
		{ "POST", "https://oauth2.googleapis.com/token", 0 },
		{ "GET", "https://www.googleapis.com", 0 },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		CHECK_INT(budget_units(rows[i].method, rows[i].url), rows[i].units);
}

/* Units that go through in the minute behind `start`, asked for as fast as may be. */
static unsigned minute(struct budget *b, int64_t start, unsigned units, enum budget_rank rank)
{
	unsigned sum = 0;
	for (int64_t now = start, wait; now < start + 60000; now += wait) {
		wait = budget_take(b, now, units, rank);
		if (!wait)
			sum += units;
	}
	return sum;
}

TEST(drive_budget__no_minute_has_more_than_the_limit)
{
	static const unsigned limits[] = { BUDGET_MIN, 12000, 325000 };
	for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
		struct budget b;
		budget_init(&b, limits[i], 1000);
		unsigned first = minute(&b, 1000, 200, BUDGET_META), next = minute(&b, 61000, 5, BUDGET_META);
		CHECK(first <= limits[i] && first + 400 >= limits[i]);
		CHECK(next <= limits[i] && next >= limits[i] / 2); /* the burst is spent */
		budget_init(&b, limits[i], 1000);
		CHECK(minute(&b, 1000, 200, BUDGET_BULK) > limits[i] / 2);
	}
}

TEST(drive_budget__metadata_go_first_and_read_ahead_last)
{
	struct budget b;
	budget_init(&b, 12000, 0); /* the bucket holds 3000 */
	CHECK(budget_spare(&b, 0));
	for (int i = 0; i < 8; i++)
		CHECK_INT(budget_take(&b, 0, 200, BUDGET_BULK), 0);
	CHECK(!budget_spare(&b, 0));
	for (int i = 0; i < 3; i++)
		CHECK_INT(budget_take(&b, 0, 200, BUDGET_BULK), 0);
	int64_t wait = budget_take(&b, 0, 200, BUDGET_BULK);
	CHECK(wait > 0);
	for (int i = 0; i < 8; i++)
		CHECK_INT(budget_take(&b, 0, 100, BUDGET_META), 0);
	CHECK_INT(budget_take(&b, 0, 100, BUDGET_META), 0 + (100 * 60000 - 0) / 9000 + 1);
	CHECK(budget_take(&b, 0, 5, BUDGET_META) > 0);
	CHECK(budget_take(&b, 0, 200, BUDGET_BULK) > budget_take(&b, 0, 200, BUDGET_META));
	CHECK_INT(budget_take(&b, 60000, 200, BUDGET_BULK), 0);
	CHECK(budget_spare(&b, 60000));
}

TEST(drive_budget__none_is_no_limit)
{
	struct budget b;
	budget_init(&b, 0, 0);
	for (int i = 0; i < 100000; i++)
		CHECK_INT(budget_take(&b, 0, 200, BUDGET_BULK), 0);
	CHECK(budget_spare(&b, 0));
}

TEST(drive_budget__a_clock_that_stands_still_or_jumps_does_no_harm)
{
	struct budget b;
	budget_init(&b, UINT64_MAX, 0);
	CHECK_INT(budget_take(&b, INT64_MAX / 2, 200, BUDGET_BULK), 0);
	CHECK_INT(budget_take(&b, 5, 200, BUDGET_BULK), 0);
	CHECK(b.level > 0);
}
