/* SPDX-License-Identifier: MIT
 *
 * Memory of the queues of a backend, for shm/queue*.c alone.
 */
#ifndef WEIR_SHM_QUEUE_AREA_H
#define WEIR_SHM_QUEUE_AREA_H

#include "shm/queue.h"
#include "shm/undo.h"

enum shm_ticket_state {
	SHM_TICKET_FREE,
	SHM_TICKET_WAITING,
	SHM_TICKET_GRANTED,
	SHM_TICKET_KEPT, /* an idle connection */
};

/* Places are given as index + 1, so that 0 is none. */
struct shm_ticket {
	_Atomic uint64_t state;	     /* slot of the owner << 8 | enum shm_ticket_state */
	_Atomic uint64_t key;	     /* waiting: its turn */
	_Atomic uint64_t next, prev; /* in its line, or among the free ones (next) */
	_Atomic uint64_t home;	     /* waiting: for that server alone; 0: any */
	_Atomic uint64_t server;     /* granted, kept: which */
	uint64_t reserved[2];
};
_Static_assert(sizeof(struct shm_ticket) == SHM_LINE, "one line per ticket");

struct shm_queue_area {
	struct shm_undo undo;
	_Atomic uint64_t clock;	 /* the last key that was drawn, without class */
	_Atomic uint64_t free;	 /* the first free ticket of those used before */
	_Atomic uint64_t used_n; /* tickets from here on were never used */
	uint64_t reserved;
	struct shm_line line; /* for any server */
	struct shm_ticket tickets[];
};
_Static_assert(sizeof(struct shm_queue_area) == 33 * SHM_LINE, "tickets start a line");

static inline uint64_t
ticket_word(uint32_t slot, enum shm_ticket_state state)
{
	return (uint64_t)slot << 8 | (uint64_t)state;
}

static inline enum shm_ticket_state
ticket_state(uint64_t word)
{
	return (enum shm_ticket_state)(word & 0xff);
}

static inline uint32_t
ticket_owner(uint64_t word)
{
	return (uint32_t)(word >> 8);
}

static inline uint32_t
tickets_in(uint64_t area_bytes)
{
	uint64_t head = sizeof(struct shm_queue_area);
	return area_bytes < head
		       ? 0
		       : (uint32_t)((area_bytes - head) / sizeof(struct shm_ticket));
}

#endif
