/* SPDX-License-Identifier: MIT
 *
 * Rise and fall as tables: results in, the health after each.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "checker/verdict.h"

/* Each letter of `results` is a check: + passed, - failed. `steps`: the step each one
 * makes: = same, ~ moved, U up, D down. `status` is what a log line says at the end. */
struct row {
	const char *title;
	uint32_t rise, fall;
	const char *results, *steps, *status;
};

static const struct row rows[] = {
	{"the first success makes a new server fully UP", 2, 3, "+", "~", "3/3 UP"},
	{"the first failure brings a new server DOWN", 2, 3, "-", "D", "0/2 DOWN"},
	{"more successes change nothing", 2, 3, "+++", "~==", "3/3 UP"},
	{"fall failures bring it DOWN", 2, 3, "+---", "~~~D", "0/2 DOWN"},
	{"fall - 1 failures do not", 2, 3, "+--", "~~~", "1/3 UP"},
	{"a success between failures heals", 2, 3, "+--+--", "~~~~~~", "1/3 UP"},
	{"more failures change nothing", 2, 3, "---", "D==", "0/2 DOWN"},
	{"rise successes bring it UP at the top", 2, 3, "-++", "D~U", "3/3 UP"},
	{"rise - 1 successes do not", 2, 3, "-+", "D~", "1/2 DOWN"},
	{"a failure between successes starts over", 3, 3, "-++-++", "D~~~~~", "2/3 DOWN"},
	{"fall 1 falls at once", 2, 1, "+-", "~D", "0/2 DOWN"},
	{"rise 1 rises at once", 1, 3, "-+", "DU", "3/3 UP"},
	{"rise 1 and fall 1 follow every result", 1, 1, "-+-+", "DUDU", "1/1 UP"},
};

static char
letter(enum verdict_step s)
{
	switch (s) {
	case VERDICT_SAME:
		return '=';
	case VERDICT_MOVED:
		return '~';
	case VERDICT_UP:
		return 'U';
	case VERDICT_DOWN:
		return 'D';
	}
	return '?';
}

static void
one_that_is_weakened_has_few_failures_left(void **state)
{
	(void)state;
	struct verdict v;
	verdict_init(&v, 2, 5);
	(void)verdict_take(&v, true);
	verdict_weaken(&v, 2);
	assert_int_equal(verdict_take(&v, false), VERDICT_MOVED);
	verdict_weaken(&v, 2); /* has fewer already */
	assert_int_equal(verdict_take(&v, false), VERDICT_DOWN);
	verdict_weaken(&v, 1); /* it cannot fall deeper */
	assert_int_equal(verdict_have(&v), 0);
}

static void
every_sequence_of_results_gives_the_steps_and_status_of_the_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct row *r = &rows[i];
		struct verdict v;
		char steps[16] = "", status[32];
		verdict_init(&v, r->rise, r->fall);
		for (size_t k = 0; r->results[k]; k++)
			steps[k] = letter(verdict_take(&v, r->results[k] == '+'));
		snprintf(status, sizeof(status), "%u/%u %s", verdict_have(&v),
			 verdict_need(&v), verdict_is_up(&v) ? "UP" : "DOWN");
		if (strcmp(steps, r->steps) != 0 || strcmp(status, r->status) != 0)
			fail_msg("%s: %s %s", r->title, steps, status);
	}
}

static void
a_restored_verdict_goes_on_where_it_stopped(void **state)
{
	(void)state;
	for (unsigned bits = 0; bits < 1 << 8; bits++) {
		for (unsigned cut = 1; cut < 8; cut++) {
			struct verdict a, b;
			verdict_init(&a, 2, 3);
			for (unsigned k = 0; k < cut; k++)
				(void)verdict_take(&a, bits >> k & 1);
			verdict_restore(&b, 2, 3, verdict_state(&a), verdict_counter(&a));
			for (unsigned k = cut; k < 8; k++)
				assert_int_equal(verdict_take(&a, bits >> k & 1),
						 verdict_take(&b, bits >> k & 1));
			assert_int_equal(a.health, b.health);
		}
	}
}

static void
a_restored_state_survives_other_numbers(void **state)
{
	(void)state;
	struct verdict v;
	verdict_restore(&v, 2, 3, SHM_HEALTH_UP, 99);
	assert_true(verdict_is_up(&v));
	assert_int_equal(verdict_take(&v, false), VERDICT_DOWN);
	verdict_restore(&v, 2, 3, SHM_HEALTH_DOWN, 99);
	assert_false(verdict_is_up(&v));
	assert_int_equal(verdict_take(&v, true), VERDICT_UP);
	verdict_restore(&v, 0, 0, SHM_HEALTH_UNKNOWN,
			0); /* a region's bytes are no proof */
	assert_int_equal(verdict_state(&v), SHM_HEALTH_UNKNOWN);
	assert_int_equal(verdict_take(&v, false), VERDICT_DOWN);
}

static void
a_server_back_from_maintenance_is_up_until_one_failure(void **state)
{
	(void)state;
	struct verdict v;
	verdict_restore(&v, 2, 3, SHM_HEALTH_DOWN, 0);
	verdict_trust(&v, CFG_INIT_NONE);
	assert_int_equal(verdict_state(&v), SHM_HEALTH_UP);
	assert_int_equal(verdict_take(&v, false), VERDICT_DOWN);
}

static void
the_interval_follows_the_state(void **state)
{
	(void)state;
	struct verdict v;
	verdict_init(&v, 2, 3);
	assert_int_equal(verdict_interval_ms(&v, 100, 10, 1000), 10); /* unchecked */
	(void)verdict_take(&v, true);
	assert_int_equal(verdict_interval_ms(&v, 100, 10, 1000), 100); /* fully UP */
	(void)verdict_take(&v, false);
	assert_int_equal(verdict_interval_ms(&v, 100, 10, 1000), 10); /* going down */
	(void)verdict_take(&v, false);
	(void)verdict_take(&v, false);
	assert_int_equal(verdict_interval_ms(&v, 100, 10, 1000), 1000); /* DOWN */
	(void)verdict_take(&v, true);
	assert_int_equal(verdict_interval_ms(&v, 100, 10, 1000), 10); /* going up */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_that_is_weakened_has_few_failures_left),
		cmocka_unit_test(
			every_sequence_of_results_gives_the_steps_and_status_of_the_table),
		cmocka_unit_test(a_restored_verdict_goes_on_where_it_stopped),
		cmocka_unit_test(a_restored_state_survives_other_numbers),
		cmocka_unit_test(a_server_back_from_maintenance_is_up_until_one_failure),
		cmocka_unit_test(the_interval_follows_the_state),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
