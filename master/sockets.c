/* SPDX-License-Identifier: MIT
 *
 * The listening sockets: one group per address, with one member per worker index, or a
 * single one that all share. A member is never closed while its address is configured,
 * because closing resets the connections queued in it; so groups only grow.
 *
 * A reload opens what is new beside what is there, and either commits or rolls back.
 * Members added to a living group are bound, but listen only from the commit on: the
 * kernel would queue connections in them that nobody takes before the new workers are
 * ready.
 *
 * Closing is done with shutdown(): the children hold copies, close() would change
 * nothing.
 */
#include "master/sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/must.h"
#include "lib/net/listen.h"
#include "master/report.h"

enum { BACKLOG_MIN = 1024, CONTROL_BACKLOG = 128 };

struct group {
	struct net_listen spec;
	char *interface; /* what spec.interface points to */
	int *fds;
	size_t fds_n;
	size_t listening_n; /* the first so many listen */
	ino_t inode;	    /* of a UNIX socket's path */
	bool is_current;    /* the current generation has it */
	bool is_candidate;  /* the one that is being made has it */
	bool is_restored;   /* processes of the master before us accept there, too */
	struct net_listen
		want; /* what the candidate wants of it; interface is not valid */
};

struct sockets {
	struct group **groups;
	size_t groups_n;
	bool has_predecessors;
};

struct sockets *
sockets_new(bool has_predecessors)
{
	struct sockets *s = must_calloc(1, sizeof(*s));
	s->has_predecessors = has_predecessors;
	return s;
}

static int
bind_failed(const struct cfg_bind *b, const char *why, char err[SHM_ERROR_BYTES])
{
	char text[ADDR_TEXT_BYTES];
	return report_into(err, "%s: %s: bind %s: %s", b->where, b->frontend->name,
			   addr_format(&b->addr, text), why);
}

int
sockets_check_given(const struct cfg *cfg, char err[SHM_ERROR_BYTES])
{
	char why[LISTEN_ERROR_BYTES];
	for (size_t i = 0; i < cfg->global.sockets_n; i++) {
		const struct cfg_stats_socket *c = &cfg->global.sockets[i];
		struct net_listen spec = {.addr = c->addr};
		if (spec.addr.kind == ADDR_FD && net_listen_open(&spec, false, why) < 0)
			return report_into(err, "global.stats.socket: %s: %s", c->path,
					   why);
	}
	for (size_t i = 0; i < cfg->binds_n; i++) {
		struct net_listen spec = {.addr = cfg->binds[i]->addr};
		if (spec.addr.kind == ADDR_FD && net_listen_open(&spec, false, why) < 0)
			return bind_failed(cfg->binds[i], why, err);
	}
	return 0;
}

/* --- what a configuration wants ---------------------------------------------------- */

static bool
is_inet(const struct addr *a)
{
	return a->kind == ADDR_INET || a->kind == ADDR_INET6;
}

static struct net_listen
spec_of_bind(const struct cfg_bind *b)
{
	uint32_t backlog =
		b->frontend->maxconn > BACKLOG_MIN ? b->frontend->maxconn : BACKLOG_MIN;
	return (struct net_listen){
		.addr = b->addr,
		.backlog = b->backlog ? b->backlog : (int)backlog,
		.is_group = is_inet(&b->addr) && b->shards == CFG_SHARDS_PER_WORKER,
		.v4v6 = b->v4v6,
		.v6only = b->v6only,
		.interface = b->interface,
		.mode = b->mode,
		.uid = (uid_t)-1,
		.gid = (gid_t)-1,
	};
}

static struct net_listen
spec_of_control(const struct cfg_stats_socket *c)
{
	return (struct net_listen){
		.addr = c->addr,
		.backlog = CONTROL_BACKLOG,
		.mode = c->mode,
		.uid = c->uid,
		.gid = c->gid,
	};
}

