/* SPDX-License-Identifier: MIT
 *
 * The process family as one table, and the tables of living children and posts. Nothing
 * here waits: children are asked, and the main loop looks at what became of it.
 */
#include "master/procs.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "checker/checker.h"
#include "control/control.h"
#include "lib/base/must.h"
#include "master/members.h"
#include "master/post.h"
#include "master/report.h"
#include "master/spawn.h"
#include "worker/worker.h"
#include "shm/fault.h"

struct master master;

/* --- the family ------------------------------------------------------------------------
 * One struct per role is built here from what all get; it lives in the child. */

static const struct checker_inherit *
for_checker(const struct family_inherit *in)
{
	static struct checker_inherit c;
	c = (struct checker_inherit){in->generation->cfg, master.shm, in->net,
				     in->generation->cells};
	return &c;
}

static const struct control_inherit *
for_control(const struct family_inherit *in)
{
	static struct control_inherit c;
	c = (struct control_inherit){.cfg = in->generation->cfg,
				     .shm = master.shm,
				     .net = in->net,
				     .reload_fd = master.reload_fd,
				     .member_fd = master.member_fds[1],
				     .socket_fds = in->generation->control_fds,
				     .cells = in->generation->cells};
	return &c;
}

static const struct worker_inherit *
for_worker(const struct family_inherit *in)
{
	static struct worker_inherit w;
	const struct cfg *cfg = in->generation->cfg;
	w = (struct worker_inherit){cfg,       master.shm,
				    in->net,   in->generation->cells,
				    in->index, cfg->global.nbproc};
	return &w;
}

static void
prepare_checker(const struct family_inherit *in)
{
	checker_prepare(for_checker(in));
}

static int
run_checker(const struct family_inherit *in)
{
	return checker_main(for_checker(in));
}

static void
prepare_control(const struct family_inherit *in)
{
	control_prepare(for_control(in));
}

static int
run_control(const struct family_inherit *in)
{
	return control_main(for_control(in));
}

static void
prepare_worker(const struct family_inherit *in)
{
	worker_prepare(for_worker(in));
}

static int
run_worker(const struct family_inherit *in)
{
	return worker_main(for_worker(in));
}

const struct role procs_roles[] = {
	{.role = SHM_ROLE_CHECKER,
	 .name = "checker",
	 .has_lease = true,
	 .prepare = prepare_checker,
	 .run = run_checker},
	{.role = SHM_ROLE_CONTROL,
	 .name = "control",
	 .has_lease = true,
	 .has_control = true,
	 .prepare = prepare_control,
	 .run = run_control},
	{.role = SHM_ROLE_WORKER,
	 .name = "worker",
	 .is_many = true,
	 .has_listeners = true,
	 .prepare = prepare_worker,
	 .run = run_worker},
};
const size_t procs_roles_n = sizeof(procs_roles) / sizeof(procs_roles[0]);

const struct role *
procs_role(enum shm_role role)
{
	for (size_t i = 0; i < procs_roles_n; i++)
		if (procs_roles[i].role == role)
			return &procs_roles[i];
	must(!"a role of the family");
	return NULL;
}

/* --- tables
 * ------------------------------------------------------------------------------ */

