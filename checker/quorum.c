/* SPDX-License-Identifier: MIT
 *
 * Quorums of backends, as keepalived's virtual servers have them: with less than so much
 * weight of active servers, none of them gets requests; backups, which are sorry servers
 * then, do. Decided here for all workers; hysteresis keeps a farm at the edge from going
 * back and forth. Runs in the checker.
 */
#include "checker/self.h"

static uint32_t
weight_of(const struct group *g)
{
	uint32_t sum = 0;
	for (size_t i = 0; i < g->servers_n; i++) {
		const struct checked *c = g->servers[i];
		struct shm_effective e = checked_effective(c, checked_health(c));
		if (!c->cfg->backup && e.is_usable)
			sum += e.full_weight;
	}
	return sum;
}

/* It is lost below quorum - hysteresis, and there again from quorum + hysteresis on. */
static bool
is_met(const struct cfg_quorum *q, uint32_t weight, bool was_met)
{
	return was_met ? (uint64_t)weight + q->hysteresis >= q->weight
		       : weight >= (uint64_t)q->weight + q->hysteresis;
}

void
quorum_look(const struct group *g)
{
	const struct cfg_quorum *q = &g->cfg->quorum;
	bool was_met = !shm_backend_lacks_quorum(&g->object);
	if (!q->weight && was_met)
		return;
	uint32_t weight = weight_of(g);
	bool met = is_met(q, weight, was_met);
	if (met == was_met)
		return;
	outcome_keep_lease(shm_quorum_publish(checker.shm, &g->object, met));
	tell_quorum(g, weight, met);
	const char *command = met ? q->up : q->down;
	if (command)
		external_notify(command, g, weight, met);
}
