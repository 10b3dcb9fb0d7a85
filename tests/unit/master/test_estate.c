/* SPDX-License-Identifier: MIT
 *
 * The list of descriptors a master leaves behind: what was written is read, and anything
 * else is not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "master/estate.h"

/* One listening socket on a port of its own, noted as the master does. */
static int
listen_somewhere(struct estate_socket *s)
{
	struct sockaddr_in in = {.sin_family = AF_INET,
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&in, sizeof(in)), 0);
	assert_int_equal(listen(fd, 4), 0);
	*s = (struct estate_socket){.cookie = estate_cookie(fd),
				    .fd = fd,
				    .backlog = 4,
				    .flags = ESTATE_IS_GROUP,
				    .addr_bytes = sizeof(in),
				    .interface = "lo"};
	memcpy(s->addr, &in, sizeof(in));
	return fd;
}

static int
write_one(struct estate_socket *s)
{
	struct estate_slot slots[3] = {{7, 100}, {8, 0}, {9, 101}};
	struct estate e = {.head = {.magic = 0x31747365726965ULL,
				    .sockets_n = 1,
				    .slots_n = 3,
				    .relay_read_fd = 5},
			   .sockets = s,
			   .slots = slots};
	int fd = memfd_create("estate", MFD_CLOEXEC);
	assert_int_equal(estate_write(&e, fd), 0);
	return fd;
}

static void
what_was_written_is_read(void **state)
{
	(void)state;
	struct estate_socket s;
	int listener = listen_somewhere(&s), fd = write_one(&s);
	struct estate *e = estate_read(fd);
	assert_non_null(e);
	assert_int_equal(e->head.sockets_n, 1);
	assert_int_equal(e->head.relay_read_fd, 5);
	assert_int_equal(e->slots[2].pid, 101);
	assert_true(estate_is_socket(&e->sockets[0], listener));
	struct net_listen spec = estate_spec(&e->sockets[0]);
	assert_int_equal(spec.addr.kind, ADDR_INET);
	assert_true(spec.is_group);
	assert_string_equal(spec.interface, "lo");
	estate_free(&e);
	close(listener);
	close(fd);
}

static void
any_damaged_byte_is_noticed(void **state)
{
	(void)state;
	struct estate_socket s;
	int listener = listen_somewhere(&s), fd = write_one(&s);
	off_t bytes = lseek(fd, 0, SEEK_END);
	for (off_t at = 0; at < bytes; at++) {
		unsigned char was, is;
		assert_int_equal(pread(fd, &was, 1, at), 1);
		is = was ^ 0x40;
		assert_int_equal(pwrite(fd, &is, 1, at), 1);
		assert_null(estate_read(fd));
		assert_int_equal(pwrite(fd, &was, 1, at), 1);
	}
	assert_int_equal(ftruncate(fd, bytes - 1), 0);
	assert_null(estate_read(fd));
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_null(estate_read(fd));
	close(listener);
	close(fd);
}

static void
another_socket_on_the_same_port_is_not_believed(void **state)
{
	(void)state;
	struct estate_socket a, b;
	int fd_a = listen_somewhere(&a), fd_b = listen_somewhere(&b);
	assert_true(estate_is_socket(&a, fd_a));
	assert_false(estate_is_socket(&a, fd_b));
	assert_int_equal(shutdown(fd_a, SHUT_RDWR), 0);
	assert_false(estate_is_socket(&a, fd_a)); /* it listens no more */
	int pipes[2];
	assert_int_equal(pipe(pipes), 0);
	assert_false(estate_is_socket(&b, pipes[0]));
	a.cookie = 0;
	assert_false(estate_is_socket(&a, pipes[0]));
	close(fd_a);
	close(fd_b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_written_is_read),
		cmocka_unit_test(any_damaged_byte_is_noticed),
		cmocka_unit_test(another_socket_on_the_same_port_is_not_believed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
