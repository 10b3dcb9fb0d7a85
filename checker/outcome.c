/* SPDX-License-Identifier: MIT
 *
 * What a result leads to: the verdict moves, shared memory learns it, the log tells it.
 * Runs in the checker, the only writer of health.
 */
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>

#include "checker/self.h"
#include "lib/base/clock.h"
#include "shm/fault.h"
#include "shm/sessions.h"
#include "shm/slots.h"

/* --- shared memory ---------------------------------------------------------------- */

void
outcome_keep_lease(bool is_mine)
{
	if (!is_mine)
		net_loop_stop(checker.loop);
}

/* Behind the first `at` bytes, as far as it fits; returns how many there are then. */
static size_t
put_text(char *out, size_t cap, size_t at, const char *text)
{
	size_t n = strlen(text);
	if (n > cap - 1 - at)
		n = cap - 1 - at;
	memcpy(out + at, text, n);
	out[at + n] = '\0';
	return at + n;
}

void
outcome_record(const struct checked *c, const struct probe_result *r,
	       enum shm_health state)
{
	struct shm_check rec = {.status = r->id,
				.code = r->code,
				.duration_ms = r->duration_ms,
				.counter = verdict_counter(&c->verdict),
				.state = state,
				.at_boot_ms = clock_boot_ms()};
	put_text(rec.status_text, sizeof(rec.status_text), 0, result_word(r->id));
	size_t n = put_text(rec.desc, sizeof(rec.desc), 0, result_description(r->id));
	if (r->info[0]) {
		n = put_text(rec.desc, sizeof(rec.desc), n, ": ");
		(void)put_text(rec.desc, sizeof(rec.desc), n, r->info);
	}
	outcome_keep_lease(shm_check_publish(checker.shm, &c->object, &rec));
}

static uint32_t
boot_s(void)
{
	return (uint32_t)(clock_boot_ms() / 1000);
}

static void
count_downtime(const struct shm_object *o, unsigned counter, uint32_t since_s)
{
	uint32_t now_s = boot_s();
	if (since_s && now_s > since_s)
		shm_count(o, counter, now_s - since_s);
}

/* A backend that loses its last usable server is down, as a whole. */
void
outcome_count_group(struct group *g, uint32_t usable_before)
{
	uint32_t usable = g->active_n + g->backup_n;
	if (usable_before && !usable)
		shm_count(&g->object, SHM_BACKEND_chkdown, 1);
	if (!usable_before && usable)
		count_downtime(&g->object, SHM_BACKEND_downtime, group_down_since_s(g));
}

/* The counts as they will be with that word, without walking over all servers. */
static void
count_usable(struct checked *c, struct shm_health_word w)
{
	struct group *g = c->group;
	bool usable = checked_effective(c, w).is_usable;
	if (usable == c->is_usable)
		return;
	c->is_usable = usable;
	*(c->cfg->backup ? &g->backup_n : &g->active_n) += usable ? 1 : UINT32_MAX;
}

/* Counts first, publishes then. */
bool
outcome_publish(struct checked *c, enum shm_health state)
{
	struct group *g = c->group;
	struct shm_health_word w = checked_health(c);
	if (w.state == state)
		return false;
	if (g->version !=
	    atomic_load_explicit(&g->object.backend->version, memory_order_acquire)) {
		group_recount(g);
		g->has_news = true;
	}
	uint32_t usable_before = g->active_n + g->backup_n;
	if (state == SHM_HEALTH_DOWN)
		shm_count(&c->object, SHM_SERVER_chkdown, 1);
	if (w.state == SHM_HEALTH_DOWN)
		count_downtime(&c->object, SHM_SERVER_downtime, w.since_s);
	w.state = state;
	count_usable(c, w);
	outcome_count_group(g, usable_before);
	outcome_keep_lease(
		shm_health_publish(checker.shm, &c->object, &g->object, state));
	g->version++; /* ours; if there is another change the next look finds it */
	return usable_before && g->active_n + g->backup_n == 0;
}

/* --- changes ------------------------------------------------------------------------ */

static enum announce_change
change_of(enum shm_health from, enum shm_health to)
{
	static const enum announce_change changes[] = {
		[SHM_HEALTH_UNKNOWN] = ANNOUNCE_NOTHING,
		[SHM_HEALTH_DOWN] = ANNOUNCE_DOWN,
		[SHM_HEALTH_UP] = ANNOUNCE_UP,
		[SHM_HEALTH_NOLB] = ANNOUNCE_STOPPING,
	};
	if (to == SHM_HEALTH_UP && from == SHM_HEALTH_UNKNOWN)
		return ANNOUNCE_NOTHING;
	return from == to ? ANNOUNCE_NOTHING : changes[to];
}

static void
poke(uint32_t slot)
{
	if (!shm_fault_is_mute())
		(void)eventfd_write(checker.in->net.slot_eventfds[slot], 1);
}

/* on_marked_down, on_marked_up (configuration.txt 5.2): whoever has been given to such a
 * server until now has to go, in workers of any age. */
