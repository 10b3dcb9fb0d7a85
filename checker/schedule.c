/* SPDX-License-Identifier: MIT
 *
 * When which probe starts. Runs in the checker.
 *
 * The interval counts from start to start, so that a dead server is out within
 * fall * inter + timeout; a probe that takes longer than the interval is followed by the
 * next one at once. Probes are spread over the interval by the names of their servers, on
 * the machine's clock: a new checker keeps the rhythm of the old one, however often weir
 * is reloaded.
 */
#include <errno.h>

#include "checker/self.h"
#include "lib/base/clock.h"

enum { ADMIN_LOOK_MS = 100, AFTER_MAINT_SPREAD_MS = 200 };

static struct net_task waiting_task;

static bool
is_paused(const struct checked *c)
{
	return c->is_maint || c->is_silenced;
}

/* The most impatient of those who wait for it; 0: nobody does. */
static uint64_t
interval_ms(const struct probe *p)
{
	uint64_t least_ms = 0;
	if (p->every_ms)
		return p->users->is_agent_off ? 0 : p->every_ms;
	for (const struct checked *c = p->users; c; c = c->next_user) {
		uint64_t ms =
			verdict_interval_ms(&c->verdict, c->cfg->inter_ms,
					    c->cfg->fastinter_ms, c->cfg->downinter_ms);
		if (!is_paused(c) && (!least_ms || ms < least_ms))
			least_ms = ms;
	}
	return least_ms;
}

bool
schedule_is_wanted(const struct probe *p)
{
	return interval_ms(p) != 0;
}

static uint64_t
spread_ms(const struct probe *p, uint64_t window_ms)
{
	return window_ms ? p->hash % window_ms : 0;
}

/* --- starting -------------------------------------------------------------------- */

static void
run_waiting(struct net_task *t)
{
	(void)t;
	while (checker.probes_n < checker.probes_max &&
	       !list_is_empty(&checker.waiting)) {
		struct probe *p = list_entry(checker.waiting.next, struct probe, waiting);
		list_remove(&p->waiting);
		probe_start(p);
	}
}

void
schedule_release(void)
{
	checker.probes_n--;
	if (!list_is_empty(&checker.waiting))
		net_task_schedule(checker.loop, &waiting_task);
}

static void
wait_for_place(struct probe *p)
{
	p->phase = PROBE_WAITING;
	list_add_back(&checker.waiting, &p->waiting);
}

/* Fewer descriptors than the limit promised: what is under way is what there is. In
 * turn, so that no server starves; admin_expired() tries for more again. */
void
schedule_starved(struct probe *p)
{
	if (checker.probes_n == 0) {
		schedule_next(p);
		return;
	}
	checker.probes_max = checker.probes_n;
	wait_for_place(p);
}

/* The one timer of a probe: its next start, or the limit of this one. */
static void
timer_expired(struct net_timer *t)
{
	struct probe *p = list_entry(t, struct probe, timer);
	switch (p->phase) {
	case PROBE_IDLE:
		if (checker.probes_n < checker.probes_max) {
			probe_start(p);
		} else {
			tell_shortage(p->users, EMFILE);
			wait_for_place(p);
		}
		break;
	case PROBE_WAITING:
		break;
	case PROBE_CONNECTING:
	case PROBE_TALKING:
		probe_expired(p);
		break;
	}
}

void
schedule_next(struct probe *p)
{
	uint64_t now_ms = net_loop_now_ms(checker.loop), every_ms = interval_ms(p);
	uint64_t next_ms = p->start_ms + every_ms;
	if (every_ms)
		net_timer_set(checker.loop, &p->timer,
			      next_ms > now_ms ? next_ms : now_ms + 1);
}

void
schedule_hurry(struct probe *p, uint64_t fastinter_ms)
{
	uint64_t at_ms = net_loop_now_ms(checker.loop) + fastinter_ms;
	if (p->phase == PROBE_IDLE && p->timer.deadline_ms > at_ms)
		net_timer_set(checker.loop, &p->timer, at_ms);
}

void
schedule_anew(struct probe *p)
{
	if (!p->timer.expired)
		net_timer_init(&p->timer, timer_expired);
	if (schedule_is_wanted(p))
		net_timer_set(checker.loop, &p->timer,
			      net_loop_now_ms(checker.loop) + 1 +
				      spread_ms(p, AFTER_MAINT_SPREAD_MS));
}

/* --- the administrator's will --------------------------------------------------------
 */

void
schedule_end_probe(struct probe *p)
{
	probe_cancel(p);
	net_timer_set(checker.loop, &p->timer, 0);
}

