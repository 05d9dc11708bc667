/* SPDX-License-Identifier: MIT */
#include "tests/unit/test_cache_fake.h"

#include "cache/extent.h"
#include "format/crc32c.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

enum { KB = 1 << 10, MB = 1 << 20 };

static void draft_file(const struct draft *d, char path[512])
{
	(void)snprintf(path, 512, "%s/cache/draft/%llu", test_dir, (unsigned long long)draft_number(d));
}

static void write_fake(struct draft *d, uint32_t seed, uint64_t off, size_t n)
{
	char *p = malloc(n);
	CHECK(p);
	fake_fill(seed, p, n, off);
	int r = draft_pwrite(d, p, n, off);
	free(p);
	CHECK_INT(r, 0);
}

TEST(cache_draft__becomes_a_complete_revision)
{
	struct cache *c = open_cache(64 * MB);
	struct cache_key key = { "f", "r1", "" };
	struct draft *d;
	struct source *sealed;
	uint32_t a, b;
	CHECK_INT(draft_create(c, NULL, &d), 0);
	for (uint64_t off = 0; off < 3 * MB; off += 100000)
		write_fake(d, 5, off, off + 100000 < 3 * MB ? 100000 : (size_t)(3 * MB - off));
	CHECK_INT(draft_note(d, "target", 6), 0);
	CHECK_INT(draft_seal(d, &sealed), 0);
	CHECK_INT(draft_pwrite(d, "x", 1, 0), -EBUSY);
	CHECK_INT(read_check(sealed, 5, 0, 3 * MB), 0);
	CHECK_INT(draft_commit(d, &key), 0);
	CHECK(cache_complete(c, &key));
	CHECK_INT(read_check(sealed, 5, 12345, 2 * MB), 0);
	struct source *s = wrap(c, "f", NULL);
	CHECK_INT(read_check(s, 5, 0, 3 * MB), 0);
	CHECK_INT(source_crc32c(s, 0, s->size, &a), 0);
	CHECK_INT(source_crc32c(sealed, 0, s->size, &b), 0);
	CHECK(a == b);
	source_unref(s);
	source_unref(sealed);
	cache_close(c);
	c = open_cache(64 * MB);
	s = wrap(c, "f", NULL);
	CHECK_INT(read_check(s, 5, 0, 3 * MB), 0);
	source_unref(s);
	struct cache_stats st;
	cache_stats(c, &st);
	CHECK_INT(st.bytes, 3 * MB);
	cache_close(c);
}

TEST(cache_draft__replaces_what_is_open_under_the_same_key)
{
	struct cache *c = open_cache(64 * MB);
	struct cache_key key = { "f", "r1", "" };
	struct fake *f = fake_new(2 * MB, 1);
	struct source *old = wrap(c, "f", &f->src), *sealed;
	struct draft *d;
	CHECK_INT(read_check(old, 1, 0, MB), 0);
	CHECK_INT(draft_create(c, NULL, &d), 0);
	write_fake(d, 1, 0, 2 * MB);
	CHECK_INT(draft_seal(d, &sealed), 0);
	source_unref(sealed);
	CHECK_INT(draft_commit(d, &key), 0);
	CHECK(cache_complete(c, &key));
	CHECK_INT(read_check(old, 1, 0, 2 * MB), 0);
	source_unref(old);
	source_unref(&f->src);
	struct cache_stats st;
	cache_stats(c, &st);
	CHECK_INT(st.bytes, 2 * MB);
	cache_close(c);
}

TEST(cache_draft__a_flipped_bit_is_never_sent)
{
	struct cache *c = open_cache(64 * MB);
	struct draft *d;
	struct source *s;
	char path[512], byte;
	CHECK_INT(draft_create(c, NULL, &d), 0);
	write_fake(d, 5, 0, 2 * MB);
	write_fake(d, 5, MB + 10, 100); /* this block's CRC is taken at the seal */
	draft_file(d, path);
	int fd = open(path, O_RDWR);
	CHECK_INT(pread(fd, &byte, 1, 77777), 1);
	byte ^= 1;
	CHECK_INT(pwrite(fd, &byte, 1, 77777), 1); /* before the seal: the CRC is of what was written */
	CHECK_INT(draft_seal(d, &s), 0);
	CHECK_INT(read_check(s, 5, 0, 100), -EIO);
	CHECK(strstr(err_last(), "draft 1 "));
	CHECK_INT(read_check(s, 5, MB, MB), 0);
	CHECK_INT(pread(fd, &byte, 1, 2 * MB - 1), 1);
	byte ^= 1;
	CHECK_INT(pwrite(fd, &byte, 1, 2 * MB - 1), 1);
	close(fd);
	CHECK_INT(read_check(s, 5, MB, MB), -EIO);
	source_unref(s);
	draft_discard(d);
	cache_close(c);
}

