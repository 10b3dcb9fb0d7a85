/* SPDX-License-Identifier: MIT
 *
 * Answers made by weir itself: errors, fixed answers of rules, refusals. Worker.
 */
#include "lib/base/clock.h"
#include "lib/http/date.h"
#include "lib/http/reply.h"
#include "lib/http/serialise.h"
#include "worker/origin.h"
#include "worker/rules.h"

/* Nothing may follow a request whose end is unknown. */
static bool
may_keep(const struct txn *t)
{
	return t->keep_client && !t->is_request_bad && flow_is_done(&t->up) &&
	       !t->up.has_surplus && !self.is_draining && !t->s->say_close;
}

/* An empty error file: what is said to the client is the end of the connection. */
static void
end_silently(struct txn *t, int status, enum stop stop)
{
	t->status = (uint16_t)status;
	t->keep_client = false;
	txn_count_status(t, status);
	txn_end(t, stop);
}

/* http_after_response: the answer is read again like a server's, and leaves edited. */
static void
after_response(struct txn *t, struct buf **out)
{
	struct http_head *h = &self.head;
	enum http_reject why;
	struct span whole = buf_span(*out);
	if (!rules_have_after_response(t) ||
	    http_head_parse_response(whole.p, whole.n, 0, &t->fe->cfg->limits, h, &why) !=
		    HTTP_PARSE_OK)
		return;
	rules_after_response(t, h);
	if (!h->is_edited)
		return;
	size_t body_n = whole.n - h->bytes, need = whole.n + h->edits_n + 64;
	struct http_outgoing as_it_is = {.body = HTTP_BODY_NONE};
	struct buf *edited = buf_get(&self.bufs, need);
	size_t n = edited ? http_serialise_response(h, &as_it_is, edited->bytes,
						    edited->cap - body_n)
			  : 0;
	if (n == 0) {
		buf_put(&self.bufs, &edited);
		return;
	}
	memcpy(edited->bytes + n, whole.p + h->bytes, body_n);
	edited->to = (uint32_t)(n + body_n);
	t->status = h->status;
	buf_put(&self.bufs, out);
	*out = edited;
}

void
reply_send(struct txn *t, const struct http_reply *reply, enum stop stop)
{
	struct session *s = t->s;
	struct http_reply r = *reply;
	if (t->origin) {
		struct origin *o = t->origin;
		t->origin = NULL;
		origin_close(o);
	}
	if (r.is_silent) {
		end_silently(t, r.status, stop);
		return;
	}
	char date[HTTP_DATE_BYTES]; /* RFC 9110 6.6.1 */
	http_date_put(date, clock_wall_us() / 1000000);
	r.date = span_of(date, sizeof(date));
	bool keep = may_keep(t);
	r.is_head = t->method == HTTP_METHOD_HEAD;
	r.say_close = !keep;
	r.say_keep_alive = keep && t->client_minor == 0;
	t->keep_client = keep;
	s->say_close = !keep;
	struct buf *out = buf_get(&self.bufs, http_reply_bytes(&r));
	size_t n = out ? http_reply_write(&r, out->bytes, out->cap) : 0;
	if (n == 0) {
		buf_put(&self.bufs, &out);
		txn_abort(t, STOP_no_resources);
		return;
	}
	out->to = (uint32_t)n;
	t->status = (uint16_t)r.status;
	after_response(t, &out);
	n = out->to;
	const struct http_case *names = case_for(t->fe->cfg, CFG_OPT_H1_CASE_CLIENT);
	if (names)
		http_case_apply(names, out->bytes, n);
	t->response_us = now_us();
	txn_count_status(t, t->status);
	txn_count_out(t, n);
	/* interim responses that wait for the client go first */
	struct buf *queued = t->down.pending;
	t->down.pending = NULL;
	flow_fini(&t->down);
	flow_init(&t->down, HTTP_BODY_NONE, 0, HTTP_BODY_NONE, &t->fe->cfg->limits);
	t->down.pending = queued ? queued : out;
	if (queued) {
		(void)flow_queue(&t->down, out->bytes, n);
		buf_put(&self.bufs, &out);
	}
	t->is_reply = true;
	t->stop = (uint8_t)stop;
	t->server_deadline_ms = 0;
	uint64_t wait_ms = txn_client_ms(t), from_ms = now_ms();
	if (t->tarpit_until_ms)
		from_ms = t->tarpit_until_ms;
	t->client_deadline_ms = wait_ms ? from_ms + wait_ms : 0;
	reply_run(t);
}

void
reply_run(struct txn *t)
{
	if (t->tarpit_until_ms > now_ms()) {
		t->look_at_ms = t->tarpit_until_ms;
		net_conn_await(self.loop, &t->s->client);
		txn_arm(t);
		return;
	}
	switch (flow_run(&t->down, &t->s->client, &t->s->client, NULL, NULL, NULL)) {
	case FLOW_DONE:
		txn_end(t, t->stop);
		break;
	case FLOW_DST_FAILED:
		txn_abort(t, t->stop == STOP_answered_here ? STOP_client_abort : t->stop);
		break;
	default: /* only the client can make it wait: there is no source */
		net_conn_await(self.loop, &t->s->client);
		txn_arm(t);
	}
}

/* What the configuration has for this error: the backend's once there is one, else the
 * frontend's; NULL: the standard page. */
static const struct http_reply *
configured(const struct txn *t, int status)
{
	int i = http_error_of(status);
	if (i < 0)
		return NULL;
	const struct http_reply *own = t->be ? t->be->cfg->errors[i] : NULL;
	return own ? own : t->fe->cfg->errors[i];
}

void
reply_page(const struct txn *t, int status, struct http_reply *r)
{
	const struct http_reply *own = configured(t, status);
	if (own)
		*r = *own;
	else
		http_reply_error(status, r);
	r->status = status; /* whatever the file says, this is what it is counted as */
}

void
reply_error(struct txn *t, int status, enum stop stop)
{
	struct http_reply r;
	reply_page(t, status, &r);
	reply_send(t, &r, stop);
}

void
reply_reject(struct txn *t, enum http_reject why)
{
	int status = http_reject_status(why);
	t->is_request_bad = true;
	t->keep_client = false;
	reply_error(t, status ? status : 400, STOP_bad_request);
}
