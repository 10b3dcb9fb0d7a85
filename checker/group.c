/* SPDX-License-Identifier: MIT
 *
 * Backends and their servers as the checker sees them: built once from the
 * configuration, with their places in shared memory. Runs in the checker.
 */
#include <stdlib.h>
#include <string.h>

#include "checker/self.h"
#include "lib/base/hash.h"
#include "lib/base/must.h"
#include "roster/roster.h"
#include "shm/hand.h"

struct shm_health_word
checked_health(const struct checked *c)
{
	return shm_health_unpack(
		atomic_load_explicit(&c->object.server->health, memory_order_acquire));
}

struct shm_admin_word
checked_admin(const struct checked *c)
{
	uint64_t word =
		atomic_load_explicit(&c->object.server->admin, memory_order_acquire);
	return shm_admin_with(shm_admin_unpack(word), c->says);
}

struct shm_effective
checked_effective(const struct checked *c, struct shm_health_word h)
{
	return shm_effective(checked_admin(c), h, c->cfg->weight,
			     cfg_server_is_checked(c->cfg) || c->agent ||
				     c->is_unresolved);
}

void
group_recount(struct group *g)
{
	/* first the version: a change during the count makes another count */
	g->version =
		atomic_load_explicit(&g->object.backend->version, memory_order_acquire);
	g->active_n = g->backup_n = 0;
	for (size_t i = 0; i < g->servers_n; i++) {
		struct checked *c = g->servers[i];
		c->is_usable = checked_effective(c, checked_health(c)).is_usable;
		if (c->is_usable)
			*(c->cfg->backup ? &g->backup_n : &g->active_n) += 1;
	}
}

uint32_t
group_down_since_s(const struct group *g)
{
	uint32_t since_s = 0;
	for (size_t i = 0; i < g->servers_n; i++) {
		struct shm_health_word w = checked_health(g->servers[i]);
		if (w.state == SHM_HEALTH_DOWN && w.since_s > since_s)
			since_s = w.since_s;
	}
	return since_s;
}

/* Objects of servers are told apart by the address as it stands in the file. */
static void
find_server(struct checked *c, const char *backend)
{
	char text[ADDR_TEXT_BYTES];
	const struct cfg_server *s = c->cfg;
	bool found = shm_find(checker.shm, SHM_SERVER, backend, s->name, s->addr_text,
			      &c->object) ||
		     shm_find(checker.shm, SHM_SERVER, backend, s->name,
			      addr_format(&s->addr, text), &c->object);
	must(found && c->object.server);
}

static void
set_port(struct addr *a, int port)
{
	if (a->kind == ADDR_INET || a->kind == ADDR_INET6)
		addr_set_port(a, port);
}

/* Of checks that have none of their own: a port in `addr`, or the server's. */
static int
port_without(const struct cfg_server *s, const struct addr *server)
{
	bool is_its_own =
		s->check_has_addr && addr_port(&s->check_addr) != addr_port(&s->addr);
	return addr_port(is_its_own ? &s->check_addr : server);
}

/* The addresses of a server, with those parts of where it is now that no setting of its
 * own replaces. */
static void
find_addresses(struct checked *c)
{
	const struct cfg_server *s = c->cfg;
	struct addr now = s->addr;
	bool is_moved = shm_address_read(&c->object, &now);
	c->check_addr = is_moved && !s->check_has_addr ? now : s->check_addr;
	c->agent_addr = is_moved && !s->agent_has_addr ? now : s->agent_addr;
	/* pings have none, whatever port is said */
	uint32_t port =
		shm_hand_value(&c->object, SHM_HAND_CHECK_PORT, cfg_server_check_port(s));
	if (s->check && s->healthcheck->kind == CFG_CHECK_ICMP)
		set_port(&c->check_addr, 0);
	else
		set_port(&c->check_addr, port ? (int)port : port_without(s, &now));
	set_port(&c->agent_addr, (int)shm_hand_value(&c->object, SHM_HAND_AGENT_PORT,
						     cfg_server_agent_port(s)));
}

static void
init_server(struct checked *c, struct group *g, const struct cfg_server *s)
{
	*c = (struct checked){.cfg = s, .group = g, .last = RESULT_initializing};
	c->is_unresolved = s->addr.kind == ADDR_NONE ||
			   (s->check && s->check_addr.kind == ADDR_NONE);
	find_server(c, g->cfg->name);
	find_addresses(c);
	c->says = shm_agent_unpack(0);
	verdict_init(&c->verdict, s->rise, s->fall);
}

static struct checked *
new_server(struct group *g, const struct cfg_server *s)
{
	struct checked *c = arena_alloc(checker.arena, sizeof(*c));
	init_server(c, g, s);
	return c;
}

