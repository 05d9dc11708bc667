/* SPDX-License-Identifier: MIT */
/* What happens to the cache folder behind our back, and when it is full. */
#include "tests/unit/test_cache_fake.h"

#include "cache/env.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { KB = 1 << 10, MB = 1 << 20 };

static char found[512];
static const char *wanted;

static int find_one(const char *path, const struct stat *st, int type, struct FTW *f)
{
	(void)st;
	if (type == FTW_F && strncmp(path + f->base, wanted, strlen(wanted)) == 0)
		(void)snprintf(found, sizeof found, "%s", path);
	return 0;
}

/* The path of the file of that name (its beginning) in the cache; "" if there is none. */
static const char *file_of(const char *name)
{
	found[0] = 0;
	wanted = name;
	nftw(test_dir, find_one, 8, FTW_PHYS);
	return found;
}

static void flip(const char *path, off_t at)
{
	unsigned char b;
	int fd = open(path, O_RDWR);
	CHECK(fd >= 0);
	CHECK_INT(pread(fd, &b, 1, at), 1);
	b ^= 0x10;
	CHECK_INT(pwrite(fd, &b, 1, at), 1);
	close(fd);
}

static void fill(const char *name, uint64_t size, uint32_t seed)
{
	struct cache *c = open_cache(256 * MB);
	struct fake *f = fake_new(size, seed);
	struct source *s = wrap(c, name, &f->src);
	read_all(s, f, MB);
	source_unref(s);
	source_unref(&f->src);
	cache_close(c);
}

/* Reads it all again; how many bytes came from the origin. */
static uint64_t reread(const char *name, uint64_t size, uint32_t seed, struct cache_stats *st)
{
	struct cache *c = open_cache(256 * MB);
	struct fake *f = fake_new(size, seed);
	struct source *s = wrap(c, name, &f->src);
	read_all(s, f, 128 * KB);
	uint64_t n = fake_bytes(f);
	source_unref(s);
	source_unref(&f->src);
	cache_stats(c, st);
	cache_close(c);
	return n;
}

TEST(cache_disk__a_flipped_bit_is_fetched_again)
{
	struct cache_stats st;
	fill("f", 6 * MB + 10, 3);
	flip(file_of("f.r1"), 2 * MB + 77);
	flip(file_of("f.r1"), 6 * MB + 9);
	CHECK_INT(reread("f", 6 * MB + 10, 3, &st), MB + 10);
	CHECK_INT(st.healed, 2);
	CHECK_INT(reread("f", 6 * MB + 10, 3, &st), 0);
}

TEST(cache_disk__a_truncated_file_is_fetched_again)
{
	HEAVY;
	struct cache_stats st;
	fill("f", 6 * MB, 3);
	CHECK_INT(truncate(file_of("f.r1"), 2 * MB + 5), 0);
	CHECK_INT(reread("f", 6 * MB, 3, &st), 4 * MB);
	CHECK_INT(unlink(file_of("f.r1")), 0);
	CHECK_INT(reread("f", 6 * MB, 3, &st), 6 * MB);
	CHECK_INT(reread("f", 6 * MB, 3, &st), 0);
}

TEST(cache_disk__a_file_that_is_cut_while_it_is_read_heals)
{
	HEAVY;
	struct cache *c = open_cache(64 * MB);
	struct fake *f = fake_new(4 * MB, 3);
	struct source *s = wrap(c, "f", &f->src);
	read_all(s, f, MB);
	CHECK_INT(truncate(file_of("f.r1"), MB), 0);
	read_all(s, f, MB);
	CHECK_INT(fake_bytes(f), 7 * MB);
	source_unref(s);
	source_unref(&f->src);
	cache_close(c);
}

static void overwrite(const char *path, off_t size)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	CHECK(fd >= 0);
	for (off_t i = 0; i < size; i += 8)
		CHECK_INT(pwrite(fd, "garbage!", 8, i), 8);
	close(fd);
}

