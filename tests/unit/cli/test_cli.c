/* SPDX-License-Identifier: MIT
 *
 * weirctl as a whole: command line, exit codes, what it prints. Each run is a child
 * process; the daemon behind the control socket is an actor with one answer.
 */
#include "tests/unit/shm/stat_fixture.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "cli/cli.h"

enum { ARGS_MAX = 16 };

static struct fixture f;
static char out[1 << 20], err[1 << 16];

static int
make(void **state)
{
	(void)state;
	stat_create(&f);
	stat_states(&f);
	unsetenv("WEIR_SHM");
	return 0;
}

static int
drop(void **state)
{
	(void)state;
	fixture_remove(&f);
	return 0;
}

static void
read_back(FILE *file, char *to, size_t bytes)
{
	rewind(file);
	size_t n = fread(to, 1, bytes - 1, file);
	to[n] = '\0';
	fclose(file);
}

/* weirctl with these words; "@" stands for the region's path. Returns the exit code. */
static int
weirctl(const char *line)
{
	char name[] = "weirctl", words[512], *argv[ARGS_MAX + 1] = {name};
	int argc = 1;
	FILE *to_out = tmpfile(), *to_err = tmpfile();
	assert_true(to_out && to_err && strlen(line) < sizeof(words));
	strcpy(words, line);
	for (char *w = strtok(words, " "); w && argc < ARGS_MAX; w = strtok(NULL, " "))
		argv[argc++] = strcmp(w, "@") == 0 ? f.path : w;
	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0) {
		dup2(fileno(to_out), STDOUT_FILENO);
		dup2(fileno(to_err), STDERR_FILENO);
		int rc = cli_main(argc, argv);
		fflush(NULL);
		_exit(rc);
	}
	int status = fixture_wait(pid);
	read_back(to_out, out, sizeof(out));
	read_back(to_err, err, sizeof(err));
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static bool
has(const char *piece)
{
	return strstr(out, piece) != NULL;
}

/* --- the command line --------------------------------------------------- */

static void
mistakes_on_the_command_line_are_exit_2_and_explained(void **state)
{
	static const struct {
		const char *line, *says;
	} samples[] = {
		{"", "usage: weirctl"},
		{"nonsense", "unknown command 'nonsense'"},
		{"--nonsense", "unknown option --nonsense"},
		{"-Z", "unknown option -Z"},
		{"-s", "--shm needs a value"},
		{"stats --json=1", "--json takes no value"},
		{"stats --json --csv", "not both"},
		{"stats --wait", "--wait means nothing to 'stats'"},
		{"stats a b", "takes one argument at most"},
		{"info x", "takes no argument"},
		{"-w 1 -n x stats", "--count: 'x' is not a number"},
		{"-w 0 stats", "--watch: more than 0 seconds"},
		{"--watch=x stats", "--watch: 'x' is not a number of seconds"},
		{"help nonsense", "there is no command 'nonsense'"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		assert_int_equal(weirctl(samples[i].line), CLI_USAGE);
		if (!strstr(err, samples[i].says))
			fail_msg("'%s' says: %s", samples[i].line, err);
		assert_string_equal(out, "");
	}
}

static void
help_is_never_a_mistake(void **state)
{
	static const char *const lines[] = {"--help",	   "-h",       "help",
					    "help reload", "stats -h", "set --help"};
	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		assert_int_equal(weirctl(lines[i]), CLI_OK);
		assert_true(has("usage: weirctl"));
		assert_string_equal(err, "");
	}
	assert_int_equal(weirctl("help reload"), CLI_OK);
	assert_true(has("--wait"));
	assert_false(has("--csv"));
}

static void
options_may_stand_before_and_behind_the_command(void **state)
{
	static const char *const lines[] = {
		"-s @ stats --csv app",	   "stats app --csv -s @",    "stats -cs @ app",
		"--shm @ stats app --csv", "-s @ stats --csv -- app",
	};
	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		assert_int_equal(weirctl(lines[i]), CLI_OK);
		assert_memory_equal(out, "# pxname,svname,", 16);
		assert_true(has("\napp,BACKEND,"));
		assert_false(has("\nweb,"));
	}
}

/* --- regions ------------------------------------------------------------ */

