/* SPDX-License-Identifier: MIT
 *
 * The master alone writes the directory, so it is the one who lets a server in and out;
 * the others follow (roster/). Its own configuration stays that of the files: a process
 * that is forked later finds the rest in the region as well.
 */
#include "master/members.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "config/join.h"
#include "lib/base/must.h"
#include "master/geometry.h"
#include "master/report.h"
#include "master/self.h"
#include "roster/request.h"
#include "shm/gauge.h"
#include "shm/health.h"
#include "shm/queue.h"

/* Behind those of the files, in the order of their ids. */
enum { PLACE_OF_MEMBERS = 1 << 30 };

void
members_open(void)
{
	int bytes = 16 * (int)sizeof(struct roster_request);
	must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, master.member_fds) ==
	     0);
	(void)setsockopt(master.member_fds[1], SOL_SOCKET, SO_SNDBUF, &bytes,
			 sizeof(bytes));
}

void
members_close(void)
{
	close(master.member_fds[0]);
	close(master.member_fds[1]);
}

/* --- what is asked for -------------------------------------------------------------- */

/* What a request is about. */
struct subject {
	const struct roster_request *request;
	const struct cfg_proxy *backend;
	struct shm_object backend_object, object;
	bool is_there; /* the server, as `object` */
	char *why;     /* not */
};

static bool
refuse(const struct subject *s, const char *why)
{
	(void)report_into(s->why, "%s", why);
	return false;
}

static bool
find(struct subject *s)
{
	const struct cfg *cfg = master.current->cfg;
	const struct roster_request *r = s->request;
	for (size_t i = 0; i < cfg->proxies_n && !s->backend; i++) {
		const struct cfg_proxy *p = cfg->proxies[i];
		if (p->caps & CFG_CAP_BACKEND && strcmp(p->name, r->backend) == 0)
			s->backend = p;
	}
	if (!s->backend ||
	    !shm_find(master.shm, SHM_BACKEND, "", r->backend, NULL, &s->backend_object))
		return refuse(s, "No such backend.");
	s->is_there = shm_find(master.shm, SHM_SERVER, r->backend, r->server, NULL,
			       &s->object) &&
		      s->object.is_current;
	return true;
}

/* --- joining -------------------------------------------------------------------------
 */

/* The id of the i-th object, if that is a server of the backend, configured or not. */
static bool
id_of(const struct subject *s, uint32_t i, uint32_t *id)
{
	struct shm_object o;
	struct shm_facts f;
	if (!shm_object_at(master.shm, i, &o) || o.kind != SHM_SERVER || !o.is_current)
		return false;
	shm_object_facts(master.shm, &o, &f);
	*id = f.id;
	return strcmp(f.parent, s->backend->name) == 0;
}

/* The one that is asked for, or the first that is free. */
static bool
choose_id(const struct subject *s, uint32_t *id)
{
	uint32_t n = shm_objects_n(master.shm), wanted = s->request->id;
	bool *is_used = must_calloc(n + 2ULL, sizeof(*is_used)), is_taken = false;
	for (uint32_t i = 0; i < n; i++) {
		if (!id_of(s, i, id))
			continue;
		is_taken |= *id == wanted;
		if (*id <= n)
			is_used[*id] = true;
	}
	for (*id = 1; is_used[*id];)
		++*id;
	free(is_used);
	*id = wanted ? wanted : *id;
	if (is_taken && wanted)
		(void)report_into(s->why,
				  "'id' : custom id %u is that of another server already",
				  wanted);
	return !is_taken || !wanted;
}

static bool
commit(const struct subject *s, const struct cfg_server *server)
{
	const struct roster_request *r = s->request;
	struct shm_facts backend, facts;
	shm_object_facts(master.shm, &s->backend_object, &backend);
	if (geometry_server(server, &facts, s->why) || !choose_id(s, &facts.id))
		return false;
	facts.place = PLACE_OF_MEMBERS + facts.id;
	facts.membership = r->is_passing ? SHM_MEMBER_PASSING : SHM_MEMBER_JOINED;
	if (geometry_needs_queue(server) && !s->backend_object.area)
		backend.area_bytes = geometry_queue_bytes(master.current->cfg);
	return shm_member_join(master.shm, &backend, &facts, r->text, r->is_enabled,
			       s->why);
}

/* "file:1:2: backends.app.servers.s: ..." from the path on: there is no file. */
static const char *
without_place(const char *error)
{
	const char *path = strstr(error, ": backends.");
	return path ? path + 2 : error;
}

static bool
join(struct subject *s)
{
	const struct roster_request *r = s->request;
	struct cfg_errors *errors = NULL;
	if (s->is_there)
		return refuse(s, "Already exists a server with the same name in "
				 "backend.");
	struct cfg_server *server =
		cfg_server_join(s->backend, r->server, r->text, &errors);
	bool is_done = server && commit(s, server);
	if (!server && cfg_errors_n(errors))
		refuse(s, without_place(cfg_errors_at(errors, 0)));
	if (is_done)
		report(REPORT_NOTICE, "server %s/%s has joined (%s)", r->backend,
		       r->server, server->addr_text);
	cfg_errors_free(&errors);
	cfg_server_free(&server);
	return is_done;
}

/* --- leaving ------------------------------------------------------------------------ */

static bool
is_referenced(const struct subject *s)
{
	for (size_t i = 0; i < s->backend->servers_n; i++)
		if (strcmp(s->backend->servers[i]->name, s->request->server) == 0)
			return s->backend->servers[i]->is_referenced;
	return false;
}

static bool
is_in_use(const struct shm_object *o)
{
	struct shm_queue_view line = {0};
	shm_queue_view(o, &line);
	return shm_gauge_cur(o->gauge) > 0 || line.waiting > 0;
}

static bool
leave(struct subject *s)
{
	if (!s->is_there)
		return refuse(s, "No such server.");
	if (is_referenced(s))
		return refuse(s, "This server cannot be removed at runtime due to other "
				 "configuration elements pointing to it.");
	if (!shm_server_admin(&s->object).maint)
		return refuse(s, "Only servers in maintenance mode can be deleted.");
	if (is_in_use(&s->object))
		return refuse(s, "Server still has connections attached to it, cannot "
				 "remove it.");
	shm_member_leave(master.shm, &s->backend_object, &s->object);
	report(REPORT_NOTICE, "server %s/%s has left", s->request->backend,
	       s->request->server);
	return true;
}

void
members_step(void)
{
	struct roster_request r;
	int reply_fd;
	while (roster_take(master.member_fds[0], &r, &reply_fd)) {
		struct roster_answer a = {.is_done = false};
		struct subject s = {.request = &r, .why = a.text};
		if (master.phase != MASTER_RUNNING)
			(void)refuse(&s, "The daemon is starting or stopping.");
		else if (find(&s))
			a.is_done = r.wish == ROSTER_JOIN ? join(&s) : leave(&s);
		roster_reply(reply_fd, &a);
	}
}
