/* SPDX-License-Identifier: MIT
 *
 * Life of a client connection: accepted, idle, reading a head, busy with a txn,
 * lingering, closed. Worker. A session holds one of the global, the frontend's and the
 * listener's connection gauges each (taken by accept.c).
 */
#include "worker/session.h"

#include "worker/rules/rules.h"

#include <unistd.h>

#include "worker/idle.h"
#include "worker/limits.h"
#include "worker/summary.h"
#include "worker/track.h"

enum {
	LINGER_MS = 2000, /* for a client that still sends after our last byte */
	LINGER_BYTES = 4 * 1024 * 1024,
};

static struct addr
addr_of(const union session_addr *u)
{
	struct addr a;
	addr_from_sockaddr(&a, &u->sa, sizeof(*u));
	return a;
}

struct addr
session_dst_of_connection(const struct session *s)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	struct addr a = {.kind = ADDR_NONE};
	if (s->ends && s->ends->has_fc_dst)
		return addr_of(&s->ends->fc_dst);
	if (getsockname(s->client.watch.fd, (struct sockaddr *)&ss, &len) == 0)
		addr_from_sockaddr(&a, (struct sockaddr *)&ss, len);
	return a;
}

struct addr
session_dst(const struct session *s)
{
	const struct txn_set *set = s->txn ? s->txn->set : NULL;
	if (set && set->has_dst)
		return addr_of(&set->dst);
	if (s->ends && s->ends->has_dst)
		return addr_of(&s->ends->dst);
	return session_dst_of_connection(s);
}

union session_addr
session_addr_of(const struct addr *a)
{
	union session_addr u = {.sa = {.sa_family = AF_UNSPEC}};
	if (a->kind == ADDR_INET)
		u.in = a->u.in;
	else if (a->kind == ADDR_INET6)
		u.in6 = a->u.in6;
	return u;
}

struct session_ends *
session_ends_of(struct session *s)
{
	if (!s->ends && (s->ends = pool_get(&self.session_ends)))
		memset(s->ends, 0, sizeof(*s->ends));
	return s->ends;
}

void
session_keep_fc_src(const struct session *s, struct session_ends *ends)
{
	if (!ends->has_fc_src)
		ends->fc_src = s->peer;
	ends->has_fc_src = true;
}

struct session *
session_of(struct net_watch *w)
{
	return list_entry(w, struct session, client.watch);
}

void
session_close(struct session *s, bool with_reset)
{
	struct rt_listener *bind = s->bind;
	net_timer_remove(&s->timer);
	net_task_cancel(&s->task);
	list_remove(&s->node);
	idle_leave(s);
	buf_put(&self.bufs, &s->in);
	buf_put(&self.bufs, &s->vars);
	if (s->ends) {
		buf_put(&self.bufs, &s->ends->tlvs);
		pool_put(&self.session_ends, s->ends);
	}
	if (s->trackers)
		track_end(&s->trackers);
	summary_end(s);
	net_conn_close(&s->client, with_reset);
	net_loop_bury(self.loop, &self.sessions, s);
	limits_give(bind);
	self.conns_n--;
	if (self.is_draining)
		drain_check();
}

/* Discards what the client sends until it closes: closing at once would turn unread bytes
 * into a reset that destroys our answer on its way (RFC 9112 9.6). */
static void
linger_read(struct session *s)
{
	size_t n, total = 0;
	while (s->client.is_readable && total < LINGER_BYTES) {
		enum net_io io = net_conn_read(&s->client, self.rx, WORKER_RX_BYTES, &n);
		if (io == NET_CLOSED || io == NET_FAILED) {
			session_close(s, false);
			return;
		}
		total += n;
	}
	if (total >= LINGER_BYTES)
		session_close(s, false);
	else
		net_conn_await(self.loop, &s->client);
}

static void
linger(struct session *s)
{
	s->state = SESSION_LINGER;
	summary_state(s, SHM_SESSION_LINGER);
	buf_put(&self.bufs, &s->in);
	net_conn_shutdown(&s->client);
	net_timer_set(self.loop, &s->timer, now_ms() + LINGER_MS);
	linger_read(s);
}

/* Bytes behind a request that was to be the last, as far as is known. */
static bool
has_more(const struct session *s)
{
	return buf_len(s->in) > 0 || s->client.is_readable;
}

