/* SPDX-License-Identifier: MIT
 *
 * The evaluation of rules, and routing. Worker; no I/O but what actions do.
 */
#include "worker/rules/rules.h"

#include <stdlib.h>

#include "lib/expr/cond.h"
#include "lib/expr/format.h"
#include "worker/pick/farm.h"
#include "worker/fetch/fetch.h"
#include "worker/parked.h"
#include "worker/pick/persist.h"
#include "worker/fetch/vars.h"

static rule_action *const actions[CFG_ACTIONS_N] = {
#define ACTION(name, sets, end, form, type, sub, help, manual) do_##name,
#include "config/actions.def"
#undef ACTION
};

static enum expr_verdict
judge(const struct expr_cond *cond, bool unless, const struct txn_context *c)
{
	if (!cond)
		return EXPR_TRUE;
	enum expr_verdict v = expr_cond_eval(cond, &c->base);
	return unless ? EXPR_TRUE - v : v;
}

/* Where all bytes are there that will be. */
static bool
holds(const struct expr_cond *cond, bool unless, const struct txn_context *c)
{
	return judge(cond, unless, c) == EXPR_TRUE;
}

/* An action that may end the list, and t with it. */
static enum rule_end
act_last(struct rule_run *r, const struct cfg_rule *a)
{
	struct txn *t = r->c.t;
	const struct cfg_rule *before = t ? t->last_rule : NULL;
	if (t)
		t->last_rule = a;
	enum rule_end end = actions[a->action](r, a);
	if (t && end == RULE_GOES_ON)
		t->last_rule = before;
	return end;
}

/* From rule `from` on. No rule needs what an earlier one has put into the scratch. */
static enum rule_end
run(struct rule_run *r, size_t from)
{
	const struct cfg_rules *rules = &r->proxy->rules[r->set];
	for (size_t i = from; i < rules->n; i++) {
		const struct cfg_rule *a = &rules->list[i];
		self.scratch.used = 0;
		bool is_due = r->is_due && i == from;
		enum expr_verdict due =
			is_due ? EXPR_TRUE : judge(a->cond, a->unless, &r->c);
		if (due == EXPR_UNDECIDED) {
			r->c.t->rule_at = (uint16_t)i;
			return RULE_WAITS;
		}
		if (due == EXPR_FALSE)
			continue;
		enum rule_end end = a->ends ? act_last(r, a) : actions[a->action](r, a);
		if (end == RULE_WAITS) {
			r->c.t->rule_at = (uint16_t)i;
			r->c.t->is_at_action = true;
		}
		if (end != RULE_GOES_ON)
			return end;
	}
	return RULE_GOES_ON;
}

/* One list of one proxy; RULE_ACCEPTED is said as RULE_GOES_ON. */
static enum rule_end
run_list(struct txn *t, const struct cfg_proxy *p, enum cfg_rule_set set,
	 struct http_head *req, struct http_head *res)
{
	size_t from = t->rule_at;
	struct rule_run r = {
		.c = context_for(t, cfg_at(set)),
		.proxy = p,
		.set = set,
		.is_due = t->is_at_action,
	};
	t->rule_at = 0;
	t->is_at_action = false;
	if (p->rules[set].n == 0)
		return RULE_GOES_ON;
	r.c.req = req;
	r.c.res = res;
	enum rule_end end = run(&r, from);
	return end == RULE_ACCEPTED ? RULE_GOES_ON : end;
}

/* option http_buffer_request: behind tcp_request.content, which may refuse at once. */
static bool
must_wait(struct txn *t, const struct cfg_proxy *p)
{
	if (!(p->options & CFG_OPT_HTTP_BUFFER_REQUEST) || parked_is_enough(t, &t->up, 0))
		return false;
	parked_ask_whole(t);
	return true;
}

enum rule_end
rules_request_run(struct txn *t, const struct cfg_proxy *p, struct http_head *h)
{
	enum { CONTENT, BODY, REQUEST, REDIRECT, STAGES_N };
	static const uint8_t sets[STAGES_N] = {[CONTENT] = CFG_RULES_CONTENT,
					       [REQUEST] = CFG_RULES_REQUEST,
					       [REDIRECT] = CFG_RULES_REDIRECT};
	for (unsigned i = t->rule_stage; i < STAGES_N; i++) {
		enum rule_end end = RULE_GOES_ON;
		if (i != BODY)
			end = run_list(t, p, (enum cfg_rule_set)sets[i], h, NULL);
		else if (must_wait(t, p))
			end = RULE_WAITS;
		if (end == RULE_WAITS)
			t->rule_stage = (uint8_t)i;
		if (end != RULE_GOES_ON)
			return end;
	}
	t->rule_stage = 0;
	return RULE_GOES_ON;
}

enum rule_end
rules_response_run(struct txn *t, struct http_head *h)
{
	enum { STAGES_N = 3 };
	const struct cfg_proxy *fe = t->fe->cfg, *be = t->be->cfg;
	const struct {
		const struct cfg_proxy *of;
		enum cfg_rule_set set;
	} stages[STAGES_N] = {{be, CFG_RULES_RES_CONTENT},
			      {be, CFG_RULES_RESPONSE},
			      {fe, CFG_RULES_RESPONSE}};
	for (unsigned i = t->rule_stage; i < STAGES_N; i++) {
		if (i == 2 && fe == be)
			break;
		enum rule_end end = run_list(t, stages[i].of, stages[i].set, NULL, h);
		t->rule_stage = (uint8_t)i;
		if (end != RULE_GOES_ON)
			return end;
	}
	t->rule_stage = 0;
	return RULE_GOES_ON;
}

