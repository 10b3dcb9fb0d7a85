/* SPDX-License-Identifier: MIT
 *
 * Rules about the first bytes of a TCP session (configuration.txt, tcp-request content,
 * tcp-response content): bytes are read and kept until the rules know enough, the time of
 * inspect_delay is over, no more will come or no more fit; then they are passed on.
 * Worker. The client's bytes wait in session.in, the server's in txn.res_in.
 */
#include "worker/origin.h"
#include "worker/pick/persist.h"
#include "worker/pick/pick.h"
#include "worker/rules/rules.h"
#include "worker/stick.h"

enum { INSPECT_BYTES = 16 * 1024 }; /* HAProxy's tune.bufsize */

/* Reads what is there into *into. is_over: no more will come, or fit. false: broken. */
static bool
read_more(struct net_conn *c, struct buf **into, bool *is_over)
{
	while (c->is_readable && !c->is_eof && buf_len(*into) < INSPECT_BYTES) {
		size_t n;
		enum net_io io =
			net_conn_read(c, self.rx, INSPECT_BYTES - buf_len(*into), &n);
		if (io == NET_FAILED ||
		    (io == NET_DONE && !buf_append(&self.bufs, into, self.rx, n)))
			return false;
		if (io != NET_DONE)
			break;
	}
	*is_over = c->is_eof || buf_len(*into) >= INSPECT_BYTES;
	return true;
}

/* What was read goes first. */
static bool
pass_on(struct flow *f, struct buf **bytes)
{
	struct span s = buf_span(*bytes);
	bool is_queued = s.n == 0 || flow_queue(f, s.p, s.n);
	buf_put(&self.bufs, bytes);
	return is_queued;
}

static bool
is_over_at(const struct txn *t, uint64_t delay_ms)
{
	return delay_ms == 0 || now_ms() >= t->inspect_from_ms + delay_ms;
}

/* The rules of one proxy about the client's bytes. true: go on. */
static bool
inspect_list(struct txn *t, const struct cfg_proxy *p)
{
	uint64_t delay_ms = p->request_inspect_ms;
	bool is_over;
	if (p->rules[CFG_RULES_CONTENT].n == 0)
		return true;
	if (!read_more(&t->s->client, &t->s->in, &is_over)) {
		txn_abort(t, STOP_client_abort);
		return false;
	}
	switch (rules_content(t, p, CFG_RULES_CONTENT,
			      is_over || is_over_at(t, delay_ms))) {
	case RULE_GOES_ON:
	case RULE_ACCEPTED:
		return true;
	case RULE_WAITS:
		t->look_at_ms = t->inspect_from_ms + delay_ms;
		net_conn_await(self.loop, &t->s->client);
		txn_arm(t);
		return false;
	case RULE_ENDED:
		break;
	}
	return false;
}

static bool
choose_backend(struct txn *t)
{
	txn_lead_to(t, route(t, NULL));
	if (!t->be) {
		txn_abort(t, STOP_no_server);
		return false;
	}
	shm_count(&t->be->shm, SHM_BACKEND_stot, 1);
	persist_rules(t, NULL);
	t->inspects_response = t->be->cfg->rules[CFG_RULES_RES_CONTENT].n > 0;
	return true;
}

void
inspect_request(struct txn *t)
{
	if (t->inspects == INSPECT_FRONTEND) {
		if (!inspect_list(t, t->fe->cfg) || !choose_backend(t))
			return;
		t->inspects = INSPECT_BACKEND;
		t->inspect_from_ms = now_ms();
	}
	if (t->be->cfg != t->fe->cfg && !inspect_list(t, t->be->cfg))
		return;
	t->inspects = INSPECT_OVER;
	t->wanted = route_server(t, NULL);
	persist_rdp(t);
	stick_request(t, NULL);
	pick_key(t, NULL);
	t->inspect_from_ms = 0;
	size_t n = buf_len(t->s->in);
	if (!pass_on(&t->up, &t->s->in)) {
		txn_abort(t, STOP_no_resources);
		return;
	}
	if (n)
		txn_count_in(t, n);
	t->retries_left = txn_retries(t);
	dispatch_start(t);
}

enum inspect_end
inspect_response(struct txn *t)
{
	const struct cfg_proxy *p = t->be->cfg;
	uint64_t delay_ms = p->response_inspect_ms;
	bool is_over;
	if (!read_more(&t->origin->conn, &t->res_in, &is_over)) {
		txn_abort(t, STOP_server_abort);
		return INSPECT_GONE;
	}
	if (!is_over && buf_len(t->res_in) == 0)
		return INSPECT_WAITS;
	if (!t->inspect_from_ms)
		t->inspect_from_ms = now_ms();
	enum rule_end end = rules_content(t, p, CFG_RULES_RES_CONTENT,
					  is_over || is_over_at(t, delay_ms));
	if (end == RULE_ENDED)
		return INSPECT_GONE;
	if (end == RULE_WAITS) {
		t->look_at_ms = t->inspect_from_ms + delay_ms;
		return INSPECT_WAITS;
	}
	t->inspects_response = false;
	txn_count_out(t, buf_len(t->res_in));
	if (pass_on(&t->down, &t->res_in))
		return INSPECT_PASSED;
	txn_abort(t, STOP_no_resources);
	return INSPECT_GONE;
}
