/* SPDX-License-Identifier: MIT
 *
 * The state of the checker process, private to the room: one per process.
 *
 * A `probe` is what is asked of one address; servers that are checked alike at the same
 * address (`checked`) share it. `schedule` says when it starts, `script` goes through its
 * steps, `outcome` takes its result to the verdict of each server, shared memory and the
 * log.
 */
#ifndef WEIR_CHECKER_SELF_H
#define WEIR_CHECKER_SELF_H

#include "checker/announce.h"
#include "checker/checker.h"
#include "checker/exam.h"
#include "checker/results.h"
#include "checker/sockets.h"
#include "checker/verdict.h"
#include "lib/net/log_target.h"
#include "lib/net/loop.h"
#include "shm/counters.h"
#include "shm/gauge.h"
#include "shm/address.h"
#include "shm/health.h"

enum probe_phase {
	PROBE_IDLE,    /* the timer says when the next probe starts */
	PROBE_WAITING, /* due, but too many probes are under way */
	PROBE_CONNECTING,
	PROBE_TALKING,
};

struct probe {
	const struct cfg_check *check;
	struct addr *addr;	       /* its own copy */
	const struct cfg_proxy *proxy; /* whose timeouts and limits hold */
	struct checked *users; /* who wants its results, by next_user; of an agent's the
				* first one alone */
	uint64_t hash;	       /* spreads the probes over an interval */
	uint64_t every_ms;     /* always so often; 0: as its users want it */
	void (*done)(struct probe *p, struct probe_result *r);

	enum probe_phase phase;
	struct net_timer timer;
	struct list waiting; /* PROBE_WAITING */
	struct probe_socket *socket;
	struct addr to;	   /* of the connection, when it is not `addr` */
	uint64_t start_ms; /* of the loop's clock */
	uint64_t start_us;
	uint64_t deadline_ms;

	/* the script */
	uint32_t step;
	bool is_all; /* the server has ended the connection */
	bool linger;
	bool is_listener; /* the server speaks first: it must learn of the connection */
	uint8_t method;	  /* of the last request, enum http_method */
	struct span upgrade;		     /* what it asked to switch to */
	uint16_t query_id;		     /* of DNS or ICMP */
	struct program *program;	     /* external.c; NULL: none runs */
	struct probe_result last;	     /* of the last expectation */
	const struct cfg_step *request_step; /* the first request */
	struct span request; /* its bytes, when they are always the same */
	struct span out;     /* still to be sent */
	char *out_own;	     /* where that lies when it is not constant, or NULL */
	char *kept;	     /* what has come so far, NULL: nothing */
	size_t kept_bytes, kept_cap;
	uint8_t introduces; /* this connection, by a PROXY header of that version; 0: no
			     */
	bool reuses;	    /* its connection serves the next check, too */
	bool is_resting;    /* `socket` waits for it */
	bool is_reused;	    /* it has served one before */
	char *vars;	    /* PROBE_VARS_BYTES of variables, NULL: none is set */
	uint32_t vars_used;
};

enum { PROBE_VARS_BYTES = 4096 };

struct checked {
	const struct cfg_server *cfg;
	struct group *group;
	struct shm_object object;
	struct verdict verdict;
	struct probe *probe; /* NULL: not checked */
	struct checked *next_user;
	struct checked *tracked; /* whose health it shares, or NULL */
	struct checked *trackers, *next_tracker;
	bool is_usable, is_maint, is_drained; /* as last seen */
	bool is_silenced;		      /* "disable health" */
	bool is_agent_off;		      /* "disable agent" */
	uint8_t wish_seq;		      /* the last one that was obeyed */
	bool is_unresolved;
	bool has_begun;			    /* it is looked after */
	struct addr check_addr, agent_addr; /* where these are now */
	struct probe *agent;		    /* NULL: it has none */
	struct shm_agent_word says;	    /* the agent, last */
	bool is_limited;  /* its last check passed on a condition: no new sessions */
	enum result last; /* for `option log-health-checks`: what changed */
};

/* The servers of one backend. */
struct group {
	struct cfg_proxy *cfg;
	struct shm_object object;
	struct checked **servers; /* [servers_n], as in cfg */
	size_t servers_n;
	uint64_t members; /* as last seen (roster.h) */
	uint64_t version; /* of the backend when the counts were made */
	bool has_news;	  /* others changed something that was counted, not looked at */
	uint32_t active_n, backup_n; /* usable servers */
	uint64_t observed; /* how often error_limits were reached, as last seen */
};