static void
the_region_may_be_missing_unreadable_or_something_else(void **state)
{
	char path[128], line[256];
	(void)state;
	assert_int_equal(weirctl("-s /nonexistent/weir.shm stats"), CLI_NO_REGION);
	assert_non_null(strstr(err, "/nonexistent/weir.shm"));
	assert_non_null(strstr(err, "-s"));
	snprintf(path, sizeof(path), "%s/garbage", f.dir);
	FILE *g = fopen(path, "w");
	assert_non_null(g);
	for (int i = 0; i < 100000; i++)
		fputc(i * 7, g);
	fclose(g);
	snprintf(line, sizeof(line), "-s %s info", path);
	assert_int_equal(weirctl(line), CLI_LAYOUT);
	snprintf(line, sizeof(line), "-s %s info", f.dir);
	assert_int_equal(weirctl(line), CLI_LAYOUT);
}

static void
without_permission_the_exit_code_is_4(void **state)
{
	(void)state;
	if (geteuid() != 0) {
		assert_int_equal(chmod(f.path, 0), 0);
		assert_int_equal(weirctl("-s @ stats"), CLI_PERMISSION);
		return;
	}
	chmod(f.dir, 0755);
	pid_t pid = fork();
	if (pid == 0) {
		if (setgid(65534) != 0 || setuid(65534) != 0)
			_exit(99);
		char name[] = "weirctl", option[] = "-s", command[] = "stats";
		char *argv[] = {name, option, f.path, command, NULL};
		close(STDERR_FILENO);
		_exit(cli_main(4, argv));
	}
	int status = fixture_wait(pid);
	assert_int_equal(WEXITSTATUS(status), CLI_PERMISSION);
}

static void
the_environment_names_the_region_and_the_option_wins(void **state)
{
	(void)state;
	setenv("WEIR_SHM", f.path, 1);
	assert_int_equal(weirctl("stats --csv"), CLI_OK);
	setenv("WEIR_SHM", "/nonexistent", 1);
	assert_int_equal(weirctl("stats --csv -s @"), CLI_OK);
	assert_int_equal(weirctl("stats"), CLI_NO_REGION);
	unsetenv("WEIR_SHM");
}

static void
a_stopped_daemon_leaves_its_numbers(void **state)
{
	struct shm_object web = fixture_object(&f, SHM_FRONTEND, "", "web");
	(void)state;
	shm_count(&web, SHM_FRONTEND_stot, 42);
	shm_mark_stopped(f.shm);
	assert_int_equal(weirctl("-s @ stats --json web"), CLI_OK);
	assert_true(has("\"stot\":42"));
	assert_true(has("\"status\":\"STOP\""));
	assert_string_equal(err, ""); /* a program looks at Running or the status */
	assert_int_equal(weirctl("-s @ servers"), CLI_OK);
	assert_true(has("app/a"));
	assert_non_null(strstr(err, "weir is not running"));
	assert_int_equal(weirctl("-s @ info"), CLI_OK);
	assert_true(has("\nRunning: 0\n"));
}

/* --- looking ------------------------------------------------------------ */

static void
stats_come_as_table_csv_and_json(void **state)
{
	(void)state;
	assert_int_equal(weirctl("-s @ stats"), CLI_OK);
	assert_memory_equal(out, "NAME", 4);
	assert_true(has("\napp/b"));
	assert_false(has("*:80"));
	assert_int_equal(weirctl("-s @ stats -l"), CLI_OK);
	assert_true(has("web/*:80"));
	assert_int_equal(weirctl("-s @ stats --json both"), CLI_OK);
	assert_memory_equal(out, "[\n {\"pxname\":\"both\"", 18);
	assert_int_equal(weirctl("-s @ stats nobody"), CLI_FAILED);
	assert_non_null(strstr(err, "no proxy 'nobody'"));
	assert_int_equal(weirctl("-s @ stats --csv nobody"), CLI_FAILED);
}

static void
watching_shows_rates_and_ends_when_told(void **state)
{
	(void)state;
	assert_int_equal(weirctl("-s @ stats -w 0.05 -n 3"), CLI_OK);
	assert_true(has("conn/s 0  req/s 0  in/s 0  out/s 0"));
	const char *second = strstr(out + 4, "\nNAME");
	assert_non_null(second);
	assert_non_null(strstr(second + 4, "\nNAME"));
	assert_int_equal(weirctl("-s @ -w0.05 --count 1"), CLI_OK);
	assert_memory_equal(out, "NAME", 4);
}

static void
servers_show_state_and_last_check(void **state)
{
	(void)state;
	assert_int_equal(weirctl("-s @ servers"), CLI_OK);
	assert_true(has("app/a"));
	assert_true(has("10.0.0.2:80"));
	assert_true(has("Layer4 connection problem: Connection refused, 0s ago"));
	assert_true(has("MAINT"));
	assert_int_equal(weirctl("-s @ servers --json app"), CLI_OK);
	assert_false(has("BACKEND"));
	assert_int_equal(weirctl("-s @ servers web"), CLI_FAILED);
}

