/* SPDX-License-Identifier: MIT
 *
 * Gauges: limits, ledgers, owners that die or stop. The invariant: cur == sum of held,
 * whoever was killed where.
 */
#include "fixture.h"

#include <pthread.h>

#include "lib/base/clock.h"

static uint32_t
held_by_all(const struct fixture *f, const struct shm_gauge *g)
{
	uint32_t cur;
	uint64_t held;
	assert_true(shm_gauge_sum(f->shm, g, &cur, &held));
	return (uint32_t)held;
}

static void
take_and_give_count_up_and_down(void **state)
{
	(void)state;
	struct fixture f;
	fixture_create(&f);
	struct shm_gauge *g = fixture_object(&f, SHM_FRONTEND, "", "web").gauge;
	for (int i = 0; i < 5; i++)
		assert_int_equal(shm_gauge_take(f.shm, g, 0), SHM_TAKEN);
	assert_int_equal(shm_gauge_cur(g), 5);
	assert_int_equal(g->held[SHM_SLOT_MASTER], 5);
	shm_gauge_give(f.shm, g);
	shm_gauge_give(f.shm, g);
	assert_int_equal(shm_gauge_cur(g), 3);
	assert_int_equal(shm_gauge_max(g), 5);
	fixture_verify(&f);
	fixture_remove(&f);
}

static void
a_limit_is_never_exceeded(void **state)
{
	(void)state;
	struct fixture f;
	fixture_create(&f);
	struct shm_gauge *g = fixture_object(&f, SHM_FRONTEND, "", "web").gauge;
	assert_int_equal(shm_gauge_take(f.shm, g, 2), SHM_TAKEN);
	assert_int_equal(shm_gauge_take(f.shm, g, 2), SHM_TAKEN);
	assert_int_equal(shm_gauge_take(f.shm, g, 2), SHM_FULL);
	assert_int_equal(shm_gauge_take(f.shm, g, 1), SHM_FULL); /* lowered by a reload */
	assert_int_equal(shm_gauge_take(f.shm, g, 0), SHM_TAKEN);
	assert_int_equal(shm_gauge_cur(g), 3);
	fixture_remove(&f);
}

static void
giving_more_than_taken_stops_at_zero(void **state)
{
	(void)state;
	struct fixture f;
	fixture_create(&f);
	struct shm_gauge *g = fixture_object(&f, SHM_FRONTEND, "", "web").gauge;
	shm_gauge_give(f.shm, g);
	assert_int_equal(shm_gauge_cur(g), 0);
	g->held[9] = 4; /* another's are not touched */
	g->cur = 4;
	shm_gauge_give(f.shm, g);
	assert_int_equal(shm_gauge_cur(g), 4);
	fixture_verify(&f);
	fixture_remove(&f);
}

static void
a_busy_lock_is_answered_in_time_and_settled_later(void **state)
{
	(void)state;
	struct fixture f;
	fixture_create(&f);
	struct shm_gauge *g = fixture_object(&f, SHM_FRONTEND, "", "web").gauge;
	struct shm_gauge *h = fixture_object(&f, SHM_BACKEND, "", "app").gauge;
	struct shm_object global = fixture_object(&f, SHM_GLOBAL, "", "");
	assert_int_equal(shm_gauge_take(f.shm, g, 0), SHM_TAKEN);
	g->lock = 1; /* init holds it and will not give it back */
	uint64_t start_us = clock_mono_us();
	assert_int_equal(shm_gauge_take(f.shm, g, 10), SHM_BUSY);
	assert_true(clock_mono_us() - start_us >= SHM_LOCK_SPIN_US);
	assert_false(shm_gauge_is_unsettled(f.shm));

	assert_int_equal(shm_gauge_take(f.shm, g, 0), SHM_TAKEN);
	assert_int_equal(shm_gauge_take(f.shm, g, 0), SHM_TAKEN);
	assert_true(shm_gauge_is_unsettled(f.shm));
	shm_gauge_give(f.shm, g);
	assert_int_equal(shm_gauge_take(f.shm, h, 0), SHM_TAKEN);
	assert_int_equal(shm_gauge_cur(h), 1);
	assert_int_equal(shm_gauge_cur(g), 1);
	assert_false(shm_gauge_settle(f.shm));
	assert_true(shm_total(f.shm, &global, SHM_GLOBAL_lock_busy) >= 4);

	g->lock = 0;
	assert_true(shm_gauge_settle(f.shm));
	assert_false(shm_gauge_is_unsettled(f.shm));
	assert_int_equal(shm_gauge_cur(g), 2);

	/* a debt that cancels out is none; the next change takes it along otherwise */
	g->lock = 1;
	shm_gauge_take(f.shm, g, 0);
	shm_gauge_give(f.shm, g);
	assert_false(shm_gauge_is_unsettled(f.shm));
	shm_gauge_give(f.shm, g);
	g->lock = 0;
	shm_gauge_give(f.shm, g);
	assert_false(shm_gauge_is_unsettled(f.shm));
	assert_int_equal(shm_gauge_cur(g), 0);
	fixture_verify(&f);
	fixture_remove(&f);
}

