/* SPDX-License-Identifier: MIT
 *
 * option http_buffer_request: no server is chosen before the request is here, whole or as
 * much of it as a buffer holds, so that a slow client costs no server anything. Likewise
 * where the body says which server it is. Worker. The body waits behind the head in
 * txn.head, and is sent with it.
 */
#include "worker/pick.h"

enum {
	BUFFER_BYTES = 16 * 1024, /* head and body: HAProxy's tune.bufsize */
	STARVED_MS = 10,
};

bool
body_must_wait(const struct txn *t)
{
	uint32_t options = t->be->cfg->options | t->fe->cfg->options;
	return !t->up.is_source_done &&
	       (options & CFG_OPT_HTTP_BUFFER_REQUEST || pick_wants_body(t));
}

/* The client that waits for a word before it sends its body gets it from us (RFC 9110
 * 10.1.1). false: t is gone. */
static bool
say_continue(struct txn *t)
{
	struct span word = SPAN("HTTP/1.1 100 Continue\r\n\r\n");
	struct net_conn *client = &t->s->client;
	txn_count_out(t, word.n);
	if (flow_queue(&t->down, word.p, word.n) &&
	    flow_run(&t->down, client, client, NULL, NULL, NULL) != FLOW_DST_FAILED)
		return true;
	txn_abort(t, STOP_client_abort);
	return false;
}

void
body_wait(struct txn *t, bool expects_continue)
{
	const struct cfg_timeouts *to = &t->fe->cfg->timeout;
	uint64_t wait_ms = to->http_request_ms ? to->http_request_ms : to->client_ms;
	t->is_buffering = true;
	t->client_deadline_ms = wait_ms ? now_ms() + wait_ms : 0;
	if (!expects_continue || say_continue(t))
		body_wait_run(t);
}

static void
body_here(struct txn *t)
{
	t->is_buffering = false;
	t->client_deadline_ms = 0;
	if (t->up.is_source_done)
		t->is_replayable = http_method_is_idempotent((enum http_method)t->method);
	pick_body(t);
	dispatch_start(t);
}

void
body_wait_run(struct txn *t)
{
	enum flow_end end = txn_collect(t, BUFFER_BYTES);
	switch (end) {
	case FLOW_DONE:
		body_here(t);
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
