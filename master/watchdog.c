/* SPDX-License-Identifier: MIT
 *
 * Children that hang: a process whose heartbeat is older than global.watchdog, seen so
 * twice in a row, gets SIGABRT (its core and backtrace say where it was) and SIGKILL a
 * second later. Processes in epoll_wait say until when and are not meant. If the master
 * itself slept too long (suspended machine, stopped together with its children), what it
 * sees says nothing about the children, and they are given another turn. Master.
 */
#include "master/watchdog.h"

#include <signal.h>

#include "master/procs.h"
#include "master/report.h"

enum { WATCHDOG_PERIOD_MIN_MS = 20, WATCHDOG_TWICE = 2, WATCHDOG_KILL_MS = 1000 };

static void
look_at(struct proc *p, uint64_t stale_ms)
{
	char text[32];
	if (procs_state(p) == SHM_PROC_STARTING) {
		if (master.now_ms - p->started_at_ms > MASTER_READY_MS &&
		    !p->kill_at_ms) {
			report(REPORT_ERROR,
			       "%s (pid %ld) was not ready after %d s; killed",
			       procs_text(p, text), (long)p->pid, MASTER_READY_MS / 1000);
			p->kill_at_ms = master.now_ms;
		}
		return;
	}
	if (!shm_slot_is_stale(master.shm, p->slot, master.now_ms, stale_ms)) {
		p->stale_n = 0;
		return;
	}
	if (++p->stale_n != WATCHDOG_TWICE)
		return;
	report(REPORT_ERROR, "%s (pid %ld) gave no sign of life for %lu ms; aborted",
	       procs_text(p, text), (long)p->pid, (unsigned long)stale_ms);
	procs_signal(p, SIGABRT);
	if (!p->kill_at_ms || p->kill_at_ms > master.now_ms + WATCHDOG_KILL_MS)
		p->kill_at_ms = master.now_ms + WATCHDOG_KILL_MS;
}

uint64_t
watchdog_step(void)
{
	uint64_t stale_ms = master.current->cfg->global.watchdog_ms;
	uint64_t period_ms = stale_ms / 4;
	if (!stale_ms)
		return UINT64_MAX;
	if (period_ms < WATCHDOG_PERIOD_MIN_MS)
		period_ms = WATCHDOG_PERIOD_MIN_MS;
	if (master.now_ms < master.watched_at_ms + period_ms)
		return master.watched_at_ms + period_ms;
	bool was_asleep = master.now_ms > master.watched_at_ms + 2 * period_ms;
	master.watched_at_ms = master.now_ms;
	PROCS_EACH(p)
	{
		if (was_asleep)
			p->stale_n = 0;
		else
			look_at(p, stale_ms);
	}
	return master.now_ms + period_ms;
}
