/* SPDX-License-Identifier: MIT */
/* A growable byte string with a hard maximum. Adding beyond the maximum, or without memory,
 * adds nothing more, frees nothing and sets `failed`: a run of adds is checked once, at the end,
 * by buf_check(). `data` is NUL-terminated behind `len` whenever it is not NULL.
 * One thread at a time. */
#ifndef DFM_FORMAT_BUF_H
#define DFM_FORMAT_BUF_H
#include "format/base.h"

struct buf {
	char *data;
	size_t len, cap, max;
	bool failed;
};
#define BUF_INIT(bytes_max) { NULL, 0, 0, (bytes_max), false }
#define CLEANUP_BUF CLEANUP(buf_done)

void buf_done(struct buf *b);	/* frees; the buffer is empty and usable again */
void buf_reset(struct buf *b);	/* empties, keeps the memory */
void buf_add(struct buf *b, const void *data, size_t n);
void buf_str(struct buf *b, const char *s);
void buf_byte(struct buf *b, unsigned char c);
void buf_printf(struct buf *b, const char *fmt, ...) PRINTF(2, 3);
/* Bytes of the UTF-8 character at s (1 to 4), 0 if there is none (overlong and surrogates too). */
size_t buf_utf8(const char *s);
/* The code point of those n bytes. */
uint32_t buf_utf8_code(const char *s, size_t n);
/* Has it no shape, or does it turn the direction of text or end a line (Unicode's bidirectional controls, line
 * separators, tags ...)? Not the joiners that scripts and emoji need. */
bool buf_utf8_unseen(uint32_t code);
/* `s` as a JSON string with its quotes (RFC 8259), control and unseen characters as \uHHHH; invalid UTF-8
 * becomes U+FFFD. */
void buf_json(struct buf *b, const char *s);
/* 0, or -ENOMEM / -EFBIG with the reason recorded. */
MUST_CHECK int buf_check(const struct buf *b, const char *what);
/* The bytes, which the caller frees; the buffer is empty afterwards. NULL if it failed. */
char *buf_take(struct buf *b);
#endif
