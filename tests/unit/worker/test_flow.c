/* SPDX-License-Identifier: MIT */
#include "worker/flow.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "worker/self.h"

static const struct http_limits limits = {.request_line_bytes = 16384,
					  .field_bytes = 16384,
					  .head_bytes = 32768,
					  .fields_n = 128,
					  .trailers_bytes = 8192};
static _Atomic uint64_t lane[256];

/* One end is the flow's, the other the test's. */
struct pair {
	struct net_conn conn;
	int fd;
};

static void
pair_open(struct pair *p)
{
	int fd[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
	net_conn_init(&p->conn, fd[0], NULL);
	p->fd = fd[1];
}

static void
pair_close(struct pair *p)
{
	net_conn_close(&p->conn, false);
	if (p->fd >= 0)
		close(p->fd);
}

static int
set_up(void **state)
{
	(void)state;
	if (self.rx)
		return 0;
	self.loop = net_loop_new(NULL);
	self.rx = malloc(WORKER_RX_BYTES);
	self.tx = malloc(WORKER_TX_BYTES);
	buf_pools_init(&self.bufs, 0);
	net_pipes_init(&self.pipes, 1, 1 << 20);
	shm_lane = lane;
	return 0;
}

static uint64_t counted;

static void
count(void *arg, uint64_t n)
{
	(void)arg;
	counted += n;
}

static size_t
drain(int fd, char *out, size_t cap)
{
	size_t n = 0;
	ssize_t r;
	while (n < cap && (r = read(fd, out + n, cap - n)) > 0)
		n += (size_t)r;
	return n;
}

/* Sends `in` in pieces of `step` bytes through a flow; returns what came out. */
static size_t
carry(enum http_body from_body, enum http_body to_body, struct span in, size_t step,
      uint64_t length, char *out, size_t cap, enum flow_end *end)
{
	struct pair from, to;
	struct flow f;
	size_t n = 0;
	pair_open(&from);
	pair_open(&to);
	flow_init(&f, from_body, length, to_body, &limits);
	*end = FLOW_WAIT;
	for (size_t at = 0; at < in.n && *end == FLOW_WAIT; at += step) {
		size_t piece = in.n - at < step ? in.n - at : step;
		assert_int_equal(write(from.fd, in.p + at, piece), (ssize_t)piece);
		from.conn.is_readable = to.conn.is_writable = true;
		*end = flow_run(&f, &from.conn, &to.conn, NULL, count, NULL);
		n += drain(to.fd, out + n, cap - n);
	}
	if (*end == FLOW_WAIT) {
		close(from.fd);
		from.fd = -1;
		from.conn.is_readable = true;
		*end = flow_run(&f, &from.conn, &to.conn, NULL, count, NULL);
		n += drain(to.fd, out + n, cap - n);
	}
	flow_fini(&f);
	pair_close(&from);
	pair_close(&to);
	return n;
}

static void
chunks_are_rewritten_and_decode_to_the_same_at_every_split(void **state)
{
	(void)state;
	struct span in =
		SPAN("5;a=b\r\nhello\r\n1\r\n \r\n5\r\nworld\r\n0\r\nX-T: 1\r\n\r\n");
	for (size_t step = 1; step <= in.n; step++) {
		char out[512], plain[64];
		enum flow_end end;
		size_t n = carry(HTTP_BODY_CHUNKED, HTTP_BODY_CHUNKED, in, step, 0, out,
				 sizeof(out), &end);
		assert_int_equal(end, FLOW_DONE);
		/* what came out is chunked again: send it through once more, as plain
		 * bytes */
		size_t m = carry(HTTP_BODY_CHUNKED, HTTP_BODY_CLOSE, span_of(out, n), n,
				 0, plain, sizeof(plain), &end);
		assert_int_equal(end, FLOW_DONE);
		assert_int_equal(m, 11);
		assert_memory_equal(plain, "hello world", 11);
		assert_non_null(memmem(out, n, "X-T: 1\r\n\r\n", 10));
	}
}

static void
a_body_until_close_becomes_chunks_with_an_end(void **state)
{
	(void)state;
	char out[256];
	enum flow_end end;
	size_t n = carry(HTTP_BODY_CLOSE, HTTP_BODY_CHUNKED, SPAN("abc"), 3, 0, out,
			 sizeof(out), &end);
	assert_int_equal(end, FLOW_DONE);
	assert_int_equal(n, 13);
	assert_memory_equal(out, "3\r\nabc\r\n0\r\n\r\n", 13);
}

static void
a_short_body_is_never_taken_for_a_whole_one(void **state)
{
	(void)state;
	char out[256];
	enum flow_end end;
	(void)carry(HTTP_BODY_LENGTH, HTTP_BODY_LENGTH, SPAN("abc"), 3, 10, out,
		    sizeof(out), &end);
	assert_int_equal(end, FLOW_SRC_EOF);
	(void)carry(HTTP_BODY_CHUNKED, HTTP_BODY_CHUNKED, SPAN("5\r\nhel"), 6, 0, out,
		    sizeof(out), &end);
	assert_int_equal(end, FLOW_SRC_EOF);
}

static void
bytes_behind_the_body_are_noticed(void **state)
{
	(void)state;
	struct pair from, to;
	struct flow f;
	pair_open(&from);
	pair_open(&to);
	flow_init(&f, HTTP_BODY_LENGTH, 3, HTTP_BODY_LENGTH, &limits);
	assert_int_equal(write(from.fd, "abcHTTP/1.1 200", 15), 15);
	assert_int_equal(flow_run(&f, &from.conn, &to.conn, NULL, count, NULL),
			 FLOW_DONE);
	assert_true(f.has_surplus);
	flow_fini(&f);

	struct buf *rest = NULL;
	from.conn.is_readable = true;
	flow_init(&f, HTTP_BODY_LENGTH, 3, HTTP_BODY_LENGTH, &limits);
	assert_int_equal(write(from.fd, "abcGET /", 8), 8);
	assert_int_equal(flow_run(&f, &from.conn, &to.conn, &rest, count, NULL),
			 FLOW_DONE);
	assert_true(span_eq(buf_span(rest), SPAN("GET /")));
	buf_put(&self.bufs, &rest);
	flow_fini(&f);
	pair_close(&from);
	pair_close(&to);
}

static void
garbage_instead_of_a_chunk_is_bad(void **state)
{
	(void)state;
	char out[64];
	enum flow_end end;
	(void)carry(HTTP_BODY_CHUNKED, HTTP_BODY_CHUNKED, SPAN("zz\r\n"), 4, 0, out,
		    sizeof(out), &end);
	assert_int_equal(end, FLOW_BAD);
}

/* 8 MB against a receiver that takes 10,000 bytes at a time: every byte arrives, in
 * order, and what the flow keeps stays small. */
static void
a_slow_receiver_gets_every_byte_and_costs_little(void **state)
{
	(void)state;
	enum { TOTAL = 8 << 20 };
	struct pair from, to;
	struct flow f;
	static char block[65536], got[10000];
	size_t sent = 0, received = 0;
	pair_open(&from);
	pair_open(&to);
	flow_init(&f, HTTP_BODY_LENGTH, TOTAL, HTTP_BODY_LENGTH, &limits);
	counted = 0;
	while (received < TOTAL) {
		for (size_t i = 0; i < sizeof(block); i++)
			block[i] = (char)((sent + i) * 31 >> 3);
		size_t want = TOTAL - sent < sizeof(block) ? TOTAL - sent : sizeof(block);
		ssize_t w = want ? write(from.fd, block, want) : 0;
		sent += w > 0 ? (size_t)w : 0;
		from.conn.is_readable = to.conn.is_writable = true;
		enum flow_end end = flow_run(&f, &from.conn, &to.conn, NULL, count, NULL);
		assert_true(end == FLOW_WAIT || end == FLOW_YIELD || end == FLOW_DONE);
		assert_in_range(buf_len(f.pending), 0, 160 * 1024);
		ssize_t r = read(to.fd, got, sizeof(got));
		for (ssize_t i = 0; i < r; i++)
			if (got[i] != (char)((received + (size_t)i) * 31 >> 3))
				fail_msg("byte %zu differs", received + (size_t)i);
		received += r > 0 ? (size_t)r : 0;
	}
	assert_true(flow_is_done(&f));
	assert_int_equal(counted, TOTAL);
	flow_fini(&f);
	pair_close(&from);
	pair_close(&to);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			chunks_are_rewritten_and_decode_to_the_same_at_every_split),
		cmocka_unit_test(a_body_until_close_becomes_chunks_with_an_end),
		cmocka_unit_test(a_short_body_is_never_taken_for_a_whole_one),
		cmocka_unit_test(bytes_behind_the_body_are_noticed),
		cmocka_unit_test(garbage_instead_of_a_chunk_is_bad),
		cmocka_unit_test(a_slow_receiver_gets_every_byte_and_costs_little),
	};
	return cmocka_run_group_tests(tests, set_up, NULL);
}
