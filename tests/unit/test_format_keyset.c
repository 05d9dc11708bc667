/* SPDX-License-Identifier: MIT */
#include "format/keyset.h"
#include "tests/unit/test.h"

/* Word `ref` is its number in decimal; the hash sees the same. */
static int same(void *ctx, uint64_t ref, const void *key, size_t n, bool *ret)
{
	char text[32];
	int len = snprintf(text, sizeof text, "word number %llu", (unsigned long long)ref);
	++*(uint64_t *)ctx;
	*ret = n == (size_t)len && !memcmp(text, key, n);
	return 0;
}

TEST(format_keyset__finds_every_word_again_and_no_other)
{
	const uint64_t words = torture ? 100 : 100000;
	CLEANUP_KEYSET struct keyset *s = NULL;
	uint64_t compared = 0;
	CHECK_INT(keyset_new(same, &compared, &s), 0);
	for (int round = 0; round < 2; round++) {
		for (uint64_t i = 0; i < words; i++) {
			char text[32];
			bool is_new;
			int len = snprintf(text, sizeof text, "word number %llu", (unsigned long long)i);
			CHECK_INT(keyset_add(s, text, (size_t)len, i, &is_new), 0);
			CHECK(is_new == !round);
		}
		CHECK(compared < (round ? words + 100 : 100)); /* 2^32 pairs for a needless look */
	}
}

TEST(format_keyset__takes_the_empty_word_and_refuses_far_references)
{
	CLEANUP_KEYSET struct keyset *s = NULL;
	uint64_t compared = 0;
	bool is_new;
	CHECK_INT(keyset_new(same, &compared, &s), 0);
	CHECK_INT(keyset_add(s, "", 0, KEYSET_REF_MAX, &is_new), 0);
	CHECK(is_new);
	CHECK_INT(keyset_add(s, "x", 1, KEYSET_REF_MAX + 1, &is_new), -EMEDIUMTYPE);
}
