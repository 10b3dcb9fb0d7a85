/* SPDX-License-Identifier: MIT
 *
 * What follows from errors of traffic (configuration.txt 5.2, observe and on-error).
 * Workers count them together in shared memory, and whichever comes to error_limit says
 * so; what it means is decided here, once. Runs in the checker.
 */
#include <stdio.h>

#include "checker/self.h"

/* "last one was", in HAProxy's words. */
static const char *const errors[] = {
	[SHM_OBSERVED_CONNECTED] = "L4 successful connection",
	[SHM_OBSERVED_NO_CONNECTION] = "L4 unsuccessful connection",
	[SHM_OBSERVED_ANSWER] = "Correct http response",
	[SHM_OBSERVED_BAD_STATUS] = "Wrong http response",
	[SHM_OBSERVED_BAD_ANSWER] = "Invalid http response (headers)",
	[SHM_OBSERVED_TIMEOUT] = "Read timeout (http)",
	[SHM_OBSERVED_CLOSED] = "Close from server (http)",
	[SHM_OBSERVED_RESET] = "Read error (http)",
};
enum { ERRORS_N = sizeof(errors) / sizeof(errors[0]) };

/* Failures that are left until it is down; 0: as many as there are. */
static const uint32_t failures_left[] = {
	[CFG_ON_ERROR_FAIL_CHECK] = 0,
	[CFG_ON_ERROR_FASTINTER] = 0,
	[CFG_ON_ERROR_SUDDEN_DEATH] = 2,
	[CFG_ON_ERROR_MARK_DOWN] = 1,
};

static void
act(struct checked *c)
{
	const struct shm_server *s = c->object.server;
	uint32_t last = atomic_load_explicit(&s->errors_last, memory_order_relaxed);
	struct probe_result r = {.id = RESULT_observed};
	snprintf(r.info, sizeof(r.info),
		 "Detected %u consecutive errors, last one was: %s", c->cfg->error_limit,
		 errors[last < ERRORS_N ? last : SHM_OBSERVED_CLOSED]);
	shm_count(&c->object, SHM_SERVER_hanafail, 1);
	if (c->cfg->on_error != CFG_ON_ERROR_FASTINTER) {
		if (failures_left[c->cfg->on_error])
			verdict_weaken(&c->verdict, failures_left[c->cfg->on_error]);
		outcome_fail(c, &r);
	}
	schedule_hurry(c->probe, c->cfg->fastinter_ms);
}

static void
look_at(struct checked *c)
{
	struct shm_server *s = c->object.server;
	uint32_t reached = atomic_load_explicit(&s->errors_reached, memory_order_acquire);
	if (atomic_exchange(&s->errors_seen, reached) == reached)
		return;
	if (c->cfg->observe && c->probe && !c->is_maint && !c->is_silenced)
		act(c);
}

void
observe_look(void)
{
	for (size_t i = 0; i < checker.groups_n; i++) {
		struct group *g = &checker.groups[i];
		uint64_t observed = atomic_load_explicit(&g->object.backend->observed,
							 memory_order_acquire);
		if (observed == g->observed)
			continue;
		g->observed = observed;
		for (size_t k = 0; k < g->servers_n; k++)
			look_at(g->servers[k]);
	}
}
