/* SPDX-License-Identifier: MIT
 *
 * Reload: a new generation is complete before the old one is left, and until then nothing
 * of the old one changes. Steps: trial (a child parses the files, see trial.c), opening
 * (sockets, room in the region), waiting (the new processes start), commit, handover
 * (checker and control of the old generation leave, their leases move). Each is a phase
 * of struct reload; the main loop calls reload_step(). Master.
 */
#include "master/reload.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/control.h"
#include "lib/base/clock.h"
#include "lib/base/must.h"
#include "master/estate.h"
#include "master/generation.h"
#include "master/geometry.h"
#include "master/notify.h"
#include "master/privileges.h"
#include "master/procs.h"
#include "master/report.h"
#include "master/sockets.h"
#include "master/tables.h"
#include "master/trial.h"
#include "shm/counters.h"

enum {
	POLL_MS = 2,	       /* looking whether children are ready */
	DRAIN_GRACE_MS = 5000, /* beyond drain.timeout, before SIGKILL */
	RETIRE_MS = 2000,      /* longest wait for old workers to stop accepting */
	LEASE_LEAVE_MS = 2000, /* an old checker or control has so long to go */
	FORCED_LEAVE_MS = 500, /* the oldest generation, when there are too many */
};

void
reload_init(void)
{
	master.reload = (struct reload){.trial_fd = -1};
}

void
reload_ask(void)
{
	if (!master.reload.is_wanted)
		master.reload.wanted_at_ms = master.now_ms;
	master.reload.is_wanted = true;
}

bool
reload_owns(uint64_t generation)
{
	return master.reload.next && master.reload.next->number == generation;
}

/* --- the end, bad or good
 * ---------------------------------------------------------------- */

static void
finish(void)
{
	struct reload *r = &master.reload;
	free(r->text);
	*r = (struct reload){.trial_fd = -1,
			     .is_wanted = r->is_wanted,
			     .says_why = r->says_why,
			     .wanted_at_ms = r->wanted_at_ms};
	notify_ready();
}

static void
refuse(const char *text)
{
	report(REPORT_ERROR, "reload refused, nothing changed:");
	for (struct span rest = span_str(text); rest.n;) {
		struct span line = span_cut(&rest, '\n');
		if (line.n)
			report(REPORT_ERROR, "%.*s", (int)line.n, line.p);
	}
	shm_count(&master.global, SHM_GLOBAL_reload_failed, 1);
	shm_reload_result(master.shm, false, text);
	finish();
}

/* Nothing of the candidate stays: its processes have served nobody. */
static void
roll_back(void)
{
	PROCS_EACH(p)
	if (reload_owns(p->generation))
		procs_tell(p, SIGKILL, 0);
	generation_abandon(&master.reload.next);
}

static void
roll_back_and_refuse(const char *why)
{
	char text[SHM_ERROR_BYTES];
	snprintf(text, sizeof(text), "%s",
		 why); /* `why` may lie in what finish() clears */
	roll_back();
	refuse(text);
}

void
reload_child_died(const char *who, const char *how)
{
	if (!master.reload.failure[0])
		report_into(master.reload.failure, "%s of the new generation %s", who,
			    how);
}

void
reload_cancel(void)
{
	struct reload *r = &master.reload;
	r->is_wanted = false;
	if (r->phase == RELOAD_TRIAL)
		trial_cancel();
	if (r->phase == RELOAD_WAITING)
		roll_back();
	r->phase = RELOAD_NONE;
}

/* --- commit
 * ------------------------------------------------------------------------------- */

