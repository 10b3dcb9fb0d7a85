/* SPDX-License-Identifier: MIT
 *
 * The life of the checker and of what it knows of servers.
 */
#include "world.h"

static void
a_dead_server_is_out_in_time_and_comes_back_by_itself(void **state)
{
	(void)state;
	struct addr a = {.kind = ADDR_NONE};
	int fd = open_server(&a);
	struct cfg_server *s = add_server("a", a);
	make_region();
	start_checker();
	await_health(0, SHM_HEALTH_UP);
	close_server(fd);
	uint64_t took_ms = await_health(0, SHM_HEALTH_DOWN);
	/* fall * inter + timeout, and 100 ms for a busy machine */
	assert_true(took_ms <= s->fall * s->inter_ms + INTER_MS + 100);
	assert_log(
		1,
		"Server be/a is DOWN, reason: Layer4 connection problem, info: "
		"\"ECONNREFUSED returned by OS (Connection refused)\", check duration: ");
	assert_log(0, "backend be has no server available!\n");
	assert_int_equal(shm_total(w.shm, &w.server_object[0], SHM_SERVER_chkfail), 3);
	assert_int_equal(shm_total(w.shm, &w.server_object[0], SHM_SERVER_chkdown), 1);
	assert_int_equal(shm_total(w.shm, &w.be_object, SHM_BACKEND_chkdown), 1);
	fd = open_server(&a);
	await_health(0, SHM_HEALTH_UP);
	assert_log(5, "Server be/a is UP, reason: Layer4 check passed, check duration: ");
	struct shm_check rec;
	assert_true(shm_check_read(&w.server_object[0], &rec));
	assert_string_equal(rec.status_text, "L4OK");
	close_server(fd);
}

static void
a_new_server_that_refuses_is_down_after_one_check(void **state)
{
	(void)state;
	struct addr a = {.kind = ADDR_NONE};
	close(open_server(&a));
	add_server("a", a);
	make_region();
	start_checker();
	await_health(0, SHM_HEALTH_DOWN);
	assert_int_equal(shm_total(w.shm, &w.server_object[0], SHM_SERVER_chkfail), 1);
	struct shm_check rec;
	assert_true(shm_check_read(&w.server_object[0], &rec));
	assert_string_equal(rec.status_text, "L4CON");
	assert_string_equal(rec.desc, "Layer4 connection problem: ECONNREFUSED returned "
				      "by OS (Connection refused)");
}

static void
nothing_is_written_without_the_lease(void **state)
{
	(void)state;
	struct addr a = {.kind = ADDR_NONE};
	close(open_server(&a));
	add_server("a", a);
	make_region();
	start_checker_of(getpid());
	wait_ms(4 * INTER_MS);
	assert_int_equal(checks_run(), 0);
	assert_int_equal(health_of(0), SHM_HEALTH_UNKNOWN);
	shm_lease_grant(w.shm, SHM_ROLE_CHECKER, w.slot);
	await_health(0, SHM_HEALTH_DOWN);
}

static void
state_and_progress_survive_a_killed_checker(void **state)
{
	(void)state;
	struct addr a = {.kind = ADDR_NONE};
	struct shm_check rec;
	close(open_server(&a));
	struct cfg_server *s = add_server("a", a);
	s->rise = 100; /* DOWN for long, on its way up */
	make_region();
	start_checker();
	await_health(0, SHM_HEALTH_DOWN);
	int fd = open_server(&a);
	do {
		wait_ms(5);
		assert_true(shm_check_read(&w.server_object[0], &rec));
	} while (rec.counter < 3);
	kill(w.checker_pid, SIGKILL);
	reap_checker();
	assert_true(shm_check_read(&w.server_object[0], &rec));
	uint32_t before = rec.counter;
	start_checker();
	uint64_t until = checks_run() + 3;
	while (checks_run() < until) {
		assert_int_equal(health_of(0), SHM_HEALTH_DOWN);
		wait_ms(1);
	}
	assert_true(shm_check_read(&w.server_object[0], &rec));
	assert_true(rec.counter > before);
	close_server(fd);
}

