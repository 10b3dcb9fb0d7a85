/* SPDX-License-Identifier: MIT
 *
 * One probe: connect, for HTTP send and read, close. Runs in the checker; owns the
 * probe's socket while it runs.
 *
 * Cheap, because 10,000 servers are probed every 2 s: what can be known without waiting
 * is asked first (a second connect() tells whether the handshake is already done), the
 * socket enters epoll once or never, the response is read to a common buffer, sockets
 * are used again. Connections end with RST, so that no TIME_WAIT remains; the ACK of the
 * handshake is held back, so that TCP checks never reach a server's accept() (both as
 * HAProxy).
 */
#include "checker/self.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "checker/sockets.h"
#include "lib/base/clock.h"
#include "lib/base/must.h"

enum {
	/* A UNIX socket whose backlog is full says EAGAIN and never tells when it is not.
	 */
	BACKLOG_RETRY_MS = 10,
	KEPT_BYTES_MIN = 4096,
};

/* --- limits ---------------------------------------------------------------------- */

static uint64_t
least(uint64_t a_ms, uint64_t b_ms)
{
	return a_ms && a_ms < b_ms ? a_ms : b_ms;
}

/* configuration.txt, "timeout check": without it `inter` bounds the whole check; with it
 * connecting has min(timeout connect, inter) and the rest `timeout check`. A connect
 * longer than `timeout connect` is of no use to clients, so it bounds both cases. */
static void
set_limit(struct checked *c, uint64_t at_ms)
{
	c->deadline_ms = at_ms;
	net_timer_set(checker.loop, &c->timer, at_ms);
}

static void
limit_connect(struct checked *c)
{
	set_limit(c, c->start_ms +
			     least(c->group->cfg->timeout.connect_ms, c->cfg->inter_ms));
}

static void
limit_response(struct checked *c)
{
	uint64_t check_ms = c->group->cfg->timeout.check_ms;
	set_limit(c, check_ms ? net_loop_now_ms(checker.loop) + check_ms
			      : c->start_ms + c->cfg->inter_ms);
}

/* --- ends ------------------------------------------------------------------------- */

static void
hang_up(struct checked *c)
{
	net_watch_remove(checker.loop, &c->watch);
	probe_socket_put(c->cfg->check_addr.u.sa.sa_family, c->watch.fd);
	c->watch = (struct net_watch){.fd = -1};
	free(c->kept);
	c->kept = NULL;
	c->kept_bytes = c->kept_cap = 0;
	c->phase = PROBE_IDLE;
	schedule_release();
}

/* With a result in r, but for its duration. */
static void
finish(struct checked *c, struct probe_result *r)
{
	r->duration_ms = (uint32_t)((clock_mono_us() - c->start_us) / 1000);
	hang_up(c);
	outcome_take(c, r);
	schedule_next(c);
}

static void
finish_with(struct checked *c, enum result id, const char *info)
{
	struct probe_result r = {.id = id};
	probe_result_inform(&r, span_str(info));
	finish(c, &r);
}

/* This machine lacks something: no judgement over the server. */
static void
give_up(struct checked *c, int error)
{
	hang_up(c);
	outcome_skip(c, error);
	schedule_next(c);
}

static bool
is_shortage(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOMEM ||
	       error == ENOBUFS || error == EADDRNOTAVAIL;
}

static void
fail_connect(struct checked *c, int error)
{
	char info[PROBE_INFO_BYTES];
	switch (error) {
	case ECONNREFUSED:
	case ECONNRESET:
	case ECONNABORTED:
	case ENETUNREACH:
	case EHOSTUNREACH:
	case ENETDOWN:
	case EHOSTDOWN:
	case ETIMEDOUT:
	case EACCES:
	case EPERM:
	case EPIPE:
		finish_with(c, RESULT_l4_connection, strerror(error));
		return;
	}
	snprintf(info, sizeof(info), "General socket error (%s)", strerror(error));
	finish_with(c, RESULT_socket_error, info);
}

/* --- reading -------------------------------------------------------------------------
 */

static bool
judge(struct checked *c, struct span bytes, bool is_all)
{
	struct probe_result r = {.id = RESULT_unknown};
	const struct cfg_proxy *p = c->group->cfg;
	if (!judge_response(checker.judge, &p->check, &p->limits, bytes, is_all, &r))
		return false;
	finish(c, &r);
	return true;
}

/* Keeps what the common buffer holds, or makes room behind what is kept. */
static void
keep(struct checked *c, const char *p, size_t n)
{
	size_t cap = c->kept_cap ? c->kept_cap : KEPT_BYTES_MIN;
	while (cap < c->kept_bytes + n || (n == 0 && cap == c->kept_bytes))
		cap *= 2;
	if (cap != c->kept_cap) {
		c->kept = must_realloc(c->kept, cap);
		c->kept_cap = cap;
	}
	memcpy(c->kept + c->kept_bytes, p, n);
	c->kept_bytes += n;
}