TEST(cache_disk__a_damaged_index_is_made_anew)
{
	HEAVY;
	struct cache_stats st;
	char path[512];
	for (int i = 0; i < 4; i++) {
		fill("f", 3 * MB, 3);
		(void)snprintf(path, sizeof path, "%s/cache/blocks/data.mdb", test_dir);
		if (i == 0)
			overwrite(path, 40960);
		else if (i == 1)
			CHECK_INT(truncate(path, 9000), 0);
		else if (i == 2)
			flip(path, 4096 * 3 + 100);
		else
			overwrite(path, 100);
		warnings = 0;
		CHECK_INT(reread("f", 3 * MB, 3, &st), 3 * MB);
		CHECK_INT(warnings, 1);
	}
}

TEST(cache_disk__an_index_that_is_deleted_leaves_no_orphans)
{
	HEAVY;
	char cmd[600];
	struct cache_stats st;
	fill("gone", 3 * MB, 3);
	(void)snprintf(cmd, sizeof cmd, "%s/cache/blocks/data.mdb", test_dir);
	CHECK_INT(unlink(cmd), 0);
	(void)snprintf(cmd, sizeof cmd, "%s/cache/blocks/sum", test_dir);
	CHECK_INT(unlink(cmd), 0);
	struct cache *c = open_cache(64 * MB);
	for (int i = 0; i < 2000 && *file_of("gone.r1"); i++)
		usleep(1000);
	CHECK_STR(file_of("gone.r1"), "");
	cache_stats(c, &st);
	CHECK_INT(st.bytes, 0);
	cache_close(c);
}

TEST(cache_disk__a_damaged_state_is_refused_and_kept)
{
	HEAVY;
	char dir[256], path[512];
	struct stat a, b;
	struct cache *c = open_cache(64 * MB);
	CHECK_INT(cache_state_put(c, "t", "key", "value", 5), 0);
	cache_close(c);
	(void)snprintf(dir, sizeof dir, "%s/cache", test_dir);
	(void)snprintf(path, sizeof path, "%s/state/data.mdb", dir);
	CHECK_INT(truncate(path, 8192), 0);
	CHECK_INT(stat(path, &a), 0);
	struct cache_config cfg = { dir, 64 * MB, 2, NULL, NULL };
	CHECK_INT(cache_open(&cfg, &c), -EIO);
	CHECK(strstr(err_last(), "state"));
	CHECK_INT(stat(path, &b), 0);
	CHECK_INT(a.st_size, b.st_size);
}

/* Make state/ or blocks/ as another version would. */
static void make_env(const char *sub, uint32_t version)
{
	char path[512];
	struct env *e;
	(void)snprintf(path, sizeof path, "%s/cache", test_dir);
	(void)mkdir(path, 0700);
	(void)snprintf(path, sizeof path, "%s/cache/%s", test_dir, sub);
	CHECK_INT(env_open(path, version, MB, &e), 0);
	env_close(e);
}

TEST(cache_disk__a_newer_state_is_refused_and_newer_blocks_are_made_anew)
{
	char dir[256];
	struct cache *c;
	(void)snprintf(dir, sizeof dir, "%s/cache", test_dir);
	struct cache_config cfg = { dir, 64 * MB, 2, on_warning, NULL };
	make_env("blocks", 99);
	CHECK_INT(cache_open(&cfg, &c), 0);
	CHECK_INT(warnings, 1);
	cache_close(c);
	CHECK_INT(unlink(file_of("data.mdb")), 0);
	CHECK_INT(unlink(file_of("data.mdb")), 0); /* both, in whatever order */
	make_env("state", 99);
	CHECK_INT(cache_open(&cfg, &c), -EPROTO);
	CHECK_INT(cache_open(&cfg, &c), -EPROTO);
}

static uint64_t disk_bytes;

static int add_size(const char *path, const struct stat *st, int type, struct FTW *f)
{
	(void)f;
	if (type == FTW_F && strstr(path, "/rev/"))
		disk_bytes += (uint64_t)st->st_blocks * 512;
	return 0;
}

static uint64_t disk_used(void)
{
	disk_bytes = 0;
	nftw(test_dir, add_size, 8, FTW_PHYS);
	return disk_bytes;
}