static void
a_word_left_by_a_dead_owner_is_inherited_and_repaired(void **state)
{
	(void)state;
	struct fixture f;
	fixture_create(&f);
	struct shm_gauge *g = fixture_object(&f, SHM_FRONTEND, "", "web").gauge;
	struct shm_object global = fixture_object(&f, SHM_GLOBAL, "", "");
	/* killed between the store of cur and the store of held */
	g->held[3] = 2;
	g->cur = 3;
	g->undo_slot = 3;
	g->undo_cur = 2;
	g->undo_held = 2;
	g->seq = 5;
	g->lock = FUTEX_OWNER_DIED;
	assert_int_equal(shm_gauge_take(f.shm, g, 0), SHM_TAKEN);
	assert_int_equal(shm_gauge_cur(g), 3);
	assert_int_equal(g->held[3], 2);
	assert_int_equal(g->seq % 2, 0);
	assert_int_equal(shm_total(f.shm, &global, SHM_GLOBAL_lock_repaired), 1);
	/* an undo record that makes no sense: recount */
	g->cur = 77;
	g->undo_slot = UINT32_MAX;
	g->seq |= 1;
	g->lock = FUTEX_OWNER_DIED | FUTEX_WAITERS;
	shm_gauge_give(f.shm, g);
	assert_int_equal(shm_gauge_cur(g), 2);
	fixture_verify(&f);
	fixture_remove(&f);
}

/* --- processes -------------------------------------------------------------------- */

static void
hammer(struct fixture *f, void *arg)
{
	uint32_t rounds = *(const uint32_t *)arg, holding = 0;
	struct shm_object web = fixture_object(f, SHM_FRONTEND, "", "web");
	uint32_t rnd = (uint32_t)getpid() * 2654435761U | 1;
	for (uint32_t i = 0; rounds == 0 || i < rounds; i++) {
		rnd ^= rnd << 13;
		rnd ^= rnd >> 17;
		rnd ^= rnd << 5;
		if (holding > 0 && (rnd & 1 || holding > 20)) {
			shm_gauge_give(f->shm, web.gauge);
			holding--;
			continue;
		}
		enum shm_take got = shm_gauge_take(f->shm, web.gauge, rnd & 2 ? 0 : 50);
		holding += got == SHM_TAKEN;
	}
	while (holding-- > 0)
		shm_gauge_give(f->shm, web.gauge);
	while (!shm_gauge_settle(f->shm))
		pause_ms(1);
}

static void
processes_that_end_well_leave_zero(void **state)
{
	(void)state;
	static const uint32_t workers[] = {1, 2, 8};
	for (int w = 0; w < 3; w++) {
		struct fixture f;
		pid_t pid[8];
		uint32_t rounds = 40000 / workers[w];
		fixture_create(&f);
		f.g.workers_n = 8;
		assert_int_equal(shm_grow(f.shm, &f.g, f.err), 0);
		struct shm_gauge *g = fixture_object(&f, SHM_FRONTEND, "", "web").gauge;
		for (uint32_t i = 0; i < workers[w]; i++)
			fixture_fork(&f, SHM_ROLE_WORKER, i, &pid[i], hammer, &rounds);
		for (uint32_t i = 0; i < workers[w]; i++)
			assert_int_equal(fixture_wait(pid[i]), 0);
		assert_int_equal(shm_gauge_cur(g), 0);
		assert_int_equal(held_by_all(&f, g), 0);
		fixture_verify(&f);
		fixture_remove(&f);
	}
}

