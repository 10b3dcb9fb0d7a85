/* SPDX-License-Identifier: MIT
 *
 * Log lines, in the words of HAProxy 2.6 (compared with its output). Runs in the
 * checker.
 */
#include "checker/announce.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "lib/base/must.h"

/* A line that grows; what does not fit is cut. */
struct line {
	char *p;
	size_t n;
};

__attribute__((format(printf, 2, 3))) static void
add(struct line *l, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(l->p + l->n, ANNOUNCE_BYTES - l->n, fmt, ap);
	va_end(ap);
	must(n >= 0);
	l->n += (size_t)n;
	if (l->n > ANNOUNCE_BYTES - 1)
		l->n = ANNOUNCE_BYTES - 1;
}

static void
add_reason(struct line *l, const struct probe_result *r)
{
	add(l, ", reason: %s", result_description(r->id));
	if (result_has_code(r->id))
		add(l, ", code: %u", r->code);
	if (r->info[0])
		add(l, ", info: \"%s\"", r->info);
	if (r->id != RESULT_observed)
		add(l, ", check duration: %ums", r->duration_ms);
}

struct span
announce_check(char buf[ANNOUNCE_BYTES], const struct cfg_server *s,
	       const struct probe_result *r, const struct verdict *v)
{
	struct line l = {buf, 0};
	add(&l, "Health check for %sserver %s/%s %s", s->backup ? "backup " : "",
	    s->backend->name, s->name, result_passed(r->id) ? "succeeded" : "failed");
	add_reason(&l, r);
	add(&l, ", status: %u/%u %s.", verdict_have(v), verdict_need(v),
	    verdict_is_up(v) ? "UP" : "DOWN");
	return span_of(l.p, l.n);
}

/* What is said of a change, and how it goes on. */
static const struct {
	const char *text;
	enum { ALONE, ONLINE, LEFT } tail;
} changes[] = {
	[ANNOUNCE_NOTHING] = {"is unchanged", ALONE},
	[ANNOUNCE_UP] = {"is UP", ONLINE},
	[ANNOUNCE_DOWN] = {"is DOWN", LEFT},
	[ANNOUNCE_STOPPING] = {"is stopping", ONLINE},
	[ANNOUNCE_MAINT] = {"is going DOWN for maintenance", LEFT},
	[ANNOUNCE_READY] = {"is ", ALONE},
	[ANNOUNCE_DRAIN] = {"enters drain state", ONLINE},
	[ANNOUNCE_UNDRAIN] = {"is ", ALONE},
};

/* "UP/READY (leaving forced maintenance)", "DOWN (leaving forced drain)" */
static void
add_return(struct line *l, const struct announce_event *e)
{
	const char *state = e->is_up ? "UP" : "DOWN";
	if (e->change == ANNOUNCE_READY)
		add(l, "%s/%s (leaving %smaintenance)", state,
		    e->is_drained ? "DRAIN" : "READY", e->via ? "" : "forced ");
	else if (e->change == ANNOUNCE_UNDRAIN)
		add(l, "%s (leaving forced drain)", state);
	else if (e->via)
		add(l, " via %s/%s", e->via->backend->name, e->via->name);
}

/* Requests change their queue without the checker: it has no numbers of them. */
static void
add_counts(struct line *l, bool are_online, struct announce_counts n)
{
	add(l, " %u active and %u backup servers %s.%s", n.active, n.backup,
	    are_online ? "online" : "left",
	    n.active == 0 && n.backup > 0 ? " Running on backup." : "");
	if (are_online)
		add(l, " 0 sessions requeued, 0 total in queue.");
	else
		add(l, " %u sessions active, 0 requeued, 0 remaining in queue.",
		    n.sessions);
}

struct span
announce_state(char buf[ANNOUNCE_BYTES], const struct cfg_server *s,
	       const struct announce_event *e)
{
	struct line l = {buf, 0};
	add(&l, "%sServer %s/%s %s", s->backup ? "Backup " : "", s->backend->name,
	    s->name, changes[e->change].text);
	add_return(&l, e);
	if (e->result)
		add_reason(&l, e->result);
	add(&l, "%s.", e->by_hand ? ", changed from CLI" : "");
	if (changes[e->change].tail != ALONE)
		add_counts(&l, changes[e->change].tail == ONLINE, e->n);
	return span_of(l.p, l.n);
}

struct span
announce_no_server(char buf[ANNOUNCE_BYTES], const struct cfg_proxy *be, bool quoted)
{
	struct line l = {buf, 0};
	const char *quote = quoted ? "'" : "";
	/* HAProxy says "proxy" for a listen section */
	const char *kind = be->caps & CFG_CAP_FRONTEND ? "proxy" : "backend";
	add(&l, "%s %s%s%s has no server available!", kind, quote, be->name, quote);
	return span_of(l.p, l.n);
}

struct span
announce_quorum(char buf[ANNOUNCE_BYTES], const struct cfg_proxy *be, uint32_t weight,
		bool is_met)
{
	struct line l = {buf, 0};
	const struct cfg_quorum *q = &be->quorum;
	add(&l, "backend %s has %s its quorum: weight %u, %u needed", be->name,
	    is_met ? "gained" : "lost", weight, q->weight);
	if (q->hysteresis)
		add(&l, ", hysteresis %u", q->hysteresis);
	add(&l, ".");
	return span_of(l.p, l.n);
}

void
announce_print(const char *severity, struct span text)
{
	char out[ANNOUNCE_BYTES + 64];
	struct pollfd p = {.fd = STDERR_FILENO, .events = POLLOUT};
	/* A pipe that polls writable has room for PIPE_BUF bytes: no waiting. */
	if (poll(&p, 1, 0) != 1 || !(p.revents & POLLOUT))
		return;
	int n = snprintf(out, sizeof(out), "[%s]%*s(%d) : %.*s\n", severity,
			 (int)(9 - strlen(severity)), "", (int)getpid(), (int)text.n,
			 text.p);
	must(n > 0 && (size_t)n < sizeof(out));
	(void)!write(STDERR_FILENO, out, (size_t)n);
}
