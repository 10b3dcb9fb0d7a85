/* SPDX-License-Identifier: MIT
 *
 * The log sender against real sockets on loopback: bytes, batches, drops.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/net/log_target.h"

struct receiver {
	int fd;
	struct log_target target;
};

static struct receiver
udp_receiver(void)
{
	struct receiver r = {.fd = socket(AF_INET, SOCK_DGRAM, 0)};
	struct sockaddr_in in = {.sin_family = AF_INET,
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(in);
	assert_int_equal(bind(r.fd, (struct sockaddr *)&in, len), 0);
	assert_int_equal(getsockname(r.fd, (struct sockaddr *)&in, &len), 0);
	r.target = (struct log_target){.kind = LOG_TO_UDP,
				       .format = LOG_FORMAT_LOCAL,
				       .facility = 16,
				       .level_max = 7};
	r.target.addr.kind = ADDR_INET;
	r.target.addr.len = sizeof(in);
	r.target.addr.u.in = in;
	return r;
}

/* The next datagram as a string, "" when none comes within 2 s. */
static const char *
next_line(int fd)
{
	static char line[LOG_LINE_BYTES + 64];
	struct pollfd p = {.fd = fd, .events = POLLIN};
	line[0] = 0;
	if (poll(&p, 1, 2000) == 1) {
		ssize_t n = recv(fd, line, sizeof(line) - 1, 0);
		line[n > 0 ? n : 0] = 0;
	}
	return line;
}

static bool
is_quiet(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	return poll(&p, 1, 0) == 0;
}

static void
a_line_has_the_header_of_haproxy_and_ends_with_a_newline(void **state)
{
	(void)state;
	struct receiver r = udp_receiver();
	struct logger *l = logger_new(&r.target, 1, "weir", -1, NULL, NULL);
	logger_line(l, 1, 5, SPAN("Proxy web started."));
	assert_true(is_quiet(r.fd)); /* queued only */
	logger_flush(l);
	char month[4], tag[32], rest[64];
	int pri, day, h, m, s, pid, n = 0;
	const char *line = next_line(r.fd);
	assert_int_equal(sscanf(line, "<%d>%3s %d %d:%d:%d %31[^[][%d]: %n", &pri, month,
				&day, &h, &m, &s, tag, &pid, &n),
			 8);
	assert_int_equal(pri, 16 * 8 + 5);
	assert_string_equal(tag, "weir");
	assert_int_equal(pid, getpid());
	assert_int_equal(line[5 + 3], ' '); /* <133>Mon DD: the day takes two columns */
	assert_int_equal(line[5 + 6], ' ');
	snprintf(rest, sizeof(rest), "%s", line + n);
	assert_string_equal(rest, "Proxy web started.\n");
	struct log_counts c = logger_counts(l);
	assert_int_equal(c.sent, 1);
	assert_int_equal(c.dropped, 0);
	assert_int_equal(logger_counts(l).sent, 0);
	logger_free(&l);
	assert_null(l);
	close(r.fd);
}

static void
a_raw_line_is_the_text_alone(void **state)
{
	(void)state;
	struct receiver r = udp_receiver();
	r.target.format = LOG_FORMAT_RAW;
	struct logger *l = logger_new(&r.target, 1, "weir", -1, NULL, NULL);
	logger_line(l, 1, 6, SPAN("hello"));
	logger_flush(l);
	assert_string_equal(next_line(r.fd), "hello\n");
	logger_free(&l);
	close(r.fd);
}

/* 'd' stands for a run of digits, 'h' for a host, 'z' for the zone, 't' for a month. */
static bool
looks_like(const char *p, const char *shape)
{
	for (; *shape; shape++) {
		size_t n = *shape == 'd'   ? strspn(p, "0123456789 ")
			   : *shape == 'h' ? strcspn(p, " ")
			   : *shape == 't' ? 3
			   : *shape == 'z' ? 6
			   : *p == *shape  ? 1
					   : 0;
		if (n == 0)
			return false;
		p += n;
	}
	return *p == '\0';
}

