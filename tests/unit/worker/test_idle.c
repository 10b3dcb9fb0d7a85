/* SPDX-License-Identifier: MIT */
#include "worker/idle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

/* configuration.txt, http-reuse, and docs/decisions/001 for what can be repeated. */
static void
each_mode_gives_its_rights(void **state)
{
	(void)state;
	static const struct {
		enum cfg_reuse mode;
		enum idle_right first, later, first_replayable;
	} rows[] = {
		{CFG_REUSE_NEVER, IDLE_OWN, IDLE_OWN, IDLE_OWN},
		{CFG_REUSE_SAFE, IDLE_OWN, IDLE_ANY, IDLE_ANY},
		{CFG_REUSE_AGGRESSIVE, IDLE_PROVEN, IDLE_ANY, IDLE_ANY},
		{CFG_REUSE_ALWAYS, IDLE_ANY, IDLE_ANY, IDLE_ANY},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		enum cfg_reuse mode = rows[i].mode;
		assert_int_equal(idle_right(mode, false, true), rows[i].first);
		assert_int_equal(idle_right(mode, false, false), rows[i].later);
		assert_int_equal(idle_right(mode, true, true), rows[i].first_replayable);
		assert_int_equal(idle_right(mode, true, false), rows[i].later);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_mode_gives_its_rights),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
