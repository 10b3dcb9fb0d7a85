/* SPDX-License-Identifier: MIT
 *
 * Response heads: read, judged, normalised, forwarded together with the first body bytes.
 * Worker.
 */
#include "config/retry.h"
#include "lib/http/serialise.h"
#include "worker/idle.h"
#include "worker/observe.h"
#include "worker/offence.h"
#include "worker/origin.h"
#include "worker/pick/persist.h"
#include "worker/pick/pick.h"
#include "worker/fetch/capture.h"
#include "worker/parked.h"
#include "worker/rules/rules.h"
#include "worker/track.h"
#include "worker/fetch/vars.h"
#include "worker/stick.h"

enum {
	RESPONSE_JOIN_BYTES = 8 * 1024, /* up to here a copy is cheaper than two iovecs */
	RESPONSE_BUDGET = 16,		/* reads per wake-up */
};

static void
bad_response(struct txn *t)
{
	if (dispatch_retry_on(t, RETRY_JUNK_RESPONSE))
		return;
	t->phase = PHASE_HEADERS;
	reply_error(t, 502, STOP_bad_response);
}

/* The server closed or reset before its response head was complete. */
static void
origin_gone(struct txn *t)
{
	bool silent = !t->res_in;
	if (silent && t->on_reused) {
		shm_count(&t->srv->shm, SHM_SERVER_reuse_race, 1);
		shm_count(&t->be->shm, SHM_BACKEND_reuse_race, 1);
		/* nobody can have acted on it twice: a method that may be repeated, no
		 * body, no byte of an answer (RFC 9110 9.2.2) */
		if (dispatch_replay(t))
			return;
	}
	if (dispatch_retry_on(t, silent ? RETRY_EMPTY_RESPONSE : RETRY_JUNK_RESPONSE))
		return;
	t->phase = PHASE_HEADERS;
	reply_error(t, 502, silent && t->on_reused ? STOP_reuse_race : STOP_server_abort);
}

/* Whether the connection is closed right behind what is sent now. */
static bool
is_last(const struct txn *t)
{
	return t->head_forwarded && !t->keep_client && t->down.is_source_done &&
	       flow_is_done(&t->up);
}

/* Sends a head (in self.hx) and body bytes to the client. */
static bool
send_down(struct txn *t, size_t head_n, struct span body)
{
	struct net_conn *client = &t->s->client;
	size_t sent = 0, total = head_n + body.n;
	enum net_io io = NET_AGAIN;
	txn_count_out(t, total);
	bool joins = body.n <= RESPONSE_JOIN_BYTES && total <= WORKER_HX_BYTES;
	if (joins && body.n)
		memcpy(self.hx + head_n, body.p, body.n);
	if (client->is_writable && flow_is_flushed(&t->down)) {
		struct iovec iov[2] = {{self.hx, joins ? total : head_n},
				       {(void *)(uintptr_t)body.p, body.n}};
		if (joins && is_last(t))
			io = net_conn_write_more(client, self.hx, total, &sent);
		else if (joins)
			io = net_conn_write(client, self.hx, total, &sent);
		else
			io = net_conn_writev(client, iov, 2, &sent);
	}
	if (io == NET_DONE)
		return true;
	if (io == NET_FAILED) {
		txn_abort(t, STOP_client_abort);
		return false;
	}
	if ((sent < head_n && !flow_queue(&t->down, self.hx + sent, head_n - sent)) ||
	    !flow_queue(&t->down, body.p + (sent > head_n ? sent - head_n : 0),
			body.n - (sent > head_n ? sent - head_n : 0))) {
		txn_abort(t, STOP_no_resources);
		return false;
	}
	return true;
}

/* How the response body goes to the client. */
static enum http_body
outgoing_body(const struct txn *t, enum http_body in)
{
	if (in == HTTP_BODY_NONE || in == HTTP_BODY_TUNNEL)
		return in;
	if (t->hides_body)
		return HTTP_BODY_NONE;
	if (in == HTTP_BODY_LENGTH)
		return in;
	return t->client_minor >= 1 ? HTTP_BODY_CHUNKED : HTTP_BODY_CLOSE;
}

