/* SPDX-License-Identifier: MIT */
#include "lib/base/num.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

struct row {
	const char *text;
	enum num_result result;
	uint64_t value;
};

static void
check(enum num_result (*parse)(struct span, uint64_t *), const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t v = 0;
		enum num_result r = parse(span_str(rows[i].text), &v);
		if (r != rows[i].result || (r == NUM_OK && v != rows[i].value))
			fail_msg("'%s': result %d, value %llu", rows[i].text, (int)r,
				 (unsigned long long)v);
	}
}

static void
durations_are_read_in_every_unit(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{"0", NUM_OK, 0},
		{"1500", NUM_OK, 1500},
		{"1ms", NUM_OK, 1},
		{"10s", NUM_OK, 10000},
		{"2m", NUM_OK, 120000},
		{"1h", NUM_OK, 3600000},
		{"1d", NUM_OK, 86400000},
		{"1us", NUM_OK, 1},
		{"1000us", NUM_OK, 1},
		{"1001us", NUM_OK, 2},
		{"", NUM_SYNTAX, 0},
		{"s", NUM_SYNTAX, 0},
		{"-1", NUM_SYNTAX, 0},
		{"1 s", NUM_SYNTAX, 0},
		{"1.5s", NUM_SYNTAX, 0},
		{"1S", NUM_SYNTAX, 0},
		{"99999999999999999999", NUM_RANGE, 0},
		{"999999999999999d", NUM_RANGE, 0},
	};
	check(num_duration_ms, rows, sizeof(rows) / sizeof(rows[0]));
}

static void
sizes_are_powers_of_1024(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{"16k", NUM_OK, 16384},
		{"1m", NUM_OK, 1048576},
		{"2G", NUM_OK, 2147483648},
		{"7", NUM_OK, 7},
		{"1kb", NUM_SYNTAX, 0},
		{"k", NUM_SYNTAX, 0},
		{"18446744073709551615k", NUM_RANGE, 0},
	};
	check(num_size, rows, sizeof(rows) / sizeof(rows[0]));
}

static void
bytes_are_decimal_or_hexadecimal(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{"0", NUM_OK, 0},      {"255", NUM_OK, 255},   {"0x0", NUM_OK, 0},
		{"0xfF", NUM_OK, 255}, {"256", NUM_RANGE, 0},  {"0x100", NUM_SYNTAX, 0},
		{"0x", NUM_SYNTAX, 0}, {"0xg", NUM_SYNTAX, 0}, {"", NUM_SYNTAX, 0},
		{"ff", NUM_SYNTAX, 0},
	};
	check(num_byte, rows, sizeof(rows) / sizeof(rows[0]));
}

static void
numbers_are_printed_without_leading_zeros(void **state)
{
	(void)state;
	char p[20];
	assert_int_equal(num_put(p, 0), 1);
	assert_memory_equal(p, "0", 1);
	assert_int_equal(num_put(p, UINT64_MAX), 20);
	assert_memory_equal(p, "18446744073709551615", 20);
	assert_int_equal(num_put_hex(p, 0), 1);
	assert_int_equal(num_put_hex(p, 0x10), 2);
	assert_memory_equal(p, "10", 2);
	assert_int_equal(num_put_hex(p, UINT64_MAX), 16);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(durations_are_read_in_every_unit),
		cmocka_unit_test(sizes_are_powers_of_1024),
		cmocka_unit_test(bytes_are_decimal_or_hexadecimal),
		cmocka_unit_test(numbers_are_printed_without_leading_zeros),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
