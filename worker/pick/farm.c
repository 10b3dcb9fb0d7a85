/* SPDX-License-Identifier: MIT
 *
 * Who serves: health words, admin words and weights of a backend as a balancing table.
 * Worker. Memory is taken at start, and when servers join; what a change of state costs
 * is told in docs/balance.md.
 */
#include "worker/pick/farm.h"

#include <stdlib.h>

#include "lib/base/must.h"
#include "shm/health.h"
#include "worker/pick/persist.h"
#include "worker/queue.h"

struct addr
farm_address(const struct rt_server *srv)
{
	struct addr a = srv->cfg->addr;
	(void)shm_address_read(&srv->shm, &a);
	return a;
}

struct shm_effective
farm_state(const struct rt_server *srv)
{
	struct shm_facts f = {.weight = srv->cfg->weight,
			      .is_checked = cfg_server_is_checked(srv->cfg),
			      .slowstart_ms = srv->cfg->slowstart_ms};
	if (srv->cfg->addr.kind == ADDR_NONE) /* its name is not resolved */
		return (struct shm_effective){.is_usable = false};
	return shm_server_effective(&srv->shm, &f);
}

/* As if no check had ever failed. */
static struct shm_effective
unchecked(const struct rt_server *srv)
{
	if (srv->cfg->addr.kind == ADDR_NONE)
		return (struct shm_effective){.is_usable = false};
	struct shm_facts f = {.weight = srv->cfg->weight};
	return shm_server_effective(&srv->shm, &f);
}

/* Backups stand in for all of them. */
static bool
lacks_quorum(const struct rt_backend *be)
{
	return be->cfg->quorum.weight && shm_backend_lacks_quorum(&be->shm);
}

bool
farm_is_usable(const struct rt_server *srv)
{
	if (!srv->cfg->backup && lacks_quorum(srv->be))
		return false;
	return farm_state(srv).is_usable ||
	       (srv->be->is_panicking && !srv->cfg->backup && unchecked(srv).is_usable);
}

bool
farm_may_stick(const struct rt_server *srv, bool is_forced)
{
	return is_forced || srv->be->cfg->options & CFG_OPT_PERSIST ||
	       farm_state(srv).is_up || farm_is_usable(srv);
}

/* --- who serves ------------------------------------------------------------ */

typedef struct shm_effective state_fn(const struct rt_server *srv);

static uint32_t
share_of(struct rt_backend *be, const struct rt_server *srv, state_fn *state)
{
	struct shm_effective e = state(srv);
	uint64_t step_ms = srv->cfg->slowstart_ms / SHM_RAMP_STEPS;
	if (!e.is_usable)
		return 0;
	if (e.ramp == 100 || be->table.kind == BALANCE_MAP)
		return e.full_weight * BALANCE_SHARE;
	if (be->ramp_ms == 0 || now_ms() + step_ms < be->ramp_ms)
		be->ramp_ms = now_ms() + step_ms;
	return e.full_weight * e.ramp;
}

/* The servers of one kind; returns how many of them serve. */
static uint32_t
enlist(struct rt_backend *be, bool are_backups, uint32_t most, state_fn *state)
{
	uint32_t n = 0;
	for (size_t i = 0; i < be->servers_n && n < most; i++) {
		const struct rt_server *srv = be->servers[i];
		if (srv->cfg->backup != are_backups)
			continue;
		be->farm[i].share = share_of(be, srv, state);
		n += be->farm[i].share > 0;
	}
	return n;
}

/* panic_threshold: too few of those that people have not taken out are up. */
static bool
must_panic(const struct rt_backend *be, uint64_t active_n)
{
	uint64_t all = 0;
	for (size_t i = 0; i < be->servers_n && be->cfg->panic_percent; i++)
		all += !be->servers[i]->cfg->backup &&
		       unchecked(be->servers[i]).is_usable;
	return active_n * 100 < all * be->cfg->panic_percent;
}

