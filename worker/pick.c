/* SPDX-License-Identifier: MIT
 *
 * Balancing algorithms. Worker. Reads health, admin words and connection counts in
 * shared memory; advances the shared cursor.
 */
#include "worker/pick.h"

#include <stdlib.h>

#include "lib/base/must.h"
#include "shm/health.h"
#include "worker/queue.h"

enum { SEQUENCE_MAX = 16384 };

static uint32_t
weight_of(const struct rt_server *srv)
{
	if (srv->cfg->addr.kind == ADDR_NONE)
		return 0; /* its name is not resolved */
	struct shm_facts f = {.weight = srv->cfg->weight, .is_checked = srv->cfg->check};
	struct shm_effective e = shm_server_effective(&srv->shm, &f);
	return e.is_usable ? e.weight : 0;
}

/* The weights that count: of the active servers, else of the backups (the first usable
 * one, or all with `option allbackups`). */
static uint32_t
usable_weights(const struct rt_backend *be, uint32_t *weights)
{
	uint32_t usable_n = 0;
	for (size_t i = 0; i < be->servers_n; i++) {
		const struct rt_server *srv = &be->servers[i];
		weights[i] = srv->cfg->backup ? 0 : weight_of(srv);
		usable_n += weights[i] > 0;
	}
	for (size_t i = 0; i < be->servers_n && usable_n == 0; i++) {
		const struct rt_server *srv = &be->servers[i];
		if (srv->cfg->backup && (weights[i] = weight_of(srv)) > 0 &&
		    !(be->cfg->options & CFG_OPT_ALLBACKUPS))
			return 1;
	}
	if (usable_n == 0)
		for (size_t i = 0; i < be->servers_n; i++)
			usable_n += weights[i] > 0;
	return usable_n;
}

static void
rebuild(struct rt_backend *be)
{
	/* read first: a change while we look makes us look again next time */
	be->version_seen =
		atomic_load_explicit(&be->shm.backend->version, memory_order_acquire);
	uint32_t *weights = must_calloc(be->servers_n, sizeof(*weights));
	be->usable_n = usable_weights(be, weights);
	size_t sum = 0;
	for (size_t i = 0; i < be->servers_n; i++)
		sum += weights[i];
	size_t cap = sum < SEQUENCE_MAX ? sum : SEQUENCE_MAX;
	if (cap < be->servers_n)
		cap = be->servers_n;
	if (cap > be->sequence_cap) {
		be->sequence = must_realloc(be->sequence, cap * sizeof(*be->sequence));
		be->sequence_cap = cap;
	}
	be->sequence_n = pick_sequence(weights, be->servers_n, be->sequence, cap);
	be->is_built = true;
	free(weights);
	queue_refresh(be);
}

static void
refresh(struct rt_backend *be)
{
	uint64_t version =
		atomic_load_explicit(&be->shm.backend->version, memory_order_acquire);
	if (!be->is_built || version != be->version_seen)
		rebuild(be);
}

/* The server at a position of the sequence, or the next one that is not `avoid`. */
static struct rt_server *
at_position(struct rt_backend *be, uint64_t position, const struct rt_server *avoid)
{
	struct rt_server *srv = &be->servers[be->sequence[position % be->sequence_n]];
	for (size_t i = 1; srv == avoid && i < be->sequence_n; i++)
		srv = &be->servers[be->sequence[(position + i) % be->sequence_n]];
	return srv;
}

/* The same among those that are not full; NULL: all are. Who waits already goes first. */
static struct rt_server *
free_at_position(struct rt_backend *be, uint64_t position, const struct rt_server *avoid)
{
	struct shm_queue_view line;
	if (!be->has_unlimited && shm_queue_view(&be->queue.backend, &line) &&
	    line.waiting > 0)
		return NULL;
	for (size_t i = 0; i < be->sequence_n; i++) {
		struct rt_server *srv =
			&be->servers[be->sequence[(position + i) % be->sequence_n]];
		if (srv != avoid && !(srv->is_limited && queue_is_full(srv)))
			return srv;
	}
	return NULL;
}

static uint64_t
turn(struct rt_backend *be, uint64_t *cursor)
{
	if (*cursor == PICK_NO_CURSOR)
		*cursor = atomic_fetch_add_explicit(&be->shm.backend->cursor, 1,
						    memory_order_relaxed);
	return *cursor;
}

/* The fewest connections per weight, counted over all workers; ties in the order of the
 * round-robin sequence, so that an idle farm is used evenly. */
static struct rt_server *
least_connections(struct rt_backend *be, const struct rt_server *avoid, uint64_t *cursor)
{
	struct rt_server *best = NULL;
	uint64_t best_load = 0, best_weight = 1, start = turn(be, cursor);
	for (size_t i = 0; i < be->servers_n; i++) {
		struct rt_server *srv = &be->servers[(start + i) % be->servers_n];
		uint64_t weight = 0;
		if (srv != avoid && !(srv->is_limited && queue_is_full(srv)) &&
		    srv->cfg->backup == be->servers[be->sequence[0]].cfg->backup)
			weight = weight_of(srv);
		if (weight == 0)
			continue;
		uint64_t load = (uint64_t)shm_gauge_cur(srv->shm.gauge) + 1;
		if (!best || load * best_weight < best_load * weight) {
			best = srv;
			best_load = load;
			best_weight = weight;
		}
	}
	if (best || be->has_limits)
		return best;
	return at_position(be, start, avoid);
}

/* HAProxy's key for "balance source": the address folded into 32 bits. */
static uint32_t
source_key(const struct sockaddr *sa)
{
	if (sa->sa_family == AF_INET)
		return ntohl(
			((const struct sockaddr_in *)(const void *)sa)->sin_addr.s_addr);
	uint32_t key = 0, word;
	if (sa->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 =
			(const struct sockaddr_in6 *)(const void *)sa;
		for (unsigned i = 0; i < 16; i += 4) {
			memcpy(&word, in6->sin6_addr.s6_addr + i, 4);
			key ^= ntohl(word);
		}
	}
	return key;
}

struct rt_server *
pick_server(struct rt_backend *be, const struct sockaddr *client,
	    const struct rt_server *avoid, uint64_t *cursor)
{
	refresh(be);
	if (be->sequence_n == 0)
		return NULL;
	if (be->usable_n == 1)
		avoid = NULL;
	switch (be->cfg->balance) {
	case CFG_BALANCE_ROUNDROBIN:
		return be->has_limits ? free_at_position(be, turn(be, cursor), avoid)
				      : at_position(be, turn(be, cursor), avoid);
	case CFG_BALANCE_LEASTCONN:
		return least_connections(be, avoid, cursor);
	case CFG_BALANCE_SOURCE:
		return at_position(be, source_key(client), avoid);
	}
	return NULL;
}

bool
pick_is_bound(const struct rt_backend *be)
{
	return be->cfg->balance == CFG_BALANCE_SOURCE;
}

bool
pick_is_usable(const struct rt_server *srv)
{
	return weight_of(srv) > 0;
}

uint32_t
pick_usable_n(struct rt_backend *be)
{
	refresh(be);
	return be->usable_n;
}
