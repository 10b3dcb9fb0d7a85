/* SPDX-License-Identifier: MIT
 *
 * Zeros for people. Control.
 */
#include "shm/clear.h"

#include "shm/counters.h"
#include "shm/layout.h"

static void
lower32(_Atomic uint32_t *max, const _Atomic uint32_t *now)
{
	atomic_store_explicit(max, atomic_load_explicit(now, memory_order_relaxed),
			      memory_order_relaxed);
}

void
shm_clear_maxima(const struct shm_object *o)
{
	struct shm_line *line = o->server ? &o->server->slots.line : NULL;
	if (o->gauge)
		lower32(&o->gauge->max, &o->gauge->cur);
	if (line)
		atomic_store(&line->max, atomic_load(&line->n));
	if (!o->rates)
		return;
	lower32(&o->rates->sess_rate_max, &o->rates->sess_rate);
	lower32(&o->rates->req_rate_max, &o->rates->req_rate);
	lower32(&o->rates->conn_rate_max, &o->rates->conn_rate);
}

void
shm_clear_totals(const struct shm *s, const struct shm_object *o)
{
	uint32_t n = shm_counters_n(s, o->kind);
	for (uint32_t i = 0; i < n; i++)
		shm_count(o, i, -shm_total(s, o, i));
}
