/* SPDX-License-Identifier: MIT */
/* Cached sources (cache_wrap). A reader works in pieces of at most PIECE_MAX bytes. For each it
 * registers a span, so that its blocks are not evicted under it, and then, under the lock, takes
 * the next step: copy what is there and verified; verify a block; join a flight and wait for its
 * own bytes; start one; or read the origin where the cache's disk does not serve. */
#ifndef DFM_CACHE_READ_H
#define DFM_CACHE_READ_H
#include "cache/fetch.h"

enum { PIECE_MAX = 4 << 20, READ_TRIES = 8, WAIT_SLICE_MS = 200 };
#endif
