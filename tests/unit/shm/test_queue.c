/* SPDX-License-Identifier: MIT
 *
 * Queues of servers and backends: limits, turns, hand-over. Processes that die or stop:
 * test_queue_faults.c.
 */
#include "queue_fixture.h"

static void
a_slot_is_taken_up_to_the_limit_and_the_next_one_waits(void **state)
{
	(void)state;
	struct farm m;
	uint32_t t[4];
	farm_create(&m);
	assert_int_equal(farm_enter(&m, &m.a, true, &t[0]), SHM_QUEUE_GRANTED);
	assert_int_equal(farm_enter(&m, &m.a, true, &t[1]), SHM_QUEUE_GRANTED);
	assert_true(shm_queue_is_full(m.f.shm, &m.q, &m.a));
	assert_false(shm_queue_is_full(m.f.shm, &m.q, &m.b));
	assert_int_equal(farm_enter(&m, &m.a, true, &t[2]), SHM_QUEUE_WAITING);
	assert_int_equal(farm_enter(&m, &m.a, true, &t[3]), SHM_QUEUE_WAITING);
	assert_int_equal(shm_queue_server_of(&m.q, t[2]), -1);
	assert_int_equal(farm_view(&m.a).waiting, 2);
	fixture_verify(&m.f);
	farm_leave(&m, &m.a, t[0]);
	assert_int_equal(shm_queue_server_of(&m.q, t[2]), m.a.index);
	assert_int_equal(shm_queue_server_of(&m.q, t[3]), -1);
	assert_int_equal(farm_view(&m.a).served, 2);
	farm_leave(&m, &m.a, t[1]);
	farm_leave(&m, &m.a, t[2]);
	farm_leave(&m, &m.a, t[3]);
	assert_int_equal(farm_view(&m.a).served, 0);
	assert_int_equal(farm_view(&m.a).waiting_max, 2);
	farm_remove(&m);
}

static void
of_both_lines_the_older_one_goes_first(void **state)
{
	(void)state;
	struct farm m;
	uint32_t held[2], any, own, late;
	farm_create(&m);
	farm_enter(&m, &m.a, true, &held[0]);
	farm_enter(&m, &m.a, true, &held[1]);
	assert_int_equal(farm_enter(&m, NULL, false, &any), SHM_QUEUE_WAITING);
	assert_int_equal(farm_enter(&m, &m.a, true, &own), SHM_QUEUE_WAITING);
	assert_int_equal(farm_enter(&m, &m.a, false, &late), SHM_QUEUE_WAITING);
	farm_leave(&m, &m.a, held[0]);
	assert_int_equal(shm_queue_server_of(&m.q, any), m.a.index);
	farm_leave(&m, &m.a, held[1]);
	assert_int_equal(shm_queue_server_of(&m.q, own), m.a.index);
	assert_int_equal(shm_queue_server_of(&m.q, late), -1);
	/* another server of the backend becomes free: the rest of its line goes there */
	assert_true(shm_queue_pump(m.f.shm, &m.q, up(&m.b), &m.wakes));
	assert_int_equal(shm_queue_server_of(&m.q, late), m.b.index);
	farm_remove(&m);
}

static void
nobody_overtakes_those_who_wait(void **state)
{
	(void)state;
	struct farm m;
	uint32_t first, second;
	farm_create(&m);
	/* it waits though a slot is free: nobody has told us yet */
	assert_int_equal(farm_enter(&m, NULL, false, &first), SHM_QUEUE_WAITING);
	assert_int_equal(farm_enter(&m, &m.a, false, &second), SHM_QUEUE_GRANTED);
	assert_int_equal(shm_queue_server_of(&m.q, first), m.a.index);
	farm_remove(&m);
}

static void
who_gives_up_waiting_leaves_no_gap(void **state)
{
	(void)state;
	struct farm m;
	uint32_t t[5];
	farm_create(&m);
	for (int i = 0; i < 5; i++)
		farm_enter(&m, &m.a, true, &t[i]);
	farm_leave(&m, &m.a, t[3]);
	fixture_verify(&m.f);
	farm_leave(&m, &m.a, t[2]);
	farm_leave(&m, &m.a, t[0]);
	assert_int_equal(shm_queue_server_of(&m.q, t[4]), m.a.index);
	/* granted, and given up before its owner knew */
	farm_leave(&m, &m.a, t[4]);
	farm_leave(&m, &m.a, t[1]);
	assert_int_equal(farm_view(&m.a).served, 0);
	assert_int_equal(farm_view(&m.a).waiting, 0);
	farm_remove(&m);
}

