/* SPDX-License-Identifier: MIT
 *
 * The global section: identities, control sockets, workers, the limit on connections.
 * Master (at load).
 */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "config/loading.h"

enum {
	FDS_SPARE = 320,	 /* per worker: epoll, timers, region, logs, pipes */
	FDS_PER_CONNECTION = 2,	 /* the client's and the server's */
	FDS_GUESS_MAX = 1 << 20, /* of an unlimited hard limit only this is used */
};

/* --- users and groups -------------------------------------------------------------- */

/* The user of that name, if one is given, and his group. */
static void
build_user_named(struct loading *l, const struct node *name, uid_t *uid, gid_t *gid)
{
	if (!name)
		return;
	errno = 0;
	const struct passwd *pw = getpwnam(name->text);
	if (!pw) {
		report_error(l->report, name,
			     "unknown user '%s'; expected a user of this system",
			     name->text);
		return;
	}
	*uid = pw->pw_uid;
	if (gid)
		*gid = pw->pw_gid;
}

/* "user" or "uid" in map: sets *uid and, when gid is not NULL, the user's group. */
static void
build_user(struct loading *l, const struct node *map, uid_t *uid, gid_t *gid)
{
	const struct node *name = node_get(map, "user"), *number = node_get(map, "uid");
	if (name && number)
		report_error(l->report, number,
			     "'user' is given too, at %s; expected one of them",
			     report_place(l->arena, name->pos));
	if (number)
		*uid = (uid_t)value_uint(number->text);
	build_user_named(l, name, uid, gid);
}

static void
build_group(struct loading *l, const struct node *map, gid_t *gid)
{
	const struct node *name = node_get(map, "group"), *number = node_get(map, "gid");
	if (name && number)
		report_error(l->report, number,
			     "'group' is given too, at %s; expected one of them",
			     report_place(l->arena, name->pos));
	if (number)
		*gid = (gid_t)value_uint(number->text);
	if (!name)
		return;
	const struct group *gr = getgrnam(name->text);
	if (gr)
		*gid = gr->gr_gid;
	else
		report_error(l->report, name,
			     "unknown group '%s'; expected a group of this system",
			     name->text);
}

static void
build_socket_address(struct loading *l, struct cfg_stats_socket *s,
		     const struct node *path)
{
	size_t path_max = sizeof(((struct sockaddr_un *)0)->sun_path) - 1;
	struct span text = span_str(path->text);
	if (span_begins(text, SPAN("unix@")))
		s->path += 5;
	if (s->path[0] == '/' && strlen(s->path) > path_max)
		report_error(l->report, path,
			     "the path has %zu bytes; expected at most %zu",
			     strlen(s->path), path_max);
	else if (addr_parse(text, -1, &s->addr, NULL) != ADDR_OK ||
		 (s->addr.kind == ADDR_UNIX && s->path[0] != '/'))
		report_error(l->report, path,
			     "'%s' is not an absolute path; expected one such as "
			     "/run/weir/weir.sock, or ip:port or fd@number",
			     path->text);
}

static void
build_sockets(struct loading *l, struct cfg_global *g, const struct node *list)
{
	g->sockets = arena_alloc(l->arena, (list->n + 1) * sizeof(*g->sockets));
	for (size_t i = 0; i < list->n; i++) {
		const struct node *map = list->items[i], *path = node_get(map, "path");
		if (!path)
			continue;
		struct cfg_stats_socket *s = &g->sockets[g->sockets_n++];
		*s = (struct cfg_stats_socket){.uid = (uid_t)-1, .gid = (gid_t)-1};
		build_fields(l, SECTION_socket, map, s);
		build_user(l, map, &s->uid, NULL);
		build_group(l, map, &s->gid);
		build_socket_address(l, s, path);
		for (size_t j = 0; j + 1 < g->sockets_n; j++)
			if (strcmp(g->sockets[j].path, s->path) == 0)
				report_error(l->report, path, "'%s' is here twice",
					     s->path);
	}
}

void
build_global(struct loading *l)
{
	struct cfg_global *g = &l->cfg->global;
	const struct node *map = node_get(l->effective, "global");
	const struct cfg_request *r = l->request;
	build_fields(l, SECTION_global, map, g);
	build_fields(l, SECTION_drain, node_get(map, "drain"), g);
	g->uid = (uid_t)-1;
	g->gid = (gid_t)-1;
	build_user(l, map, &g->uid, &g->gid);
	build_group(l, map, &g->gid);
	g->external_uid = (uid_t)-1;
	g->external_gid = (gid_t)-1;
	build_user_named(l, node_get(map, "external_check_user"), &g->external_uid,
			 &g->external_gid);
	const char *nbproc = node_text(map, "nbproc");
	g->nbproc = strcmp(nbproc, "auto") == 0 ? cpus_available()
						: (uint32_t)value_uint(nbproc);
	const struct node *cpus = node_get(map, "cpu_map");
	g->cpu_of_worker = cpus_map(l, cpus, g->nbproc);
	build_fields(l, SECTION_global_stats, node_get(map, "stats"), g);
	const struct node *sockets = node_get(node_get(map, "stats"), "socket");
	if (sockets)
		build_sockets(l, g, sockets);
	const struct node *log = node_get(map, "log");
	l->cfg->global_log_mask = log ? build_log(l, log) : 0;
	const struct node *shm = node_get(map, "shm");
	if (shm && shm->text[0] != '/')
		report_error(l->report, shm,
			     "'%s' is not an absolute path; expected one such "
			     "as /run/weir/weir.shm",
			     shm->text);
	build_case(l, map);
	build_environment(l, map);
	build_set_vars(l, map);
	g->quiet = r->quiet;
	g->debug = r->debug;
	g->foreground = r->foreground || r->debug;
}

