/* SPDX-License-Identifier: MIT
 *
 * The run-time side of the configuration: each object with its place in shared memory.
 * Made once at start, lives as long as the worker.
 */
#include "lib/base/must.h"
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

static void
backend_init(struct rt_backend *be, const struct cfg_proxy *p)
{
	be->cfg = p;
	find(SHM_BACKEND, "", p->name, "", &be->shm);
	be->servers_n = p->servers_n;
	list_init(&be->waiters);
	be->servers = must_calloc(p->servers_n, sizeof(*be->servers));
	for (size_t i = 0; i < p->servers_n; i++) {
		struct rt_server *srv = &be->servers[i];
		srv->cfg = p->servers[i];
		srv->be = be;
		idle_init(srv);
		find(SHM_SERVER, p->name, srv->cfg->name, srv->cfg->addr_text, &srv->shm);
	}
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
		const struct cfg_proxy *p = cfg->proxies[i];
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
