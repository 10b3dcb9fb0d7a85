/* SPDX-License-Identifier: MIT
 *
 * Requests: read, judged, answered here or prepared for a server. Worker. The parsed head
 * lives in self.head and points into the bytes it was parsed from; everything that needs
 * it happens before request_read() goes on.
 */
#include <stdio.h>

#include "config/retry.h"
#include "lib/base/num.h"
#include "lib/http/edit.h"
#include "lib/http/names.h"
#include "lib/http/reply.h"
#include "lib/http/serialise.h"
#include "worker/fetch/capture.h"
#include "worker/forward.h"
#include "worker/offence.h"
#include "worker/parked.h"
#include "worker/pick/persist.h"
#include "worker/pick/pick.h"
#include "worker/stats_page.h"
#include "worker/track.h"
#include "worker/stick.h"
#include "worker/summary.h"

enum {
	REQUEST_READ_BYTES = WORKER_RX_BYTES / 2,
	EXTRA_BYTES = FORWARD_BYTES + 64, /* and Max-Forwards */
};

/* Whether Max-Forwards bounds the way of this request (RFC 9110 7.6.2). */
static bool
forwards_are_counted(const struct txn *t, const struct http_head *h)
{
	return h->seen & 1u << HTTP_FIELD_MAX_FORWARDS &&
	       (h->method == HTTP_METHOD_OPTIONS || h->method == HTTP_METHOD_TRACE) &&
	       (t->be->cfg->options | t->fe->cfg->options) & CFG_OPT_VIA;
}

/* A number beyond ours counts as the largest one that we have. */
static enum num_result
read_max_forwards(const struct http_head *h, uint64_t *v)
{
	enum num_result r = num_u64(http_head_value(h, HTTP_FIELD_MAX_FORWARDS), v);
	if (h->repeated & 1u << HTTP_FIELD_MAX_FORWARDS)
		return NUM_SYNTAX;
	if (r == NUM_RANGE)
		*v = UINT64_MAX;
	return r == NUM_RANGE ? NUM_OK : r;
}

/* A request that may go no further is answered here: there is nothing to say about our
 * own options, and a TRACE would show fields that were not meant to be seen (9.3.8). */
static bool
end_of_forwards(struct txn *t, const struct http_head *h)
{
	uint64_t v;
	if (!forwards_are_counted(t, h))
		return false;
	if (read_max_forwards(h, &v) != NUM_OK) {
		reply_reject(t, HTTP_REJECT_max_forwards_invalid);
		return true;
	}
	if (v > 0)
		return false;
	struct http_reply r = {.status = 200};
	if (h->method == HTTP_METHOD_OPTIONS)
		reply_send(t, &r, STOP_answered_here);
	else
		reply_error(t, 405, STOP_answered_here);
	return true;
}

static struct span
decrement_max_forwards(const struct txn *t, struct http_head *h, char *out, size_t n)
{
	uint64_t v;
	if (!forwards_are_counted(t, h) || read_max_forwards(h, &v) != NUM_OK)
		return span_of(out, n);
	h->fields[h->first[HTTP_FIELD_MAX_FORWARDS]].dropped = 1;
	n += (size_t)snprintf(out + n, EXTRA_BYTES - n, "Max-Forwards: %llu\r\n",
			      (unsigned long long)(v - 1));
	return span_of(out, n);
}

/* An HTTP/1.0 request may name no host, but what is forwarded is HTTP/1.1: then it is the
 * address the client connected to (RFC 9112 3.3). */
static struct span
default_host(const struct txn *t, const struct http_head *h, char out[ADDR_TEXT_BYTES])
{
	if (h->authority.p)
		return span_of(NULL, 0);
	struct addr a = session_dst(t->s);
	if (a.kind != ADDR_INET && a.kind != ADDR_INET6)
		return SPAN("localhost");
	return span_str(addr_format(&a, out));
}

/* configuration.txt: http-server-close counts on either side, httpclose closes the side
 * it is set on. */
static bool
may_keep_server(const struct txn *t)
{
	uint32_t fe = t->fe->cfg->options, be = t->be->cfg->options;
	return !((fe | be) & CFG_OPT_HTTP_SERVER_CLOSE) && !(be & CFG_OPT_HTTPCLOSE);
}

