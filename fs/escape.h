/* SPDX-License-Identifier: MIT */
/* Text from Drive (names, e-mails, messages) for a terminal or a log: what would move the cursor, forge a
 * line or turn the writing direction is shown as an escape. Any thread. */
#ifndef DFM_FS_ESCAPE_H
#define DFM_FS_ESCAPE_H
#include "format/buf.h"

/* Adds `s` with control characters (C0, DEL, C1), bytes that are not UTF-8 as \n, \t, \r, \xHH, and what is
 * invisible or turns the direction of text as \u{HHHH}. All else stays, a backslash too. */
void escape_add(struct buf *b, const char *s);
/* The same into `to`, at most max - 1 bytes and a NUL, whole escapes only; returns the length. */
size_t escape_text(char *to, size_t max, const char *s);
#endif