/* The active servers, else the backups: the first usable one, or all with `option
 * allbackups`. */
static void
muster(struct rt_backend *be)
{
	bool is_all = be->cfg->options & CFG_OPT_ALLBACKUPS;
	for (size_t i = 0; i < be->servers_n; i++)
		be->farm[i].share = 0;
	be->ramp_ms = 0;
	bool is_enough = !lacks_quorum(be);
	be->usable_n = is_enough ? enlist(be, false, UINT32_MAX, farm_state) : 0;
	uint32_t active_n = be->usable_n;
	if (active_n == 0)
		be->usable_n = enlist(be, true, is_all ? UINT32_MAX : 1, farm_state);
	be->is_panicking =
		is_enough && (active_n || be->usable_n == 0) && must_panic(be, active_n);
	if (be->is_panicking)
		be->usable_n = enlist(be, false, UINT32_MAX, unchecked);
}

static uint32_t
key_of(const struct rt_server *srv, enum balance_kind kind)
{
	const struct cfg_server *cfg = srv->cfg;
	struct addr at = farm_address(srv);
	struct balance_identified s = {
		.id = cfg->id,
		.name = span_str(cfg->name),
		.port = (uint16_t)(addr_port(&at) > 0 ? addr_port(&at) : 0),
	};
	if (at.kind == ADDR_INET) {
		s.address = &at.u.in.sin_addr;
		s.address_bytes = 4;
	} else if (at.kind == ADDR_INET6) {
		s.address = &at.u.in6.sin6_addr;
		s.address_bytes = 16;
	}
	return balance_server_key(cfg->hash_key, kind, &s);
}

/* What is made of an address: a place on the ring, a cookie. */
static void
settle(struct rt_server *srv)
{
	srv->address_mark = shm_address_mark(&srv->shm);
	srv->be->farm[srv->index].key = key_of(srv, srv->be->table.kind);
	persist_init(srv);
}

/* Servers that joined or left. */
static void
follow(struct rt_backend *be)
{
	if (!runtime_follow(be))
		return;
	balance_table_fini(&be->table);
	free(be->farm);
	free(be->shares_before);
	farm_init(be);
}

static void
rebuild(struct rt_backend *be)
{
	/* read first: a change while we look makes us look again next time */
	be->version_seen =
		atomic_load_explicit(&be->shm.backend->version, memory_order_acquire);
	follow(be);
	for (size_t i = 0; i < be->servers_n; i++)
		if (be->servers[i]->address_mark !=
		    shm_address_mark(&be->servers[i]->shm))
			settle(be->servers[i]);
	muster(be);
	be->shares = 0;
	for (size_t i = 0; i < be->servers_n; i++) {
		be->shares_before[i] = be->shares;
		be->shares += be->farm[i].share;
	}
	balance_table_build(&be->table, be->farm);
	be->is_built = true;
	queue_refresh(be);
}

void
farm_refresh(struct rt_backend *be)
{
	uint64_t version =
		atomic_load_explicit(&be->shm.backend->version, memory_order_acquire);
	if (!be->is_built || version != be->version_seen ||
	    (be->ramp_ms && now_ms() >= be->ramp_ms))
		rebuild(be);
}

uint32_t
farm_usable_n(struct rt_backend *be)
{
	farm_refresh(be);
	return be->usable_n;
}

/* --- start ----------------------------------------------------------------- */

void
farm_init(struct rt_backend *be)
{
	const struct cfg_balance *c = &be->cfg->balance;
	enum balance_kind kind = balance_kind_of(c->algorithm, c->hash_kind);
	balance_table_init(&be->table, kind, be->servers_n);
	be->farm = must_calloc(be->servers_n + 1, sizeof(*be->farm));
	be->shares_before = must_calloc(be->servers_n + 1, sizeof(*be->shares_before));
	for (size_t i = 0; i < be->servers_n; i++)
		settle(be->servers[i]);
}
