/* SPDX-License-Identifier: MIT
 *
 * Backends and their servers as the checker sees them: built once from the
 * configuration, with their places in shared memory. Runs in the checker.
 */
#include "checker/self.h"

#include "lib/base/hash.h"
#include "lib/base/must.h"

struct shm_health_word
checked_health(const struct checked *c)
{
	return shm_health_unpack(
		atomic_load_explicit(&c->object.server->health, memory_order_acquire));
}

struct shm_admin_word
checked_admin(const struct checked *c)
{
	return shm_admin_unpack(
		atomic_load_explicit(&c->object.server->admin, memory_order_acquire));
}

void
group_recount(struct group *g)
{
	/* first the version: a change during the count makes another count */
	g->version =
		atomic_load_explicit(&g->object.backend->version, memory_order_acquire);
	g->active_n = g->backup_n = 0;
	for (size_t i = 0; i < g->servers_n; i++) {
		struct checked *c = &g->servers[i];
		c->is_usable =
			shm_effective(checked_admin(c), checked_health(c), c->cfg->weight,
				      c->cfg->check || c->is_unresolved)
				.is_usable;
		if (c->is_usable)
			*(c->cfg->backup ? &g->backup_n : &g->active_n) += 1;
	}
}

uint32_t
group_down_since_s(const struct group *g)
{
	uint32_t since_s = 0;
	for (size_t i = 0; i < g->servers_n; i++) {
		struct shm_health_word w = checked_health(&g->servers[i]);
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
init_server(struct checked *c, struct group *g, const struct cfg_server *s,
	    struct span shared_request)
{
	char host[ADDR_TEXT_BYTES];
	*c = (struct checked){.cfg = s, .group = g, .last = RESULT_initializing};
	c->is_unresolved = s->addr.kind == ADDR_NONE ||
			   (s->check && s->check_addr.kind == ADDR_NONE);
	find_server(c, g->cfg->name);
	verdict_init(&c->verdict, s->rise, s->fall);
	c->hash = hash_bytes(s->name, strlen(s->name),
			     hash_bytes(g->cfg->name, strlen(g->cfg->name), 0));
	list_init(&c->waiting);
	c->watch.fd = -1;
	c->request = shared_request;
	if (g->cfg->check.kind == CFG_CHECK_HTTP && !shared_request.p)
		c->request = probe_http_request(checker.arena, &g->cfg->check,
						span_str(addr_format(&s->addr, host)));
}

static void
init_group(struct group *g, const struct cfg_proxy *p)
{
	struct span request = {NULL, 0};
	g->cfg = p;
	must(shm_find(checker.shm, SHM_BACKEND, "", p->name, "", &g->object));
	must(g->object.backend);
	g->servers_n = p->servers_n;
	g->servers = arena_alloc(checker.arena, p->servers_n * sizeof(*g->servers));
	if (p->check.kind == CFG_CHECK_HTTP && !probe_http_needs_host(&p->check))
		request = probe_http_request(checker.arena, &p->check, SPAN(""));
	for (size_t i = 0; i < p->servers_n; i++)
		init_server(&g->servers[i], g, p->servers[i], request);
}

static bool
has_servers(const struct cfg_proxy *p)
{
	return p->caps & CFG_CAP_BACKEND && p->servers_n > 0 && !p->is_disabled;
}

void
groups_build(void)
{
	const struct cfg *cfg = checker.in->cfg;
	checker.groups = arena_alloc(checker.arena,
				     (cfg->proxies_n + 1) * sizeof(*checker.groups));
	for (size_t i = 0; i < cfg->proxies_n; i++)
		if (has_servers(cfg->proxies[i]))
			init_group(&checker.groups[checker.groups_n++], cfg->proxies[i]);
	for (uint32_t i = 0; i < shm_objects_n(checker.shm); i++)
		if (shm_object_at(checker.shm, i, &checker.global) &&
		    checker.global.kind == SHM_GLOBAL)
			return;
	must(!"the region has a GLOBAL object");
}
