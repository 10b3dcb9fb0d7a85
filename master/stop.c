/* SPDX-License-Identifier: MIT
 *
 * The end of the daemon. Gracefully: workers first, while checker and control still serve
 * them, then those two. The listening sockets are shut when every worker has stopped to
 * accept, so that what was queued is served and what comes later is refused, not hung.
 * Master.
 */
#include "master/stop.h"

#include <signal.h>

#include "master/notify.h"
#include "master/procs.h"
#include "master/reload.h"
#include "master/report.h"
#include "master/sockets.h"

enum {
	STOP_GRACE_MS = 1000,  /* beyond drain.timeout, before SIGKILL */
	STOP_LAST_MS = 1000,   /* checker and control at the end */
	STOP_SAVE_MS = 30000,  /* control, when it has tables to write */
	STOP_NOW_MS = 600,     /* SIGINT: then SIGKILL */
	STOP_ACCEPT_MS = 1000, /* longest wait for workers to stop accepting */
	STOP_POLL_MS = 5,
};

void
stop_gracefully(void)
{
	const struct cfg_global *g = &master.current->cfg->global;
	if (master.phase == MASTER_STARTING) {
		stop_now();
		return;
	}
	if (master.phase != MASTER_RUNNING)
		return;
	report(REPORT_NOTICE, "ending when the connections have ended");
	notify_stopping();
	reload_cancel();
	master.phase = MASTER_STOPPING;
	master.stopping_at_ms = master.now_ms;
	PROCS_EACH(p)
	if (p->role == SHM_ROLE_WORKER)
		procs_tell(p, SIGTERM,
			   g->drain_timeout_ms ? g->drain_timeout_ms + STOP_GRACE_MS : 0);
}

static void
end_all(void)
{
	reload_cancel();
	master.phase = MASTER_ENDING;
	PROCS_EACH(p)
	procs_tell(p, SIGINT, STOP_NOW_MS);
	sockets_close(master.sockets);
}

void
stop_now(void)
{
	if (master.phase == MASTER_ENDING)
		return;
	if (master.phase == MASTER_STARTING)
		master.exit_status = 1;
	report(REPORT_NOTICE, "ending now");
	notify_stopping();
	end_all();
}

static uint64_t
last_ms(const struct proc *p)
{
	const struct cfg *cfg = master.current->cfg;
	for (size_t i = 0; i < cfg->tables_n && p->role == SHM_ROLE_CONTROL; i++)
		if (cfg->tables[i]->persist)
			return STOP_SAVE_MS;
	return STOP_LAST_MS;
}

uint64_t
stop_step(void)
{
	size_t workers_n = 0, leaving_n = 0;
	if (master.phase < MASTER_STOPPING || procs_count() == 0)
		return UINT64_MAX;
	PROCS_EACH(p)
	{
		workers_n += p->role == SHM_ROLE_WORKER;
		leaving_n += p->is_leaving;
	}
	if (master.phase == MASTER_ENDING) {
		if (leaving_n <
		    procs_count()) /* a failed start comes here without SIGINT */
			end_all();
		return UINT64_MAX;
	}
	bool is_accepting = procs_are_accepting_before(UINT64_MAX) &&
			    master.now_ms < master.stopping_at_ms + STOP_ACCEPT_MS;
	if (!is_accepting)
		sockets_close(master.sockets);
	if (workers_n == 0)
		PROCS_EACH(p)
	if (!p->is_leaving)
		procs_tell(p, SIGTERM, last_ms(p));
	return is_accepting ? master.now_ms + STOP_POLL_MS : UINT64_MAX;
}