static void
drain_old(const struct cfg_global *old)
{
	uint64_t limit_ms =
		old->drain_timeout_ms ? old->drain_timeout_ms + DRAIN_GRACE_MS : 0;
	PROCS_EACH(p)
	{
		if (p->generation >= master.current->number || p->is_leaving)
			continue;
		if (procs_role(p->role)->has_lease) {
			procs_tell(p, SIGTERM, LEASE_LEAVE_MS);
			continue;
		}
		p->is_leaving = true;
		p->kill_at_ms = limit_ms ? master.now_ms + limit_ms : 0;
		procs_mail(p->slot, SHM_MAIL_DRAIN);
		if (p->is_adopted) /* its eventfd may be another than ours */
			procs_signal(p, SIGUSR1);
	}
}

static void
commit(void)
{
	struct reload *r = &master.reload;
	struct generation *old = master.current;
	struct shm_geometry geometry;
	char err[SHM_ERROR_BYTES], text[160], words[SHM_CONFIG_WORDS_BYTES];
	must(geometry_of(r->next->cfg, &geometry, err) == 0);
	master.current = r->next;
	r->next = NULL;
	sockets_commit(master.sockets);
	estate_publish();
	options_words(master.options, words);
	geometry.config_words = words;
	shm_commit(master.shm, &geometry, master.current->number);
	procs_wake_workers();
	procs_reset_posts(master.current->cfg->global.nbproc);
	report_set_targets(master.current->cfg, master.current->relay_write_fd);
	drain_old(&old->cfg->global);
	generation_free(&old);
	shm_count(&master.global, SHM_GLOBAL_reload_ok, 1);
	snprintf(text, sizeof(text), "generation %lu serves with %u worker%s",
		 (unsigned long)master.current->number,
		 master.current->cfg->global.nbproc,
		 master.current->cfg->global.nbproc == 1 ? "" : "s");
	report(REPORT_NOTICE, "reloaded: %s", text);
	shm_reload_result(master.shm, true, text);
	r->phase = RELOAD_HANDOVER;
	r->deadline_ms = master.now_ms + RETIRE_MS;
}

/* --- steps
 * -------------------------------------------------------------------------------- */

/* What a running daemon cannot change. */
static int
check_changes(const struct cfg *next, char err[SHM_ERROR_BYTES])
{
	const struct cfg_global *was = &master.current->cfg->global, *g = &next->global;
	if (strcmp(was->shm, g->shm) != 0)
		return report_into(err,
				   "global.shm: %s: the region cannot be changed by a "
				   "reload (it is %s); restart",
				   g->shm, was->shm);
	const char *pid = was->pidfile ? was->pidfile : "";
	if (strcmp(pid, g->pidfile ? g->pidfile : "") != 0)
		report(REPORT_WARNING, "global.pidfile: stays %s until a restart",
		       was->pidfile ? pid : "unset");
	return 0;
}

/* The trial was good: the master reads the same files and makes the generation. */
static void
open_next(void)
{
	struct reload *r = &master.reload;
	struct shm_geometry geometry;
	char err[SHM_ERROR_BYTES];
	struct cfg_errors *errors = NULL;
	struct cfg *cfg = cfg_load(&master.options->request, &errors);
	if (!cfg) {
		char *text = trial_errors_text(errors);
		refuse(text); /* the files changed in between */
		free(text);
		cfg_errors_free(&errors);
		return;
	}
	cfg_errors_free(&errors);
	r->next = generation_new(master.current->number + 1, cfg);
	if (check_changes(cfg, err) || privileges_check(cfg, err) ||
	    control_check(cfg, err) || geometry_of(cfg, &geometry, err) ||
	    generation_open(r->next, err) || shm_grow(master.shm, &geometry, err)) {
		roll_back_and_refuse(err);
		return;
	}
	tables_prepare(cfg, false);
	if (procs_fill(r->next, false, err)) {
		roll_back_and_refuse(err);
		return;
	}
	for (size_t i = 0; i < cfg->warnings_n; i++)
		report(REPORT_WARNING, "%s", cfg->warnings[i]);
	r->phase = RELOAD_WAITING;
	r->deadline_ms = clock_mono_ms() + MASTER_READY_MS;
}

