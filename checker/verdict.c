/* SPDX-License-Identifier: MIT
 *
 * Rise and fall. Pure.
 */
#include "checker/verdict.h"

static uint32_t
top(const struct verdict *v)
{
	return v->rise + v->fall - 1;
}

void
verdict_init(struct verdict *v, uint32_t rise, uint32_t fall)
{
	*v = (struct verdict){.rise = rise ? rise : 1, .fall = fall ? fall : 1};
	v->health = v->rise;
	v->is_unknown = true;
}

void
verdict_restore(struct verdict *v, uint32_t rise, uint32_t fall, enum shm_health state,
		uint32_t counter)
{
	verdict_init(v, rise, fall);
	switch (state) {
	case SHM_HEALTH_UNKNOWN:
		break;
	case SHM_HEALTH_UP:
	case SHM_HEALTH_NOLB:
		v->health = top(v) - (counter < v->fall ? counter : v->fall - 1);
		v->is_unknown = false;
		break;
	case SHM_HEALTH_DOWN:
		v->health = counter < v->rise ? counter : v->rise - 1;
		v->is_unknown = false;
		break;
	}
}

void
verdict_begin(struct verdict *v, enum cfg_init_state as)
{
	v->is_unknown = as == CFG_INIT_NONE;
	switch (as) {
	case CFG_INIT_NONE:
	case CFG_INIT_UP:
		v->health = v->rise;
		break;
	case CFG_INIT_FULLY_UP:
		v->health = top(v);
		break;
	case CFG_INIT_DOWN:
		v->health = v->rise - 1;
		break;
	case CFG_INIT_FULLY_DOWN:
		v->health = 0;
		break;
	}
}

void
verdict_trust(struct verdict *v, enum cfg_init_state as)
{
	verdict_begin(v, as);
	v->is_unknown = false;
}

static void
take_success(struct verdict *v)
{
	if (v->health < top(v))
		v->health++;
	if (v->health >= v->rise)
		v->health = top(v);
}

static void
take_failure(struct verdict *v)
{
	if (v->health > v->rise)
		v->health--;
	else
		v->health = 0;
}

void
verdict_weaken(struct verdict *v, uint32_t failures)
{
	if (v->health >= v->rise + failures)
		v->health = v->rise + failures - 1;
}

enum verdict_step
verdict_take(struct verdict *v, bool passed)
{
	bool was_up = verdict_is_up(v);
	uint32_t old = v->health;
	if (passed)
		take_success(v);
	else
		take_failure(v);
	bool moved = v->health != old || v->is_unknown;
	v->is_unknown = false;
	if (verdict_is_up(v) != was_up)
		return was_up ? VERDICT_DOWN : VERDICT_UP;
	return moved ? VERDICT_MOVED : VERDICT_SAME;
}

enum shm_health
verdict_state(const struct verdict *v)
{
	if (v->is_unknown)
		return SHM_HEALTH_UNKNOWN;
	return verdict_is_up(v) ? SHM_HEALTH_UP : SHM_HEALTH_DOWN;
}

uint32_t
verdict_counter(const struct verdict *v)
{
	return verdict_is_up(v) ? top(v) - v->health : v->health;
}

uint32_t
verdict_have(const struct verdict *v)
{
	return verdict_is_up(v) ? v->health - v->rise + 1 : v->health;
}

uint32_t
verdict_need(const struct verdict *v)
{
	return verdict_is_up(v) ? v->fall : v->rise;
}

uint64_t
verdict_interval_ms(const struct verdict *v, uint64_t inter_ms, uint64_t fast_ms,
		    uint64_t down_ms)
{
	if (v->is_unknown)
		return fast_ms;
	if (v->health == top(v))
		return inter_ms;
	return v->health == 0 ? down_ms : fast_ms;
}