static struct span
via_line(const struct txn *t, const struct http_head *h)
{
	if (!((t->be->cfg->options | t->fe->cfg->options) & CFG_OPT_VIA))
		return span_of(NULL, 0);
	return h->minor ? SPAN("Via: 1.1 weir\r\n") : SPAN("Via: 1.0 weir\r\n");
}

/* RFC 9110 6.6.1: whoever has a clock dates a response that has no date, before it is
 * passed on. */
static struct span
date_line(const struct txn *t, const struct http_head *h)
{
	uint64_t wall_us = t->wall_us + (now_us() - t->start_us);
	if (h->seen & 1u << HTTP_FIELD_DATE)
		return span_of(NULL, 0);
	return http_date_line(&self.date, wall_us / 1000000);
}

/* 100, 102, 103: passed on, and the next head is read. */
static bool
forward_interim(struct txn *t, const struct http_head *h)
{
	txn_count_status(t, h->status);
	txn_count_server_status(t, h->status);
	t->on_reused = false; /* it has the request: what comes now is no race */
	t->down.taken += h->skipped + h->bytes; /* timeout server begins anew */
	if (t->client_minor < 1)
		return true; /* RFC 9110 15.2 */
	struct http_outgoing out = {
		.body = HTTP_BODY_NONE,
		.names = case_for(t->fe->cfg, CFG_OPT_H1_CASE_CLIENT),
	};
	size_t n = http_serialise_response(h, &out, self.hx, WORKER_HX_BYTES);
	return n == 0 || send_down(t, n, span_of(NULL, 0));
}

/* false: no buffer. */
static bool
become_tunnel(struct txn *t)
{
	t->is_tunnel = true;
	t->keep_client = t->keep_origin = false;
	t->client_deadline_ms = t->server_deadline_ms =
		0; /* timeout tunnel from now on */
	struct buf *early = t->up.pending;
	t->up.pending = NULL;
	flow_fini(&t->up);
	flow_init(&t->up, HTTP_BODY_TUNNEL, 0, HTTP_BODY_TUNNEL, t->up.limits);
	t->up.pending = early;
	/* what the client sent behind its request belongs to the tunnel */
	struct span rest = buf_span(t->s->in);
	if (!flow_queue(&t->up, rest.p, rest.n))
		return false;
	txn_count_in(t, rest.n);
	buf_put(&self.bufs, &t->s->in);
	return true;
}

/* The final head as it leaves. */
static struct http_outgoing
outgoing_head(const struct txn *t, struct http_head *h, const struct http_framing *f,
	      enum http_body body)
{
	bool is_tunnel = body == HTTP_BODY_TUNNEL;
	bool has_no_body =
		h->status == 304 || t->method == HTTP_METHOD_HEAD || t->hides_body;
	bool states_length = body == HTTP_BODY_NONE && f->has_length;
	return (struct http_outgoing){
		.body = body,
		.length = f->length,
		.length_stands = http_framing_keep_length(h, f),
		.say_length_zero = states_length && !f->stated_length && !has_no_body,
		.keep_stated_length = states_length && has_no_body,
		.stated_length = f->stated_length,
		.say_close = !t->keep_client && !is_tunnel,
		.say_keep_alive = t->keep_client && t->client_minor == 0,
		.upgrade = h->status == 101 ? http_head_value(h, HTTP_FIELD_UPGRADE)
					    : span_of(NULL, 0),
		.date = date_line(t, h),
		.extra = via_line(t, h),
		.names = case_for(t->fe->cfg, CFG_OPT_H1_CASE_CLIENT),
	};
}

/* Two answers on a connection that has carried requests before: nobody can say which one
 * is ours (docs/decisions/004). */
static bool
is_ambiguous(const struct txn *t, struct span behind)
{
	return t->on_reused && span_begins(behind, SPAN("HTTP/"));
}

static void
ambiguous(struct txn *t)
{
	idle_distrust(t->srv);
	if (!dispatch_replay(t))
		bad_response(t);
}