/* Builds the forwarded request in t->head. false: no buffer. */
static bool
build_head(struct txn *t, struct http_head *h, const struct http_framing *f,
	   struct span body)
{
	char lines[EXTRA_BYTES], host[ADDR_TEXT_BYTES];
	struct span extra = forward_lines(t, h, lines);
	extra = decrement_max_forwards(t, h, lines, extra.n);
	bool has_body_method = h->method == HTTP_METHOD_POST ||
			       h->method == HTTP_METHOD_PUT ||
			       h->method == HTTP_METHOD_PATCH;
	struct http_outgoing out = {
		.body = f->body,
		.length = f->length,
		.length_stands = http_framing_keep_length(h, f),
		.say_length_zero =
			f->body == HTTP_BODY_NONE && (f->has_length || has_body_method),
		.say_close = !t->keep_origin &&
			     !(t->be->cfg->options & CFG_OPT_HTTP_PRETEND_KEEPALIVE),
		.upgrade = f->wants_upgrade ? http_head_value(h, HTTP_FIELD_UPGRADE)
					    : span_of(NULL, 0),
		.extra = extra,
		.names = case_for(t->be->cfg, CFG_OPT_H1_CASE_SERVER),
		.keeps_absolute = t->be->cfg->options & CFG_OPT_ABSOLUTE_FORM,
		.host = default_host(t, h, host),
	};
	/* what the serialiser adds: framing, Connection, a new start line and Host */
	size_t name_n = name_header_begin(t, h);
	size_t need = name_n + h->bytes + (h->is_edited ? h->edits_n : 0) +
		      (out.keeps_absolute ? 2 : 1) * h->authority.n + out.host.n +
		      2 * out.upgrade.n + extra.n + 256 + body.n;
	t->head = buf_get(&self.bufs, need);
	if (!t->head)
		return false;
	size_t n = http_serialise_request(h, &out, t->head->bytes,
					  t->head->cap - body.n - out.upgrade.n - name_n);
	if (n == 0)
		return false;
	t->name_at = (uint32_t)n - 2; /* before the empty line */
	if (body.n)
		memcpy(t->head->bytes + n, body.p, body.n);
	t->head->to = (uint32_t)(n + body.n);
	if (out.upgrade.n) /* kept behind what is sent, for the 101 */
		t->upgrade = span_of(memcpy(t->head->bytes + t->head->to, out.upgrade.p,
					    out.upgrade.n),
				     out.upgrade.n);
	return true;
}

static bool
is_monitor(const struct txn *t, const struct http_head *h)
{
	struct span uri = t->fe->cfg->monitor_uri, target = h->target;
	if (uri.n && uri.p[0] == '/' && h->target_form == HTTP_TARGET_ABSOLUTE) {
		size_t before = (size_t)(h->path.p - target.p);
		target = span_of(h->path.p, target.n - before);
	}
	return uri.n && span_eq(target, uri);
}

static void
answer_monitor(struct txn *t, struct http_head *h)
{
	const struct cfg_proxy *p = t->fe->cfg;
	t->no_log = true; /* configuration.txt, monitor-uri */
	reply_error(t, rules_any(t, h, p->monitor_fail, p->monitor_fail_n) ? 503 : 200,
		    STOP_answered_here);
}

/* option http_restrict_req_hdr_names of one side. true: refused. */
static bool
refuse_names(struct txn *t, const struct cfg_proxy *p, struct http_head *h)
{
	bool drops = p->names == CFG_NAMES_DELETE;
	if (p->names == CFG_NAMES_PRESERVE || !http_names_mistakable(h, drops) || drops)
		return false;
	shm_count(&t->fe->shm, SHM_FRONTEND_dreq, 1);
	reply_error(t, 403, STOP_denied);
	return true;
}

/* Who has been told to continue is not told so again by the server. */
static void
drop_expect(struct http_head *h)
{
	for (unsigned i = 0; i < h->fields_n; i++)
		if (h->fields[i].id == HTTP_FIELD_EXPECT)
			h->fields[i].dropped = 1;
}

/* What one proxy says about the request. */
static enum rule_end
judge(struct txn *t, const struct cfg_proxy *p, struct http_head *h)
{
	bool is_judged = t->is_stats; /* its form was waited for */
	enum rule_end end = is_judged ? RULE_GOES_ON : rules_request(t, p, h);
	if (end == RULE_GOES_ON)
		end = stats_page(t, h);
	if (end == RULE_GOES_ON && refuse_names(t, p, h))
		end = RULE_ENDED;
	return end;
}

/* unique_id_format: made now at the latest, while the head is there. */
static void
add_unique_id(struct txn *t, struct http_head *h)
{
	const struct cfg_proxy *fe = t->fe->cfg;
	if (!fe->unique_id)
		return;
	struct txn_context c = context_for(t, EXPR_AT_REQUEST);
	c.req = h;
	self.scratch.used = 0;
	struct span id = capture_unique_id(&c);
	if (!fe->unique_id_header.n)
		return;
	if (!h->is_edited)
		http_edit_begin(h, self.edits, WORKER_EDITS_BYTES);
	(void)http_edit_add(h, fe->unique_id_header, id);
}

