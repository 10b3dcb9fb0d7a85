/* SPDX-License-Identifier: MIT
 *
 * Children that ended: what a dead process held is given back only here, after the kernel
 * says that it is gone and its sockets are closed. Its post is filled again by the main
 * loop, at once, unless it keeps dying by its own fault. Master.
 */
#include "master/reap.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "master/mend.h"
#include "master/post.h"
#include "master/procs.h"
#include "master/reload.h"
#include "master/report.h"
#include "master/start.h"
#include "master/tables.h"
#include "master/upgrade.h"
#include "shm/counters.h"

static const char *
death_text(int status, char buf[96])
{
	if (WIFSIGNALED(status))
		snprintf(buf, 96, "was killed by signal %d (%s)", WTERMSIG(status),
			 strsignal(WTERMSIG(status)));
	else
		snprintf(buf, 96, "ended with status %d", WEXITSTATUS(status));
	return buf;
}

/* Somebody else ended it: it is replaced at once, however often. */
static bool
is_own_fault(int status)
{
	if (!WIFSIGNALED(status))
		return true;
	int n = WTERMSIG(status);
	return n != SIGKILL && n != SIGTERM && n != SIGINT;
}

/* A child of the current generation that nobody asked to go. */
static void
unasked(const struct proc *p, int status)
{
	char text[32], death[96];
	shm_count(&master.global, SHM_GLOBAL_worker_died, 1);
	procs_text(p, text);
	death_text(status, death);
	if (master.phase == MASTER_STARTING) {
		report(REPORT_ALERT, "cannot start: %s (pid %ld) %s", text, (long)p->pid,
		       death);
		start_failed();
		return;
	}
	uint64_t delay_ms = post_died(procs_post(p->role, p->index), is_own_fault(status),
				      master.now_ms);
	if (delay_ms)
		report(REPORT_ALERT,
		       "%s (pid %ld) %s; it keeps dying, next try in %lu ms", text,
		       (long)p->pid, death, (unsigned long)delay_ms);
	else
		report(REPORT_ALERT, "%s (pid %ld) %s; replaced", text, (long)p->pid,
		       death);
}

static void
give_back(const struct proc *p)
{
	shm_slot_release(master.shm, p->slot);
	if (p->role == SHM_ROLE_WORKER)
		procs_wake_workers();
	if (master.lease_pids[p->role] == p->pid)
		master.lease_pids[p->role] = 0;
}

static void
child_ended(struct proc *p, int status)
{
	char text[32], death[96];
	mend_after(p, status);
	give_back(p);
	if (p->is_leaving)
		report(REPORT_INFO, "%s (pid %ld) of generation %lu %s",
		       procs_text(p, text), (long)p->pid, (unsigned long)p->generation,
		       death_text(status, death));
	else if (reload_owns(p->generation))
		reload_child_died(procs_text(p, text), death_text(status, death));
	else if (master.phase < MASTER_STOPPING &&
		 p->generation == master.current->number)
		unasked(p, status);
	else
		report(REPORT_WARNING, "%s (pid %ld) of generation %lu %s",
		       procs_text(p, text), (long)p->pid, (unsigned long)p->generation,
		       death_text(status, death));
	p->pid = 0;
}

/* How it ended is told to its parent alone. */
static void
adopted_ended(struct proc *p)
{
	char text[32];
	give_back(p);
	report(p->is_leaving ? REPORT_INFO : REPORT_WARNING,
	       "%s (pid %ld) of the master before, generation %lu, ended",
	       procs_text(p, text), (long)p->pid, (unsigned long)p->generation);
	p->pid = 0;
}

/* A trial; or somebody's orphan, when we are process 1. */
static void
other_ended(pid_t pid, int status)
{
	reload_trial_ended(pid, status);
	upgrade_trial_ended(pid, status);
	tables_loader_ended(pid, status);
}

void
reap(void)
{
	int status;
	pid_t pid;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		struct proc *p = procs_find(pid);
		if (p)
			child_ended(p, status);
		else
			other_ended(pid, status);
	}
	PROCS_EACH(p)
	{
		struct pollfd fd = {.fd = p->pidfd, .events = POLLIN};
		if (p->pidfd < 0 || poll(&fd, 1, 0) <= 0)
			continue;
		close(p->pidfd);
		adopted_ended(p);
	}
}
