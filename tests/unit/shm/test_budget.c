/* SPDX-License-Identifier: MIT */
#include "shm/budget.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

enum { NOW_MS = 5000000 };

static unsigned
spend_all(_Atomic uint64_t *word, uint32_t min_rate, uint64_t now_ms)
{
	unsigned n = 0;
	while (shm_budget_spend(word, min_rate, now_ms))
		n++;
	return n;
}

static void
a_new_budget_is_full_and_ends(void **state)
{
	(void)state;
	_Atomic uint64_t word = 0;
	assert_int_equal(spend_all(&word, 10, NOW_MS), 100);
	assert_int_equal(spend_all(&word, 10, NOW_MS), 0);
}

static void
requests_earn_their_share(void **state)
{
	(void)state;
	_Atomic uint64_t word = 0;
	spend_all(&word, 10, NOW_MS);
	for (int i = 0; i < 50; i++)
		shm_budget_earn(&word, 20);
	assert_int_equal(spend_all(&word, 10, NOW_MS), 10);
}

static void
some_are_allowed_in_every_second(void **state)
{
	(void)state;
	_Atomic uint64_t word = 0;
	spend_all(&word, 10, NOW_MS);
	assert_int_equal(spend_all(&word, 10, NOW_MS + 1000), 10);
	assert_int_equal(spend_all(&word, 10, NOW_MS + 3000), 20);
	assert_int_equal(spend_all(&word, 10, NOW_MS + 3000000), 100);
	assert_int_equal(spend_all(&word, 500, NOW_MS + 3001000), 500);
	assert_int_equal(spend_all(&word, 0, NOW_MS + 4000000), 0);
}

static void
what_is_kept_is_bounded_and_time_does_not_run_backwards(void **state)
{
	(void)state;
	_Atomic uint64_t word = 0;
	for (int i = 0; i < 100000; i++)
		shm_budget_earn(&word, 50);
	assert_in_range(spend_all(&word, 0, NOW_MS), 100, 101);
	assert_int_equal(spend_all(&word, 10, NOW_MS - 1000), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_budget_is_full_and_ends),
		cmocka_unit_test(requests_earn_their_share),
		cmocka_unit_test(some_are_allowed_in_every_second),
		cmocka_unit_test(what_is_kept_is_bounded_and_time_does_not_run_backwards),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
