/* SPDX-License-Identifier: MIT
 *
 * What the configuration says about a request: its http_request rules, its backend.
 * Conditions see the parsed head through the fetches of fetch.c.
 */
#ifndef WEIR_WORKER_RULES_H
#define WEIR_WORKER_RULES_H

#include "worker/context.h"

/* The first rule that acts on the request, NULL: none. */
const struct cfg_rule *rules_first(const struct cfg_proxy *p, struct txn *t,
				   struct http_head *h);
/* use_backend in order, then default_backend; NULL: none. */
struct rt_backend *route(struct txn *t, struct http_head *h);

#endif
