/* SPDX-License-Identifier: MIT
 *
 * What the configuration says about a request: its http_request rules, its backend.
 * Conditions see the parsed head through the fetches of fetch.c.
 */
#ifndef WEIR_WORKER_RULES_H
#define WEIR_WORKER_RULES_H

#include "lib/expr/cond.h"
#include "worker/session.h"

/* The context for conditions on a request; valid as long as the head. */
struct request_context {
	struct expr_context base;
	const struct http_head *head;
};
struct request_context request_context_of(const struct http_head *h);

/* The first rule that acts on the request, NULL: none. */
const struct cfg_rule *rules_first(const struct cfg_proxy *p, const struct http_head *h);
/* use_backend in order, then default_backend; NULL: none. */
struct rt_backend *route(const struct rt_frontend *fe, const struct http_head *h);

#endif