static void
init_group(struct group *g, struct cfg_proxy *p)
{
	g->cfg = p;
	must(shm_find(checker.shm, SHM_BACKEND, "", p->name, "", &g->object));
	must(g->object.backend);
	(void)roster_follow(checker.shm, p, &g->object, &g->members);
	g->servers_n = p->servers_n;
	g->servers = must_calloc(p->servers_n + 1, sizeof(struct checked *));
	for (size_t i = 0; i < p->servers_n; i++) {
		g->servers[i] = new_server(g, p->servers[i]);
		g->servers[i]->has_begun = true; /* with all others, in schedule.c */
	}
}

/* --- probes, shared by servers that are checked alike ---------------------------------
 */

static bool
is_same(const struct probe *p, const struct checked *c)
{
	const struct cfg_server *a = p->users->cfg, *b = c->cfg;
	const struct cfg_proxy *x = p->proxy, *y = b->backend;
	return p->check == b->healthcheck && addr_eq(p->addr, &c->check_addr) &&
	       a->inter_ms == b->inter_ms && a->fastinter_ms == b->fastinter_ms &&
	       a->downinter_ms == b->downinter_ms &&
	       a->check_reuse_pool == b->check_reuse_pool &&
	       a->check_send_proxy == b->check_send_proxy &&
	       a->send_proxy.crc32c == b->send_proxy.crc32c &&
	       x->timeout.connect_ms == y->timeout.connect_ms &&
	       x->timeout.check_ms == y->timeout.check_ms &&
	       memcmp(&x->limits, &y->limits, sizeof(x->limits)) == 0;
}

/* By what probes that are the same have in common. */
static uint64_t
key_of(const struct checked *c)
{
	char address[ADDR_TEXT_BYTES];
	const char *text = addr_format(&c->check_addr, address);
	return hash_bytes(text, strlen(text), (uint64_t)(uintptr_t)c->cfg->healthcheck);
}

static struct addr *
copy(const struct addr *a)
{
	struct addr *own = arena_alloc(checker.arena, sizeof(*own));
	*own = *a;
	return own;
}

static struct probe *
new_probe(const struct checked *c)
{
	struct probe *p = arena_alloc(checker.arena, sizeof(*p));
	const char *server = c->cfg->name, *backend = c->group->cfg->name;
	*p = (struct probe){.check = c->cfg->healthcheck,
			    .addr = copy(&c->check_addr),
			    .proxy = c->cfg->backend,
			    .hash = hash_bytes(server, strlen(server),
					       hash_bytes(backend, strlen(backend), 0))};
	probe_init(p);
	checker.probes = arena_grow(checker.arena, checker.probes, checker.probes_all_n,
				    sizeof(struct probe *));
	checker.probes[checker.probes_all_n++] = p;
	return p;
}

static void
add_user(struct probe *p, struct checked *c)
{
	struct checked **end = &p->users;
	while (*end)
		end = &(*end)->next_user;
	*end = c;
	c->probe = p;
}

static void
own_probe(struct checked *c)
{
	struct probe *p = new_probe(c);
	add_user(p, c);
	p->reuses = reuse_is_wanted(p);
	if (p->check->kind == CFG_CHECK_HTTP)
		p->request = script_request(p);
}

/* The probe of c in the table of `size` places, a power of two, or a new one. */
static void
find_probe(struct checked *c, struct probe **table, size_t size)
{
	size_t at = key_of(c) & (size - 1);
	bool is_shared = !c->cfg->healthcheck->is_private;
	while (is_shared && table[at] && !is_same(table[at], c))
		at = (at + 1) & (size - 1);
	if (is_shared && table[at]) {
		add_user(table[at], c);
		return;
	}
	own_probe(c);
	if (is_shared)
		table[at] = c->probe;
}

static void
make_agent(struct checked *c)
{
	struct probe *p = new_probe(c);
	p->check = c->cfg->agent;
	*p->addr = c->agent_addr;
	p->every_ms = c->cfg->agent_inter_ms;
	p->done = agent_take;
	p->users = c;
	c->agent = p;
}

static bool
has_probe(const struct checked *c)
{
	return c->cfg->check && !c->is_unresolved;
}

static bool
has_agent(const struct checked *c)
{
	return c->cfg->agent && c->agent_addr.kind != ADDR_NONE;
}

static void
build_probes(void)
{
	size_t n = 0, size = 16;
	for (size_t i = 0; i < checker.groups_n; i++)
		n += checker.groups[i].servers_n;
	while (size < 2 * n)
		size *= 2;
	struct probe **table = must_calloc(size, sizeof(struct probe *));
	for (size_t i = 0; i < checker.groups_n; i++)
		for (size_t j = 0; j < checker.groups[i].servers_n; j++) {
			struct checked *c = checker.groups[i].servers[j];
			if (has_probe(c))
				find_probe(c, table, size);
			if (has_agent(c))
				make_agent(c);
		}
	free(table);
}

/* --- servers that move --------------------------------------------------------------
 */