struct checker {
	const struct checker_inherit *in;
	struct shm *shm;
	struct net_loop *loop;
	struct logger *logger;
	struct arena *arena;
	struct exam *exam;
	struct shm_object global;
	struct group *groups;
	size_t groups_n;
	struct probe **probes; /* all, for the search for equal ones a hash table */
	size_t probes_all_n;
	bool has_lease, is_printing;
	uint32_t probes_n;		 /* under way */
	uint32_t probes_max, probes_cap; /* at most: now, ever */
	struct list waiting;		 /* of struct probe, oldest first */
	uint32_t resting_n;		 /* connections that wait for the next check */
	uint64_t short_of_at_ms; /* when the lack of descriptors was logged last */
	struct net_timer lease_timer, admin_timer;
	char scratch[PROBE_RESPONSE_BYTES];
};

extern struct checker checker;

/* --- group.c --------------------------------------------------------------- */

/* Builds checker.groups from the configuration; finds every object in the region. */
void groups_build(void);
/* "set server addr", "check-port", "agent-port": checks go there from now on. */
void group_follow_address(struct checked *c);
/* Servers have joined or left, perhaps. */
void group_follow_members(struct group *g);
/* Counts the usable servers anew. */
void group_recount(struct group *g);
/* The servers' states as shared memory has them now. */
struct shm_health_word checked_health(const struct checked *c);
struct shm_admin_word checked_admin(const struct checked *c);
/* What they come to. */
struct shm_effective checked_effective(const struct checked *c, struct shm_health_word h);
/* Boot seconds since when the whole backend is down; for one that has no usable
 * server. */
uint32_t group_down_since_s(const struct group *g);

/* --- schedule.c ------------------------------------------------------------ */

/* Called once, when this process has become the one that checks. */
void schedule_begin(void);
/* One that is new, or not wanted any more. */
void schedule_begin_probe(struct probe *p);
void schedule_end_probe(struct probe *p);
/* After a probe: when the next one starts. */
void schedule_next(struct probe *p);
/* No socket could be had for it. */
void schedule_starved(struct probe *p);
/* A probe has ended; somebody may be waiting for its place. */
void schedule_release(void);
/* Whether anybody wants its results; then what is different from before is done. */
bool schedule_is_wanted(const struct probe *p);
void schedule_wish(struct probe *p, bool was_wanted);
/* It leads elsewhere, or is new. */
void schedule_anew(struct probe *p);
/* The next one comes after fastinter at the latest. */
void schedule_hurry(struct probe *p, uint64_t fastinter_ms);

/* --- observe.c ------------------------------------------------------------- */

/* What workers have counted since the last look. */
void observe_look(void);

/* --- agent.c --------------------------------------------------------------- */

/* Takes the words of a line, as far as they are right; false: *wrong is none. */
bool agent_read(struct shm_agent_word *w, struct span line, const struct cfg_server *s,
		struct span *wrong);
/* A result of p, which asks the agent of p->users. */
void agent_take(struct probe *p, struct probe_result *r);

/* --- reuse.c --------------------------------------------------------------- */

/* Whether `check_reuse_pool` is given, and means something for a check of p. */
bool reuse_is_wanted(const struct probe *p);
/* The connection of the last check goes on; false: there is none that is good. */
bool reuse_take(struct probe *p, const struct addr *to);
/* The connection stays for the next check; false: it is of no use to that. */
bool reuse_keep(struct probe *p);
void reuse_drop(struct probe *p);
/* The server closed or reset a connection that was kept, before it said anything: the
 * check begins again on another one. false: this is no such case. */
bool reuse_retry(struct probe *p);

/* --- probe.c --------------------------------------------------------------- */

/* What steps do. DONE: on to the next step; WAIT: the loop will call; ENDED: the probe is
 * over. */
enum probe_go { PROBE_DONE, PROBE_WAIT, PROBE_ENDED };

void probe_init(struct probe *p);
/* Starts; the end comes as p->done(), or outcome_skip() when this machine lacked
 * something. */
void probe_start(struct probe *p);
/* The timer of a probe under way came. */
void probe_expired(struct probe *p);
/* Breaks it off without a result. */
void probe_cancel(struct probe *p);
/* Its end, with a result in r but for its duration. */
void probe_finish(struct probe *p, struct probe_result *r);
void probe_finish_with(struct probe *p, enum result id, const char *info);
/* This machine lacks something: no judgement over the server. */
enum probe_go probe_give_up(struct probe *p, int error);
/* Its time from now on, where nothing has to be connected. */
void probe_limit(struct probe *p);

