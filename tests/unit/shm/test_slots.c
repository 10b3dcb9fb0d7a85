/* SPDX-License-Identifier: MIT
 *
 * Process slots: given out, identified, watched, given back; leases; mailboxes.
 */
#include "fixture.h"

#include "lib/base/clock.h"

static void
a_slot_is_reserved_identified_seen_and_freed(void **state)
{
	(void)state;
	struct fixture f;
	struct shm_slot_view v;
	fixture_create(&f);
	int slot = shm_slot_reserve(f.shm, SHM_ROLE_WORKER, 1, 7);
	assert_true(slot > SHM_SLOT_MASTER);
	assert_false(shm_slot_view(f.shm, (uint32_t)slot, &v));
	shm_slot_identify(f.shm, (uint32_t)slot, (uint32_t)getpid());
	assert_true(shm_slot_view(f.shm, (uint32_t)slot, &v));
	assert_int_equal(v.pid, getpid());
	assert_int_equal(v.index, 1);
	assert_int_equal(v.role, SHM_ROLE_WORKER);
	assert_int_equal(v.generation, 7);
	assert_int_equal(v.state, SHM_PROC_STARTING);
	assert_int_equal(v.start_time, shm_process_start_time((uint32_t)getpid()));
	assert_true(v.start_time > 0);
	uint64_t epoch = v.epoch;
	shm_slot_release(f.shm, (uint32_t)slot);
	assert_false(shm_slot_view(f.shm, (uint32_t)slot, &v));
	assert_int_equal(shm_slot_reserve(f.shm, SHM_ROLE_WORKER, 0, 8), slot);
	shm_slot_identify(f.shm, (uint32_t)slot, (uint32_t)getpid());
	assert_true(shm_slot_view(f.shm, (uint32_t)slot, &v));
	assert_true(v.epoch > epoch);
	fixture_remove(&f);
}

static void
the_master_has_the_first_slot(void **state)
{
	(void)state;
	struct fixture f;
	struct shm_slot_view v;
	fixture_create(&f);
	assert_true(shm_slot_view(f.shm, SHM_SLOT_MASTER, &v));
	assert_int_equal(v.pid, getpid());
	assert_int_equal(v.role, SHM_ROLE_MASTER);
	assert_true(shm_lease_is_mine(f.shm, SHM_ROLE_MASTER));
	fixture_remove(&f);
}

static void
slots_run_out_with_minus_one(void **state)
{
	(void)state;
	struct fixture f;
	fixture_create(&f);
	uint32_t n = 0;
	while (shm_slot_reserve(f.shm, SHM_ROLE_WORKER, 0, 1) > 0)
		n++;
	assert_int_equal(n, shm_slots_n(f.shm) - 1);
	shm_slot_release(f.shm, 5);
	assert_int_equal(shm_slot_reserve(f.shm, SHM_ROLE_WORKER, 0, 1), 5);
	fixture_remove(&f);
}

static void
leases_follow_slot_and_epoch(void **state)
{
	(void)state;
	struct fixture f;
	fixture_create(&f);
	uint32_t slot = (uint32_t)shm_slot_reserve(f.shm, SHM_ROLE_CHECKER, 0, 1);
	shm_lease_grant(f.shm, SHM_ROLE_CHECKER, slot);
	assert_false(shm_lease_is_mine(f.shm, SHM_ROLE_CHECKER));
	shm_self_enter(f.shm, slot);
	assert_true(shm_lease_is_mine(f.shm, SHM_ROLE_CHECKER));
	assert_false(shm_lease_is_mine(f.shm, SHM_ROLE_CONTROL));
	/* the same slot in another life does not have it */
	shm_slot_release(f.shm, slot);
	assert_int_equal(shm_slot_reserve(f.shm, SHM_ROLE_CHECKER, 0, 2), slot);
	shm_self_enter(f.shm, slot);
	assert_false(shm_lease_is_mine(f.shm, SHM_ROLE_CHECKER));
	fixture_remove(&f);
}

static void
mail_is_bits_taken_once(void **state)
{
	(void)state;
	struct fixture f;
	fixture_create(&f);
	shm_slot_mail(f.shm, SHM_SLOT_MASTER, SHM_MAIL_REOPEN);
	shm_slot_mail(f.shm, SHM_SLOT_MASTER, SHM_MAIL_REOPEN | SHM_MAIL_WAKE);
	shm_slot_mail(f.shm, 100000, SHM_MAIL_DRAIN); /* nobody */
	assert_int_equal(shm_slot_take_mail(f.shm), SHM_MAIL_REOPEN | SHM_MAIL_WAKE);
	assert_int_equal(shm_slot_take_mail(f.shm), 0);
	fixture_remove(&f);
}

static void
stale_is_late_and_not_waiting(void **state)
{
	(void)state;
	struct fixture f;
	static const struct {
		bool is_waiting;
		uint64_t beat_ms, wake_ms, now_ms;
		bool is_stale;
	} t[] = {
		{false, 1000, 0, 1000, false},	 {false, 1000, 0, 1200, false},
		{false, 1000, 0, 1201, true},	 {false, 1000, 0, 900, false},
		{true, 1000, 5000, 5100, false}, {true, 1000, 5000, 5201, true},
		{true, 1000, 500, 1200, false},	 {true, 1000, UINT64_MAX, 99999, false},
	};
	fixture_create(&f);
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		if (t[i].is_waiting)
			shm_slot_wait(f.shm, t[i].beat_ms, t[i].wake_ms);
		else
			shm_slot_beat(f.shm, t[i].beat_ms);
		assert_int_equal(
			shm_slot_is_stale(f.shm, SHM_SLOT_MASTER, t[i].now_ms, 200),
			t[i].is_stale);
	}
	assert_true(shm_slot_is_stale(f.shm, 9, 1000, 200)); /* free */
	assert_true(shm_slot_is_stale(f.shm, UINT32_MAX, 1000, 200));
	/* a new one is not stale before it had time to beat */
	int slot = shm_slot_reserve(f.shm, SHM_ROLE_WORKER, 0, 1);
	shm_slot_identify(f.shm, (uint32_t)slot, (uint32_t)getpid());
	assert_false(
		shm_slot_is_stale(f.shm, (uint32_t)slot, clock_mono_ms() + 100, 200));
	fixture_remove(&f);
}