static void
each_format_begins_as_the_manual_says(void **state)
{
	(void)state;
	static const char *const shapes[LOG_FORMATS_N] = {
		[LOG_FORMAT_LOCAL] = "<d>td:d:dWEIR[d]: X\n",
		[LOG_FORMAT_RFC3164] = "<d>td:d:dh WEIR[d]: X\n",
		[LOG_FORMAT_RFC5424] = "<d>d-d-dTd:d:d.dz h WEIR d- - X\n",
		[LOG_FORMAT_PRIORITY] = "<d>X\n",
		[LOG_FORMAT_SHORT] = "<d>X\n",
		[LOG_FORMAT_TIMED] = "<d>d-d-dTd:d:d.dz X\n",
		[LOG_FORMAT_ISO] = "d-d-dTd:d:d.dz X\n",
		[LOG_FORMAT_RAW] = "X\n",
	};
	struct receiver r = udp_receiver();
	for (int i = 0; i < LOG_FORMATS_N; i++) {
		r.target.format = (enum log_format)i;
		struct logger *l = logger_new(&r.target, 1, "WEIR", -1, NULL, NULL);
		logger_line(l, 1, 6, SPAN("X"));
		logger_flush(l);
		const char *line = next_line(r.fd);
		if (!looks_like(line, shapes[i]))
			fail_msg("%d: %s", i, line);
		int shown = i == LOG_FORMAT_SHORT || i == LOG_FORMAT_TIMED ? 6 : 134;
		if (line[0] == '<')
			assert_int_equal(atoi(line + 1), shown);
		logger_free(&l);
	}
	close(r.fd);
}

static void
a_line_may_bring_its_tag_and_structured_data(void **state)
{
	(void)state;
	struct receiver r = udp_receiver();
	r.target.format = LOG_FORMAT_RFC5424;
	struct logger *l = logger_new(&r.target, 1, "weir", -1, NULL, NULL);
	struct log_text text = {SPAN("X"), SPAN("[a@1 b=\"c\"]"), SPAN("SOP")};
	logger_write(l, 1, 6, &text);
	logger_flush(l);
	assert_true(looks_like(next_line(r.fd),
			       "<d>d-d-dTd:d:d.dz h SOP d- [a@1 b=\"c\"] X\n"));
	logger_free(&l);
	close(r.fd);
}

static void
a_target_cuts_samples_and_caps_the_level(void **state)
{
	(void)state;
	struct receiver r = udp_receiver();
	r.target.format = LOG_FORMAT_SHORT;
	r.target.bytes_max = 5;
	r.target.level_min = 4;
	r.target.sample_n = 3;
	r.target.sample_mask = 1 | 4;
	struct logger *l = logger_new(&r.target, 1, "weir", -1, NULL, NULL);
	for (int i = 0; i < 6; i++) {
		char text[] = {(char)('a' + i), 'b', 'c', 'd'};
		logger_line(l, 1, i, span_of(text, sizeof(text)));
	}
	logger_flush(l);
	assert_string_equal(next_line(r.fd), "<4>ab\n");
	assert_string_equal(next_line(r.fd), "<4>cb\n");
	assert_string_equal(next_line(r.fd), "<4>db\n");
	assert_string_equal(next_line(r.fd), "<5>fb\n");
	assert_true(is_quiet(r.fd));
	logger_free(&l);
	close(r.fd);
}

static void
lines_go_to_the_targets_of_the_mask_that_want_the_level(void **state)
{
	(void)state;
	struct receiver r[3] = {udp_receiver(), udp_receiver(), udp_receiver()};
	struct log_target t[3];
	for (unsigned i = 0; i < 3; i++) {
		t[i] = r[i].target;
		t[i].format = LOG_FORMAT_RAW;
		t[i].index = i;
	}
	t[1].level_max = 4;
	struct logger *l = logger_new(t, 3, "weir", -1, NULL, NULL);
	logger_line(l, 3, 6, SPAN("info"));
	logger_line(l, 3, 4, SPAN("warning"));
	logger_line(l, UINT64_MAX & ~7ULL, 0, SPAN("for targets that are not there"));
	logger_flush(l);
	assert_string_equal(next_line(r[0].fd), "info\n");
	assert_string_equal(next_line(r[0].fd), "warning\n");
	assert_string_equal(next_line(r[1].fd), "warning\n");
	assert_true(is_quiet(r[0].fd) && is_quiet(r[1].fd) && is_quiet(r[2].fd));
	logger_free(&l);
	for (unsigned i = 0; i < 3; i++)
		close(r[i].fd);
}