static void
procs_show_who_lives(void **state)
{
	char pid[32];
	(void)state;
	assert_int_equal(weirctl("-s @ procs"), CLI_OK);
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	assert_true(has(pid));
	assert_true(has("master"));
	assert_int_equal(weirctl("-s @ procs --json"), CLI_OK);
	assert_true(has("\"role\":\"master\""));
}

static void
counters_are_found_by_pattern(void **state)
{
	struct shm_object a = fixture_object(&f, SHM_SERVER, "app", "a");
	(void)state;
	shm_count(&a, SHM_SERVER_bin, 1234);
	assert_int_equal(weirctl("-s @ counters server.app/a.bin"), CLI_OK);
	assert_true(has("server.app/a.bin   1234         bytes  Bytes received"));
	assert_int_equal(weirctl("-s @ counters --json *.bin"), CLI_OK);
	assert_true(has("\"server.app/a.bin\":1234"));
	assert_true(has("\"frontend.web.bin\":0"));
	assert_false(has("stot"));
	assert_int_equal(weirctl("-s @ counters reload_ok"), CLI_OK);
	assert_true(has("global.reload_ok"));
	assert_int_equal(weirctl("-s @ counters app*"), CLI_OK);
	assert_true(has("backend.app.stot"));
	assert_true(has("server.app/a.stot"));
	assert_false(has("web"));
	assert_int_equal(weirctl("-s @ counters nonsense"), CLI_FAILED);
}

static void
check_finds_what_does_not_add_up(void **state)
{
	struct shm_object web = fixture_object(&f, SHM_FRONTEND, "", "web");
	(void)state;
	assert_int_equal(weirctl("-s @ check"), CLI_OK);
	assert_true(has("all is well"));
	/* a connection that nobody holds */
	atomic_fetch_add(&web.gauge->cur, 1);
	assert_int_equal(weirctl("-s @ check"), CLI_FAILED);
	assert_true(has("web"));
	assert_true(has("1 problem\n"));
}

/* --- the daemon behind the socket --------------------------------------- */

/* Answers one line with `answer`, then runs `then` and ends. Returns its pid. */
static pid_t
actor(const char *expected, const char *answer, void (*then)(void))
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	snprintf(un.sun_path, sizeof(un.sun_path), "%.63s/ctl", f.dir);
	unlink(un.sun_path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	assert_int_equal(listen(fd, 1), 0);
	pid_t pid = fork();
	if (pid == 0) {
		char line[256] = "";
		int c = accept(fd, NULL, NULL);
		ssize_t n = 0, r;
		while (n < 255 && !strchr(line, '\n') &&
		       (r = read(c, line + n, 255 - (size_t)n)) > 0) {
			n += r;
			line[n] = '\0';
		}
		if (strcmp(line, expected) != 0)
			_exit(1);
		(void)!write(c, answer, strlen(answer));
		close(c);
		if (then)
			then();
		_exit(0);
	}
	close(fd);
	return pid;
}

static int
through_actor(const char *line, const char *expected, const char *answer)
{
	char full[512];
	pid_t pid = actor(expected, answer, NULL);
	snprintf(full, sizeof(full), "-S %s/ctl %s", f.dir, line);
	int rc = weirctl(full);
	assert_int_equal(fixture_wait(pid), 0);
	return rc;
}

static void
runtime_commands_are_handed_on_and_judged(void **state)
{
	(void)state;
	assert_int_equal(through_actor("set server app/a state maint",
				       "set server app/a state maint\n", "\n"),
			 CLI_OK);
	assert_string_equal(out, "");
	assert_int_equal(through_actor("set server app/a weight -1",
				       "set server app/a weight -1\n",
				       "Absolute weight can only be ...\n\n"),
			 CLI_FAILED);
	assert_string_equal(err, "Absolute weight can only be ...\n");
	assert_int_equal(
		through_actor("show info", "show info\n", "Name: weir\nX: 1\n\n"),
		CLI_OK);
	assert_string_equal(out, "Name: weir\nX: 1\n");
	assert_int_equal(through_actor("get weight app/zz", "get weight app/zz\n",
				       "No such server.\n\n"),
			 CLI_FAILED);
	assert_int_equal(through_actor("enable server app/a;quit",
				       "enable server app/a\\;quit\n",
				       "Permission denied\n\n"),
			 CLI_PERMISSION);
}

