/* SPDX-License-Identifier: MIT
 *
 * The daemon as a whole, for the head of the stats page, "show info" and weirctl info.
 */
#include <string.h>

#include "shm/counters.h"
#include "shm/gauge.h"
#include "shm/stats/stat.h"

static uint64_t
total(const struct shm *s, const struct shm_object *o, const char *name)
{
	int cell = shm_counter_index(s, SHM_GLOBAL, name);
	return cell < 0 ? 0 : shm_total(s, o, (unsigned)cell);
}

static uint32_t
rate(const _Atomic uint32_t *r)
{
	return atomic_load_explicit(r, memory_order_relaxed);
}

static void
fill_rates(const struct shm_rates *q, struct shm_stat_global *out)
{
	out->conn_rate = rate(&q->conn_rate);
	out->conn_rate_max = rate(&q->conn_rate_max);
	out->req_rate = rate(&q->req_rate);
	out->req_rate_max = rate(&q->req_rate_max);
	out->bin_rate = atomic_load_explicit(&q->bin_rate, memory_order_relaxed);
	out->bout_rate = atomic_load_explicit(&q->bout_rate, memory_order_relaxed);
}

void
shm_stat_global(const struct shm *s, struct shm_stat_global *out)
{
	struct shm_object o;
	struct shm_facts facts;
	memset(out, 0, sizeof(*out));
	for (uint32_t i = 0; i < shm_objects_n(s); i++) {
		if (!shm_object_at(s, i, &o) || o.kind != SHM_GLOBAL)
			continue;
		shm_object_facts(s, &o, &facts);
		if (o.gauge) {
			out->conns = shm_gauge_cur(o.gauge);
			out->conns_max = shm_gauge_max(o.gauge);
		}
		if (o.rates)
			fill_rates(o.rates, out);
		out->maxconn = shm_object_maxconn(s, &o);
		out->hard_maxconn = facts.maxconn;
		out->rate_limit = shm_object_rate_limit(s, &o);
		out->conn_tot = total(s, &o, "conn_tot");
		out->req_tot = total(s, &o, "req_tot");
		out->bin = total(s, &o, "bytes_in");
		out->bout = total(s, &o, "bytes_out");
		out->log_sent = total(s, &o, "log_sent");
		out->log_dropped = total(s, &o, "log_dropped");
		return;
	}
}
