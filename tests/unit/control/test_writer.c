/* SPDX-License-Identifier: MIT
 *
 * Log lines that come over the relay and end in a file, a UNIX socket, or nowhere.
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
relay(unsigned char target, const char *lines)
{
	char datagram[1024];
	datagram[0] = (char)target;
	strcpy(datagram + 1, lines);
	assert_int_equal(send(t->relay[0], datagram, 1 + strlen(lines), 0),
			 1 + strlen(lines));
}

static uint64_t
dropped(void)
{
	struct shm_object g = fixture_object(&t->f, SHM_GLOBAL, "", "global");
	return shm_total(t->f.shm, &g, SHM_GLOBAL_log_dropped);
}

/* The next datagram; a static buffer. */
static const char *
next_line(int fd)
{
	static char line[8192];
	struct pollfd p = {.fd = fd, .events = POLLIN};
	assert_int_equal(poll(&p, 1, WAIT_LIMIT_MS), 1);
	ssize_t n = recv(fd, line, sizeof(line) - 1, 0);
	assert_true(n >= 0);
	line[n] = '\0';
	return line;
}

static void
lines_reach_the_file_whole_and_in_order(void **state)
{
	(void)state;
	relay(TARGET_FILE, "one");
	relay(TARGET_FILE, "two\nthree");
	relay(TARGET_FILE, "four");
	WAIT_FOR(strcmp(read_file(t->file_path), "one\ntwo\nthree\nfour\n") == 0);
	assert_int_equal(dropped(), 0);
}

static void
a_rotated_file_is_opened_again_when_told(void **state)
{
	char moved[256];
	(void)state;
	snprintf(moved, sizeof(moved), "%s.1", t->file_path);
	relay(TARGET_FILE, "old");
	WAIT_FOR(strcmp(read_file(t->file_path), "old\n") == 0);
	assert_int_equal(rename(t->file_path, moved), 0);
	kill(t->pid, SIGUSR1);
	WAIT_FOR(access(t->file_path, F_OK) == 0);
	relay(TARGET_FILE, "new");
	WAIT_FOR(strcmp(read_file(t->file_path), "new\n") == 0);
	assert_string_equal(read_file(moved), "old\n");
	/* the same by mail */
	uint64_t one = 1;
	assert_int_equal(rename(t->file_path, moved), 0);
	shm_slot_mail(t->f.shm, t->slot, SHM_MAIL_REOPEN);
	assert_int_equal(write(t->slot_eventfds[t->slot], &one, sizeof(one)), 8);
	WAIT_FOR(access(t->file_path, F_OK) == 0);
}

static void
syslog_may_be_started_later_and_anew(void **state)
{
	int fd;
	(void)state;
	relay(TARGET_UNIX, "nobody there");
	WAIT_FOR(dropped() == 1);
	fd = unix_socket(t->log_path, SOCK_DGRAM);
	pause_ms(150); /* the first retry is due */
	relay(TARGET_UNIX, "<134>hello");
	assert_string_equal(next_line(fd), "<134>hello");
	close(fd);
	unlink(t->log_path);
	fd = unix_socket(t->log_path, SOCK_DGRAM);
	relay(TARGET_UNIX, "<134>again");
	assert_string_equal(next_line(fd), "<134>again");
	close(fd);
}

static void
a_syslog_that_does_not_read_costs_lines_and_no_time(void **state)
{
	int fd = unix_socket(t->log_path, SOCK_DGRAM);
	(void)state;
	for (int i = 0; i < 2000; i++) {
		struct pollfd p = {.fd = t->relay[0], .events = POLLOUT};
		assert_int_equal(poll(&p, 1, WAIT_LIMIT_MS), 1);
		relay(TARGET_UNIX, "a line");
	}
	WAIT_FOR(dropped() > 0);
	assert_string_equal(ask(t, "get weight app/a"), "10 (initial 10)\n\n");
	close(fd);
}

static void
what_no_target_understands_is_counted_and_dropped(void **state)
{
	char huge[1] = {99};
	(void)state;
	relay(63, "no such target");
	relay(TARGET_FILE, "");
	assert_int_equal(send(t->relay[0], huge, 1, 0), 1);
	relay(TARGET_FILE, "fine");
	WAIT_FOR(strcmp(read_file(t->file_path), "fine\n") == 0);
	WAIT_FOR(dropped() >= 1);
}

static void
lines_already_in_the_relay_are_written_before_the_end(void **state)
{
	(void)state;
	kill(t->pid, SIGSTOP);
	for (int i = 0; i < 5; i++)
		relay(TARGET_FILE, "late");
	kill(t->pid, SIGTERM);
	kill(t->pid, SIGCONT);
	int status;
	assert_int_equal(waitpid(t->pid, &status, 0), t->pid);
	t->pid = 0;
	assert_int_equal(status, 0);
	assert_string_equal(read_file(t->file_path), "late\nlate\nlate\nlate\nlate\n");
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, start, stop)
	const struct CMUnitTest tests[] = {
		T(lines_reach_the_file_whole_and_in_order),
		T(a_rotated_file_is_opened_again_when_told),
		T(syslog_may_be_started_later_and_anew),
		T(a_syslog_that_does_not_read_costs_lines_and_no_time),
		T(what_no_target_understands_is_counted_and_dropped),
		T(lines_already_in_the_relay_are_written_before_the_end),
	};
#undef T
	return cmocka_run_group_tests(tests, NULL, NULL);
}
