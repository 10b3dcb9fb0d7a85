/* SPDX-License-Identifier: MIT
 *
 * struct cfg -> struct shm_geometry: one shm_facts per object, the daemon itself first.
 * Pure. Names are what the other processes look their objects up by: a server by its
 * address as written, a listener by its bind's name.
 */
#include "master/geometry.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "master/report.h"
#include "shm/offence.h"
#include "shm/queue.h"
#include "shm/sessions.h"

enum {
	TICKETS_ALL = 1 << 20, /* shared by the backends that need some */
	TICKETS_MIN = 1024,
	TICKETS_FEW = 16384, /* one backend alone has these at least */
};

struct facts_list {
	struct shm_facts *at;
	size_t n;
	uint64_t queue_bytes; /* of each backend that needs queues */
	char *err;
	bool is_bad;
};

/* Copies a text that must fit; the first that does not is remembered. */
static void
put(struct facts_list *l, char *to, size_t bytes, const char *from, const char *what)
{
	if (!from)
		from = "";
	size_t n = strlen(from);
	if (n < bytes) {
		memcpy(to, from, n + 1);
	} else if (!l->is_bad) {
		l->is_bad = true;
		report_into(l->err, "%s '%s' is too long: %zu characters at most", what,
			    from, bytes - 1);
	}
}

static struct shm_facts *
add(struct facts_list *l, enum shm_kind kind, const char *name, const char *parent)
{
	struct shm_facts *f = &l->at[l->n++];
	f->kind = kind;
	put(l, f->name, sizeof(f->name), name, "the name");
	put(l, f->parent, sizeof(f->parent), parent, "the name");
	return f;
}

static const char *
mode_text(enum cfg_mode mode)
{
	switch (mode) {
	case CFG_MODE_TCP:
		return "tcp";
	case CFG_MODE_HTTP:
		return "http";
	case CFG_MODE_HEALTH:
		return "health";
	}
	return "";
}

static void
add_frontend(struct facts_list *l, const struct cfg_proxy *p)
{
	struct shm_facts *f = add(l, SHM_FRONTEND, p->name, "");
	f->id = p->id;
	f->maxconn = p->maxconn;
	f->rate_limit = p->rate_limit_sessions;
	f->area_bytes = shm_offences_bytes();
	f->is_disabled = p->is_disabled;
	put(l, f->mode, sizeof(f->mode), mode_text(p->mode), "mode");
	for (size_t i = 0; i < p->binds_n; i++) {
		char text[ADDR_TEXT_BYTES];
		const struct cfg_bind *b = p->binds[i];
		f = add(l, SHM_LISTENER, b->name, p->name);
		f->id = (uint32_t)i + 1;
		f->parent_id = p->id;
		f->maxconn = b->maxconn;
		put(l, f->mode, sizeof(f->mode), mode_text(p->mode), "mode");
		put(l, f->addr, sizeof(f->addr), addr_format(&b->addr, text),
		    "the address");
	}
}

bool
geometry_needs_queue(const struct cfg_server *s)
{
	return s->maxconn || s->pool_max_conn > 0 || s->agent; /* which may say one */
}

static bool
has_queues(const struct cfg_proxy *p)
{
	for (size_t i = 0; i < p->servers_n; i++)
		if (geometry_needs_queue(p->servers[i]))
			return true;
	return false;
}

/* Each request holds a connection of a client, so maxconn tickets are always enough; many
 * backends share what is reasonable. An area keeps its size over reloads. */
uint64_t
geometry_queue_bytes(const struct cfg *cfg)
{
	uint64_t backends_n = 0, n;
	for (size_t i = 0; i < cfg->proxies_n; i++)
		backends_n += has_queues(cfg->proxies[i]);
	uint64_t most =
		cfg->global.maxconn > TICKETS_FEW ? cfg->global.maxconn : TICKETS_FEW;
	n = TICKETS_ALL / (backends_n ? backends_n : 1);
	n = n < TICKETS_MIN ? TICKETS_MIN : n > most ? most : n;
	return shm_queue_bytes((uint32_t)n);
}

static void
add_server(struct facts_list *l, const struct cfg_proxy *p, const struct cfg_server *s)
{
	struct shm_facts *f = add(l, SHM_SERVER, s->name, p->name);
	f->id = s->id;
	f->place = s->index;
	f->parent_id = p->id;
	f->weight = s->weight;
	f->maxconn = s->maxconn;
	f->minconn = s->minconn;
	f->maxqueue = s->maxqueue;
	f->slowstart_ms = s->slowstart_ms;
	/* the checker says why an unresolved one is DOWN */
	f->is_checked = cfg_server_is_checked(s) || s->addr.kind == ADDR_NONE;
	f->is_backup = s->backup;
	f->is_observed = s->observe != CFG_OBSERVE_NONE;
	f->has_agent = s->agent != NULL;
	f->check_port = cfg_server_check_port(s);
	f->agent_port = cfg_server_agent_port(s);
	f->is_disabled = s->disabled;
	f->starts_down = cfg_server_starts_down(s);
	f->rise = s->check ? s->rise : 0;
	f->fall = s->check ? s->fall : 0;
	put(l, f->mode, sizeof(f->mode), mode_text(p->mode), "mode");
	put(l, f->addr, sizeof(f->addr), s->addr_text, "the address");
}

