/* SPDX-License-Identifier: MIT
 *
 * From results of checks to UP and DOWN. Pure arithmetic, HAProxy's: one number per
 * server, its health, from 0 to rise + fall - 1. From `rise` on it is UP.
 *
 *        0 .. rise-1            rise .. rise+fall-1
 *        DOWN, successes        UP, the top is "all well"
 *
 * A success below `rise` adds one, and whoever reaches `rise` jumps to the top; a
 * failure from `rise` on takes one, and whoever falls below `rise` drops to 0; so both
 * count *consecutive* results. A server that was never checked stands at `rise`: it
 * gets traffic, its first success makes it fully UP, its first failure brings it DOWN
 * (observed with HAProxy 2.6: "status: 3/3 UP" and "status: 0/2 DOWN" at once).
 */
#ifndef WEIR_CHECKER_VERDICT_H
#define WEIR_CHECKER_VERDICT_H

#include <stdbool.h>
#include <stdint.h>

#include "config/cfg.h"
#include "shm/health.h"

struct verdict {
	uint32_t rise, fall; /* >= 1 */
	uint32_t health;
	bool is_unknown; /* not checked yet */
};

enum verdict_step {
	VERDICT_SAME,  /* neither state nor health moved */
	VERDICT_MOVED, /* health moved, the state did not */
	VERDICT_UP,    /* it was DOWN */
	VERDICT_DOWN,  /* it was UP or unknown */
};

void verdict_init(struct verdict *v, uint32_t rise, uint32_t fall);
/* Goes on from what shared memory remembers; rise and fall may have changed since. */
void verdict_restore(struct verdict *v, uint32_t rise, uint32_t fall,
		     enum shm_health state, uint32_t counter);
/* Nothing is known: as init_state says. */
void verdict_begin(struct verdict *v, enum cfg_init_state as);
/* After maintenance: UP, but the first failure decides, as after a start. */
void verdict_trust(struct verdict *v, enum cfg_init_state as);
/* At most so many failures are left until it is DOWN. */
void verdict_weaken(struct verdict *v, uint32_t failures);
/* Takes one result. */
enum verdict_step verdict_take(struct verdict *v, bool passed);

static inline bool
verdict_is_up(const struct verdict *v)
{
	return v->health >= v->rise;
}

enum shm_health verdict_state(const struct verdict *v);
/* What shared memory remembers: consecutive failures of an UP server, consecutive
 * successes of a DOWN one. */
uint32_t verdict_counter(const struct verdict *v);
/* The two numbers of "status: 2/3 UP". */
uint32_t verdict_have(const struct verdict *v);
uint32_t verdict_need(const struct verdict *v);
/* The interval of configuration.txt 5.2 "inter". */
uint64_t verdict_interval_ms(const struct verdict *v, uint64_t inter_ms, uint64_t fast_ms,
			     uint64_t down_ms);

#endif
