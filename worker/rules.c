/* SPDX-License-Identifier: MIT
 *
 * Rules and routing of a request. Worker; no I/O.
 */
#include "worker/rules.h"

static bool
holds(const struct expr_cond *cond, bool unless, const struct txn_context *c)
{
	return !cond || expr_cond_eval(cond, &c->base) != unless;
}

static struct txn_context
request_context(struct txn *t, struct http_head *h)
{
	self.scratch.used = 0;
	return (struct txn_context){
		.base = {&worker_host, &self.scratch, EXPR_AT_REQUEST},
		.s = t->s,
		.t = t,
		.req = h,
	};
}

const struct cfg_rule *
rules_first(const struct cfg_proxy *p, struct txn *t, struct http_head *h)
{
	if (p->http_request_n == 0)
		return NULL;
	struct txn_context c = request_context(t, h);
	for (size_t i = 0; i < p->http_request_n; i++)
		if (holds(p->http_request[i].cond, p->http_request[i].unless, &c))
			return &p->http_request[i];
	return NULL;
}

struct rt_backend *
route(struct txn *t, struct http_head *h)
{
	const struct rt_frontend *fe = t->fe;
	if (fe->cfg->use_backend_n == 0)
		return fe->default_be;
	struct txn_context c = request_context(t, h);
	for (size_t i = 0; i < fe->cfg->use_backend_n; i++) {
		const struct cfg_use_backend *u = &fe->cfg->use_backend[i];
		if (holds(u->cond, u->unless, &c))
			return backend_of(u->backend);
	}
	return fe->default_be;
}