static void
a_server_that_is_not_usable_grants_nothing_and_its_line_can_move(void **state)
{
	(void)state;
	struct farm m;
	uint32_t t[4];
	farm_create(&m);
	for (int i = 0; i < 4; i++)
		farm_enter(&m, &m.a, true, &t[i]);
	struct shm_queue_server down = {.server = &m.a};
	shm_queue_leave(m.f.shm, &m.q, t[0], down, &m.wakes);
	assert_int_equal(farm_view(&m.a).served, 1);
	assert_int_equal(shm_queue_server_of(&m.q, t[2]), -1);
	assert_true(shm_queue_release_from(m.f.shm, &m.q, t[3]));
	assert_true(shm_queue_release_from(m.f.shm, &m.q, t[2]));
	assert_false(shm_queue_release_from(m.f.shm, &m.q, t[2]));
	assert_int_equal(farm_view(&m.a).waiting, 0);
	fixture_verify(&m.f);
	/* in their turn, whoever moved first */
	assert_int_equal(m.q.area->line.head, t[2]);
	shm_queue_pump(m.f.shm, &m.q, up(&m.b), &m.wakes);
	assert_int_equal(shm_queue_server_of(&m.q, t[2]), m.b.index);
	assert_int_equal(shm_queue_server_of(&m.q, t[3]), m.b.index);
	farm_remove(&m);
}

static void
a_limit_that_changes_is_obeyed_by_those_who_wait(void **state)
{
	(void)state;
	struct farm m;
	uint32_t t[8];
	farm_create(&m);
	for (int i = 0; i < 5; i++)
		farm_enter(&m, &m.a, true, &t[i]);
	fixture_facts(&m.f, "a")->maxconn = 4;
	shm_commit(m.f.shm, &m.f.g, 2);
	shm_queue_pump(m.f.shm, &m.q, up(&m.a), &m.wakes);
	assert_int_equal(farm_view(&m.a).served, 4);
	fixture_facts(&m.f, "a")->maxconn = 1;
	shm_commit(m.f.shm, &m.f.g, 3);
	farm_leave(&m, &m.a, t[0]);
	assert_int_equal(farm_view(&m.a).served, 3);
	assert_int_equal(farm_view(&m.a).waiting, 1);
	fixture_facts(&m.f, "a")->maxconn = 0; /* no limit any more */
	shm_commit(m.f.shm, &m.f.g, 4);
	shm_queue_pump(m.f.shm, &m.q, up(&m.a), &m.wakes);
	assert_int_equal(farm_view(&m.a).served, 4);
	farm_remove(&m);
}

static void
minconn_grows_with_the_load_of_the_backend(void **state)
{
	(void)state;
	struct farm m;
	farm_create(&m);
	fixture_facts(&m.f, "app")->maxconn = 100; /* fullconn */
	fixture_facts(&m.f, "a")->maxconn = 50;
	fixture_facts(&m.f, "a")->minconn = 5;
	shm_commit(m.f.shm, &m.f.g, 2);
	struct shm_gauge *load = m.q.backend.gauge;
	static const struct {
		uint32_t load, limit;
	} cases[] = {{0, 5}, {10, 5}, {11, 5}, {12, 6}, {50, 25}, {99, 49}, {100, 50}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		while (shm_gauge_cur(load) < cases[i].load)
			shm_gauge_take(m.f.shm, load, 0);
		assert_int_equal(shm_queue_limit(m.f.shm, &m.q, &m.a), cases[i].limit);
	}
	farm_remove(&m);
}

static void
a_line_has_at_most_maxqueue_and_an_area_its_tickets(void **state)
{
	(void)state;
	struct farm m;
	uint32_t t;
	farm_create(&m);
	fixture_facts(&m.f, "a")->maxqueue = 3;
	shm_commit(m.f.shm, &m.f.g, 2);
	for (int i = 0; i < 5; i++)
		assert_int_not_equal(farm_enter(&m, &m.a, true, &t), SHM_QUEUE_FULL);
	assert_int_equal(farm_enter(&m, &m.a, true, &t), SHM_QUEUE_FULL);
	for (int i = 5; i < QUEUE_TICKETS; i++)
		assert_int_not_equal(farm_enter(&m, NULL, false, &t), SHM_QUEUE_FULL);
	assert_int_equal(farm_enter(&m, NULL, false, &t), SHM_QUEUE_FULL);
	farm_remove(&m);
}

static void
priorities_go_before_those_who_came_earlier(void **state)
{
	(void)state;
	struct farm m;
	uint32_t t[7], held[2];
	farm_create(&m);
	farm_enter(&m, &m.a, true, &held[0]);
	farm_enter(&m, &m.a, true, &held[1]);
	static const struct {
		int level;
		int64_t offset_us;
		int turn;
	} asks[7] = {{0, 0, 3},	       {5, 0, 6},    {0, 9000000, 5}, {-2047, 0, 0},
		     {0, -9000000, 2}, {-3, 700, 1}, {0, 0, 4}};
	for (int i = 0; i < 7; i++) {
		struct shm_queue_ask ask = {.on = up(&m.a),
					    .at_server = true,
					    .now_us = 100000000,
					    .priority_class = asks[i].level,
					    .priority_offset_us = asks[i].offset_us};
		shm_queue_enter(m.f.shm, &m.q, &ask, &t[i], &m.wakes);
		fixture_verify(&m.f);
	}
	for (int turn = 0; turn < 7; turn++) {
		for (int i = 0; i < 7; i++) {
			if (asks[i].turn != turn)
				continue;
			assert_int_equal(shm_queue_server_of(&m.q, t[i]), -1);
			farm_leave(&m, &m.a, held[0]);
			assert_int_equal(shm_queue_server_of(&m.q, t[i]), m.a.index);
			held[0] = t[i];
		}
	}
	farm_remove(&m);
}

