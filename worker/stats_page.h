/* SPDX-License-Identifier: MIT
 *
 * The statistics page of a proxy: what is shown, and the form that changes servers.
 */
#ifndef WEIR_WORKER_STATS_PAGE_H
#define WEIR_WORKER_STATS_PAGE_H

#include "worker/rules/rules.h"

/* One request for it. */
struct stats_request {
	const struct cfg_proxy *page;
	struct span tail; /* of the target, behind the page's uri */
};

/* The value of an option ";name=value" of the page's URI ("" for ";name"); p NULL: it is
 * not there. */
struct span stats_request_option(const struct stats_request *r, struct span name);

/* A POST: asks for what the form says, and answers with a redirect that says how that
 * went. RULE_WAITS: for more of the body. */
enum rule_end stats_form_run(struct txn *t, const struct stats_request *r,
			     struct http_head *h);
/* Whether an answer waits for what control is asked to do. */
bool stats_form_is_waiting(const struct txn *t);

/* RULE_GOES_ON: the request is not for the page. */
enum rule_end stats_page_run(struct txn *t, const struct cfg_proxy *page,
			     struct http_head *h);
static inline enum rule_end
stats_page(struct txn *t, struct http_head *h)
{
	const struct cfg_proxy *p = t->be ? t->be->cfg : t->fe->cfg;
	return p->stats.uri ? stats_page_run(t, p, h) : RULE_GOES_ON;
}

#endif
