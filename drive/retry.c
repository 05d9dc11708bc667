/* SPDX-License-Identifier: MIT */
#include "drive/retry.h"

#include <sys/random.h>
#include <time.h>

enum { WAIT_MAX_MS = 32000, WAIT_FIRST_LOST_MS = 100, POLL_MS = 200 };

static bool may_repeat(const struct retry *r, const struct drive_error *e)
{
	switch (e->cls) {
	case ERROR_REFUSED:
		return true;
	case ERROR_UNCLEAR:
		/* A connection that never came about has carried nothing. */
		return r->repeatable || e->err == -ECONNREFUSED || e->err == -ENETUNREACH || e->err == -EHOSTUNREACH;
	default:
		return false;
	}
}

static int64_t backoff(const struct retry *r, const struct drive_error *e)
{
	/* Mostly a connection that the server closed while it was idle: try at once. */
	if (!e->status && !r->attempt)
		return WAIT_FIRST_LOST_MS + r->random % WAIT_FIRST_LOST_MS;
	unsigned n = r->attempt < 5 ? r->attempt : 5;
	int64_t wait = ((int64_t)1000 << n) + r->random % 1001;
	if (wait > WAIT_MAX_MS)
		wait = WAIT_MAX_MS;
	return e->retry_after_ms > wait ? e->retry_after_ms : wait;
}

static int final_errno(const struct retry *r, const struct drive_error *e)
{
	if (r->upload && e->cls == ERROR_REFUSED)
		return -EDQUOT;
	if (e->err == -ECONNREFUSED || e->err == -ENETUNREACH || e->err == -EHOSTUNREACH)
		return e->err;
	return -ETIMEDOUT;
}

int64_t retry_wait(const struct retry *r, const struct drive_error *e)
{
	if (!may_repeat(r, e))
		return e->cls == ERROR_UNCLEAR ? -EIO : e->err;
	int64_t left = r->deadline_ms - r->elapsed_ms, wait = backoff(r, e);
	if (wait < left)
		return wait;
	/* A short deadline still gets its second try. */
	if (!r->attempt && left > 1 && e->retry_after_ms < left)
		return left / 2;
	return final_errno(r, e);
}

/* ---- waiting */
uint32_t retry_random(void)
{
	uint32_t v = 0;
	if (getrandom(&v, sizeof v, GRND_NONBLOCK) != sizeof v)
		v = (uint32_t)now_ms() * 2654435761u;
	return v;
}

int retry_pause(unsigned scale_percent, int64_t ms)
{
	lock_assert_none();
	int64_t end = now_ms() + ms * scale_percent / 100;
	for (int64_t left; (left = end - now_ms()) > 0;) {
		if (cancelled())
			return err_set(-EINTR, "cancelled");
		if (left > POLL_MS)
			left = POLL_MS;
		struct timespec t = { 0, (long)left * 1000000 };
		clock_nanosleep(CLOCK_MONOTONIC, 0, &t, NULL);
	}
	return cancelled() ? err_set(-EINTR, "cancelled") : 0;
}
