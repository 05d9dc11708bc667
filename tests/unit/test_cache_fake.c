/* SPDX-License-Identifier: MIT */
#include "tests/unit/test_cache_fake.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

int warnings;
char warning[600];

static uint64_t fake_word(uint32_t seed, uint64_t i)
{
	uint64_t x = i * 0x9e3779b97f4a7c15 + seed;
	x ^= x >> 29;
	x *= 0xbf58476d1ce4e5b9;
	return x ^ x >> 32;
}

void fake_fill(uint32_t seed, char *p, size_t n, uint64_t off)
{
	while (n) {
		uint64_t w = fake_word(seed, off >> 3);
		size_t at = off & 7, k = 8 - at < n ? 8 - at : n;
		memcpy(p, (char *)&w + at, k);
		p += k;
		off += k;
		n -= k;
	}
}

static int fake_wait(struct fake *f, uint64_t at)
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

static void fake_wait_end(struct fake *f)
{
	pthread_mutex_lock(&f->m);
	f->waiting += f->hold_end;
	pthread_cond_broadcast(&f->c);
	while (f->hold_end) {
		pthread_cond_wait(&f->c, &f->m);
		f->waiting -= !f->hold_end;
	}
	pthread_mutex_unlock(&f->m);
}

static int fake_stream(struct source *s, uint64_t off, uint64_t n, source_sink *sink, void *ctx)
{
	struct fake *f = (struct fake *)s;
	char piece[16 << 10];
	pthread_mutex_lock(&f->m);
	f->streams++;
	f->asked += n;
	pthread_mutex_unlock(&f->m);
	while (n) {
		size_t k = n < sizeof piece ? (size_t)n : sizeof piece;
		int r = fake_wait(f, off);
		if (r)
			return r;
		fake_fill(f->seed, piece, k, off);
		pthread_mutex_lock(&f->m);
		f->bytes += k;
		pthread_mutex_unlock(&f->m);
		r = sink(ctx, piece, k);
		if (r)
			return r;
		off += k;
		n -= k;
	}
	fake_wait_end(f);
	return 0;
}

static ssize_t fake_pread(struct source *s, void *buf, size_t n, uint64_t off)
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

static void fake_free(struct source *s)
{
	struct fake *f = (struct fake *)s;
	pthread_mutex_destroy(&f->m);
	pthread_cond_destroy(&f->c);
	free(f);
}

static bool fake_tentative(struct source *s) { return ((struct fake *)s)->tentative; }

static bool fake_spare(struct source *s) { return !((struct fake *)s)->busy; }

struct fake *fake_new(uint64_t size, uint32_t seed)
{
	static const struct source_ops ops = {
		.pread = fake_pread, .stream = fake_stream, .tentative = fake_tentative, .spare = fake_spare,
		.free = fake_free,
	};
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

void fake_set(struct fake *f, uint64_t hold_at, uint64_t fail_at)
{
	pthread_mutex_lock(&f->m);
	f->hold_at = hold_at;
	f->fail_at = fail_at;
	f->hold_end = false;
	pthread_cond_broadcast(&f->c);
	pthread_mutex_unlock(&f->m);
}

void fake_await(struct fake *f, unsigned n)
{
	struct timespec t;
	int r = 0;
	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_sec += 5;
	pthread_mutex_lock(&f->m);
	while (f->waiting < n && !r)
		r = pthread_cond_timedwait(&f->c, &f->m, &t);
	pthread_mutex_unlock(&f->m);
	CHECK_INT(r, 0); /* its reader failed before it came here */
}

uint64_t fake_streams(struct fake *f)
{
	pthread_mutex_lock(&f->m);
	uint64_t r = f->streams;
	pthread_mutex_unlock(&f->m);
	return r;
}

uint64_t fake_asked(struct fake *f)
{
	pthread_mutex_lock(&f->m);
	uint64_t r = f->asked;
	pthread_mutex_unlock(&f->m);
	return r;
}

uint64_t fake_bytes(struct fake *f)
{
	pthread_mutex_lock(&f->m);
	uint64_t r = f->bytes;
	pthread_mutex_unlock(&f->m);
	return r;
}

void on_warning(void *ctx, const char *line)
{
	(void)ctx;
	warnings++;
	(void)snprintf(warning, sizeof warning, "%s", line);
}

bool own_disk(const char *bytes)
{
	char dir[256], option[64];
	(void)snprintf(dir, sizeof dir, "%s/cache", test_dir);
	(void)snprintf(option, sizeof option, "mode=0700,size=%s", bytes);
	return mkdir(dir, 0700) == 0 && unshare(CLONE_NEWNS) == 0 &&
	       mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount("tmpfs", dir, "tmpfs", 0, option) == 0;
}

struct cache *open_cache(uint64_t bytes_max)
{
	char dir[256];
	struct cache *c;
	(void)snprintf(dir, sizeof dir, "%s/cache", test_dir);
	struct cache_config cfg = { dir, bytes_max, 4, on_warning, NULL };
	CHECK_INT(cache_open(&cfg, &c), 0);
	return c;
}

struct source *wrap(struct cache *c, const char *file, struct source *origin)
{
	struct cache_key key = { file, "r1", "" };
	struct source *s;
	int r = cache_wrap(c, &key, origin ? source_ref(origin) : NULL, &s);
	if (r && origin)
		source_unref(origin);
	CHECK_INT(r, 0);
	return s;
}

void check_bytes(const char *p, size_t n, uint32_t seed, uint64_t off)
{
	char want[4096];
	while (n) {
		size_t k = n < sizeof want ? n : sizeof want;
		fake_fill(seed, want, k, off);
		if (memcmp(p, want, k) != 0)
			CHECK_INT(off, -1); /* the 4 KiB from here on are wrong */
		p += k;
		off += k;
		n -= k;
	}
}

int read_check(struct source *s, uint32_t seed, uint64_t off, size_t n)
{
	char *p = malloc(n);
	CHECK(p);
	int r = source_read(s, p, n, off);
	if (!r)
		check_bytes(p, n, seed, off);
	free(p);
	return r;
}

void read_all(struct source *s, struct fake *f, size_t piece)
{
	for (uint64_t off = 0; off < s->size; off += piece)
		CHECK_INT(read_check(s, f->seed, off, piece < s->size - off ? piece : (size_t)(s->size - off)), 0);
}