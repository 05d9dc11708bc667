/* SPDX-License-Identifier: MIT */
/* Runs the user's own command that prints a token. Any thread. */
#ifndef DFM_DRIVE_AUTH_TOKEN_COMMAND_H
#define DFM_DRIVE_AUTH_TOKEN_COMMAND_H
#include "drive/auth/grant.h"

/* `sh -c command` with our environment, nothing on its standard input, in a process group that is
 * killed when `end_at_ms` (now_ms()) passes or this thread is cancelled. What it prints is the token,
 * or JSON with "access_token" and, if known, "expires_in" (s) or "expiry" (RFC 3339). -EACCES: it
 * failed, with the end of what it said on standard error. */
MUST_CHECK int token_command_run(const char *command, int64_t end_at_ms, struct grant_answer *ret);
#endif
