/* SPDX-License-Identifier: MIT
 *
 * Fetches of queues and of what servers still take, over all workers (configuration.txt
 * 7.3.2). Worker.
 */
#include "worker/fetch/fetch.h"
#include "worker/pick/farm.h"
#include "worker/queue.h"

uint32_t
fetch_waiting_at(const struct shm_object *o)
{
	struct shm_queue_view v = {0};
	return shm_queue_view(o, &v) ? v.waiting : 0;
}

static int64_t
waiting_in(const struct rt_backend *be)
{
	int64_t n = fetch_waiting_at(&be->shm);
	for (size_t i = 0; i < be->servers_n; i++)
		n += fetch_waiting_at(&be->servers[i]->shm);
	return n;
}

FETCH_FN(queue)
{
	const struct rt_backend *be = fetch_backend(c, args);
	return be && give_int(s, waiting_in(be));
}

/* Rounded up, as HAProxy's. */
FETCH_FN(avg_queue)
{
	struct rt_backend *be = fetch_backend(c, args);
	if (!be)
		return false;
	int64_t waiting = waiting_in(be), usable_n = farm_usable_n(be);
	return give_int(s, usable_n ? (waiting + usable_n - 1) / usable_n : 2 * waiting);
}

FETCH_FN(srv_queue)
{
	const struct rt_server *srv = fetch_server(args);
	return srv && give_int(s, fetch_waiting_at(&srv->shm));
}

static int64_t
at_least_0(int64_t v)
{
	return v > 0 ? v : 0;
}

/* -1: it has no limit. */
static int64_t
free_at(const struct rt_server *srv)
{
	int64_t limit = srv->be->queue.area
				? shm_queue_limit(self.shm, &srv->be->queue, &srv->shm)
				: 0;
	return limit ? at_least_0(limit - shm_gauge_cur(srv->shm.gauge)) : -1;
}

FETCH_FN(srv_conn_free)
{
	const struct rt_server *srv = fetch_server(args);
	return srv && give_int(s, free_at(srv));
}

FETCH_FN(be_conn_free)
{
	struct rt_backend *be = fetch_backend(c, args);
	int64_t n = 0;
	if (!be)
		return false;
	(void)farm_usable_n(be); /* as it is now */
	for (size_t i = 0; i < be->servers_n; i++) {
		if (farm_share(be->servers[i]) == 0)
			continue;
		int64_t free_n = free_at(be->servers[i]);
		if (free_n < 0)
			return give_int(s, -1);
		n += free_n;
	}
	return give_int(s, n);
}

FETCH_FN(connslots)
{
	struct rt_backend *be = fetch_backend(c, args);
	int64_t n = 0;
	if (!be)
		return false;
	for (size_t i = 0; i < be->servers_n; i++) {
		const struct rt_server *srv = be->servers[i];
		uint32_t maxconn = shm_server_maxconn(self.shm, &srv->shm);
		if (!farm_is_usable(srv))
			continue;
		if (!maxconn || !srv->cfg->maxqueue)
			return give_int(s, -1);
		n += at_least_0((int64_t)maxconn - shm_gauge_cur(srv->shm.gauge)) +
		     at_least_0((int64_t)srv->cfg->maxqueue -
				fetch_waiting_at(&srv->shm));
	}
	return give_int(s, n);
}

/* --- this request ---------------------------------------------------------------------
 */

FETCH_FN(prio_class)
{
	const struct txn *t = context_of(c)->t;
	return t && give_int(s, t->set ? t->set->priority_class : 0);
}

FETCH_FN(prio_offset)
{
	const struct txn *t = context_of(c)->t;
	return t && give_int(s, t->set ? t->set->priority_offset_ms : 0);
}

FETCH_FN(bc_be_queue)
{
	return context_of(c)->t && give_int(s, context_of(c)->t->be_ahead);
}

FETCH_FN(bc_srv_queue)
{
	return context_of(c)->t && give_int(s, context_of(c)->t->srv_ahead);
}
