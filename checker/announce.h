/* SPDX-License-Identifier: MIT
 *
 * The log lines of checks, in HAProxy's words.
 */
#ifndef WEIR_CHECKER_ANNOUNCE_H
#define WEIR_CHECKER_ANNOUNCE_H

#include <stddef.h>

#include "checker/results.h"
#include "checker/verdict.h"
#include "config/cfg.h"
#include "lib/net/log_target.h"

enum { ANNOUNCE_BYTES = 1024 };

/* How things stand behind a change. */
struct announce_counts {
	uint32_t active, backup; /* usable servers of the backend */
	uint32_t sessions;	 /* on this server now */
};

/* "Health check for server be/a failed, reason: Layer4 connection problem, info:
 * "Connection refused", check duration: 0ms, status: 0/2 DOWN." */
struct span announce_check(char buf[ANNOUNCE_BYTES], const struct cfg_server *s,
			   const struct probe_result *r, const struct verdict *v);
enum announce_change {
	ANNOUNCE_NOTHING,
	ANNOUNCE_UP,
	ANNOUNCE_DOWN,
	ANNOUNCE_STOPPING, /* NOLB */
	ANNOUNCE_MAINT,
	ANNOUNCE_READY, /* from maintenance */
	ANNOUNCE_DRAIN,
	ANNOUNCE_UNDRAIN,
};

struct announce_event {
	enum announce_change change;
	const struct probe_result *result; /* why; NULL: it is known or there is none */
	const struct cfg_server *via;	   /* whose state it shares, or NULL */
	bool by_hand;
	bool is_up, is_drained; /* READY, UNDRAIN: what it is from now on */
	struct announce_counts n;
};

/* "Server be/a is DOWN, reason: ... . 1 active and 0 backup servers left. ..." */
struct span announce_state(char buf[ANNOUNCE_BYTES], const struct cfg_server *s,
			   const struct announce_event *e);
/* "backend be has no server available!"; quoted: as HAProxy's console has it. */
struct span announce_no_server(char buf[ANNOUNCE_BYTES], const struct cfg_proxy *be,
			       bool quoted);

/* "backend be has lost its quorum: weight 1, 2 are needed. */
struct span announce_quorum(char buf[ANNOUNCE_BYTES], const struct cfg_proxy *be,
			    uint32_t weight, bool is_met);

/* Writes "[WARNING]  (123) : text" to stderr if that does not block. */
void announce_print(const char *severity, struct span text);

#endif