static void
a_full_ring_sends_itself_and_keeps_the_order(void **state)
{
	(void)state;
	struct receiver r = udp_receiver();
	r.target.format = LOG_FORMAT_RAW;
	struct logger *l = logger_new(&r.target, 1, "weir", -1, NULL, NULL);
	char text[32];
	for (int i = 0; i < 100; i++) {
		int n = snprintf(text, sizeof(text), "line %d", i);
		logger_line(l, 1, 6, span_of(text, (size_t)n));
	}
	assert_false(is_quiet(r.fd));
	logger_flush(l);
	for (int i = 0; i < 100; i++) {
		snprintf(text, sizeof(text), "line %d\n", i);
		assert_string_equal(next_line(r.fd), text);
	}
	assert_int_equal(logger_counts(l).sent, 100);
	logger_free(&l);
	close(r.fd);
}

static void
a_long_line_is_cut_at_the_limit(void **state)
{
	(void)state;
	struct receiver r = udp_receiver();
	struct logger *l = logger_new(&r.target, 1, "weir", -1, NULL, NULL);
	static char text[3 * LOG_LINE_BYTES];
	memset(text, 'x', sizeof(text));
	for (int i = 0; i < 9; i++) /* more than the ring holds */
		logger_line(l, 1, 0, span_of(text, sizeof(text)));
	logger_flush(l);
	for (int i = 0; i < 9; i++) {
		const char *line = next_line(r.fd);
		assert_int_equal(strlen(line), LOG_LINE_BYTES + 1);
		assert_memory_equal(line, "<128>", 5);
		assert_string_equal(line + LOG_LINE_BYTES - 1, "x\n");
	}
	logger_free(&l);
	close(r.fd);
}

static void
a_target_nobody_listens_on_drops_and_counts_and_recovers(void **state)
{
	(void)state;
	struct receiver r = udp_receiver();
	r.target.format = LOG_FORMAT_RAW;
	close(r.fd);
	struct logger *l = logger_new(&r.target, 1, "weir", -1, NULL, NULL);
	for (int i = 0; i < 50; i++)
		logger_line(l, 1, 6, SPAN("lost"));
	logger_flush(l);
	struct log_counts c = logger_counts(l);
	assert_int_equal(c.sent + c.dropped, 50);
	assert_true(c.dropped >= 40);
	r.fd = socket(AF_INET, SOCK_DGRAM, 0);
	assert_int_equal(bind(r.fd, &r.target.addr.u.sa, r.target.addr.len), 0);
	for (int i = 0; i < 3; i++) { /* the first may meet the old refusal */
		logger_line(l, 1, 6, SPAN("back"));
		logger_flush(l);
	}
	assert_string_equal(next_line(r.fd), "back\n");
	logger_free(&l);
	close(r.fd);
}

static void
the_relay_gets_index_and_line_and_packs_lines_of_files(void **state)
{
	(void)state;
	int fds[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, fds), 0);
	struct log_target t[2] = {{.kind = LOG_TO_UNIX,
				   .format = LOG_FORMAT_RAW,
				   .level_max = 7,
				   .index = 0},
				  {.kind = LOG_TO_FILE,
				   .format = LOG_FORMAT_RAW,
				   .level_max = 7,
				   .index = 1}};
	struct logger *l = logger_new(t, 2, "weir", fds[1], NULL, NULL);
	logger_line(l, 3, 6, SPAN("one"));
	logger_line(l, 3, 6, SPAN("two"));
	logger_flush(l);
	char got[64];
	assert_int_equal(recv(fds[0], got, sizeof(got), 0), 4);
	assert_memory_equal(got, "\0one", 4);
	assert_int_equal(recv(fds[0], got, sizeof(got), 0), 4);
	assert_memory_equal(got, "\0two", 4);
	assert_int_equal(recv(fds[0], got, sizeof(got), 0), 8);
	assert_memory_equal(got, "\1one\ntwo", 8);
	assert_int_equal(logger_counts(l).sent, 4);
	logger_free(&l);
	close(fds[0]);
	close(fds[1]);
}

static void
no_datagram_of_the_relay_is_longer_than_one_longest_line(void **state)
{
	(void)state;
	int fds[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, fds), 0);
	struct log_target t = {
		.kind = LOG_TO_FILE, .format = LOG_FORMAT_RAW, .level_max = 7};
	struct logger *l = logger_new(&t, 1, "weir", fds[1], NULL, NULL);
	static char text[LOG_LINE_BYTES], got[4 * LOG_LINE_BYTES];
	memset(text, 'y', sizeof(text));
	size_t bytes = 0, lines = 0;
	for (size_t n = 1; n <= LOG_LINE_BYTES; n = n * 3 / 2 + 1) {
		logger_line(l, 1, 6, span_of(text, n));
		bytes += n;
		lines++;
	}
	logger_flush(l);
	size_t got_bytes = 0, got_lines = 0;
	for (ssize_t n; (n = recv(fds[0], got, sizeof(got), 0)) > 0;) {
		assert_true(n <= 1 + LOG_LINE_BYTES);
		got_lines++;
		for (ssize_t i = 1; i < n; i++) {
			got_lines += got[i] == '\n';
			got_bytes += got[i] == 'y';
		}
	}
	assert_int_equal(got_lines, lines);
	assert_int_equal(got_bytes, bytes);
	logger_free(&l);
	close(fds[0]);
	close(fds[1]);
}

