/* SPDX-License-Identifier: MIT
 *
 * What the log and the console are told. Runs in the checker.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "checker/announce.h"
#include "checker/self.h"

enum { SHORTAGE_LOG_MS = 10000 };

enum severity { NOTICE = 5, WARNING = 4, ALERT = 1, EMERG = 0 }; /* syslog's */

static void
tell(const struct group *g, enum severity level, struct span text)
{
	logger_line(checker.logger, g->cfg->log_mask, (int)level, text);
	if (checker.is_printing)
		announce_print("WARNING", text);
}

void
tell_no_server(const struct group *g)
{
	char buf[ANNOUNCE_BYTES];
	logger_line(checker.logger, g->cfg->log_mask, EMERG,
		    announce_no_server(buf, g->cfg, false));
	if (checker.is_printing)
		announce_print("ALERT", announce_no_server(buf, g->cfg, true));
}

static bool
logs_checks(const struct checked *c)
{
	return c->group->cfg->options & CFG_OPT_LOG_HEALTH_CHECKS;
}

void
tell_check(const struct checked *c, const struct probe_result *r)
{
	char buf[ANNOUNCE_BYTES];
	if (logs_checks(c))
		tell(c->group, NOTICE, announce_check(buf, c->cfg, r, &c->verdict));
}

static enum severity
severity_of(enum announce_change change)
{
	return change == ANNOUNCE_DOWN || change == ANNOUNCE_MAINT ? ALERT : NOTICE;
}

static void
tell_event(const struct checked *c, struct announce_event *e)
{
	char buf[ANNOUNCE_BYTES];
	const struct group *g = c->group;
	uint32_t sessions = c->object.gauge ? shm_gauge_cur(c->object.gauge) : 0;
	e->n = (struct announce_counts){g->active_n, g->backup_n, sessions};
	tell(g, severity_of(e->change), announce_state(buf, c->cfg, e));
}

/* As HAProxy, the reason is left out when tell_check() has just given it. */
void
tell_state(const struct checked *c, enum announce_change change,
	   const struct probe_result *r, const struct checked *via)
{
	struct announce_event e = {.change = change,
				   .result = r && !logs_checks(c) ? r : NULL,
				   .via = via ? via->cfg : NULL,
				   .by_hand = !r && !via};
	tell_event(c, &e);
}

void
tell_admin(const struct checked *c, enum announce_change change)
{
	const struct checked *via = c->tracked;
	struct announce_event e = {.change = change,
				   .via = via ? via->cfg : NULL,
				   .is_up = checked_health(c).state != SHM_HEALTH_DOWN,
				   .is_drained = c->is_drained};
	tell_event(c, &e);
}

void
tell_program(const struct group *g, const char *command, int error)
{
	char buf[ANNOUNCE_BYTES];
	int n = snprintf(buf, sizeof(buf), "backend %s: %s cannot be run: %s.",
			 g->cfg->name, command, strerror(error));
	tell(g, WARNING, span_of(buf, n > 0 && (size_t)n < sizeof(buf) ? (size_t)n : 0));
}

void
tell_quorum(const struct group *g, uint32_t weight, bool is_met)
{
	char buf[ANNOUNCE_BYTES];
	tell(g, is_met ? NOTICE : ALERT, announce_quorum(buf, g->cfg, weight, is_met));
}

void
tell_shortage(const struct checked *c, int error)
{
	char buf[ANNOUNCE_BYTES];
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
