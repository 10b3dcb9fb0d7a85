/* SPDX-License-Identifier: MIT
 *
 * Slots of servers with limits, and the queues for them: one area of tickets per backend,
 * under one robust lock. Every request on such a server holds a ticket, waiting or
 * granted: so the tickets are the ledger of what a process holds, and a dead one's are
 * found by its number.
 *
 * A slot is free when fewer than the server's limit are granted and nobody waits; else a
 * new ticket goes to the end of a line in the same critical section. Whoever gives a slot
 * up hands it to the first ticket: of the server's line or the backend's, whichever has
 * the lower key. Keys are drawn from one counter per backend, so nobody overtakes, and
 * nothing is ever taken to be given back at once.
 *
 * A lock that is busy makes a newcomer wait like at a full server; what could not be
 * given back is remembered in the process, until shm_queue_settle().
 */
#ifndef WEIR_SHM_QUEUE_H
#define WEIR_SHM_QUEUE_H

#include "shm/gauge.h"

struct shm_queue_area;

enum {
	SHM_QUEUE_GRANTS = 8, /* at most in one critical section */
	SHM_QUEUE_CLASS_MAX = 2047,
};

/* A process's handle of the area of one backend. */
struct shm_queue {
	struct shm_object backend;
	struct shm_queue_area *area;
	uint32_t tickets_n;
	uint32_t *owed; /* tickets to give back when the lock is free again */
	uint32_t owed_n;
};

/* Slots of processes whose tickets were granted: their eventfds want to be written. */
struct shm_queue_wakes {
	uint32_t slots[SHM_QUEUE_GRANTS];
	uint32_t n;
	bool is_more; /* pump again: more could be granted than one section may do */
};

/* A server as the asking process sees it. */
struct shm_queue_server {
	const struct shm_object *server;
	bool is_usable; /* it may get requests: nothing is granted otherwise */
	bool own_only;	/* but those that want it and no other */
};

enum shm_queue_got {
	SHM_QUEUE_GRANTED,
	SHM_QUEUE_WAITING,
	SHM_QUEUE_FULL, /* maxqueue, or no ticket is left */
	SHM_QUEUE_BUSY, /* nothing has changed: ask again in a moment */
};

/* How a request wants to wait. */
struct shm_queue_ask {
	struct shm_queue_server on; /* server NULL: whichever becomes free */
	bool at_server;		    /* if it must wait, then for this server alone */
	uint64_t now_us;	    /* monotonic */
	int priority_class;	    /* lower ones first */
	int64_t priority_offset_us; /* as if it had come so much later */
};

/* Bytes of an area with so many tickets. */
uint64_t shm_queue_bytes(uint32_t tickets_n);
/* false: this backend has no area. */
bool shm_queue_open(struct shm *s, const struct shm_object *backend,
		    struct shm_queue *out);
void shm_queue_fini(struct shm_queue *q);

/* Asks for a slot. *ticket is the caller's until he leaves (GRANTED and WAITING). */
enum shm_queue_got shm_queue_enter(struct shm *s, struct shm_queue *q,
				   const struct shm_queue_ask *ask, uint32_t *ticket,
				   struct shm_queue_wakes *wakes);
/* Gives a ticket back in whatever state it is. Never fails. `on`: the server it was
 * granted, may be all zeros while it waits. */
void shm_queue_leave(struct shm *s, struct shm_queue *q, uint32_t ticket,
		     struct shm_queue_server on, struct shm_queue_wakes *wakes);
/* A ticket that waits for one server waits for any from now on, in its turn; false: busy,
 * or it does not wait for one. */
bool shm_queue_release_from(struct shm *s, struct shm_queue *q, uint32_t ticket);
/* Grants what can be granted of that server; false: busy. */
bool shm_queue_pump(struct shm *s, struct shm_queue *q, struct shm_queue_server on,
		    struct shm_queue_wakes *wakes);
/* Keeps an idle connection, one of at most `limit` over all processes. */
enum shm_queue_got shm_queue_keep(struct shm *s, struct shm_queue *q,
				  const struct shm_object *server, uint32_t limit,
				  uint32_t *ticket);
/* Gives back what is owed; true when nothing is left. */
bool shm_queue_settle(struct shm *s, struct shm_queue *q, struct shm_queue_wakes *wakes);

/* --- lock-free ----------------------------------------------------------------- */

/* Whether an own ticket was granted: the directory index of its server, or -1. */
int64_t shm_queue_server_of(const struct shm_queue *q, uint32_t ticket);
/* A server's maxconn: what its agent said last, else what is configured. */
uint32_t shm_server_maxconn(const struct shm *s, const struct shm_object *server);
/* The server's limit now: maxconn, or what minconn and the load of the backend make of
 * it; 0: none. */
uint32_t shm_queue_limit(const struct shm *s, const struct shm_queue *q,
			 const struct shm_object *server);
/* Whether a newcomer would have to wait for that server. */
bool shm_queue_is_full(const struct shm *s, const struct shm_queue *q,
		       const struct shm_object *server);
/* Tickets in the line of a server, or of a backend (in its area); readers too. */
struct shm_queue_view {
	uint32_t waiting, waiting_max, served, kept;
};
bool shm_queue_view(const struct shm_object *o, struct shm_queue_view *out);

/* --- master --------------------------------------------------------------------- */

/* Takes away what a dead process held; false: busy, try again. */
bool shm_queue_drop(struct shm *s, uint32_t slot);
/* Adoption: locks of processes that are gone. */
void shm_queue_bury(struct shm *s, bool (*is_alive)(void *arg, uint32_t tid), void *arg);

/* Checks the lines and numbers of a backend; problems are reported, their number
 * returned. While processes run, it looks until one look was undisturbed. */
int shm_queue_verify(const struct shm *s, const struct shm_object *backend,
		     void (*report)(void *arg, const char *text), void *arg);

#endif
