/* SPDX-License-Identifier: MIT */
/* Whether and when a request is sent again: a pure decision, so that every rule has a test.
 * Drive's guide asks for min(2^n s + up to 1 s at random, 32 s). */
#ifndef DFM_DRIVE_RETRY_H
#define DFM_DRIVE_RETRY_H
#include "drive/error.h"

struct retry {
	bool repeatable;	/* done twice it is the same as done once */
	bool upload;		/* the limits of uploads apply */
	unsigned attempt;	/* failures before this one, since the last progress */
	int64_t elapsed_ms, deadline_ms;	/* since the call or the last progress */
	uint32_t random;
};
/* Milliseconds to wait before the next try, or a negative errno: give up with it. */
int64_t retry_wait(const struct retry *r, const struct drive_error *e);

/* Waits `ms`, scaled; 0, or -EINTR soon after cancelled(). */
MUST_CHECK int retry_pause(unsigned scale_percent, int64_t ms);
uint32_t retry_random(void);
#endif
