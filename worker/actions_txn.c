/* SPDX-License-Identifier: MIT
 *
 * Actions that change how a txn goes on: variables, addresses, timeouts, retries, its log
 * line. Worker.
 */
#include "lib/expr/program.h"
#include "worker/capture.h"
#include "worker/rules.h"

/* --- variables ---------------------------------------------------------------------- */

static bool
is_empty(const struct expr_sample *s)
{
	bool is_text =
		s->type == EXPR_STR || s->type == EXPR_BIN || s->type == EXPR_METHOD;
	return is_text && s->str.n == 0;
}

/* configuration.txt, set-var: the conditions behind the name. */
static bool
may_set(struct rule_run *r, const struct cfg_rule *a, const struct expr_sample *value)
{
	struct expr_sample old = {.next = 0};
	if (!a->set_if)
		return true;
	bool is_there = worker_host.var_get(&r->c.base, a->var, &old);
	bool are_numbers = is_there && old.type == EXPR_INT && value->type == EXPR_INT;
	if ((a->set_if & CFG_SET_IF_THERE && !is_there) ||
	    (a->set_if & CFG_SET_IF_NOT_THERE && is_there) ||
	    (a->set_if & CFG_SET_IF_EMPTY && !is_empty(value)) ||
	    (a->set_if & CFG_SET_IF_NOT_EMPTY && is_empty(value)))
		return false;
	if (!are_numbers)
		return true;
	return !(a->set_if & CFG_SET_IF_GREATER && old.integer <= value->integer) &&
	       !(a->set_if & CFG_SET_IF_LESS && old.integer >= value->integer);
}

static enum rule_end
set_var(struct rule_run *r, const struct cfg_rule *a, const struct expr_sample *value)
{
	if (may_set(r, a, value) && !worker_host.var_set(&r->c.base, a->var, value))
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

/* --- the client's address ----------------------------------------------------------- */

/* What rules of a request change lasts as long as the request. */
static struct session *
session_to_edit(struct rule_run *r)
{
	struct session *s = r->c.s;
	if (!r->c.t || s->is_tcp)
		return s;
	struct txn_set *set = txn_set_of(r->c.t);
	if (!set)
		return NULL;
	if (!set->has_peer)
		memcpy(set->peer, &s->peer, sizeof(s->peer));
	set->has_peer = true;
	return s;
}

static uint16_t
port_of(const struct session *s)
{
	return s->peer.sa.sa_family == AF_INET	  ? s->peer.in.sin_port
	       : s->peer.sa.sa_family == AF_INET6 ? s->peer.in6.sin6_port
						  : 0;
}

enum rule_end
do_set_src(struct rule_run *r, const struct cfg_rule *a)
{
	struct expr_sample v;
	if (!expr_eval(a->expr, &r->c.base, EXPR_ANY, &v))
		return RULE_GOES_ON;
	if (v.type != EXPR_IPV4 && v.type != EXPR_IPV6 &&
	    !expr_cast(&r->c.base, &v, EXPR_IPV4) &&
	    !expr_cast(&r->c.base, &v, EXPR_IPV6))
		return RULE_GOES_ON;
	struct session *s = session_to_edit(r);
	if (!s)
		return RULE_GOES_ON;
	uint16_t port = port_of(s);
	memset(&s->peer, 0, sizeof(s->peer));
	if (v.type == EXPR_IPV4)
		s->peer.in = (struct sockaddr_in){
			.sin_family = AF_INET, .sin_port = port, .sin_addr = v.ipv4};
	else
		s->peer.in6 = (struct sockaddr_in6){
			.sin6_family = AF_INET6, .sin6_port = port, .sin6_addr = v.ipv6};
	return RULE_GOES_ON;
}

/* An address without ports becomes 0.0.0.0 (configuration.txt, set-src-port). */
enum rule_end
do_set_src_port(struct rule_run *r, const struct cfg_rule *a)
{
	struct expr_sample v;
	if (!expr_eval(a->expr, &r->c.base, EXPR_INT, &v) || v.integer < 0 ||
	    v.integer > UINT16_MAX)
		return RULE_GOES_ON;
	struct session *s = session_to_edit(r);
	if (!s)
		return RULE_GOES_ON;
	uint16_t port = htons((uint16_t)v.integer);
	if (s->peer.sa.sa_family == AF_INET6)
		s->peer.in6.sin6_port = port;
	else if (s->peer.sa.sa_family == AF_INET)
		s->peer.in.sin_port = port;
	else
		s->peer.in =
			(struct sockaddr_in){.sin_family = AF_INET, .sin_port = port};
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