static void
release_until_settled(struct fixture *f, uint32_t slot)
{
	shm_slot_release(f->shm, slot);
	for (int i = 0; !shm_gauge_settle(f->shm); i++) {
		assert_true(i < 5000);
		pause_ms(1);
	}
}

/* Children come and are killed at random instants; the rest goes on. */
static void
kills_at_random_instants_leave_the_gauge_exact(void **state)
{
	(void)state;
	struct fixture f;
	enum { N = 3, KILLS = 60 };
	pid_t pid[N];
	uint32_t slot[N], forever = 0;
	fixture_create(&f);
	f.g.workers_n = N;
	assert_int_equal(shm_grow(f.shm, &f.g, f.err), 0);
	struct shm_gauge *g = fixture_object(&f, SHM_FRONTEND, "", "web").gauge;
	for (uint32_t i = 0; i < N; i++)
		slot[i] = fixture_fork(&f, SHM_ROLE_WORKER, i, &pid[i], hammer, &forever);
	for (uint32_t k = 0; k < KILLS; k++) {
		uint32_t i = k % N;
		pause_ms(k % 3);
		kill(pid[i], SIGKILL);
		fixture_wait(pid[i]);
		release_until_settled(&f, slot[i]);
		assert_int_equal(g->held[slot[i]], 0);
		slot[i] = fixture_fork(&f, SHM_ROLE_WORKER, i, &pid[i], hammer, &forever);
	}
	for (uint32_t i = 0; i < N; i++) {
		kill(pid[i], SIGKILL);
		fixture_wait(pid[i]);
	}
	/* released after all are dead: each may have been somebody's heir */
	for (uint32_t i = 0; i < N; i++)
		release_until_settled(&f, slot[i]);
	assert_int_equal(shm_gauge_cur(g), 0);
	fixture_verify(&f);
	fixture_remove(&f);
}

#ifdef WEIR_FAULTS

struct plan {
	enum shm_fault_point point;
	unsigned nth;
	enum shm_fault_act act;
};

static void
take_give_until_the_fault(struct fixture *f, void *arg)
{
	const struct plan *p = arg;
	struct shm_object web = fixture_object(f, SHM_FRONTEND, "", "web");
	shm_fault_arm(p->point, p->nth, p->act);
	for (int i = 0; i < 10; i++) {
		shm_gauge_take(f->shm, web.gauge, 0);
		shm_gauge_take(f->shm, web.gauge, 100);
		shm_gauge_give(f->shm, web.gauge);
	}
	_exit(42); /* not reached the point */
}

static const enum shm_fault_point change_points[] = {
	SHM_FAULT_lock_pending, SHM_FAULT_lock_taken, SHM_FAULT_lock_released,
	SHM_FAULT_gauge_undo,	SHM_FAULT_gauge_odd,  SHM_FAULT_gauge_cur,
	SHM_FAULT_gauge_held,	SHM_FAULT_gauge_max,  SHM_FAULT_gauge_even,
};
enum { CHANGE_POINTS_N = sizeof(change_points) / sizeof(change_points[0]) };

static void
a_kill_at_every_point_of_a_change_is_repaired_by_whoever_comes_next(void **state)
{
	(void)state;
	for (int p = 0; p < CHANGE_POINTS_N; p++) {
		for (unsigned nth = 1; nth <= 6; nth++) {
			/* the next one: the master's release, or another process before
			 */
			for (int other_first = 0; other_first < 2; other_first++) {
				struct fixture f;
				struct plan plan = {change_points[p], nth,
						    SHM_FAULT_KILL};
				pid_t pid;
				fixture_create(&f);
				struct shm_gauge *g =
					fixture_object(&f, SHM_FRONTEND, "", "web").gauge;
				shm_gauge_take(f.shm, g, 0);
				uint32_t slot =
					fixture_fork(&f, SHM_ROLE_WORKER, 0, &pid,
						     take_give_until_the_fault, &plan);
				int status = fixture_wait(pid);
				assert_true(WIFSIGNALED(status));
				assert_int_equal(WTERMSIG(status), SIGKILL);
				if (other_first) {
					uint32_t rounds = 10;
					pid_t other;
					uint32_t slot2 =
						fixture_fork(&f, SHM_ROLE_WORKER, 1,
							     &other, hammer, &rounds);
					assert_int_equal(fixture_wait(other), 0);
					shm_slot_release(f.shm, slot2);
					assert_int_equal(shm_gauge_cur(g),
							 held_by_all(&f, g));
				}
				shm_slot_release(f.shm, slot);
				assert_false(shm_gauge_is_unsettled(f.shm));
				assert_int_equal(g->lock, 0);
				assert_int_equal(shm_gauge_cur(g), 1);
				assert_int_equal(g->held[slot], 0);
				fixture_verify(&f);
				fixture_remove(&f);
			}
		}
	}
}

