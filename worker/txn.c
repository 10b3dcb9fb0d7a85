/* SPDX-License-Identifier: MIT
 *
 * Life of a txn: one HTTP request, or one TCP session, from its first byte to its log
 * line. Worker. Owns the buffers and flows of the exchange and holds the gauges of
 * backend and server.
 */
#include <errno.h>

#include "config/retry.h"
#include "lib/base/clock.h"
#include "worker/idle.h"
#include "worker/observe.h"
#include "worker/origin.h"
#include "worker/pick/pick.h"
#include "worker/track.h"
#include "worker/queue.h"
#include "worker/summary.h"

struct txn *
txn_new(struct session *s)
{
	struct txn *t = pool_get(&self.txns);
	if (!t)
		return NULL;
	memset(t, 0, sizeof(*t));
	t->s = s;
	t->fe = s->bind->fe;
	t->number = self.txns_made++;
	t->cursor = UINT64_MAX;
	t->start_us = s->since_us;
	t->wall_us = clock_wall_us() - (now_us() - s->since_us);
	flow_init(&t->up, HTTP_BODY_NONE, 0, HTTP_BODY_NONE, &t->fe->cfg->limits);
	flow_init(&t->down, HTTP_BODY_NONE, 0, HTTP_BODY_NONE, &t->fe->cfg->limits);
	s->txn = t;
	s->state = SESSION_BUSY;
	summary_state(s, SHM_SESSION_REQUEST);
	return t;
}

const struct cfg_timeouts *
txn_timeouts(const struct txn *t)
{
	return t->be ? &t->be->cfg->timeout : &t->fe->cfg->timeout;
}

struct txn_set *
txn_set_of(struct txn *t)
{
	if (!t->set && (t->set = pool_get(&self.txn_sets)))
		memset(t->set, 0, sizeof(*t->set));
	return t->set;
}

uint64_t
txn_timeout_ms(const struct txn *t, unsigned which)
{
	const struct cfg_timeouts *to = txn_timeouts(t);
	const uint64_t configured_ms[CFG_TIMEOUTS_N] = {
		[CFG_TIMEOUT_CLIENT] = t->fe->cfg->timeout.client_ms,
		[CFG_TIMEOUT_CONNECT] = to->connect_ms,
		[CFG_TIMEOUT_QUEUE] = to->queue_ms,
		[CFG_TIMEOUT_SERVER] = to->server_ms,
		[CFG_TIMEOUT_TARPIT] = to->tarpit_ms,
		[CFG_TIMEOUT_TUNNEL] = to->tunnel_ms,
	};
	return t->set && t->set->has_timeout & 1u << which ? t->set->timeout_ms[which]
							   : configured_ms[which];
}

uint8_t
txn_retries(const struct txn *t)
{
	uint32_t n = t->be->cfg->retries;
	return t->set && t->set->has_retries ? t->set->retries
					     : (uint8_t)(n < 255 ? n : 255);
}

void
txn_lead_to(struct txn *t, struct rt_backend *be)
{
	t->be = be;
	if (be && !t->holds_backend) {
		(void)shm_gauge_take(self.shm, be->shm.gauge, 0);
		t->holds_backend = true;
	}
	if (!t->set || !be || be->cfg == t->fe->cfg ||
	    !(t->fe->cfg->caps & CFG_CAP_BACKEND))
		return;
	t->set->has_timeout &= 1 << CFG_TIMEOUT_CLIENT | 1 << CFG_TIMEOUT_TARPIT;
	t->set->has_retries = false;
}

/* Large transfers show while they go on, at little cost. */
static void
count_tracked(struct txn *t)
{
	enum { OFTEN = 1 << 20 };
	if (track_has_any(t) &&
	    t->bytes_in + t->bytes_out - t->tracked_in - t->tracked_out >= OFTEN)
		track_bytes(t);
}

void
txn_count_in(struct txn *t, uint64_t n)
{
	t->bytes_in += n;
	shm_count(&self.global, SHM_GLOBAL_bytes_in, n);
	shm_count(&t->fe->shm, SHM_FRONTEND_bin, n);
	shm_count(&t->s->bind->shm, SHM_LISTENER_bin, n);
	if (t->be)
		shm_count(&t->be->shm, SHM_BACKEND_bin, n);
	if (t->srv)
		shm_count(&t->srv->shm, SHM_SERVER_bin, n);
	count_tracked(t);
}

void
txn_count_out(struct txn *t, uint64_t n)
{
	t->bytes_out += n;
	shm_count(&self.global, SHM_GLOBAL_bytes_out, n);
	shm_count(&t->fe->shm, SHM_FRONTEND_bout, n);
	shm_count(&t->s->bind->shm, SHM_LISTENER_bout, n);
	if (t->be)
		shm_count(&t->be->shm, SHM_BACKEND_bout, n);
	if (t->srv)
		shm_count(&t->srv->shm, SHM_SERVER_bout, n);
	count_tracked(t);
}

