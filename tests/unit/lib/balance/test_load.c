/* SPDX-License-Identifier: MIT */
#include "lib/balance/balance.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void
bounds_follow_shares_and_leave_nobody_without(void **state)
{
	(void)state;
	/* 10 requests and one more, at 150 %: 17 places */
	assert_int_equal(balance_bound(10, 150, 100, 0, 200) +
				 balance_bound(10, 150, 100, 100, 200),
			 17);
	assert_int_equal(balance_bound(0, 150, 100, 0, 1000), 1);
	assert_int_equal(balance_bound(99, 200, 300, 0, 400), 150);
}

static void
all_bounds_together_hold_what_is_under_way(void **state)
{
	(void)state;
	for (uint64_t served = 0; served < 200; served++) {
		uint64_t all = 0, before = 0;
		const uint64_t shares[] = {100, 700, 25, 300};
		for (size_t i = 0; i < 4; before += shares[i++])
			all += balance_bound(served, 125, shares[i], before, 1125);
		assert_true(all >= served + 1);
	}
}

static void
a_peak_counts_at_once_and_is_forgotten_slowly(void **state)
{
	(void)state;
	uint64_t a = balance_ewma_add(0, 1000, 5, 10000);
	assert_int_equal(balance_ewma_us(a, 5, 10000), 1000);
	a = balance_ewma_add(a, 50000, 10, 10000);
	assert_int_equal(balance_ewma_us(a, 10, 10000), 50000);
	a = balance_ewma_add(a, 1000, 10, 10000);
	assert_int_equal(balance_ewma_us(a, 10, 10000), 50000);
	a = balance_ewma_add(a, 1000, 10010, 10000);
	assert_in_range(balance_ewma_us(a, 10010, 10000), 25000, 26000);
}

static void
an_average_decays_while_nobody_asks(void **state)
{
	(void)state;
	uint64_t a = balance_ewma_add(0, 80000, 1000, 1000);
	assert_int_equal(balance_ewma_us(a, 2000, 1000), 40000);
	assert_int_equal(balance_ewma_us(a, 2500, 1000), 30000);
	assert_int_equal(balance_ewma_us(a, 3000, 1000), 20000);
	assert_int_equal(balance_ewma_us(a, 100000, 1000), 0);
}

static void
a_time_that_lies_behind_counts_as_now(void **state)
{
	(void)state;
	uint64_t a = balance_ewma_add(0, 80000, 1000, 1000);
	assert_int_equal(balance_ewma_us(a, 999, 1000), 80000);
	/* the clock's 32 bits come round after 49 days */
	a = balance_ewma_add(0, 80000, UINT32_MAX, 1000);
	assert_int_equal(balance_ewma_us(a, 999, 1000), 40000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bounds_follow_shares_and_leave_nobody_without),
		cmocka_unit_test(all_bounds_together_hold_what_is_under_way),
		cmocka_unit_test(a_peak_counts_at_once_and_is_forgotten_slowly),
		cmocka_unit_test(an_average_decays_while_nobody_asks),
		cmocka_unit_test(a_time_that_lies_behind_counts_as_now),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
