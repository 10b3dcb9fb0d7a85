/* SPDX-License-Identifier: MIT
 *
 * Objects of the region: what can be found in its directory. A handle is plain data
 * of the process that asked; it stays valid as long as the region is mapped.
 */
#ifndef WEIR_SHM_OBJECT_H
#define WEIR_SHM_OBJECT_H

#include <stdatomic.h>

#include "shm/region.h"

struct shm_gauge;
struct shm_server;
struct shm_backend;
struct shm_rates;
struct shm_hands;

/* What is counted per second (throttle.h). */
enum shm_throttles { SHM_THROTTLE_CONNECTIONS, SHM_THROTTLE_SESSIONS, SHM_THROTTLES_N };

struct shm_object {
	uint32_t index; /* in the directory */
	uint32_t cells; /* index of its first counter in a lane */
	enum shm_kind kind;
	bool is_current;	     /* configured in the newest generation */
	struct shm_gauge *gauge;     /* connections (sessions for backends, servers) */
	struct shm_rates *rates;     /* written once per second by control */
	struct shm_hands *hands;     /* values set by hand (hand.h) */
	struct shm_server *server;   /* kind SERVER only, else NULL */
	struct shm_backend *backend; /* kind BACKEND only, else NULL */
	_Atomic uint64_t *throttles; /* enum shm_throttles: FRONTEND, GLOBAL; else NULL */
	void *area;		     /* its own memory, zeroed when new; NULL: none */
	uint64_t area_bytes;
};

/* Finds a configured or remembered object; addr is compared for servers only.
 * false when there is none. */
bool shm_find(const struct shm *s, enum shm_kind kind, const char *parent,
	      const char *name, const char *addr, struct shm_object *out);
/* Number of directory entries, and the i-th; false when it is unused or damaged. */
uint32_t shm_objects_n(const struct shm *s);
bool shm_object_at(const struct shm *s, uint32_t i, struct shm_object *out);
/* The facts, copied out and checked (strings are terminated). */
void shm_object_facts(const struct shm *s, const struct shm_object *o,
		      struct shm_facts *out);
/* The limit that decides, live: the master may change it at a reload. */
uint32_t shm_object_maxconn(const struct shm *s, const struct shm_object *o);
/* The others, live as well. */
uint32_t shm_object_minconn(const struct shm *s, const struct shm_object *o);
uint32_t shm_object_maxqueue(const struct shm *s, const struct shm_object *o);
uint32_t shm_object_slowstart_ms(const struct shm *s, const struct shm_object *o);
uint32_t shm_object_rate_limit(const struct shm *s, const struct shm_object *o);
uint32_t shm_object_sess_rate_limit(const struct shm *s, const struct shm_object *o);

/* What control samples each second so that rates need nothing on the hot path. */
struct shm_rates {
	_Atomic uint32_t sess_rate, sess_rate_max; /* sessions per second */
	_Atomic uint32_t req_rate, req_rate_max;
	_Atomic uint32_t conn_rate, conn_rate_max;
	_Atomic uint32_t last_sess_s; /* boot time of the last session; 0: none yet */
	_Atomic uint32_t reserved;
	_Atomic uint64_t bin_rate, bout_rate; /* bytes per second */
};

/* Requests that wait for the same thing, in the order of their turns: places of tickets
 * + 1, and how many (shm/queue.h). */
struct shm_line {
	_Atomic uint64_t head, tail, n, max;
};

/* What tickets hold of a server that has limits; its line is that of the requests that
 * want this server and no other. */
struct shm_slots_of {
	struct shm_line line;
	_Atomic uint64_t served; /* requests, or connections with strict_maxconn */
	_Atomic uint64_t kept;	 /* idle connections, with pool_max_conn */
};

struct shm_backend {
	_Atomic uint64_t cursor;   /* roundrobin position: one fetch_add per pick */
	_Atomic uint64_t version;  /* +1 whenever a server's state or weight changes */
	_Atomic uint64_t retries;  /* what may still be retried (budget.h) */
	_Atomic uint64_t observed; /* +1 whenever errors of a server reached its limit */
	_Atomic uint64_t without_quorum; /* 1: active servers get nothing; writer: checker
					  */
	_Atomic uint64_t asks_made;	 /* rounds of asking (ask.h); writers: workers */
	_Atomic uint64_t asks_done;	 /* writer: control */
	/* +1 whenever a server joined or left at run time; writer: master */
	_Atomic uint64_t members_version;
};

#endif