enum probe_go probe_connect(struct probe *p, const struct addr *to, bool linger);
enum probe_go probe_send(struct probe *p, struct span bytes);
/* One recv(). DONE: there is news. */
enum probe_go probe_read(struct probe *p);
/* What has come is not needed any more. */
void probe_forget(struct probe *p);

/* --- script.c -------------------------------------------------------------- */

/* Goes on with the steps as far as that goes without waiting. */
void script_run(struct probe *p);
/* The time is over. */
void script_expired(struct probe *p);
/* It could not connect, or not send. is_local: connect() itself says so, before a packet
 * was sent. */
void script_failed(struct probe *p, int error, bool is_local);
/* The bytes of the first request, in the arena, when they are always the same. */
struct span script_request(struct probe *p);
/* What has come, for expressions and expectations. */
struct exam *script_exam(struct probe *p);

/* --- icmp.c, external.c ---------------------------------------------------- */

/* Opens what checks by ICMP need; before privileges are dropped. */
void icmp_prepare(const struct cfg *cfg);
void icmp_start(struct probe *p);
void icmp_end(struct probe *p);
void external_start(struct probe *p);
void external_end(struct probe *p);
/* Runs a program about a backend whose quorum was met or lost. */
void external_notify(const char *command, const struct group *g, uint32_t weight,
		     bool is_met);
/* The checker leaves. */
void external_end_all(void);

/* --- outcome.c ------------------------------------------------------------- */

/* A result for all who share the probe. */
void outcome_take(struct probe *p, struct probe_result *r);
/* Errors of traffic count as a check that failed. */
void outcome_fail(struct checked *c, const struct probe_result *r);
/* Its agent says something new, by the answer r. */
void outcome_agent(struct checked *c, struct shm_agent_word w,
		   const struct probe_result *r);
/* The server has no address. */
void outcome_unresolved(struct checked *c);
/* The configuration does not check it (any more). */
void outcome_unchecked(struct checked *c);
/* Nothing is known of its health: init_state says what it is until then. */
void outcome_begin(struct checked *c);
/* Those that track others take over their states. */
void outcome_follow(struct group *g);
void outcome_follow_one(struct checked *c);
/* What checks say of it; what checks and its agent say. */
enum shm_health outcome_checked(const struct checked *c);
enum shm_health outcome_state(const struct checked *c);
/* Takes a state over: region, log, those that track it. Why: a result, the server whose
 * health it shares, or, without both, people. */
void outcome_change(struct checked *c, enum shm_health state,
		    const struct probe_result *r, const struct checked *via);
/* The region alone; true when the backend has just lost its last server. */
bool outcome_publish(struct checked *c, enum shm_health state);
void outcome_record(const struct checked *c, const struct probe_result *r,
		    enum shm_health state);
/* A backend whose usable servers were so many before. */
void outcome_count_group(struct group *g, uint32_t usable_before);
/* on_marked_down, on_marked_up. */
void outcome_end_sessions(const struct checked *c, bool is_up);
/* false: somebody else has the lease; this process has no say any more. */
void outcome_keep_lease(bool is_mine);

/* --- quorum.c -------------------------------------------------------------- */

/* Something has changed. */
void quorum_look(const struct group *g);

/* --- admin.c --------------------------------------------------------------- */

void admin_begin(struct checked *c);
void admin_begun(struct group *g);
void admin_look(void);

/* --- tell.c ---------------------------------------------------------------- */

/* The result of a check that changed something, if that is wanted. */
void tell_check(const struct checked *c, const struct probe_result *r);
/* What became of a server; see outcome_change(). */
void tell_state(const struct checked *c, enum announce_change change,
		const struct probe_result *r, const struct checked *via);
/* What people or its agent did with it. */
void tell_admin(const struct checked *c, enum announce_change change);
void tell_no_server(const struct group *g);
/* A program that could not be run. */
void tell_program(const struct group *g, const char *command, int error);
void tell_quorum(const struct group *g, uint32_t weight, bool is_met);
/* No check, or a late one: errno says what is missing here. Now and then. */
void tell_shortage(const struct checked *c, int error);

/* --- context.c ------------------------------------------------------------- */

/* What expressions of checks can ask. */
extern const struct expr_host checker_host;
/* A step that sets or unsets a variable. */
void context_set_var(struct exam *x, const struct cfg_rule *rule);

#endif
