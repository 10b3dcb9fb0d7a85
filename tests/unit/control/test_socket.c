/* SPDX-License-Identifier: MIT
 *
 * The sockets of the runtime API: lines, prompts, limits.
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

/* Reads until the text ends with `end`; a static buffer. */
static const char *
receive_until(int fd, const char *end)
{
	static char text[65536];
	size_t n = 0;
	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		text[n] = '\0';
		if (n >= strlen(end) && strcmp(text + n - strlen(end), end) == 0)
			return text;
		assert_int_equal(poll(&p, 1, WAIT_LIMIT_MS), 1);
		ssize_t r = recv(fd, text + n, sizeof(text) - 1 - n, 0);
		assert_true(r > 0);
		n += (size_t)r;
	}
}

static void
a_line_may_come_in_pieces_and_end_with_crlf(void **state)
{
	int fd = control_connect(t, 0);
	(void)state;
	send_text(fd, "get wei");
	pause_ms(20);
	send_text(fd, "ght app/a\r");
	pause_ms(20);
	send_text(fd, "\n");
	assert_string_equal(receive_rest(fd), "10 (initial 10)\n\n");
}

static void
a_line_without_its_end_counts_when_the_peer_has_finished(void **state)
{
	int fd = control_connect(t, 0);
	(void)state;
	send_text(fd, "get weight app/a");
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	assert_string_equal(receive_rest(fd), "10 (initial 10)\n\n");
}

static void
a_payload_without_its_end_is_given_up_when_the_peer_has_finished(void **state)
{
	int fd = control_connect(t, 0);
	(void)state;
	send_text(fd, "add map #0 <<\nkey value\n");
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	assert_string_equal(receive_rest(fd), "");
}

static void
only_the_first_line_is_answered_without_a_prompt(void **state)
{
	int fd = control_connect(t, 0);
	(void)state;
	send_text(fd, "get weight app/a\nshow backend\n");
	assert_string_equal(receive_rest(fd), "10 (initial 10)\n\n");
}

static void
a_prompt_keeps_the_connection_until_quit(void **state)
{
	int fd = control_connect(t, 0);
	(void)state;
	send_text(fd, "prompt\n");
	assert_string_equal(receive_until(fd, "> "), "\n> ");
	send_text(fd, "get weight app/a\n");
	assert_string_equal(receive_until(fd, "> "), "10 (initial 10)\n\n> ");
	send_text(fd, "show backend\nget weight app/a\nquit\n");
	assert_string_equal(receive_rest(fd), "# name\napp\n\n> 10 (initial 10)\n\n> ");
}

static void
a_line_that_is_too_long_is_refused(void **state)
{
	static char line[32 * 1024];
	int fd = control_connect(t, 0);
	(void)state;
	memset(line, 'x', sizeof(line) - 1);
	(void)!send(fd, line, sizeof(line) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	assert_string_equal(receive_rest(fd), "The line is too long.\n\n");
}

static void
too_many_words_are_refused(void **state)
{
	char line[512] = "";
	(void)state;
	for (int i = 0; i < 100; i++)
		strcat(line, "w ");
	assert_string_equal(ask(t, line), "Too many words in this command.\n\n");
}

static void
silent_connections_cannot_lock_others_out_for_long(void **state)
{
	int fds[40];
	(void)state;
	for (int i = 0; i < 40; i++)
		fds[i] = control_connect(t, 0);
	/* the first 32 are in; one leaves, so the next in the backlog comes in */
	send_text(fds[39], "get weight app/a\n");
	for (int i = 0; i < 8; i++)
		close(fds[i]);
	assert_string_equal(receive_rest(fds[39]), "10 (initial 10)\n\n");
	for (int i = 8; i < 39; i++)
		close(fds[i]);
	assert_string_equal(ask(t, "get weight app/a"), "10 (initial 10)\n\n");
}

static void
somebody_who_leaves_without_a_word_harms_nobody(void **state)
{
	(void)state;
	for (int i = 0; i < 100; i++) {
		int fd = control_connect(t, 0);
		if (i % 3 == 0)
			send_text(fd, "show stat\n");
		if (i % 3 == 1)
			send_text(fd, "show st");
		close(fd);
	}
	assert_string_equal(ask(t, "get weight app/a"), "10 (initial 10)\n\n");
}

static void
bytes_that_are_no_text_are_no_command(void **state)
{
	int fd = control_connect(t, 0);
	(void)state;
	const char bytes[] = "\x00\x01\xff;;\x00show stat\n";
	assert_int_equal(send(fd, bytes, sizeof(bytes) - 1, MSG_NOSIGNAL),
			 sizeof(bytes) - 1);
	receive_rest(fd);
	assert_string_equal(ask(t, "get weight app/a"), "10 (initial 10)\n\n");
}

static void
an_answer_under_way_is_finished_when_control_leaves(void **state)
{
	int fd = control_connect(t, 0);
	(void)state;
	send_text(fd, "prompt\n");
	assert_string_equal(receive_until(fd, "> "), "\n> ");
	uint64_t begin_ms = clock_mono_ms();
	assert_int_equal(control_stop(t), 0);
	assert_true(clock_mono_ms() - begin_ms < 2000);
	close(fd);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, start, stop)
	const struct CMUnitTest tests[] = {
		T(a_line_may_come_in_pieces_and_end_with_crlf),
		T(a_line_without_its_end_counts_when_the_peer_has_finished),
		T(a_payload_without_its_end_is_given_up_when_the_peer_has_finished),
		T(only_the_first_line_is_answered_without_a_prompt),
		T(a_prompt_keeps_the_connection_until_quit),
		T(a_line_that_is_too_long_is_refused),
		T(too_many_words_are_refused),
		T(silent_connections_cannot_lock_others_out_for_long),
		T(somebody_who_leaves_without_a_word_harms_nobody),
		T(bytes_that_are_no_text_are_no_command),
		T(an_answer_under_way_is_finished_when_control_leaves),
	};
#undef T
	return cmocka_run_group_tests(tests, NULL, NULL);
}