static void
inherit_and_die(struct fixture *f, void *arg)
{
	const struct plan *p = arg;
	struct shm_object web = fixture_object(f, SHM_FRONTEND, "", "web");
	shm_fault_arm(p->point, 1, SHM_FAULT_KILL);
	shm_gauge_take(f->shm, web.gauge, 0);
	_exit(42);
}

static void
an_heir_that_dies_while_it_repairs_has_an_heir(void **state)
{
	(void)state;
	static const enum shm_fault_point heirs[] = {
		SHM_FAULT_lock_taken,  SHM_FAULT_repair_cur, SHM_FAULT_repair_held,
		SHM_FAULT_repair_even, SHM_FAULT_gauge_cur,
	};
	static const enum shm_fault_point firsts[] = {
		SHM_FAULT_gauge_odd, SHM_FAULT_gauge_cur, SHM_FAULT_gauge_held};
	for (int a = 0; a < 3; a++) {
		for (int b = 0; b < 5; b++) {
			for (unsigned nth = 1; nth <= 3; nth++) {
				struct fixture f;
				struct plan first = {firsts[a], nth, SHM_FAULT_KILL};
				struct plan heir = {heirs[b], 1, SHM_FAULT_KILL};
				pid_t pid;
				fixture_create(&f);
				struct shm_gauge *g =
					fixture_object(&f, SHM_FRONTEND, "", "web").gauge;
				uint32_t s1 =
					fixture_fork(&f, SHM_ROLE_WORKER, 0, &pid,
						     take_give_until_the_fault, &first);
				assert_true(WIFSIGNALED(fixture_wait(pid)));
				uint32_t s2 = fixture_fork(&f, SHM_ROLE_WORKER, 1, &pid,
							   inherit_and_die, &heir);
				assert_true(WIFSIGNALED(fixture_wait(pid)));
				shm_slot_release(f.shm, s2);
				shm_slot_release(f.shm, s1);
				assert_int_equal(shm_gauge_cur(g), 0);
				assert_int_equal(held_by_all(&f, g), 0);
				fixture_verify(&f);
				fixture_remove(&f);
			}
		}
	}
}

/* The ledger of a dead one must not come back by undoing after it was subtracted. */
static void
a_ledger_is_given_back_once_even_if_an_heir_is_at_it(void **state)
{
	(void)state;
	struct fixture f;
	/* the dead one was giving back its last: held is 0, the undo record says 1 */
	struct plan plan = {SHM_FAULT_gauge_held, 3, SHM_FAULT_KILL};
	pid_t pid;
	int status;
	fixture_create(&f);
	struct shm_gauge *g = fixture_object(&f, SHM_FRONTEND, "", "web").gauge;
	uint32_t slot = fixture_fork(&f, SHM_ROLE_WORKER, 0, &pid,
				     take_give_until_the_fault, &plan);
	assert_true(WIFSIGNALED(fixture_wait(pid)));
	/* the heir stops before it has restored held */
	struct plan stop = {SHM_FAULT_repair_cur, 1, SHM_FAULT_STOP};
	uint32_t heir = fixture_fork(&f, SHM_ROLE_WORKER, 1, &pid,
				     take_give_until_the_fault, &stop);
	assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
	assert_true(WIFSTOPPED(status));
	shm_slot_release(f.shm, slot);
	assert_true(shm_gauge_is_unsettled(f.shm));
	assert_false(shm_gauge_settle(f.shm));
	kill(pid, SIGCONT);
	assert_int_equal(WEXITSTATUS(fixture_wait(pid)), 42);
	assert_true(shm_gauge_settle(f.shm));
	assert_int_equal(g->held[slot], 0);
	assert_int_equal(shm_gauge_cur(g), 10);
	shm_slot_release(f.shm, heir);
	assert_int_equal(shm_gauge_cur(g), 0);
	fixture_verify(&f);
	fixture_remove(&f);
}