/* One recv(); true when there may be more. */
static bool
read_some(struct checked *c)
{
	char *at = checker.scratch;
	size_t room = sizeof(checker.scratch);
	if (c->kept) {
		if (c->kept_bytes == c->kept_cap)
			keep(c, "", 0);
		at = c->kept + c->kept_bytes;
		room = c->kept_cap - c->kept_bytes;
	}
	ssize_t n = recv(c->watch.fd, at, room, 0);
	if (n < 0 && errno == EAGAIN)
		return false;
	if (n < 0) {
		finish_with(c, RESULT_socket_error, strerror(errno));
		return false;
	}
	if (!c->kept) {
		if (judge(c, span_of(at, (size_t)n), n == 0))
			return false;
		keep(c, at, (size_t)n);
		return true;
	}
	c->kept_bytes += (size_t)n;
	return !judge(c, span_of(c->kept, c->kept_bytes), n == 0);
}

/* --- connecting and sending
 * -------------------------------------------------------------- */

static void
await(struct checked *c)
{
	if (!c->watch.is_registered)
		net_watch_set(checker.loop, &c->watch,
			      EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
}

static void
send_request(struct checked *c)
{
	while (c->sent_bytes < c->request.n) {
		ssize_t n = send(c->watch.fd, c->request.p + c->sent_bytes,
				 c->request.n - c->sent_bytes, MSG_NOSIGNAL);
		if (n < 0 && errno == EAGAIN) {
			await(c);
			return;
		}
		if (n < 0) {
			finish_with(c, RESULT_socket_error, strerror(errno));
			return;
		}
		c->sent_bytes += (size_t)n;
	}
	c->phase = PROBE_READING;
	await(c);
}

static void
connected(struct checked *c)
{
	if (c->group->cfg->check.kind == CFG_CHECK_TCP) {
		finish_with(c, RESULT_l4_ok, "");
		return;
	}
	c->phase = PROBE_SENDING;
	c->sent_bytes = 0;
	limit_response(c);
	send_request(c);
}

/* Asks the kernel how far the connection is; several times is harmless. */
static void
connect_step(struct checked *c, bool is_first)
{
	const struct addr *to = &c->cfg->check_addr;
	int r = connect(c->watch.fd, &to->u.sa, to->len);
	if (r < 0 && errno == EINPROGRESS && is_first) /* on loopback it is done by now */
		r = connect(c->watch.fd, &to->u.sa, to->len);
	if (r == 0 || errno == EISCONN) {
		connected(c);
	} else if (errno == EALREADY || errno == EINPROGRESS) {
		await(c);
	} else if (errno == EAGAIN && to->kind == ADDR_UNIX) {
		uint64_t at_ms = net_loop_now_ms(checker.loop) + BACKLOG_RETRY_MS;
		net_timer_set(checker.loop, &c->timer,
			      at_ms < c->deadline_ms ? at_ms : c->deadline_ms);
	} else if (is_shortage(errno) || errno == EAGAIN) {
		give_up(c, errno == EAGAIN ? EADDRNOTAVAIL : errno);
	} else {
		fail_connect(c, errno);
	}
}

static void
ready(struct net_watch *w, uint32_t events)
{
	struct checked *c = list_entry(w, struct checked, watch);
	(void)events; /* a hint: the calls below say what is the case */
	switch (c->phase) {
	case PROBE_IDLE:
	case PROBE_WAITING:
		break;
	case PROBE_CONNECTING:
		connect_step(c, false);
		break;
	case PROBE_SENDING:
		send_request(c);
		break;
	case PROBE_READING:
		while (read_some(c))
			;
		break;
	}
}

/* --- entries
 * -------------------------------------------------------------------------------- */

void
probe_start(struct checked *c)
{
	int off = 0, family = c->cfg->check_addr.u.sa.sa_family;
	c->phase = PROBE_CONNECTING;
	c->start_ms = net_loop_now_ms(checker.loop);
	c->start_us = clock_mono_us();
	int fd = probe_socket_get(family);
	net_watch_init(&c->watch, fd, ready);
	if (fd < 0) {
		c->phase = PROBE_IDLE;
		outcome_skip(c, errno);
		schedule_starved(c);
		return;
	}
	checker.probes_n++;
	shm_count(&checker.global, SHM_GLOBAL_checks_run, 1);
	if (family != AF_UNIX)
		(void)setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &off, sizeof(off));
	limit_connect(c);
	connect_step(c, true);
}

void
probe_expired(struct checked *c)
{
	if (c->phase == PROBE_CONNECTING &&
	    net_loop_now_ms(checker.loop) < c->deadline_ms) {
		set_limit(c, c->deadline_ms);
		connect_step(c, false);
	} else if (c->phase == PROBE_CONNECTING) {
		finish_with(c, RESULT_l4_timeout, "");
	} else {
		finish_with(c, RESULT_l7_timeout, "");
	}
}

void
probe_cancel(struct checked *c)
{
	if (c->phase == PROBE_WAITING)
		list_remove(&c->waiting);
	if (c->phase == PROBE_IDLE || c->phase == PROBE_WAITING)
		c->phase = PROBE_IDLE;
	else
		hang_up(c);
}
