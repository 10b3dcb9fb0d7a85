/* SPDX-License-Identifier: MIT
 *
 * Parsing and printing of numbers. Any process.
 */
#include "lib/base/num.h"

/* Digits at the front of s; *rest is what follows them. */
static enum num_result
digits(struct span s, uint64_t *out, struct span *rest)
{
	uint64_t v = 0;
	size_t i = 0;
	for (; i < s.n && s.p[i] >= '0' && s.p[i] <= '9'; i++)
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(s.p[i] - '0'), &v))
			return NUM_RANGE;
	if (i == 0)
		return NUM_SYNTAX;
	*out = v;
	*rest = span_of(s.p + i, s.n - i);
	return NUM_OK;
}

enum num_result
num_u64(struct span s, uint64_t *out)
{
	struct span rest;
	enum num_result r = digits(s, out, &rest);
	return r == NUM_OK && rest.n ? NUM_SYNTAX : r;
}

enum num_result
num_byte(struct span s, uint64_t *out)
{
	enum num_result r = NUM_OK;
	if (!span_begins(s, SPAN("0x"))) {
		r = num_u64(s, out);
		return r == NUM_OK && *out > 255 ? NUM_RANGE : r;
	}
	*out = 0;
	if (s.n < 3 || s.n > 4)
		return NUM_SYNTAX;
	for (size_t i = 2; i < s.n; i++) {
		int digit = num_hex_digit(s.p[i]);
		if (digit < 0)
			return NUM_SYNTAX;
		*out = *out << 4 | (uint64_t)digit;
	}
	return r;
}

struct unit {
	struct span name;
	uint64_t factor;
};

static enum num_result
scaled(struct span s, const struct unit *units, size_t units_n, uint64_t *out)
{
	struct span rest;
	uint64_t v;
	enum num_result r = digits(s, &v, &rest);
	if (r != NUM_OK)
		return r;
	for (size_t i = 0; i < units_n; i++)
		if (span_eq(rest, units[i].name))
			return __builtin_mul_overflow(v, units[i].factor, out) ? NUM_RANGE
									       : NUM_OK;
	return NUM_SYNTAX;
}

enum num_result
num_duration_ms(struct span s, uint64_t *out)
{
	static const struct unit us[] = {
		{{"us", 2}, 1},		 {{"ms", 2}, 1000},    {{"", 0}, 1000},
		{{"s", 1}, 1000000},	 {{"m", 1}, 60000000}, {{"h", 1}, 3600000000},
		{{"d", 1}, 86400000000},
	};
	uint64_t v;
	enum num_result r = scaled(s, us, sizeof(us) / sizeof(us[0]), &v);
	if (r == NUM_OK)
		*out = v / 1000 + (v % 1000 != 0);
	return r;
}

enum num_result
num_size(struct span s, uint64_t *out)
{
	static const struct unit bytes[] = {
		{{"", 0}, 1},	     {{"k", 1}, 1 << 10}, {{"K", 1}, 1 << 10},
		{{"m", 1}, 1 << 20}, {{"M", 1}, 1 << 20}, {{"g", 1}, 1 << 30},
		{{"G", 1}, 1 << 30},
	};
	return scaled(s, bytes, sizeof(bytes) / sizeof(bytes[0]), out);
}

/* 00 to 99. */
static const char pairs[] = "0001020304050607080910111213141516171819"
			    "2021222324252627282930313233343536373839"
			    "4041424344454647484950515253545556575859"
			    "6061626364656667686970717273747576777879"
			    "8081828384858687888990919293949596979899";

static size_t
digits_of(uint64_t v)
{
	static const uint64_t powers[] = {
		0,
		10,
		100,
		1000,
		10000,
		100000,
		1000000,
		10000000,
		100000000,
		1000000000,
		10000000000,
		100000000000,
		1000000000000,
		10000000000000,
		100000000000000,
		1000000000000000,
		10000000000000000,
		100000000000000000,
		1000000000000000000,
		10000000000000000000U,
	};
	/* 1233 / 4096: the logarithm of 2; never more than one digit too few */
	unsigned bits = 64 - (unsigned)__builtin_clzll(v | 1), n = bits * 1233 >> 12;
	return n + (v >= powers[n]);
}

size_t
num_put(char *p, uint64_t v)
{
	if (v < 10) { /* most times and counts of a log line */
		*p = (char)('0' + v);
		return 1;
	}
	size_t n = digits_of(v);
	char *at = p + n;
	for (; v >= 100; v /= 100) {
		at -= 2;
		memcpy(at, pairs + v % 100 * 2, 2);
	}
	if (v >= 10)
		memcpy(p, pairs + v * 2, 2);
	else
		*p = (char)('0' + v);
	return n;
}

size_t
num_put_hex(char *p, uint64_t v)
{
	static const char hex[] = "0123456789abcdef";
	size_t n = v ? (size_t)(67 - __builtin_clzll(v)) / 4 : 1;
	for (size_t i = n; i-- > 0; v >>= 4)
		p[i] = hex[v & 15];
	return n;
}
