/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "master/options.h"

static char err[OPTIONS_ERROR_BYTES];

/* Parses the words of a line; the words live as long as the program. */
static int
parse(struct options *o, const char *line)
{
	static char text[256];
	char *argv[24], *word;
	int argc = 0;
	argv[argc++] = text; /* the name of the program is not looked at */
	snprintf(text, sizeof(text), "weir %s", line);
	(void)strtok(text, " ");
	while ((word = strtok(NULL, " ")) && argc < 23)
		argv[argc++] = word;
	argv[argc] = NULL;
	err[0] = '\0';
	return options_parse(o, argc, argv, err);
}

static void
without_switches_it_runs_on_the_installed_configuration(void **state)
{
	struct options o;
	(void)state;
	assert_int_equal(parse(&o, ""), 0);
	assert_int_equal(o.command, COMMAND_RUN);
	assert_int_equal(o.request.paths_n, 1);
	assert_string_equal(o.request.paths[0], WEIR_SYSCONFDIR "/conf.d");
	assert_false(o.names_files);
	options_free(&o);
}

static void
files_and_overrides_keep_their_order(void **state)
{
	struct options o;
	(void)state;
	assert_int_equal(parse(&o, "-f a -o x=1 -f b -o y.z=2 -- c d"), 0);
	assert_int_equal(o.request.paths_n, 4);
	assert_string_equal(o.request.paths[1], "b");
	assert_string_equal(o.request.paths[3], "d");
	assert_int_equal(o.request.overrides_n, 2);
	assert_string_equal(o.request.overrides[1], "y.z=2");
	options_free(&o);
}

static void
haproxy_s_switches_are_understood(void **state)
{
	struct options o;
	(void)state;
	assert_int_equal(parse(&o, "-c -V -q -D -db -p /x.pid -n 500 -C /tmp -L node"),
			 0);
	assert_int_equal(o.command, COMMAND_CHECK);
	assert_true(o.verbose && o.request.quiet && o.request.daemon &&
		    o.request.foreground);
	assert_false(o.request.debug);
	assert_string_equal(o.request.pidfile, "/x.pid");
	assert_int_equal(o.request.maxconn, 500);
	assert_string_equal(o.request.chdir, "/tmp");
	assert_string_equal(o.request.local_name, "node");
	options_free(&o);
	assert_int_equal(parse(&o, "-d"), 0);
	assert_true(o.request.debug && o.request.foreground);
	options_free(&o);
	assert_int_equal(parse(&o, "-vv"), 0);
	assert_int_equal(o.command, COMMAND_BUILD);
	options_free(&o);
}

static void
mistakes_are_named(void **state)
{
	static const struct {
		const char *line, *text;
	} cases[] = {
		{"-x", "unknown switch '-x'"},
		{"--dump", "unknown switch '--dump'"},
		{"conf.d", "unexpected argument 'conf.d'"},
		{"-f", "-f needs an argument: -f PATH"},
		{"-n 0", "'0'"},
		{"-n many", "'many'"},
		{"-n -1", "'-1'"},
		{"-o nbproc", "path.to.key=value"},
		{"-o =4", "path.to.key=value"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct options o;
		assert_int_equal(parse(&o, cases[i].line), -1);
		if (!strstr(err, cases[i].text))
			fail_msg("%s: %s", cases[i].line, err);
		options_free(&o);
	}
}

static void
the_help_names_every_switch(void **state)
{
	static const char *const switches[] = {
		"-f PATH", "-c ",      "-o KEY=VALUE", "-D ",
		"-db ",	   "--schema", "--fresh-shm",  "--dump-config"};
	char text[8192];
	FILE *f = fmemopen(text, sizeof(text), "w");
	(void)state;
	assert_non_null(f);
	options_help(f);
	fclose(f);
	for (size_t i = 0; i < sizeof(switches) / sizeof(switches[0]); i++)
		assert_non_null(strstr(text, switches[i]));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_switches_it_runs_on_the_installed_configuration),
		cmocka_unit_test(files_and_overrides_keep_their_order),
		cmocka_unit_test(haproxy_s_switches_are_understood),
		cmocka_unit_test(mistakes_are_named),
		cmocka_unit_test(the_help_names_every_switch),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
