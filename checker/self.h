/* SPDX-License-Identifier: MIT
 *
 * The state of the checker process, private to the room: one per process.
 *
 * A backend's servers are probed by `probe`, one probe at a time and server; `schedule`
 * says when; `outcome` takes the result to the verdict, shared memory and the log.
 */
#ifndef WEIR_CHECKER_SELF_H
#define WEIR_CHECKER_SELF_H

#include "checker/checker.h"
#include "checker/probe_http.h"
#include "checker/results.h"
#include "checker/verdict.h"
#include "lib/net/log_target.h"
#include "lib/net/loop.h"
#include "shm/counters.h"
#include "shm/gauge.h"
#include "shm/health.h"

enum probe_phase {
	PROBE_IDLE,    /* the timer says when the next probe starts */
	PROBE_WAITING, /* due, but too many probes are under way */
	PROBE_CONNECTING,
	PROBE_SENDING,
	PROBE_READING,
};

struct checked {
	const struct cfg_server *cfg;
	struct group *group;
	struct shm_object object;
	struct verdict verdict;
	uint64_t hash;		  /* of its names: spreads the servers over an interval */
	bool is_usable, is_maint; /* as last seen */
	bool is_unresolved;
	enum result last; /* for `option log-health-checks`: what changed */

	/* the probe */
	enum probe_phase phase;
	struct net_watch watch;
	struct net_timer timer;
	struct list waiting; /* PROBE_WAITING */
	uint64_t start_ms;   /* of the loop's clock */
	uint64_t start_us;
	uint64_t deadline_ms;
	struct span request; /* HTTP; the backend's, or its own with a Host */
	size_t sent_bytes;
	char *kept; /* an incomplete response, NULL: none */
	size_t kept_bytes, kept_cap;
};

/* The servers of one backend. */
struct group {
	const struct cfg_proxy *cfg;
	struct shm_object object;
	struct checked *servers;
	size_t servers_n;
	uint64_t version;	     /* of the backend when the counts were made */
	uint32_t active_n, backup_n; /* usable servers */
};

struct checker {
	const struct checker_inherit *in;
	struct shm *shm;
	struct net_loop *loop;
	struct logger *logger;
	struct arena *arena;
	struct judge *judge;
	struct shm_object global;
	struct group *groups;
	size_t groups_n;
	bool has_lease, is_printing;
	uint32_t probes_n;		 /* under way */
	uint32_t probes_max, probes_cap; /* at most: now, ever */
	struct list waiting;		 /* of struct checked, oldest first */
	uint64_t short_of_at_ms; /* when the lack of descriptors was logged last */
	struct net_timer lease_timer, admin_timer;
	char scratch[PROBE_RESPONSE_BYTES];
};

extern struct checker checker;

/* --- group.c --------------------------------------------------------------- */

/* Builds checker.groups from the configuration; finds every object in the region. */
void groups_build(void);
/* Counts the usable servers anew. */
void group_recount(struct group *g);
/* The servers' states as shared memory has them now. */
struct shm_health_word checked_health(const struct checked *c);
struct shm_admin_word checked_admin(const struct checked *c);
/* Boot seconds since when the whole backend is down; for one that has no usable
 * server. */
uint32_t group_down_since_s(const struct group *g);

/* --- schedule.c ------------------------------------------------------------ */

/* Called once, when this process has become the one that checks. */
void schedule_begin(void);
/* After a probe: when the next one starts. */
void schedule_next(struct checked *c);
/* No socket could be had for it. */
void schedule_starved(struct checked *c);
/* A probe has ended; somebody may be waiting for its place. */
void schedule_release(void);

/* --- probe.c --------------------------------------------------------------- */

/* Starts; the end comes as outcome_take(), or outcome_skip() when this machine lacked
 * something. */
void probe_start(struct checked *c);
/* The timer of a probe under way came. */
void probe_expired(struct checked *c);
/* Breaks it off without a result. */
void probe_cancel(struct checked *c);

/* --- outcome.c ------------------------------------------------------------- */

void outcome_take(struct checked *c, struct probe_result *r);
/* No result, or a late one: errno says what is missing here. Logged now and then. */
void outcome_skip(struct checked *c, int error);
/* The server has no address. */
void outcome_unresolved(struct checked *c);
/* The configuration does not check it (any more). */
void outcome_unchecked(struct checked *c);
/* Maintenance begins or ends. */
void outcome_maint(struct checked *c, bool is_maint);
/* Somebody else changed states or weights; the servers are counted anew. */
void outcome_admin(struct group *g, uint32_t usable_before);

#endif
