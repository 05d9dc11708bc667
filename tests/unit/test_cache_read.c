/* SPDX-License-Identifier: MIT */
#include "tests/unit/test_cache_fake.h"

#include "format/crc32c.h"

#include <unistd.h>

enum { KB = 1 << 10, MB = 1 << 20 };

/* A cache with one file in it. */
struct one {
	struct cache *c;
	struct fake *f;
	struct source *s;
};

static struct one one_open(uint64_t bytes_max, uint64_t size)
{
	struct one o = { .f = fake_new(size, 7) };
	o.c = open_cache(bytes_max);
	o.s = wrap(o.c, "f", &o.f->src);
	return o;
}

static void one_close(struct one *o)
{
	source_unref(o->s);
	source_unref(&o->f->src);
	cache_close(o->c);
}

TEST(cache_read__a_cold_sequential_read_of_64_mib_takes_four_streams)
{
	HEAVY;
	struct one o = one_open(256 * MB, 64 * MB);
	read_all(o.s, o.f, 128 * KB);
	CHECK_INT(fake_streams(o.f), 4);
	CHECK_INT(fake_bytes(o.f), 64 * MB);
	one_close(&o);
}

TEST(cache_read__reads_a_little_out_of_order_are_still_one_stream)
{
	HEAVY;
	struct one o = one_open(256 * MB, 64 * MB);
	for (uint64_t g = 0; g < 64 * MB; g += MB)
		for (int i = 7; i >= 0; i--) /* each MiB backwards */
			CHECK_INT(read_check(o.s, 7, g + (uint64_t)(i ^ (g / MB % 2)) * 128 * KB, 128 * KB), 0);
	CHECK(fake_streams(o.f) <= 6);
	CHECK_INT(fake_bytes(o.f), 64 * MB);
	one_close(&o);
}

TEST(cache_read__a_second_run_fetches_nothing)
{
	HEAVY;
	struct one o = one_open(256 * MB, 20 * MB + 12345);
	read_all(o.s, o.f, MB);
	one_close(&o);
	o = one_open(256 * MB, 20 * MB + 12345);
	struct cache_key key = { "f", "r1", "" };
	CHECK(cache_complete(o.c, &key));
	read_all(o.s, o.f, 300000);
	CHECK_INT(fake_streams(o.f), 0);
	struct cache_stats st;
	cache_stats(o.c, &st);
	CHECK_INT(st.bytes, 20 * MB + 12345);
	CHECK_INT(st.misses, 0);
	one_close(&o);
}

TEST(cache_read__a_small_file_is_one_fetch_wherever_the_read_is)
{
	struct one o = one_open(64 * MB, 5 * MB + 1);
	CHECK_INT(read_check(o.s, 7, 3 * MB + 5, 10), 0);
	read_all(o.s, o.f, 128 * KB);
	CHECK_INT(fake_streams(o.f), 1);
	CHECK_INT(fake_bytes(o.f), 5 * MB + 1);
	one_close(&o);
}

TEST(cache_read__a_random_read_fetches_the_blocks_that_it_touches)
{
	struct one o = one_open(256 * MB, 200 * MB);
	CHECK_INT(read_check(o.s, 7, 100 * MB + 5000, 4096), 0);
	CHECK_INT(fake_asked(o.f), MB);
	CHECK_INT(read_check(o.s, 7, 50 * MB - 10, 20), 0);
	CHECK_INT(fake_asked(o.f), 3 * MB);
	CHECK_INT(fake_streams(o.f), 2);
	one_close(&o);
}

TEST(cache_read__eight_interleaved_streams_are_told_apart)
{
	HEAVY;
	struct one o = one_open(256 * MB, 112 * MB);
	for (uint64_t off = 0; off < 14 * MB; off += MB)
		for (uint64_t s = 0; s < 8; s++)
			CHECK_INT(read_check(o.s, 7, s * 14 * MB + off, MB), 0);
	CHECK(fake_streams(o.f) <= 8 * 3);
	CHECK_INT(fake_asked(o.f), 112 * MB);
	one_close(&o);
}

struct reader {
	pthread_t t;
	struct source *s;
	uint64_t off;
	size_t n;
	int result;
	char text[512];
	bool (*cancel)(void *ctx);
	void *ctx;
};

static void *reader_run(void *ctx)
{
	struct reader *r = ctx;
	if (r->cancel)
		cancel_set(r->cancel, r->ctx);
	r->result = read_check(r->s, 7, r->off, r->n);
	(void)snprintf(r->text, sizeof r->text, "%s", err_last());
	return NULL;
}

static void reader_start(struct reader *r) { CHECK_INT(pthread_create(&r->t, NULL, reader_run, r), 0); }

static int reader_end(struct reader *r)
{
	pthread_join(r->t, NULL);
	return r->result;
}