void
outcome_end_sessions(const struct checked *c, bool is_up)
{
	const struct group *g = c->group;
	uint64_t now_us = clock_mono_us();
	bool is_better = is_up && c->cfg->shuts_backup_sessions && !c->cfg->backup &&
			 checked_effective(c, checked_health(c)).is_usable;
	if (!is_up && c->cfg->shuts_sessions)
		shm_server_shut(&c->object, SHM_SHUT_DOWN, now_us);
	else if (!is_better)
		return;
	for (size_t i = 0; is_better && i < g->servers_n; i++)
		if (g->servers[i]->cfg->backup)
			shm_server_shut(&g->servers[i]->object, SHM_SHUT_BETTER_IS_UP,
					now_us);
	shm_slots_mail_workers(checker.shm, SHM_MAIL_KILL, poke);
}

static void follow(struct checked *c, enum shm_health state);

/* Takes a state over: region, log, those that track it. via: see tell_state(). */
void
outcome_change(struct checked *c, enum shm_health state, const struct probe_result *r,
	       const struct checked *via)
{
	enum announce_change what = change_of(checked_health(c).state, state);
	bool lost_last = outcome_publish(c, state);
	if (what != ANNOUNCE_NOTHING)
		tell_state(c, what, r, via);
	if (lost_last)
		tell_no_server(c->group);
	quorum_look(c->group);
	if (what == ANNOUNCE_UP || what == ANNOUNCE_DOWN)
		outcome_end_sessions(c, what == ANNOUNCE_UP);
	follow(c, state);
}

static void
follow(struct checked *c, enum shm_health state)
{
	for (struct checked *t = c->trackers; t; t = t->next_tracker)
		if (checked_health(t).state != state)
			outcome_change(t, state, NULL, c);
		else
			follow(t, state);
}

void
outcome_follow_one(struct checked *c)
{
	follow(c, checked_health(c).state);
}

void
outcome_follow(struct group *g)
{
	for (size_t i = 0; i < g->servers_n; i++) {
		struct checked *c = g->servers[i];
		if (!c->tracked)
			follow(c, checked_health(c).state);
	}
}

/* --- results -------------------------------------------------------------------------
 */

/* 404 of a server that is up means that it wants no new sessions. */
static struct probe_result
result_for(const struct checked *c, const struct probe_result *r)
{
	struct probe_result own = *r;
	if (c->cfg->healthcheck->disable_on_404 && r->code == 404 &&
	    verdict_is_up(&c->verdict)) {
		own.id = RESULT_l7_okc;
		own.info[0] = '\0';
	}
	return own;
}

/* What checks say. */
enum shm_health
outcome_checked(const struct checked *c)
{
	enum shm_health state = verdict_state(&c->verdict);
	return state == SHM_HEALTH_UP && c->is_limited ? SHM_HEALTH_NOLB : state;
}

/* What checks and the agent say. */
enum shm_health
outcome_state(const struct checked *c)
{
	if (shm_agent_is_down(c->says))
		return SHM_HEALTH_DOWN;
	return c->probe || !c->agent ? outcome_checked(c) : SHM_HEALTH_UP;
}

static void
take(struct checked *c, const struct probe_result *result)
{
	struct probe_result r = result_for(c, result);
	bool was_up = verdict_is_up(&c->verdict), passed = result_passed(r.id);
	enum verdict_step step = VERDICT_SAME;
	if (!passed && was_up)
		shm_count(&c->object, SHM_SERVER_chkfail, 1);
	if (r.id == RESULT_l7_okc && !was_up)
		; /* good enough to stay, not to come back */
	else
		step = verdict_take(&c->verdict, passed);
	c->is_limited = r.id == RESULT_l7_okc ||
			(!passed && c->is_limited && verdict_is_up(&c->verdict));
	enum shm_health state = outcome_state(c);
	if (step != VERDICT_SAME || r.id != c->last)
		tell_check(c, &r);
	c->last = r.id;
	outcome_record(c, &r, outcome_checked(c));
	outcome_change(c, state, &r, NULL);
}

void
outcome_fail(struct checked *c, const struct probe_result *r)
{
	take(c, r);
}

void
outcome_agent(struct checked *c, struct shm_agent_word w, const struct probe_result *r)
{
	bool is_moved = shm_agent_is_down(w) != shm_agent_is_down(c->says);
	c->says = w;
	if (is_moved)
		outcome_change(c, outcome_state(c), r, NULL);
	outcome_keep_lease(shm_agent_publish(checker.shm, &c->object, &c->group->object,
					     w, r->id, r->duration_ms));
}

void
outcome_take(struct probe *p, struct probe_result *r)
{
	for (struct checked *c = p->users; c; c = c->next_user)
		/* of one that is not checked what was under way says nothing */
		if (!checked_admin(c).maint && !c->is_silenced)
			take(c, r);
}

void
outcome_unresolved(struct checked *c)
{
	struct probe_result r = {.id = RESULT_socket_error};
	char info[PROBE_INFO_BYTES];
	snprintf(info, sizeof(info), "cannot resolve '%s'", c->cfg->addr_text);
	probe_result_inform(&r, span_str(info));
	verdict_restore(&c->verdict, c->cfg->rise, c->cfg->fall, SHM_HEALTH_DOWN, 0);
	outcome_record(c, &r, SHM_HEALTH_DOWN);
	outcome_change(c, SHM_HEALTH_DOWN, &r, NULL);
}

void
outcome_unchecked(struct checked *c)
{
	(void)outcome_publish(c, c->agent ? outcome_state(c) : SHM_HEALTH_UNKNOWN);
}

void
outcome_begin(struct checked *c)
{
	verdict_begin(&c->verdict, c->cfg->init_state);
	(void)outcome_publish(c, outcome_state(c));
}
