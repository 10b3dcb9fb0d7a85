/* SPDX-License-Identifier: MIT
 *
 * Actions that change how a txn goes on: variables, addresses, timeouts, retries, its log
 * line. Worker.
 */
#include "lib/expr/program.h"
#include "worker/fetch/capture.h"
#include "worker/parked.h"
#include "worker/rules/rules.h"

/* --- variables ---------------------------------------------------------------------- */

static enum rule_end
set_var(struct rule_run *r, const struct cfg_rule *a, const struct expr_sample *value)
{
	if (expr_var_may_set(&r->c.base, a->var, a->set_if, value) &&
	    !worker_host.var_set(&r->c.base, a->var, value))
		shm_count(&self.global, SHM_GLOBAL_vars_full, 1);
	return RULE_GOES_ON;
}

enum rule_end
do_set_var(struct rule_run *r, const struct cfg_rule *a)
{
	struct expr_sample value;
	if (!expr_eval(a->expr, &r->c.base, EXPR_ANY, &value))
		return RULE_GOES_ON;
	return set_var(r, a, &value);
}

enum rule_end
do_set_var_fmt(struct rule_run *r, const struct cfg_rule *a)
{
	struct expr_sample value = {.next = 0};
	expr_set_str(&value, rule_text(r, a->format));
	return set_var(r, a, &value);
}

enum rule_end
do_unset_var(struct rule_run *r, const struct cfg_rule *a)
{
	(void)worker_host.var_set(&r->c.base, a->var, NULL);
	return RULE_GOES_ON;
}

/* --- addresses -----------------------------------------------------------------------
 */

/* What rules of a request change lasts as long as the request. */
static union session_addr *
src_to_edit(struct rule_run *r)
{
	struct session *s = r->c.s;
	if (!r->c.t && r->set == CFG_RULES_CONNECTION)
		return &s->peer;
	if (!r->c.t) {
		struct session_ends *ends = session_ends_of(s);
		if (ends)
			session_keep_fc_src(s, ends);
		return ends ? &s->peer : NULL;
	}
	struct txn_set *set = txn_set_of(r->c.t);
	if (!set)
		return NULL;
	if (!set->has_peer)
		set->peer = s->peer;
	set->has_peer = true;
	return &s->peer;
}

/* *out, which is what `now` says until then. */
static union session_addr *
begun(union session_addr *out, bool *has_it, struct addr now)
{
	if (!*has_it)
		*out = session_addr_of(&now);
	*has_it = true;
	return out;
}

static union session_addr *
dst_to_edit(struct rule_run *r)
{
	struct session *s = r->c.s;
	if (r->c.t) {
		struct txn_set *set = txn_set_of(r->c.t);
		return set ? begun(&set->dst, &set->has_dst, session_dst(s)) : NULL;
	}
	struct session_ends *ends = session_ends_of(s);
	if (!ends)
		return NULL;
	return r->set == CFG_RULES_CONNECTION
		       ? begun(&ends->fc_dst, &ends->has_fc_dst, session_dst(s))
		       : begun(&ends->dst, &ends->has_dst, session_dst(s));
}

static uint16_t
port_of(const union session_addr *a)
{
	return a->sa.sa_family == AF_INET    ? a->in.sin_port
	       : a->sa.sa_family == AF_INET6 ? a->in6.sin6_port
					     : 0;
}

static bool
address_of(struct rule_run *r, const struct cfg_rule *a, struct expr_sample *v)
{
	return expr_eval(a->expr, &r->c.base, EXPR_ANY, v) &&
	       (v->type == EXPR_IPV4 || v->type == EXPR_IPV6 ||
		expr_cast(&r->c.base, v, EXPR_IPV4) ||
		expr_cast(&r->c.base, v, EXPR_IPV6));
}

/* The port stays; NULL: no memory. */
static void
put_address(union session_addr *to, const struct expr_sample *v)
{
	if (!to)
		return;
	uint16_t port = port_of(to);
	memset(to, 0, sizeof(*to));
	if (v->type == EXPR_IPV4)
		to->in = (struct sockaddr_in){
			.sin_family = AF_INET, .sin_port = port, .sin_addr = v->ipv4};
	else
		to->in6 = (struct sockaddr_in6){
			.sin6_family = AF_INET6, .sin6_port = port, .sin6_addr = v->ipv6};
}

/* An address without ports becomes 0.0.0.0 (configuration.txt, set-src-port). */
static void
put_port(union session_addr *to, const struct expr_sample *v)
{
	if (!to)
		return;
	uint16_t port = htons((uint16_t)v->integer);
	if (to->sa.sa_family == AF_INET6)
		to->in6.sin6_port = port;
	else if (to->sa.sa_family == AF_INET)
		to->in.sin_port = port;
	else
		to->in = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = port};
}

static bool
port_in(struct rule_run *r, const struct cfg_rule *a, struct expr_sample *v)
{
	return expr_eval(a->expr, &r->c.base, EXPR_INT, v) && v->integer >= 0 &&
	       v->integer <= UINT16_MAX;
}

enum rule_end
do_set_src(struct rule_run *r, const struct cfg_rule *a)
{
	struct expr_sample v;
	if (address_of(r, a, &v))
		put_address(src_to_edit(r), &v);
	return RULE_GOES_ON;
}