static void
the_worker_of_an_index_is_the_newest_ready_one(void **state)
{
	(void)state;
	struct fixture f;
	int slot[3];
	fixture_create(&f);
	uint32_t me = f.shm->slot;
	assert_int_equal(shm_slot_of_worker(f.shm, 0), -1);
	for (int i = 0; i < 3; i++) {
		slot[i] = shm_slot_reserve(f.shm, SHM_ROLE_WORKER, 0, (uint64_t)i + 1);
		shm_slot_identify(f.shm, (uint32_t)slot[i], (uint32_t)getpid());
	}
	for (int i = 0; i < 2; i++) {
		f.shm->slot = (uint32_t)slot[i];
		shm_slot_set_state(f.shm, SHM_PROC_READY);
	}
	f.shm->slot = me;
	assert_int_equal(shm_slot_of_worker(f.shm, 0), slot[1]);
	assert_int_equal(shm_slot_of_worker(f.shm, 1), -1);
	shm_slot_release(f.shm, (uint32_t)slot[1]);
	assert_int_equal(shm_slot_of_worker(f.shm, 0), slot[0]);
	fixture_remove(&f);
}

static void
report_and_stop(struct fixture *f, void *arg)
{
	(void)arg;
	const uint32_t waiting[4] = {1, 2, 3, 4};
	shm_slot_report(f->shm, 10, waiting);
	shm_slot_set_state(f->shm, SHM_PROC_DRAINING);
	shm_slot_beat(f->shm, 777);
	kill(getpid(), SIGSTOP);
}

static void
a_child_reports_in_its_own_slot(void **state)
{
	(void)state;
	struct fixture f;
	struct shm_slot_view v;
	pid_t pid;
	int status;
	fixture_create(&f);
	uint32_t slot = fixture_fork(&f, SHM_ROLE_WORKER, 1, &pid, report_and_stop, NULL);
	assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
	assert_true(shm_slot_view(f.shm, slot, &v));
	assert_int_equal(v.state, SHM_PROC_DRAINING);
	assert_int_equal(v.conns, 10);
	assert_int_equal(v.waiting[3], 4);
	assert_int_equal(v.heartbeat_ms, 777);
	assert_int_equal(v.wake_at_ms, 0);
	kill(pid, SIGKILL);
	fixture_wait(pid);
	fixture_remove(&f);
}

static void
hold_two_until_killed(struct fixture *f, void *arg)
{
	(void)arg;
	struct shm_object web = fixture_object(f, SHM_FRONTEND, "", "web");
	shm_gauge_take(f->shm, web.gauge, 0);
	shm_gauge_take(f->shm, web.gauge, 0);
	shm_slot_set_state(f->shm, SHM_PROC_READY);
	pause();
}

static void
orphans_of_a_dead_master_keep_what_they_hold_until_they_end(void **state)
{
	(void)state;
	struct fixture f;
	struct shm_slot_view v;
	pid_t pid;
	fixture_create(&f);
	uint32_t slot =
		fixture_fork(&f, SHM_ROLE_WORKER, 0, &pid, hold_two_until_killed, NULL);
	while (!shm_slot_view(f.shm, slot, &v) || v.state != SHM_PROC_READY)
		pause_ms(1);
	shm_close(&f.shm); /* the file says that we are still running: it was our pid */
	assert_true(fixture_open(&f, false));
	struct shm_object web = fixture_object(&f, SHM_FRONTEND, "", "web");
	assert_int_equal(shm_gauge_cur(web.gauge), 2);
	assert_true(shm_gauge_is_unsettled(f.shm));
	assert_false(shm_gauge_settle(f.shm));
	assert_true(shm_slot_view(f.shm, slot, &v));
	assert_int_not_equal(shm_slot_reserve(f.shm, SHM_ROLE_WORKER, 0, 2), slot);
	kill(pid, SIGKILL);
	fixture_wait(pid);
	assert_true(shm_gauge_settle(f.shm));
	assert_int_equal(shm_gauge_cur(web.gauge), 0);
	assert_false(shm_slot_view(f.shm, slot, &v));
	fixture_verify(&f);
	fixture_remove(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_slot_is_reserved_identified_seen_and_freed),
		cmocka_unit_test(the_master_has_the_first_slot),
		cmocka_unit_test(slots_run_out_with_minus_one),
		cmocka_unit_test(leases_follow_slot_and_epoch),
		cmocka_unit_test(mail_is_bits_taken_once),
		cmocka_unit_test(stale_is_late_and_not_waiting),
		cmocka_unit_test(the_worker_of_an_index_is_the_newest_ready_one),
		cmocka_unit_test(a_child_reports_in_its_own_slot),
		cmocka_unit_test(
			orphans_of_a_dead_master_keep_what_they_hold_until_they_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
