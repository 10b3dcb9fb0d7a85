/* SPDX-License-Identifier: MIT
 *
 * One probe: its connection, its time, its end. Runs in the checker; owns the probe's
 * socket while it runs.
 *
 * Cheap, because 10,000 servers are probed every 2 s: what can be known without waiting
 * is asked first (on loopback the handshake is done when connect() returns, and the next
 * call finds that out), the response is read to a common buffer, sockets are used again.
 * Connections end with RST, so that no TIME_WAIT remains; the ACK of the handshake is
 * held back unless the server speaks first, so that checks that only connect never reach
 * its accept() (both as HAProxy).
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "checker/self.h"
#include "lib/base/clock.h"
#include "lib/base/must.h"
#include "lib/net/proxy_header.h"

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
set_limit(struct probe *p, uint64_t at_ms)
{
	p->deadline_ms = at_ms;
	net_timer_set(checker.loop, &p->timer, at_ms);
}

static uint64_t
inter_ms(const struct probe *p)
{
	return p->every_ms ? p->every_ms : p->users->cfg->inter_ms;
}

static void
limit_connect(struct probe *p)
{
	set_limit(p, net_loop_now_ms(checker.loop) +
			     least(p->proxy->timeout.connect_ms, inter_ms(p)));
}

static void
limit_response(struct probe *p)
{
	uint64_t check_ms = p->proxy->timeout.check_ms;
	uint64_t now_ms = net_loop_now_ms(checker.loop),
		 end_ms = p->start_ms + inter_ms(p);
	set_limit(p, check_ms	       ? now_ms + check_ms
		     : end_ms > now_ms ? end_ms
				       : now_ms + 1);
}

void
probe_limit(struct probe *p)
{
	limit_response(p);
}

/* --- ends ------------------------------------------------------------------------- */

void
probe_forget(struct probe *p)
{
	free(p->kept);
	p->kept = NULL;
	p->kept_bytes = p->kept_cap = 0;
}

static void
forget_out(struct probe *p)
{
	free(p->out_own);
	p->out_own = NULL;
	p->out = span_of(NULL, 0);
}

/* What a check that connects nowhere has of its own. */
static void
end_others(struct probe *p)
{
	if (p->check->kind == CFG_CHECK_ICMP)
		icmp_end(p);
	else if (p->check->kind == CFG_CHECK_EXTERNAL)
		external_end(p);
}

static void
hang_up(struct probe *p, bool has_passed)
{
	end_others(p);
	if (!has_passed || !reuse_keep(p))
		probe_socket_put(&p->socket, p->linger);
	probe_forget(p);
	forget_out(p);
	free(p->vars);
	p->vars = NULL;
	p->vars_used = 0;
	p->phase = PROBE_IDLE;
	schedule_release();
}

void
probe_finish(struct probe *p, struct probe_result *r)
{
	r->duration_ms = (uint32_t)((clock_mono_us() - p->start_us) / 1000);
	p->done(p, r); /* the server sees the end when what it said holds */
	hang_up(p, result_passed(r->id));
	schedule_next(p);
}

void
probe_finish_with(struct probe *p, enum result id, const char *info)
{
	struct probe_result r = {.id = id};
	probe_result_inform(&r, span_str(info));
	probe_finish(p, &r);
}

enum probe_go
probe_give_up(struct probe *p, int error)
{
	hang_up(p, false);
	tell_shortage(p->users, error);
	schedule_next(p);
	return PROBE_ENDED;
}

static bool
is_shortage(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOMEM ||
	       error == ENOBUFS || error == EADDRNOTAVAIL;
}

/* --- connecting ------------------------------------------------------------------- */

static struct addr
own_name(int fd)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	struct addr a = {.kind = ADDR_NONE};
	if (getsockname(fd, (struct sockaddr *)&ss, &len) == 0)
		addr_from_sockaddr(&a, (struct sockaddr *)&ss, len);
	return a;
}

