/* SPDX-License-Identifier: MIT
 *
 * Fetches of the exchange itself: its limits as rules have left them, its retries, the
 * rule that ended its list (configuration.txt 7.3.2, 7.3.3). Worker.
 */
#include <stdio.h>

#include "worker/fetch/fetch.h"

/* --- limits ----------------------------------------------------------------------------
 */

#define TIMEOUT(id, which)                                                           \
	FETCH_FN(id)                                                                 \
	{                                                                            \
		const struct txn *t = context_of(c)->t;                              \
		return t &&                                                          \
		       give_int(s, (int64_t)txn_timeout_ms(t, CFG_TIMEOUT_##which)); \
	}
TIMEOUT(cur_client_timeout, CLIENT)
TIMEOUT(cur_connect_timeout, CONNECT)
TIMEOUT(cur_queue_timeout, QUEUE)
TIMEOUT(cur_server_timeout, SERVER)
TIMEOUT(cur_tarpit_timeout, TARPIT)
TIMEOUT(cur_tunnel_timeout, TUNNEL)
#undef TIMEOUT

/* The frontend's own as long as no backend is chosen. */
FETCH_FN(be_max_retries)
{
	const struct txn_context *x = context_of(c);
	const struct cfg_proxy *p =
		x->t && x->t->be ? x->t->be->cfg : x->s->bind->fe->cfg;
	return give_int(s, p->retries);
}

FETCH_FN(cur_max_retries)
{
	const struct txn *t = context_of(c)->t;
	if (t && t->set && t->set->has_retries)
		return give_int(s, t->set->retries);
	return fetch_be_max_retries(c, args, s);
}

/* --- how it goes -----------------------------------------------------------------------
 */

FETCH_FN(txn_conn_retries)
{
	return context_of(c)->t && give_int(s, context_of(c)->t->retries);
}

FETCH_FN(txn_redispatched)
{
	return context_of(c)->t && give_bool(s, context_of(c)->t->is_redispatched);
}

FETCH_FN(txn_id32)
{
	return context_of(c)->t && give_int(s, context_of(c)->t->number);
}

FETCH_FN(res_bytes_out)
{
	return fetch_res_bytes_in(c, args, s);
}

FETCH_FN(fc_timer_handshake)
{
	return give_int(s, session_handshake_ms(context_of(c)->s));
}

FETCH_FN(fc_nb_streams)
{
	return give_int(s, 1);
}

FETCH_FN(bc_nb_streams)
{
	return context_of(c)->t && context_of(c)->t->origin && give_int(s, 1);
}

/* Neither listeners nor servers speak TLS: rules that ask may stay as they are. */
FETCH_FN(ssl_fc)
{
	return give_bool(s, false);
}

FETCH_FN(ssl_bc)
{
	return context_of(c)->t && context_of(c)->t->origin && give_bool(s, false);
}

/* --- the rule that ended its list
 * --------------------------------------------------------
 */

static const struct cfg_rule *
last_rule(const struct expr_context *c)
{
	return context_of(c)->t ? context_of(c)->t->last_rule : NULL;
}

FETCH_FN(last_rule_file)
{
	const struct cfg_rule *a = last_rule(c);
	return a && give_text(s, a->file);
}

FETCH_FN(last_rule_line)
{
	const struct cfg_rule *a = last_rule(c);
	return a && give_int(s, a->line);
}

FETCH_FN(last_entity)
{
	const struct cfg_rule *a = last_rule(c);
	size_t cap = a ? strlen(a->file) + 16 : 0;
	char *p = a ? expr_scratch_take(c->scratch, cap) : NULL;
	if (!p)
		return false;
	int n = snprintf(p, cap, "%s:%u", a->file, a->line);
	return give_span(s, span_of(p, (size_t)n));
}