/* The rows hrsp_1xx .. hrsp_5xx, hrsp_other follow each other in counters.def. */
static unsigned
class_of(int status)
{
	return status >= 100 && status < 600 ? (unsigned)status / 100 - 1 : 5;
}

void
txn_count_status(struct txn *t, int status)
{
	unsigned i = class_of(status);
	shm_count(&t->fe->shm, SHM_FRONTEND_hrsp_1xx + i, 1);
	if (t->be)
		shm_count(&t->be->shm, SHM_BACKEND_hrsp_1xx + i, 1);
}

void
txn_count_server_status(struct txn *t, int status)
{
	shm_count(&t->srv->shm, SHM_SERVER_hrsp_1xx + class_of(status), 1);
	if (status >= 200)
		shm_count(&t->srv->shm, SHM_SERVER_req_tot, 1);
}

void
txn_count_up(void *arg, uint64_t n)
{
	txn_count_in(arg, n);
}

static void
count_down(void *arg, uint64_t n)
{
	txn_count_out(arg, n);
}

enum flow_end
txn_run_up(struct txn *t, struct buf **rest)
{
	return flow_run(&t->up, &t->s->client, &t->origin->conn, rest, txn_count_up, t);
}

enum flow_end
txn_keep_body(struct txn *t)
{
	struct net_conn nowhere = {.is_writable = false}; /* what is read stays pending */
	enum flow_end end =
		flow_run(&t->up, &t->s->client, &nowhere, &t->s->in, txn_count_up, t);
	struct span s = buf_span(t->up.pending);
	if (s.n == 0)
		return end;
	t->is_kept = buf_len(t->head) + s.n <= TXN_KEEP_BYTES &&
		     buf_append(&self.bufs, &t->head, s.p, s.n);
	t->up.blocked_at_ms = 0;
	if (t->is_kept)
		buf_put(&self.bufs, &t->up.pending);
	return FLOW_DONE;
}

enum flow_end
txn_run_down(struct txn *t)
{
	return flow_run(&t->down, &t->origin->conn, &t->s->client, NULL, count_down, t);
}

void
txn_arm(struct txn *t)
{
	uint64_t at = t->client_deadline_ms;
	if (t->server_deadline_ms && (!at || t->server_deadline_ms < at))
		at = t->server_deadline_ms;
	if (t->look_at_ms && (!at || t->look_at_ms < at))
		at = t->look_at_ms;
	net_timer_set(self.loop, &t->s->timer, at);
	summary_rest(t);
}

/* option abortonclose: who has finished sending does not want the answer any more. */
static bool
is_given_up(const struct txn *t)
{
	return t->s->client.is_hungup && t->phase < PHASE_DATA && t->be &&
	       t->be->cfg->options & CFG_OPT_ABORTONCLOSE;
}

/* Who waits for a server's answer may still read that none comes: as in HAProxy a 400,
 * which is in the log even when nobody is there to read it. */
static void
give_up(struct txn *t)
{
	if (t->phase != PHASE_HEADERS || t->s->is_tcp) {
		txn_abort(t, STOP_client_abort);
		return;
	}
	t->s->say_close = true;
	reply_error(t, 400, STOP_client_abort);
}

void
txn_run(struct txn *t)
{
	t->look_at_ms = 0;
	if (t->is_reply)
		reply_run(t);
	else if (is_given_up(t))
		give_up(t);
	else if (t->is_parked)
		request_collect(t);
	else if (t->s->is_tcp)
		tcp_run(t);
	else
		http_run(t);
}

/* Counts why it ended, where it matters to somebody. */
static void
count_stop(const struct txn *t)
{
	bool client = t->stop == STOP_client_abort || t->stop == STOP_client_timeout;
	bool server = t->stop == STOP_server_abort || t->stop == STOP_server_timeout ||
		      t->stop == STOP_reuse_race;
	if (t->stop >= STOP_client_abort) /* the rows follow each other in stop.def */
		shm_count(&t->fe->shm,
			  SHM_FRONTEND_stop_client_abort + t->stop - STOP_client_abort,
			  1);
	if ((client && t->phase == PHASE_REQUEST) || t->stop == STOP_bad_request)
		shm_count(&t->fe->shm, SHM_FRONTEND_ereq, 1);
	bool is_own = !t->be || t->be->cfg == t->fe->cfg; /* a listen is both */
	if (is_own && (t->stop == STOP_answered_here || t->is_stats))
		shm_count(&t->fe->shm, SHM_FRONTEND_intercepted, 1);
	if (!t->be)
		return;
	if (client)
		shm_count(&t->be->shm, SHM_BACKEND_cli_abrt, 1);
	if (server && t->phase >= PHASE_DATA)
		shm_count(&t->be->shm, SHM_BACKEND_srv_abrt, 1);
	if ((server && t->phase == PHASE_HEADERS) || t->stop == STOP_bad_response)
		shm_count(&t->be->shm, SHM_BACKEND_eresp, 1);
	if (!t->srv)
		return;
	if (client)
		shm_count(&t->srv->shm, SHM_SERVER_cli_abrt, 1);
	if (server && t->phase >= PHASE_DATA)
		shm_count(&t->srv->shm, SHM_SERVER_srv_abrt, 1);
	if ((server && t->phase == PHASE_HEADERS) || t->stop == STOP_bad_response) {
		shm_count(&t->srv->shm, SHM_SERVER_eresp, 1);
		pick_note(t, true);
		if (t->stop == STOP_server_timeout)
			observe(t, SHM_OBSERVED_TIMEOUT);
		else if (t->stop == STOP_bad_response)
			observe(t, SHM_OBSERVED_BAD_ANSWER);
		else
			observe_end(t);
	}
}