void
schedule_wish(struct probe *p, bool was_wanted)
{
	bool is_wanted = interval_ms(p) != 0;
	if (was_wanted && !is_wanted) {
		schedule_end_probe(p);
	} else if (is_wanted && !was_wanted) {
		net_timer_set(checker.loop, &p->timer,
			      net_loop_now_ms(checker.loop) + 1 +
				      spread_ms(p, AFTER_MAINT_SPREAD_MS));
	}
}

static void
admin_expired(struct net_timer *t)
{
	if (checker.probes_max < checker.probes_cap)
		checker.probes_max++;
	observe_look();
	admin_look();
	net_timer_set(checker.loop, t, net_loop_now_ms(checker.loop) + ADMIN_LOOK_MS);
}

/* --- begin
 * ------------------------------------------------------------------------------ */

/* When the first probe starts that was last made `age_ms` ago. */
static uint64_t
carried_delay_ms(const struct probe *p, uint64_t every_ms, uint64_t age_ms)
{
	if (age_ms < every_ms)
		return every_ms - age_ms;
	uint64_t late_ms = age_ms - every_ms;
	return spread_ms(p, late_ms < every_ms ? late_ms : every_ms);
}

/* The next moment of the probe's own beat. */
static uint64_t
fresh_delay_ms(const struct probe *p, uint64_t every_ms)
{
	return (spread_ms(p, every_ms) + every_ms - clock_boot_ms() % every_ms) %
	       every_ms;
}

/* Goes on where the last checker stopped, or begins; the delay of its probe. */
static uint64_t
begin_checked(struct checked *c)
{
	struct shm_check rec;
	struct shm_health_word w = checked_health(c);
	const struct probe *p = c->probe;
	bool has_record = shm_check_read(&c->object, &rec) && rec.at_boot_ms &&
			  rec.status < RESULTS_N;
	bool is_known = has_record && w.state != SHM_HEALTH_UNKNOWN;
	/* what checks said: an agent may have said more */
	verdict_restore(&c->verdict, c->cfg->rise, c->cfg->fall,
			has_record ? rec.state : w.state, has_record ? rec.counter : 0);
	c->is_limited = w.state == SHM_HEALTH_NOLB;
	if (has_record)
		c->last = rec.status;
	if (c->is_maint)
		return 0;
	if (!is_known)
		outcome_begin(c);
	uint64_t boot_ms = clock_boot_ms(), start_ms = rec.at_boot_ms - rec.duration_ms;
	uint64_t every_ms =
		verdict_interval_ms(&c->verdict, c->cfg->inter_ms, c->cfg->fastinter_ms,
				    c->cfg->downinter_ms);
	return is_known ? carried_delay_ms(p, every_ms,
					   boot_ms > start_ms ? boot_ms - start_ms : 0)
			: fresh_delay_ms(p, every_ms);
}

static void
begin_group(struct group *g)
{
	for (size_t i = 0; i < g->servers_n; i++)
		admin_begin(g->servers[i]);
	group_recount(g);
	for (size_t i = 0; i < g->servers_n; i++) {
		struct checked *c = g->servers[i];
		if (c->is_unresolved)
			outcome_unresolved(c);
		else if (!c->probe && !c->tracked)
			outcome_unchecked(c);
	}
}

/* The first one of its users that is due starts it. */
void
schedule_begin_probe(struct probe *p)
{
	bool is_asked = p->every_ms && schedule_is_wanted(p);
	uint64_t delay_ms = is_asked ? fresh_delay_ms(p, p->every_ms) : UINT64_MAX;
	for (struct checked *c = p->every_ms ? NULL : p->users; c; c = c->next_user) {
		uint64_t ms = begin_checked(c);
		if (!is_paused(c) && ms < delay_ms)
			delay_ms = ms;
	}
	net_timer_init(&p->timer, timer_expired);
	if (delay_ms != UINT64_MAX)
		net_timer_set(checker.loop, &p->timer,
			      net_loop_now_ms(checker.loop) + 1 + delay_ms);
}

void
schedule_begin(void)
{
	list_init(&checker.waiting);
	net_task_init(&waiting_task, run_waiting);
	for (size_t i = 0; i < checker.groups_n; i++)
		begin_group(&checker.groups[i]);
	for (size_t i = 0; i < checker.probes_all_n; i++)
		schedule_begin_probe(checker.probes[i]);
	for (size_t i = 0; i < checker.groups_n; i++)
		outcome_follow(&checker.groups[i]);
	for (size_t i = 0; i < checker.groups_n; i++)
		admin_begun(&checker.groups[i]);
	for (size_t i = 0; i < checker.groups_n; i++)
		quorum_look(&checker.groups[i]);
	net_timer_init(&checker.admin_timer, admin_expired);
	net_timer_set(checker.loop, &checker.admin_timer,
		      net_loop_now_ms(checker.loop) + ADMIN_LOOK_MS);
}