static void
redirect(struct probe *p, const struct addr *to)
{
	probe_cancel(p);
	*p->addr = *to;
	p->request = span_of(NULL, 0); /* it may name the address */
	schedule_anew(p);
}

static void
give_up_probe(struct checked *c)
{
	struct checked **at = &c->probe->users;
	while (*at != c)
		at = &(*at)->next_user;
	*at = c->next_user;
	c->next_user = NULL;
}

/* From now on it is checked by a probe of its own. */
static void
leave_probe(struct checked *c)
{
	give_up_probe(c);
	struct probe *was = c->probe, *p = new_probe(c);
	p->request_step = was->request_step;
	add_user(p, c);
	p->reuses = reuse_is_wanted(p);
	schedule_anew(p);
}

void
group_follow_address(struct checked *c)
{
	find_addresses(c);
	if (c->probe && !addr_eq(c->probe->addr, &c->check_addr)) {
		if (c->probe->users == c && !c->next_user)
			redirect(c->probe, &c->check_addr);
		else
			leave_probe(c);
	}
	if (c->agent && !addr_eq(c->agent->addr, &c->agent_addr))
		redirect(c->agent, &c->agent_addr);
}

/* --- those that track others
 * ------------------------------------------------------------ */

static struct checked *
checked_of(const struct cfg_server *s)
{
	for (size_t i = 0; i < checker.groups_n; i++)
		if (checker.groups[i].cfg == s->backend)
			return checker.groups[i].servers[s->index];
	return NULL;
}

static void
link_trackers(struct group *g)
{
	for (size_t i = 0; i < g->servers_n; i++) {
		struct checked *c = g->servers[i];
		c->tracked = c->cfg->track ? checked_of(c->cfg->track) : NULL;
		if (!c->tracked)
			continue;
		c->next_tracker = c->tracked->trackers;
		c->tracked->trackers = c;
	}
}

/* --- those that join and leave
 * ------------------------------------------------------------ */

/* It is among the servers of its group. */
static void
begin(struct checked *c)
{
	if (has_probe(c))
		own_probe(c);
	if (has_agent(c))
		make_agent(c);
	admin_begin(c);
	if (c->probe)
		schedule_begin_probe(c->probe);
	else
		outcome_unchecked(c);
	if (c->agent)
		schedule_begin_probe(c->agent);
	c->has_begun = true;
}

static void
leave(struct checked *c)
{
	if (c->probe && c->probe->users == c && !c->next_user)
		schedule_end_probe(c->probe);
	else if (c->probe)
		give_up_probe(c);
	if (c->agent)
		schedule_end_probe(c->agent);
	for (struct checked **at = c->tracked ? &c->tracked->trackers : NULL; at && *at;
	     at = &(*at)->next_tracker)
		if (*at == c) {
			*at = c->next_tracker;
			return;
		}
}

/* The one that was there for it. */
static struct checked *
take(struct checked **were, size_t n, const struct cfg_server *s)
{
	for (size_t i = 0; i < n; i++) {
		struct checked *c = were[i];
		if (c && c->cfg == s) {
			were[i] = NULL;
			return c;
		}
	}
	return NULL;
}

void
group_follow_members(struct group *g)
{
	struct checked **were = g->servers;
	size_t were_n = g->servers_n;
	if (!roster_follow(checker.shm, g->cfg, &g->object, &g->members))
		return;
	g->servers_n = g->cfg->servers_n;
	g->servers = must_calloc(g->servers_n + 1, sizeof(struct checked *));
	for (size_t i = 0; i < g->servers_n; i++) {
		struct checked *c = take(were, were_n, g->cfg->servers[i]);
		g->servers[i] = c ? c : new_server(g, g->cfg->servers[i]);
	}
	for (size_t i = 0; i < g->servers_n; i++)
		if (!g->servers[i]->has_begun)
			begin(g->servers[i]);
	for (size_t i = 0; i < were_n; i++)
		if (were[i])
			leave(were[i]);
	free(were);
}

/* --- start ------------------------------------------------------------------------ */

static bool
may_have_servers(const struct cfg_proxy *p)
{
	return p->caps & CFG_CAP_BACKEND && !p->is_disabled;
}

void
groups_build(void)
{
	const struct cfg *cfg = checker.in->cfg;
	checker.groups = arena_alloc(checker.arena,
				     (cfg->proxies_n + 1) * sizeof(*checker.groups));
	for (size_t i = 0; i < cfg->proxies_n; i++)
		if (may_have_servers(cfg->proxies[i]))
			init_group(&checker.groups[checker.groups_n++], cfg->proxies[i]);
	build_probes();
	for (size_t i = 0; i < checker.groups_n; i++)
		link_trackers(&checker.groups[i]);
	for (uint32_t i = 0; i < shm_objects_n(checker.shm); i++)
		if (shm_object_at(checker.shm, i, &checker.global) &&
		    checker.global.kind == SHM_GLOBAL)
			return;
	must(!"the region has a GLOBAL object");
}