/* --- groups --------------------------------------------------------------------------
 */

/* Of several groups (an inherited descriptor in several binds) one that is free. */
static struct group *
group_find(const struct sockets *s, const struct net_listen *spec)
{
	struct group *found = NULL;
	for (size_t i = 0; i < s->groups_n; i++) {
		if (!net_listen_eq(&s->groups[i]->spec, spec))
			continue;
		found = s->groups[i];
		if (!found->is_candidate)
			break;
	}
	return found;
}

/* One of ours stands on that port (perhaps on another address): then "in use" is no news,
 * and SO_REUSEPORT may share what must be shared during a reload ("*:80" ->
 * "10.0.0.1:80"). */
static bool
port_is_ours(const struct sockets *s, const struct addr *a)
{
	for (size_t i = 0; i < s->groups_n; i++) {
		const struct group *g = s->groups[i];
		if ((g->fds_n || g->is_restored) && is_inet(&g->spec.addr) &&
		    is_inet(a) && addr_port(&g->spec.addr) == addr_port(a))
			return true;
	}
	return false;
}

static struct group *
group_new(struct sockets *s, const struct net_listen *spec)
{
	struct group *g = must_calloc(1, sizeof(*g));
	g->spec = *spec;
	if (spec->interface) {
		g->interface = strdup(spec->interface);
		must(g->interface);
		g->spec.interface = g->interface;
	}
	s->groups = must_realloc(s->groups, (s->groups_n + 1) * sizeof(*s->groups));
	s->groups[s->groups_n++] = g;
	return g;
}

/* Port 0: the kernel chose one for the first member, the others follow. */
static void
follow_first(const struct group *g, struct addr *a)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	if (g->fds_n && is_inet(a) && addr_port(a) == 0 &&
	    getsockname(g->fds[0], (struct sockaddr *)&ss, &len) == 0)
		addr_from_sockaddr(a, (struct sockaddr *)&ss, len);
}

/* Opens members until there are n. */
static int
group_grow(struct group *g, size_t n, bool is_deferred, bool replaces,
	   char err[LISTEN_ERROR_BYTES])
{
	struct net_listen spec = g->spec;
	spec.is_deferred = is_deferred;
	while (g->fds_n < n) {
		follow_first(g, &spec.addr);
		int fd = net_listen_open(&spec, replaces, err);
		if (fd < 0)
			return -1;
		g->fds = must_realloc(g->fds, (g->fds_n + 1) * sizeof(*g->fds));
		g->fds[g->fds_n++] = fd;
		if (!is_deferred)
			g->listening_n = g->fds_n;
	}
	return 0;
}

static void
group_cut(struct group *g, size_t n)
{
	while (g->fds_n > n) {
		int fd = g->fds[--g->fds_n];
		if (g->spec.addr.kind !=
		    ADDR_FD) /* a socket of others goes on listening */
			(void)shutdown(fd, SHUT_RDWR);
		close(fd);
	}
	if (g->listening_n > n)
		g->listening_n = n;
}

/* 0: nothing is there. */
static ino_t
inode_of(const struct group *g)
{
	struct stat st;
	if (g->spec.addr.kind != ADDR_UNIX || lstat(g->spec.addr.u.un.sun_path, &st))
		return 0;
	return st.st_ino;
}

static void
group_free(struct group *g)
{
	/* never opened, or a successor's by now: what stands at that path is not ours */
	if (g->inode && inode_of(g) == g->inode)
		(void)unlink(g->spec.addr.u.un.sun_path);
	group_cut(g, 0);
	free(g->interface);
	free(g->fds);
	free(g);
}

/* Frees the groups that neither generation has. */
static void
sweep(struct sockets *s)
{
	size_t kept = 0;
	for (size_t i = 0; i < s->groups_n; i++) {
		struct group *g = s->groups[i];
		if (g->is_current || g->is_candidate)
			s->groups[kept++] = g;
		else
			group_free(g);
	}
	s->groups_n = kept;
}