static void
checks_go_on_however_often_the_checker_is_replaced(void **state)
{
	(void)state;
	struct addr a = {.kind = ADDR_NONE};
	int fd = open_server(&a);
	struct cfg_server *s = add_server("a", a);
	s->inter_ms = s->fastinter_ms = s->downinter_ms = 200;
	make_region();
	uint64_t start_ms = clock_mono_ms();
	for (int i = 0; health_of(0) != SHM_HEALTH_DOWN; i++) {
		assert_true(clock_mono_ms() - start_ms < WAIT_MS);
		start_checker();
		wait_ms(70); /* a third of the interval */
		kill(w.checker_pid, SIGTERM);
		assert_int_equal(reap_checker(), 0);
		if (i == 5)
			close_server(fd);
	}
	assert_int_equal(shm_total(w.shm, &w.server_object[0], SHM_SERVER_chkdown), 1);
}

static void
a_server_in_maintenance_is_not_checked(void **state)
{
	(void)state;
	struct addr a = {.kind = ADDR_NONE};
	int fd = open_server(&a);
	struct shm_admin_word admin = {.maint = true, .weight = SHM_WEIGHT_CONFIGURED};
	add_server("a", a);
	make_region();
	start_checker();
	await_health(0, SHM_HEALTH_UP);
	/* as control would */
	atomic_store(&w.server_object[0].server->admin, shm_admin_pack(admin));
	atomic_fetch_add(&w.be_object.backend->version, 1);
	wait_ms(250);
	uint64_t n = checks_run();
	wait_ms(4 * INTER_MS);
	assert_int_equal(checks_run(), n);
	close_server(fd);
	admin.maint = false;
	atomic_store(&w.server_object[0].server->admin, shm_admin_pack(admin));
	atomic_fetch_add(&w.be_object.backend->version, 1);
	await_health(0, SHM_HEALTH_DOWN); /* one failure decides */
	assert_int_equal(shm_total(w.shm, &w.server_object[0], SHM_SERVER_chkfail), 1);
}

static void
a_server_without_check_stays_unknown(void **state)
{
	(void)state;
	struct addr a = {.kind = ADDR_NONE}, b = {.kind = ADDR_NONE};
	close(open_server(&a));
	close(open_server(&b));
	add_server("a", a)->check = false;
	add_server("b", b);
	make_region();
	start_checker();
	await_health(1, SHM_HEALTH_DOWN);
	assert_log(1, "Server be/b is DOWN, ");
	wait_ms(2 * INTER_MS);
	assert_int_equal(health_of(0), SHM_HEALTH_UNKNOWN);
}

static void
the_checker_leaves_on_sigterm_and_without_master(void **state)
{
	(void)state;
	struct addr a = {.kind = ADDR_NONE};
	int fd = open_server(&a);
	add_server("a", a);
	make_region();
	start_checker();
	kill(w.checker_pid, SIGTERM);
	assert_int_equal(reap_checker(), 0);
	pid_t master = fork();
	if (master == 0) {
		pause();
		_exit(0);
	}
	start_checker_of(master);
	kill(master, SIGKILL);
	assert_int_equal(reap_checker(), 0);
	waitpid(master, NULL, 0);
	close_server(fd);
}

static void
one_dead_server_of_two_leaves_the_backend_up(void **state)
{
	(void)state;
	struct addr a = {.kind = ADDR_NONE}, b = {.kind = ADDR_NONE};
	int fd = open_server(&a);
	close(open_server(&b));
	add_server("a", a);
	add_server("b", b)->backup = true;
	make_region();
	start_checker();
	await_health(1, SHM_HEALTH_DOWN);
	assert_log(1, "Backup Server be/b is DOWN, ");
	await_health(0, SHM_HEALTH_UP);
	assert_int_equal(shm_total(w.shm, &w.be_object, SHM_BACKEND_chkdown), 0);
	close_server(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(a_dead_server_is_out_in_time_and_comes_back_by_itself),
		WORLD_TEST(a_new_server_that_refuses_is_down_after_one_check),
		WORLD_TEST(nothing_is_written_without_the_lease),
		WORLD_TEST(state_and_progress_survive_a_killed_checker),
		WORLD_TEST(checks_go_on_however_often_the_checker_is_replaced),
		WORLD_TEST(a_server_in_maintenance_is_not_checked),
		WORLD_TEST(a_server_without_check_stays_unknown),
		WORLD_TEST(the_checker_leaves_on_sigterm_and_without_master),
		WORLD_TEST(one_dead_server_of_two_leaves_the_backend_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
