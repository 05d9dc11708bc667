/* SPDX-License-Identifier: MIT */
/* Three ways to the same value: the CPU's instruction on three interleaved streams (it takes 3
 * cycles and can start every cycle, so one stream leaves two thirds of it idle), the instruction
 * on one stream for what is short, and slicing-by-8 where there is none.
 *
 * Bits are reflected throughout: bit 31 of a value is the coefficient of x^0. Putting n zero bytes
 * behind a message multiplies its CRC by x^(8n) modulo the polynomial; that is all that combining
 * needs. Tables are made before main() and never written again. */
#include "format/crc32c.h"

#include <string.h>

#define POLY 0x82f63b78u	/* RFC 3720 B.4, reflected */
#define X0 0x80000000u		/* the polynomial 1 */

enum { LONG = 2048, SHORT = 256 };	/* bytes of one of three streams; multiples of 8 */

static uint32_t slice[8][256];		/* slice[k][b]: byte b with k zero bytes behind it */
static uint32_t power[67];		/* power[k]: x^(2^k) */
static uint32_t shift_long[4][256], shift_short[4][256]; /* times x^(8*LONG), x^(8*SHORT), by byte */

/* a * b modulo the polynomial. */
static uint32_t multiply(uint32_t a, uint32_t b)
{
	uint32_t product = 0;
	for (uint32_t bit = X0; bit; bit >>= 1) {
		if (a & bit)
			product ^= b;
		b = b & 1 ? (b >> 1) ^ POLY : b >> 1;
	}
	return product;
}

/* x^(8n): n in binary picks the powers. */
static uint32_t x_to_the_bytes(uint64_t n)
{
	uint32_t p = X0;
	for (unsigned k = 3; n; n >>= 1, k++)
		if (n & 1)
			p = multiply(power[k], p);
	return p;
}

static void make_shift(uint32_t table[4][256], uint64_t bytes)
{
	uint32_t p = x_to_the_bytes(bytes);
	for (unsigned k = 0; k < 4; k++)
		for (uint32_t b = 0; b < 256; b++)
			table[k][b] = multiply(p, b << (8 * k));
}

static uint32_t shift(uint32_t table[4][256], uint32_t crc)
{
	return table[0][crc & 255] ^ table[1][crc >> 8 & 255] ^ table[2][crc >> 16 & 255] ^ table[3][crc >> 24];
}

__attribute__((constructor)) static void make_tables(void)
{
	for (uint32_t b = 0; b < 256; b++) {
		slice[0][b] = b;
		for (int i = 0; i < 8; i++)
			slice[0][b] = slice[0][b] & 1 ? (slice[0][b] >> 1) ^ POLY : slice[0][b] >> 1;
	}
	for (unsigned k = 1; k < 8; k++)
		for (uint32_t b = 0; b < 256; b++)
			slice[k][b] = slice[0][slice[k - 1][b] & 255] ^ slice[k - 1][b] >> 8;
	power[0] = X0 >> 1;
	for (unsigned k = 1; k < sizeof power / sizeof *power; k++)
		power[k] = multiply(power[k - 1], power[k - 1]);
	make_shift(shift_long, LONG);
	make_shift(shift_short, SHORT);
}

static uint32_t load32(const unsigned char *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* Slicing-by-8 (Kounavis and Berry, 2005). Here and below `crc` is inverted already. */
static uint32_t by_table(uint32_t crc, const unsigned char *p, size_t n)
{
	for (; n >= 8; p += 8, n -= 8) {
		uint32_t a = crc ^ load32(p), b = load32(p + 4);
		crc = slice[7][a & 255] ^ slice[6][a >> 8 & 255] ^ slice[5][a >> 16 & 255] ^ slice[4][a >> 24] ^
		      slice[3][b & 255] ^ slice[2][b >> 8 & 255] ^ slice[1][b >> 16 & 255] ^ slice[0][b >> 24];
	}
	while (n--)
		crc = slice[0][(crc ^ *p++) & 255] ^ crc >> 8;
	return crc;
}

#if defined(__x86_64__)
#include <nmmintrin.h>
#define INSTRUCTION __attribute__((target("sse4.2")))
#define add8(crc, v) _mm_crc32_u64((crc), (v))
#define add1(crc, v) _mm_crc32_u8((uint32_t)(crc), (v))
static int has_instruction(void) { return __builtin_cpu_supports("sse4.2"); }
#elif defined(__aarch64__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#include <sys/auxv.h>
#define INSTRUCTION
/* In assembler, because compilers declare their intrinsics only where all of the code may use them. */
static inline uint64_t add8(uint64_t crc, uint64_t v)
{
	__asm__(".arch_extension crc\n\tcrc32cx %w0, %w0, %x1" : "+r"(crc) : "r"(v));
	return crc;
}
static inline uint64_t add1(uint64_t crc, unsigned char v)
{
	__asm__(".arch_extension crc\n\tcrc32cb %w0, %w0, %w1" : "+r"(crc) : "r"((unsigned)v));
	return crc;
}
static int has_instruction(void) { return (getauxval(AT_HWCAP) >> 7 & 1) != 0; } /* HWCAP_CRC32 */
#endif

#ifdef INSTRUCTION
static uint64_t load_8_bytes(const unsigned char *p)
{
	uint64_t v;
	memcpy(&v, p, sizeof v);
	return v;
}

/* The CRC of 3 * part bytes at p: three streams, put together by shifting. */
INSTRUCTION static uint32_t three_streams(uint32_t crc, const unsigned char *p, size_t part, uint32_t table[4][256])
{
	uint64_t a = crc, b = 0, c = 0;
	for (const unsigned char *end = p + part; p < end; p += 8) {
		a = add8(a, load_8_bytes(p));
		b = add8(b, load_8_bytes(p + part));
		c = add8(c, load_8_bytes(p + 2 * part));
	}
	crc = shift(table, (uint32_t)a) ^ (uint32_t)b;
	return shift(table, crc) ^ (uint32_t)c;
}

INSTRUCTION static uint32_t by_instruction(uint32_t crc, const unsigned char *p, size_t n)
{
	for (; n >= 3 * LONG; p += 3 * LONG, n -= 3 * LONG)
		crc = three_streams(crc, p, LONG, shift_long);
	for (; n >= 3 * SHORT; p += 3 * SHORT, n -= 3 * SHORT)
		crc = three_streams(crc, p, SHORT, shift_short);
	uint64_t one = crc;
	for (; n >= 8; p += 8, n -= 8)
		one = add8(one, load_8_bytes(p));
	for (; n; p++, n--)
		one = add1(one, *p);
	return (uint32_t)one;
}
#else
#define by_instruction by_table
static int has_instruction(void) { return 0; }
#endif

uint32_t crc32c(uint32_t crc, const void *data, size_t n)
{
	return ~(has_instruction() ? by_instruction(~crc, data, n) : by_table(~crc, data, n));
}

uint32_t crc32c_combine(uint32_t a, uint32_t b, uint64_t len_b)
{
	return multiply(x_to_the_bytes(len_b), a) ^ b;
}

/* tsl/lib/hash/crc32c.h: a stored CRC must not look like one of the data around it. */
uint32_t crc32c_mask(uint32_t crc) { return (crc >> 15 | crc << 17) + 0xa282ead8u; }

uint32_t crc32c_unmask(uint32_t masked)
{
	uint32_t r = masked - 0xa282ead8u;
	return r >> 17 | r << 15;
}
