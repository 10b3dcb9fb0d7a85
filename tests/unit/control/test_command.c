/* SPDX-License-Identifier: MIT
 *
 * The commands of the runtime API, said to a real control process. The answers are
 * those of HAProxy 2.6 where it has the command.
 */
#include "tests/unit/control/fixture.h"

static struct control_test *t;

static int
start(void **state)
{
	(void)state;
	t = control_start(true);
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	control_end(&t);
	return 0;
}

static void
refusals_have_haproxys_words(void **state)
{
	static const struct {
		const char *line, *answer;
	} samples[] = {
		{"set server app/x state maint", "No such server.\n\n"},
		{"set server zz/a state maint", "No such backend.\n\n"},
		{"set server app/a state foo",
		 "'set server <srv> state' expects 'ready', 'drain' and 'maint'.\n\n"},
		{"set server app/a state",
		 "'set server <srv> state' expects 'ready', 'drain' and 'maint'.\n\n"},
		{"set server app/a weight 300",
		 "Absolute weight can only be between 0 and 256 inclusive.\n\n"},
		{"set server app/a weight -1",
		 "Absolute weight can only be between 0 and 256 inclusive.\n\n"},
		{"set server app/a weight -1%", "Relative weight must be positive.\n\n"},
		{"set server app/a weight x",
		 "Empty weight string empty or preceded by garbage\n\n"},
		{"set server app/a weight 1x", "Trailing garbage in weight string\n\n"},
		{"set server app/a weight", "Require <weight> or <weight%>.\n\n"},
		{"set weight app/a", "Require <weight> or <weight%>.\n\n"},
		{"get weight app", "Require 'backend/server'.\n\n"},
		{"get weight", "Require 'backend/server'.\n\n"},
		{"disable server app/", "Require 'backend/server'.\n\n"},
		{"set server app/a",
		 "usage: set server <backend>/<server> addr | agent | agent-addr | "
		 "agent-port | "
		 "agent-send | check-addr | check-port | fqdn | health | ssl | state | "
		 "weight\n\n"},
		{"show servers state nope", "Can't find backend.\n\n"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++)
		assert_string_equal(ask(t, samples[i].line), samples[i].answer);
}

static void
states_are_set_and_replace_each_other(void **state)
{
	(void)state;
	assert_string_equal(ask(t, "set server app/a state maint"), "\n");
	assert_true(admin_of(t, "a").maint);
	assert_string_equal(ask(t, "set server app/a state drain"), "\n");
	assert_false(admin_of(t, "a").maint);
	assert_true(admin_of(t, "a").drain);
	assert_string_equal(ask(t, "set server app/a state ready"), "\n");
	assert_false(admin_of(t, "a").drain);
	assert_string_equal(ask(t, "disable server app/a"), "\n");
	assert_true(admin_of(t, "a").maint);
	assert_string_equal(ask(t, "enable server app/a"), "\n");
	assert_false(admin_of(t, "a").maint);
}

static void
a_server_disabled_in_the_configuration_can_be_enabled(void **state)
{
	(void)state;
	assert_true(admin_of(t, "b").maint);
	assert_string_equal(ask(t, "enable server app/b"), "\n");
	assert_false(admin_of(t, "b").maint);
	assert_true(admin_of(t, "b").config_disabled);
}

static void
weights_are_absolute_or_relative_to_the_configuration(void **state)
{
	(void)state;
	assert_string_equal(ask(t, "get weight app/a"), "10 (initial 10)\n\n");
	assert_string_equal(ask(t, "set server app/a weight 50%"), "\n");
	assert_string_equal(ask(t, "get weight app/a"), "5 (initial 10)\n\n");
	assert_int_equal(admin_of(t, "a").config_weight, 10);
	assert_string_equal(ask(t, "set weight app/a 256"), "\n");
	assert_string_equal(ask(t, "get weight app/a"), "256 (initial 10)\n\n");
	assert_string_equal(ask(t, "set weight app/a 1000000%"), "\n");
	assert_string_equal(ask(t, "get weight app/a"), "256 (initial 10)\n\n");
	assert_string_equal(ask(t, "set weight app/a 99999999999999999999%"), "\n");
	assert_string_equal(ask(t, "set weight app/a 0"), "\n");
	assert_string_equal(ask(t, "get weight app/a"), "0 (initial 10)\n\n");
}

static void
the_backend_is_told_of_every_change(void **state)
{
	struct shm_object be = fixture_object(&t->f, SHM_BACKEND, "", "app");
	uint64_t version = atomic_load(&be.backend->version);
	(void)state;
	ask(t, "set weight app/a 7");
	assert_true(atomic_load(&be.backend->version) > version);
}

static void
several_commands_fit_on_a_line(void **state)
{
	(void)state;
	assert_string_equal(ask(t, "set weight app/a 3; get weight app/a;show backend"),
			    "\n3 (initial 10)\n\n# name\napp\n\n");
	assert_string_equal(ask(t, ";;  ;get weight app/a ; "), "3 (initial 10)\n\n");
}

static void
backslashes_make_separators_ordinary(void **state)
{
	(void)state;
	assert_string_equal(ask(t, "get weight app/\\;a"), "No such server.\n\n");
	assert_memory_equal(ask(t, "get\\ weight app/a"), "Unknown command", 15);
	assert_string_equal(ask(t, "get weight app\\/a"), "10 (initial 10)\n\n");
}

static void
levels_are_obeyed_and_can_only_be_lowered(void **state)
{
	(void)state;
	assert_string_equal(ask_at(t, 1, "show cli level"), "user\n\n");
	assert_string_equal(ask_at(t, 1, "set weight app/a 3"), "Permission denied\n\n");
	assert_string_equal(ask_at(t, 1, "operator"), "Permission denied\n\n");
	assert_string_equal(ask_at(t, 1, "get weight app/a"), "10 (initial 10)\n\n");
	assert_string_equal(ask(t, "show cli level"), "admin\n\n");
	assert_string_equal(ask(t, "operator;show cli level;disable server app/a"),
			    "\noperator\n\nPermission denied\n\n");
	assert_string_equal(ask(t, "user;operator"), "\nPermission denied\n\n");
	assert_false(admin_of(t, "a").maint);
}

static void
help_shows_what_the_level_allows(void **state)
{
	(void)state;
	assert_non_null(strstr(ask(t, "help"), "  set server <bk>/<srv>"));
	assert_null(strstr(ask_at(t, 1, "help"), "set server"));
	assert_non_null(strstr(ask_at(t, 1, "help"), "show stat"));
	assert_non_null(strstr(ask(t, "foo"), "Unknown command. Please enter"));
	assert_non_null(strstr(ask(t, "show"), "Unknown command, but maybe"));
	assert_non_null(strstr(ask(t, "show nonsense"), "show servers state"));
}

static void
show_stat_is_haproxys_csv(void **state)
{
	(void)state;
	const char *csv = ask(t, "show stat");
	assert_memory_equal(csv, "# pxname,svname,qcur,qmax,scur,smax,slim,stot,bin,",
			    50);
	assert_non_null(strstr(csv, "\napp,a,0,0,0,0,,0,0,0,,0,,"));
	assert_non_null(strstr(csv, "\napp,BACKEND,"));
	assert_string_equal(csv + strlen(csv) - 2, "\n\n");
	assert_null(strstr(ask(t, "show stat app 4 1"), "app,b,"));
	assert_null(strstr(ask(t, "show stat 1 2 -1"), "app,a,"));
	assert_non_null(strstr(ask(t, "show stat no-maint"), "app,a,"));
	assert_null(strstr(ask(t, "show stat no-maint"), "app,b,"));
	assert_non_null(strstr(ask(t, "show stat json"), "\"value\":\"BACKEND\""));
	assert_memory_equal(ask(t, "show stat app"), "usage: show stat", 16);
}

static void
show_info_names_values(void **state)
{
	char pid[32];
	(void)state;
	const char *info = ask(t, "show info");
	assert_memory_equal(info, "Name: weir\nVersion: 1.0-test\n", 29);
	snprintf(pid, sizeof(pid), "\nPid: %d\n", getpid());
	assert_non_null(strstr(info, pid));
	assert_non_null(strstr(info, "\nMaxconn: 1000\n"));
	assert_non_null(strstr(ask(t, "show info typed"), ".Maxconn.1:CLP:u32:1000"));
}

static void
show_servers_state_is_format_version_1(void **state)
{
	(void)state;
	const char *text = ask(t, "show servers state app");
	assert_memory_equal(text, "1\n# be_id be_name srv_id srv_name srv_addr ", 42);
	assert_non_null(strstr(text, "\n1 app 1 a 10.0.0.1 2 0 10 10 "));
	assert_non_null(strstr(text, "\n1 app 2 b 10.0.0.1 0 5 1 1 "));
}

static void
reload_reaches_the_master(void **state)
{
	uint64_t n = 0;
	(void)state;
	assert_string_equal(ask(t, "reload"), "Reload requested.\n\n");
	assert_int_equal(read(t->in.reload_fd, &n, sizeof(n)), 8);
}

static void
changes_are_logged_with_who_asked(void **state)
{
	char expected[256];
	(void)state;
	ask(t, "disable server app/a");
	snprintf(expected, sizeof(expected),
		 "%s: uid %d pid %d says 'disable server app/a'", t->socket_path[0],
		 (int)getuid(), (int)getpid());
	WAIT_FOR(strstr(read_file(t->file_path), expected));
	ask_at(t, 1, "disable server app/a");
	WAIT_FOR(strstr(read_file(t->file_path), "was denied"));
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, start, stop)
	const struct CMUnitTest tests[] = {
		T(refusals_have_haproxys_words),
		T(states_are_set_and_replace_each_other),
		T(a_server_disabled_in_the_configuration_can_be_enabled),
		T(weights_are_absolute_or_relative_to_the_configuration),
		T(the_backend_is_told_of_every_change),
		T(several_commands_fit_on_a_line),
		T(backslashes_make_separators_ordinary),
		T(levels_are_obeyed_and_can_only_be_lowered),
		T(help_shows_what_the_level_allows),
		T(show_stat_is_haproxys_csv),
		T(show_info_names_values),
		T(show_servers_state_is_format_version_1),
		T(reload_reaches_the_master),
		T(changes_are_logged_with_who_asked),
	};
#undef T
	return cmocka_run_group_tests(tests, NULL, NULL);
}