static void
a_relay_that_is_full_drops_and_counts_and_never_blocks(void **state)
{
	(void)state;
	int fds[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, fds), 0); /* blocking ends */
	struct log_target t = {
		.kind = LOG_TO_UNIX, .format = LOG_FORMAT_RAW, .level_max = 7};
	struct logger *l = logger_new(&t, 1, "weir", fds[1], NULL, NULL);
	for (int i = 0; i < 5000; i++)
		logger_line(l, 1, 6, SPAN("nobody reads this"));
	logger_flush(l);
	struct log_counts c = logger_counts(l);
	assert_int_equal(c.sent + c.dropped, 5000);
	assert_true(c.dropped > 0 && c.sent > 0);
	uint64_t received = 0;
	for (char got[64]; recv(fds[0], got, sizeof(got), MSG_DONTWAIT) > 0;)
		received++;
	assert_int_equal(received, c.sent);
	logger_free(&l);
	close(fds[0]);
	close(fds[1]);
}

static char local_line[256];

static void
keep_local(void *arg, const struct log_target *t, struct span line)
{
	assert_ptr_equal(arg, local_line);
	snprintf(local_line, sizeof(local_line), "%d:%.*s", (int)t->kind, (int)line.n,
		 line.p);
}

static void
control_itself_gets_lines_for_files_by_a_call(void **state)
{
	(void)state;
	struct log_target t = {
		.kind = LOG_TO_STDOUT, .format = LOG_FORMAT_RAW, .level_max = 7};
	struct logger *l = logger_new(&t, 1, "weir", -1, keep_local, local_line);
	logger_line(l, 1, 6, SPAN("hello"));
	assert_string_equal(local_line, "2:hello");
	assert_int_equal(logger_counts(l).sent, 1);
	logger_free(&l);
}

static void
a_delayed_flush_waits_at_most_the_delay(void **state)
{
	(void)state;
	struct receiver r = udp_receiver();
	struct logger *l = logger_new(&r.target, 1, "weir", -1, NULL, NULL);
	assert_true(logger_flush_due(l, 1000) == UINT64_MAX);
	logger_line(l, 1, 6, SPAN("soon"));
	assert_int_equal(logger_flush_due(l, 1000), LOG_DELAY_MS);
	assert_int_equal(logger_flush_due(l, 1004), LOG_DELAY_MS - 4);
	assert_true(is_quiet(r.fd));
	assert_true(logger_flush_due(l, 1000 + LOG_DELAY_MS) == UINT64_MAX);
	assert_false(is_quiet(r.fd));
	logger_line(l, 1, 6, SPAN("later")); /* the delay starts anew */
	assert_int_equal(logger_flush_due(l, 2000), LOG_DELAY_MS);
	logger_free(&l);
	close(r.fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_line_has_the_header_of_haproxy_and_ends_with_a_newline),
		cmocka_unit_test(a_raw_line_is_the_text_alone),
		cmocka_unit_test(each_format_begins_as_the_manual_says),
		cmocka_unit_test(a_line_may_bring_its_tag_and_structured_data),
		cmocka_unit_test(a_target_cuts_samples_and_caps_the_level),
		cmocka_unit_test(lines_go_to_the_targets_of_the_mask_that_want_the_level),
		cmocka_unit_test(a_full_ring_sends_itself_and_keeps_the_order),
		cmocka_unit_test(a_long_line_is_cut_at_the_limit),
		cmocka_unit_test(
			a_target_nobody_listens_on_drops_and_counts_and_recovers),
		cmocka_unit_test(the_relay_gets_index_and_line_and_packs_lines_of_files),
		cmocka_unit_test(
			no_datagram_of_the_relay_is_longer_than_one_longest_line),
		cmocka_unit_test(a_relay_that_is_full_drops_and_counts_and_never_blocks),
		cmocka_unit_test(control_itself_gets_lines_for_files_by_a_call),
		cmocka_unit_test(a_delayed_flush_waits_at_most_the_delay),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
