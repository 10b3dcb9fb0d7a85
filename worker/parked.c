/* SPDX-License-Identifier: MIT
 *
 * Heads that wait for bodies. Worker. Owns nothing: what it makes belongs to the txn.
 */
#include "worker/parked.h"

#include "lib/http/edit.h"

enum { PARKED_BYTES = 16 * 1024 }; /* head and body: HAProxy's tune.bufsize */

struct parked {
	struct http_head head;
	struct http_framing framing;
	char bytes[]; /* of the head, and behind them what edits wrote */
};

/* In a buffer, whose bytes have no alignment of their own. */
static struct parked *
parked_in(struct buf *b)
{
	uintptr_t align = _Alignof(struct parked);
	return (struct parked *)(((uintptr_t)b->bytes + align - 1) & ~(align - 1));
}

bool
parked_is_enough(const struct txn *t, const struct flow *f, uint64_t least)
{
	return f->is_source_done || f->in == HTTP_BODY_TUNNEL ||
	       (least && f->moved >= least) ||
	       t->parked_bytes + buf_len(t->body) >= PARKED_BYTES;
}

void
parked_ask(struct txn *t, struct parked_wish wish)
{
	t->body_least = wish.least;
	t->body_until_ms = wish.ms ? now_ms() + wish.ms : 0;
}

void
parked_ask_whole(struct txn *t)
{
	const struct cfg_timeouts *to = &t->fe->cfg->timeout;
	uint64_t ms = to->http_request_ms ? to->http_request_ms : to->client_ms;
	parked_ask(t, (struct parked_wish){.ms = ms});
}

bool
parked_keep(struct txn *t, const struct http_head *h, const struct http_framing *f,
	    struct span body)
{
	size_t edits_n = h->is_edited ? h->edits_n : 0;
	size_t need =
		sizeof(struct parked) + _Alignof(struct parked) + h->bytes + edits_n;
	struct buf *b = buf_get(&self.bufs, need);
	if (!b)
		return false;
	struct parked *p = parked_in(b);
	p->head = *h;
	p->framing = *f;
	memcpy(p->bytes, h->base, h->bytes);
	if (edits_n)
		memcpy(p->bytes + h->bytes, h->edits, edits_n);
	http_head_moved(&p->head, p->bytes, p->bytes + h->bytes);
	t->parked = b;
	t->parked_bytes = h->bytes;
	return t->body || buf_append(&self.bufs, &t->body, body.p, body.n);
}

struct buf *
parked_take(struct txn *t, struct http_framing *f)
{
	struct buf *b = t->parked;
	const struct parked *p = parked_in(b);
	struct http_head *h = &self.head;
	*h = p->head;
	*f = p->framing;
	if (h->is_edited) {
		memcpy(self.edits, h->edits, h->edits_n);
		http_head_moved(h, h->base, self.edits);
	}
	t->parked = NULL;
	t->body_until_ms = 0;
	return b;
}

struct span
parked_decoded(enum http_body out, struct span encoded)
{
	struct span rest = encoded, first = {NULL, 0};
	size_t n = 0;
	if (out != HTTP_BODY_CHUNKED)
		return encoded;
	while (rest.n) { /* our own chunks: whole, without extensions */
		struct span size = span_cut(&rest, '\n');
		size_t len = 0;
		for (size_t i = 0; i + 1 < size.n; i++)
			len = len << 4 |
			      (unsigned)(size.p[i] <= '9' ? size.p[i] - '0'
							  : size.p[i] - 'a' + 10);
		if (len == 0 || len > rest.n)
			break;
		if (!first.p) {
			first = span_of(rest.p, len);
		} else {
			if (n == 0)
				memmove(self.tx, first.p, n = first.n);
			memcpy(self.tx + n, rest.p, len);
			n += len;
		}
		rest = span_of(rest.p + len + 2, rest.n > len + 2 ? rest.n - len - 2 : 0);
	}
	return n ? span_of(self.tx, n) : first;
}

enum flow_end
parked_collect(struct txn *t, struct flow *f, struct net_conn *from, struct buf **rest,
	       void (*count)(void *arg, uint64_t n))
{
	while (!parked_is_enough(t, f, t->body_least)) {
		enum flow_end end = flow_collect(f, from, &t->body, buf_len(t->body) + 1,
						 rest, count, t);
		if (end != FLOW_DONE)
			return end;
	}
	return FLOW_DONE;
}
