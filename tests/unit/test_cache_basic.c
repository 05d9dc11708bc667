/* SPDX-License-Identifier: MIT */
#include "tests/unit/fake_source.h"
#include "tests/unit/test.h"

int warnings;
char warning[600];

TEST(cache_read__a_cold_sequential_read_of_64_mib_takes_four_streams)
{
	struct fake *f = fake_new(64 << 20, 1);
	struct cache *c = open_cache(256 << 20);
	struct source *s = wrap(c, "f", &f->src);
	read_all(s, f, 128 << 10);
	CHECK_INT(fake_streams(f), 4);
	CHECK_INT(fake_bytes(f), 64 << 20);
	source_unref(s);
	cache_close(c);
	c = open_cache(256 << 20);
	f = fake_new(64 << 20, 1);
	s = wrap(c, "f", &f->src);
	read_all(s, f, 1 << 20);
	CHECK_INT(fake_streams(f), 0);
	source_unref(s);
	cache_close(c);
}
