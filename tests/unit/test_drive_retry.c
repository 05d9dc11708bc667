/* SPDX-License-Identifier: MIT */
#include "drive/retry.h"
#include "tests/unit/test.h"

static const struct retry base = { .repeatable = true, .deadline_ms = 60000, .random = 0 };

static struct drive_error err(enum error_class cls, int status)
{
	return (struct drive_error){ .cls = cls, .status = status, .err = -ETIMEDOUT, .retry_after_ms = -1 };
}

TEST(drive_retry__waits_double_up_to_32_seconds)
{
	struct drive_error e = err(ERROR_REFUSED, 403);
	struct retry r = base;
	r.deadline_ms = 1000000;
	static const int64_t want[] = { 1000, 2000, 4000, 8000, 16000, 32000, 32000, 32000 };
	for (unsigned i = 0; i < 8; i++) {
		r.attempt = i;
		CHECK_INT(retry_wait(&r, &e), want[i]);
	}
	r.attempt = 1;
	r.random = 1000;
	CHECK_INT(retry_wait(&r, &e), 3000);
	r.random = 1001;
	CHECK_INT(retry_wait(&r, &e), 2000);
}

TEST(drive_retry__a_lost_connection_is_tried_again_at_once)
{
	struct drive_error e = err(ERROR_UNCLEAR, 0);
	struct retry r = base;
	CHECK(retry_wait(&r, &e) <= 200);
	r.attempt = 1;
	CHECK_INT(retry_wait(&r, &e), 2000);
}

TEST(drive_retry__obeys_retry_after)
{
	struct drive_error e = err(ERROR_REFUSED, 429);
	e.retry_after_ms = 20000;
	CHECK_INT(retry_wait(&base, &e), 20000);
	e.retry_after_ms = 10;
	CHECK_INT(retry_wait(&base, &e), 1000);
	e.retry_after_ms = 60001;
	CHECK_INT(retry_wait(&base, &e), -ETIMEDOUT);
}

TEST(drive_retry__ends_at_the_deadline)
{
	struct drive_error e = err(ERROR_UNCLEAR, 503);
	struct retry r = base;
	r.attempt = 3;
	r.elapsed_ms = 53000;
	CHECK_INT(retry_wait(&r, &e), -ETIMEDOUT);
	e = err(ERROR_UNCLEAR, 0);
	e.err = -ECONNREFUSED;
	CHECK_INT(retry_wait(&r, &e), -ECONNREFUSED);
	e.err = -ENETUNREACH;
	CHECK_INT(retry_wait(&r, &e), -ENETUNREACH);
	r = base;
	r.deadline_ms = 600; /* short, but a second try it gets */
	e = err(ERROR_UNCLEAR, 503);
	CHECK_INT(retry_wait(&r, &e), 300);
}

TEST(drive_retry__final_errors_are_final)
{
	static const enum error_class classes[] = { ERROR_FINAL, ERROR_AUTH, ERROR_GONE, ERROR_TAKEN };
	for (unsigned i = 0; i < sizeof classes / sizeof *classes; i++) {
		struct drive_error e = err(classes[i], 400);
		e.err = -ENOENT;
		CHECK_INT(retry_wait(&base, &e), -ENOENT);
	}
}

TEST(drive_retry__a_rate_limit_is_a_full_quota_only_at_the_deadline_of_an_upload)
{
	struct drive_error e = err(ERROR_REFUSED, 403);
	struct retry r = base;
	r.upload = true;
	CHECK_INT(retry_wait(&r, &e), 1000);
	r.attempt = 6;
	CHECK_INT(retry_wait(&r, &e), 32000);
	r.elapsed_ms = 30000;
	CHECK_INT(retry_wait(&r, &e), -EDQUOT);
	r.upload = false;
	CHECK_INT(retry_wait(&r, &e), -ETIMEDOUT);
	r.upload = true;
	e = err(ERROR_UNCLEAR, 503);
	CHECK_INT(retry_wait(&r, &e), -ETIMEDOUT);
}

TEST(drive_retry__what_may_not_be_repeated_is_not_after_an_unclear_end)
{
	struct drive_error e = err(ERROR_UNCLEAR, 503);
	struct retry r = base;
	r.repeatable = false;
	CHECK_INT(retry_wait(&r, &e), -EIO);
	e = err(ERROR_UNCLEAR, 0);
	e.err = -ECONNREFUSED; /* nothing was sent */
	CHECK(retry_wait(&r, &e) > 0);
	e = err(ERROR_REFUSED, 429);
	CHECK_INT(retry_wait(&r, &e), 1000);
}
