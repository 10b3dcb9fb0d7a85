/* SPDX-License-Identifier: MIT
 *
 * What a result leads to: the verdict moves, shared memory learns it, the log tells it.
 * Runs in the checker, the only writer of health.
 */
#include <errno.h>
#include <stdio.h>

#include "checker/announce.h"
#include "checker/self.h"
#include "lib/base/clock.h"

enum { SHORTAGE_LOG_MS = 10000 };

enum severity { NOTICE = 5, WARNING = 4, ALERT = 1, EMERG = 0 }; /* syslog's */

/* --- log ----------------------------------------------------------------------- */

static void
tell(const struct group *g, enum severity level, struct span text)
{
	logger_line(checker.logger, g->cfg->log_mask, (int)level, text);
	if (checker.is_printing)
		announce_print("WARNING", text);
}

static void
tell_no_server(const struct group *g)
{
	char buf[ANNOUNCE_BYTES];
	logger_line(checker.logger, g->cfg->log_mask, EMERG,
		    announce_no_server(buf, g->cfg, false));
	if (checker.is_printing)
		announce_print("ALERT", announce_no_server(buf, g->cfg, true));
}

static void
tell_check(const struct checked *c, const struct probe_result *r)
{
	char buf[ANNOUNCE_BYTES];
	tell(c->group, NOTICE, announce_check(buf, c->cfg, r, &c->verdict));
}

static bool
logs_checks(const struct checked *c)
{
	return c->group->cfg->options & CFG_OPT_LOG_HEALTH_CHECKS;
}

static struct announce_counts
counts_of(const struct checked *c)
{
	return (struct announce_counts){c->group->active_n, c->group->backup_n,
					c->object.gauge ? shm_gauge_cur(c->object.gauge)
							: 0};
}

/* What became of it. As HAProxy, the reason is left out when tell_check() has just given
 * it; via: the server whose health it shares. */
static void
tell_state(const struct checked *c, enum announce_change change,
	   const struct probe_result *r, const struct checked *via)
{
	char buf[ANNOUNCE_BYTES];
	bool is_good = change == ANNOUNCE_UP || change == ANNOUNCE_READY;
	tell(c->group, is_good ? NOTICE : ALERT,
	     announce_state(buf, c->cfg, change, logs_checks(c) ? NULL : r,
			    via ? via->cfg : NULL, counts_of(c)));
}

static void
tell_maint(const struct checked *c)
{
	char buf[ANNOUNCE_BYTES];
	tell(c->group, c->is_maint ? ALERT : NOTICE,
	     announce_state(buf, c->cfg, c->is_maint ? ANNOUNCE_MAINT : ANNOUNCE_READY,
			    NULL, NULL, counts_of(c)));
}

/* --- shared memory ---------------------------------------------------------------- */

/* Somebody else has the lease: this process has no say any more. */
static void
keep_lease(bool is_mine)
{
	if (!is_mine)
		net_loop_stop(checker.loop);
}

