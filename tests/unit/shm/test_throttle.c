/* SPDX-License-Identifier: MIT
 *
 * Events per second.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "shm/throttle.h"

static void
exactly_the_limit_passes_in_a_second(void **state)
{
	(void)state;
	_Atomic uint64_t word = 0;
	for (int i = 0; i < 100; i++)
		assert_true(shm_throttle_take(&word, 100, 5000 + i));
	assert_false(shm_throttle_take(&word, 100, 5999));
	/* a second later their weight fades */
	assert_false(shm_throttle_take(&word, 100, 6000));
	for (int i = 0; i < 10; i++)
		assert_true(shm_throttle_take(&word, 100, 6100));
	assert_false(shm_throttle_take(&word, 100, 6100));
	assert_true(shm_throttle_take(&word, 100, 6110));
	/* after two, they are forgotten */
	for (int i = 0; i < 100; i++)
		assert_true(shm_throttle_take(&word, 100, 8000));
	assert_false(shm_throttle_take(&word, 100, 8000));
}

static void
a_new_second_lets_nothing_through_before_its_time(void **state)
{
	(void)state;
	_Atomic uint64_t word = 0;
	for (int i = 0; i < 20; i++)
		assert_true(shm_throttle_take(&word, 20, 5990));
	assert_false(shm_throttle_take(&word, 20, 6010));
	assert_false(shm_throttle_take(&word, 20, 6049));
	assert_true(shm_throttle_take(&word, 20, 6050));
	assert_false(shm_throttle_take(&word, 20, 6050));
}

static void
what_did_not_happen_is_given_back(void **state)
{
	(void)state;
	_Atomic uint64_t word = 0;
	assert_true(shm_throttle_take(&word, 1, 1000));
	assert_false(shm_throttle_take(&word, 1, 1001));
	shm_throttle_give(&word, 1002);
	assert_true(shm_throttle_take(&word, 1, 1003));
	shm_throttle_give(&word, 9000); /* long over: nothing to give */
	assert_true(shm_throttle_take(&word, 1, 9000));
	assert_false(shm_throttle_take(&word, 1, 9000));
}

static void
a_clock_that_is_behind_counts_into_the_second_of_the_others(void **state)
{
	(void)state;
	_Atomic uint64_t word = 0;
	assert_true(shm_throttle_take(&word, 2, 7000));
	assert_true(shm_throttle_take(&word, 2, 6999));
	assert_false(shm_throttle_take(&word, 2, 7000));
}

static void
who_waits_as_long_as_he_is_told_is_let_through_and_not_before(void **state)
{
	(void)state;
	uint32_t rnd = 1;
	for (int i = 0; i < 20000; i++) {
		_Atomic uint64_t word = 0;
		uint64_t now = 9000;
		rnd = rnd * 1664525U + 1013904223U;
		uint32_t limit = 1 + (rnd >> 8) % 9, n = (rnd >> 16) % 10;
		for (uint32_t k = 0; k < n; k++)
			(void)shm_throttle_take(&word, limit, now - (rnd >> 4) % 1000);
		now += (rnd >> 20) % 1500;
		while (shm_throttle_take(&word, limit, now))
			;
		uint64_t wait_ms = shm_throttle_wait_ms(&word, limit, now);
		assert_in_range(wait_ms, 1, 2000);
		if (wait_ms > 1)
			assert_false(shm_throttle_take(&word, limit, now + wait_ms - 1));
		assert_true(shm_throttle_take(&word, limit, now + wait_ms));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exactly_the_limit_passes_in_a_second),
		cmocka_unit_test(a_new_second_lets_nothing_through_before_its_time),
		cmocka_unit_test(what_did_not_happen_is_given_back),
		cmocka_unit_test(
			who_waits_as_long_as_he_is_told_is_let_through_and_not_before),
		cmocka_unit_test(
			a_clock_that_is_behind_counts_into_the_second_of_the_others),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
