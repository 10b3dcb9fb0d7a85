/* SPDX-License-Identifier: MIT
 *
 * Balancing algorithms. Worker. Reads numbers of connections in shared memory; advances
 * the shared cursor.
 */
#include "worker/pick/pick.h"

#include <sys/random.h>

#include "shm/health.h"
#include "worker/pick/farm.h"
#include "worker/queue.h"

static struct rt_server *
at(struct rt_backend *be, uint64_t position)
{
	return be->servers[balance_table_at(&be->table, position)];
}

static bool
is_full(const struct rt_server *srv)
{
	return srv->is_limited && queue_is_full(srv);
}

/* hash_balance_factor: it has more than its part of what is under way. */
static bool
is_over_bound(const struct rt_server *srv)
{
	const struct rt_backend *be = srv->be;
	uint32_t factor = be->cfg->balance.factor;
	struct shm_queue_view line = {.waiting = 0};
	if (!factor || be->table.kind == BALANCE_MAP)
		return false;
	uint64_t served = shm_gauge_cur(be->shm.gauge);
	if (be->has_limits && shm_queue_view(&be->queue.backend, &line))
		served -= served < line.waiting ? served : line.waiting;
	return shm_gauge_cur(srv->shm.gauge) >=
	       balance_bound(served, factor, farm_share(srv),
			     be->shares_before[srv->index], be->shares);
}

/* Who waits already goes first. */
static bool
has_queue(const struct rt_backend *be)
{
	struct shm_queue_view line;
	return be->has_limits && !be->has_unlimited &&
	       shm_queue_view(&be->queue.backend, &line) && line.waiting > 0;
}

/* --- turns ----------------------------------------------------------------- */

static uint64_t
turn(struct txn *t)
{
	if (t->cursor == UINT64_MAX)
		t->cursor = atomic_fetch_add_explicit(&t->be->shm.backend->cursor, 1,
						      memory_order_relaxed);
	return t->cursor;
}

/* The server at a position or the first one behind it that may get one more; NULL: all
 * are full. */
static struct rt_server *
free_from(const struct txn *t, uint64_t position, const struct rt_server *avoid)
{
	struct rt_backend *be = t->be;
	for (size_t i = 0; i < be->table.n; i++) {
		struct rt_server *srv = at(be, position + i);
		if (srv != avoid && !is_full(srv))
			return srv;
	}
	return NULL;
}

static struct rt_server *
in_turn(struct txn *t, const struct rt_server *avoid)
{
	return has_queue(t->be) ? NULL : free_from(t, turn(t), avoid);
}

/* --- loads ----------------------------------------------------------------- */

/* a is loaded less than b, for what it can bear. */
static bool
is_lighter(uint64_t load_a, uint32_t share_a, uint64_t load_b, uint32_t share_b)
{
	return load_a * share_b < load_b * share_a;
}

/* As in HAProxy an idle server is idle whatever its weight is; a busy one is looked at as
 * if it had this request, too. */
static uint64_t
load_of(const struct rt_server *srv)
{
	uint64_t n = shm_gauge_cur(srv->shm.gauge);
	return n ? n + 1 : 0;
}

/* The fewest connections per weight, counted over all workers; those that are equal take
 * turns. */
static struct rt_server *
least_connections(struct txn *t, const struct rt_server *avoid)
{
	struct rt_backend *be = t->be;
	struct rt_server *best = NULL;
	uint64_t best_load = 0, best_place = 0, rank = 0, start = turn(t) % be->usable_n;
	for (size_t i = 0; i < be->servers_n; i++) {
		struct rt_server *srv = be->servers[i];
		uint32_t share = farm_share(srv);
		if (share == 0)
			continue;
		uint64_t place = (rank++ + be->usable_n - start) % be->usable_n;
		if (srv == avoid || is_full(srv))
			continue;
		uint64_t load = load_of(srv);
		if (!best || is_lighter(load, share, best_load, farm_share(best)) ||
		    (place < best_place &&
		     !is_lighter(best_load, farm_share(best), load, share))) {
			best = srv;
			best_load = load;
			best_place = place;
		}
	}
	return best;
}

/* The lowest id. */
static struct rt_server *
first_free(const struct txn *t, const struct rt_server *avoid)
{
	struct rt_backend *be = t->be;
	struct rt_server *first = NULL;
	for (size_t i = 0; i < be->servers_n; i++) {
		struct rt_server *srv = be->servers[i];
		if (farm_share(srv) && srv != avoid &&
		    (!first || srv->cfg->id < first->cfg->id) && !is_full(srv))
			first = srv;
	}
	return first;
}

/* xorshift64*, seeded at the first use. */
static uint64_t
lot(void)
{
	if (self.random == 0 && getrandom(&self.random, sizeof(self.random), 0) < 8)
		self.random = now_us();
	self.random |= self.random == 0;
	self.random ^= self.random >> 12;
	self.random ^= self.random << 25;
	self.random ^= self.random >> 27;
	return self.random * 2685821657736338717ULL >> 16;
}

