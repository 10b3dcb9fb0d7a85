/* SPDX-License-Identifier: MIT
 *
 * Answers made by weir itself: errors, fixed answers of rules, refusals. Worker.
 */
#include "lib/base/clock.h"
#include "lib/http/date.h"
#include "lib/http/reply.h"
#include "lib/http/serialise.h"
#include "worker/origin.h"
#include "worker/page.h"
#include "worker/stats_page.h"
#include "worker/track.h"

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

/* http_after_response: the answer, of which *head is the beginning, is read again like a
 * server's. What leaves edited stands in self.hx, and *body is what came behind it. An
 * answer to no request, as 400 and 408, has no rules, as in HAProxy. */
static void
after_response(struct txn *t, struct span *head, struct span *body)
{
	struct http_head *h = &self.head;
	struct http_outgoing as_it_is = {.body = HTTP_BODY_NONE};
	enum http_reject why;
	if (t->is_request_bad || !rules_have_after_response(t) ||
	    http_head_parse_response(head->p, head->n, 0, &t->fe->cfg->limits, h, &why) !=
		    HTTP_PARSE_OK)
		return;
	self.body = span_of(NULL, 0); /* of what was asked, or of what a server said */
	rules_after_response(t, h);
	size_t n = h->is_edited ? http_serialise_response(h, &as_it_is, self.hx,
							  WORKER_HX_BYTES)
				: 0;
	if (n == 0)
		return;
	t->status = h->status;
	*body = span_of(head->p + h->bytes, head->n - h->bytes);
	*head = span_of(self.hx, n);
}

/* Sends what the client takes now, and keeps the rest behind what else waits for it. */
static bool
hand_over(struct txn *t, struct span head, struct span body)
{
	struct net_conn *client = &t->s->client;
	struct buf *queued = t->down.pending; /* interim responses go first */
	size_t sent = 0;
	t->down.pending = NULL;
	flow_fini(&t->down);
	flow_init(&t->down, HTTP_BODY_NONE, 0, HTTP_BODY_NONE, &t->fe->cfg->limits);
	t->down.pending = queued;
	if (!queued && client->is_writable && t->tarpit_until_ms <= now_ms()) {
		struct iovec iov[2] = {{(void *)(uintptr_t)head.p, head.n},
				       {(void *)(uintptr_t)body.p, body.n}};
		(void)net_conn_writev(client, iov, 2, &sent); /* a failure shows again */
	}
	size_t of_body = sent > head.n ? sent - head.n : 0;
	return (sent >= head.n || flow_queue(&t->down, head.p + sent, head.n - sent)) &&
	       flow_queue(&t->down, body.p + of_body, body.n - of_body);
}

/* Most answers are made in scratch memory, so that they are sent even when no buffer is
 * left. */
static bool
write_reply(struct txn *t, const struct http_reply *r)
{
	const struct http_case *names = case_for(t->fe->cfg, CFG_OPT_H1_CASE_CLIENT);
	size_t need = http_reply_bytes(r);
	struct buf *big = need > WORKER_TX_BYTES ? buf_get(&self.bufs, need) : NULL;
	char *out = big ? big->bytes : self.tx;
	size_t n = http_reply_write(r, out, big ? big->cap : WORKER_TX_BYTES);
	bool is_written = n > 0;
	if (is_written) {
		struct span head = span_of(out, n), body = span_of(out, 0);
		t->status = (uint16_t)r->status;
		after_response(t, &head, &body);
		if (names)
			http_case_apply(names, (char *)(uintptr_t)head.p, head.n);
		t->response_us = now_us();
		txn_count_status(t, t->status);
		txn_count_out(t, head.n + body.n);
		is_written = hand_over(t, head, body);
	}
	buf_put(&self.bufs, &big);
	return is_written;
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
	r.is_head = t->method == HTTP_METHOD_HEAD || t->hides_body;
	r.say_close = !keep;
	r.say_keep_alive = keep && t->client_minor == 0;
	t->keep_client = keep;
	s->say_close = !keep;
	if (!write_reply(t, &r)) {
		txn_abort(t, STOP_no_resources);
		return;
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

/* A tarpit, or control that has not done yet what the answer is about. */
static bool
is_held_back(struct txn *t)
{
	enum { LOOK_MS = 5 };
	uint64_t now = now_ms();
	if (t->tarpit_until_ms <= now || (t->asks && !stats_form_is_waiting(t)))
		return false;
	t->look_at_ms = t->asks ? now + LOOK_MS : t->tarpit_until_ms;
	return true;
}

void
reply_run(struct txn *t)
{
	if (is_held_back(t)) {
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

/* The status that the configuration wants for this reason. */
static int
status_for(const struct txn *t, int status, enum stop stop)
{
	const struct cfg_proxy *p = t->be ? t->be->cfg : t->fe->cfg;
	const struct cfg_error_status *own = &p->error_status;
	switch ((int)stop) {
	case STOP_client_timeout:
		return own->client_timeout;
	case STOP_connect_failed:
		return own->connect_failed;
	case STOP_connect_timeout:
		return own->connect_timeout;
	case STOP_no_server:
		return own->no_server;
	case STOP_queue_full:
		return own->queue_full;
	case STOP_queue_timeout:
		return own->queue_timeout;
	case STOP_server_abort:
		return own->server_abort;
	case STOP_server_timeout:
		return own->server_timeout;
	case STOP_bad_response:
		return own->bad_response;
	default:
		return status;
	}
}

void
reply_error(struct txn *t, int status, enum stop stop)
{
	struct http_reply r;
	status = status_for(t, status, stop);
	if (status == 405 && !page_is_own(t, status))
		http_reply_method(&r);
	else
		page_error_of(t, status, &r);
	reply_send(t, &r, stop);
}

void
reply_reject(struct txn *t, enum http_reject why)
{
	int status = http_reject_status(why);
	t->is_request_bad = true;
	t->keep_client = false;
	track_status(t, 400);
	reply_error(t, status ? status : 400, STOP_bad_request);
}
