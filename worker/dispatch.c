/* SPDX-License-Identifier: MIT
 *
 * From a request to a server connection that carries it: choose, connect or reuse, retry
 * on the same server after a pause or on another one at once. Worker.
 */
#include <errno.h>

#include "config/retry.h"
#include "shm/budget.h"
#include "worker/idle.h"
#include "worker/observe.h"
#include "worker/origin.h"
#include "worker/pick/farm.h"
#include "worker/pick/persist.h"
#include "worker/pick/pick.h"
#include "worker/queue.h"

enum { TURNAROUND_MS = 1000 };

/* Its place at the server, and in a queue. */
static void
let_go(struct txn *t)
{
	if (t->srv)
		shm_gauge_give(self.shm, t->srv->shm.gauge);
	if (t->ticket || t->is_waiting)
		queue_leave(t);
	t->srv = NULL;
}

void
dispatch_release(struct txn *t)
{
	let_go(t);
	if (t->holds_backend)
		shm_gauge_give(self.shm, t->be->shm.gauge);
	t->holds_backend = false;
}

static void
assign(struct txn *t, struct rt_server *srv)
{
	(void)shm_gauge_take(self.shm, srv->shm.gauge, 0);
	if (!t->assigned_us) { /* what came before the server was known */
		t->assigned_us = now_us();
		shm_count(&srv->shm, SHM_SERVER_bin, t->bytes_in);
	}
	t->srv = srv;
	persist_assigned(t);
	t->s->last_srv = srv;
	if (srv != t->wanted) { /* nobody else said so */
		shm_count(&srv->shm, SHM_SERVER_lbtot, 1);
		shm_count(&t->be->shm, SHM_BACKEND_lbtot, 1);
	}
}

static struct origin *
take_idle(struct txn *t, struct rt_server *srv)
{
	bool may_reuse = !t->s->is_tcp && t->keep_origin && !t->wants_tunnel &&
			 !t->no_reuse && t->retries == 0;
	return may_reuse ? idle_take(srv, t) : NULL;
}

/* A slot of t->srv: with strict_maxconn it belongs to the connection for as long as that
 * lives. A reused one has its own. */
static void
place_slot(struct txn *t, struct origin *o)
{
	if (!t->srv->is_strict)
		return;
	if (o->slot) {
		queue_leave(t);
		return;
	}
	o->slot = t->ticket;
	t->ticket = 0;
}

/* Lets the protocol go on over o. */
static void
go_on(struct txn *t, struct origin *o)
{
	place_slot(t, o);
	if (t->be->cfg->send_name_header.n && !t->s->is_tcp && !name_header_write(t)) {
		origin_close(o);
		reply_error(t, 503, STOP_no_resources);
		return;
	}
	o->txn = t;
	o->is_private |= t->binds_origin;
	t->origin = o;
	t->sent_us = now_us();
	t->head_sent = 0;
	t->up_broken = false;
	t->phase = o->is_connected ? PHASE_HEADERS : PHASE_CONNECT;
	if (o->is_connected && !t->connected_us)
		t->connected_us = now_us();
	uint64_t wait_ms = o->is_connected ? txn_server_ms(t)
					   : txn_timeout_ms(t, CFG_TIMEOUT_CONNECT);
	t->server_deadline_ms = wait_ms ? now_ms() + wait_ms : 0;
	txn_run(t);
}

static void
reuse(struct txn *t, struct origin *o)
{
	t->on_reused = true;
	shm_count(&t->srv->shm, SHM_SERVER_stot, 1);
	shm_count(&t->srv->shm, SHM_SERVER_reuse, 1);
	shm_count(&t->be->shm, SHM_BACKEND_reuse, 1);
	go_on(t, o);
}

/* Opens or reuses a connection to t->srv. */
static void
connect_server(struct txn *t)
{
	struct origin *o = take_idle(t, t->srv);
	if (o) {
		reuse(t, o);
		return;
	}
	t->on_reused = false;
	shm_count(&t->srv->shm, SHM_SERVER_stot, 1); /* each attempt, as in HAProxy */
	o = origin_connect(t->srv, t);
	if (!o) {
		t->phase = PHASE_CONNECT;
		dispatch_connect_failed(t, errno);
		return;
	}
	shm_count(&t->srv->shm, SHM_SERVER_connect, 1);
	shm_count(&t->be->shm, SHM_BACKEND_connect, 1);
	go_on(t, o);
}

