/* SPDX-License-Identifier: MIT */
/* For the tests of cache/: an origin that counts, can be held back at a byte, and can fail. Its
 * byte i is a function of i and its seed. */
#ifndef DFM_TEST_CACHE_FAKE_H
#define DFM_TEST_CACHE_FAKE_H
#include "cache/cache.h"
#include "tests/unit/test.h"

struct fake {
	struct source src;
	uint32_t seed;
	pthread_mutex_t m;
	pthread_cond_t c;
	uint64_t streams, bytes;
	uint64_t hold_at;	/* bytes from here on wait; UINT64_MAX: none */
	bool hold_end;		/* streams wait when all their bytes have been taken; fake_set() lets them go */
	uint64_t fail_at;	/* the stream that reaches it fails; UINT64_MAX: none */
	int fail_with;
	bool tentative, busy;	/* set before the first read; busy: no read-ahead is wanted */
	unsigned waiting;	/* streams that wait */
	uint64_t asked;		/* bytes that streams were started for */
};

/* At the head of a test that is too slow to be run once per allocation. */
#define HEAVY do { if (torture) return; } while (0)

extern int warnings;		/* of this process's caches */
extern char warning[600];	/* the last one */

void on_warning(void *ctx, const char *line);
void fake_fill(uint32_t seed, char *p, size_t n, uint64_t off);
/* One reference, the caller's. */
struct fake *fake_new(uint64_t size, uint32_t seed);
void fake_set(struct fake *f, uint64_t hold_at, uint64_t fail_at);
void fake_await(struct fake *f, unsigned n);	/* until n streams are held back */
uint64_t fake_streams(struct fake *f);
uint64_t fake_asked(struct fake *f);
uint64_t fake_bytes(struct fake *f);

/* A small disk in memory for this process, at test_dir/cache; false: not allowed to make one. */
bool own_disk(const char *bytes);
/* In test_dir/cache, four fetchers. */
struct cache *open_cache(uint64_t bytes_max);
/* A reference of `origin` stays with the caller. */
struct source *wrap(struct cache *c, const char *file, struct source *origin);
void check_bytes(const char *p, size_t n, uint32_t seed, uint64_t off);
/* Read [off, off + n) and compare with what a fake of that seed has. */
int read_check(struct source *s, uint32_t seed, uint64_t off, size_t n);
void read_all(struct source *s, struct fake *f, size_t piece);
#endif
