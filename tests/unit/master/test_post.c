/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "master/post.h"

static void
a_killed_worker_is_replaced_at_once_however_often(void **state)
{
	struct post post = {.respawn_at_ms = 0};
	(void)state;
	for (uint64_t t = 1000; t < 3000; t += 10) {
		assert_int_equal(post_died(&post, false, t), 0);
		assert_int_equal(post.respawn_at_ms, t);
	}
}

static void
the_third_death_by_own_fault_in_ten_seconds_waits(void **state)
{
	struct post post = {.respawn_at_ms = 0};
	(void)state;
	assert_int_equal(post_died(&post, true, 1000), 0);
	assert_int_equal(post_died(&post, true, 6000), 0);
	assert_int_equal(post_died(&post, true, 11000), 100);
	assert_int_equal(post.respawn_at_ms, 11100);
}

static void
the_delay_doubles_up_to_five_seconds(void **state)
{
	static const uint64_t expected[] = {0,	  0,	100,  200,  400, 800,
					    1600, 3200, 5000, 5000, 5000};
	struct post post = {.respawn_at_ms = 0};
	uint64_t t = 1000;
	(void)state;
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		assert_int_equal(post_died(&post, true, t), expected[i]);
		t = post.respawn_at_ms + 20; /* it lives for 20 ms */
	}
}

static void
rare_deaths_never_wait(void **state)
{
	struct post post = {.respawn_at_ms = 0};
	(void)state;
	for (uint64_t t = 1000; t < 200000; t += 5001)
		assert_int_equal(post_died(&post, true, t), 0);
}

static void
a_long_life_ends_the_delays(void **state)
{
	struct post post = {.respawn_at_ms = 0};
	(void)state;
	for (uint64_t t = 1; t <= 4; t++)
		(void)post_died(&post, true, t * 1000);
	assert_int_equal(post.backoff_ms, 200);
	assert_int_equal(post_died(&post, true, 60000), 0);
	assert_int_equal(post_died(&post, true, 61000), 0);
	assert_int_equal(post_died(&post, true, 62000), 100);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_killed_worker_is_replaced_at_once_however_often),
		cmocka_unit_test(the_third_death_by_own_fault_in_ten_seconds_waits),
		cmocka_unit_test(the_delay_doubles_up_to_five_seconds),
		cmocka_unit_test(rare_deaths_never_wait),
		cmocka_unit_test(a_long_life_ends_the_delays),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