/* proxy-protocol.txt: the ends of this very connection in version 1, for servers that
 * refuse UNKNOWN (2.1); LOCAL in version 2, unless a server does not know that. */
static enum probe_go
introduce(struct probe *p)
{
	char bytes[PROXY_HEADER_V1_BYTES];
	struct proxy_writer w = {.p = bytes, .cap = sizeof(bytes)};
	struct addr from = own_name(p->socket->watch.fd);
	if (p->introduces == 1) {
		proxy_write_v1(&w, &from, &p->to);
	} else {
		bool is_told = checker.in->cfg->global.pp2_never_send_local;
		proxy_write_v2(&w, is_told ? &from : NULL, &p->to);
		if (p->users->cfg->send_proxy.crc32c)
			(void)proxy_write_tlv(&w, PROXY_TLV_CRC32C, SPAN(""));
		proxy_write_v2_end(&w);
	}
	return probe_send(p, span_of(w.p, w.n));
}

/* Asks the kernel how far the connection is; several times is harmless. */
static enum probe_go
connect_step(struct probe *p, bool is_first)
{
	int r = connect(p->socket->watch.fd, &p->to.u.sa, p->to.len);
	bool is_under_way = r < 0 && errno == EINPROGRESS;
	if (is_under_way && is_first) /* on loopback it is done by now */
		r = connect(p->socket->watch.fd, &p->to.u.sa, p->to.len);
	if (r == 0 || errno == EISCONN) {
		p->phase = PROBE_TALKING;
		limit_response(p);
		return p->introduces ? introduce(p) : PROBE_DONE;
	}
	if (errno == EALREADY || errno == EINPROGRESS) {
		probe_socket_await(p->socket);
		return PROBE_WAIT;
	}
	if (errno == EAGAIN && p->to.kind == ADDR_UNIX) {
		uint64_t at_ms = net_loop_now_ms(checker.loop) + BACKLOG_RETRY_MS;
		net_timer_set(checker.loop, &p->timer,
			      at_ms < p->deadline_ms ? at_ms : p->deadline_ms);
		return PROBE_WAIT;
	}
	if (is_shortage(errno) || errno == EAGAIN)
		return probe_give_up(p, errno == EAGAIN ? EADDRNOTAVAIL : errno);
	script_failed(p, errno, is_first && !is_under_way);
	return PROBE_ENDED;
}

enum probe_go
probe_connect(struct probe *p, const struct addr *to, bool linger)
{
	int off = 0, type = p->check->is_datagram ? SOCK_DGRAM : SOCK_STREAM;
	probe_forget(p);
	forget_out(p);
	p->is_all = false;
	if (reuse_take(p, to)) {
		p->phase = PROBE_TALKING;
		limit_response(p);
		return PROBE_DONE;
	}
	probe_socket_put(&p->socket, p->linger);
	p->phase = PROBE_CONNECTING;
	p->linger = linger;
	p->to = *to;
	p->socket = probe_socket_get(to->u.sa.sa_family, type, p);
	if (!p->socket) {
		int error = errno;
		hang_up(p, false);
		tell_shortage(p->users, error);
		schedule_starved(p);
		return PROBE_ENDED;
	}
	if (to->kind != ADDR_UNIX && type == SOCK_STREAM && !linger && !p->is_listener)
		(void)setsockopt(p->socket->watch.fd, IPPROTO_TCP, TCP_QUICKACK, &off,
				 sizeof(off));
	limit_connect(p);
	return connect_step(p, true);
}

/* --- sending ------------------------------------------------------------------------ */

static enum probe_go
send_rest(struct probe *p)
{
	do {
		ssize_t n = send(p->socket->watch.fd, p->out.p, p->out.n, MSG_NOSIGNAL);
		if (n < 0 && errno == EAGAIN) {
			probe_socket_await(p->socket);
			return PROBE_WAIT;
		}
		if (n < 0) {
			script_failed(p, errno, false);
			return PROBE_ENDED;
		}
		p->out.p += n;
		p->out.n -= (size_t)n;
	} while (p->out.n);
	forget_out(p);
	return PROBE_DONE;
}

