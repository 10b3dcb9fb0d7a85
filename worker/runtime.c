/* SPDX-License-Identifier: MIT
 *
 * The run-time side of the configuration: each object with its place in shared memory.
 * Made at start, lives as long as the worker; servers that join or leave later are
 * followed.
 */
#include <stdlib.h>

#include "lib/base/must.h"
#include "roster/roster.h"
#include "worker/pick/farm.h"
#include "worker/idle.h"
#include "worker/track.h"

/* The master committed the geometry before it forked us: everything is there. */
static void
find(enum shm_kind kind, const char *parent, const char *name, const char *addr,
     struct shm_object *out)
{
	must(shm_find(self.shm, kind, parent, name, addr, out));
}

static struct rt_server *
server_new(struct rt_backend *be, const struct cfg_server *s)
{
	struct rt_server *srv = must_calloc(1, sizeof(*srv));
	srv->cfg = s;
	srv->be = be;
	srv->index = s->index;
	idle_init(srv);
	find(SHM_SERVER, be->cfg->name, s->name, s->addr_text, &srv->shm);
	return srv;
}

/* The one that was there for s; what is before *at is not needed any more. Both lists
 * have the same order. */
static struct rt_server *
take(struct rt_server **were, size_t n, size_t *at, const struct cfg_server *s)
{
	for (size_t i = *at; i < n; i++)
		if (were[i]->cfg == s) {
			*at = i + 1;
			return were[i];
		}
	return NULL;
}

bool
runtime_follow(struct rt_backend *be)
{
	struct cfg_proxy *p = self.cfg->proxies[be->cfg->index];
	struct rt_server **were = be->servers;
	size_t were_n = be->servers_n, at = 0;
	if (!roster_follow(self.shm, p, &be->shm, &be->members))
		return false;
	be->servers_n = p->servers_n;
	be->servers = must_calloc(p->servers_n + 1, sizeof(struct rt_server *));
	for (size_t i = 0; i < were_n; i++)
		were[i]->index = UINT32_MAX;
	for (size_t i = 0; i < p->servers_n; i++) {
		struct rt_server *srv = take(were, were_n, &at, p->servers[i]);
		be->servers[i] = srv ? srv : server_new(be, p->servers[i]);
		be->servers[i]->index = (uint32_t)i;
	}
	for (size_t i = 0; i < were_n; i++)
		if (were[i]->index == UINT32_MAX)
			idle_retire(were[i]);
	free(were);
	return true;
}

static void
backend_init(struct rt_backend *be, struct cfg_proxy *p)
{
	be->cfg = p;
	find(SHM_BACKEND, "", p->name, "", &be->shm);
	(void)roster_follow(self.shm, p, &be->shm, &be->members);
	be->servers_n = p->servers_n;
	list_init(&be->waiters);
	be->servers = must_calloc(p->servers_n + 1, sizeof(struct rt_server *));
	for (size_t i = 0; i < p->servers_n; i++)
		be->servers[i] = server_new(be, p->servers[i]);
	farm_init(be);
}

static void
frontend_init(struct rt_frontend *fe, const struct cfg_proxy *p)
{
	fe->cfg = p;
	find(SHM_FRONTEND, "", p->name, "", &fe->shm);
	fe->default_be = backend_of(p->default_backend);
}

void
runtime_init(void)
{
	const struct cfg *cfg = self.cfg;
	self.frontends = must_calloc(cfg->proxies_n, sizeof(*self.frontends));
	self.backends = must_calloc(cfg->proxies_n, sizeof(*self.backends));
	self.binds = must_calloc(cfg->binds_n, sizeof(*self.binds));
	find(SHM_GLOBAL, "", "global", "", &self.global);
	for (size_t i = 0; i < cfg->proxies_n; i++) {
		struct cfg_proxy *p = cfg->proxies[i];
		if (p->caps & CFG_CAP_BACKEND)
			backend_init(&self.backends[i], p);
		if (p->caps & CFG_CAP_FRONTEND)
			frontend_init(&self.frontends[i], p);
	}
	track_init();
	for (size_t i = 0; i < cfg->binds_n; i++) {
		struct rt_listener *l = &self.binds[i];
		l->cfg = cfg->binds[i];
		l->fe = &self.frontends[l->cfg->frontend->index];
		find(SHM_LISTENER, l->cfg->frontend->name, l->cfg->name, "", &l->shm);
	}
}