/* The body begins with what came behind the head. false: t is gone. */
static bool
begin_body(struct txn *t, const struct http_framing *f, enum http_body out,
	   struct span rest, struct span *first)
{
	struct buf *queued = t->down.pending; /* interim heads that wait for the client */
	size_t used = 0;
	flow_init(&t->down, f->body, f->length, out, &t->be->cfg->limits);
	t->down.pending = queued;
	bool is_good = flow_encode(&t->down, rest.p, rest.n, first, &used);
	struct span behind = span_of(rest.p + used, is_good ? rest.n - used : 0);
	bool has_surplus = t->down.is_source_done && behind.n;
	if (!is_good)
		offence_response_body(t);
	if (!is_good || (has_surplus && is_ambiguous(t, behind))) {
		flow_init(&t->down, HTTP_BODY_NONE, 0, HTTP_BODY_NONE,
			  &t->be->cfg->limits);
		t->down.pending = queued;
		if (is_good)
			ambiguous(t);
		else
			bad_response(t);
		return false;
	}
	if (has_surplus)
		t->down.has_surplus = true; /* never read it as the next answer */
	if (has_surplus || behind.n == 0 ||
	    buf_append(&self.bufs, &t->down.raw, behind.p, behind.n))
		return true;
	txn_abort(t, STOP_no_resources);
	return false;
}

/* A challenge: the next request answers it, on the same server. NTLM and Negotiate
 * authenticate the connection, not the request: it must never carry another client's
 * (configuration.txt, http-reuse). */
static void
note_challenge(struct txn *t, const struct http_head *h)
{
	struct span name =
		h->status == 401 ? SPAN("WWW-Authenticate") : SPAN("Proxy-Authenticate");
	t->s->sticks = h->status == 401 || h->status == 407;
	int at = t->s->sticks ? http_head_find(h, name, 0) : -1;
	for (; at >= 0; at = http_head_find(h, name, (unsigned)at + 1))
		if (http_auth_binds_connection(http_field_value(h, &h->fields[at])))
			t->origin->is_private = true;
}

/* The final head, and `body`, what is here of its body, encoded: on to the client. false:
 * t is gone. */
static bool
pass_on(struct txn *t, struct http_head *h, const struct http_framing *f,
	struct span body)
{
	persist_response(t, h);
	if (rules_have_after_response(t)) {
		self.body = parked_decoded((enum http_body)t->down.out, body);
		rules_after_response(t, h);
		self.body = span_of(NULL, 0);
	}
	bool is_tunnel = f->body == HTTP_BODY_TUNNEL;
	enum http_body out_body = (enum http_body)t->down.out;
	t->keep_client &= !self.is_draining && flow_is_done(&t->up) &&
			  out_body != HTTP_BODY_CLOSE && !is_tunnel;
	t->s->say_close = !t->keep_client;
	t->keep_origin &= f->keep_alive && f->body != HTTP_BODY_CLOSE && !is_tunnel;
	struct http_outgoing out = outgoing_head(t, h, f, out_body);
	size_t head_n = http_serialise_response(h, &out, self.hx, WORKER_HX_BYTES);
	if (head_n == 0) {
		t->is_kept = false; /* the next one will be as long */
		bad_response(t);
		return false;
	}
	t->status = h->status;
	t->response_us = now_us();
	t->phase = PHASE_DATA;
	t->origin->requests_n++;
	txn_count_status(t, h->status);
	t->head_forwarded = true;
	t->server_deadline_ms = 0; /* its limit begins again with each step */
	if (is_tunnel && !become_tunnel(t)) {
		txn_abort(t, STOP_no_resources);
		return false;
	}
	if (t->head_sent < buf_len(t->head))
		t->up_broken = true; /* answered before it has read the request */
	buf_put(&self.bufs, &t->head);
	t->head_sent = 0;
	if (!send_down(t, head_n, body))
		return false;
	access_log_early(t);
	return true;
}

