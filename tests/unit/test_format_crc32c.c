/* SPDX-License-Identifier: MIT */
#include "format/crc32c.h"
#include "tests/unit/test.h"

/* One bit at a time, as the definition says. */
static uint32_t bitwise(uint32_t crc, const unsigned char *p, size_t n)
{
	for (crc = ~crc; n; n--, p++) {
		crc ^= *p;
		for (int i = 0; i < 8; i++)
			crc = crc & 1 ? (crc >> 1) ^ 0x82f63b78u : crc >> 1;
	}
	return ~crc;
}

static uint32_t next_random(void)
{
	static uint64_t state = 1;
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(state >> 33);
}

static void fill(unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (unsigned char)next_random();
}

TEST(format_crc32c__gives_the_values_of_rfc_3720)
{
	unsigned char d[48];
	memset(d, 0, 32);
	CHECK_INT(crc32c(0, d, 32), 0x8a9136aa);
	memset(d, 0xff, 32);
	CHECK_INT(crc32c(0, d, 32), 0x62a8ab43);
	for (unsigned char i = 0; i < 32; i++)
		d[i] = i;
	CHECK_INT(crc32c(0, d, 32), 0x46dd794e);
	for (unsigned char i = 0; i < 32; i++)
		d[i] = (unsigned char)(31 - i);
	CHECK_INT(crc32c(0, d, 32), 0x113fdb5c);
	static const unsigned char read10[48] = { 1, 0xc0, [16] = 0x14, [22] = 4, [27] = 0x14, [31] = 0x18,
						  [32] = 0x28, [40] = 2 };
	CHECK_INT(crc32c(0, read10, 48), 0xd9963a56);
	CHECK_INT(crc32c(0, "123456789", 9), 0xe3069283);
}

TEST(format_crc32c__agrees_with_the_definition_at_every_length_and_alignment)
{
	static unsigned char d[20000];
	fill(d, sizeof d);
	for (size_t n = 0; n < 900; n++)
		CHECK_INT(crc32c((uint32_t)n, d + n % 9, n), bitwise((uint32_t)n, d + n % 9, n));
	for (int i = 0; i < 60; i++) {
		size_t off = next_random() % 64, n = next_random() % (sizeof d - 64);
		CHECK_INT(crc32c(7, d + off, n), bitwise(7, d + off, n));
	}
}

TEST(format_crc32c__continues_and_combines_over_any_split)
{
	static unsigned char d[70000];
	fill(d, sizeof d);
	uint32_t whole = bitwise(0, d, sizeof d);
	for (int i = 0; i < 500; i++) {
		size_t n = next_random() % (sizeof d + 1);
		uint32_t a = crc32c(0, d, n), b = crc32c(0, d + n, sizeof d - n);
		CHECK_INT(crc32c(a, d + n, sizeof d - n), whole);
		CHECK_INT(crc32c_combine(a, b, sizeof d - n), whole);
	}
	CHECK_INT(crc32c_combine(0, whole, sizeof d), whole);
	CHECK_INT(crc32c_combine(whole, 0, 0), whole);
}

/* A tebibyte of zeroes, from doubling: the lengths that no test can read through. */
TEST(format_crc32c__combines_lengths_beyond_32_bits)
{
	unsigned char zero[4096] = { 0 };
	uint32_t doubled = crc32c(0, zero, sizeof zero);
	for (uint64_t n = sizeof zero; n < UINT64_C(1) << 40; n *= 2) {
		uint32_t once = crc32c_combine(doubled, doubled, n);
		/* The same by halves: A Z Z = A (Z Z). */
		CHECK_INT(crc32c_combine(crc32c_combine(5, doubled, n), doubled, n), crc32c_combine(5, once, 2 * n));
		doubled = once;
	}
}

TEST(format_crc32c__masks_as_leveldb_does)
{
	CHECK_INT(crc32c_mask(0), 0xa282ead8);
	CHECK(crc32c_mask(crc32c(0, "foo", 3)) != crc32c(0, "foo", 3));
	for (int i = 0; i < 1000; i++) {
		uint32_t crc = next_random() * 2654435761u;
		CHECK_INT(crc32c_unmask(crc32c_mask(crc)), crc);
	}
}
