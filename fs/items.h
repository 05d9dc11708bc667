/* SPDX-License-Identifier: MIT */
/* Lists of unsaved bytes, which are JSON for programs, as lines for people. One thread. */
#ifndef DFM_FS_ITEMS_H
#define DFM_FS_ITEMS_H
#include "format/buf.h"

/* `json` is an array of flat objects, as status makes them. Adds a line for each: its "path", else its
 * "draft", then its other fields that say something, sizes in KiB and so on; escaped (escape.h). */
void items_show(struct buf *b, const char *json);
/* "1.5 GiB" */
void items_bytes(struct buf *b, uint64_t n);
#endif
