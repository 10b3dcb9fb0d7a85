/* SPDX-License-Identifier: MIT
 *
 * Lines of agents as a table.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "checker/self.h"

enum { AS_IT_WAS = SHM_WEIGHT_CONFIGURED };

static const struct row {
	const char *line;
	enum shm_agent_state state;
	bool maint, drain;
	uint16_t weight;
	uint32_t maxconn;
	const char *wrong; /* NULL: all is right */
} rows[] = {
	{"up", SHM_AGENT_UP, 0, 0, AS_IT_WAS, 0, NULL},
	{"Down", SHM_AGENT_DOWN, 0, 0, AS_IT_WAS, 0, NULL},
	{"stopped # up and away", SHM_AGENT_STOPPED, 0, 0, AS_IT_WAS, 0, NULL},
	{"fail#", SHM_AGENT_FAILED, 0, 0, AS_IT_WAS, 0, NULL},
	{"75%", SHM_AGENT_SILENT, 0, 0, 30, 0, NULL},
	{"weight:200%", SHM_AGENT_SILENT, 0, 0, 80, 0, NULL},
	{"weight:7", SHM_AGENT_SILENT, 0, 0, 7, 0, NULL},
	{"weight:99999", SHM_AGENT_SILENT, 0, 0, 256, 0, NULL},
	{"0%", SHM_AGENT_SILENT, 0, 0, 0, 0, NULL},
	{"maxconn:30", SHM_AGENT_SILENT, 0, 0, AS_IT_WAS, 30, NULL},
	{"drain", SHM_AGENT_SILENT, 0, 1, AS_IT_WAS, 0, NULL},
	{"maint", SHM_AGENT_SILENT, 1, 0, AS_IT_WAS, 0, NULL},
	{"maint ready", SHM_AGENT_SILENT, 0, 0, AS_IT_WAS, 0, NULL},
	{" up,50%,, drain maxconn:5 ", SHM_AGENT_UP, 0, 1, 20, 5, NULL},
	{"", SHM_AGENT_SILENT, 0, 0, AS_IT_WAS, 0, NULL},
	{"#up", SHM_AGENT_SILENT, 0, 0, AS_IT_WAS, 0, NULL},
	/* the words that are right count */
	{"upp down x", SHM_AGENT_DOWN, 0, 0, AS_IT_WAS, 0, "upp"},
	{"%", SHM_AGENT_SILENT, 0, 0, AS_IT_WAS, 0, "%"},
	{"-5%", SHM_AGENT_SILENT, 0, 0, AS_IT_WAS, 0, "-5%"},
	{"weight:", SHM_AGENT_SILENT, 0, 0, AS_IT_WAS, 0, "weight:"},
	{"weight:x", SHM_AGENT_SILENT, 0, 0, AS_IT_WAS, 0, "weight:x"},
	{"maxconn:99999999999999999999", SHM_AGENT_SILENT, 0, 0, AS_IT_WAS, 0,
	 "maxconn:99999999999999999999"},
};

static void
every_line_of_the_table_is_understood(void **state)
{
	(void)state;
	const struct cfg_server s = {.weight = 40};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];
		struct shm_agent_word w = shm_agent_unpack(0);
		struct span wrong = {NULL, 0};
		bool is_right = agent_read(&w, span_str(r->line), &s, &wrong);
		if (is_right != !r->wrong || w.state != r->state || w.maint != r->maint ||
		    w.drain != r->drain || w.weight != r->weight ||
		    w.maxconn != r->maxconn)
			fail_msg("'%s'", r->line);
		if (r->wrong)
			assert_true(span_eq(wrong, span_str(r->wrong)));
	}
}

static void
what_is_not_mentioned_stays(void **state)
{
	(void)state;
	const struct cfg_server s = {.weight = 40};
	struct shm_agent_word w = {SHM_AGENT_DOWN, true, false, 7, 9};
	struct span wrong;
	assert_true(agent_read(&w, SPAN("50%"), &s, &wrong));
	assert_true(w.state == SHM_AGENT_DOWN && w.maint && w.weight == 20 &&
		    w.maxconn == 9);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_line_of_the_table_is_understood),
		cmocka_unit_test(what_is_not_mentioned_stays),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