void
rules_after_response_run(struct txn *t, struct http_head *h)
{
	const struct cfg_proxy *fe = t->fe->cfg, *be = t->be ? t->be->cfg : fe;
	(void)run_list(t, be, CFG_RULES_AFTER_RESPONSE, NULL, h);
	if (fe != be)
		(void)run_list(t, fe, CFG_RULES_AFTER_RESPONSE, NULL, h);
}

enum rule_end
rules_connection(struct session *s, enum cfg_rule_set set)
{
	const struct cfg_proxy *p = s->bind->fe->cfg;
	if (p->rules[set].n == 0)
		return RULE_GOES_ON;
	struct rule_run r = {
		.c = {.base = {&worker_host, &self.scratch, cfg_at(set), NULL}, .s = s},
		.proxy = p,
		.set = set,
	};
	return run(&r, 0) == RULE_ENDED ? RULE_ENDED : RULE_GOES_ON;
}

enum rule_end
rules_content(struct txn *t, const struct cfg_proxy *p, enum cfg_rule_set set,
	      bool is_final)
{
	struct rule_run r = {
		.c = context_for(t, cfg_at(set)),
		.proxy = p,
		.set = set,
	};
	r.c.base.lacks = is_final ? NULL : &r.lacks;
	enum rule_end end = run(&r, t->rule_at);
	if (end != RULE_WAITS && end != RULE_ENDED)
		t->rule_at = 0;
	return end;
}

/* --- routing ------------------------------------------------------------------------ */

/* The backend whose name the format makes; NULL: there is none. */
static struct rt_backend *
named(struct txn_context *c, const struct format *f)
{
	char name[CFG_NAME_MAX + 1];
	size_t n = format_write(f, &c->base, name, sizeof(name));
	const struct cfg_proxy *found = fetch_proxy_named(span_of(name, n));
	return found && found->mode == c->t->fe->cfg->mode ? backend_of(found) : NULL;
}

struct rt_backend *
route(struct txn *t, struct http_head *h)
{
	const struct rt_frontend *fe = t->fe;
	if (fe->cfg->use_backend_n == 0)
		return fe->default_be;
	struct txn_context c = context_for(t, h ? EXPR_AT_REQUEST : EXPR_AT_CONTENT);
	c.req = h;
	for (size_t i = 0; i < fe->cfg->use_backend_n; i++) {
		const struct cfg_use_backend *u = &fe->cfg->use_backend[i];
		self.scratch.used = 0;
		if (!holds(u->cond, u->unless, &c))
			continue;
		struct rt_backend *be =
			u->name ? named(&c, u->name) : backend_of(u->backend);
		if (be)
			return be;
	}
	return fe->default_be;
}

/* The server of that name; NULL: there is none. */
static struct rt_server *
server_named(struct txn_context *c, const struct format *f)
{
	struct rt_backend *be = c->t->be;
	char name[CFG_NAME_MAX + 1];
	struct span made = span_of(name, format_write(f, &c->base, name, sizeof(name)));
	for (size_t i = 0; i < be->servers_n; i++)
		if (span_eq(made, span_str(be->servers[i]->cfg->name)))
			return be->servers[i];
	return NULL;
}

struct rt_server *
route_server_run(struct txn *t, struct http_head *h)
{
	const struct cfg_proxy *p = t->be->cfg;
	struct txn_context c = context_for(t, h ? EXPR_AT_REQUEST : EXPR_AT_CONTENT);
	c.req = h;
	for (size_t i = 0; i < p->use_server_n; i++) {
		const struct cfg_use_server *u = &p->use_server[i];
		self.scratch.used = 0;
		if (!holds(u->when.cond, u->when.unless, &c))
			continue;
		struct rt_server *srv = u->name ? server_named(&c, u->name)
						: t->be->servers[u->server->index];
		if (srv && farm_may_stick(srv, t->is_forced))
			return srv;
	}
	return NULL;
}

void
persist_rules_run(struct txn *t, struct http_head *h)
{
	const struct cfg_proxy *p = t->be->cfg;
	struct txn_context c = context_for(t, h ? EXPR_AT_REQUEST : EXPR_AT_CONTENT);
	c.req = h;
	for (size_t i = 0; i < p->persist_n; i++) {
		const struct cfg_persist *r = &p->persist[i];
		self.scratch.used = 0;
		if (!holds(r->when.cond, r->when.unless, &c))
			continue;
		t->is_forced = r->is_forced;
		t->ignores_persist = !r->is_forced;
		return;
	}
}

bool
rules_any(struct txn *t, struct http_head *h, const struct cfg_when *whens, size_t n)
{
	struct txn_context c = context_for(t, EXPR_AT_REQUEST);
	c.req = h;
	for (size_t i = 0; i < n; i++) {
		self.scratch.used = 0;
		if (holds(whens[i].cond, whens[i].unless, &c))
			return true;
	}
	return false;
}