/* An inherited descriptor in a second bind: a copy, for epoll takes each once. */
static struct group *
group_copy(struct sockets *s, const struct group *of)
{
	struct group *g = group_new(s, &of->spec);
	int fd = fcntl(of->fds[0], F_DUPFD_CLOEXEC, 0);
	must(fd >= 0);
	g->fds = must_alloc(sizeof(*g->fds));
	g->fds[g->fds_n++] = fd;
	g->listening_n = 1;
	g->is_candidate = true;
	g->want = of->want;
	return g;
}

/* The group for a spec with n members at least; NULL with the reason. */
static struct group *
group_claim(struct sockets *s, const struct net_listen *spec, size_t n,
	    char err[LISTEN_ERROR_BYTES])
{
	struct group *g = group_find(s, spec);
	if (g && g->is_candidate && spec->addr.kind == ADDR_FD)
		return group_copy(s, g);
	if (g && g->is_candidate) {
		snprintf(err, LISTEN_ERROR_BYTES,
			 "this address stands in the configuration twice");
		return NULL;
	}
	if (!g) {
		bool is_shared = s->has_predecessors &&
				 (spec->is_group || spec->addr.kind == ADDR_UNIX);
		if (!is_shared && !port_is_ours(s, &spec->addr) &&
		    net_listen_probe(spec, err))
			return NULL;
		g = group_new(s, spec);
	}
	g->is_candidate = true;
	g->want = *spec;
	if (group_grow(g, spec->is_group ? n : 1, g->is_current,
		       g->is_restored || s->has_predecessors, err))
		return NULL;
	if (!g->inode)
		g->inode = inode_of(g);
	return g;
}

/* --- a generation's view -------------------------------------------------------------
 */

static void
fill_matrix(struct net_listeners *m, struct group *const *claimed, size_t binds_n,
	    size_t nbproc)
{
	m->binds_n = binds_n;
	m->columns_n = nbproc;
	for (size_t i = 0; i < binds_n; i++)
		if (claimed[i]->fds_n > m->columns_n)
			m->columns_n = claimed[i]->fds_n;
	m->fd = must_alloc((binds_n * m->columns_n + 1) * sizeof(*m->fd));
	for (size_t i = 0; i < binds_n; i++)
		for (size_t k = 0; k < m->columns_n; k++)
			m->fd[i * m->columns_n + k] =
				k < claimed[i]->fds_n ? claimed[i]->fds[k] : -1;
}

static int
open_binds(struct sockets *s, struct generation *g, char err[SHM_ERROR_BYTES])
{
	const struct cfg *cfg = g->cfg;
	char why[LISTEN_ERROR_BYTES];
	struct group **claimed = must_calloc(cfg->binds_n + 1, sizeof(struct group *));
	int result = 0;
	for (size_t i = 0; i < cfg->binds_n && !result; i++) {
		const struct cfg_bind *b = cfg->binds[i];
		struct net_listen spec = spec_of_bind(b);
		claimed[i] = group_claim(s, &spec, cfg->global.nbproc, why);
		if (!claimed[i])
			result = bind_failed(b, why, err);
	}
	if (!result)
		fill_matrix(&g->listeners, claimed, cfg->binds_n, cfg->global.nbproc);
	free(claimed);
	return result;
}

static int
open_control(struct sockets *s, struct generation *g, char err[SHM_ERROR_BYTES])
{
	const struct cfg_global *global = &g->cfg->global;
	char why[LISTEN_ERROR_BYTES];
	g->control_fds = must_calloc(global->sockets_n + 1, sizeof(int));
	for (size_t i = 0; i < global->sockets_n; i++) {
		const struct cfg_stats_socket *c = &global->sockets[i];
		struct net_listen spec = spec_of_control(c);
		struct group *group = group_claim(s, &spec, 1, why);
		if (!group)
			return report_into(err, "global.stats.socket: %s: %s", c->path,
					   why);
		g->control_fds[i] = group->fds[0];
	}
	return 0;
}

