/* SPDX-License-Identifier: MIT
 *
 * The exchange with the server, in HTTP mode: request up, response down, tunnels. Called
 * for every event of either side; each call moves what can be moved. Worker.
 */
#include <errno.h>

#include "worker/observe.h"
#include "worker/offence.h"
#include "worker/origin.h"

enum {
	STARVED_MS = 10,
	/* A client that waits for its answer has nothing to say: a connection that is
	 * closed after a request that is served in this time never enters epoll. Later we
	 * want to know when the client goes away. */
	LAZY_MS = 100,
};

static uint64_t
deadline(uint64_t timeout_ms)
{
	return timeout_ms ? now_ms() + timeout_ms : 0;
}

/* One side's deadline: it runs while we wait for that side, anew whenever it did
 * something (the mark tells). */
static void
set_limit(uint64_t *deadline_ms, uint64_t *mark, bool is_awaited, uint64_t now_at,
	  uint64_t timeout_ms)
{
	if (!is_awaited)
		*deadline_ms = 0;
	else if (!*deadline_ms || *mark != now_at)
		*deadline_ms = deadline(timeout_ms);
	*mark = now_at;
}

/* Who is late if nothing happens now. Bytes that are held wait for their receiver, else
 * a flow waits for its source; and a server that has everything owes an answer. */
static void
set_limits(struct txn *t)
{
	if (t->phase == PHASE_CONNECT)
		return; /* timeout connect, and the client waits like us */
	bool up_held = !t->up_broken &&
		       (t->head_sent < buf_len(t->head) || !flow_is_flushed(&t->up));
	bool up_open = !t->up_broken && !flow_is_done(&t->up);
	bool down_held = !flow_is_flushed(&t->down);
	bool owes =
		!down_held && (t->head_forwarded ? !t->down.is_source_done : !up_open);
	set_limit(&t->client_deadline_ms, &t->client_mark,
		  down_held || (up_open && !up_held),
		  t->up.taken + flow_delivered(&t->down), txn_client_ms(t));
	set_limit(&t->server_deadline_ms, &t->server_mark, up_held || owes,
		  flow_delivered(&t->up) + t->down.taken, txn_server_ms(t));
}

void
http_wait(struct txn *t, enum flow_end why)
{
	if (why == FLOW_YIELD)
		net_task_schedule(self.loop, &t->s->task);
	net_conn_await(self.loop, &t->origin->conn);
	bool is_needed = !t->up.is_source_done || t->head_forwarded || t->down.pending ||
			 t->be->cfg->options & CFG_OPT_ABORTONCLOSE ||
			 now_us() - t->start_us > LAZY_MS * 1000;
	if (is_needed)
		net_conn_await(self.loop, &t->s->client);
	if (why == FLOW_STARVED)
		t->look_at_ms = now_ms() + STARVED_MS;
	else if (!t->s->client.watch.is_registered && !t->look_at_ms)
		t->look_at_ms = now_ms() + LAZY_MS;
	set_limits(t);
	txn_arm(t);
}

/* The first byte went out: so the connection is established. */
static void
connected(struct txn *t)
{
	t->origin->is_connected = true;
	observe(t, SHM_OBSERVED_CONNECTED);
	if (!t->connected_us)
		t->connected_us = now_us();
	t->phase = PHASE_HEADERS;
	t->server_deadline_ms = deadline(txn_server_ms(t));
}

/* The PROXY header goes first. false: not yet, or t is gone. */
static __attribute__((noinline)) bool
introduced(struct txn *t)
{
	switch (origin_introduce(t->origin, false)) {
	case NET_DONE:
		return true;
	case NET_AGAIN:
		http_wait(t, FLOW_WAIT);
		return false;
	case NET_CLOSED:
	case NET_FAILED:
		dispatch_connect_failed(t, errno);
		return false;
	}
	return false;
}

/* The head, and body bytes that came with it. false: t is gone or must wait; a server may
 * answer before it has read them all. */