TEST(cache_read__eight_threads_share_one_fetch)
{
	HEAVY;
	struct one o = one_open(64 * MB, 4 * MB);
	struct reader r[8];
	fake_set(o.f, 0, UINT64_MAX);
	for (int i = 0; i < 8; i++) {
		r[i] = (struct reader){ .s = o.s, .off = (uint64_t)i * 512 * KB, .n = 512 * KB };
		reader_start(&r[i]);
	}
	fake_await(o.f, 1);
	fake_set(o.f, UINT64_MAX, UINT64_MAX);
	for (int i = 0; i < 8; i++)
		CHECK_INT(reader_end(&r[i]), 0);
	CHECK_INT(fake_streams(o.f), 1);
	CHECK_INT(fake_bytes(o.f), 4 * MB);
	one_close(&o);
}

TEST(cache_read__a_reader_waits_for_its_own_bytes_only)
{
	struct one o = one_open(64 * MB, 8 * MB);
	fake_set(o.f, 256 * KB, UINT64_MAX); /* the rest never comes while this test reads */
	CHECK_INT(read_check(o.s, 7, 0, 256 * KB), 0);
	CHECK_INT(read_check(o.s, 7, 100, 128 * KB), 0);
	fake_set(o.f, UINT64_MAX, UINT64_MAX);
	read_all(o.s, o.f, MB);
	CHECK_INT(fake_streams(o.f), 1);
	one_close(&o);
}

TEST(cache_read__a_failed_fetch_fails_its_waiters_and_keeps_whole_blocks)
{
	struct one o = one_open(64 * MB, 8 * MB);
	fake_set(o.f, UINT64_MAX, 3 * MB + 100000);
	o.f->fail_with = -ENETUNREACH;
	struct reader r = { .s = o.s, .off = 3 * MB, .n = MB };
	reader_start(&r);
	CHECK_INT(reader_end(&r), -ENETUNREACH);
	CHECK_STR(r.text, "fake: failed on purpose");
	fake_set(o.f, UINT64_MAX, UINT64_MAX);
	read_all(o.s, o.f, MB);
	CHECK_INT(fake_streams(o.f), 2);
	CHECK(fake_bytes(o.f) < 8 * MB + 128 * KB);
	one_close(&o);
}

TEST(cache_read__tentative_bytes_are_seen_only_when_their_stream_has_ended_well)
{
	struct one o = one_open(64 * MB, 8 * MB);
	o.f->tentative = true;
	fake_set(o.f, UINT64_MAX, 7 * MB);
	o.f->fail_with = -ESTALE;
	struct reader r = { .s = o.s, .off = 0, .n = 100 };
	reader_start(&r);
	CHECK_INT(reader_end(&r), -ESTALE); /* its bytes had come, but might be of another revision */
	fake_set(o.f, UINT64_MAX, UINT64_MAX);
	uint64_t before = fake_bytes(o.f);
	read_all(o.s, o.f, MB);
	CHECK_INT(fake_bytes(o.f) - before, 8 * MB); /* nothing of the first stream was kept */
	read_all(o.s, o.f, MB);
	CHECK_INT(fake_streams(o.f), 2);
	one_close(&o);
}

static bool flag_set(void *ctx) { return __atomic_load_n((bool *)ctx, __ATOMIC_RELAXED); }

TEST(cache_read__a_cancelled_reader_leaves_and_the_others_go_on)
{
	struct one o = one_open(64 * MB, 8 * MB);
	bool stop = false;
	fake_set(o.f, 0, UINT64_MAX);
	struct reader a = { .s = o.s, .off = 0, .n = MB, .cancel = flag_set, .ctx = &stop };
	struct reader b = { .s = o.s, .off = MB, .n = MB };
	reader_start(&a);
	reader_start(&b);
	fake_await(o.f, 1);
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	CHECK_INT(reader_end(&a), -EINTR);
	fake_set(o.f, UINT64_MAX, UINT64_MAX);
	CHECK_INT(reader_end(&b), 0);
	one_close(&o);
}

TEST(cache_read__stopping_ends_waits_and_starts_nothing)
{
	struct one o = one_open(64 * MB, 8 * MB);
	fake_set(o.f, MB, UINT64_MAX);
	struct reader r = { .s = o.s, .off = 4 * MB, .n = MB };
	reader_start(&r);
	fake_await(o.f, 1);
	cache_stop(o.c);
	CHECK_INT(reader_end(&r), -EINTR);
	CHECK_INT(read_check(o.s, 7, 7 * MB, 10), -EINTR);
	CHECK_INT(read_check(o.s, 7, 5, 1000), 0); /* what is there may be read */
	one_close(&o);
	CHECK(warnings == 0);
}

