/* SPDX-License-Identifier: MIT
 *
 * When which server is probed. Runs in the checker.
 *
 * The interval counts from start to start, so that a dead server is out within
 * fall * inter + timeout; a probe that takes longer than the interval is followed by the
 * next one at once. Servers are spread over the interval by their names, on the
 * machine's clock: a new checker keeps the rhythm of the old one, however often weir is
 * reloaded.
 */
#include "checker/self.h"

#include <errno.h>

#include "lib/base/clock.h"

enum { ADMIN_LOOK_MS = 100, AFTER_MAINT_SPREAD_MS = 200 };

static struct net_task waiting_task;

static uint64_t
interval_ms(const struct checked *c)
{
	return verdict_interval_ms(&c->verdict, c->cfg->inter_ms, c->cfg->fastinter_ms,
				   c->cfg->downinter_ms);
}

static uint64_t
spread_ms(const struct checked *c, uint64_t window_ms)
{
	return window_ms ? c->hash % window_ms : 0;
}

/* --- starting -------------------------------------------------------------------- */

static void
run_waiting(struct net_task *t)
{
	(void)t;
	while (checker.probes_n < checker.probes_max &&
	       !list_is_empty(&checker.waiting)) {
		struct checked *c =
			list_entry(checker.waiting.next, struct checked, waiting);
		list_remove(&c->waiting);
		probe_start(c);
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
wait_for_place(struct checked *c)
{
	c->phase = PROBE_WAITING;
	list_add_back(&checker.waiting, &c->waiting);
}

/* Fewer descriptors than the limit promised: what is under way is what there is. In
 * turn, so that no server starves; admin_expired() tries for more again. */
void
schedule_starved(struct checked *c)
{
	if (checker.probes_n == 0) {
		schedule_next(c);
		return;
	}
	checker.probes_max = checker.probes_n;
	wait_for_place(c);
}

/* The one timer of a server: the start of its next probe, or the limit of this one. */
static void
timer_expired(struct net_timer *t)
{
	struct checked *c = list_entry(t, struct checked, timer);
	switch (c->phase) {
	case PROBE_IDLE:
		if (checker.probes_n < checker.probes_max) {
			probe_start(c);
		} else {
			outcome_skip(c, EMFILE);
			wait_for_place(c);
		}
		break;
	case PROBE_WAITING:
		break;
	case PROBE_CONNECTING:
	case PROBE_SENDING:
	case PROBE_READING:
		probe_expired(c);
		break;
	}
}

void
schedule_next(struct checked *c)
{
	uint64_t now_ms = net_loop_now_ms(checker.loop);
	uint64_t next_ms = c->start_ms + interval_ms(c);
	if (c->is_maint)
		return;
	net_timer_set(checker.loop, &c->timer, next_ms > now_ms ? next_ms : now_ms + 1);
}

/* --- the administrator's will --------------------------------------------------------
 */

static void
set_maint(struct checked *c, bool is_maint)
{
	outcome_maint(c, is_maint);
	if (!c->cfg->check || c->is_unresolved)
		return;
	if (is_maint) {
		probe_cancel(c);
		net_timer_set(checker.loop, &c->timer, 0);
		return;
	}
	net_timer_set(checker.loop, &c->timer,
		      net_loop_now_ms(checker.loop) + 1 +
			      spread_ms(c, AFTER_MAINT_SPREAD_MS));
}

static void
look_at_group(struct group *g)
{
	uint32_t usable_before = g->active_n + g->backup_n;
	for (size_t i = 0; i < g->servers_n; i++) {
		struct checked *c = &g->servers[i];
		bool is_maint = checked_admin(c).maint;
		if (is_maint != c->is_maint)
			set_maint(c, is_maint);
	}
	group_recount(g);
	outcome_admin(g, usable_before);
}

/* Everything an operator does counts the backend's version up. */
static void
admin_expired(struct net_timer *t)
{
	if (checker.probes_max < checker.probes_cap)
		checker.probes_max++;
	for (size_t i = 0; i < checker.groups_n; i++) {
		struct group *g = &checker.groups[i];
		if (g->version != atomic_load_explicit(&g->object.backend->version,
						       memory_order_acquire))
			look_at_group(g);
	}
	net_timer_set(checker.loop, t, net_loop_now_ms(checker.loop) + ADMIN_LOOK_MS);
}

/* --- begin
 * ------------------------------------------------------------------------------ */

/* When the first probe of a server starts that was last checked `age_ms` ago. */
static uint64_t
carried_delay_ms(const struct checked *c, uint64_t age_ms)
{
	uint64_t every_ms = interval_ms(c);
	if (age_ms < every_ms)
		return every_ms - age_ms;
	uint64_t late_ms = age_ms - every_ms;
	return spread_ms(c, late_ms < every_ms ? late_ms : every_ms);
}

/* The next moment of the server's own beat. */
static uint64_t
fresh_delay_ms(const struct checked *c)
{
	uint64_t every_ms = interval_ms(c);
	if (!every_ms)
		return 0;
	return (spread_ms(c, every_ms) + every_ms - clock_boot_ms() % every_ms) %
	       every_ms;
}

static void
begin_checked(struct checked *c)
{
	struct shm_check rec;
	struct shm_health_word w = checked_health(c);
	bool has_record = shm_check_read(&c->object, &rec) && rec.at_boot_ms &&
			  rec.status < RESULTS_N;
	uint64_t now_ms = net_loop_now_ms(checker.loop), boot_ms = clock_boot_ms();
	verdict_restore(&c->verdict, c->cfg->rise, c->cfg->fall, w.state,
			has_record ? rec.counter : 0);
	if (has_record)
		c->last = rec.status;
	net_timer_init(&c->timer, timer_expired);
	c->is_maint = checked_admin(c).maint;
	if (c->is_maint)
		return;
	uint64_t delay_ms;
	if (has_record && w.state != SHM_HEALTH_UNKNOWN) {
		uint64_t start_ms = rec.at_boot_ms - rec.duration_ms;
		delay_ms =
			carried_delay_ms(c, boot_ms > start_ms ? boot_ms - start_ms : 0);
	} else {
		delay_ms = fresh_delay_ms(c);
	}
	net_timer_set(checker.loop, &c->timer, now_ms + 1 + delay_ms);
}

static void
begin_group(struct group *g)
{
	group_recount(g);
	for (size_t i = 0; i < g->servers_n; i++) {
		struct checked *c = &g->servers[i];
		if (c->is_unresolved) {
			c->is_maint = checked_admin(c).maint;
			outcome_unresolved(c);
		} else if (c->cfg->check) {
			begin_checked(c);
		} else {
			c->is_maint = checked_admin(c).maint;
			outcome_unchecked(c);
		}
	}
}

void
schedule_begin(void)
{
	list_init(&checker.waiting);
	net_task_init(&waiting_task, run_waiting);
	for (size_t i = 0; i < checker.groups_n; i++)
		begin_group(&checker.groups[i]);
	net_timer_init(&checker.admin_timer, admin_expired);
	net_timer_set(checker.loop, &checker.admin_timer,
		      net_loop_now_ms(checker.loop) + ADMIN_LOOK_MS);
}
