/* SPDX-License-Identifier: MIT
 *
 * What checks find, as the region tells it.
 */
#include "world.h"

static void
http_results_follow_what_the_server_answers(void **state)
{
	(void)state;
	struct origin o = start_origin("HTTP/1.0 200 OK\r\n\r\n");
	struct shm_check rec;
	check_by_http();
	w.be.options = CFG_OPT_LOG_HEALTH_CHECKS;
	add_server("a", o.addr);
	make_region();
	start_checker();
	await_health(0, SHM_HEALTH_UP);
	assert_log(5,
		   "Health check for server be/a succeeded, reason: Layer7 check passed, "
		   "code: 200, check duration: ");
	strcpy(o.answer, "HTTP/1.0 503 Busy\r\n\r\n");
	await_health(0, SHM_HEALTH_DOWN);
	assert_log(5, "Health check for server be/a failed, reason: Layer7 wrong status, "
		      "code: 503, info: \"Busy\", check duration: ");
	assert_log(5, "Health check for server be/a failed");
	assert_log(5, "Health check for server be/a failed");
	assert_log(1, "Server be/a is DOWN. 0 active and 0 backup servers left.");
	strcpy(o.answer, "HTTP/1.0 204 Fine\r\n\r\n");
	await_health(0, SHM_HEALTH_UP);
	*o.answer = 0;
	await_health(0, SHM_HEALTH_DOWN);
	assert_true(shm_check_read(&w.server_object[0], &rec));
	assert_string_equal(rec.status_text, "L7TOUT");
	stop_origin(&o);
}

static void
a_response_in_pieces_is_put_together(void **state)
{
	(void)state;
	struct origin o =
		start_origin("HTT|P/1.1 200 OK\r\nTransfer-Enco|ding: chunked\r\n\r|\n"
			     "4\r\nal|l \r\n4|\r\nwell\r\n0\r\n\r\n");
	check_by_http();
	w.expect.kind = CFG_EXPECT_STRING;
	w.expect.pattern.bytes = SPAN("all well");
	w.be.timeout.check_ms = 1000;
	add_server("a", o.addr);
	make_region();
	start_checker();
	await_health(0, SHM_HEALTH_UP);
	strcpy(o.answer, "HTTP/1.1 200 OK\r\n\r\nall| is not |well");
	await_health(0, SHM_HEALTH_DOWN);
	assert_log(1,
		   "Server be/a is DOWN, reason: Layer7 invalid response, info: \"HTTP "
		   "content check did not match\"");
	stop_origin(&o);
}

static void
tcp_checks_do_not_disturb_the_server(void **state)
{
	(void)state;
	struct addr a = {.kind = ADDR_NONE};
	int fd = open_server(&a);
	struct pollfd p = {.fd = fd, .events = POLLIN};
	add_server("a", a);
	make_region();
	start_checker();
	await_health(0, SHM_HEALTH_UP);
	uint64_t until = checks_run() + 5;
	while (checks_run() < until)
		wait_ms(1);
	assert_int_equal(poll(&p, 1, 0), 0); /* accept() would find nobody */
	close_server(fd);
}

static void
a_server_that_does_not_accept_times_out_on_layer_4(void **state)
{
	(void)state;
	struct addr a = {.kind = ADDR_NONE};
	struct shm_check rec;
	int clients[4], fd = open_server(&a);
	assert_int_equal(listen(fd, 0), 0); /* a queue of one, which is filled */
	for (size_t i = 0; i < 4; i++) {
		clients[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)connect(clients[i], &a.u.sa, a.len);
	}
	add_server("a", a);
	make_region();
	start_checker();
	await_health(0, SHM_HEALTH_DOWN);
	assert_true(shm_check_read(&w.server_object[0], &rec));
	assert_string_equal(rec.status_text, "L4TOUT");
	assert_true(rec.duration_ms >= INTER_MS - 1 && rec.duration_ms < INTER_MS + 100);
	for (size_t i = 0; i < 4; i++)
		close(clients[i]);
	close_server(fd);
}

static void
a_server_without_address_is_down_and_says_why(void **state)
{
	(void)state;
	struct shm_check rec;
	add_server("a", (struct addr){.kind = ADDR_NONE});
	make_region();
	start_checker();
	await_health(0, SHM_HEALTH_DOWN);
	assert_true(shm_check_read(&w.server_object[0], &rec));
	assert_string_equal(rec.desc, "Socket error: cannot resolve 'gone.example:80'");
	assert_log(1, "Server be/a is DOWN, reason: Socket error, info: \"cannot resolve "
		      "'gone.example:80'\"");
	wait_ms(2 * INTER_MS);
	assert_int_equal(checks_run(), 0);
}

static void
unix_socket_servers_are_checked(void **state)
{
	(void)state;
	struct addr a = {.kind = ADDR_UNIX, .len = sizeof(a.u.un)};
	struct shm_check rec;
	a.u.un.sun_family = AF_UNIX;
	snprintf(a.u.un.sun_path, sizeof(a.u.un.sun_path), "/tmp/weir-test-%d.sock",
		 (int)getpid());
	unlink(a.u.un.sun_path);
	add_server("a", a);
	make_region();
	start_checker();
	await_health(0, SHM_HEALTH_DOWN);
	assert_true(shm_check_read(&w.server_object[0], &rec));
	assert_string_equal(
		rec.desc,
		"Socket error: General socket error (No such file or directory)");
	int fd = open_server(&a);
	await_health(0, SHM_HEALTH_UP);
	close_server(fd);
	unlink(a.u.un.sun_path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(http_results_follow_what_the_server_answers),
		WORLD_TEST(a_response_in_pieces_is_put_together),
		WORLD_TEST(tcp_checks_do_not_disturb_the_server),
		WORLD_TEST(a_server_that_does_not_accept_times_out_on_layer_4),
		WORLD_TEST(a_server_without_address_is_down_and_says_why),
		WORLD_TEST(unix_socket_servers_are_checked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