TEST(cache_draft__a_base_shows_until_it_is_written_over_or_cut_off)
{
	struct cache *c = open_cache(64 * MB);
	struct fake *f = fake_new(3 * MB, 1);
	struct draft *d;
	struct source *s;
	char p[10], zero[10] = { 0 };
	CHECK_INT(draft_create(c, &f->src, &d), 0);
	CHECK_INT(fake_streams(f), 0);
	CHECK_INT(draft_size(d), 3 * MB);
	CHECK_INT(draft_pwrite(d, "hello", 5, MB), 0);
	CHECK_INT(draft_truncate(d, 2 * MB), 0);
	CHECK_INT(draft_truncate(d, 3 * MB), 0);
	CHECK_INT(draft_pread(d, p, 10, 2 * MB), 10);
	CHECK(memcmp(p, zero, 10) == 0);
	CHECK_INT(draft_pread(d, p, 10, MB - 3), 10);
	CHECK(memcmp(p + 3, "hello", 5) == 0);
	check_bytes(p, 3, 1, MB - 3);
	check_bytes(p + 8, 2, 1, MB + 5);
	CHECK_INT(draft_seal(d, &s), 0);
	CHECK_INT(read_check(s, 1, 0, MB), 0);
	CHECK_INT(read_check(s, 1, MB + 5, MB - 5), 0);
	CHECK_INT(source_read(s, p, 10, 3 * MB - 10), 0);
	CHECK(memcmp(p, zero, 10) == 0);
	source_unref(s);
	draft_discard(d);
	source_unref(&f->src);
	cache_close(c);
}

TEST(cache_draft__a_base_that_fails_leaves_the_draft_open)
{
	struct cache *c = open_cache(64 * MB);
	struct fake *f = fake_new(3 * MB, 1);
	struct draft *d;
	struct source *s;
	CHECK_INT(draft_create(c, &f->src, &d), 0);
	fake_set(f, UINT64_MAX, MB);
	CHECK_INT(draft_seal(d, &s), -EIO);
	CHECK_INT(draft_pwrite(d, "x", 1, 0), 0);
	fake_set(f, UINT64_MAX, UINT64_MAX);
	CHECK_INT(draft_seal(d, &s), 0);
	CHECK_INT(read_check(s, 1, 1, 3 * MB - 1), 0);
	source_unref(s);
	draft_discard(d);
	source_unref(&f->src);
	cache_close(c);
}

/* ---- against a model in memory */

enum { MODEL_MAX = 3 * MB + 5000 };
static uint32_t rnd_state;

static uint32_t rnd(uint32_t below)
{
	rnd_state = rnd_state * 1664525 + 1013904223;
	return (uint32_t)((uint64_t)rnd_state * below >> 32);
}

struct model {
	char bytes[MODEL_MAX];
	uint64_t size;
};

/* An offset near one where something may go wrong. */
static uint64_t pick_offset(const struct model *m)
{
	uint64_t near[] = { m->size, MB, 2 * MB, rnd(MODEL_MAX), rnd(MODEL_MAX), 0 };
	uint64_t off = near[rnd(6)] + rnd(3);
	return off < MODEL_MAX ? off : MODEL_MAX - 1;
}

static void model_write(struct model *m, struct draft *d)
{
	uint64_t off = pick_offset(m), n = rnd(2) ? rnd(100) : rnd(300000);
	if (n > MODEL_MAX - off)
		n = MODEL_MAX - off;
	fake_fill(rnd(1000000), m->bytes + off, (size_t)n, off);
	CHECK_INT(draft_pwrite(d, m->bytes + off, (size_t)n, off), 0);
	if (n && off + n > m->size)
		m->size = off + n;
}

static void model_truncate(struct model *m, struct draft *d)
{
	uint64_t size = pick_offset(m);
	if (size < m->size)
		memset(m->bytes + size, 0, (size_t)(m->size - size));
	m->size = size;
	CHECK_INT(draft_truncate(d, size), 0);
}

static void model_compare(struct model *m, struct draft *d, struct source *s)
{
	uint64_t off = s ? 0 : pick_offset(m);
	size_t n = s ? (size_t)m->size : rnd(400000);
	char *p = malloc(n + 1);
	CHECK(p);
	ssize_t r = s ? source_pread(s, p, n, off) : draft_pread(d, p, n, off);
	uint64_t want = off >= m->size ? 0 : n < m->size - off ? n : m->size - off;
	CHECK_INT(r, want);
	CHECK(memcmp(p, m->bytes + off, (size_t)want) == 0);
	free(p);
}

/* What is written after a seal goes into a draft over the sealed bytes. */
static struct draft *model_seal(struct model *m, struct cache *c, struct draft *d)
{
	struct draft *next;
	struct source *s;
	uint32_t crc;
	CHECK_INT(draft_seal(d, &s), 0);
	CHECK_INT(s->size, m->size);
	model_compare(m, d, s);
	CHECK_INT(source_crc32c(s, 0, s->size, &crc), 0);
	CHECK(crc == crc32c(0, m->bytes, (size_t)m->size));
	CHECK_INT(draft_create(c, s, &next), 0);
	source_unref(s);
	draft_discard(d);
	return next;
}