static bool
send_head(struct txn *t)
{
	struct origin *o = t->origin;
	size_t sent;
	if (!o->conn.is_writable) {
		http_wait(t, FLOW_WAIT);
		return o->is_connected;
	}
	if (o->owes_header && !introduced(t))
		return false;
	struct span s = buf_span(t->head);
	enum net_io io =
		net_conn_write(&o->conn, s.p + t->head_sent, s.n - t->head_sent, &sent);
	t->head_sent += (uint32_t)sent;
	if (io == NET_FAILED && !o->is_connected) {
		dispatch_connect_failed(t, errno);
		return false;
	}
	if (sent && !o->is_connected)
		connected(t);
	if (io == NET_FAILED)
		t->up_broken = true;
	if (io == NET_AGAIN) {
		http_wait(t, FLOW_WAIT);
		return o->is_connected;
	}
	return true;
}

/* One that has only finished sending may still read that its request was incomplete
 * (RFC 9112 8). */
void
http_up_failed(struct txn *t, enum flow_end end)
{
	if (end == FLOW_BAD)
		offence_request_body(t);
	if (end == FLOW_BAD && !t->head_forwarded)
		reply_reject(t, t->up.why);
	else if (end == FLOW_SRC_EOF && !t->head_forwarded)
		reply_error(t, 400, STOP_client_abort);
	else
		txn_abort(t, end == FLOW_BAD ? STOP_bad_request : STOP_client_abort);
}

/* Sends what there is of the request. false: t is gone. */
static bool
run_up(struct txn *t)
{
	enum flow_end end;
	do {
		if (t->head_sent < buf_len(t->head)) {
			if (!send_head(t))
				return false;
			if (t->head_sent < buf_len(t->head) && !t->up_broken)
				return true;
		}
		if (flow_is_done(&t->up) || t->up_broken)
			return true;
		end = t->is_kept ? txn_keep_body(t) : txn_run_up(t, &t->s->in);
	} while (end == FLOW_DONE && (t->head_sent < buf_len(t->head) || t->up.pending));
	switch (end) {
	case FLOW_DONE:
		return true;
	case FLOW_WAIT:
	case FLOW_YIELD:
	case FLOW_STARVED:
		http_wait(t, end);
		return true;
	case FLOW_DST_FAILED:
		t->up_broken = true; /* it may have answered before it stopped reading */
		t->origin->conn.is_readable = true;
		return true;
	case FLOW_SRC_EOF:
	case FLOW_SRC_FAILED:
	case FLOW_BAD:
		http_up_failed(t, end);
		return false;
	}
	return false;
}

/* Everything of the response has been received and sent. */
static void
response_done(struct txn *t)
{
	if (!flow_is_done(&t->up))
		t->keep_client = t->keep_origin = false;
	txn_end(t, STOP_normal);
}

static void
run_down(struct txn *t)
{
	enum flow_end end = FLOW_DONE;
	if (!flow_is_done(&t->down))
		end = txn_run_down(t);
	switch (end) {
	case FLOW_DONE:
		response_done(t);
		break;
	case FLOW_WAIT:
	case FLOW_YIELD:
	case FLOW_STARVED:
		if (t->down.is_source_done)
			t->phase = PHASE_LAST;
		http_wait(t, end);
		break;
	case FLOW_SRC_EOF:
	case FLOW_SRC_FAILED:
		txn_abort(t, STOP_server_abort);
		break;
	case FLOW_DST_FAILED:
		txn_abort(t, STOP_client_abort);
		break;
	case FLOW_BAD:
		offence_response_body(t);
		txn_abort(t, STOP_bad_response);
		break;
	}
}

/* Interim answers that the client had no room for. false: t is gone. */
static bool
flush_interim(struct txn *t)
{
	struct net_conn *client = &t->s->client;
	if (flow_run(&t->down, client, client, NULL, NULL, NULL) != FLOW_DST_FAILED)
		return true;
	txn_abort(t, STOP_client_abort);
	return false;
}

void
http_run(struct txn *t)
{
	if (t->is_turnaround || !t->origin) {
		net_conn_await(self.loop, &t->s->client);
		return;
	}
	if (t->is_tunnel) {
		tcp_run(t);
		return;
	}
	if (!run_up(t))
		return;
	if (!t->head_forwarded && t->down.pending && !t->parked && !flush_interim(t))
		return;
	if (!t->head_forwarded && !response_read(t))
		return;
	if (t->is_tunnel)
		tcp_run(t);
	else
		run_down(t);
}