void
reload_relieve_adopted(void)
{
	drain_old(&master.current->cfg->global);
	master.reload.phase = RELOAD_HANDOVER;
	master.reload.deadline_ms = master.now_ms + RETIRE_MS;
}

static void
step_trial(void)
{
	char *text = NULL;
	switch (trial_look(&text)) {
	case TRIAL_RUNS:
		return;
	case TRIAL_GOOD:
		open_next();
		break;
	case TRIAL_BAD:
		refuse(text);
		break;
	}
	free(text);
}

static void
step_waiting(void)
{
	struct reload *r = &master.reload;
	if (r->failure[0])
		roll_back_and_refuse(r->failure);
	else if (procs_are_ready(r->next))
		commit();
	else if (master.now_ms >= r->deadline_ms)
		roll_back_and_refuse("the new generation was not ready in time");
}

static void
step_handover(void)
{
	bool is_late = master.now_ms >= master.reload.deadline_ms;
	/* else what is queued at an address that goes would be reset */
	if (!is_late && procs_are_accepting_before(master.current->number))
		return;
	if (sockets_retire(master.sockets))
		estate_publish();
	for (size_t i = 0; i < procs_roles_n; i++)
		if (procs_roles[i].has_lease &&
		    procs_count_before(master.current->number, procs_roles[i].role))
			return;
	/* a successor that keeps dying must not stand in the way of the reload that mends
	 * it */
	if (is_late || procs_leases_are_held())
		finish();
}

static void
say_why(const struct cfg_global *g)
{
	if (!master.reload.says_why)
		report(REPORT_NOTICE,
		       "a reload waits: %zu generations serve (drain.max_generations); "
		       "the oldest is ended in %.3g s, unless it ends by itself (weirctl "
		       "procs)",
		       (size_t)procs_generations_n(),
		       (double)g->reload_max_delay_ms / 1000);
	master.reload.says_why = true;
}

/* Room for one more generation? When the oldest does not end in time it is ended. */
static bool
may_begin(void)
{
	const struct cfg_global *g = &master.current->cfg->global;
	uint64_t oldest = master.current->number;
	if (procs_generations_n() < g->max_generations)
		return true;
	say_why(g);
	if (master.now_ms < master.reload.wanted_at_ms + g->reload_max_delay_ms)
		return false;
	PROCS_EACH(p)
	if (p->generation < oldest)
		oldest = p->generation;
	if (oldest == master.current->number)
		return true; /* max_generations: 1 */
	PROCS_EACH(p)
	if (p->generation == oldest && !p->is_forced) {
		char text[32];
		report(REPORT_WARNING,
		       "%s (pid %ld) of generation %lu is ended: a reload waits and "
		       "drain.max_generations is %u",
		       procs_text(p, text), (long)p->pid, (unsigned long)oldest,
		       g->max_generations);
		p->is_forced = true;
		procs_tell(p, SIGINT, FORCED_LEAVE_MS);
	}
	return false;
}

uint64_t
reload_step(void)
{
	struct reload *r = &master.reload;
	switch (r->phase) {
	case RELOAD_NONE:
		if (!r->is_wanted || master.phase != MASTER_RUNNING)
			return UINT64_MAX;
		if (!may_begin())
			return master.now_ms + POLL_MS * 10;
		r->is_wanted = r->says_why = false;
		notify_reloading();
		shm_reload_begin(master.shm);
		r->phase = RELOAD_TRIAL;
		trial_begin();
		break;
	case RELOAD_TRIAL:
		step_trial();
		break;
	case RELOAD_WAITING:
		step_waiting();
		break;
	case RELOAD_HANDOVER:
		step_handover();
		break;
	}
	if (r->phase == RELOAD_TRIAL)
		return r->deadline_ms;
	if (r->phase == RELOAD_NONE)
		return r->is_wanted ? master.now_ms : UINT64_MAX;
	return master.now_ms + POLL_MS;
}
