/* SPDX-License-Identifier: MIT
 *
 * Fetches of states: of this process, of frontends, backends and servers over all workers
 * (configuration.txt 7.3.2). Worker.
 */
#include <stdlib.h>

#include "shm/health.h"
#include "worker/fetch/fetch.h"
#include "worker/pick/farm.h"

FETCH_FN(act_conn)
{
	return give_int(s, shm_gauge_cur(self.global.gauge));
}

FETCH_FN(proc)
{
	return give_int(s, self.in->index + 1);
}

FETCH_FN(nbproc)
{
	return give_int(s, self.cfg->global.nbproc);
}

FETCH_FN(thread)
{
	return give_int(s, 0);
}

FETCH_FN(stopping)
{
	return give_bool(s, self.is_draining);
}

FETCH_FN(uptime)
{
	return give_int(s, (int64_t)((now_ms() - self.started_ms) / 1000));
}

/* The one named, else where the request goes. NULL: nowhere yet. */
struct rt_backend *
fetch_backend(const struct expr_context *c, const struct expr_arg *arg)
{
	const struct txn_context *x = context_of(c);
	if (arg->kind == EXPR_ARG_REF)
		return backend_of(arg->ref);
	if (x->t && x->t->be)
		return x->t->be;
	const struct cfg_proxy *fe = x->s ? x->s->bind->fe->cfg : NULL;
	return fe && fe->caps & CFG_CAP_BACKEND ? backend_of(fe) : NULL;
}

FETCH_FN(be_conn)
{
	const struct rt_backend *be = fetch_backend(c, args);
	return be && give_int(s, shm_gauge_cur(be->shm.gauge));
}

FETCH_FN(nbsrv)
{
	struct rt_backend *be = fetch_backend(c, args);
	return be && give_int(s, farm_usable_n(be));
}

static const struct rt_frontend *
frontend(const struct expr_context *c, const struct expr_arg *arg)
{
	const struct txn_context *x = context_of(c);
	if (arg->kind == EXPR_ARG_REF)
		return &self.frontends[((const struct cfg_proxy *)arg->ref)->index];
	return x->s ? x->s->bind->fe : NULL;
}

FETCH_FN(fe_conn)
{
	const struct rt_frontend *fe = frontend(c, args);
	return fe && give_int(s, shm_gauge_cur(fe->shm.gauge));
}

/* Control counts them every second. */
static bool
give_rate(struct expr_sample *s, const _Atomic uint32_t *rate)
{
	return give_int(s, atomic_load_explicit(rate, memory_order_relaxed));
}

FETCH_FN(be_sess_rate)
{
	const struct rt_backend *be = fetch_backend(c, args);
	return be && give_rate(s, &be->shm.rates->sess_rate);
}

FETCH_FN(fe_sess_rate)
{
	const struct rt_frontend *fe = frontend(c, args);
	return fe && give_rate(s, &fe->shm.rates->sess_rate);
}

FETCH_FN(fe_req_rate)
{
	const struct rt_frontend *fe = frontend(c, args);
	return fe && give_rate(s, &fe->shm.rates->req_rate);
}

/* --- servers ---------------------------------------------------------------------------
 */

/* NULL: its backend is disabled. */
const struct rt_server *
fetch_server(const struct expr_arg *arg)
{
	const struct cfg_server_ref *ref = arg->ref;
	const struct rt_backend *be = backend_of(ref->backend);
	return ref->server && be->servers_n ? be->servers[ref->server->index] : NULL;
}

FETCH_FN(srv_conn)
{
	const struct rt_server *srv = fetch_server(args);
	return srv && give_int(s, shm_gauge_cur(srv->shm.gauge));
}

static bool
is_up(const struct rt_server *srv)
{
	return farm_state(srv).is_up && srv->cfg->addr.kind != ADDR_NONE;
}

FETCH_FN(srv_is_up)
{
	const struct rt_server *srv = fetch_server(args);
	return srv && give_bool(s, is_up(srv));
}

FETCH_FN(srv_iweight)
{
	const struct rt_server *srv = fetch_server(args);
	return srv && give_int(s, srv->cfg->weight);
}

FETCH_FN(srv_uweight)
{
	const struct rt_server *srv = fetch_server(args);
	if (!srv)
		return false;
	struct shm_admin_word w = shm_admin_unpack(
		atomic_load_explicit(&srv->shm.server->admin, memory_order_relaxed));
	return give_int(s,
			w.weight == SHM_WEIGHT_CONFIGURED ? srv->cfg->weight : w.weight);
}

FETCH_FN(srv_weight)
{
	const struct rt_server *srv = fetch_server(args);
	return srv && give_int(s, farm_state(srv).weight);
}

FETCH_FN(srv_sess_rate)
{
	const struct rt_server *srv = fetch_server(args);
	return srv && give_rate(s, &srv->shm.rates->sess_rate);
}

/* --- by names that come with a request -------------------------------------------------
 */

static int
by_name(const void *name, const void *backend)
{
	return strcmp(name, (*(const struct cfg_proxy *const *)backend)->name);
}

const struct cfg_proxy *
fetch_proxy_named(struct span name)
{
	char text[CFG_NAME_MAX + 1];
	if (!self.cfg->backends_n || name.n >= sizeof(text) ||
	    memchr(name.p, '\0', name.n))
		return NULL;
	memcpy(text, name.p, name.n);
	text[name.n] = '\0';
	struct cfg_proxy *const *found =
		bsearch(text, self.cfg->backends, self.cfg->backends_n,
			sizeof(*self.cfg->backends), by_name);
	return found ? *found : NULL;
}

/* "backend/server", or "server" of the current backend. */
static const struct rt_server *
server_named(const struct expr_context *c, struct span name)
{
	static const struct expr_arg current = {.kind = EXPR_ARG_NONE};
	const struct rt_backend *be = NULL;
	if (name.n && memchr(name.p, '/', name.n)) {
		const struct cfg_proxy *found = fetch_proxy_named(span_cut(&name, '/'));
		be = found ? backend_of(found) : NULL;
	} else {
		be = fetch_backend(c, &current);
	}
	for (size_t i = 0; be && i < be->servers_n; i++)
		if (span_eq(name, span_str(be->servers[i]->cfg->name)))
			return be->servers[i];
	return NULL;
}

static bool
is_frontend(struct span name)
{
	for (size_t i = 0; i < self.cfg->proxies_n; i++)
		if (self.cfg->proxies[i]->caps & CFG_CAP_FRONTEND &&
		    span_eq(name, span_str(self.cfg->proxies[i]->name)))
			return true;
	return false;
}

bool
fetch_convert_name(const struct expr_context *c, unsigned id, struct expr_sample *s)
{
	struct span name = s->str;
	if (id == EXPR_CONV_fe_exists)
		return give_bool(s, is_frontend(name));
	if (id == EXPR_CONV_nbsrv) {
		const struct cfg_proxy *be = fetch_proxy_named(name);
		return be && give_int(s, farm_usable_n(backend_of(be)));
	}
	const struct rt_server *srv = server_named(c, name);
	if (!srv)
		return false;
	return id == EXPR_CONV_srv_is_up ? give_bool(s, is_up(srv))
					 : give_int(s, fetch_waiting_at(&srv->shm));
}
