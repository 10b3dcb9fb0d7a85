/* SPDX-License-Identifier: MIT
 *
 * Clients behind a proxy that says so: the header of the PROXY protocol in front of a
 * connection's own bytes (configuration.txt 5.1 accept-proxy; proxy-protocol.txt).
 * Worker.
 *
 * It is looked at in the socket until it is whole and then taken out to the byte, so that
 * what follows is read as on any other connection, and nothing is held of a client that
 * does not say a word.
 */
#include <errno.h>

#include "lib/net/proxy_header.h"
#include "worker/limits.h"
#include "worker/session.h"
#include "worker/summary.h"

/* It was no session: HAProxy's words for the log (configuration.txt 8.2.6). */
static void
refuse(struct session *s, bool is_silent, struct span reason)
{
	const struct cfg_proxy *fe = s->bind->fe->cfg;
	struct txn *t = txn_new(s);
	limits_no_session();
	if (!t) {
		session_close(s, false);
		return;
	}
	t->is_request_bad = true;
	t->no_log = is_silent && fe->options & CFG_OPT_DONTLOGNULL;
	if (!t->no_log && !fe->access_log.error_format) {
		access_log_handshake(t, reason);
		t->no_log = true;
	}
	txn_abort(t, STOP_no_proxy_header);
}

void
proxied_timeout(struct session *s)
{
	refuse(s, false, SPAN("Timeout while waiting for PROXY protocol header"));
}

/* Where the connection comes from and went to, from now on. false: no memory. */
static bool
adopt(struct session *s, const struct proxy_header *h)
{
	struct session_ends *ends = session_ends_of(s);
	if (!ends ||
	    (h->tlvs.n && !buf_append(&self.bufs, &ends->tlvs, h->tlvs.p, h->tlvs.n)))
		return false;
	ends->is_proxied = true;
	ends->handshake_ms = (uint32_t)((now_us() - s->accepted_us) / 1000);
	if (h->src.kind == ADDR_NONE)
		return true;
	session_keep_fc_src(s, ends);
	s->peer = session_addr_of(&h->src);
	ends->dst = session_addr_of(&h->dst);
	ends->has_dst = true;
	summary_end(s);
	summary_begin(s);
	return true;
}

static void
begin(struct session *s, const struct proxy_header *h)
{
	if (!adopt(s, h)) {
		refuse(s, false, SPAN("No memory for the PROXY protocol header"));
		return;
	}
	ssize_t taken;
	do
		taken = recv(s->client.watch.fd, self.rx, h->bytes, 0);
	while (taken < 0 && errno == EINTR);
	if (taken != (ssize_t)h->bytes) {
		refuse(s, true,
		       SPAN("Connection error while waiting for PROXY protocol header"));
		return;
	}
	net_timer_remove(&s->timer);
	s->client.is_readable = true; /* what is behind it was not looked for */
	s->since_us = now_us();
	s->state = SESSION_IDLE;
	session_begin(s);
}

static void
await(struct session *s)
{
	const struct cfg_timeouts *to = &s->bind->fe->cfg->timeout;
	uint64_t wait_ms = to->client_hs_ms ? to->client_hs_ms : to->client_ms;
	s->client.is_readable = false;
	if (!s->timer.deadline_ms && wait_ms)
		net_timer_set(self.loop, &s->timer, now_ms() + wait_ms);
	net_conn_await(self.loop, &s->client);
}

/* What is in the socket is not the whole of it. */
static void
wait_for_rest(struct session *s, bool has_begun)
{
	if (!s->client.is_hungup)
		await(s);
	else if (has_begun)
		refuse(s, false, SPAN("Truncated PROXY protocol header received"));
	else
		refuse(s, true,
		       SPAN("Connection closed while waiting for PROXY protocol header"));
}

void
proxied_read(struct session *s)
{
	struct proxy_header h;
	ssize_t n;
	do
		n = recv(s->client.watch.fd, self.rx, PROXY_HEADER_BYTES_MAX, MSG_PEEK);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno != EAGAIN) {
		refuse(s, true,
		       SPAN("Connection error while waiting for PROXY protocol header"));
		return;
	}
	if (n == 0)
		s->client.is_hungup = true;
	switch (proxy_header_parse(self.rx, n > 0 ? (size_t)n : 0, &h)) {
	case PROXY_PARSE_OK:
		begin(s, &h);
		break;
	case PROXY_PARSE_INCOMPLETE:
		wait_for_rest(s, n > 0);
		break;
	case PROXY_PARSE_NO_HEADER:
		refuse(s, false,
		       SPAN("Received something which does not look like a PROXY "
			    "protocol header"));
		break;
	case PROXY_PARSE_BAD:
		refuse(s, false, SPAN("Received an invalid PROXY protocol header"));
		break;
	case PROXY_PARSE_BAD_PROTOCOL:
		refuse(s, false,
		       SPAN("Received an unhandled protocol in the PROXY protocol "
			    "header"));
		break;
	}
}