static void
publish_record(const struct checked *c, const struct probe_result *r,
	       enum shm_health state)
{
	struct shm_check rec = {.status = r->id,
				.code = r->code,
				.duration_ms = r->duration_ms,
				.counter = verdict_counter(&c->verdict),
				.state = state,
				.at_boot_ms = clock_boot_ms()};
	snprintf(rec.status_text, sizeof(rec.status_text), "%s", result_word(r->id));
	snprintf(rec.desc, sizeof(rec.desc), "%s%s%s", result_description(r->id),
		 r->info[0] ? ": " : "", r->info);
	keep_lease(shm_check_publish(checker.shm, &c->object, &rec));
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
static void
count_group(struct group *g, uint32_t usable_before)
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

/* Counts first, publishes then; true when the backend has just lost its last server. */
static bool
publish_state(struct checked *c, enum shm_health state)
{
	struct group *g = c->group;
	struct shm_health_word w = checked_health(c);
	if (w.state == state)
		return false;
	if (g->version !=
	    atomic_load_explicit(&g->object.backend->version, memory_order_acquire))
		group_recount(g);
	uint32_t usable_before = g->active_n + g->backup_n;
	if (state == SHM_HEALTH_DOWN)
		shm_count(&c->object, SHM_SERVER_chkdown, 1);
	if (w.state == SHM_HEALTH_DOWN)
		count_downtime(&c->object, SHM_SERVER_downtime, w.since_s);
	w.state = state;
	count_usable(c, w);
	count_group(g, usable_before);
	keep_lease(shm_health_publish(checker.shm, &c->object, &g->object, state));
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

static void follow(struct checked *c, enum shm_health state);

/* Takes a state over: region, log, those that track it. via: see tell_state(). */
static void
change(struct checked *c, enum shm_health state, const struct probe_result *r,
       const struct checked *via)
{
	enum announce_change what = change_of(checked_health(c).state, state);
	bool lost_last = publish_state(c, state);
	if (what != ANNOUNCE_NOTHING)
		tell_state(c, what, r, via);
	if (lost_last)
		tell_no_server(c->group);
	follow(c, state);
}

/* A server in maintenance takes those that track it with it. */
static void
follow(struct checked *c, enum shm_health state)
{
	if (c->is_maint)
		state = SHM_HEALTH_DOWN;
	for (struct checked *t = c->trackers; t; t = t->next_tracker)
		if (checked_health(t).state != state)
			change(t, state, NULL, c);
}

void
outcome_follow(struct group *g)
{
	for (size_t i = 0; i < g->servers_n; i++) {
		struct checked *c = &g->servers[i];
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
	    verdict_is_up(&c->verdict))
		own.id = RESULT_l7_okc;
	return own;
}

static enum shm_health
state_of(const struct checked *c)
{
	enum shm_health state = verdict_state(&c->verdict);
	return state == SHM_HEALTH_UP && c->is_limited ? SHM_HEALTH_NOLB : state;
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
	enum shm_health state = state_of(c);
	if (logs_checks(c) && (step != VERDICT_SAME || r.id != c->last))
		tell_check(c, &r);
	c->last = r.id;
	publish_record(c, &r, state);
	change(c, state, &r, NULL);
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
	publish_record(c, &r, SHM_HEALTH_DOWN);
	change(c, SHM_HEALTH_DOWN, &r, NULL);
}

void
outcome_unchecked(struct checked *c)
{
	(void)publish_state(c, SHM_HEALTH_UNKNOWN);
}

void
outcome_begin(struct checked *c)
{
	verdict_begin(&c->verdict, c->cfg->init_state);
	(void)publish_state(c, verdict_state(&c->verdict));
}

void
outcome_maint(struct checked *c, bool is_maint)
{
	c->is_maint = is_maint;
	tell_maint(c);
	if (!is_maint && c->probe) {
		struct probe_result r = {.id = RESULT_initializing};
		verdict_trust(&c->verdict, c->cfg->init_state);
		c->last = r.id;
		c->is_limited = false;
		publish_record(c, &r, verdict_state(&c->verdict));
		(void)publish_state(c, verdict_state(&c->verdict));
	} else if (!is_maint && c->tracked) {
		(void)publish_state(c, checked_health(c->tracked).state);
	}
	follow(c, checked_health(c).state);
}

void
outcome_wish(struct checked *c, struct shm_admin_word a)
{
	bool is_down = a.wish == SHM_WISH_DOWN;
	struct probe_result r = {.id = RESULT_initializing};
	c->wish_seq = a.wish_seq;
	if (a.wish == SHM_WISH_NONE || a.maint || c->is_unresolved || !c->probe)
		return;
	verdict_restore(&c->verdict, c->cfg->rise, c->cfg->fall,
			is_down ? SHM_HEALTH_DOWN : SHM_HEALTH_UP, 0);
	c->is_limited = a.wish == SHM_WISH_NOLB;
	probe_result_inform(&r, SPAN("set by hand"));
	publish_record(c, &r, state_of(c));
	change(c, state_of(c), &r, NULL);
}

void
outcome_admin(struct group *g, uint32_t usable_before)
{
	count_group(g, usable_before);
	if (usable_before && g->active_n + g->backup_n == 0)
		tell_no_server(g);
}

void
outcome_skip(struct probe *p, int error)
{
	char buf[ANNOUNCE_BYTES];
	const struct checked *c = p->users;
	uint64_t now_ms = net_loop_now_ms(checker.loop);
	if (checker.short_of_at_ms && now_ms < checker.short_of_at_ms + SHORTAGE_LOG_MS)
		return;
	checker.short_of_at_ms = now_ms;
	const char *advice =
		error == EMFILE ? "raise the limit of open files (RLIMIT_NOFILE)"
		: error == EADDRNOTAVAIL
			? "no local port is free: widen net.ipv4.ip_local_port_range"
			: "the system is short of resources";
	int n = snprintf(
		buf, sizeof(buf),
		"Health check for server %s/%s could not be made in time: %s; %s.",
		c->cfg->backend->name, c->cfg->name, strerror(error), advice);
	tell(c->group, WARNING,
	     span_of(buf, n > 0 && (size_t)n < sizeof(buf) ? (size_t)n : 0));
}
