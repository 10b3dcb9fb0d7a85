/* SPDX-License-Identifier: MIT
 *
 * Queues while processes are killed and stopped: no ticket is lost, no slot leaks, nobody
 * waits for long for somebody who does not run.
 */
#include "queue_fixture.h"

#include <sched.h>

#ifdef WEIR_FAULTS

static void
settle(struct farm *m)
{
	for (int i = 0; !shm_gauge_settle(m->f.shm); i++) {
		assert_true(i < 5000);
		pause_ms(1);
	}
}

/* Everything one process does to a queue, over and over: enters here and there, leaves
 * granted and waiting ones, moves, pumps. Never waits. */
static void
hammer(struct fixture *f, void *arg)
{
	struct farm *m = arg; /* our copy */
	uint32_t held[16], held_n = 0, rnd = (uint32_t)getpid() * 2654435761U | 1;
	(void)f;
	m->q.owed_n = 0;
	for (;;) {
		rnd ^= rnd << 13;
		rnd ^= rnd >> 17;
		rnd ^= rnd << 5;
		const struct shm_object *on = rnd & 64 ? &m->a : &m->b;
		m->wakes.n = 0;
		shm_queue_settle(m->f.shm, &m->q, &m->wakes);
		if (held_n == 16 || (held_n && rnd & 1)) {
			uint32_t i = (rnd >> 8) % held_n, ticket = held[i];
			int64_t of = shm_queue_server_of(&m->q, ticket);
			if (rnd & 2 && of < 0)
				shm_queue_release_from(m->f.shm, &m->q, ticket);
			farm_leave(m, of == m->b.index ? &m->b : &m->a, ticket);
			held[i] = held[--held_n];
		} else if (rnd & 4) {
			held_n += farm_enter(m, on, rnd & 16, &held[held_n]) <=
				  SHM_QUEUE_WAITING;
		} else if (rnd & 8) {
			held_n += farm_enter(m, NULL, false, &held[held_n]) <=
				  SHM_QUEUE_WAITING;
		} else {
			shm_queue_pump(m->f.shm, &m->q, up(on), &m->wakes);
		}
		if (farm_view(on).served > QUEUE_LIMIT)
			_exit(7); /* never one more than the limit */
	}
}

struct plan {
	struct farm *m;
	enum shm_fault_point point;
	unsigned nth;
	enum shm_fault_act act;
};

static void
hammer_until_the_fault(struct fixture *f, void *arg)
{
	const struct plan *p = arg;
	shm_fault_arm(p->point, p->nth, p->act);
	hammer(f, p->m);
}

static const enum shm_fault_point points[] = {
	SHM_FAULT_lock_pending, SHM_FAULT_lock_taken,	SHM_FAULT_lock_released,
	SHM_FAULT_undo_opened,	SHM_FAULT_undo_written, SHM_FAULT_undo_noted,
	SHM_FAULT_undo_changed, SHM_FAULT_undo_closed,
};
enum { POINTS_N = sizeof(points) / sizeof(points[0]), OTHERS_N = 2 };

/* What is left when all are dead is nothing. */
static void
nothing_is_left(struct farm *m)
{
	fixture_verify(&m->f);
	assert_int_equal(farm_view(&m->a).served, 0);
	assert_int_equal(farm_view(&m->b).served, 0);
	assert_int_equal(farm_view(&m->a).waiting, 0);
	assert_int_equal(farm_view(&m->q.backend).waiting, 0);
}

static void
end(struct farm *m, const pid_t *pid, const uint32_t *slot, int n)
{
	for (int i = 0; i < n; i++) {
		kill(pid[i], SIGKILL);
		int status = fixture_wait(pid[i]);
		assert_true(WIFSIGNALED(status)); /* not by itself: 7 */
	}
	for (int i = 0; i < n; i++)
		shm_slot_release(m->f.shm, slot[i]);
	settle(m);
}

static void
a_kill_at_every_point_loses_nothing_while_two_others_go_on(void **state)
{
	(void)state;
	struct farm m;
	pid_t pid[OTHERS_N], victim;
	uint32_t slot[OTHERS_N];
	farm_create(&m);
	for (uint32_t i = 0; i < OTHERS_N; i++)
		slot[i] = fixture_fork(&m.f, SHM_ROLE_WORKER, i, &pid[i], hammer, &m);
	for (int p = 0; p < POINTS_N; p++) {
		for (unsigned nth = 1; nth <= 40; nth += nth < 16 ? 1 : 5) {
			struct plan plan = {&m, points[p], nth, SHM_FAULT_KILL};
			uint32_t s = fixture_fork(&m.f, SHM_ROLE_WORKER, OTHERS_N,
						  &victim, hammer_until_the_fault, &plan);
			uint64_t start_us = clock_mono_us();
			int status = fixture_wait(victim);
			assert_true(WIFSIGNALED(status));
			assert_int_equal(WTERMSIG(status), SIGKILL);
			shm_slot_release(m.f.shm, s);
			settle(&m);
			assert_true(clock_mono_us() - start_us < 2000000);
		}
	}
	end(&m, pid, slot, OTHERS_N);
	nothing_is_left(&m);
	farm_remove(&m);
}