int
sockets_open(struct sockets *s, struct generation *g, char err[SHM_ERROR_BYTES])
{
	return open_binds(s, g, err) || open_control(s, g, err) ? -1 : 0;
}

void
sockets_rollback(struct sockets *s)
{
	for (size_t i = 0; i < s->groups_n; i++) {
		struct group *g = s->groups[i];
		g->is_candidate = false;
		if (g->is_current)
			group_cut(g, g->listening_n);
	}
	sweep(s);
}

/* What may change while a socket lives. */
static void
apply(struct group *g)
{
	const char *path = g->spec.addr.u.un.sun_path;
	const struct net_listen *want = &g->want;
	if (g->spec.addr.kind == ADDR_UNIX) {
		if (want->mode != g->spec.mode && want->mode != (mode_t)-1)
			(void)chmod(path, want->mode);
		if (want->uid != g->spec.uid || want->gid != g->spec.gid)
			(void)!lchown(path, want->uid, want->gid);
		g->spec.mode = want->mode;
		g->spec.uid = want->uid;
		g->spec.gid = want->gid;
	}
	if (g->spec.addr.kind != ADDR_FD && want->backlog != g->spec.backlog) {
		g->spec.backlog = want->backlog;
		for (size_t i = 0; i < g->listening_n; i++)
			(void)net_listen_start(g->fds[i], want->backlog);
	}
	for (; g->listening_n < g->fds_n; g->listening_n++)
		if (net_listen_start(g->fds[g->listening_n], g->spec.backlog))
			report(REPORT_WARNING, "listen: %s", strerror(errno));
}

void
sockets_commit(struct sockets *s)
{
	s->has_predecessors = false;
	for (size_t i = 0; i < s->groups_n; i++) {
		struct group *g = s->groups[i];
		g->is_current = g->is_candidate;
		g->is_candidate = g->is_restored = false;
		if (g->is_current)
			apply(g);
	}
}

bool
sockets_retire(struct sockets *s)
{
	size_t before = s->groups_n;
	sweep(s);
	return s->groups_n < before;
}

void
sockets_each(const struct sockets *s,
	     void (*fn)(void *arg, const struct net_listen *spec, int fd, uint32_t group),
	     void *arg)
{
	for (size_t i = 0; i < s->groups_n; i++) {
		const struct group *g = s->groups[i];
		for (size_t k = 0; k < g->listening_n; k++)
			fn(arg, &g->spec, g->fds[k], (uint32_t)i);
	}
}

void
sockets_restore(struct sockets *s, const struct net_listen *spec, const int *fds,
		size_t fds_n)
{
	struct group *g = group_new(s, spec);
	g->is_current = g->is_restored = true;
	g->fds = must_calloc(fds_n + 1, sizeof(*g->fds));
	for (size_t i = 0; i < fds_n; i++)
		g->fds[i] = fds[i];
	g->fds_n = g->listening_n = fds_n;
	g->inode = inode_of(g);
}

void
sockets_let_go(struct sockets *s, bool does_close)
{
	for (size_t i = 0; i < s->groups_n; i++) {
		struct group *g = s->groups[i];
		for (size_t k = 0; does_close && g->is_restored && k < g->fds_n; k++)
			close(g->fds[k]);
		if (g->is_restored)
			g->inode = g->fds_n = g->listening_n = 0;
	}
}

void
sockets_free(struct sockets **s)
{
	sockets_close(*s);
	free((*s)->groups);
	free(*s);
	*s = NULL;
}

void
sockets_close(struct sockets *s)
{
	for (size_t i = 0; i < s->groups_n; i++)
		s->groups[i]->is_current = s->groups[i]->is_candidate = false;
	sweep(s);
}
