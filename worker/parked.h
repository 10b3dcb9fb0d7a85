/* SPDX-License-Identifier: MIT
 *
 * A message whose body its rules wait for: option http_buffer_request, action
 * wait_for_body. Its head, with what rules have done to it so far, is kept beside the
 * txn, its body is collected in txn.body, encoded as it will be sent; then the rules go
 * on where they stopped (txn.rule_stage, rule_at).
 */
#ifndef WEIR_WORKER_PARKED_H
#define WEIR_WORKER_PARKED_H

#include "worker/session.h"

/* How much body is waited for, and how long. */
struct parked_wish {
	uint64_t least; /* bytes, decoded; 0: all */
	uint64_t ms;	/* 0: no limit */
};

/* Whether it needs no waiting: enough of the body is there, or no more fits. */
bool parked_is_enough(const struct txn *t, const struct flow *f, uint64_t least);
/* The rules of t are to wait; before they return RULE_WAITS. */
void parked_ask(struct txn *t, struct parked_wish wish);
/* All of a request's, while its timeout http_request lasts. */
void parked_ask_whole(struct txn *t);

/* Keeps a head that rules have looked at; body is what has come behind it, unless it is
 * in t->body already. false: no buffer. */
bool parked_keep(struct txn *t, const struct http_head *h, const struct http_framing *f,
		 struct span body);
/* The head again, in self.head, and its body in self.body, decoded. The bytes of the head
 * lie in what is returned, which the caller puts back. */
struct buf *parked_take(struct txn *t, struct http_framing *f);

/* Body bytes as they will be sent, as rules see them: without the framing of chunks. May
 * lie in self.tx. */
struct span parked_decoded(enum http_body out, struct span encoded);

/* Collects what is there of the body. FLOW_DONE: enough. */
enum flow_end parked_collect(struct txn *t, struct flow *f, struct net_conn *from,
			     struct buf **rest, void (*count)(void *arg, uint64_t n));

#endif