/* One drawn by lot that is neither full nor over its bound, if there is one. */
static struct rt_server *
drawn(const struct txn *t, const struct rt_server *avoid)
{
	struct rt_backend *be = t->be;
	uint64_t position = lot();
	for (size_t i = 0; be->cfg->balance.factor && i < be->table.n; i++) {
		struct rt_server *srv = at(be, position + i);
		if (srv != avoid && !is_full(srv) && !is_over_bound(srv))
			return srv;
	}
	return free_from(t, position, avoid);
}

/* What it costs to be served there. */
typedef uint64_t cost_fn(const struct rt_server *srv);

static uint64_t
requests(const struct rt_server *srv)
{
	return shm_gauge_cur(srv->shm.gauge);
}

/* What is not known yet costs nothing for the first, and much for the others until it is.
 */
static uint64_t
expected_us(const struct rt_server *srv)
{
	enum { UNKNOWN_US = 1000000 };
	uint64_t load = shm_gauge_cur(srv->shm.gauge);
	uint64_t word =
		atomic_load_explicit(&srv->shm.server->latency, memory_order_relaxed);
	uint64_t us =
		balance_ewma_us(word, (uint32_t)now_ms(), srv->be->cfg->balance.decay_ms);
	return us ? us * (load + 1) : load * UNKNOWN_US;
}

/* A server that fails fast must not look like a fast one. */
void
pick_note_latency(const struct txn *t, bool has_failed)
{
	enum { FAILURE_US = 1000000, MOST_US = 60000000 };
	_Atomic uint64_t *word = &t->srv->shm.server->latency;
	uint64_t us = now_us() - t->sent_us;
	if (has_failed && us < FAILURE_US)
		us = FAILURE_US;
	uint64_t was = atomic_load_explicit(word, memory_order_relaxed);
	uint64_t now = balance_ewma_add(was, (uint32_t)(us < MOST_US ? us : MOST_US),
					(uint32_t)now_ms(), t->be->cfg->balance.decay_ms);
	atomic_store_explicit(word, now, memory_order_relaxed);
}

/* Not the same one twice: a slow server would win against itself. */
static struct rt_server *
cheapest_drawn(const struct txn *t, const struct rt_server *avoid, cost_fn *cost)
{
	uint32_t draws = t->be->cfg->balance.draws;
	struct rt_server *best = has_queue(t->be) ? NULL : drawn(t, avoid);
	for (uint32_t i = 1; i < draws && best; i++) {
		struct rt_server *srv = drawn(t, avoid ? avoid : best);
		if (srv && srv != best &&
		    is_lighter(cost(srv), farm_share(srv), cost(best), farm_share(best)))
			best = srv;
	}
	return best;
}

/* --- hashes ---------------------------------------------------------------- */

static bool
is_passed_over(const struct rt_server *srv)
{
	struct shm_queue_view own;
	uint32_t maxqueue;
	switch (srv->is_limited ? srv->be->cfg->balance.affinity : CFG_AFFINITY_ALWAYS) {
	case CFG_AFFINITY_ALWAYS:
		return is_over_bound(srv);
	case CFG_AFFINITY_MAXCONN:
		return is_full(srv) || is_over_bound(srv);
	case CFG_AFFINITY_MAXQUEUE:
		maxqueue = shm_object_maxqueue(self.shm, &srv->shm);
		return (maxqueue && is_full(srv) && shm_queue_view(&srv->shm, &own) &&
			own.waiting >= maxqueue) ||
		       is_over_bound(srv);
	}
	return false;
}

/* The server of the hash or the next one of the table that is not passed over; when all
 * are, the last one looked at. */
static struct rt_server *
by_hash(const struct txn *t, const struct rt_server *avoid)
{
	struct rt_backend *be = t->be;
	size_t position = balance_table_find(&be->table, t->hash);
	struct rt_server *srv = NULL;
	for (size_t i = 0; i < be->table.n; i++) {
		struct rt_server *next = at(be, position + i);
		if (next == avoid)
			continue;
		srv = next;
		if (!is_passed_over(srv))
			break;
	}
	return srv;
}

/* --- all of them ----------------------------------------------------------- */

struct rt_server *
pick_server(struct txn *t)
{
	struct rt_backend *be = t->be;
	farm_refresh(be);
	if (be->table.n == 0)
		return NULL;
	const struct rt_server *avoid = be->usable_n == 1 ? NULL : t->avoid;
	if (t->has_hash)
		return by_hash(t, avoid);
	switch (be->cfg->balance.algorithm) {
	case BALANCE_LEASTCONN:
		return least_connections(t, avoid);
	case BALANCE_FIRST:
		return first_free(t, avoid);
	case BALANCE_RANDOM:
		return cheapest_drawn(t, avoid, requests);
	case BALANCE_PEAK_EWMA:
		return cheapest_drawn(t, avoid, expected_us);
	case BALANCE_ROUNDROBIN:
	case BALANCE_STATIC_RR:
	case BALANCE_SOURCE:
	case BALANCE_URI:
	case BALANCE_URL_PARAM:
	case BALANCE_HDR:
	case BALANCE_EXPR:
	case BALANCE_RDP_COOKIE:
	case BALANCE_ALGORITHMS_N:
		break;
	}
	return in_turn(t, avoid);
}