TEST(cache_disk__a_file_larger_than_the_cache_is_read_through_it)
{
	HEAVY;
	struct cache *c = open_cache(64 * MB);
	struct fake *f = fake_new(150 * MB, 3);
	struct source *s = wrap(c, "f", &f->src);
	struct cache_stats st;
	read_all(s, f, MB);
	CHECK_INT(fake_bytes(f), 150 * MB);
	source_unref(s);
	cache_stats(c, &st);
	CHECK(st.bytes <= 64 * MB);
	CHECK(st.evicted >= 86);
	cache_close(c);
	CHECK(disk_used() <= 66 * MB);
	source_unref(&f->src);
}

TEST(cache_disk__what_was_used_longest_ago_goes_first)
{
	HEAVY;
	static const char *const names[] = { "a", "b", "c", "d", "e", "f", "g", "h" };
	struct cache *c = open_cache(64 * MB);
	struct cache_key old = { "a", "r1", "" }, b = { "b", "r1", "" }, last = { "h", "r1", "" };
	for (uint32_t i = 0; i < 8; i++) {
		struct fake *f = fake_new(10 * MB, i);
		struct source *s = wrap(c, names[i], &f->src);
		read_all(s, f, MB);
		source_unref(s);
		source_unref(&f->src);
		usleep(2000);
		if (i == 4) { /* a is used again: b is now the oldest */
			f = fake_new(10 * MB, 0);
			s = wrap(c, "a", &f->src);
			read_all(s, f, MB);
			CHECK_INT(fake_streams(f), 0);
			source_unref(s);
			source_unref(&f->src);
		}
	}
	struct cache_stats st;
	cache_stats(c, &st);
	CHECK(st.bytes <= 64 * MB);
	CHECK(cache_complete(c, &last));
	CHECK(cache_complete(c, &old));
	CHECK(!cache_complete(c, &b));
	cache_close(c);
}

static void *hammer(void *ctx)
{
	struct source *s = ctx;
	unsigned x = (unsigned)(uintptr_t)&s;
	for (int i = 0; i < 60; i++) {
		x = x * 1103515245 + 12345;
		uint64_t off = (x >> 8) % (149 * MB);
		CHECK_INT(read_check(s, 3, off, 700000), 0);
	}
	return NULL;
}

