/* SPDX-License-Identifier: MIT
 *
 * What expressions, conditions and formats are evaluated against in a worker: a session,
 * its txn, and the heads that are parsed at the moment. Made on the stack for one
 * evaluation or one list of rules.
 */
#ifndef WEIR_WORKER_FETCH_CONTEXT_H
#define WEIR_WORKER_FETCH_CONTEXT_H

#include "lib/expr/sample.h"
#include "worker/session.h"

struct txn_context {
	struct expr_context base; /* first: fetches get its address */
	struct session *s;
	struct txn *t;	       /* NULL: rules of a connection that is not a txn yet */
	struct http_head *req; /* NULL: gone, or not HTTP */
	struct http_head *res; /* NULL: not there yet, or gone */
	struct span body;      /* of the message: what is here of it, decoded */
};

/* fetch.c: what this process provides. */
extern const struct expr_host worker_host;

/* Of a txn whose heads are not at hand. */
static inline struct txn_context
context_for(struct txn *t, enum expr_at at)
{
	return (struct txn_context){
		.base = {&worker_host, &self.scratch, at, NULL},
		.s = t->s,
		.t = t,
		.body = self.body,
	};
}

static inline const struct txn_context *
context_of(const struct expr_context *c)
{
	return (const struct txn_context *)(const void *)c;
}

#endif