/* What the frontend says, and which backend that leads to. */
static enum rule_end
judge_at_frontend(struct txn *t, struct http_head *h)
{
	enum rule_end end = judge(t, t->fe->cfg, h);
	if (end != RULE_GOES_ON)
		return end;
	txn_lead_to(t, route(t, h));
	if (!t->be) {
		t->phase = PHASE_CONNECT;
		reply_error(t, 503, STOP_no_server);
		return RULE_ENDED;
	}
	shm_count(&t->be->shm, SHM_BACKEND_stot, 1);
	shm_count(&t->be->shm, SHM_BACKEND_req_tot, 1);
	shm_count(&t->be->shm, SHM_BACKEND_bin, t->bytes_in);
	persist_rules(t, h);
	return RULE_GOES_ON;
}

static enum rule_end
judge_request(struct txn *t, struct http_head *h)
{
	if (t->is_judged)
		return RULE_GOES_ON;
	enum rule_end end = t->be ? RULE_GOES_ON : judge_at_frontend(t, h);
	if (end == RULE_GOES_ON && t->be->cfg != t->fe->cfg)
		end = judge(t, t->be->cfg, h);
	return end;
}

/* The client that waits for a word before it sends its body gets it from us, and the
 * server does not say it again (RFC 9110 10.1.1). false: t is gone. */
static bool
say_continue(struct txn *t, struct http_head *h)
{
	struct span word = SPAN("HTTP/1.1 100 Continue\r\n\r\n");
	struct net_conn *client = &t->s->client;
	drop_expect(h);
	txn_count_out(t, word.n);
	if (flow_queue(&t->down, word.p, word.n) &&
	    flow_run(&t->down, client, client, NULL, NULL, NULL) != FLOW_DST_FAILED)
		return true;
	txn_abort(t, STOP_client_abort);
	return false;
}

/* Its rules wait for more of the body. */
static void
park(struct txn *t, struct http_head *h, struct http_framing *f, struct span body)
{
	if (f->expects_continue && !say_continue(t, h))
		return;
	f->expects_continue = false;
	if (!parked_keep(t, h, f, body)) {
		reply_error(t, 503, STOP_no_resources);
		return;
	}
	t->is_parked = true;
	t->client_deadline_ms = t->body_until_ms;
	request_collect(t);
}

/* Nothing is left to say about it: on to a server, with as much of the body as is here.
 */
static void
pass_on(struct txn *t, struct http_head *h, struct http_framing *f, struct span body)
{
	pick_key(t, h);
	if (pick_wants_body(t) && !parked_is_enough(t, &t->up, 0)) {
		t->is_judged = true;
		parked_ask_whole(t);
		park(t, h, f, body);
		return;
	}
	pick_body(t);
	if (end_of_forwards(t, h))
		return;
	t->wanted = route_server(t, h);
	persist_request(t, h);
	stick_request(t, h);
	add_unique_id(t, h);
	t->keep_origin = may_keep_server(t);
	if (!build_head(t, h, f, body)) {
		reply_error(t, 503, STOP_no_resources);
		return;
	}
	if (t->body && t->up.is_source_done)
		t->is_replayable = http_method_is_idempotent((enum http_method)t->method);
	buf_put(&self.bufs, &t->body);
	t->is_kept = t->be->cfg->retry_on & ~(uint32_t)RETRY_CONN_FAILURE &&
		     !t->wants_tunnel && buf_len(t->head) <= TXN_KEEP_BYTES;
	t->retries_left = txn_retries(t);
	dispatch_start(t);
}

/* The request is complete as far as its head goes; `body` are its first bytes, encoded.
 */
static void
request_process(struct txn *t, struct http_head *h, struct http_framing *f,
		struct span body)
{
	switch (judge_request(t, h)) {
	case RULE_WAITS:
		park(t, h, f, body);
		break;
	case RULE_GOES_ON:
	case RULE_ACCEPTED:
		pass_on(t, h, f, body);
		break;
	case RULE_ENDED:
		break;
	}
}

/* Enough of the body is there: the rules go on. */
static void
unpark(struct txn *t)
{
	struct http_framing f;
	struct buf *held = parked_take(t, &f);
	struct span body = buf_span(t->body);
	t->is_parked = false;
	t->client_deadline_ms = 0;
	self.body = parked_decoded((enum http_body)t->up.out, body);
	request_process(t, &self.head, &f, body);
	self.body = span_of(NULL, 0);
	buf_put(&self.bufs, &held);
}