/* Everything but the client's connection. */
static void
finish(struct txn *t, enum stop stop)
{
	t->stop = (uint8_t)stop;
	count_stop(t);
	summary_count(t);
	if (track_has_any(t))
		track_bytes(t);
	if (!t->no_log)
		access_log(t);
	if (t->origin) {
		struct origin *o = t->origin;
		if (t->down.has_surplus)
			idle_distrust(o->srv);
		bool is_clean = stop == STOP_normal && t->keep_origin &&
				flow_is_done(&t->up) && flow_is_done(&t->down) &&
				!t->down.has_surplus;
		t->origin = NULL;
		if (is_clean)
			idle_put(o, t);
		else
			origin_close(o);
	}
	dispatch_release(t);
	flow_fini(&t->up);
	flow_fini(&t->down);
	buf_put(&self.bufs, &t->head);
	buf_put(&self.bufs, &t->res_in);
	buf_put(&self.bufs, &t->parked);
	buf_put(&self.bufs, &t->body);
	buf_put(&self.bufs, &t->line);
	buf_put(&self.bufs, &t->vars);
	buf_put(&self.bufs, &t->stores);
	if (t->trackers)
		track_end(&t->trackers);
	buf_put(&self.bufs, &t->kept);
	if (!t->set)
		return;
	if (t->set->has_peer)
		t->s->peer = t->set->peer;
	pool_put(&self.txn_sets, t->set);
	t->set = NULL;
}

void
txn_end(struct txn *t, enum stop stop)
{
	struct session *s = t->s;
	bool keep = t->keep_client && !s->say_close && !s->client.is_shut;
	/* what the client may still be sending: the rest of this body, pipelined requests
	 */
	bool may_send = !t->up.is_source_done || t->expects_keep ||
			s->client.is_readable || buf_len(s->in) || t->is_request_bad;
	finish(t, stop);
	net_loop_bury(self.loop, &self.txns, t);
	s->txn = NULL;
	session_next(s, keep && t->up.is_source_done, may_send);
}

static bool
has_unread(const struct net_conn *c)
{
	char byte;
	return recv(c->watch.fd, &byte, 1, MSG_PEEK) > 0;
}

void
txn_abort(struct txn *t, enum stop stop)
{
	struct session *s = t->s;
	/* where only the close delimits, a FIN would make a cut answer look complete */
	bool with_reset =
		stop != STOP_normal && t->phase >= PHASE_DATA &&
		(t->down.out == HTTP_BODY_CLOSE || t->down.out == HTTP_BODY_TUNNEL);
	/* who got no server is told so by a FIN; unread bytes would make it a reset */
	bool is_dismissed = s->is_tcp && t->phase < PHASE_DATA &&
			    stop != STOP_client_abort && has_unread(&s->client);
	finish(t, stop);
	net_loop_bury(self.loop, &self.txns, t);
	if (is_dismissed)
		session_next(s, false, true);
	else
		session_close(s, with_reset);
}

/* The answer when nothing was sent to the client yet. */
static void
timeout_without_answer(struct txn *t, bool client_late)
{
	if (t->phase == PHASE_CONNECT && !client_late) {
		dispatch_connect_failed(t, ETIMEDOUT);
		return;
	}
	if (!client_late && dispatch_retry_on(t, RETRY_RESPONSE_TIMEOUT))
		return;
	if (!client_late) { /* who asked is not to blame: kept if the request is whole */
		reply_error(t, 504, STOP_server_timeout);
		return;
	}
	t->s->say_close = true;
	reply_error(t, 408, STOP_client_timeout);
}

void
txn_timeout(struct txn *t)
{
	bool client_late = t->client_deadline_ms && t->client_deadline_ms <= now_ms();
	bool server_late = t->server_deadline_ms && t->server_deadline_ms <= now_ms();
	if (t->is_waiting && server_late) {
		queue_timeout(t);
	} else if (t->is_turnaround && server_late) {
		t->is_turnaround = false;
		dispatch_retry(t);
	} else if (!client_late && !server_late) {
		txn_run(t); /* look_at_ms */
	} else if (t->s->is_tcp || t->head_forwarded || t->is_reply) {
		if (t->phase == PHASE_CONNECT && !client_late)
			dispatch_connect_failed(t, ETIMEDOUT);
		else
			txn_abort(t, client_late ? STOP_client_timeout
						 : STOP_server_timeout);
	} else {
		timeout_without_answer(t, client_late);
	}
}
