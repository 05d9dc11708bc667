/* SPDX-License-Identifier: MIT */
/* One header line of an answer into its place in http_response. Hostile input; any thread. */
#ifndef DFM_DRIVE_HEADER_H
#define DFM_DRIVE_HEADER_H
#include "drive/http.h"

/* `data` need not end with NUL, and may end with CR LF. What is not known, or makes no sense, is
 * left out. -ENOMEM. */
MUST_CHECK int header_take(struct http_response *p, const char *data, size_t n);
#endif
