/* SPDX-License-Identifier: MIT */
/* In which order eviction takes what is kept, whatever the disk is doing. */
#include "tests/unit/test_cache_fake.h"
#include "tests/unit/test_cache_fault.h"

#include "cache/evict.h"
#include "cache/index.h"
#include "cache/store.h"

#include <unistd.h>

enum { MB = 1 << 20 };

/* Read all of it; how many bytes came from the origin. */
static uint64_t use(struct cache *c, const char *name, uint64_t size)
{
	struct fake *f = fake_new(size, (uint32_t)name[0]);
	struct source *s = wrap(c, name, &f->src);
	read_all(s, f, MB);
	uint64_t n = fake_bytes(f);
	source_unref(s);
	source_unref(&f->src);
	return n;
}

static bool whole(struct cache *c, const char *name)
{
	struct cache_key k = { name, "r1", "" };
	return cache_complete(c, &k);
}

/* The next use is at a later millisecond. */
static void tick(struct cache *c)
{
	uint64_t t = store_now(c);
	while (store_now(c) == t)
		usleep(100);
}

static void open_index(struct index *x)
{
	char path[512];
	(void)snprintf(path, sizeof path, "%s/cache/blocks", test_dir);
	CHECK_INT(index_open(x, path), 0);
}

TEST(cache_evict__a_use_while_the_first_commit_is_at_the_disk_is_remembered)
{
	HEAVY;
	struct rev_meta m;
	struct index x;
	struct cache *c = open_cache(64 * MB);
	fault_hold(FAULT_DATASYNC);
	CHECK_INT(use(c, "a", 16 * MB), 16 * MB); /* what a commit waits for: all of it is in the first one */
	fault_await();
	tick(c);
	uint64_t again = store_now(c);
	CHECK_INT(use(c, "a", 16 * MB), 0);
	fault_go();
	cache_close(c);
	open_index(&x);
	CHECK_INT(index_load(&x, "a.r1.", &m, NULL, NULL), 0);
	CHECK(m.used >= again);
	index_close(&x);
}

TEST(cache_evict__the_order_holds_while_every_commit_is_slow)
{
	HEAVY;
	struct cache *c = open_cache(64 * MB);
	fault_hold(FAULT_DATASYNC);
	use(c, "a", 16 * MB);
	fault_await();
	tick(c);
	use(c, "b", 10 * MB);
	tick(c);
	use(c, "c", 10 * MB);
	tick(c);
	CHECK_INT(use(c, "a", 16 * MB), 0);
	fault_go();
	tick(c);
	use(c, "d", 10 * MB);
	use(c, "e", 10 * MB);
	tick(c);
	use(c, "f", 10 * MB);
	CHECK(!whole(c, "b"));
	CHECK(whole(c, "a"));
	CHECK(whole(c, "f"));
	cache_close(c);
}

/* The last block is short: a fetch that has written it and not yet ended must not vouch for it. */
TEST(cache_evict__the_last_block_that_goes_before_its_fetch_has_ended_is_fetched_again)
{
	HEAVY;
	struct cache *c = open_cache(64 * MB);
	struct fake *f = fake_new(MB + 4096, 7);
	struct source *s = wrap(c, "f", &f->src);
	f->hold_end = true;
	CHECK_INT(read_check(s, 7, 0, MB + 4096), 0);
	fake_await(f, 1);
	CHECK_INT(evict_bytes(c, 2 * MB), MB + 4096);
	CHECK_INT(read_check(s, 7, MB, 4096), 0);
	CHECK_INT(fake_streams(f), 2);
	fake_set(f, UINT64_MAX, UINT64_MAX);
	source_unref(s);
	source_unref(&f->src);
	cache_close(c);
}

/* ---- a damaged record */

struct spoil {
	MDB_dbi dbi;
	char key[64];
};

static int spoil_txn(MDB_txn *txn, void *ctx)
{
	struct spoil *s = ctx;
	MDB_val k = { strlen(s->key), s->key }, v;
	unsigned char copy[64];
	int r = mdb_get(txn, s->dbi, &k, &v);
	if (r)
		return r;
	memcpy(copy, v.mv_data, v.mv_size);
	copy[20] ^= 1; /* one bit of the record */
	v.mv_data = copy;
	return mdb_put(txn, s->dbi, &k, &v, 0);
}

