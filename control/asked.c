/* SPDX-License-Identifier: MIT
 *
 * Does what workers pass on from the form of a statistics page (shm/ask.h), with the
 * commands of the runtime API. Workers talk to strangers: only what a page with `admin`
 * is about can be changed in this way. Control.
 */
#include <stdio.h>

#include "control/command.h"
#include "control/self.h"
#include "shm/ask.h"
#include "shm/health.h"

static bool
may_be_changed(const struct cfg_proxy *backend)
{
	for (size_t i = 0; i < control.cfg->proxies_n; i++) {
		const struct cfg_proxy *page = control.cfg->proxies[i];
		if (page->stats.admin_n && cfg_stats_covers(page, backend->name))
			return true;
	}
	return false;
}

static void
run(const struct cfg_proxy *backend, const struct cfg_server *server, enum shm_ask a)
{
	struct command_session s = {.level = CFG_LEVEL_ADMIN,
				    .socket = "statistics page",
				    .uid = (uid_t)-1,
				    .fd = -1};
	char name[2 * SHM_NAME_BYTES], line[2 * SHM_NAME_BYTES + 64];
	const char *format = shm_ask_command(a), *hole = strstr(format, "%s");
	snprintf(name, sizeof(name), "%s/%s", backend->name, server->name);
	snprintf(line, sizeof(line), "%.*s%s%s", (int)(hole - format), format, name,
		 hole + 2);
	char *rest = line;
	command_line(&s, &rest);
	shm_text_fini(&s.answer);
}

static void
serve(const struct cfg_proxy *p, bool may)
{
	struct shm_object backend, server;
	if (!shm_find(control.shm, SHM_BACKEND, "", p->name, "", &backend))
		return;
	uint64_t round = shm_ask_round(&backend);
	for (size_t i = 0; round && i < p->servers_n; i++) {
		const struct cfg_server *c = p->servers[i];
		if (!shm_find(control.shm, SHM_SERVER, p->name, c->name, c->addr_text,
			      &server))
			continue;
		enum shm_ask a = shm_ask_take(&server);
		if (a != SHM_ASK_NOTHING && may)
			run(p, c, a);
	}
	if (round)
		shm_ask_done(&backend, round);
}

void
asked_serve(void)
{
	for (size_t i = 0; i < control.cfg->proxies_n; i++) {
		const struct cfg_proxy *p = control.cfg->proxies[i];
		if (p->caps & CFG_CAP_BACKEND)
			serve(p, may_be_changed(p));
	}
}