void
procs_init(uint32_t slots_n)
{
	master.slots_n = slots_n;
	master.procs_n = slots_n;
	master.procs = must_calloc(slots_n, sizeof(*master.procs));
	master.pollfds = must_calloc(slots_n + 5, sizeof(*master.pollfds));
	master.slot_eventfds = must_calloc(slots_n, sizeof(*master.slot_eventfds));
	for (uint32_t i = 0; i < slots_n; i++)
		master.slot_eventfds[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	master.reload_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	members_open();
}

void
procs_fini(void)
{
	for (uint32_t i = 0; i < master.slots_n; i++)
		close(master.slot_eventfds[i]);
	close(master.reload_fd);
	members_close();
	free(master.slot_eventfds);
	free(master.procs);
	free(master.pollfds);
	free(master.posts);
	master.slots_n = master.procs_n = 0;
}

void
procs_reset_posts(uint32_t nbproc)
{
	free(master.posts);
	master.posts_n = nbproc + 2;
	master.posts = must_calloc(master.posts_n, sizeof(*master.posts));
}

struct post *
procs_post(enum shm_role role, uint32_t index)
{
	uint32_t i = role == SHM_ROLE_CHECKER	? 0
		     : role == SHM_ROLE_CONTROL ? 1
						: 2 + index;
	must(i < master.posts_n);
	return &master.posts[i];
}

struct proc *
procs_find(pid_t pid)
{
	PROCS_EACH(p)
	if (p->pid == pid)
		return p;
	return NULL;
}

struct proc *
procs_holder(uint64_t generation, enum shm_role role, uint32_t index)
{
	PROCS_EACH(p)
	if (p->generation == generation && p->role == role && p->index == index &&
	    !p->is_leaving)
		return p;
	return NULL;
}

struct proc *
procs_new(void)
{
	for (uint32_t i = 0; i < master.procs_n; i++)
		if (!master.procs[i].pid)
			return &master.procs[i];
	return NULL;
}

size_t
procs_count(void)
{
	size_t n = 0;
	PROCS_EACH(p)
	n++;
	return n;
}

size_t
procs_count_before(uint64_t generation, enum shm_role role)
{
	size_t n = 0;
	PROCS_EACH(p)
	n += p->generation < generation && p->role == role;
	return n;
}

size_t
procs_generations_n(void)
{
	size_t n = 0;
	PROCS_EACH(p)
	{
		bool is_first = true;
		PROCS_EACH(q)
		if (q < p && q->generation == p->generation)
			is_first = false;
		n += is_first;
	}
	return n;
}

bool
procs_are_accepting_before(uint64_t generation)
{
	PROCS_EACH(p)
	if (p->generation < generation && p->role == SHM_ROLE_WORKER &&
	    procs_state(p) == SHM_PROC_READY)
		return true;
	return false;
}

/* Who was ready once is never taken for one that does not get ready, whatever stands in
 * its slot. */
enum shm_proc_state
procs_state(struct proc *p)
{
	struct shm_slot_view v;
	if (!shm_slot_view(master.shm, p->slot, &v))
		return SHM_PROC_FREE;
	p->is_ready |= v.state == SHM_PROC_READY;
	return v.state < SHM_PROC_READY && p->is_ready ? SHM_PROC_READY : v.state;
}

const char *
procs_text(const struct proc *p, char buf[32])
{
	const struct role *r = procs_role(p->role);
	if (r->is_many)
		snprintf(buf, 32, "%s %u", r->name, p->index);
	else
		snprintf(buf, 32, "%s", r->name);
	return buf;
}

/* --- asking
 * ------------------------------------------------------------------------------- */

static int
fill_post(const struct generation *g, const struct role *r, uint32_t index, bool patient,
	  char err[SHM_ERROR_BYTES])
{
	if (procs_holder(g->number, r->role, index))
		return 0;
	if (patient && procs_post(r->role, index)->respawn_at_ms > master.now_ms)
		return 0;
	return spawn(g, r, index, err);
}

int
procs_fill(const struct generation *g, bool patient, char err[SHM_ERROR_BYTES])
{
	for (size_t i = 0; i < procs_roles_n; i++) {
		uint32_t n = procs_roles[i].is_many ? g->cfg->global.nbproc : 1;
		for (uint32_t k = 0; k < n; k++)
			if (fill_post(g, &procs_roles[i], k, patient, err))
				return -1;
	}
	return 0;
}

bool
procs_are_ready(const struct generation *g)
{
	for (size_t i = 0; i < procs_roles_n; i++) {
		uint32_t n = procs_roles[i].is_many ? g->cfg->global.nbproc : 1;
		for (uint32_t k = 0; k < n; k++) {
			struct proc *p = procs_holder(g->number, procs_roles[i].role, k);
			if (!p || procs_state(p) != SHM_PROC_READY)
				return false;
		}
	}
	return true;
}

void
procs_grant_leases(void)
{
	for (size_t i = 0; i < procs_roles_n; i++) {
		const struct role *r = &procs_roles[i];
		if (!r->has_lease || master.lease_pids[r->role])
			continue;
		struct proc *p = procs_holder(master.current->number, r->role, 0);
		if (!p || procs_state(p) != SHM_PROC_READY)
			continue;
		master.lease_pids[r->role] = p->pid;
		shm_lease_grant(master.shm, r->role, p->slot);
		procs_mail(p->slot, SHM_MAIL_WAKE);
	}
}

bool
procs_leases_are_held(void)
{
	for (size_t i = 0; i < procs_roles_n; i++)
		if (procs_roles[i].has_lease && !master.lease_pids[procs_roles[i].role])
			return false;
	return true;
}

void
procs_signal(const struct proc *p, int signal)
{
	if (p->pidfd >= 0)
		(void)syscall(SYS_pidfd_send_signal, p->pidfd, signal, NULL, 0U);
	else
		(void)kill(p->pid, signal);
}

void
procs_tell(struct proc *p, int signal, uint64_t limit_ms)
{
	p->is_leaving = true;
	uint64_t at_ms = limit_ms ? master.now_ms + limit_ms : 0;
	if (at_ms && (!p->kill_at_ms || at_ms < p->kill_at_ms))
		p->kill_at_ms = at_ms;
	procs_signal(p, signal);
}

void
procs_mail(uint32_t slot, uint32_t bits)
{
	shm_slot_mail(master.shm, slot, bits);
	if (!shm_fault_is_mute())
		(void)eventfd_write(master.slot_eventfds[slot], 1);
}

void
procs_wake_workers(void)
{
	PROCS_EACH(p)
	if (p->role == SHM_ROLE_WORKER)
		procs_mail(p->slot, SHM_MAIL_WAKE);
}
