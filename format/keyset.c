/* SPDX-License-Identifier: MIT */
/* 256 tables with linear probing, each growing on its own: what is copied at once stays small.
 * An entry is 24 bits of hash, which also say where it belongs, and ref + 1; with the 8 bits that
 * choose the table two different words meet once in 2^32 pairs. */
#include "format/keyset.h"

#include <string.h>
#include <sys/random.h>

enum { TABLES = 256, TAG_SHIFT = 40, TABLE_MAX = 1 << 24, TABLE_MIN = 8 };
#define REF_MASK ((UINT64_C(1) << TAG_SHIFT) - 1)

struct table {
	uint64_t *slot;
	uint32_t n, cap;
};
struct keyset {
	uint64_t key[2];
	keyset_same *same;
	void *ctx;
	struct table tables[TABLES];
};

static inline uint64_t rotate(uint64_t x, unsigned n) { return x << n | x >> (64 - n); }

static inline void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[0] = rotate(v[0], 32);
	v[2] += v[3];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[2] = rotate(v[2], 32);
}

static uint64_t load64(const unsigned char *p, size_t n)
{
	uint64_t x = 0;
	memcpy(&x, p, n); /* the byte order does not matter: the hash never leaves this process */
	return x;
}

/* SipHash-1-3 (Aumasson, Bernstein): no file can be made whose words all fall into one place. */
static uint64_t sip(const uint64_t key[2], const unsigned char *p, size_t n)
{
	uint64_t v[4] = { key[0] ^ UINT64_C(0x736f6d6570736575), key[1] ^ UINT64_C(0x646f72616e646f6d),
			  key[0] ^ UINT64_C(0x6c7967656e657261), key[1] ^ UINT64_C(0x7465646279746573) };
	uint64_t last = (uint64_t)n << 56;
	for (; n >= 8; n -= 8, p += 8) {
		uint64_t m = load64(p, 8);
		v[3] ^= m;
		sip_round(v);
		v[0] ^= m;
	}
	last |= load64(p, n);
	v[3] ^= last;
	sip_round(v);
	v[0] ^= last;
	v[2] ^= 0xff;
	for (int i = 0; i < 3; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

int keyset_new(keyset_same *same, void *ctx, struct keyset **ret)
{
	struct keyset *s = calloc(1, sizeof *s);
	if (!s)
		return err_nomem("a set of words");
	if (getrandom(s->key, sizeof s->key, 0) != sizeof s->key) {
		free(s);
		return err_set(-EIO, "getrandom: %s", strerror(errno));
	}
	s->same = same;
	s->ctx = ctx;
	*ret = s;
	return 0;
}

struct keyset *keyset_free(struct keyset *s)
{
	for (unsigned i = 0; s && i < TABLES; i++)
		free(s->tables[i].slot);
	free(s);
	return NULL;
}

static uint32_t home(uint64_t entry, uint32_t cap) { return (uint32_t)((entry >> TAG_SHIFT) * cap >> 24); }

static void place_entry(uint64_t *slot, uint32_t cap, uint64_t entry)
{
	uint32_t i = home(entry, cap);
	while (slot[i])
		i = i + 1 == cap ? 0 : i + 1;
	slot[i] = entry;
}

/* By a half, so that a table is never emptier than 8/15. */
static int grow_table(struct table *t)
{
	uint32_t cap = t->cap ? t->cap + t->cap / 2 : TABLE_MIN;
	if (cap > TABLE_MAX)
		return err_set(-EMEDIUMTYPE, "more words than can be told apart (about 3 thousand million)");
	uint64_t *slot = calloc(cap, sizeof *slot);
	if (!slot)
		return err_nomem("a set of words");
	for (uint32_t i = 0; i < t->cap; i++)
		if (t->slot[i])
			place_entry(slot, cap, t->slot[i]);
	free(t->slot);
	t->slot = slot;
	t->cap = cap;
	return 0;
}

int keyset_add(struct keyset *s, const void *key, size_t n, uint64_t ref, bool *ret_new)
{
	uint64_t hash = sip(s->key, key, n), entry = hash >> TAG_SHIFT << TAG_SHIFT | (ref + 1);
	struct table *t = &s->tables[hash % TABLES];
	*ret_new = false;
	if (ref > KEYSET_REF_MAX)
		return err_set(-EMEDIUMTYPE, "a word behind the first 2^40 bytes");
	int r = t->n >= t->cap / 5 * 4 ? grow_table(t) : 0;
	if (r)
		return r;
	uint32_t i = home(entry, t->cap);
	for (; t->slot[i]; i = i + 1 == t->cap ? 0 : i + 1) {
		bool same = false;
		if ((t->slot[i] ^ entry) >> TAG_SHIFT)
			continue;
		r = s->same(s->ctx, (t->slot[i] & REF_MASK) - 1, key, n, &same);
		if (r || same)
			return r;
	}
	t->slot[i] = entry;
	t->n++;
	*ret_new = true;
	return 0;
}
