/* SPDX-License-Identifier: MIT
 *
 * Actions on stick tables: track_scN, sc_inc_gpc and relatives. Worker.
 */
#include "lib/expr/program.h"
#include "worker/rules/rules.h"
#include "worker/track.h"

/* Once tracked, a number stays with its key (configuration.txt, track-sc0). */
static enum rule_end
track(struct rule_run *r, const struct cfg_rule *a)
{
	unsigned char key[STICK_KEY_BYTES_MAX];
	struct expr_sample v;
	const struct rt_table *table = table_of(a->table);
	if (track_find(r->c.s, r->c.t, a->sc) ||
	    !expr_eval(a->expr, &r->c.base, EXPR_ANY, &v) ||
	    !track_key(table, &r->c.base, &v, key))
		return RULE_GOES_ON;
	(void)track_begin(r->c.s, r->c.t, a->table, a->sc, key,
			  r->c.res ? r->c.res->status : 0);
	return RULE_GOES_ON;
}

#define TRACK(n)                                                                   \
	enum rule_end do_track_sc##n(struct rule_run *r, const struct cfg_rule *a) \
	{                                                                          \
		return track(r, a);                                                \
	}
TRACK(0)
TRACK(1)
TRACK(2)
TRACK(3)
TRACK(4)
TRACK(5)
TRACK(6)
TRACK(7)
TRACK(8)
TRACK(9)
TRACK(10)
TRACK(11)

/* A counter and its rate, where they are stored. */
static enum rule_end
add_gpc(struct rule_run *r, const struct cfg_rule *a, enum stick_type count,
	enum stick_type rate, uint64_t n)
{
	struct tracker *k = track_find(r->c.s, r->c.t, a->sc);
	int at = k ? table_value(k->table, count, a->index) : -1;
	int rate_at = k ? table_value(k->table, rate, a->index) : -1;
	if (rate_at >= 0)
		(void)track_change(k, rate_at, SHM_STICK_ADD, n);
	if (at >= 0)
		(void)track_change(k, at, SHM_STICK_ADD, n);
	return RULE_GOES_ON;
}

enum rule_end
do_sc_inc_gpc(struct rule_run *r, const struct cfg_rule *a)
{
	return add_gpc(r, a, STICK_gpc, STICK_gpc_rate, 1);
}

enum rule_end
do_sc_inc_gpc0(struct rule_run *r, const struct cfg_rule *a)
{
	return add_gpc(r, a, STICK_gpc0, STICK_gpc0_rate, 1);
}

enum rule_end
do_sc_inc_gpc1(struct rule_run *r, const struct cfg_rule *a)
{
	return add_gpc(r, a, STICK_gpc1, STICK_gpc1_rate, 1);
}

/* The number given, or what the expression says; false: it says nothing. */
static bool
number_of(struct rule_run *r, const struct cfg_rule *a, uint64_t *out)
{
	struct expr_sample v;
	*out = a->number;
	if (!a->expr)
		return true;
	if (!expr_eval(a->expr, &r->c.base, EXPR_INT, &v) || v.integer < 0)
		return false;
	*out = (uint64_t)v.integer;
	return true;
}

enum rule_end
do_sc_add_gpc(struct rule_run *r, const struct cfg_rule *a)
{
	uint64_t n;
	return number_of(r, a, &n) ? add_gpc(r, a, STICK_gpc, STICK_gpc_rate, n)
				   : RULE_GOES_ON;
}

static enum rule_end
set_gpt(struct rule_run *r, const struct cfg_rule *a, enum stick_type type)
{
	struct tracker *k = track_find(r->c.s, r->c.t, a->sc);
	int at = k ? table_value(k->table, type, a->index) : -1;
	uint64_t n;
	if (at >= 0 && number_of(r, a, &n))
		(void)track_change(k, at, SHM_STICK_SET, n);
	return RULE_GOES_ON;
}

enum rule_end
do_sc_set_gpt(struct rule_run *r, const struct cfg_rule *a)
{
	return set_gpt(r, a, STICK_gpt);
}

enum rule_end
do_sc_set_gpt0(struct rule_run *r, const struct cfg_rule *a)
{
	return set_gpt(r, a, STICK_gpt0);
}
