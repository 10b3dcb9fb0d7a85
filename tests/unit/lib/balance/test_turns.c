/* SPDX-License-Identifier: MIT */
#include "lib/balance/balance.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

enum { CAP = 4096 };

static size_t
turns(const uint32_t *weights, size_t n, uint16_t *seq, size_t cap)
{
	struct balance_server servers[8] = {{0}};
	char scratch[1024];
	assert_true(balance_turns_scratch(n) <= sizeof(scratch));
	for (size_t i = 0; i < n; i++)
		servers[i].share = weights[i] * BALANCE_SHARE;
	return balance_turns(servers, n, seq, cap, scratch);
}

static size_t
count(const uint16_t *seq, size_t n, uint16_t which)
{
	size_t found = 0;
	for (size_t i = 0; i < n; i++)
		found += seq[i] == which;
	return found;
}

static void
shares_are_exact_over_a_cycle(void **state)
{
	(void)state;
	uint16_t seq[CAP];
	const uint32_t weights[] = {10, 20, 30, 1};
	size_t n = turns(weights, 4, seq, CAP);
	assert_int_equal(n, 61);
	for (uint16_t i = 0; i < 4; i++)
		assert_int_equal(count(seq, n, i), weights[i]);
}

static void
weights_are_reduced_by_their_common_divisor(void **state)
{
	(void)state;
	uint16_t seq[CAP];
	assert_int_equal(turns((uint32_t[]){100, 200, 100}, 3, seq, CAP), 4);
}

static void
equal_weights_alternate_in_file_order(void **state)
{
	(void)state;
	uint16_t seq[CAP];
	assert_int_equal(turns((uint32_t[]){1, 1, 1}, 3, seq, CAP), 3);
	for (uint16_t i = 0; i < 3; i++)
		assert_int_equal(seq[i], i);
}

static void
a_heavy_server_does_not_get_its_turns_in_a_row(void **state)
{
	(void)state;
	uint16_t seq[CAP];
	size_t n = turns((uint32_t[]){5, 1, 1}, 3, seq, CAP), run = 0, longest = 0;
	for (size_t i = 0; i < 2 * n; i++) {
		run = seq[i % n] == 0 ? run + 1 : 0;
		longest = run > longest ? run : longest;
	}
	assert_in_range(longest, 1, 4);
}

static void
weight_zero_takes_no_turn(void **state)
{
	(void)state;
	uint16_t seq[CAP];
	assert_int_equal(turns((uint32_t[]){0, 3}, 2, seq, CAP), 1);
	assert_int_equal(seq[0], 1);
	assert_int_equal(turns((uint32_t[]){0, 0}, 2, seq, CAP), 0);
}

static void
a_sum_above_the_cap_is_scaled_and_forgets_nobody(void **state)
{
	(void)state;
	uint16_t seq[64];
	const uint32_t weights[] = {256, 255, 1};
	size_t n = turns(weights, 3, seq, 64);
	assert_in_range(n, 3, 64);
	assert_true(count(seq, n, 2) >= 1);
	assert_true(count(seq, n, 0) >= 20);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shares_are_exact_over_a_cycle),
		cmocka_unit_test(weights_are_reduced_by_their_common_divisor),
		cmocka_unit_test(equal_weights_alternate_in_file_order),
		cmocka_unit_test(a_heavy_server_does_not_get_its_turns_in_a_row),
		cmocka_unit_test(weight_zero_takes_no_turn),
		cmocka_unit_test(a_sum_above_the_cap_is_scaled_and_forgets_nobody),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
