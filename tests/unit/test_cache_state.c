/* SPDX-License-Identifier: MIT */
#include "tests/unit/test_cache_fake.h"

#include "cache/ondisk.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MB = 1 << 20 };

TEST(cache_state__holds_values_by_table_and_key)
{
	HEAVY;
	struct cache *c = open_cache(64 * MB);
	struct buf b = BUF_INIT(1 << 20);
	char longest[512];
	memset(longest, 'k', 511);
	longest[511] = 0;
	CHECK_INT(cache_state_get(c, "t", "a", &b), -ENOENT);
	CHECK_INT(cache_state_put(c, "t", "a", "one", 3), 0);
	CHECK_INT(cache_state_put(c, "u", "a", "two", 3), 0);
	CHECK_INT(cache_state_put(c, "t", longest, "", 0), 0);
	CHECK_INT(cache_state_get(c, "t", "a", &b), 0);
	CHECK_STR(b.data, "one");
	CHECK_INT(cache_state_put(c, "t", "a", "three", 5), 0);
	CHECK_INT(cache_state_get(c, "t", "a", &b), 0);
	CHECK_STR(b.data, "three");
	CHECK_INT(cache_state_get(c, "u", "a", &b), 0);
	CHECK_STR(b.data, "two");
	CHECK_INT(cache_state_get(c, "t", longest, &b), 0);
	CHECK_INT(b.len, 0);
	CHECK_INT(cache_state_del(c, "t", "a"), 0);
	CHECK_INT(cache_state_del(c, "t", "a"), -ENOENT);
	CHECK_INT(cache_state_get(c, "t", "a", &b), -ENOENT);
	CHECK_INT(cache_state_put(c, "t", "", "x", 1), -EINVAL);
	buf_done(&b);
	cache_close(c);
}

TEST(cache_state__a_put_survives_kill_9)
{
	HEAVY;
	int to_parent[2];
	char n;
	CHECK_INT(pipe(to_parent), 0);
	pid_t p = fork();
	if (p == 0) {
		struct cache *c = open_cache(64 * MB);
		for (char i = 0; i < 20; i++) {
			char key[8];
			(void)snprintf(key, sizeof key, "k%d", i);
			if (cache_state_put(c, "t", key, &i, 1) || write(to_parent[1], &i, 1) != 1)
				_exit(1);
		}
		for (;;)
			pause();
	}
	close(to_parent[1]);
	do
		CHECK_INT(read(to_parent[0], &n, 1), 1);
	while (n < 19);
	kill(p, SIGKILL);
	waitpid(p, NULL, 0);
	struct cache *c = open_cache(64 * MB);
	struct buf b = BUF_INIT(100);
	for (int i = 0; i < 20; i++) {
		char key[8];
		(void)snprintf(key, sizeof key, "k%d", i);
		CHECK_INT(cache_state_get(c, "t", key, &b), 0);
		CHECK_INT(b.data[0], i);
	}
	buf_done(&b);
	cache_close(c);
}

TEST(cache_state__the_map_grows)
{
	HEAVY;
	struct cache *c = open_cache(64 * MB);
	struct buf b = BUF_INIT(10 * MB);
	char *big = malloc(9 * MB);
	CHECK(big);
	memset(big, 'x', 9 * MB);
	for (int i = 0; i < 9; i++) {
		char key[16];
		(void)snprintf(key, sizeof key, "k%d", i);
		CHECK_INT(cache_state_put(c, "t", key, big, 9 * MB), 0);
	}
	CHECK_INT(cache_state_get(c, "t", "k8", &b), 0);
	CHECK_INT(b.len, 9 * MB);
	buf_done(&b);
	free(big);
	cache_close(c);
	c = open_cache(64 * MB);
	CHECK_INT(cache_state_put(c, "t", "more", "x", 1), 0);
	cache_close(c);
}

static void *put_and_get(void *ctx)
{
	struct cache *c = ctx;
	struct buf b = BUF_INIT(1000);
	char table[32];
	for (int i = 0; i < 10; i++) {
		(void)snprintf(table, sizeof table, "table%d", i);
		CHECK_INT(cache_state_put(c, table, "key", "value", 5), 0);
		CHECK_INT(cache_state_get(c, table, "key", &b), 0);
		CHECK_STR(b.data, "value");
	}
	buf_done(&b);
	return NULL;
}

TEST(cache_state__threads_may_use_it_at_once)
{
	HEAVY;
	struct cache *c = open_cache(64 * MB);
	pthread_t t[4];
	for (int i = 0; i < 4; i++)
		CHECK_INT(pthread_create(&t[i], NULL, put_and_get, c), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	cache_close(c);
}

TEST(cache_state__records_that_were_changed_are_found)
{
	HEAVY;
	struct bytes_view key = { "key", 3 };
	uint8_t rec[ONDISK_CHUNK_MAX];
	struct chunk_image a = { .n = 20 }, b;
	bit_set(a.present, 3);
	a.crc[3] = 0x12345678;
	size_t n = ondisk_put_chunk(rec, key, &a);
	CHECK_INT(ondisk_get_chunk(key, (struct bytes_view){ rec, n }, &b), 0);
	CHECK(b.n == 20 && bit_get(b.present, 3) && b.crc[3] == 0x12345678);
	for (size_t i = 0; i < n * 8; i++) {
		if (i / 8 == 2 || i / 8 == 3)
			continue; /* not used */
		rec[i / 8] ^= (uint8_t)(1 << i % 8);
		CHECK_INT(ondisk_get_chunk(key, (struct bytes_view){ rec, n }, &b), -EBADMSG);
		rec[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	for (size_t i = 0; i < n; i++)
		CHECK_INT(ondisk_get_chunk(key, (struct bytes_view){ rec, i }, &b), -EBADMSG);
	CHECK_INT(ondisk_get_chunk((struct bytes_view){ "kez", 3 }, (struct bytes_view){ rec, n }, &b), -EBADMSG);
}
