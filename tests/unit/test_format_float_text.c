/* SPDX-License-Identifier: MIT */
#include "format/float_text.h"
#include "tests/unit/test.h"

#include <math.h>

static bool parses_as(const char *s, float want)
{
	float f;
	return float_text_parse(s, strlen(s), &f) && !memcmp(&f, &want, 4);
}

TEST(format_float_text__takes_what_python_takes)
{
	CHECK(parses_as("1", 1));
	CHECK(parses_as("-0", -0.0f));
	CHECK(parses_as("+.5", 0.5f));
	CHECK(parses_as("5.", 5));
	CHECK(parses_as("1_0.2_5e0_1", 102.5f));
	CHECK(parses_as(" \t1e3\r", 1000));
	CHECK(parses_as("1E-3", 1e-3f));
	CHECK(parses_as("inf", INFINITY));
	CHECK(parses_as("-Infinity", -INFINITY));
	CHECK(parses_as("1e400", INFINITY));
	CHECK(parses_as("-1e-400", -0.0f));
	CHECK(parses_as("1e999999999999999999999", INFINITY));
	CHECK(parses_as("0e999999999999999999999", 0));
	CHECK(parses_as("0.0000000000000000000000000000000000000000000000000000001e55", 1));
	float f;
	CHECK(float_text_parse("NaN", 3, &f) && isnan(f));
}

TEST(format_float_text__refuses_what_python_refuses)
{
	static const char *const bad[] = {
		"", " ", "-", "+-1", ".", "e5", "1e", "1e+", "1_", "_1", "1__0", "1_.0", "1._0", "1e_5", "0x10", "1,5", "1 2", "infi",
		"nan(1)", "1.2.3", "--1", "1f", "np.float32(1.0)", "\xef\xbc\x91",
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		float f;
		CHECK(!float_text_parse(bad[i], strlen(bad[i]), &f));
	}
	float f;
	CHECK(!float_text_parse("1\0", 2, &f));
	char longest[FLOAT_TEXT_MAX + 2];
	memset(longest, '1', sizeof longest);
	CHECK(!float_text_parse(longest, FLOAT_TEXT_MAX + 1, &f));
	CHECK(float_text_parse(longest, FLOAT_TEXT_MAX, &f) && isinf(f));
}

TEST(format_float_text__rounds_twice_as_gensim_does)
{
	/* Just above the middle of two float32: as a double it is the middle, which goes to even. */
	CHECK(parses_as("1.00000005960464477539062500000000001", 1));
	CHECK(parses_as("1.000000059604645", 1.00000011920928955078125f));
}

static uint64_t random_state = 88172645463325252u;
static uint64_t random_next(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	return random_state ^= random_state << 17;
}

static void same_as_strtod(const char *s)
{
	float got, want = (float)strtod(s, NULL);
	bool same = float_text_parse(s, strlen(s), &got) && !memcmp(&got, &want, 4);
	if (!same)
		fprintf(stderr, "\"%s\"\n", s);
	CHECK(same);
}

TEST(format_float_text__is_bit_equal_to_strtod)
{
	for (int i = 0; i < 300000; i++) {
		char s[64];
		uint64_t r = random_next();
		uint32_t bits = (uint32_t)r & 0xff7fffff;
		float f;
		memcpy(&f, &bits, 4);
		snprintf(s, sizeof s, "%.*g", (int)(r >> 60) + 4, (double)f);
		same_as_strtod(s);
		snprintf(s, sizeof s, "%.*f", (int)(r >> 59 & 15), (double)(int32_t)(r >> 20) / 65536e3);
		same_as_strtod(s);
		snprintf(s, sizeof s, "%llue%d", (unsigned long long)(r >> (r & 63)), (int)(r >> 40 & 63) - 32);
		same_as_strtod(s);
	}
}

TEST(format_float_text__repr_is_pythons)
{
	static const struct { double v; const char *want; } all[] = {
		{ 0, "0.0" }, { -0.0, "-0.0" }, { 1, "1.0" }, { 1.5, "1.5" }, { -2.25, "-2.25" }, { 0.1, "0.1" }, { 100, "100.0" },
		{ 1e15, "1000000000000000.0" }, { 1e16, "1e+16" }, { 1.5e16, "1.5e+16" }, { 1e22, "1e+22" }, { 1e100, "1e+100" },
		{ 0.0001, "0.0001" }, { 0.00012, "0.00012" }, { 0.00001, "1e-05" }, { -2.5e-7, "-2.5e-07" }, { 5e-324, "5e-324" },
		{ 1.7976931348623157e308, "1.7976931348623157e+308" }, { 1.0 / 3, "0.3333333333333333" },
		{ 2.0 / 3, "0.6666666666666666" }, { 123456.789, "123456.789" }, { 9007199254740993.0, "9007199254740992.0" },
		{ 1e23, "1e+23" }, { 0.1 + 0.2, "0.30000000000000004" }, { HUGE_VAL, "inf" }, { -HUGE_VAL, "-inf" },
	};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		char text[FLOAT_TEXT_REPR_MAX];
		float_text_repr(all[i].v, text);
		CHECK_STR(text, all[i].want);
	}
}