/* The one use_server names. Else configuration.txt, option prefer-last-server; the same
 * without it when the last answer was a challenge (401, 407): its connection may be what
 * is being authenticated. */
static struct rt_server *
preferred(const struct txn *t)
{
	if (t->wanted && t->wanted != t->avoid && farm_may_stick(t->wanted, t->is_forced))
		return t->wanted;
	struct rt_server *last = t->s->last_srv;
	bool is_wanted = t->s->sticks || t->be->cfg->options & CFG_OPT_PREFER_LAST_SERVER;
	if (!is_wanted || !last || last->be != t->be || last == t->avoid ||
	    balance_is_hash(t->be->cfg->balance.algorithm))
		return NULL;
	bool is_free =
		idle_has(last, t->s) && farm_is_usable(last) && !queue_is_full(last);
	return is_free ? last : NULL;
}

static void
refuse(struct txn *t)
{
	shm_count(&t->be->shm, SHM_BACKEND_econ, 1);
	if (t->s->is_tcp)
		txn_abort(t, STOP_no_server);
	else
		reply_error(t, 503, STOP_no_server);
}

void
dispatch_granted(struct txn *t, struct rt_server *srv)
{
	if (!srv) {
		let_go(t);
		dispatch_start(t);
		return;
	}
	t->phase = PHASE_CONNECT;
	t->queue_until_ms = 0;
	assign(t, srv);
	connect_server(t);
}

void
dispatch_start(struct txn *t)
{
	struct rt_server *srv = preferred(t);
	bool is_bound = srv && srv == t->wanted;
	if (srv) /* its limits as they are now */
		(void)farm_usable_n(t->be);
	else
		srv = pick_server(t);
	if (!t->has_earned) {
		t->has_earned = true;
		uint32_t percent = t->be->cfg->retry_budget.percent;
		if (percent)
			shm_budget_earn(&t->be->shm.backend->retries, percent);
	}
	t->phase = PHASE_CONNECT;
	if (t->srv && t->srv == srv) {
		connect_server(t);
		return;
	}
	let_go(t);
	/* strict_maxconn: an idle connection has its slot already */
	struct origin *o = srv && srv->is_strict && !queue_has_waiters(srv)
				   ? take_idle(t, srv)
				   : NULL;
	if (o) {
		assign(t, srv);
		reuse(t, o);
		return;
	}
	if (srv && !srv->is_limited)
		dispatch_granted(t, srv);
	else if (srv || farm_usable_n(t->be) > 0)
		queue_enter(t, srv, is_bound || t->has_hash);
	else
		refuse(t);
}

void
dispatch_retry(struct txn *t)
{
	if (t->srv && t->avoid != t->srv)
		connect_server(t);
	else
		dispatch_start(t);
}

/* HAProxy's rule (option redispatch): to another server on the last retry, or whenever
 * nothing binds the request to this one and there is another; a hash does bind. */
static bool
may_redispatch(const struct txn *t)
{
	const struct cfg_proxy *be = t->be->cfg;
	uint32_t usable_n = farm_usable_n(t->be);
	if (!(be->options & CFG_OPT_REDISPATCH) || t->is_forced || usable_n == 0 ||
	    (usable_n == 1 && farm_is_usable(t->srv)))
		return false;
	if (!t->has_hash && !persist_is_direct(t) && usable_n > 1)
		return true;
	int every = be->redispatch_interval;
	if (every > 0)
		return t->retries_left % every == 0;
	return t->retries_left + 1 <= -every;
}

static void
give_up(struct txn *t, int error)
{
	bool late = error == ETIMEDOUT;
	enum stop stop = late ? STOP_connect_timeout : STOP_connect_failed;
	if (error == EMFILE || error == ENFILE || error == ENOMEM ||
	    error == EADDRNOTAVAIL)
		stop = STOP_no_resources;
	if (t->s->is_tcp)
		txn_abort(t, stop);
	else
		reply_error(t, 503, stop);
}

static void
leave_origin(struct txn *t)
{
	struct origin *o = t->origin;
	t->origin = NULL;
	t->server_deadline_ms = 0;
	if (!o)
		return;
	if (o->slot) { /* for the next attempt */
		t->ticket = o->slot;
		o->slot = 0;
	}
	origin_close(o);
}

