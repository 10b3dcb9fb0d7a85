/* SPDX-License-Identifier: MIT
 *
 * Rules: lists of actions with conditions, evaluated in order, and the choice of a
 * backend. An action is a function named after its row in config/actions.def
 * (actions_*.c). Worker; nothing is allocated but what an action keeps.
 */
#ifndef WEIR_WORKER_RULES_RULES_H
#define WEIR_WORKER_RULES_RULES_H

#include "worker/page.h"

enum rule_end {
	RULE_GOES_ON,
	RULE_ACCEPTED, /* no later rule of the list is looked at */
	RULE_ENDED,    /* the txn (or the session) was answered or is gone */
	RULE_WAITS,    /* for bytes: the list goes on at txn.rule_at; nothing is ended */
};

/* A list of rules under evaluation. */
struct rule_run {
	struct txn_context c;
	const struct cfg_proxy *proxy; /* whose list it is */
	enum cfg_rule_set set;
	bool is_due;	 /* the first rule's condition has held */
	bool is_lenient; /* strict_mode: false */
	bool lacks;	 /* of its context, when more bytes may come */
};

typedef enum rule_end rule_action(struct rule_run *r, const struct cfg_rule *a);
#define ACTION(name, sets, end, form, type, sub, help, manual) rule_action do_##name;
#include "config/actions.def"
#undef ACTION

/* The lists of a request and of its answer, for one proxy. RULE_ACCEPTED is said as
 * RULE_GOES_ON. RULE_WAITS: to be called again when enough of the body is there
 * (parked.h). */
enum rule_end rules_request_run(struct txn *t, const struct cfg_proxy *p,
				struct http_head *h);
static inline enum rule_end
rules_request(struct txn *t, const struct cfg_proxy *p, struct http_head *h)
{
	enum {
		SETS = 1 << CFG_RULES_CONTENT | 1 << CFG_RULES_REQUEST |
		       1 << CFG_RULES_REDIRECT
	};
	bool has_any = p->rule_sets & SETS || p->options & CFG_OPT_HTTP_BUFFER_REQUEST;
	return has_any ? rules_request_run(t, p, h) : RULE_GOES_ON;
}
/* Those of the backend, then those of the frontend. */
enum rule_end rules_response_run(struct txn *t, struct http_head *h);
static inline enum rule_end
rules_response(struct txn *t, struct http_head *h)
{
	enum { SETS = 1 << CFG_RULES_RES_CONTENT | 1 << CFG_RULES_RESPONSE };
	bool has_rules = (t->fe->cfg->rule_sets | t->be->cfg->rule_sets) & SETS;
	return has_rules ? rules_response_run(t, h) : RULE_GOES_ON;
}
/* Likewise; these have no end but the last rule. */
void rules_after_response_run(struct txn *t, struct http_head *h);
static inline bool
rules_have_after_response(const struct txn *t)
{
	uint32_t sets = t->fe->cfg->rule_sets | (t->be ? t->be->cfg->rule_sets : 0);
	return sets & 1u << CFG_RULES_AFTER_RESPONSE;
}
static inline void
rules_after_response(struct txn *t, struct http_head *h)
{
	if (rules_have_after_response(t))
		rules_after_response_run(t, h);
}
/* tcp_request content, tcp_response content, in mode tcp. is_final: no more bytes will
 * come, or the time is over. */
enum rule_end rules_content(struct txn *t, const struct cfg_proxy *p,
			    enum cfg_rule_set set, bool is_final);
/* Lists of a connection. */
enum rule_end rules_connection(struct session *s, enum cfg_rule_set set);
/* use_backend in order, then default_backend; h: NULL in mode tcp. NULL: none. */
struct rt_backend *route(struct txn *t, struct http_head *h);

/* use_server in order: the first that holds and is usable; NULL: balancing chooses. */
struct rt_server *route_server_run(struct txn *t, struct http_head *h);
static inline struct rt_server *
route_server(struct txn *t, struct http_head *h)
{
	return t->be->cfg->use_server_n ? route_server_run(t, h) : NULL;
}
/* Whether any of the conditions holds. */
bool rules_any(struct txn *t, struct http_head *h, const struct cfg_when *whens,
	       size_t n);

/* For actions: what a format makes, in the scratch. */
static inline struct span
rule_text(struct rule_run *r, const struct format *f)
{
	return page_text(&r->c, f);
}
/* The request, response or connection is refused: counted where the rule stands. */
void rule_count_denied(struct rule_run *r);
/* Closed without a word. */
enum rule_end rule_close(struct rule_run *r, enum stop stop);
/* A rewrite did not succeed: an internal error, unless strict_mode is off. */
enum rule_end rule_failed(struct rule_run *r);

#endif