static void
add_backend(struct facts_list *l, const struct cfg_proxy *p)
{
	struct shm_facts *f = add(l, SHM_BACKEND, p->name, "");
	f->id = p->id;
	f->maxconn = p->fullconn;
	f->area_bytes = has_queues(p) ? l->queue_bytes : 0;
	f->is_disabled = p->is_disabled;
	put(l, f->mode, sizeof(f->mode), mode_text(p->mode), "mode");
	put(l, f->algo, sizeof(f->algo), balance_word(p->balance.algorithm), "balance");
	for (size_t i = 0; i < p->servers_n; i++)
		add_server(l, p, p->servers[i]);
}

int
geometry_server(const struct cfg_server *s, struct shm_facts *out,
		char err[SHM_ERROR_BYTES])
{
	struct facts_list l = {.at = out, .err = err};
	memset(out, 0, sizeof(*out));
	add_server(&l, s->backend, s);
	return l.is_bad ? -1 : 0;
}

static void
add_table(struct facts_list *l, const struct cfg_table *t)
{
	struct shm_facts *f = add(l, SHM_TABLE, t->name, "");
	f->id = t->index + 1;
	f->area_bytes = t->spec.bytes;
	stick_spec_id(&t->spec, f->addr, sizeof(f->addr));
}

/* References a worker may hold: one per tracker of each of its connections, of which it
 * may have more than its share. Every process slot has room for so many. */
static uint32_t
ledger_n(const struct cfg *cfg)
{
	enum { LEAST = 16384, MOST = 65536 };
	uint32_t most = cfg->global.maxconn, share = most / cfg->global.nbproc * 2;
	uint32_t conns = share > LEAST ? share : LEAST;
	conns = conns < MOST ? conns : MOST;
	return (uint32_t)__builtin_popcount(cfg->trackers) *
	       (conns < most ? conns : most);
}

/* Every connection has room, and every worker some that it does not use. */
static uint64_t
sessions_bytes(const struct cfg_global *g)
{
	uint64_t n = g->maxconn + g->nbproc * 2ULL * SHM_SESSION_CHUNK;
	return shm_sessions_bytes(n < SHM_SESSIONS_MAX ? (uint32_t)n : SHM_SESSIONS_MAX);
}

static size_t
count(const struct cfg *cfg)
{
	size_t n = 1 + cfg->tables_n;
	for (size_t i = 0; i < cfg->proxies_n; i++)
		n += 2 + cfg->proxies[i]->binds_n + cfg->proxies[i]->servers_n;
	return n;
}

/* Readers of the region live in other directories. */
static const char *
absolute(struct arena *a, const char *path)
{
	char dir[PATH_MAX];
	if (path[0] == '/' || !getcwd(dir, sizeof(dir)))
		return path;
	return arena_printf(a, "%s/%s", strcmp(dir, "/") == 0 ? "" : dir, path);
}

/* The first control socket that has a path, for weirctl. */
static const char *
control_path(const struct cfg *cfg)
{
	const struct cfg_global *g = &cfg->global;
	for (size_t i = 0; i < g->sockets_n; i++)
		if (g->sockets[i].addr.kind == ADDR_UNIX)
			return absolute(cfg->arena, g->sockets[i].path);
	return "";
}

int
geometry_of(const struct cfg *cfg, struct shm_geometry *out, char err[SHM_ERROR_BYTES])
{
	struct facts_list l = {.err = err, .queue_bytes = geometry_queue_bytes(cfg)};
	const struct cfg_global *g = &cfg->global;
	l.at = arena_alloc(cfg->arena, count(cfg) * sizeof(*l.at));
	struct shm_facts *global = add(&l, SHM_GLOBAL, "global", "");
	global->maxconn = g->maxconn;
	global->rate_limit = g->maxconnrate;
	global->sess_rate_limit = g->maxsessrate;
	global->area_bytes = sessions_bytes(g);
	for (size_t i = 0; i < cfg->proxies_n; i++) {
		if (cfg->proxies[i]->caps & CFG_CAP_FRONTEND)
			add_frontend(&l, cfg->proxies[i]);
		if (cfg->proxies[i]->caps & CFG_CAP_BACKEND)
			add_backend(&l, cfg->proxies[i]);
	}
	for (size_t i = 0; i < cfg->tables_n; i++)
		add_table(&l, cfg->tables[i]);
	*out = (struct shm_geometry){
		.objects = l.at,
		.objects_n = l.n,
		.workers_n = g->nbproc,
		.generations_max = g->max_generations,
		.ledger_n = ledger_n(cfg),
		.version = WEIR_VERSION,
		.control_socket = control_path(cfg),
		.config_hash = cfg->hash,
	};
	return l.is_bad ? -1 : 0;
}