/* retry_budget */
static bool
may_spend(const struct txn *t)
{
	const struct cfg_retry_budget *c = &t->be->cfg->retry_budget;
	if (!c->percent ||
	    shm_budget_spend(&t->be->shm.backend->retries, c->min_rate, now_ms()))
		return true;
	shm_count(&t->be->shm, SHM_BACKEND_retry_refused, 1);
	return false;
}

static void
count_retry(struct txn *t)
{
	shm_count(&t->srv->shm, SHM_SERVER_wretr, 1);
	shm_count(&t->be->shm, SHM_BACKEND_wretr, 1);
}

/* On another server than `from`. */
static void
count_redispatch(struct txn *t, const struct rt_server *from)
{
	shm_count(&from->shm, SHM_SERVER_wredis, 1);
	shm_count(&t->be->shm, SHM_BACKEND_wredis, 1);
	t->is_redispatched = true;
}

void
dispatch_elsewhere(struct txn *t, const struct rt_server *full)
{
	count_redispatch(t, full);
	t->wanted = NULL;
	persist_lost(t);
	dispatch_start(t);
}

/* On another server, if that may be. */
static bool
redispatch(struct txn *t)
{
	if (!may_redispatch(t))
		return false;
	count_redispatch(t, t->srv);
	t->avoid = t->srv;
	t->cursor = UINT64_MAX; /* its turn is used up */
	dispatch_start(t);
	return true;
}

bool
dispatch_replay(struct txn *t)
{
	if (!t->is_replayable || t->head_forwarded || t->is_body_begun)
		return false;
	leave_origin(t);
	buf_put(&self.bufs, &t->res_in);
	t->res_parsed = 0;
	t->no_reuse = true;
	dispatch_retry(t);
	return true;
}

/* What a retry forgets. */
static void
observe_failure(const struct txn *t, uint32_t event)
{
	if (event == RETRY_EMPTY_RESPONSE)
		observe_end(t);
	else
		observe(t, event == RETRY_RESPONSE_TIMEOUT ? SHM_OBSERVED_TIMEOUT
			   : event == RETRY_JUNK_RESPONSE  ? SHM_OBSERVED_BAD_ANSWER
							   : SHM_OBSERVED_BAD_STATUS);
}

bool
dispatch_retry_on(struct txn *t, uint32_t event)
{
	if (!(t->be->cfg->retry_on & event) || !t->is_kept || t->no_l7_retry ||
	    t->head_forwarded || t->parked || t->retries_left == 0 || !may_spend(t))
		return false;
	pick_note(t, true);
	observe_failure(t, event);
	if (event == RETRY_JUNK_RESPONSE) {
		shm_count(&t->srv->shm, SHM_SERVER_eresp, 1);
		shm_count(&t->be->shm, SHM_BACKEND_eresp, 1);
	}
	leave_origin(t);
	buf_put(&self.bufs, &t->res_in);
	t->res_parsed = 0;
	t->retries_left--;
	t->retries++;
	count_retry(t);
	if (!redispatch(t))
		connect_server(t); /* at once: it is there */
	return true;
}

static bool
may_retry(const struct txn *t)
{
	return t->retries_left > 0 &&
	       (t->s->is_tcp || t->be->cfg->retry_on & RETRY_CONN_FAILURE) &&
	       may_spend(t);
}

void
dispatch_connect_failed(struct txn *t, int error)
{
	pick_note(t, true);
	observe(t, SHM_OBSERVED_NO_CONNECTION);
	leave_origin(t);
	if (!may_retry(t)) {
		/* counted once per request that could not be placed, as HAProxy does */
		shm_count(&t->be->shm, SHM_BACKEND_econ, 1);
		shm_count(&t->srv->shm, SHM_SERVER_econ, 1);
		give_up(t, error);
		return;
	}
	t->retries_left--;
	t->retries++;
	if (redispatch(t))
		return;
	count_retry(t);
	/* the same server again, but not at once: give it time to come back */
	uint64_t wait_ms = txn_timeout_ms(t, CFG_TIMEOUT_CONNECT);
	if (!wait_ms || wait_ms > TURNAROUND_MS)
		wait_ms = TURNAROUND_MS;
	t->is_turnaround = true;
	t->server_deadline_ms = now_ms() + wait_ms;
	txn_arm(t);
	net_conn_await(self.loop, &t->s->client);
}
