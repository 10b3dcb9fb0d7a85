/* SPDX-License-Identifier: MIT
 *
 * Leaving: no new connections, finish what runs, close the rest spread over the end of
 * the drain time. Worker. A reload never closes an idle client connection unannounced:
 * its next answer says "Connection: close", or its keep-alive timeout ends it. A stop
 * closes idle connections at once: nobody will answer them any more.
 */
#include "shm/slots.h"
#include "worker/idle.h"
#include "worker/session.h"

enum { DRAIN_ROUND_MS = 100, STOP_IDLE_MS = 1000 };

/* Closes the oldest n sessions, whatever they do. */
static void
close_some(uint32_t n)
{
	while (n-- > 0 && !list_is_empty(&self.session_list)) {
		struct session *s =
			list_entry(self.session_list.next, struct session, node);
		if (s->state == SESSION_BUSY)
			txn_abort(s->txn, STOP_drain_limit);
		else
			session_close(s, false);
	}
}

/* What an old worker waits for: idle, requests, tunnels and tcp, lingering. */
static void
report(void)
{
	uint32_t waiting[4] = {0};
	for (struct list *n = self.session_list.next; n != &self.session_list;
	     n = n->next) {
		const struct session *s = list_entry(n, struct session, node);
		if (s->state == SESSION_LINGER)
			waiting[3]++;
		else if (s->state != SESSION_BUSY)
			waiting[0]++;
		else
			waiting[s->is_tcp || s->txn->is_tunnel ? 2 : 1]++;
	}
	shm_slot_report(self.shm, self.conns_n, waiting);
}

/* Closes connections without a request under way: those between two requests, and those
 * that have not said anything for `silent_ms`. */
static void
close_idle(uint64_t silent_ms)
{
	struct list *next;
	for (struct list *n = self.session_list.next; n != &self.session_list; n = next) {
		struct session *s = list_entry(n, struct session, node);
		next = n->next;
		bool is_silent = silent_ms && now_us() - s->since_us > silent_ms * 1000;
		bool is_idle = s->state == SESSION_IDLE || s->state == SESSION_PROXY;
		if (is_idle && (s->requests_n || is_silent))
			session_close(s, false);
	}
}

static void
drain_round(struct net_timer *t)
{
	const struct cfg_global *g = &self.cfg->global;
	uint64_t elapsed_ms = now_ms() - self.drain_started_ms;
	uint64_t left_ms =
		g->drain_timeout_ms > elapsed_ms ? g->drain_timeout_ms - elapsed_ms : 0;
	if (g->drain_timeout_ms && left_ms <= g->close_spread_ms) {
		uint64_t rounds = left_ms / DRAIN_ROUND_MS;
		close_some(rounds ? self.conns_n / (uint32_t)rounds + 1 : UINT32_MAX);
	}
	if (self.is_stopping)
		close_idle(STOP_IDLE_MS);
	report();
	drain_check();
	net_timer_set(self.loop, t, now_ms() + DRAIN_ROUND_MS);
}

void
drain_init(void)
{
	net_timer_init(&self.drain_timer, drain_round);
}

void
drain_check(void)
{
	if (self.is_draining && self.conns_n == 0)
		net_loop_stop(self.loop);
}

void
drain_begin(bool stop_now)
{
	if (!self.is_draining) {
		self.is_draining = true;
		self.drain_started_ms = now_ms();
		accept_stop();
		idle_close_all();
		uint64_t limit_ms = self.cfg->global.drain_timeout_ms;
		shm_slot_drain(self.shm, limit_ms ? now_ms() + limit_ms : 0);
		report();
		net_timer_set(self.loop, &self.drain_timer, now_ms() + DRAIN_ROUND_MS);
	}
	if (stop_now && !self.is_stopping) {
		self.is_stopping = true;
		close_idle(0);
	}
	drain_check();
}
