/* SPDX-License-Identifier: MIT */
#include "cache/ondisk.h"

#include "format/crc32c.h"

#include <string.h>

enum { ONDISK_VERSION = 1 };

static uint32_t body_crc(struct bytes_view key, const uint8_t *body, size_t n)
{
	return crc32c(crc32c(0, key.data, key.n), body, n);
}

static void put_header(uint8_t *out, uint8_t type, uint32_t crc)
{
	out[0] = type;
	out[1] = ONDISK_VERSION;
	out[2] = out[3] = 0;
	le32_put(out + 4, crc);
}

static int check_entry(struct bytes_view key, struct bytes_view rec, uint8_t type, size_t least)
{
	const uint8_t *p = rec.data;
	if (rec.n < ONDISK_HEADER + least || p[0] != type || p[1] != ONDISK_VERSION)
		return err_set(-EBADMSG, "a cache record of %zu bytes is not a '%c' record", rec.n, type);
	if (le32_get(p + 4) != body_crc(key, p + ONDISK_HEADER, rec.n - ONDISK_HEADER))
		return err_set(-EBADMSG, "a '%c' record of the cache is damaged", type);
	return 0;
}

void ondisk_put_rev(uint8_t out[ONDISK_REV], struct bytes_view key, const struct rev_meta *m)
{
	le64_put(out + 8, m->size);
	le64_put(out + 16, m->used);
	le64_put(out + 24, m->bytes);
	put_header(out, 'R', body_crc(key, out + ONDISK_HEADER, ONDISK_REV - ONDISK_HEADER));
}

int ondisk_get_rev(struct bytes_view key, struct bytes_view rec, struct rev_meta *ret)
{
	const uint8_t *p = rec.data;
	int r = check_entry(key, rec, 'R', ONDISK_REV - ONDISK_HEADER);
	if (r)
		return r;
	*ret = (struct rev_meta){ le64_get(p + 8), le64_get(p + 16), le64_get(p + 24) };
	if (rec.n != ONDISK_REV || ret->bytes > ret->size)
		return err_set(-EBADMSG, "a revision record of the cache makes no sense");
	return 0;
}

size_t ondisk_put_chunk(uint8_t out[ONDISK_CHUNK_MAX], struct bytes_view key, const struct chunk_image *c)
{
	size_t map = (c->n + 7) / 8, at = ONDISK_HEADER;
	out[at++] = (uint8_t)c->n;
	out[at++] = (uint8_t)(c->n >> 8);
	memcpy(out + at, c->present, map);
	at += map;
	for (unsigned i = 0; i < c->n; i++, at += 4)
		le32_put(out + at, bit_get(c->present, i) ? c->crc[i] : 0);
	put_header(out, 'B', body_crc(key, out + ONDISK_HEADER, at - ONDISK_HEADER));
	return at;
}

int ondisk_get_chunk(struct bytes_view key, struct bytes_view rec, struct chunk_image *ret)
{
	const uint8_t *p = rec.data;
	int r = check_entry(key, rec, 'B', 2);
	if (r)
		return r;
	unsigned n = p[8] | (unsigned)p[9] << 8;
	size_t map = (n + 7) / 8;
	if (n < 1 || n > CHUNK_BLOCKS || rec.n != ONDISK_HEADER + 2 + map + 4 * (size_t)n)
		return err_set(-EBADMSG, "a block record of the cache makes no sense");
	*ret = (struct chunk_image){ .n = n };
	memcpy(ret->present, p + ONDISK_HEADER + 2, map);
	for (unsigned i = 0; i < n; i++)
		ret->crc[i] = le32_get(p + ONDISK_HEADER + 2 + map + 4 * (size_t)i);
	return 0;
}

void ondisk_put_state(struct buf *out, struct bytes_view key, struct bytes_view data)
{
	uint8_t h[ONDISK_HEADER];
	put_header(h, 'S', body_crc(key, data.data, data.n));
	buf_add(out, h, sizeof h);
	buf_add(out, data.data, data.n);
}

int ondisk_get_state(struct bytes_view key, struct bytes_view rec, struct bytes_view *ret)
{
	int r = check_entry(key, rec, 'S', 0);
	if (r)
		return r;
	*ret = (struct bytes_view){ (const uint8_t *)rec.data + ONDISK_HEADER, rec.n - ONDISK_HEADER };
	return 0;
}