/* Whether rules look at bodies of responses. */
static bool
are_bodies_looked_at(void)
{
	const bool *uses = self.cfg->env.uses;
	return uses[EXPR_FETCH_res_body] || uses[EXPR_FETCH_res_body_len] ||
	       uses[EXPR_FETCH_res_body_size];
}

enum verdict { VERDICT_FORWARD, VERDICT_WAIT, VERDICT_GONE };

/* The rules, from where they stopped; *body is what is here of the body. */
static enum verdict
judge(struct txn *t, struct http_head *h, const struct http_framing *f, struct span rest,
      struct span *body)
{
	enum http_body out = outgoing_body(t, f->body);
	if (!t->is_body_begun && are_bodies_looked_at()) {
		if (!begin_body(t, f, out, rest, body))
			return VERDICT_GONE;
		t->is_body_begun = true;
	}
	for (;;) {
		self.body =
			t->is_body_begun ? parked_decoded(out, *body) : span_of(NULL, 0);
		enum rule_end end = rules_response(t, h);
		self.body = span_of(NULL, 0);
		if (end == RULE_ENDED)
			return VERDICT_GONE;
		if (!t->is_body_begun && !begin_body(t, f, out, rest, body))
			return VERDICT_GONE;
		t->is_body_begun = true;
		if (end != RULE_WAITS)
			return VERDICT_FORWARD;
		if (!parked_is_enough(t, &t->down, t->body_least))
			return VERDICT_WAIT;
	}
}

/* false: t is gone, or waits for more of the body. */
static bool
forward_final(struct txn *t, struct http_head *h, const struct http_framing *f,
	      struct span rest)
{
	struct span body = buf_span(t->body);
	switch (judge(t, h, f, rest, &body)) {
	case VERDICT_FORWARD:
		break;
	case VERDICT_WAIT:
		if (!parked_keep(t, h, f, body))
			reply_error(t, 502, STOP_no_resources);
		return false;
	case VERDICT_GONE:
		return false;
	}
	bool is_alive = pass_on(t, h, f, body);
	buf_put(&self.bufs, &t->body);
	return is_alive;
}

/* What its answer says of the server, whatever rules make of it. */
static void
note_server(struct txn *t, const struct http_head *h)
{
	pick_note(t, false);
	observe_status(t, h->status);
	txn_count_server_status(t, h->status);
	note_challenge(t, h);
}

enum head_step { HEAD_FINAL, HEAD_MORE, HEAD_PARKED, HEAD_GONE };

static enum head_step
take_final(struct txn *t, struct http_head *h, const struct http_framing *f,
	   struct span rest)
{
	t->server_status = h->status;
	t->server_minor = h->minor;
	note_server(t, h);
	vars_response(t);
	capture_head(t, h, CFG_CAPTURE_RESPONSE);
	track_status(t, h->status);
	stick_response(t, h);
	if (forward_final(t, h, f, rest))
		return HEAD_FINAL;
	return t->parked ? HEAD_PARKED : HEAD_GONE;
}

/* Takes complete heads off *in. HEAD_MORE: *in is the start of the next one. */
static enum head_step
take_heads(struct txn *t, struct span *in)
{
	struct http_head *h = &self.head;
	struct http_framing f;
	enum http_reject why;
	while (in->n) {
		enum http_parse r = http_head_parse_response(
			in->p, in->n, t->res_parsed, &t->be->cfg->limits, h, &why);
		if (r == HTTP_PARSE_INCOMPLETE)
			return HEAD_MORE;
		t->res_parsed = 0;
		if (r == HTTP_PARSE_OK)
			why = http_framing_response(h, t->method, t->upgrade, &f);
		if (r == HTTP_PARSE_REJECTED || why != HTTP_REJECT_none) {
			if (r == HTTP_PARSE_REJECTED)
				offence_response(t, *in, why);
			else
				offence_response_at(t, *in, h->skipped + h->bytes - 1,
						    why);
			bad_response(t);
			return HEAD_GONE;
		}
		size_t head_n = h->skipped + h->bytes;
		struct span rest = span_of(in->p + head_n, in->n - head_n);
		if (t->is_kept && dispatch_retry_on(t, retry_of_status(h->status)))
			return HEAD_GONE;
		if (h->status >= 200 || h->status == 101)
			return take_final(t, h, &f, rest);
		if (!forward_interim(t, h))
			return HEAD_GONE;
		*in = rest;
	}
	return HEAD_MORE;
}