void
session_next(struct session *s, bool keep, bool client_may_send)
{
	s->txn = NULL;
	if (!keep) {
		if (!s->client.is_eof && (client_may_send || has_more(s)))
			linger(s);
		else
			session_close(s, false);
		return;
	}
	const struct cfg_timeouts *to = &s->bind->fe->cfg->timeout;
	uint64_t wait_ms =
		to->http_keep_alive_ms ? to->http_keep_alive_ms : to->http_request_ms;
	if (!wait_ms)
		wait_ms = to->client_ms;
	s->state = SESSION_IDLE;
	s->since_us = now_us();
	s->parsed = 0;
	summary_state(s, SHM_SESSION_IDLE);
	net_timer_set(self.loop, &s->timer, wait_ms ? now_ms() + wait_ms : 0);
	/* the next request, if it is here already, waits for its turn in the run queue */
	if (buf_len(s->in) || s->client.is_readable)
		net_task_schedule(self.loop, &s->task);
	else if (self.is_stopping)
		session_close(s, false);
	else
		net_conn_await(self.loop, &s->client);
}

/* Nobody is there to get an answer. A UNIX client that closes hangs up at once, though
 * what it sent is still to be read: a tunnel carries it to the end. */
static bool
is_lost(const struct session *s, uint32_t events)
{
	if (s->client.is_shut)
		return false;
	return events & EPOLLERR || (events & EPOLLHUP && !s->txn->is_tunnel);
}

static void
session_ready(struct net_watch *w, uint32_t events)
{
	struct session *s = session_of(w);
	net_conn_note(&s->client, events);
	switch ((enum session_state)s->state) {
	case SESSION_PROXY:
		proxied_read(s);
		break;
	case SESSION_IDLE:
	case SESSION_HEAD:
		if (s->client.is_readable)
			request_read(s);
		break;
	case SESSION_BUSY:
		if (is_lost(s, events))
			txn_abort(s->txn, STOP_client_abort);
		else
			txn_run(s->txn);
		break;
	case SESSION_LINGER:
		linger_read(s);
		break;
	}
}

static void
session_task(struct net_task *task)
{
	struct session *s = list_entry(task, struct session, task);
	if (s->state == SESSION_BUSY)
		txn_run(s->txn);
	else if (s->state != SESSION_LINGER)
		request_read(s);
}

static void
session_expired(struct net_timer *timer)
{
	struct session *s = list_entry(timer, struct session, timer);
	switch ((enum session_state)s->state) {
	case SESSION_PROXY:
		proxied_timeout(s);
		break;
	case SESSION_IDLE:
		if (s->requests_n)
			session_close(s, false);
		else
			request_timeout(s);
		break;
	case SESSION_HEAD:
		request_timeout(s);
		break;
	case SESSION_BUSY:
		txn_timeout(s->txn);
		break;
	case SESSION_LINGER:
		session_close(s, false);
		break;
	}
}

void
session_begin(struct session *s)
{
	const struct cfg_timeouts *to = &s->bind->fe->cfg->timeout;
	if (rules_connection(s, CFG_RULES_SESSION) == RULE_ENDED)
		return;
	if (s->trackers)
		track_session(s);
	if (s->is_tcp) {
		tcp_start(s);
		return;
	}
	uint64_t wait_ms = to->http_request_ms ? to->http_request_ms : to->client_ms;
	net_timer_set(self.loop, &s->timer, wait_ms ? now_ms() + wait_ms : 0);
	request_read(s);
}

void
session_new(int fd, struct rt_listener *bind, const struct sockaddr *sa, socklen_t len)
{
	struct session *s = pool_get(&self.sessions);
	if (!s) {
		close(fd);
		limits_give(bind);
		return;
	}
	*s = (struct session){
		.bind = bind,
		.accepted_us = now_us(),
		.since_us = now_us(),
		.state = bind->cfg->accept_proxy ? SESSION_PROXY : SESSION_IDLE,
		.is_tcp = bind->fe->cfg->mode == CFG_MODE_TCP,
	};
	net_conn_init(&s->client, fd, session_ready);
	net_timer_init(&s->timer, session_expired);
	net_task_init(&s->task, session_task);
	list_add_back(&self.session_list, &s->node);
	list_init(&s->own);
	memcpy(&s->peer, sa, len < sizeof(s->peer) ? len : sizeof(s->peer));
	summary_begin(s);
	self.conns_n++;
	if (rules_connection(s, CFG_RULES_CONNECTION) == RULE_ENDED) {
		limits_no_session();
		return;
	}
	shm_count(&bind->fe->shm, SHM_FRONTEND_stot, 1);
	shm_count(&bind->shm, SHM_LISTENER_stot, 1);
	if (s->state == SESSION_PROXY)
		proxied_read(s);
	else
		session_begin(s);
}
