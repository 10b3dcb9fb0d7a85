/* SPDX-License-Identifier: MIT */
#include "lib/net/wheel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static unsigned fired_n;

static void
fire(struct net_timer *t)
{
	(void)t;
	fired_n++;
}

static struct wheel wheel;

static int
fresh(void **state)
{
	(void)state;
	fired_n = 0;
	wheel_init(&wheel, 1000000);
	return 0;
}

static void
arm(struct net_timer *t, uint64_t at_ms)
{
	net_timer_init(t, fire);
	t->deadline_ms = at_ms;
	wheel_add(&wheel, t);
}

static void
a_timer_never_fires_early_and_at_most_one_slot_late(void **state)
{
	(void)state;
	for (uint64_t delay = 1; delay < 300; delay += 7) {
		struct net_timer t;
		wheel_init(&wheel, 1000000);
		fired_n = 0;
		arm(&t, 1000000 + delay);
		wheel_expire(&wheel, 1000000 + delay - 1);
		assert_int_equal(fired_n, 0);
		wheel_expire(&wheel, 1000000 + delay + WHEEL_SLOT_MS);
		assert_int_equal(fired_n, 1);
	}
}

static void
a_timer_beyond_one_turn_waits_for_its_turn(void **state)
{
	(void)state;
	struct net_timer t;
	uint64_t turn_ms = (uint64_t)WHEEL_SLOTS_N * WHEEL_SLOT_MS;
	arm(&t, 1000000 + 3 * turn_ms);
	for (uint64_t at = 0; at < 3 * turn_ms; at += 5000)
		wheel_expire(&wheel, 1000000 + at);
	assert_int_equal(fired_n, 0);
	wheel_expire(&wheel, 1000000 + 3 * turn_ms + WHEEL_SLOT_MS);
	assert_int_equal(fired_n, 1);
}

static void
a_deadline_that_moved_away_is_obeyed(void **state)
{
	(void)state;
	struct net_timer t;
	arm(&t, 1000100);
	t.deadline_ms = 1000500; /* as net_timer_set does: the slot stays */
	wheel_expire(&wheel, 1000200);
	assert_int_equal(fired_n, 0);
	wheel_expire(&wheel, 1000510);
	assert_int_equal(fired_n, 1);
}

static void
a_long_pause_loses_no_timer(void **state)
{
	(void)state;
	struct net_timer t[100];
	for (unsigned i = 0; i < 100; i++)
		arm(&t[i], 1000000 + i * 300);
	wheel_expire(&wheel, 1000000 + 10000000);
	assert_int_equal(fired_n, 100);
}

static void
sleep_lasts_until_the_next_timer(void **state)
{
	(void)state;
	struct net_timer t;
	assert_int_equal(wheel_sleep_ms(&wheel, 1000000, 60000), 60000);
	arm(&t, 1000400);
	uint64_t ms = wheel_sleep_ms(&wheel, 1000000, 60000);
	assert_in_range(ms, 400, 400 + WHEEL_SLOT_MS);
	assert_int_equal(wheel_sleep_ms(&wheel, 1000000, 100), 100);
	wheel_expire(&wheel, 1000000 + ms);
	assert_int_equal(fired_n, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(
			a_timer_never_fires_early_and_at_most_one_slot_late, fresh),
		cmocka_unit_test_setup(a_timer_beyond_one_turn_waits_for_its_turn, fresh),
		cmocka_unit_test_setup(a_deadline_that_moved_away_is_obeyed, fresh),
		cmocka_unit_test_setup(a_long_pause_loses_no_timer, fresh),
		cmocka_unit_test_setup(sleep_lasts_until_the_next_timer, fresh),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
