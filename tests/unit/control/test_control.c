/* SPDX-License-Identifier: MIT
 *
 * The life of the control process: it is silent without the lease, measures with it,
 * and leaves when it is told to or left alone.
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
start_without_lease(void **state)
{
	(void)state;
	t = control_start(false);
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
commands_wait_in_the_backlog_until_the_lease_comes(void **state)
{
	int fd = control_connect(t, 0);
	struct pollfd p = {.fd = fd, .events = POLLIN};
	(void)state;
	send_text(fd, "set weight app/a 3; get weight app/a\n");
	assert_int_equal(poll(&p, 1, 100), 0);
	assert_int_equal(admin_of(t, "a").weight, SHM_WEIGHT_CONFIGURED);
	shm_lease_grant(t->f.shm, SHM_ROLE_CONTROL, t->slot);
	assert_string_equal(receive_rest(fd), "\n3 (initial 10)\n\n");
}

static void
log_lines_wait_in_the_relay_until_the_lease_comes(void **state)
{
	(void)state;
	assert_int_equal(send(t->relay[0], "\0hello", 6, 0), 6);
	pause_ms(50);
	assert_string_equal(read_file(t->file_path), "");
	shm_lease_grant(t->f.shm, SHM_ROLE_CONTROL, t->slot);
	WAIT_FOR(strcmp(read_file(t->file_path), "hello\n") == 0);
}

static void
without_the_lease_it_ends_at_once(void **state)
{
	uint64_t begin_ms = clock_mono_ms();
	(void)state;
	assert_int_equal(control_stop(t), 0);
	assert_true(clock_mono_ms() - begin_ms < 1000);
}

static void
it_leaves_when_another_gets_the_lease(void **state)
{
	int status;
	(void)state;
	assert_string_equal(ask(t, "get weight app/a"), "10 (initial 10)\n\n");
	shm_lease_grant(t->f.shm, SHM_ROLE_CONTROL, SHM_SLOT_MASTER);
	assert_int_equal(waitpid(t->pid, &status, 0), t->pid);
	t->pid = 0;
	assert_int_equal(status, 0);
}

/* Anybody can write it. */
static void
it_does_not_leave_by_mail(void **state)
{
	uint64_t one = 1;
	(void)state;
	shm_slot_mail(t->f.shm, t->slot, ~0U);
	assert_int_equal(write(t->slot_eventfds[t->slot], &one, sizeof(one)), 8);
	assert_string_equal(ask(t, "get weight app/a"), "10 (initial 10)\n\n");
	assert_int_equal(control_stop(t), 0);
}

static void
it_leaves_when_the_master_is_gone(void **state)
{
	int status;
	(void)state;
	/* somebody else is its master, and dies */
	pid_t master = fork();
	if (master == 0) {
		pause();
		_exit(0);
	}
	control_stop(t);
	close(t->in.net.master_pidfd);
	t->in.net.master_pidfd = (int)syscall(SYS_pidfd_open, master, 0);
	control_fork(t);
	WAIT_FOR(control_is_ready(t));
	kill(master, SIGKILL);
	assert_int_equal(waitpid(t->pid, &status, 0), t->pid);
	t->pid = 0;
	assert_int_equal(status, 0);
	waitpid(master, &status, 0);
}

static void
it_beats_while_it_sleeps(void **state)
{
	struct shm_slot_view v;
	(void)state;
	assert_true(shm_slot_view(t->f.shm, t->slot, &v));
	uint64_t beat = v.heartbeat_ms;
	WAIT_FOR(shm_slot_view(t->f.shm, t->slot, &v) && v.heartbeat_ms > beat);
	assert_false(shm_slot_is_stale(t->f.shm, t->slot, clock_mono_ms(), 2000));
}

static void
rates_are_measured_every_second_and_their_maximum_kept(void **state)
{
	struct shm_object be = fixture_object(&t->f, SHM_BACKEND, "", "app");
	struct shm_object g = fixture_object(&t->f, SHM_GLOBAL, "", "global");
	uint64_t until_ms = clock_mono_ms() + 2200;
	(void)state;
	/* about 100 sessions and 1000 requests per second for more than two samples */
	while (clock_mono_ms() < until_ms) {
		shm_count(&be, SHM_BACKEND_stot, 1);
		shm_count(&be, SHM_BACKEND_bin, 100);
		shm_count(&g, SHM_GLOBAL_req_tot, 10);
		pause_ms(10);
	}
	uint32_t rate = atomic_load(&be.rates->sess_rate);
	assert_in_range(rate, 20, 110);
	assert_in_range(atomic_load(&be.rates->bin_rate), 2000, 11000);
	assert_in_range(atomic_load(&g.rates->req_rate), 200, 1100);
	WAIT_FOR(atomic_load(&be.rates->sess_rate) == 0);
	assert_true(atomic_load(&be.rates->sess_rate_max) >= rate);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, start, stop)
#define W(name) cmocka_unit_test_setup_teardown(name, start_without_lease, stop)
	const struct CMUnitTest tests[] = {
		W(commands_wait_in_the_backlog_until_the_lease_comes),
		W(log_lines_wait_in_the_relay_until_the_lease_comes),
		W(without_the_lease_it_ends_at_once),
		T(it_leaves_when_another_gets_the_lease),
		T(it_does_not_leave_by_mail),
		T(it_leaves_when_the_master_is_gone),
		T(it_beats_while_it_sleeps),
		T(rates_are_measured_every_second_and_their_maximum_kept),
	};
#undef T
#undef W
	return cmocka_run_group_tests(tests, NULL, NULL);
}