TEST(cache_read__block_crcs_come_without_a_second_fetch)
{
	struct one o = one_open(64 * MB, 10 * MB + 77);
	uint32_t got, want = 0;
	CHECK_INT(source_crc32c(o.s, 0, o.s->size, &got), 0);
	for (uint64_t off = 0; off < o.s->size; off += 77) {
		char p[77];
		size_t n = o.s->size - off < sizeof p ? (size_t)(o.s->size - off) : sizeof p;
		fake_fill(7, p, n, off);
		want = crc32c(want, p, n);
	}
	CHECK(got == want);
	CHECK_INT(fake_bytes(o.f), 10 * MB + 77);
	one_close(&o);
}

TEST(cache_read__without_an_origin_only_what_is_complete)
{
	struct one o = one_open(64 * MB, 10 * MB);
	struct cache_key key = { "f", "r1", "" }, other = { "g", "r1", "" };
	struct source *s;
	CHECK_INT(read_check(o.s, 7, 9 * MB, 10), 0);
	CHECK(!cache_complete(o.c, &key));
	CHECK_INT(cache_wrap(o.c, &key, NULL, &s), -ENODATA);
	CHECK_INT(cache_wrap(o.c, &other, NULL, &s), -ENODATA);
	read_all(o.s, o.f, MB);
	CHECK(cache_complete(o.c, &key));
	s = wrap(o.c, "f", NULL);
	CHECK_INT(read_check(s, 7, MB - 3, 10), 0);
	source_unref(s);
	one_close(&o);
}

TEST(cache_read__a_dropped_revision_is_forgotten_but_stays_readable_where_it_is_open)
{
	struct one o = one_open(64 * MB, 6 * MB);
	struct cache_key key = { "f", "r1", "" };
	read_all(o.s, o.f, MB);
	cache_drop(o.c, &key);
	CHECK(!cache_complete(o.c, &key));
	struct cache_stats st;
	cache_stats(o.c, &st);
	CHECK_INT(st.bytes, 0);
	read_all(o.s, o.f, MB);
	CHECK_INT(fake_streams(o.f), 1);
	one_close(&o);
	o = one_open(64 * MB, 6 * MB);
	CHECK(!cache_complete(o.c, &key));
	read_all(o.s, o.f, MB);
	CHECK_INT(fake_streams(o.f), 1);
	one_close(&o);
}

TEST(cache_read__a_key_that_changed_its_size_starts_again)
{
	HEAVY;
	struct one o = one_open(64 * MB, 6 * MB);
	read_all(o.s, o.f, MB);
	struct fake *g = fake_new(3 * MB, 9);
	struct source *s = wrap(o.c, "f", &g->src);
	read_all(s, g, MB);
	read_all(o.s, o.f, MB);
	CHECK_INT(fake_streams(g), 1);
	source_unref(s);
	source_unref(&g->src);
	one_close(&o);
}

TEST(cache_read__keys_do_not_run_into_each_other)
{
	static const struct cache_key keys[] = { { "a.b", "c", "" }, { "a", "b.c", "" }, { "a", "b", "c" },
						 { "a%2Eb", "c", "" }, { "../a", "/b", "\n" } };
	struct cache *c = open_cache(64 * MB);
	enum { N = sizeof keys / sizeof *keys };
	struct fake *f[N];
	struct source *s[N];
	for (uint32_t i = 0; i < N; i++) {
		f[i] = fake_new(1000, i);
		CHECK_INT(cache_wrap(c, &keys[i], source_ref(&f[i]->src), &s[i]), 0);
		CHECK_INT(read_check(s[i], i, 0, 1000), 0);
	}
	for (uint32_t i = 0; i < N; i++) {
		CHECK_INT(read_check(s[i], i, 0, 1000), 0);
		source_unref(s[i]);
		source_unref(&f[i]->src);
	}
	cache_close(c);
}

TEST(cache_read__nothing_is_read_ahead_while_the_origin_has_nothing_to_spare)
{
	HEAVY;
	struct cache *c = open_cache(64 << 20);
	struct fake *f = fake_new(20 << 20, 7);
	f->busy = true;
	struct source *s = wrap(c, "f", &f->src);
	for (uint64_t off = 0; off < 8 << 20; off += 1 << 20)
		CHECK_INT(read_check(s, 7, off, 1 << 20), 0);
	CHECK_INT(fake_streams(f), 1);
	CHECK_INT(fake_asked(f), 8 << 20);
	CHECK_INT(read_check(s, 7, 8 << 20, 1 << 20), 0); /* what is needed is fetched all the same */
	CHECK_INT(fake_streams(f), 2);
	f->busy = false;
	read_all(s, f, 1 << 20);
	source_unref(s);
	source_unref(&f->src);
	cache_close(c);
}
