/* SPDX-License-Identifier: MIT
 *
 * Buckets of tokens: how many pass, when the next one does.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "shm/tokens.h"

enum { T = 10000, T0 = 500000 };

/* How many of n pass at that time. */
static unsigned
passed(struct shm_rate *r, unsigned n, uint64_t now_ms, uint64_t tokens, uint64_t burst)
{
	unsigned taken = 0;
	for (unsigned i = 0; i < n; i++)
		taken += shm_tokens_take(r, T, now_ms, tokens, burst).is_taken;
	return taken;
}

static void
exactly_so_many_pass_within_a_period_however_they_are_spread(void **state)
{
	(void)state;
	struct shm_rate at_once = {0}, spread = {0};
	assert_int_equal(passed(&at_once, 500, T0, 100, 0), 100);
	assert_int_equal(passed(&at_once, 500, T0 + T - 1, 100, 0), 0);
	unsigned n = 0;
	for (unsigned i = 0; i < T; i += 10)
		n += passed(&spread, 1, T0 + i, 100, 0);
	assert_int_equal(n, 100);
}

static void
tokens_come_back_evenly_one_period_later(void **state)
{
	(void)state;
	struct shm_rate r = {0};
	assert_int_equal(passed(&r, 500, T0, 100, 0), 100);
	assert_int_equal(passed(&r, 500, T0 + T, 100, 0), 0);
	assert_int_equal(passed(&r, 500, T0 + T + T / 10, 100, 0), 10);
	assert_int_equal(passed(&r, 500, T0 + T + T / 2, 100, 0), 40);
	/* after two quiet periods the bucket is as new */
	assert_int_equal(passed(&r, 500, T0 + 10 * T, 100, 0), 100);
}

static void
a_flood_gets_the_rate_and_no_more(void **state)
{
	(void)state;
	struct shm_rate r = {0};
	unsigned n = 0;
	for (unsigned i = 0; i < 100 * T; i += 7)
		n += passed(&r, 3, T0 + i, 100, 0);
	assert_in_range(n, 9900, 10100);
}

static void
a_rate_of_one_is_one_per_period(void **state)
{
	(void)state;
	struct shm_rate r = {0};
	unsigned n = 0;
	for (unsigned i = 0; i < 10 * T; i += 10)
		n += passed(&r, 1, T0 + i, 1, 0);
	assert_int_equal(n, 10);
}

static void
a_burst_passes_after_a_period_that_left_so_many_unused(void **state)
{
	(void)state;
	struct shm_rate r = {0};
	assert_int_equal(passed(&r, 500, T0, 100, 20), 120);
	/* none was left */
	assert_int_equal(passed(&r, 500, T0 + 2 * T - 1, 100, 20), 100);
	/* ten were left: ten more */
	r = (struct shm_rate){T0, 0, 90};
	assert_int_equal(passed(&r, 500, T0 + T - 1, 100, 20), 110);
}

static void
who_waits_as_long_as_he_is_told_gets_a_token_and_not_before(void **state)
{
	(void)state;
	uint32_t rnd = 1;
	for (int i = 0; i < 20000; i++) {
		rnd = rnd * 1664525U + 1013904223U;
		uint64_t tokens = 1 + (rnd >> 8) % 7, burst = (rnd >> 16) % 3;
		uint64_t now = T0 + (rnd >> 4) % T;
		struct shm_rate r = {T0, (rnd >> 20) % 9, (rnd >> 24) % 9}, later = r;
		struct shm_token t = shm_tokens_take(&r, T, now, tokens, burst);
		if (t.is_taken)
			continue;
		assert_in_range(t.wait_ms, 1, 2 * T);
		r = later;
		assert_true(shm_tokens_take(&later, T, now + t.wait_ms, tokens, burst)
				    .is_taken);
		if (t.wait_ms > 1)
			assert_false(
				shm_tokens_take(&r, T, now + t.wait_ms - 1, tokens, burst)
					.is_taken);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			exactly_so_many_pass_within_a_period_however_they_are_spread),
		cmocka_unit_test(tokens_come_back_evenly_one_period_later),
		cmocka_unit_test(a_flood_gets_the_rate_and_no_more),
		cmocka_unit_test(a_rate_of_one_is_one_per_period),
		cmocka_unit_test(a_burst_passes_after_a_period_that_left_so_many_unused),
		cmocka_unit_test(
			who_waits_as_long_as_he_is_told_gets_a_token_and_not_before),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