static void
a_busy_lock_lets_newcomers_wait_and_is_owed_what_was_left(void **state)
{
	(void)state;
	struct farm m;
	uint32_t t[2], other;
	farm_create(&m);
	farm_enter(&m, &m.a, true, &t[0]);
	farm_enter(&m, &m.a, true, &t[1]);
	m.q.area->undo.lock = 1; /* init holds it and will not give it back */
	uint64_t start_us = clock_mono_us();
	assert_int_equal(farm_enter(&m, &m.a, true, &other), SHM_QUEUE_BUSY);
	farm_leave(&m, &m.a, t[0]);
	assert_false(shm_queue_pump(m.f.shm, &m.q, up(&m.a), &m.wakes));
	assert_false(shm_queue_settle(m.f.shm, &m.q, &m.wakes));
	assert_true(clock_mono_us() - start_us < 100000);
	m.q.area->undo.lock = 0;
	assert_int_equal(farm_view(&m.a).served, 2);
	assert_true(shm_queue_settle(m.f.shm, &m.q, &m.wakes));
	assert_int_equal(farm_view(&m.a).served, 1);
	farm_remove(&m);
}

static void
idle_connections_are_kept_up_to_a_limit_of_all_processes(void **state)
{
	(void)state;
	struct farm m;
	uint32_t t[3];
	farm_create(&m);
	assert_int_equal(shm_queue_keep(m.f.shm, &m.q, &m.b, 2, &t[0]),
			 SHM_QUEUE_GRANTED);
	assert_int_equal(shm_queue_keep(m.f.shm, &m.q, &m.b, 2, &t[1]),
			 SHM_QUEUE_GRANTED);
	assert_int_equal(shm_queue_keep(m.f.shm, &m.q, &m.b, 2, &t[2]), SHM_QUEUE_FULL);
	assert_int_equal(shm_queue_server_of(&m.q, t[0]), -1);
	assert_int_equal(farm_view(&m.b).served, 0);
	fixture_verify(&m.f);
	farm_leave(&m, &m.b, t[0]);
	assert_int_equal(farm_view(&m.b).kept, 1);
	farm_remove(&m);
}

static void
a_backend_gets_its_queue_at_a_reload_and_keeps_it(void **state)
{
	(void)state;
	struct fixture f;
	struct shm_queue q, again;
	fixture_create(&f);
	struct shm_object app = fixture_object(&f, SHM_BACKEND, "", "app");
	assert_false(shm_queue_open(f.shm, &app, &q));
	fixture_facts(&f, "app")->area_bytes = shm_queue_bytes(1000);
	assert_int_equal(shm_grow(f.shm, &f.g, f.err), 0);
	shm_commit(f.shm, &f.g, 2);
	app = fixture_object(&f, SHM_BACKEND, "", "app");
	assert_true(shm_queue_open(f.shm, &app, &q));
	assert_true(q.tickets_n >= 1000);
	fixture_facts(&f, "app")->area_bytes = shm_queue_bytes(2000);
	assert_int_equal(shm_grow(f.shm, &f.g, f.err), 0);
	shm_commit(f.shm, &f.g, 3);
	app = fixture_object(&f, SHM_BACKEND, "", "app");
	assert_true(shm_queue_open(f.shm, &app, &again));
	assert_ptr_equal(q.area, again.area);
	shm_queue_fini(&q);
	shm_queue_fini(&again);
	fixture_verify(&f);
	fixture_remove(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_slot_is_taken_up_to_the_limit_and_the_next_one_waits),
		cmocka_unit_test(of_both_lines_the_older_one_goes_first),
		cmocka_unit_test(nobody_overtakes_those_who_wait),
		cmocka_unit_test(who_gives_up_waiting_leaves_no_gap),
		cmocka_unit_test(
			a_server_that_is_not_usable_grants_nothing_and_its_line_can_move),
		cmocka_unit_test(a_limit_that_changes_is_obeyed_by_those_who_wait),
		cmocka_unit_test(minconn_grows_with_the_load_of_the_backend),
		cmocka_unit_test(a_line_has_at_most_maxqueue_and_an_area_its_tickets),
		cmocka_unit_test(priorities_go_before_those_who_came_earlier),
		cmocka_unit_test(
			a_busy_lock_lets_newcomers_wait_and_is_owed_what_was_left),
		cmocka_unit_test(
			idle_connections_are_kept_up_to_a_limit_of_all_processes),
		cmocka_unit_test(a_backend_gets_its_queue_at_a_reload_and_keeps_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
