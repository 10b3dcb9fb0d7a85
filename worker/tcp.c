/* SPDX-License-Identifier: MIT
 *
 * mode tcp, and tunnels after a 101: bytes both ways until both sides are done.
 * Half-close is honoured: the end of one direction is passed on, the other goes on.
 * Worker.
 */
#include <errno.h>

#include "worker/observe.h"
#include "worker/origin.h"
#include "worker/pick/pick.h"
#include "worker/stick.h"

void
tcp_start(struct session *s)
{
	struct txn *t = txn_new(s);
	if (!t) {
		session_close(s, false);
		return;
	}
	s->requests_n = 1;
	flow_init(&t->up, HTTP_BODY_TUNNEL, 0, HTTP_BODY_TUNNEL, &t->fe->cfg->limits);
	flow_init(&t->down, HTTP_BODY_TUNNEL, 0, HTTP_BODY_TUNNEL, &t->fe->cfg->limits);
	t->is_tunnel = true;
	t->inspects = INSPECT_FRONTEND;
	t->inspect_from_ms = now_ms();
	inspect_request(t);
}

/* The PROXY header goes first. false: not yet, or t is gone. */
static bool
introduced(struct txn *t)
{
	struct origin *o = t->origin;
	if (!o->owes_header)
		return true;
	switch (origin_introduce(o, true)) {
	case NET_DONE:
		return true;
	case NET_AGAIN:
		txn_arm(t);
		return false;
	case NET_CLOSED:
	case NET_FAILED:
		dispatch_connect_failed(t, errno);
		return false;
	}
	return false;
}

/* The connect is finished, one way or the other, when the socket becomes writable. */
static bool
established(struct txn *t)
{
	struct origin *o = t->origin;
	if (o->is_connected)
		return true;
	if (!o->conn.watch.is_registered || !o->conn.is_writable) {
		o->conn.is_writable = false;
		net_conn_await(self.loop, &o->conn);
		if (t->be->cfg->options & CFG_OPT_ABORTONCLOSE)
			net_conn_await(self.loop, &t->s->client);
		txn_arm(t);
		return false;
	}
	int error = o->conn.is_hungup ? net_conn_error(&o->conn) : 0;
	if (error) {
		dispatch_connect_failed(t, error);
		return false;
	}
	if (!introduced(t))
		return false;
	o->is_connected = true;
	t->connected_us = now_us();
	pick_note(t, false);
	observe(t, SHM_OBSERVED_CONNECTED);
	t->phase = PHASE_DATA;
	t->server_deadline_ms = 0;
	if (t->stores)
		stick_stores(t);
	access_log_early(t);
	return true;
}

static void
rearm(struct txn *t)
{
	const struct cfg_timeouts *to = txn_timeouts(t);
	uint64_t client_ms = txn_client_ms(t), server_ms = txn_server_ms(t);
	/* configuration.txt, timeout tunnel: it replaces the other two after an upgrade,
	 * and in mode tcp when somebody asked for it */
	if (to->tunnel_ms && (!t->s->is_tcp || t->be->cfg->has_tunnel_timeout))
		client_ms = server_ms = txn_timeout_ms(t, CFG_TIMEOUT_TUNNEL);
	/* "while one direction is already shut down" (timeout client-fin, server-fin) */
	bool is_half_closed = t->up.is_source_done || t->down.is_source_done;
	if (is_half_closed && to->client_fin_ms)
		client_ms = to->client_fin_ms;
	if (is_half_closed && to->server_fin_ms)
		server_ms = to->server_fin_ms;
	uint64_t mark = t->up.moved + flow_delivered(&t->up) + t->down.moved +
			flow_delivered(&t->down) + t->up.is_source_done +
			t->down.is_source_done;
	if (mark != t->client_mark ||
	    (!t->client_deadline_ms && !t->server_deadline_ms)) {
		t->client_mark = mark;
		t->client_deadline_ms = client_ms ? now_ms() + client_ms : 0;
		t->server_deadline_ms = server_ms ? now_ms() + server_ms : 0;
	}
}

/* The end of one direction goes on to the other side. */
static void
pass_fin(const struct flow *f, struct net_conn *to)
{
	if (flow_is_done(f))
		net_conn_shutdown(to);
}

static bool
is_broken(enum flow_end end)
{
	return end == FLOW_SRC_FAILED || end == FLOW_DST_FAILED || end == FLOW_SRC_EOF ||
	       end == FLOW_BAD;
}

void
tcp_run(struct txn *t)
{
	struct origin *o = t->origin;
	if (t->inspects) {
		inspect_request(t);
		return;
	}
	if (t->is_turnaround || !o) {
		net_conn_await(self.loop, &t->s->client);
		return;
	}
	if (!established(t))
		return;
	struct net_conn *client = &t->s->client, *server = &o->conn;
	enum flow_end up = FLOW_DONE, down = FLOW_DONE;
	enum inspect_end seen =
		t->inspects_response ? inspect_response(t) : INSPECT_PASSED;
	if (seen == INSPECT_GONE)
		return;
	if (!flow_is_done(&t->up))
		up = txn_run_up(t, NULL);
	if (seen == INSPECT_PASSED && !flow_is_done(&t->down))
		down = txn_run_down(t);
	if (flow_is_done(&t->up) && flow_is_done(&t->down)) {
		txn_abort(t, STOP_normal);
		return;
	}
	pass_fin(&t->up, server);
	pass_fin(&t->down, client);
	if (is_broken(up) || is_broken(down)) {
		bool by_client = up == FLOW_SRC_FAILED || down == FLOW_DST_FAILED;
		txn_abort(t, by_client ? STOP_client_abort : STOP_server_abort);
		return;
	}
	rearm(t);
	if (up == FLOW_STARVED || down == FLOW_STARVED)
		t->look_at_ms = now_ms() + 10;
	net_conn_await(self.loop, server);
	net_conn_await(self.loop, client);
	txn_arm(t);
	if (up == FLOW_YIELD || down == FLOW_YIELD)
		net_task_schedule(self.loop, &t->s->task);
}
