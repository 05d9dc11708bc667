/* SPDX-License-Identifier: MIT */
/* CRC-32C (Castagnoli, RFC 3720 B.4): the integrity check of the block cache and of TensorFlow's
 * tensor bundles. Values are plain; crc32c_mask() makes the form that TensorFlow and leveldb
 * store. Uses the CPU's instruction where there is one. Any thread. */
#ifndef DFM_FORMAT_CRC32C_H
#define DFM_FORMAT_CRC32C_H
#include <stddef.h>
#include <stdint.h>

/* The CRC of what `crc` covers (0: nothing) followed by n bytes. */
uint32_t crc32c(uint32_t crc, const void *data, size_t n);
/* The CRC of A followed by B, from those of A and of B and the length of B. O(log len_b). */
uint32_t crc32c_combine(uint32_t a, uint32_t b, uint64_t len_b);
uint32_t crc32c_mask(uint32_t crc);
uint32_t crc32c_unmask(uint32_t masked);
#endif