static void
nobody_at_the_socket_is_said_clearly(void **state)
{
	(void)state;
	assert_int_equal(weirctl("-S /nonexistent/sock show info"), CLI_FAILED);
	assert_non_null(strstr(err, "is weir running?"));
	assert_int_equal(weirctl("-s @ show info"), CLI_FAILED);
	assert_non_null(strstr(err, "global.stats.socket"));
	assert_int_equal(weirctl("-s /nonexistent show info"), CLI_NO_REGION);
}

static void
reload_accepted(void)
{
	pause_ms(50);
	shm_reload_result(f.shm, true, "");
}

static void
reload_refused(void)
{
	shm_reload_result(f.shm, false, "web.yaml:3:4: bad 'x'\n");
}

static int
reload_with(const char *options, void (*then)(void))
{
	char full[512];
	pid_t pid = actor("reload\n", "Reload requested.\n\n", then);
	snprintf(full, sizeof(full), "-s %s -S %s/ctl reload %s", f.path, f.dir, options);
	int rc = weirctl(full);
	assert_int_equal(fixture_wait(pid), 0);
	return rc;
}

static void
reload_waits_for_the_new_generation_when_asked(void **state)
{
	(void)state;
	assert_int_equal(reload_with("--wait", reload_accepted), CLI_OK);
	assert_string_equal(out, "Reloaded: generation 1 serves.\n");
}

static void
another_then_ours(void)
{
	shm_reload_result(f.shm, false, "read before we asked");
	pause_ms(50);
	shm_reload_begin(f.shm);
	pause_ms(50);
	shm_reload_result(f.shm, true, "");
}

static void
a_reload_under_way_is_not_taken_for_ours(void **state)
{
	(void)state;
	shm_reload_begin(f.shm);
	assert_int_equal(reload_with("--wait", another_then_ours), CLI_OK);
	assert_string_equal(out, "Reloaded: generation 1 serves.\n");
}

static void
a_refused_reload_is_exit_1_with_its_reasons(void **state)
{
	(void)state;
	assert_int_equal(reload_with("--wait 5", reload_refused), CLI_FAILED);
	assert_string_equal(err, "weirctl: reload refused, nothing changed:\n"
				 "web.yaml:3:4: bad 'x'\n");
}

static void
reload_waits_no_longer_than_told(void **state)
{
	(void)state;
	assert_int_equal(reload_with("", NULL), CLI_OK);
	assert_string_equal(out, "Reload requested.\n");
	assert_int_equal(reload_with("--wait 0.1", NULL), CLI_FAILED);
	assert_non_null(strstr(err, "no result within 0.1 s"));
}

static volatile sig_atomic_t hangups;

static void
hangup(int signal)
{
	(void)signal;
	hangups++;
}

static void
reload_signals_the_master_when_control_does_not_answer(void **state)
{
	struct sigaction act = {.sa_handler = hangup, .sa_flags = SA_RESTART};
	(void)state;
	sigaction(SIGHUP, &act, NULL);
	hangups = 0;
	assert_int_equal(weirctl("-s @ reload"), CLI_OK); /* the master is this test */
	assert_int_equal(hangups, 1);
	shm_mark_stopped(f.shm);
	assert_int_equal(weirctl("-s @ reload --wait"), CLI_FAILED);
	assert_non_null(strstr(err, "not running"));
	assert_int_equal(hangups, 1);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, make, drop)
	const struct CMUnitTest tests[] = {
		T(mistakes_on_the_command_line_are_exit_2_and_explained),
		T(help_is_never_a_mistake),
		T(options_may_stand_before_and_behind_the_command),
		T(the_region_may_be_missing_unreadable_or_something_else),
		T(without_permission_the_exit_code_is_4),
		T(the_environment_names_the_region_and_the_option_wins),
		T(a_stopped_daemon_leaves_its_numbers),
		T(stats_come_as_table_csv_and_json),
		T(watching_shows_rates_and_ends_when_told),
		T(servers_show_state_and_last_check),
		T(procs_show_who_lives),
		T(counters_are_found_by_pattern),
		T(check_finds_what_does_not_add_up),
		T(runtime_commands_are_handed_on_and_judged),
		T(nobody_at_the_socket_is_said_clearly),
		T(reload_waits_for_the_new_generation_when_asked),
		T(a_reload_under_way_is_not_taken_for_ours),
		T(a_refused_reload_is_exit_1_with_its_reasons),
		T(reload_waits_no_longer_than_told),
		T(reload_signals_the_master_when_control_does_not_answer),
	};
#undef T
	return cmocka_run_group_tests(tests, NULL, NULL);
}
