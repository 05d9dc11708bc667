/* SPDX-License-Identifier: MIT */
/* Memory for the bytes of a read: page-aligned, so that the kernel copies whole pages, and given back
 * when the reply is out; a few are kept. */
#ifndef DFM_FS_READBUF_H
#define DFM_FS_READBUF_H
#include "format/base.h"

/* NULL: no memory, or more than the kernel ever asks for (1 MiB). */
void *readbuf_take(size_t n);
void readbuf_put(void *buf);
#endif