static void
a_stopped_owner_delays_nobody_for_long(void **state)
{
	(void)state;
	struct fixture f;
	struct plan plan = {SHM_FAULT_gauge_cur, 1, SHM_FAULT_STOP};
	pid_t pid;
	int status;
	fixture_create(&f);
	struct shm_gauge *g = fixture_object(&f, SHM_FRONTEND, "", "web").gauge;
	uint32_t slot = fixture_fork(&f, SHM_ROLE_WORKER, 0, &pid,
				     take_give_until_the_fault, &plan);
	assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
	assert_true(WIFSTOPPED(status));

	uint64_t start_us = clock_mono_us();
	assert_int_equal(shm_gauge_take(f.shm, g, 100), SHM_BUSY);
	for (int i = 0; i < 10; i++)
		assert_int_equal(shm_gauge_take(f.shm, g, 0), SHM_TAKEN);
	shm_gauge_give(f.shm, g);
	assert_false(shm_gauge_settle(f.shm));
	assert_true(clock_mono_us() - start_us < 500000);

	kill(pid, SIGCONT);
	assert_int_equal(WEXITSTATUS(fixture_wait(pid)), 42);
	assert_true(shm_gauge_settle(f.shm));
	assert_int_equal(g->held[SHM_SLOT_MASTER], 9);
	shm_slot_release(f.shm, slot);
	assert_int_equal(shm_gauge_cur(g), 9);
	fixture_verify(&f);
	fixture_remove(&f);
}

static void
a_stopped_owner_that_is_killed_is_inherited(void **state)
{
	(void)state;
	struct fixture f;
	struct plan plan = {SHM_FAULT_gauge_cur, 1, SHM_FAULT_STOP};
	pid_t pid;
	int status;
	fixture_create(&f);
	struct shm_gauge *g = fixture_object(&f, SHM_FRONTEND, "", "web").gauge;
	uint32_t slot = fixture_fork(&f, SHM_ROLE_WORKER, 0, &pid,
				     take_give_until_the_fault, &plan);
	assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
	assert_int_equal(shm_gauge_take(f.shm, g, 0), SHM_TAKEN);
	assert_true(shm_gauge_is_unsettled(f.shm));
	kill(pid, SIGKILL);
	fixture_wait(pid);
	assert_true(shm_gauge_settle(f.shm));
	shm_slot_release(f.shm, slot);
	assert_int_equal(shm_gauge_cur(g), 1);
	fixture_verify(&f);
	fixture_remove(&f);
}

static void
a_check_record_is_whole_again_after_its_writer_was_killed(void **state)
{
	(void)state;
	struct fixture f;
	struct shm_check got, c = {.status_text = "L4OK"};
	fixture_create(&f);
	struct shm_object a = fixture_object(&f, SHM_SERVER, "app", "a");
	shm_lease_grant(f.shm, SHM_ROLE_CHECKER, SHM_SLOT_MASTER);
	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0) {
		shm_fault_arm(SHM_FAULT_check_odd, 1, SHM_FAULT_KILL);
		shm_check_publish(f.shm, &a, &c);
		_exit(0);
	}
	assert_true(WIFSIGNALED(fixture_wait(pid)));
	assert_false(shm_check_read(&a, &got));
	assert_true(shm_check_publish(f.shm, &a, &c));
	assert_true(shm_check_read(&a, &got));
	fixture_remove(&f);
}

static void
the_environment_arms_a_point_in_children(void **state)
{
	(void)state;
	struct fixture f;
	pid_t pid;
	uint32_t rounds = 100;
	fixture_create(&f);
	setenv("WEIR_FAULT", "gauge_cur:7", 1);
	uint32_t slot = fixture_fork(&f, SHM_ROLE_WORKER, 0, &pid, hammer, &rounds);
	unsetenv("WEIR_FAULT");
	assert_true(WIFSIGNALED(fixture_wait(pid)));
	shm_slot_release(f.shm, slot);
	fixture_verify(&f);
	for (unsigned i = 0; i < SHM_FAULTS_N; i++)
		assert_true(strlen(shm_fault_name((enum shm_fault_point)i)) > 3);
	fixture_remove(&f);
}
#endif

