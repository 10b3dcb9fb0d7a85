/* SPDX-License-Identifier: MIT */
#include "lib/net/loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <unistd.h>

enum { PIPES_N = 4 };

/* Pipes that are read when they have something to say, and what was said in which order.
 */
static struct {
	struct net_loop *loop;
	struct net_watch watches[PIPES_N];
	int write_fds[PIPES_N];
	char order[16];
	size_t order_n;
	uint32_t pending_seen;
	bool knows_all;
} t;

static void
say(unsigned pipe)
{
	assert_int_equal(write(t.write_fds[pipe], "x", 1), 1);
}

static unsigned
pipe_of(const struct net_watch *w)
{
	return (unsigned)(w - t.watches);
}

static void
heard(struct net_watch *w, uint32_t events)
{
	(void)events;
	t.order[t.order_n++] = (char)('0' + pipe_of(w));
	if (pipe_of(w) == PIPES_N - 1)
		net_loop_stop(t.loop);
}

/* While its turn is on, the next pipe begins to speak, and the last one after that. */
static void
heard_and_looks(struct net_watch *w, uint32_t events)
{
	heard(w, events);
	say(1);
	t.knows_all = net_loop_look(t.loop, 0);
	t.pending_seen = t.watches[1].pending_n;
	say(PIPES_N - 1);
}

static void
heard_and_trusts(struct net_watch *w, uint32_t events)
{
	heard(w, events);
	say(1);
	t.knows_all = net_loop_look(t.loop, 8);
	t.pending_seen = t.watches[1].pending_n;
	say(PIPES_N - 1);
}

static int
start(void **state)
{
	(void)state;
	memset(&t, 0, sizeof(t));
	t.loop = net_loop_new(NULL);
	for (unsigned i = 0; i < PIPES_N; i++) {
		int fds[2];
		assert_int_equal(pipe(fds), 0);
		t.write_fds[i] = fds[1];
		net_watch_init(&t.watches[i], fds[0], heard);
		net_watch_set(t.loop, &t.watches[i], EPOLLIN | EPOLLET);
	}
	return 0;
}

static int
end(void **state)
{
	(void)state;
	net_loop_free(&t.loop);
	for (unsigned i = 0; i < PIPES_N; i++) {
		close(t.write_fds[i]);
		close(t.watches[i].fd);
	}
	return 0;
}

static void
a_look_marks_what_has_happened_since_the_round_began(void **state)
{
	(void)state;
	t.watches[0].ready = heard_and_looks;
	say(0);
	net_loop_run(t.loop);
	assert_true(t.knows_all);
	assert_int_equal(t.pending_seen, 1);
	assert_string_equal(t.order, "013");
	assert_int_equal(t.watches[1].pending_n, 0);
}

static void
a_look_that_is_fresh_enough_asks_nobody(void **state)
{
	(void)state;
	t.watches[0].ready = heard_and_trusts;
	say(0);
	uint64_t looks = net_loop_looks(t.loop);
	net_loop_run(t.loop);
	assert_true(t.knows_all);
	assert_int_equal(t.pending_seen, 0);
	assert_string_equal(t.order, "013");
	assert_int_equal(net_loop_looks(t.loop) - looks, 2);
}

/* The same connection may speak twice in one round. */
static void
looks_and_speaks_again(struct net_watch *w, uint32_t events)
{
	heard(w, events);
	if (t.order_n == 1) {
		say(0);
		(void)net_loop_look(t.loop, 0);
		(void)net_loop_look(t.loop, 0);
		t.pending_seen = w->pending_n;
		say(PIPES_N - 1);
	}
}

static void
what_a_look_finds_is_dispatched_in_the_same_round(void **state)
{
	(void)state;
	t.watches[0].ready = looks_and_speaks_again;
	say(0);
	net_loop_run(t.loop);
	assert_int_equal(t.pending_seen, 1);
	assert_string_equal(t.order, "003");
}

static void
task_looks(struct net_task *task)
{
	(void)task;
	say(1);
	t.knows_all = net_loop_look(t.loop, 0);
	t.pending_seen = t.watches[1].pending_n;
	say(PIPES_N - 1);
}

static void
heard_and_leaves_a_task(struct net_watch *w, uint32_t events)
{
	static struct net_task task;
	heard(w, events);
	net_task_init(&task, task_looks);
	net_task_schedule(t.loop, &task);
}

static void
a_task_may_look_too(void **state)
{
	(void)state;
	t.watches[0].ready = heard_and_leaves_a_task;
	say(0);
	net_loop_run(t.loop);
	assert_int_equal(t.pending_seen, 1);
	assert_string_equal(t.order, "013");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_look_marks_what_has_happened_since_the_round_began, start, end),
		cmocka_unit_test_setup_teardown(a_look_that_is_fresh_enough_asks_nobody,
						start, end),
		cmocka_unit_test_setup_teardown(
			what_a_look_finds_is_dispatched_in_the_same_round, start, end),
		cmocka_unit_test_setup_teardown(a_task_may_look_too, start, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
