/* SPDX-License-Identifier: MIT
 *
 * After a crash: objects that were damaged begin anew, before a successor meets them; so
 * does one in whose critical sections processes crash again and again. Service goes on
 * with an empty object; a log line and `weirctl counters` tell of it. Master.
 */
#include "master/mend.h"

#include <signal.h>
#include <sys/wait.h>

#include "master/report.h"
#include "master/tables.h"
#include "shm/counters.h"
#include "shm/mend.h"

bool
mend_is_killer(struct mend_deaths *all, int64_t object, uint64_t now_ms)
{
	const uint32_t room = sizeof(all->at) / sizeof(all->at[0]);
	uint32_t n = 0;
	all->at[all->next].at_ms = now_ms;
	all->at[all->next].object = object;
	all->next = (all->next + 1) % room;
	for (uint32_t i = 0; i < room; i++)
		n += all->at[i].at_ms && all->at[i].object == object &&
		     now_ms - all->at[i].at_ms <= MEND_WITHIN_MS;
	if (n < MEND_DEATHS_N)
		return false;
	for (uint32_t i = 0; i < room; i++)
		if (all->at[i].object == object)
			all->at[i].at_ms = 0;
	return true;
}

/* Its own memory went wrong; nobody else ended it. */
static bool
is_crash(int status)
{
	if (!WIFSIGNALED(status))
		return false;
	switch (WTERMSIG(status)) {
	case SIGSEGV:
	case SIGBUS:
	case SIGABRT:
	case SIGILL:
	case SIGFPE:
	case SIGTRAP:
	case SIGSYS:
		return true;
	default:
		return false;
	}
}

static void
tell(void *arg, const struct shm_facts *f, const char *how)
{
	static const char *const kinds[SHM_KINDS_N] = {"the daemon", "frontend", "bind",
						       "backend",    "server",	 "table"};
	(void)arg;
	shm_count(&master.global, SHM_GLOBAL_objects_renewed, 1);
	report(REPORT_ALERT, "%s %s%s%s begins anew, empty: %s", kinds[f->kind],
	       f->parent, f->parent[0] ? "/" : "", f->name, how);
}

static void
accuse(const struct proc *p)
{
	struct shm_object o;
	struct shm_facts facts;
	int64_t object = shm_slot_section(master.shm, p->slot);
	if (object < 0 || !shm_object_at(master.shm, (uint32_t)object, &o) ||
	    !mend_is_killer(&master.deaths, object, master.now_ms))
		return;
	shm_object_facts(master.shm, &o, &facts);
	shm_renew(master.shm, o.index);
	tell(NULL, &facts, "processes that change it crash");
}

void
mend_after(const struct proc *p, int status)
{
	/* whoever fills tables has locks of his own */
	if (!is_crash(status) || master.loader_pid)
		return;
	shm_mend(master.shm, p->slot, tell, NULL);
	tables_mend(master.current->cfg);
	accuse(p);
}