void
request_collect(struct txn *t)
{
	enum { STARVED_MS = 10 };
	enum flow_end end =
		parked_collect(t, &t->up, &t->s->client, &t->s->in, txn_count_up);
	switch (end) {
	case FLOW_DONE:
		unpark(t);
		return;
	case FLOW_STARVED:
		t->look_at_ms = now_ms() + STARVED_MS;
		break;
	case FLOW_WAIT:
	case FLOW_YIELD:
		break;
	case FLOW_SRC_EOF:
	case FLOW_SRC_FAILED:
	case FLOW_DST_FAILED:
	case FLOW_BAD:
		http_up_failed(t, end);
		return;
	}
	net_conn_await(self.loop, &t->s->client);
	txn_arm(t);
}

static struct txn *
begin(struct session *s)
{
	struct txn *t = txn_new(s);
	if (!t) {
		session_close(s, false);
		return NULL;
	}
	s->requests_n++;
	s->parsed = 0;
	shm_count(&self.global, SHM_GLOBAL_req_tot, 1);
	shm_count(&t->fe->shm, SHM_FRONTEND_req_tot, 1);
	track_request(t);
	return t;
}

static void
reject(struct session *s, struct span bytes, enum http_reject why)
{
	struct txn *t = begin(s);
	if (!t)
		return;
	t->is_request_bad = true;
	t->method = (uint8_t)self.head.method; /* an answer to HEAD has no body */
	offence_request(t, bytes, why);
	txn_count_in(t, buf_len(s->in));
	buf_put(&self.bufs, &s->in);
	reply_reject(t, why);
}

/* A whole head was parsed; `rest` is what came behind it. */
static void
request_begin(struct session *s, struct http_head *h, struct span rest)
{
	struct txn *t = begin(s);
	struct http_framing f;
	struct span body = {NULL, 0};
	size_t used = 0;
	if (!t)
		return;
	struct buf *held = s->in; /* the head may point into it */
	s->in = NULL;
	enum http_reject why = http_framing_request(h, &f);
	const struct span all =
		span_of(h->base - h->skipped, h->skipped + h->bytes + rest.n);
	size_t at = h->skipped + h->bytes - 1; /* of what is wrong */
	t->method = (uint8_t)h->method;
	t->client_minor = h->minor;
	/* Behind a CONNECT that fails, bytes for the other end of the tunnel may follow:
	 * they are never read as requests. */
	t->keep_client = f.keep_alive && h->method != HTTP_METHOD_CONNECT &&
			 !(t->fe->cfg->options & CFG_OPT_HTTPCLOSE) && !self.is_draining;
	t->expects_keep = f.keep_alive;
	t->request_us = now_us();
	t->binds_origin =
		http_auth_binds_connection(http_head_value(h, HTTP_FIELD_AUTHORIZATION));
	t->wants_tunnel = f.wants_upgrade || h->method == HTTP_METHOD_CONNECT;
	const bool *uses = self.cfg->env.uses;
	if (t->fe->cfg->log_mask || uses[EXPR_FETCH_capture_req_uri] ||
	    uses[EXPR_FETCH_capture_req_method])
		access_log_capture(t, h->base, h->bytes);
	if (why == HTTP_REJECT_none) {
		flow_init(&t->up, f.body, f.length, f.body, &t->fe->cfg->limits);
		if (!flow_encode(&t->up, rest.p, rest.n, &body, &used))
			why = t->up.why;
		at += why == HTTP_REJECT_none ? 0 : used + 1;
	}
	t->is_replayable = f.body == HTTP_BODY_NONE && !f.wants_upgrade &&
			   http_method_is_idempotent(h->method);
	txn_count_in(t, h->skipped + h->bytes + used);
	bool is_kept = rest.n == used || why != HTTP_REJECT_none ||
		       buf_append(&self.bufs, t->up.is_source_done ? &s->in : &t->up.raw,
				  rest.p + used, rest.n - used);
	if (why != HTTP_REJECT_none) {
		offence_request_at(t, all, at, why);
		reply_reject(t, why);
	} else if (!is_kept) {
		t->keep_client = false; /* what came behind it is lost */
		reply_error(t, 503, STOP_no_resources);
	} else if (is_monitor(t, h))
		answer_monitor(t, h);
	else {
		capture_head(t, h, CFG_CAPTURE_REQUEST);
		self.body = parked_decoded(f.body, body);
		request_process(t, h, &f, body);
		self.body = span_of(NULL, 0);
	}
	buf_put(&self.bufs, &held);
}

