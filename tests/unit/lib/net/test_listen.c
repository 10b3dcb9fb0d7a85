/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/net/listen.h"

static char err[LISTEN_ERROR_BYTES];

static struct net_listen
spec_of(const char *text)
{
	struct net_listen l = {
		.backlog = 16, .mode = (mode_t)-1, .uid = (uid_t)-1, .gid = (gid_t)-1};
	assert_int_equal(addr_parse(span_str(text), -1, &l.addr, NULL), ADDR_OK);
	return l;
}

/* A listening socket on a port the kernel chose; *l gets that port. */
static int
open_any(struct net_listen *l)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	int fd = net_listen_open(l, false, err);
	if (fd < 0)
		fail_msg("%s", err);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&ss, &len), 0);
	addr_from_sockaddr(&l->addr, (struct sockaddr *)&ss, len);
	return fd;
}

static int
connect_to(const struct addr *a)
{
	int fd = socket(a->u.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int result = connect(fd, &a->u.sa, a->len);
	if (result == 0)
		return fd;
	close(fd);
	return -1;
}

static void
a_listener_never_blocks_and_passes_nodelay_on(void **state)
{
	struct net_listen l = spec_of("127.0.0.1:0");
	int fd = open_any(&l), one = 0;
	socklen_t len = sizeof(one);
	(void)state;
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	int client = connect_to(&l.addr);
	int server = accept(fd, NULL, NULL);
	assert_true(client >= 0 && server >= 0);
	assert_int_equal(getsockopt(server, IPPROTO_TCP, TCP_NODELAY, &one, &len), 0);
	assert_int_equal(one, 1);
	close(client);
	close(server);
	close(fd);
}

static void
a_port_held_by_another_program_is_found_even_if_it_shares(void **state)
{
	struct net_listen l = spec_of("127.0.0.1:0");
	l.is_group = true;
	int fd = open_any(&l);
	(void)state;
	assert_int_equal(net_listen_probe(&l, err), -1);
	assert_string_equal(err, "address already in use");
	struct net_listen other = spec_of("127.0.0.1:0");
	addr_set_port(&other.addr, addr_port(&l.addr));
	assert_int_equal(net_listen_open(&other, false, err), -1);
	assert_string_equal(err, "address already in use");
	int member = net_listen_open(&l, false, err); /* a group may grow */
	assert_true(member >= 0);
	close(member);
	close(fd);
	assert_int_equal(net_listen_probe(&l, err), 0);
}

static void
a_deferred_member_gets_no_connection_before_it_listens(void **state)
{
	struct net_listen l = spec_of("127.0.0.1:0");
	l.is_group = true;
	int first = open_any(&l);
	(void)state;
	l.is_deferred = true;
	int second = net_listen_open(&l, false, err);
	assert_true(second >= 0);
	for (int i = 0; i < 32; i++) {
		int client = connect_to(&l.addr);
		int server = accept(first, NULL, NULL);
		assert_true(client >= 0 && server >= 0);
		close(client);
		close(server);
	}
	assert_int_equal(net_listen_start(second, 16), 0);
	int taken = 0;
	for (int i = 0; i < 64; i++) {
		int client = connect_to(&l.addr);
		int by_first = accept(first, NULL, NULL);
		int by_second = accept(second, NULL, NULL);
		assert_true(client >= 0 && (by_first >= 0) != (by_second >= 0));
		taken += by_second >= 0;
		close(by_first >= 0 ? by_first : by_second);
		close(client);
	}
	assert_true(taken > 0);
	close(first);
	close(second);
}

static void
an_address_of_nobody_is_named(void **state)
{
	struct net_listen l = spec_of("192.0.2.1:80");
	(void)state;
	assert_int_equal(net_listen_open(&l, false, err), -1);
	assert_non_null(strstr(err, "no interface"));
}

static void
a_unix_socket_has_its_mode_from_the_first_moment(void **state)
{
	char dir[] = "/tmp/test-listen-XXXXXX", text[64], path[64];
	struct stat st;
	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(text, sizeof(text), "unix@%s/s", dir);
	snprintf(path, sizeof(path), "%s/s", dir);
	struct net_listen l = spec_of(text);
	l.mode = 0600;
	int fd = net_listen_open(&l, false, err);
	assert_true(fd >= 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	/* in use: not replaced, unless asked to */
	assert_int_equal(net_listen_probe(&l, err), -1);
	assert_int_equal(net_listen_open(&l, false, err), -1);
	assert_string_equal(err, "address already in use");
	int other = net_listen_open(&l, true, err);
	assert_true(other >= 0);
	close(fd);
	close(other);
	/* left behind: free */
	assert_int_equal(stat(path, &st), 0);
	fd = net_listen_open(&l, false, err);
	assert_true(fd >= 0);
	close(fd);
	unlink(path);
	rmdir(dir);
}

static void
a_file_in_the_way_of_a_unix_socket_stays(void **state)
{
	char path[] = "/tmp/test-listen-XXXXXX", text[64];
	int file = mkstemp(path);
	(void)state;
	snprintf(text, sizeof(text), "unix@%s", path);
	struct net_listen l = spec_of(text);
	assert_int_equal(net_listen_open(&l, false, err), -1);
	assert_non_null(strstr(err, "no socket"));
	assert_int_equal(access(path, F_OK), 0);
	close(file);
	unlink(path);
}

static void
a_given_descriptor_must_be_a_listening_socket(void **state)
{
	struct net_listen l = spec_of("127.0.0.1:0"), given = {.addr = {.kind = ADDR_FD}};
	int fd = open_any(&l), null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int plain = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	(void)state;
	given.addr.fd = fd;
	assert_int_equal(net_listen_open(&given, false, err), fd);
	given.addr.fd = null;
	assert_int_equal(net_listen_open(&given, false, err), -1);
	assert_non_null(strstr(err, "is no socket"));
	given.addr.fd = plain;
	assert_int_equal(net_listen_open(&given, false, err), -1);
	assert_non_null(strstr(err, "does not listen"));
	close(null);
	close(plain);
	close(fd);
	assert_int_equal(net_listen_open(&given, false, err), -1);
	assert_non_null(strstr(err, "is not open"));
}

static void
the_same_address_with_other_options_is_another_socket(void **state)
{
	struct net_listen a = spec_of("[::1]:80"), b = a;
	(void)state;
	assert_true(net_listen_eq(&a, &b));
	b.backlog = 99;
	assert_true(net_listen_eq(&a, &b));
	b.v6only = true;
	assert_false(net_listen_eq(&a, &b));
	b = a;
	b.interface = "lo";
	assert_false(net_listen_eq(&a, &b));
	b = spec_of("[::1]:81");
	assert_false(net_listen_eq(&a, &b));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_listener_never_blocks_and_passes_nodelay_on),
		cmocka_unit_test(
			a_port_held_by_another_program_is_found_even_if_it_shares),
		cmocka_unit_test(a_deferred_member_gets_no_connection_before_it_listens),
		cmocka_unit_test(an_address_of_nobody_is_named),
		cmocka_unit_test(a_unix_socket_has_its_mode_from_the_first_moment),
		cmocka_unit_test(a_file_in_the_way_of_a_unix_socket_stays),
		cmocka_unit_test(a_given_descriptor_must_be_a_listening_socket),
		cmocka_unit_test(the_same_address_with_other_options_is_another_socket),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