static void
an_heir_that_dies_has_an_heir(void **state)
{
	(void)state;
	static const enum shm_fault_point heirs[] = {SHM_FAULT_undo_restored,
						     SHM_FAULT_undo_repaired};
	for (int h = 0; h < 2; h++) {
		for (unsigned nth = 1; nth <= 12; nth++) {
			struct farm m;
			pid_t pid;
			farm_create(&m);
			struct plan first = {&m, SHM_FAULT_undo_changed, nth,
					     SHM_FAULT_KILL};
			struct plan heir = {&m, heirs[h], 1, SHM_FAULT_KILL};
			uint32_t s1 = fixture_fork(&m.f, SHM_ROLE_WORKER, 0, &pid,
						   hammer_until_the_fault, &first);
			assert_true(WIFSIGNALED(fixture_wait(pid)));
			uint32_t s2 = fixture_fork(&m.f, SHM_ROLE_WORKER, 1, &pid,
						   hammer_until_the_fault, &heir);
			assert_true(WIFSIGNALED(fixture_wait(pid)));
			shm_slot_release(m.f.shm, s2);
			shm_slot_release(m.f.shm, s1);
			settle(&m);
			nothing_is_left(&m);
			farm_remove(&m);
		}
	}
}

static void
a_stopped_owner_of_the_lock_delays_nobody_for_long(void **state)
{
	(void)state;
	struct farm m;
	pid_t pid;
	int status;
	uint32_t t;
	farm_create(&m);
	struct plan plan = {&m, SHM_FAULT_undo_noted, 3, SHM_FAULT_STOP};
	uint32_t slot = fixture_fork(&m.f, SHM_ROLE_WORKER, 0, &pid,
				     hammer_until_the_fault, &plan);
	assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
	assert_true(WIFSTOPPED(status));
	uint64_t start_us = clock_mono_us();
	for (int i = 0; i < 10; i++)
		assert_int_equal(farm_enter(&m, &m.a, true, &t), SHM_QUEUE_BUSY);
	assert_true(clock_mono_us() - start_us < 100000);
	kill(pid, SIGKILL);
	fixture_wait(pid);
	shm_slot_release(m.f.shm, slot);
	settle(&m);
	nothing_is_left(&m);
	assert_int_equal(farm_enter(&m, &m.a, true, &t), SHM_QUEUE_GRANTED);
	farm_remove(&m);
}
#endif

/* A process that waits for its turn as workers do: it re-reads, and re-checks. */
static void
wait_in_turn(struct farm *m, uint32_t rounds, uint64_t *order)
{
	for (uint32_t i = 0; i < rounds; i++) {
		uint32_t ticket;
		enum shm_queue_got got = farm_enter(m, &m->a, true, &ticket);
		if (got == SHM_QUEUE_BUSY)
			continue;
		assert_int_not_equal(got, SHM_QUEUE_FULL);
		uint64_t key = m->q.area->tickets[ticket - 1].key;
		while (shm_queue_server_of(&m->q, ticket) < 0) {
			/* what a busy lock has put off, its own slot perhaps */
			(void)shm_queue_settle(m->f.shm, &m->q, &m->wakes);
			(void)shm_queue_pump(m->f.shm, &m->q, up(&m->a), &m->wakes);
			sched_yield();
		}
		if (got == SHM_QUEUE_WAITING) {
			/* with one slot, turns are taken in the order of the keys */
			uint64_t last = __atomic_exchange_n(order, key, __ATOMIC_SEQ_CST);
			if (last > key)
				_exit(9);
		}
		farm_leave(m, &m->a, ticket);
	}
	while (!shm_queue_settle(m->f.shm, &m->q, &m->wakes))
		sched_yield();
}

static void
take_turns(struct fixture *f, void *arg)
{
	struct farm *m = arg;
	(void)f;
	wait_in_turn(m, 2000, &m->q.area->reserved);
}

static void
turns_are_in_order_over_all_processes(void **state)
{
	(void)state;
	static const uint32_t workers[] = {1, 2, 8};
	for (int w = 0; w < 3; w++) {
		struct farm m;
		pid_t pid[8];
		farm_create(&m);
		fixture_facts(&m.f, "a")->maxconn = 1;
		shm_commit(m.f.shm, &m.f.g, 2);
		for (uint32_t i = 0; i < workers[w]; i++)
			fixture_fork(&m.f, SHM_ROLE_WORKER, i, &pid[i], take_turns, &m);
		for (uint32_t i = 0; i < workers[w]; i++)
			assert_int_equal(fixture_wait(pid[i]), 0);
		assert_int_equal(farm_view(&m.a).served, 0);
		farm_remove(&m);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#ifdef WEIR_FAULTS
		cmocka_unit_test(
			a_kill_at_every_point_loses_nothing_while_two_others_go_on),
		cmocka_unit_test(an_heir_that_dies_has_an_heir),
		cmocka_unit_test(a_stopped_owner_of_the_lock_delays_nobody_for_long),
#endif
		cmocka_unit_test(turns_are_in_order_over_all_processes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