/* Keeps the unfinished head; false: t is gone. */
static bool
keep_partial(struct txn *t, struct span in)
{
	t->res_parsed = (uint32_t)in.n;
	if (t->res_in && in.p >= t->res_in->bytes &&
	    in.p <= t->res_in->bytes + t->res_in->cap) {
		t->res_in->from = (uint32_t)(in.p - t->res_in->bytes);
	} else if (in.n && !buf_append(&self.bufs, &t->res_in, in.p, in.n)) {
		reply_error(t, 502, STOP_no_resources);
		return false;
	}
	return true;
}

/* Counted when it is sent. */
static void
count_later(void *arg, uint64_t n)
{
	(void)arg;
	(void)n;
}

static void
collect_failed(struct txn *t, enum flow_end end)
{
	if (end == FLOW_BAD) {
		offence_response_body(t);
		bad_response(t);
	} else {
		reply_error(t, 502, STOP_server_abort);
	}
}

/* Enough of the body is there: the rules go on. */
static bool
unpark(struct txn *t)
{
	struct http_framing f;
	struct buf *held = parked_take(t, &f);
	bool is_forwarded = forward_final(t, &self.head, &f, span_of(NULL, 0));
	buf_put(&self.bufs, &held);
	return is_forwarded;
}

/* A response whose rules wait for its body. true: as of response_read(). */
static bool
collect(struct txn *t)
{
	for (;;) {
		enum flow_end end =
			parked_collect(t, &t->down, &t->origin->conn, NULL, count_later);
		if (end == FLOW_DONE) {
			if (unpark(t))
				return true;
			if (!t->parked)
				return false;
			continue; /* a later rule wants more */
		}
		if (end != FLOW_WAIT && end != FLOW_YIELD && end != FLOW_STARVED) {
			collect_failed(t, end);
			return false;
		}
		if (t->body_until_ms && now_ms() >= t->body_until_ms) {
			reply_error(t, 504, STOP_server_timeout);
			return false;
		}
		http_wait(t, end);
		if (t->body_until_ms &&
		    (!t->look_at_ms || t->body_until_ms < t->look_at_ms))
			t->look_at_ms = t->body_until_ms;
		txn_arm(t);
		return false;
	}
}

bool
response_read(struct txn *t)
{
	struct origin *o = t->origin;
	if (t->parked)
		return collect(t);
	/* interim answers are read no faster than the client takes them */
	for (unsigned i = 0; o->conn.is_readable && !t->down.pending; i++) {
		size_t n;
		if (i == RESPONSE_BUDGET) {
			http_wait(t, FLOW_YIELD);
			return false;
		}
		enum net_io io = net_conn_read(&o->conn, self.rx, WORKER_RX_BYTES, &n);
		if (io == NET_AGAIN)
			break;
		if (io != NET_DONE) {
			t->is_reset = io == NET_FAILED;
			origin_gone(t);
			return false;
		}
		struct span in = span_of(self.rx, n);
		if (t->res_in) {
			if (!buf_append(&self.bufs, &t->res_in, self.rx, n)) {
				reply_error(t, 502, STOP_no_resources);
				return false;
			}
			in = buf_span(t->res_in);
		}
		switch (take_heads(t, &in)) {
		case HEAD_FINAL:
			buf_put(&self.bufs, &t->res_in);
			return true;
		case HEAD_PARKED:
			buf_put(&self.bufs, &t->res_in);
			return collect(t);
		case HEAD_GONE:
			return false;
		case HEAD_MORE:
			if (!keep_partial(t, in))
				return false;
		}
	}
	if (t->up_broken && !o->conn.is_readable && o->conn.is_hungup) {
		origin_gone(t);
		return false;
	}
	http_wait(t, FLOW_WAIT);
	return false;
}