/* Something of a request is there. true: s is busy or gone. */
static bool
parse(struct session *s, struct span bytes)
{
	enum http_reject why = HTTP_REJECT_none;
	struct http_head *h = &self.head;
	enum http_parse r = http_head_parse_request(bytes.p, bytes.n, s->parsed,
						    &s->bind->fe->cfg->limits, h, &why);
	switch (r) {
	case HTTP_PARSE_OK: {
		size_t head_n = h->skipped + h->bytes;
		request_begin(s, h, span_of(bytes.p + head_n, bytes.n - head_n));
		return true;
	}
	case HTTP_PARSE_REJECTED:
		reject(s, bytes, why);
		return true;
	case HTTP_PARSE_INCOMPLETE:
		break;
	}
	s->parsed = (uint32_t)bytes.n;
	return false;
}

/* The first byte of a head starts its deadline, which no later byte moves. */
static void
head_started(struct session *s)
{
	const struct cfg_timeouts *to = &s->bind->fe->cfg->timeout;
	if (s->state == SESSION_HEAD)
		return;
	s->state = SESSION_HEAD;
	summary_state(s, SHM_SESSION_REQUEST);
	if (s->requests_n == 0)
		return; /* runs since the connection was accepted */
	uint64_t wait_ms = to->http_request_ms ? to->http_request_ms : to->client_ms;
	net_timer_set(self.loop, &s->timer, wait_ms ? now_ms() + wait_ms : 0);
}

/* A txn for a request that never was complete. NULL: nobody is to hear of it, s is
 * closed. */
static struct txn *
begin_incomplete(struct session *s)
{
	uint32_t options = s->bind->fe->cfg->options;
	bool is_empty = !s->in;
	bool is_silent =
		is_empty && (s->requests_n || options & CFG_OPT_HTTP_IGNORE_PROBES);
	struct txn *t = is_silent ? NULL : txn_new(s);
	if (!t) {
		session_close(s, false);
		return NULL;
	}
	t->is_request_bad = true;
	t->no_log = is_empty && options & CFG_OPT_DONTLOGNULL;
	return t;
}

/* The client closed or broke off before a request was complete. Who has begun one and
 * only finished sending may still read what is wrong with it (RFC 9112 8). */
static void
client_gone(struct session *s, bool may_read)
{
	bool has_begun = buf_len(s->in) > 0;
	struct txn *t = begin_incomplete(s);
	if (!t)
		return;
	if (has_begun && may_read) {
		reply_error(t, 400, STOP_client_abort);
		return;
	}
	t->status = 400; /* as HAProxy logs it; nothing is sent */
	txn_abort(t, STOP_client_abort);
}

void
request_timeout(struct session *s)
{
	struct txn *t = begin_incomplete(s);
	if (!t)
		return;
	buf_put(&self.bufs, &s->in);
	reply_error(t, 408, STOP_client_timeout);
}

/* No buffer is left for what has come of a head. */
static void
no_room(struct session *s)
{
	struct txn *t = txn_new(s);
	if (!t) {
		session_close(s, false);
		return;
	}
	t->is_request_bad = true;
	buf_put(&self.bufs, &s->in);
	shm_count(&self.global, SHM_GLOBAL_buffers_exhausted, 1);
	reply_error(t, 503, STOP_no_resources);
}

/* The idle time is over: the request's own begins. */
static void
first_byte(struct session *s)
{
	if (s->state != SESSION_IDLE)
		return;
	s->idle_ms = (uint32_t)((now_us() - s->since_us) / 1000);
	s->since_us = now_us();
}

void
request_read(struct session *s)
{
	size_t n;
	if (buf_len(s->in) > s->parsed) {
		first_byte(s);
		if (parse(s, buf_span(s->in)))
			return;
		head_started(s);
	}
	while (s->client.is_readable) {
		enum net_io io =
			net_conn_read(&s->client, self.rx, REQUEST_READ_BYTES, &n);
		if (io == NET_AGAIN)
			continue;
		if (io != NET_DONE) {
			client_gone(s, io == NET_CLOSED);
			return;
		}
		first_byte(s);
		struct span bytes = span_of(self.rx, n);
		if (s->in) {
			if (!buf_append(&self.bufs, &s->in, self.rx, n)) {
				no_room(s);
				return;
			}
			bytes = buf_span(s->in);
		}
		if (parse(s, bytes))
			return;
		head_started(s);
		if (!s->in && !buf_append(&self.bufs, &s->in, bytes.p, bytes.n)) {
			no_room(s);
			return;
		}
	}
	net_conn_await(self.loop, &s->client);
}