enum probe_go
probe_send(struct probe *p, struct span bytes)
{
	if (bytes.n == 0 && !p->check->is_datagram)
		return PROBE_DONE;
	p->out = bytes.p ? bytes : SPAN("");
	enum probe_go go = send_rest(p);
	if (go != PROBE_WAIT)
		return go;
	/* the caller's bytes may not last */
	p->out_own = must_alloc(p->out.n + 1);
	memcpy(p->out_own, p->out.p, p->out.n);
	p->out.p = p->out_own;
	return PROBE_WAIT;
}

/* --- reading ------------------------------------------------------------------------ */

/* Room behind what is kept. */
static void
make_room(struct probe *p, size_t n)
{
	size_t cap = p->kept_cap ? p->kept_cap : KEPT_BYTES_MIN;
	while (cap < p->kept_bytes + n)
		cap *= 2;
	if (cap != p->kept_cap) {
		p->kept = must_realloc(p->kept, cap);
		p->kept_cap = cap;
	}
}

enum probe_go
probe_read(struct probe *p)
{
	struct probe_socket *s = p->socket;
	if (!s->may_read || p->is_all || p->kept_bytes >= PROBE_RESPONSE_BYTES)
		return PROBE_WAIT;
	ssize_t n = recv(s->watch.fd, checker.scratch, sizeof(checker.scratch), 0);
	if (n < 0 && errno == EAGAIN) {
		s->may_read = false;
		return PROBE_WAIT;
	}
	if (n < 0) {
		script_failed(p, errno, false);
		return PROBE_ENDED;
	}
	if (n == 0 && reuse_retry(p))
		return PROBE_ENDED;
	if (n == 0 && s->type == SOCK_STREAM)
		p->is_all = true;
	make_room(p, (size_t)n);
	memcpy(p->kept + p->kept_bytes, checker.scratch, (size_t)n);
	p->kept_bytes += (size_t)n;
	return PROBE_DONE;
}

/* --- entries ------------------------------------------------------------------------ */

void
probe_ready(struct probe *p, uint32_t events)
{
	(void)events; /* a hint: the calls say what is the case */
	switch (p->phase) {
	case PROBE_IDLE:
	case PROBE_WAITING:
		return;
	case PROBE_CONNECTING:
		if (connect_step(p, false) != PROBE_DONE)
			return;
		p->step++;
		break;
	case PROBE_TALKING:
		if (!p->out.p)
			break;
		if (send_rest(p) != PROBE_DONE)
			return;
		p->step++;
		break;
	}
	script_run(p);
}

void
probe_start(struct probe *p)
{
	p->phase = PROBE_CONNECTING;
	p->start_ms = net_loop_now_ms(checker.loop);
	p->start_us = clock_mono_us();
	p->step = 0;
	p->linger = false;
	p->last = (struct probe_result){.id = RESULT_unknown};
	checker.probes_n++;
	shm_count(&checker.global, SHM_GLOBAL_checks_run, 1);
	if (p->check->kind == CFG_CHECK_ICMP)
		icmp_start(p);
	else if (p->check->kind == CFG_CHECK_EXTERNAL)
		external_start(p);
	else
		script_run(p);
}

void
probe_expired(struct probe *p)
{
	if (p->phase == PROBE_CONNECTING &&
	    net_loop_now_ms(checker.loop) < p->deadline_ms) {
		set_limit(p, p->deadline_ms);
		probe_ready(p, 0);
	} else {
		script_expired(p);
	}
}

void
probe_cancel(struct probe *p)
{
	if (p->phase == PROBE_WAITING)
		list_remove(&p->waiting);
	reuse_drop(p);
	if (p->phase == PROBE_IDLE || p->phase == PROBE_WAITING)
		p->phase = PROBE_IDLE;
	else
		hang_up(p, false);
}

void
probe_init(struct probe *p)
{
	list_init(&p->waiting);
	p->phase = PROBE_IDLE;
	p->done = outcome_take;
}
