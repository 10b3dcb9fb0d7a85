/* SPDX-License-Identifier: MIT
 *
 * The wording of log lines, against lines that HAProxy 2.6 wrote.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "checker/announce.h"

static struct cfg_proxy be = {.name = "be", .caps = CFG_CAP_BACKEND};
static struct cfg_server web = {.name = "web", .backend = &be};
static struct cfg_server spare = {.name = "no", .backend = &be, .backup = true};

static struct probe_result
result_of(enum result id, uint32_t code, const char *info, uint32_t duration_ms)
{
	struct probe_result r = {.id = id, .code = code, .duration_ms = duration_ms};
	probe_result_inform(&r, span_str(info));
	return r;
}

static void
assert_line(struct span got, const char *want)
{
	assert_string_equal(got.p, want);
	assert_int_equal(got.n, strlen(want));
}

static void
a_check_line_gives_reason_code_info_duration_and_status(void **state)
{
	(void)state;
	char buf[ANNOUNCE_BYTES];
	struct verdict v;
	struct probe_result ok = result_of(RESULT_l7_ok, 200, "", 2);
	struct probe_result refused =
		result_of(RESULT_l4_connection, 0, "Connection refused", 0);
	struct probe_result bad =
		result_of(RESULT_l7_status, 500, "Internal Server Error", 1);
	verdict_init(&v, 2, 3);
	(void)verdict_take(&v, true);
	assert_line(
		announce_check(buf, &web, &ok, &v),
		"Health check for server be/web succeeded, reason: Layer7 check passed, "
		"code: 200, check duration: 2ms, status: 3/3 UP.");
	(void)verdict_take(&v, false);
	assert_line(announce_check(buf, &web, &bad, &v),
		    "Health check for server be/web failed, reason: Layer7 wrong status, "
		    "code: 500, info: \"Internal Server Error\", check duration: 1ms, "
		    "status: 2/3 UP.");
	verdict_init(&v, 2, 3);
	(void)verdict_take(&v, false);
	assert_line(
		announce_check(buf, &spare, &refused, &v),
		"Health check for backup server be/no failed, reason: Layer4 connection "
		"problem, info: \"Connection refused\", check duration: 0ms, status: 0/2 "
		"DOWN.");
}

static void
a_state_line_counts_the_servers_that_are_left(void **state)
{
	(void)state;
	char buf[ANNOUNCE_BYTES];
	struct probe_result tout = result_of(RESULT_l4_timeout, 0, "", 701);
	struct probe_result ok = result_of(RESULT_l4_ok, 0, "", 1);
	assert_line(
		announce_state(
			buf, &web,
			&(struct announce_event){.change = ANNOUNCE_DOWN,
						 .result = &tout,
						 .via = NULL,
						 .n = (struct announce_counts){4, 0, 0}}),
		"Server be/web is DOWN, reason: Layer4 timeout, check duration: 701ms. 4 "
		"active and 0 backup servers left. 0 sessions active, 0 requeued, 0 "
		"remaining in queue.");
	assert_line(announce_state(buf, &spare,
				   &(struct announce_event){
					   .change = ANNOUNCE_DOWN,
					   .result = NULL,
					   .via = NULL,
					   .n = (struct announce_counts){1, 0, 7}}),
		    "Backup Server be/no is DOWN. 1 active and 0 backup servers left. 7 "
		    "sessions active, 0 requeued, 0 remaining in queue.");
	assert_line(
		announce_state(
			buf, &spare,
			&(struct announce_event){.change = ANNOUNCE_UP,
						 .result = &ok,
						 .via = NULL,
						 .n = (struct announce_counts){0, 1, 0}}),
		"Backup Server be/no is UP, reason: Layer4 check passed, check duration: "
		"1ms. 0 active and 1 backup servers online. Running on backup. 0 "
		"sessions "
		"requeued, 0 total in queue.");
}

static void
other_changes_have_haproxys_words(void **state)
{
	(void)state;
	char buf[ANNOUNCE_BYTES];
	struct announce_counts n = {1, 0, 2};
	struct probe_result gone = result_of(RESULT_l7_okc, 404, "", 1);
	assert_line(announce_state(buf, &web,
				   &(struct announce_event){.change = ANNOUNCE_MAINT,
							    .result = NULL,
							    .via = NULL,
							    .n = n}),
		    "Server be/web is going DOWN for maintenance. 1 active and 0 backup "
		    "servers left. 2 sessions active, 0 requeued, 0 remaining in queue.");
	assert_line(announce_state(buf, &web,
				   &(struct announce_event){.change = ANNOUNCE_READY,
							    .result = NULL,
							    .via = NULL,
							    .n = n}),
		    "Server be/web is DOWN/READY (leaving forced maintenance).");
	assert_line(announce_state(buf, &web,
				   &(struct announce_event){.change = ANNOUNCE_STOPPING,
							    .result = &gone,
							    .via = NULL,
							    .n = n}),
		    "Server be/web is stopping, reason: Layer7 check conditionally "
		    "passed, code: 404, check duration: 1ms. 1 active and 0 backup "
		    "servers online. 0 sessions requeued, 0 total in queue.");
	assert_line(announce_state(buf, &spare,
				   &(struct announce_event){.change = ANNOUNCE_DOWN,
							    .result = NULL,
							    .via = &web,
							    .n = n}),
		    "Backup Server be/no is DOWN via be/web. 1 active and 0 backup "
		    "servers left. 2 sessions active, 0 requeued, 0 remaining in queue.");
}

static void
the_last_server_takes_the_backend_with_it(void **state)
{
	(void)state;
	char buf[ANNOUNCE_BYTES];
	struct cfg_proxy listen = {.name = "li",
				   .caps = CFG_CAP_FRONTEND | CFG_CAP_BACKEND};
	assert_line(announce_no_server(buf, &be, false),
		    "backend be has no server available!");
	assert_line(announce_no_server(buf, &be, true),
		    "backend 'be' has no server available!");
	assert_line(announce_no_server(buf, &listen, false),
		    "proxy li has no server available!");
}

static void
a_line_that_is_too_long_is_cut(void **state)
{
	(void)state;
	char buf[ANNOUNCE_BYTES], name[2 * ANNOUNCE_BYTES];
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = 0;
	struct cfg_server s = {.name = name, .backend = &be};
	struct probe_result r = result_of(RESULT_l4_ok, 0, "", 1);
	struct span got = announce_state(
		buf, &s,
		&(struct announce_event){.change = ANNOUNCE_UP,
					 .result = &r,
					 .via = NULL,
					 .n = (struct announce_counts){0, 1, 0}});
	assert_int_equal(got.n, ANNOUNCE_BYTES - 1);
}

static void
what_a_server_says_cannot_forge_a_log_line(void **state)
{
	(void)state;
	struct probe_result r = {.id = RESULT_l7_status};
	probe_result_inform(&r, SPAN(" a\"\n\x1b\xff\tb "));
	assert_string_equal(r.info, "a?????b");
	probe_result_inform(&r, SPAN("FATAL\0Mno"));
	assert_string_equal(r.info, "FATAL");
	char longer[300];
	memset(longer, 'x', sizeof(longer));
	probe_result_inform(&r, span_of(longer, sizeof(longer)));
	assert_int_equal(strlen(r.info), PROBE_INFO_BYTES - 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_check_line_gives_reason_code_info_duration_and_status),
		cmocka_unit_test(a_state_line_counts_the_servers_that_are_left),
		cmocka_unit_test(other_changes_have_haproxys_words),
		cmocka_unit_test(the_last_server_takes_the_backend_with_it),
		cmocka_unit_test(a_line_that_is_too_long_is_cut),
		cmocka_unit_test(what_a_server_says_cannot_forge_a_log_line),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