static void spoil(const char *name)
{
	struct index x;
	struct spoil s = { 0 };
	open_index(&x);
	s.dbi = x.dbi;
	(void)snprintf(s.key, sizeof s.key, "R%s.r1.", name);
	CHECK_INT(env_write(x.env, spoil_txn, &s), 0);
	index_close(&x);
}

/* Revisions of 10 MiB each, by a cache of their own run. */
static void keep(const char *const *names, size_t n)
{
	struct cache *c = open_cache(64 * MB);
	for (size_t i = 0; i < n; i++) {
		use(c, names[i], 10 * MB);
		tick(c);
	}
	cache_close(c);
}

/* What the index says that it keeps, in all and of these. */
static uint64_t counted(void)
{
	struct index x;
	uint64_t n = 0;
	open_index(&x);
	CHECK_INT(index_bytes(&x, &n), 0);
	index_close(&x);
	return n;
}

static uint64_t recorded(const char *const *names, size_t n)
{
	struct index x;
	struct rev_meta m;
	uint64_t sum = 0;
	char name[64];
	open_index(&x);
	for (size_t i = 0; i < n; i++) {
		(void)snprintf(name, sizeof name, "%s.r1.", names[i]);
		if (!index_load(&x, name, &m, NULL, NULL))
			sum += m.bytes;
	}
	index_close(&x);
	return sum;
}

TEST(cache_evict__a_damaged_record_does_not_keep_the_old_from_going)
{
	HEAVY;
	static const char *const old[] = { "a", "b", "c", "d", "e" }, *const hot = "hot";
	struct cache_stats st;
	keep(old, 5);
	spoil("a");
	struct cache *c = open_cache(64 * MB);
	use(c, "hot", 30 * MB);
	CHECK_INT(use(c, "hot", 30 * MB), 0);
	CHECK(!whole(c, "b"));
	CHECK(whole(c, "e"));
	cache_stats(c, &st);
	CHECK(st.bytes <= 64 * MB);
	cache_close(c);
	CHECK_INT(counted(), recorded(old, 5) + recorded(&hot, 1)); /* what the damaged one counted is not */
	char path[600];
	(void)snprintf(path, sizeof path, "find %s/cache/rev -name a.r1. | grep -q .", test_dir);
	CHECK(system(path) != 0); /* nor does its file stay */
}

TEST(cache_evict__a_damaged_record_that_was_fetched_again_is_in_order)
{
	HEAVY;
	static const char *const old[] = { "a", "b", "c" };
	keep(old, 3);
	spoil("a");
	struct cache *c = open_cache(64 * MB);
	CHECK_INT(use(c, "a", 10 * MB), 10 * MB);
	cache_close(c); /* a has a record again, and two times of use */
	c = open_cache(64 * MB);
	use(c, "hot", 30 * MB);
	CHECK(!whole(c, "b"));
	CHECK(whole(c, "a"));
	CHECK(whole(c, "hot"));
	cache_close(c);
}

TEST(cache_evict__fifty_days_after_the_start_the_order_is_as_on_the_first)
{
	HEAVY;
	static const char *const old[] = { "a", "b", "c" };
	struct cache *c = open_cache(64 * MB);
	c->start -= 50ll * 86400 * 1000; /* it was opened then */
	for (int i = 0; i < 3; i++) {
		use(c, old[i], 10 * MB);
		tick(c);
	}
	struct fake *f = fake_new(30 * MB, 9);
	struct source *hot = wrap(c, "hot", &f->src); /* stays open, as a model that is in use does */
	for (int i = 0; i < 3; i++) {
		read_all(hot, f, MB);
		tick(c);
	}
	use(c, "d", 10 * MB);
	read_all(hot, f, MB);
	CHECK_INT(fake_bytes(f), 30 * MB);
	CHECK(!whole(c, "a"));
	source_unref(hot);
	source_unref(&f->src);
	cache_close(c);
}
