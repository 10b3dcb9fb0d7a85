/* SPDX-License-Identifier: MIT
 *
 * Making a child: fork, and then, in the child, what takes its rights away, in one place
 * and in a fixed order. What needs rights or the file system of before (pipes, sockets of
 * the logs, the time zone) comes first, the room's own code last.
 */
#include "master/spawn.h"

#include <errno.h>
#include <execinfo.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/must.h"
#include "master/daemon.h"
#include "master/privileges.h"
#include "master/procs.h"
#include "master/report.h"
#include "master/title.h"

enum { CHILD_FAILED = 1 };

/* What this child has no business with. Its copies must go, else a closed listener would
 * live on in a process that never looks at it. */
static void
close_foreign(const struct generation *g, const struct role *r)
{
	close(master.lock_fd);
	if (master.is_left_alone)
		close(master.pidfd);
	close(master.signal_fd);
	PROCS_EACH(p)
	if (p->pidfd >= 0)
		close(p->pidfd);
	if (master.pidfile_fd >= 0)
		close(master.pidfile_fd);
	if (master.daemon_fd >= 0)
		close(master.daemon_fd);
	if (master.reload.trial_fd >= 0)
		close(master.reload.trial_fd);
	const struct net_listeners *m = &g->listeners;
	for (size_t i = 0; !r->has_listeners && i < m->binds_n * m->columns_n; i++)
		if (m->fd[i] >= 0)
			close(m->fd[i]);
	for (size_t i = 0; !r->has_control && i < g->cfg->global.sockets_n; i++)
		close(g->control_fds[i]);
	close(master.member_fds[0]);
	if (!r->has_control) {
		close(master.member_fds[1]);
		close(master.reload_fd);
	}
	close(r->has_control ? g->relay_write_fd : g->relay_read_fd);
}

static void
pin(const struct cfg *cfg, const struct role *r, uint32_t index)
{
	cpu_set_t set;
	if (!cfg->global.cpu_of_worker || r->role != SHM_ROLE_WORKER)
		return;
	int cpu = cfg->global.cpu_of_worker[index];
	if (cpu < 0)
		return;
	CPU_ZERO(&set);
	CPU_SET((size_t)cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		report(REPORT_WARNING,
		       "global.cpu_map: worker %u cannot run on CPU %d: %s", index, cpu,
		       strerror(errno));
}

/* Libraries loaded and files read now, because after chroot they are not there. */
static void
load_lazy_things(void)
{
	void *frame[1];
	tzset();
	(void)backtrace(frame, 1);
}

/* Enough descriptors for the worker's part of maxconn; the master made sure of it. */
static void
raise_fds(const struct cfg *cfg)
{
	struct rlimit limit;
	rlim_t wanted = cfg->global.fds_needed;
	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur >= wanted)
		return;
	limit.rlim_cur = wanted;
	if (limit.rlim_max < wanted)
		limit.rlim_max = wanted;
	if (setrlimit(RLIMIT_NOFILE, &limit))
		report(REPORT_WARNING, "cannot raise the limit of descriptors to %lu: %s",
		       (unsigned long)wanted, strerror(errno));
}

/* Signals as a fresh program has them, but for those the master alone acts on; whoever
 * sends one to the whole process group means the master. */
static void
reset_signals(void)
{
	static const int ignored[] = {SIGPIPE, SIGHUP, SIGUSR1, SIGUSR2};
	sigset_t none;
	for (int i = 1; i < NSIG; i++)
		(void)signal(i, SIG_DFL);
	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		(void)signal(ignored[i], SIG_IGN);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Second line behind the pidfd: the kernel tells a child that its master is gone. */
static void
leave_with_master(pid_t parent)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGINT);
	if (getppid() != parent)
		_exit(CHILD_FAILED);
}

/* A child that is to outlive its master must be found by the next one: it goes on only
 * when its slot says who it is. */
static void
wait_for_identity(pid_t parent, uint32_t slot)
{
	const struct timespec a_little = {.tv_nsec = 50000};
	struct shm_slot_view v;
	while (!shm_slot_view(master.shm, slot, &v) || v.pid != (uint32_t)getpid()) {
		if (getppid() != parent)
			_exit(CHILD_FAILED);
		(void)nanosleep(&a_little, NULL);
	}
}

static _Noreturn void
child(const struct generation *g, const struct role *r, const struct proc *me)
{
	char text[32], err[SHM_ERROR_BYTES];
	struct family_inherit in = {
		.generation = g,
		.index = me->index,
		.net =
			{
				.slot = me->slot,
				.generation = g->number,
				.master_pidfd = master.is_left_alone ? -1 : master.pidfd,
				.slot_eventfds = master.slot_eventfds,
				.log_samples = g->log_samples,
				.log_relay_fd = r->has_control ? g->relay_read_fd
							       : g->relay_write_fd,
				.listeners = g->listeners,
			},
	};
	pid_t parent = master.pid;
	int null_fd = master.daemon_fd >= 0 ? daemon_open_null() : -1;
	title_set("weir: %s", procs_text(me, text));
	close_foreign(g, r);
	pin(g->cfg, r, me->index);
	load_lazy_things();
	r->prepare(&in);
	raise_fds(g->cfg);
	bool runs_programs = r->role == SHM_ROLE_CHECKER && g->cfg->global.external_check;
	if (privileges_drop(&g->cfg->global, runs_programs, err)) {
		report(REPORT_ALERT, "%s: %s", text, err);
		_exit(CHILD_FAILED);
	}
	if (master.is_left_alone)
		wait_for_identity(parent, me->slot);
	else
		leave_with_master(parent); /* a change of user forgets it: after that */
	if (null_fd >= 0)
		daemon_leave_terminal(null_fd);
	reset_signals();
	shm_child_enter(master.shm, me->slot);
	int status = r->run(&in);
	fflush(NULL);
	_exit(status); /* not exit(): what the master registered is the master's */
}

int
spawn(const struct generation *g, const struct role *r, uint32_t index,
      char err[SHM_ERROR_BYTES])
{
	char text[32];
	int slot = shm_slot_reserve(master.shm, r->role, index, g->number);
	struct proc *p = procs_new();
	if (slot < 0 || !p)
		return report_into(
			err, "no process slot is free; global.drain.max_generations "
			     "bounds them");
	*p = (struct proc){
		.pidfd = -1,
		.role = r->role,
		.index = index,
		.slot = (uint32_t)slot,
		.generation = g->number,
		.started_at_ms = master.now_ms,
	};
	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0)
		child(g, r, p);
	if (pid < 0) {
		report_into(err, "fork: %s", strerror(errno));
		shm_slot_release(master.shm, p->slot);
		return -1;
	}
	p->pid = pid;
	shm_slot_identify(master.shm, p->slot, (uint32_t)pid);
	report(REPORT_INFO, "%s started, pid %ld, generation %lu", procs_text(p, text),
	       (long)pid, (unsigned long)g->number);
	return 0;
}