/* --- threads: the same code where ThreadSanitizer can see it ---------------------------
 */

struct thread {
	struct fixture f; /* its own handle, as a process has */
	struct shm handle;
	pthread_t id;
	uint32_t rounds;
};

static void *
thread_main(void *arg)
{
	struct thread *t = arg;
	shm_lock_register(&t->handle.lock);
	hammer(&t->f, &t->rounds);
	shm_lock_unregister(&t->handle.lock);
	return NULL;
}

static void *
thread_read(void *arg)
{
	struct thread *t = arg;
	struct shm_object web = fixture_object(&t->f, SHM_FRONTEND, "", "web");
	struct shm_object a = fixture_object(&t->f, SHM_SERVER, "app", "a");
	for (uint32_t i = 0; i < t->rounds; i++) {
		uint32_t cur;
		uint64_t held;
		struct shm_check c;
		if (shm_gauge_sum(&t->handle, web.gauge, &cur, &held) && cur != held)
			return arg;
		if (shm_check_read(&a, &c) && c.code != c.duration_ms)
			return arg;
	}
	return NULL;
}

static void
threads_share_a_gauge_while_a_reader_sees_only_whole_states(void **state)
{
	(void)state;
	struct fixture f;
	enum { N = 4 };
	static struct thread t[N];
	fixture_create(&f);
	struct shm_object a = fixture_object(&f, SHM_SERVER, "app", "a");
	shm_lease_grant(f.shm, SHM_ROLE_CHECKER, SHM_SLOT_MASTER);
	for (uint32_t i = 0; i < N; i++) {
		t[i].f = f;
		t[i].handle = *f.shm;
		t[i].handle.slot = 10 + i;
		t[i].handle.index = NULL;
		t[i].handle.debt = calloc(f.shm->at.objects_max, sizeof(int32_t));
		t[i].handle.debtors = calloc(f.shm->at.objects_max, sizeof(uint32_t));
		t[i].f.shm = &t[i].handle;
		t[i].rounds = i == 0 ? 3000 : 20000;
		assert_int_equal(pthread_create(&t[i].id, NULL,
						i == 0 ? thread_read : thread_main,
						&t[i]),
				 0);
	}
	for (uint32_t i = 0; i < 2000; i++) {
		struct shm_check c = {.code = i, .duration_ms = i};
		shm_check_publish(f.shm, &a, &c);
	}
	for (uint32_t i = 0; i < N; i++) {
		void *bad = NULL;
		pthread_join(t[i].id, &bad);
		assert_null(bad);
		free(t[i].handle.debt);
		free(t[i].handle.debtors);
		shm_index_free(&t[i].handle);
	}
	assert_int_equal(shm_gauge_cur(fixture_object(&f, SHM_FRONTEND, "", "web").gauge),
			 0);
	fixture_verify(&f);
	fixture_remove(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(take_and_give_count_up_and_down),
		cmocka_unit_test(a_limit_is_never_exceeded),
		cmocka_unit_test(giving_more_than_taken_stops_at_zero),
		cmocka_unit_test(a_busy_lock_is_answered_in_time_and_settled_later),
		cmocka_unit_test(a_word_left_by_a_dead_owner_is_inherited_and_repaired),
		cmocka_unit_test(processes_that_end_well_leave_zero),
		cmocka_unit_test(kills_at_random_instants_leave_the_gauge_exact),
#ifdef WEIR_FAULTS
		cmocka_unit_test(
			a_kill_at_every_point_of_a_change_is_repaired_by_whoever_comes_next),
		cmocka_unit_test(an_heir_that_dies_while_it_repairs_has_an_heir),
		cmocka_unit_test(a_ledger_is_given_back_once_even_if_an_heir_is_at_it),
		cmocka_unit_test(a_stopped_owner_delays_nobody_for_long),
		cmocka_unit_test(a_stopped_owner_that_is_killed_is_inherited),
		cmocka_unit_test(
			a_check_record_is_whole_again_after_its_writer_was_killed),
		cmocka_unit_test(the_environment_arms_a_point_in_children),
#endif
		cmocka_unit_test(
			threads_share_a_gauge_while_a_reader_sees_only_whole_states),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
