/* SPDX-License-Identifier: MIT */
#include "master/mend.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void
the_third_death_in_a_minute_is_too_much(void **state)
{
	struct mend_deaths all = {.next = 0};
	(void)state;
	assert_false(mend_is_killer(&all, 3, 1000));
	assert_false(mend_is_killer(&all, 3, 20000));
	assert_true(mend_is_killer(&all, 3, 61000));
	assert_false(mend_is_killer(&all, 3, 61000)); /* it begins anew */
}

static void
rare_deaths_and_those_of_others_do_not_count(void **state)
{
	struct mend_deaths all = {.next = 0};
	(void)state;
	for (uint64_t t = 1; t < 100; t++)
		assert_false(mend_is_killer(&all, 3, t * 31000));
	for (int64_t i = 10; i < 100; i++)
		assert_false(mend_is_killer(&all, i, 4000000));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_third_death_in_a_minute_is_too_much),
		cmocka_unit_test(rare_deaths_and_those_of_others_do_not_count),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
