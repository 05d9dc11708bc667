/* SPDX-License-Identifier: MIT */
/* For the tests of cache/: an origin that counts, can be held back at a byte, and can fail. Its
 * byte i is a function of i and its seed. */
#ifndef DFM_FAKE_SOURCE_H
#define DFM_FAKE_SOURCE_H
#include "cache/cache.h"
#include "tests/unit/test.h"

struct fake {
	struct source src;
	uint32_t seed;
	pthread_mutex_t m;
	pthread_cond_t c;
	uint64_t streams, bytes;
	uint64_t hold_at;	/* bytes from here on wait; UINT64_MAX: none */
	uint64_t fail_at;	/* the stream that reaches it fails; UINT64_MAX: none */
	int fail_with;
	unsigned waiting;	/* streams that wait */
	uint64_t last_off, last_n;
};

static inline unsigned char fake_byte(uint32_t seed, uint64_t i)
{
	uint64_t x = (i >> 3) * 0x9e3779b97f4a7c15 + seed;
	x ^= x >> 29;
	x *= 0xbf58476d1ce4e5b9;
	return (unsigned char)(x >> (8 * (i & 7)));
}

static inline void fake_fill(uint32_t seed, char *p, size_t n, uint64_t off)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (char)fake_byte(seed, off + i);
}

static inline int fake_wait(struct fake *f, uint64_t at)
{
	int r = 0;
	pthread_mutex_lock(&f->m);
	f->waiting++;
	pthread_cond_broadcast(&f->c);
	while (!r && at >= f->hold_at) {
		struct timespec t;
		clock_gettime(CLOCK_REALTIME, &t);
		t.tv_nsec += 20000000;
		if (t.tv_nsec >= 1000000000)
			t.tv_sec++, t.tv_nsec -= 1000000000;
		pthread_cond_timedwait(&f->c, &f->m, &t);
		if (cancelled())
			r = err_set(-EINTR, "fake: cancelled");
	}
	f->waiting--;
	if (!r && at >= f->fail_at)
		r = err_set(f->fail_with, "fake: failed on purpose");
	pthread_mutex_unlock(&f->m);
	return r;
}

static inline int fake_stream(struct source *s, uint64_t off, uint64_t n, source_sink *sink, void *ctx)
{
	struct fake *f = (struct fake *)s;
	char piece[16 << 10];
	pthread_mutex_lock(&f->m);
	f->streams++;
	f->last_off = off;
	f->last_n = n;
	pthread_mutex_unlock(&f->m);
	while (n) {
		size_t k = n < sizeof piece ? (size_t)n : sizeof piece;
		int r = fake_wait(f, off);
		fake_fill(f->seed, piece, k, off);
		if (!r)
			r = sink(ctx, piece, k);
		if (r)
			return r;
		pthread_mutex_lock(&f->m);
		f->bytes += k;
		pthread_mutex_unlock(&f->m);
		off += k;
		n -= k;
	}
	return 0;
}

static inline ssize_t fake_pread(struct source *s, void *buf, size_t n, uint64_t off)
{
	struct fake *f = (struct fake *)s;
	int r = fake_wait(f, off);
	if (r)
		return r;
	pthread_mutex_lock(&f->m);
	f->streams++;
	f->bytes += n;
	pthread_mutex_unlock(&f->m);
	fake_fill(f->seed, buf, n, off);
	return (ssize_t)n;
}

static inline void fake_free(struct source *s)
{
	struct fake *f = (struct fake *)s;
	pthread_mutex_destroy(&f->m);
	pthread_cond_destroy(&f->c);
	free(f);
}

/* Owned by the caller until it is wrapped; wrap() takes a reference of its own. */
static inline struct fake *fake_new(uint64_t size, uint32_t seed)
{
	static const struct source_ops ops = { fake_pread, fake_stream, NULL, fake_free };
	struct fake *f = calloc(1, sizeof *f);
	CHECK(f);
	source_init(&f->src, &ops, size);
	f->seed = seed;
	f->hold_at = f->fail_at = UINT64_MAX;
	f->fail_with = -EIO;
	pthread_mutex_init(&f->m, NULL);
	pthread_cond_init(&f->c, NULL);
	return f;
}

static inline void fake_set(struct fake *f, uint64_t hold_at, uint64_t fail_at)
{
	pthread_mutex_lock(&f->m);
	f->hold_at = hold_at;
	f->fail_at = fail_at;
	pthread_cond_broadcast(&f->c);
	pthread_mutex_unlock(&f->m);
}

/* Until n streams are held back. */
static inline void fake_await(struct fake *f, unsigned n)
{
	pthread_mutex_lock(&f->m);
	while (f->waiting < n)
		pthread_cond_wait(&f->c, &f->m);
	pthread_mutex_unlock(&f->m);
}

static inline uint64_t fake_streams(struct fake *f)
{
	pthread_mutex_lock(&f->m);
	uint64_t r = f->streams;
	pthread_mutex_unlock(&f->m);
	return r;
}

static inline uint64_t fake_bytes(struct fake *f)
{
	pthread_mutex_lock(&f->m);
	uint64_t r = f->bytes;
	pthread_mutex_unlock(&f->m);
	return r;
}

extern int warnings; /* of this process's caches */
extern char warning[600];

static inline void on_warning(void *ctx, const char *line)
{
	(void)ctx;
	warnings++;
	(void)snprintf(warning, sizeof warning, "%s", line);
}

static inline struct cache *open_cache(uint64_t bytes_max)
{
	char dir[256];
	struct cache *c;
	(void)snprintf(dir, sizeof dir, "%s/cache", test_dir);
	struct cache_config cfg = { dir, bytes_max, 4, on_warning, NULL };
	CHECK_INT(cache_open(&cfg, &c), 0);
	return c;
}

/* A reference of `origin` stays with the caller. */
static inline struct source *wrap(struct cache *c, const char *file, struct source *origin)
{
	struct cache_key key = { file, "r1", "" };
	struct source *s;
	int r = cache_wrap(c, &key, origin ? source_ref(origin) : NULL, &s);
	if (r && origin)
		source_unref(origin);
	CHECK_INT(r, 0);
	return s;
}

static inline void check_bytes(const char *p, size_t n, uint32_t seed, uint64_t off)
{
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)p[i] != fake_byte(seed, off + i))
			CHECK_INT(off + i, -1);
}

/* Read [off, off + n) and compare with what the fake has. */
static inline int read_check(struct source *s, uint32_t seed, uint64_t off, size_t n)
{
	char *p = malloc(n);
	CHECK(p);
	int r = source_read(s, p, n, off);
	if (!r)
		check_bytes(p, n, seed, off);
	free(p);
	return r;
}

static inline void read_all(struct source *s, struct fake *f, size_t piece)
{
	for (uint64_t off = 0; off < s->size; off += piece)
		CHECK_INT(read_check(s, f->seed, off, piece < s->size - off ? piece : (size_t)(s->size - off)), 0);
}
#endif