/* --- maxconn --------------------------------------------------------------------------
 */

/* Beside connections: each worker holds the whole matrix of
 * listeners and an eventfd per slot. */
static uint64_t
fds_beside_connections(const struct loading *l)
{
	const struct cfg_global *g = &l->cfg->global;
	uint64_t slots_n = ((uint64_t)g->nbproc + 2) * (g->max_generations + 1);
	return FDS_SPARE + slots_n + (uint64_t)l->cfg->binds_n * g->nbproc;
}

/* The limit on open files that can be had when `needed` are wanted: raising the hard one
 * is tried, then put back. */
static uint64_t
fds_to_be_had(uint64_t needed)
{
	struct rlimit was, trial;
	if (getrlimit(RLIMIT_NOFILE, &was) < 0 || was.rlim_max == RLIM_INFINITY ||
	    needed <= was.rlim_max)
		return needed;
	trial.rlim_cur = trial.rlim_max = needed;
	if (setrlimit(RLIMIT_NOFILE, &trial) < 0)
		return was.rlim_max;
	setrlimit(RLIMIT_NOFILE, &was);
	return needed;
}

static uint32_t
maxconn_from_limit(struct loading *l)
{
	struct rlimit was;
	uint64_t fds = 1024, spare = fds_beside_connections(l);
	if (getrlimit(RLIMIT_NOFILE, &was) == 0)
		fds = was.rlim_max > FDS_GUESS_MAX ? FDS_GUESS_MAX : was.rlim_max;
	uint64_t left = fds > spare ? fds - spare : 0;
	uint64_t maxconn = left / FDS_PER_CONNECTION;
	if (maxconn == 0)
		report_error_at(
			l->report, l->effective->pos, "global.maxconn",
			"no connection fits: %llu open files are needed "
			"beside connections, the limit is %llu; expected a higher limit "
			"(ulimit -n, LimitNOFILE=)",
			(unsigned long long)spare, (unsigned long long)fds);
	return (uint32_t)maxconn;
}

/* maxconn was asked for: an error when not even the clients fit (HAProxy's
 * strict-limits), a warning when they do but not all of them with a server connection. */
static void
check_fds(struct loading *l, const struct node *given, uint64_t limit)
{
	struct cfg_global *g = &l->cfg->global;
	unsigned long long needed = g->fds_needed, had = limit;
	if (g->maxconn + fds_beside_connections(l) > limit)
		report_error(
			l->report, given,
			"%u connections need %llu open files, the limit is %llu; "
			"expected "
			"a smaller value, or a higher limit (ulimit -n, LimitNOFILE=)",
			g->maxconn, needed, had);
	else if (limit < needed)
		report_warning(
			l->report, given,
			"%u connections, each with one to a server, need %llu open files "
			"and the limit is %llu; a worker that has all of them will pause "
			"accepting; expected a higher limit (ulimit -n, LimitNOFILE=)",
			g->maxconn, needed, had);
}

static bool
leads_to(const struct cfg_proxy *fe, const struct cfg_proxy *be)
{
	bool does = fe->caps & CFG_CAP_FRONTEND && fe->default_backend == be;
	for (size_t i = 0; i < fe->use_backend_n; i++)
		does |= fe->use_backend[i].backend == be;
	return does;
}

/* configuration.txt, fullconn. */
static void
build_fullconn(struct loading *l, struct cfg_proxy *be, const char *given)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < l->cfg->proxies_n; i++)
		if (leads_to(l->cfg->proxies[i], be))
			sum += l->cfg->proxies[i]->maxconn;
	uint32_t tenth = sum ? (uint32_t)((sum + 9) / 10) : 1;
	be->fullconn = given ? (uint32_t)value_uint(given) : tenth;
}

/* After the binds are known. Every worker may come to hold all connections. */
void
build_maxconn(struct loading *l)
{
	struct cfg_global *g = &l->cfg->global;
	const struct node *given = node_get(node_get(l->effective, "global"), "maxconn");
	g->maxconn = given ? (uint32_t)value_uint(given->text) : maxconn_from_limit(l);
	/* fits: maxconn is at most 10 million */
	g->fds_needed =
		(uint32_t)(g->maxconn * FDS_PER_CONNECTION + fds_beside_connections(l));
	uint64_t limit = fds_to_be_had(g->fds_needed);
	if (given && !l->request->asks_no_names)
		check_fds(l, given, limit);
	if (g->fds_needed > limit)
		g->fds_needed = (uint32_t)limit;
	for (size_t i = 0; i < l->cfg->proxies_n; i++) {
		struct cfg_proxy *p = l->cfg->proxies[i];
		const char *own = node_text(l->built[i].map, "maxconn");
		if (p->caps & CFG_CAP_FRONTEND)
			p->maxconn = own ? (uint32_t)value_uint(own) : g->maxconn;
	}
	for (size_t i = 0; i < l->cfg->proxies_n; i++)
		if (l->cfg->proxies[i]->caps & CFG_CAP_BACKEND)
			build_fullconn(l, l->cfg->proxies[i],
				       node_text(l->built[i].map, "fullconn"));
}