static void model_run(struct cache *c, struct model *m, uint32_t seed, int steps)
{
	struct draft *d;
	struct fake *f = seed % 2 ? fake_new(rnd(MODEL_MAX), seed) : NULL;
	memset(m, 0, sizeof *m);
	if (f) {
		m->size = f->src.size;
		fake_fill(seed, m->bytes, (size_t)m->size, 0);
	}
	CHECK_INT(draft_create(c, f ? &f->src : NULL, &d), 0);
	for (int i = 0; i < steps; i++) {
		CHECK_INT(draft_size(d), m->size);
		uint32_t what = rnd(100);
		if (what < 55)
			model_write(m, d);
		else if (what < 65)
			model_truncate(m, d);
		else if (what < 97)
			model_compare(m, d, NULL);
		else
			d = model_seal(m, c, d);
	}
	draft_discard(model_seal(m, c, d));
	if (f)
		source_unref(&f->src);
}

static uint32_t seed_now;

static void say_seed(int sig)
{
	(void)sig;
	fprintf(stderr, "repeat with SEED=%u\n", seed_now);
}

TEST(cache_draft__is_what_a_file_would_be_after_any_operations)
{
	HEAVY;
	static struct model m;
	const char *set = getenv("SEED");
	uint32_t first = set ? (uint32_t)strtoul(set, NULL, 10) : 1, last = set ? first : 4;
	struct cache *c = open_cache(64 * MB);
	signal(SIGABRT, say_seed);
	for (uint32_t seed = first; seed <= last; seed++) {
		rnd_state = seed;
		seed_now = seed;
		model_run(c, &m, seed, torture ? 20 : 500);
	}
	cache_close(c);
}

/* ---- later runs */

struct seen {
	int count;
	uint64_t number, size;
	char note[32];
};

static int see(void *ctx, uint64_t number, uint64_t size, const void *note, size_t n)
{
	struct seen *s = ctx;
	s->count++;
	s->number = number;
	s->size = size;
	(void)snprintf(s->note, sizeof s->note, "%.*s", (int)n, (const char *)note);
	return 0;
}

TEST(cache_draft__kill_9_leaves_the_draft_and_its_note)
{
	HEAVY;
	int to_parent[2], status;
	char byte;
	struct seen seen = { 0 };
	CHECK_INT(pipe(to_parent), 0);
	pid_t p = fork();
	if (p == 0) {
		struct cache *c = open_cache(64 * MB);
		struct draft *d, *left;
		struct source *s;
		CHECK_INT(draft_create(c, NULL, &left), 0);
		draft_discard(left);
		CHECK_INT(draft_create(c, NULL, &d), 0);
		write_fake(d, 5, 0, 12345);
		CHECK_INT(draft_note(d, "my model", 8), 0);
		CHECK_INT(draft_seal(d, &s), 0);
		if (write(to_parent[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(to_parent[1]);
	CHECK_INT(read(to_parent[0], &byte, 1), 1);
	kill(p, SIGKILL);
	waitpid(p, &status, 0);
	struct cache *c = open_cache(64 * MB);
	struct draft *d;
	CHECK_INT(draft_create(c, NULL, &d), 0);
	CHECK_INT(draft_number(d), 3);
	CHECK_INT(cache_drafts(c, see, &seen), 0);
	CHECK_INT(seen.count, 1);
	CHECK_INT(seen.number, 2);
	CHECK_INT(seen.size, 12345);
	CHECK_STR(seen.note, "my model");
	draft_leave(d);
	cache_close(c);
	c = open_cache(64 * MB);
	CHECK_INT(cache_drafts(c, see, &seen), 0);
	CHECK_INT(seen.count, 3); /* 2, and 3 that was left */
	cache_close(c);
}

TEST(cache_draft__limits)
{
	struct cache *c = open_cache(64 * MB);
	struct draft *d;
	CHECK_INT(draft_create(c, NULL, &d), 0);
	CHECK_INT(draft_pwrite(d, "x", 1, 5ull << 40), -EFBIG);
	CHECK_INT(draft_truncate(d, (5ull << 40) + 1), -EFBIG);
	CHECK_INT(draft_pread(d, &d, 1, 0), 0);
	draft_discard(d);
	CHECK(!draft_discard(NULL));
	CHECK(!draft_leave(NULL));
	CHECK(!cache_close(NULL));
	cache_close(c);
}

TEST(cache_draft__ranges_merge_and_split_as_a_bitmap_would)
{
	HEAVY;
	enum { N = 400 };
	struct extents x = { 0 };
	bool want[N] = { false };
	rnd_state = 9;
	for (int i = 0; i < 3000; i++) {
		uint64_t a = rnd(N), b = a + 1 + rnd(i % 3 ? 4 : 60), stop;
		if (b > N)
			b = N;
		if (i % 50 == 49) {
			extents_cut(&x, a);
			memset(want + a, 0, N - a);
		} else {
			CHECK_INT(extents_add(&x, a, b), 0);
			memset(want + a, 1, b - a);
		}
		for (uint64_t at = 0; at < N; at = stop) {
			bool in = extents_at(&x, at, N, &stop);
			CHECK(stop > at);
			for (uint64_t j = at; j < stop; j++)
				CHECK_INT(want[j], in);
		}
	}
	extents_done(&x);
}