TEST(cache_disk__many_readers_of_one_file_through_a_small_cache_get_right_bytes)
{
	HEAVY;
	struct cache *c = open_cache(64 * MB);
	struct fake *f = fake_new(150 * MB, 3);
	struct source *s = wrap(c, "f", &f->src);
	pthread_t t[4];
	for (int i = 0; i < 4; i++)
		CHECK_INT(pthread_create(&t[i], NULL, hammer, s), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	source_unref(s);
	source_unref(&f->src);
	cache_close(c);
}

TEST(cache_disk__kill_9_loses_only_what_was_not_committed)
{
	HEAVY;
	int to_parent[2];
	char byte;
	CHECK_INT(pipe(to_parent), 0);
	pid_t p = fork();
	if (p == 0) {
		struct cache *c = open_cache(256 * MB);
		struct fake *f = fake_new(60 * MB, 3);
		struct source *s = wrap(c, "f", &f->src);
		fake_set(f, 50 * MB, UINT64_MAX);
		for (uint64_t off = 0; off < 48 * MB; off += MB)
			if (read_check(s, 3, off, MB))
				_exit(1);
		if (write(to_parent[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(to_parent[1]);
	CHECK_INT(read(to_parent[0], &byte, 1), 1);
	kill(p, SIGKILL);
	waitpid(p, NULL, 0);
	struct cache_stats st;
	uint64_t again = reread("f", 60 * MB, 3, &st);
	CHECK(again >= 10 * MB && again <= 60 * MB); /* all of it where no batch was committed in time */
	CHECK_INT(st.healed, 0);
	CHECK_INT(st.bytes, 60 * MB);
}

TEST(cache_disk__one_process_per_folder)
{
	char dir[256];
	struct cache *c = open_cache(64 * MB), *d;
	(void)snprintf(dir, sizeof dir, "%s/cache", test_dir);
	struct cache_config cfg = { dir, 64 * MB, 2, NULL, NULL };
	CHECK_INT(cache_open(&cfg, &d), -EBUSY);
	CHECK(strstr(err_last(), dir));
	pid_t p = fork();
	if (p == 0)
		_exit(cache_open(&cfg, &d) == -EBUSY ? 0 : 1);
	int status;
	waitpid(p, &status, 0);
	CHECK_INT(status, 0);
	cache_close(c);
	CHECK_INT(chmod(dir, 0750), 0);
	CHECK_INT(cache_open(&cfg, &d), -EACCES);
}


TEST(cache_disk__reads_go_on_when_the_disk_is_gone)
{
	char path[512];
	struct cache *c = open_cache(64 * MB);
	struct fake *f = fake_new(9 * MB, 3);
	(void)snprintf(path, sizeof path, "%s/cache/rev", test_dir);
	CHECK_INT(rmdir(path), 0);
	int fd = open(path, O_WRONLY | O_CREAT, 0600); /* a file where the folder was: every open fails */
	CHECK(fd >= 0);
	close(fd);
	struct source *s = wrap(c, "f", &f->src);
	read_all(s, f, 128 * KB);
	CHECK_INT(warnings, 1);
	CHECK(strstr(warning, "without it"));
	CHECK(fake_streams(f) <= 5); /* windows of 4 MiB, not 72 requests */
	uint32_t crc;
	CHECK_INT(source_crc32c(s, 0, s->size, &crc), 0);
	source_unref(s);
	source_unref(&f->src);
	cache_close(c);
}

TEST(cache_disk__a_full_disk_does_not_stop_readers_and_fails_writers)
{
	HEAVY;
	if (!own_disk("24m"))
		return;
	struct cache *c = open_cache(256 * MB);
	struct fake *f = fake_new(60 * MB, 3);
	struct source *s = wrap(c, "f", &f->src);
	struct draft *d;
	struct cache_stats st;
	read_all(s, f, 512 * KB);
	read_all(s, f, 512 * KB);
	CHECK_INT(warnings, 1);
	CHECK(strstr(warning, "No space") || strstr(warning, "full"));
	source_unref(s);
	CHECK_INT(draft_create(c, NULL, &d), 0);
	char *p = malloc(MB);
	CHECK(p);
	int r = 0;
	uint64_t off = 0;
	for (memset(p, 'x', MB); !r && off < 60 * MB; off += r ? 0 : MB)
		r = draft_pwrite(d, p, MB, off);
	CHECK_INT(r, -ENOSPC);
	CHECK(strstr(err_last(), "bytes are missing"));
	CHECK(off >= 16 * MB); /* the cache gave way first */
	CHECK_INT(draft_size(d), off);
	cache_stats(c, &st);
	CHECK(st.bytes <= 8 * MB);
	CHECK_INT(draft_truncate(d, 10 * MB), 0);
	struct source *sealed;
	CHECK_INT(draft_seal(d, &sealed), 0);
	CHECK_INT(source_read(sealed, p, MB, 9 * MB), 0);
	source_unref(sealed);
	draft_discard(d);
	free(p);
	source_unref(&f->src);
	cache_close(c);
}

TEST(cache_disk__blocks_evicted_behind_a_running_fetch_are_fetched_again)
{
	HEAVY;
	struct cache *c = open_cache(64 * MB);
	struct fake *f = fake_new(8 * MB, 3), *g = fake_new(70 * MB, 4);
	struct source *s = wrap(c, "f", &f->src), *t = wrap(c, "g", &g->src);
	fake_set(f, 4 * MB, UINT64_MAX);
	CHECK_INT(read_check(s, 3, 0, 4 * MB), 0);
	read_all(t, g, MB);
	struct cache_stats st;
	cache_stats(c, &st);
	CHECK(st.evicted >= 4);
	CHECK_INT(read_check(s, 3, 0, 4 * MB), 0);
	CHECK_INT(fake_streams(f), 2);
	fake_set(f, UINT64_MAX, UINT64_MAX);
	CHECK_INT(read_check(s, 3, 0, 8 * MB), 0);
	source_unref(s);
	source_unref(t);
	source_unref(&f->src);
	source_unref(&g->src);
	cache_close(c);
}