enum rule_end
do_set_src_port(struct rule_run *r, const struct cfg_rule *a)
{
	struct expr_sample v;
	if (port_in(r, a, &v))
		put_port(src_to_edit(r), &v);
	return RULE_GOES_ON;
}

enum rule_end
do_set_dst(struct rule_run *r, const struct cfg_rule *a)
{
	struct expr_sample v;
	if (address_of(r, a, &v))
		put_address(dst_to_edit(r), &v);
	return RULE_GOES_ON;
}

enum rule_end
do_set_dst_port(struct rule_run *r, const struct cfg_rule *a)
{
	struct expr_sample v;
	if (port_in(r, a, &v))
		put_port(dst_to_edit(r), &v);
	return RULE_GOES_ON;
}

enum rule_end
do_expect_proxy(struct rule_run *r, const struct cfg_rule *a)
{
	(void)a; /* layer4 is all there is */
	r->c.s->state = SESSION_PROXY;
	return RULE_GOES_ON;
}

/* --- its place in a queue ------------------------------------------------------------
 */

/* The number a rule gives, between -most and most. false: none. */
static bool
number_within(struct rule_run *r, const struct cfg_rule *a, int64_t most, int64_t *out)
{
	struct expr_sample v;
	if (!expr_eval(a->expr, &r->c.base, EXPR_INT, &v))
		return false;
	*out = v.integer < -most ? -most : v.integer > most ? most : v.integer;
	return true;
}

enum rule_end
do_set_priority_class(struct rule_run *r, const struct cfg_rule *a)
{
	int64_t v;
	struct txn_set *set = txn_set_of(r->c.t);
	if (set && number_within(r, a, SHM_QUEUE_CLASS_MAX, &v))
		set->priority_class = (int16_t)v;
	return RULE_GOES_ON;
}

enum rule_end
do_set_priority_offset(struct rule_run *r, const struct cfg_rule *a)
{
	enum { OFFSET_MAX_MS = 524287 }; /* configuration.txt, set-priority-offset */
	int64_t v;
	struct txn_set *set = txn_set_of(r->c.t);
	if (set && number_within(r, a, OFFSET_MAX_MS, &v))
		set->priority_offset_ms = (int32_t)v;
	return RULE_GOES_ON;
}

/* --- time, retries, log ------------------------------------------------------------- */

enum rule_end
do_set_timeout(struct rule_run *r, const struct cfg_rule *a)
{
	struct txn_set *set = txn_set_of(r->c.t);
	for (int i = 0; set && i < CFG_TIMEOUTS_N; i++) {
		const struct cfg_set_timeout *to = &a->timeouts[i];
		struct expr_sample v = {.integer = (int64_t)to->ms};
		if (!to->is_set ||
		    (to->expr &&
		     (!expr_eval(to->expr, &r->c.base, EXPR_INT, &v) || v.integer < 0)))
			continue;
		set->has_timeout |= (uint8_t)(1 << i);
		set->timeout_ms[i] = (uint64_t)v.integer;
	}
	return RULE_GOES_ON;
}

enum rule_end
do_set_retries(struct rule_run *r, const struct cfg_rule *a)
{
	struct expr_sample v = {.integer = (int64_t)a->number};
	if (a->expr && !expr_eval(a->expr, &r->c.base, EXPR_INT, &v))
		return RULE_GOES_ON;
	if (v.integer < 0 || v.integer > 100)
		return RULE_GOES_ON;
	struct txn_set *set = txn_set_of(r->c.t);
	if (set) {
		set->has_retries = true;
		set->retries = (uint8_t)v.integer;
	}
	return RULE_GOES_ON;
}

/* A dead idle connection is then a 502, as any other failure but that to connect. */
enum rule_end
do_disable_l7_retry(struct rule_run *r, const struct cfg_rule *a)
{
	(void)a;
	r->c.t->no_l7_retry = true;
	r->c.t->is_replayable = false;
	return RULE_GOES_ON;
}

enum rule_end
do_wait_for_body(struct rule_run *r, const struct cfg_rule *a)
{
	struct txn *t = r->c.t;
	bool is_response = r->set == CFG_RULES_RESPONSE;
	bool is_begun = !is_response || t->is_body_begun;
	if (is_begun && parked_is_enough(t, is_response ? &t->down : &t->up, a->number))
		return RULE_GOES_ON;
	parked_ask(t, (struct parked_wish){a->number, a->time_ms});
	return RULE_WAITS;
}

enum rule_end
do_capture(struct rule_run *r, const struct cfg_rule *a)
{
	bool is_request = r->set == CFG_RULES_REQUEST || r->set == CFG_RULES_CONTENT;
	const struct cfg_capture *slot = capture_slot(
		r->c.t, is_request ? CFG_CAPTURE_REQUEST : CFG_CAPTURE_RESPONSE,
		a->number);
	struct expr_sample v;
	if (slot && expr_eval(a->expr, &r->c.base, EXPR_STR, &v))
		capture_keep(r->c.t, slot, v.str);
	return RULE_GOES_ON;
}

enum rule_end
do_set_log_level(struct rule_run *r, const struct cfg_rule *a)
{
	enum { SILENT = 8 };
	struct txn *t = r->c.t;
	if (a->number == SILENT)
		t->no_log = true;
	else
		t->log_level = (uint8_t)(a->number + 1);
	return RULE_GOES_ON;
}
