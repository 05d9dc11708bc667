/* SPDX-License-Identifier: MIT */
/* On-disk records of the cache <-> structs. Pure: no file, no lock, any thread.
 *
 * Every record starts with 8 bytes: type, version (1), two zero bytes, and the CRC-32C (LE32) of
 * the record's key followed by everything behind the header. LMDB gives damaged pages back as
 * good data, so nothing is believed without that CRC. All integers are little-endian.
 *
 *   'R' revision  size u64, used u64 (ms), bytes u64: how many bytes of it are kept
 *   'B' blocks    n u16 (1..256), bitmap (n+7)/8 bytes, n CRC-32C u32: 256 blocks of a revision,
 *                 those that are not kept have CRC 0
 *   'S' state     the caller's bytes
 *
 * Decoding: 0, or -EBADMSG with the reason recorded; hostile bytes are fine. */
#ifndef DFM_CACHE_ONDISK_H
#define DFM_CACHE_ONDISK_H
#include "format/buf.h"

enum {
	CHUNK_BLOCKS = 256,	/* blocks per 'B' record: about 1 KB, so that two fit an LMDB page */
	ONDISK_HEADER = 8,
	ONDISK_REV = ONDISK_HEADER + 24,
	ONDISK_CHUNK_MAX = ONDISK_HEADER + 2 + CHUNK_BLOCKS / 8 + CHUNK_BLOCKS * 4,
};

struct rev_meta {
	uint64_t size, used, bytes;
};
struct chunk_image { /* a 'B' record in memory */
	unsigned n;
	uint8_t present[CHUNK_BLOCKS / 8];
	uint32_t crc[CHUNK_BLOCKS];
};
struct bytes_view {
	const void *data;
	size_t n;
};

static inline bool bit_get(const uint8_t *map, uint64_t i) { return map[i / 8] >> (i % 8) & 1; }
static inline void bit_set(uint8_t *map, uint64_t i) { map[i / 8] |= (uint8_t)(1u << (i % 8)); }
static inline void bit_clear(uint8_t *map, uint64_t i) { map[i / 8] &= (uint8_t)~(1u << (i % 8)); }

static inline void le32_put(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (8 * i));
}
static inline void le64_put(uint8_t *p, uint64_t v)
{
	for (int i = 0; i < 8; i++)
		p[i] = (uint8_t)(v >> (8 * i));
}
static inline uint32_t le32_get(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}
static inline uint64_t le64_get(const uint8_t *p) { return le32_get(p) | (uint64_t)le32_get(p + 4) << 32; }
/* Big-endian, for keys that LMDB sorts. */
static inline void be64_put(uint8_t *p, uint64_t v)
{
	for (int i = 0; i < 8; i++)
		p[i] = (uint8_t)(v >> (56 - 8 * i));
}
static inline uint64_t be64_get(const uint8_t *p)
{
	uint64_t v = 0;
	for (int i = 0; i < 8; i++)
		v = v << 8 | p[i];
	return v;
}

void ondisk_put_rev(uint8_t out[ONDISK_REV], struct bytes_view key, const struct rev_meta *m);
MUST_CHECK int ondisk_get_rev(struct bytes_view key, struct bytes_view rec, struct rev_meta *ret);
/* Returns the length. */
size_t ondisk_put_chunk(uint8_t out[ONDISK_CHUNK_MAX], struct bytes_view key, const struct chunk_image *c);
MUST_CHECK int ondisk_get_chunk(struct bytes_view key, struct bytes_view rec, struct chunk_image *ret);
/* Check with buf_check(). */
void ondisk_put_state(struct buf *out, struct bytes_view key, struct bytes_view data);
/* *ret points into rec. */
MUST_CHECK int ondisk_get_state(struct bytes_view key, struct bytes_view rec, struct bytes_view *ret);
#endif
