/* SPDX-License-Identifier: MIT
 *
 * Process slots. The identity (pid, start time, epoch, role) is written by the
 * master on pages the others cannot write; heartbeat, state and mailbox are written
 * by the process itself.
 */
#ifndef WEIR_SHM_SLOTS_H
#define WEIR_SHM_SLOTS_H

#include "shm/region.h"

enum shm_proc_state {
	SHM_PROC_FREE,
	SHM_PROC_STARTING,
	SHM_PROC_READY,
	SHM_PROC_DRAINING,
};

enum shm_mail {
	/* to a worker: stop accepting, finish, exit (also by SIGUSR1 of old); believed
	 * when its generation is over */
	SHM_MAIL_DRAIN = 1 << 0,
	SHM_MAIL_WAKE = 1 << 1,
	SHM_MAIL_REOPEN = 1 << 3, /* to control: reopen log files */
	SHM_MAIL_ASKED = 1 << 5,  /* to control: the statistics page was used (ask.h) */
	SHM_MAIL_KILL = 1 << 4,	  /* to workers: connections shall end (sessions.h) */
};

/* The master's own slot. */
enum { SHM_SLOT_MASTER = 0 };

struct shm_slot_view {
	uint32_t slot, pid, index; /* index: worker number 0.. */
	enum shm_role role;
	enum shm_proc_state state;
	uint64_t generation, epoch,
		start_time; /* start_time: clock ticks, /proc/PID/stat */
	uint64_t started_wall_s;
	uint64_t heartbeat_ms; /* CLOCK_MONOTONIC of the last beat */
	uint64_t wake_at_ms;   /* in epoll_wait until then at most; 0: running */
	uint64_t leave_at_ms;  /* draining: CLOCK_MONOTONIC when it gives up; 0: never */
	uint32_t conns;	       /* client connections held */
	uint32_t waiting[4];   /* draining: idle, active, tunnels, other (for procs) */
};

/* Master. Reserves a free slot; -1: none. */
int shm_slot_reserve(struct shm *s, enum shm_role role, uint32_t index,
		     uint64_t generation);
/* Master. Completes the identity after fork. With SHM_SLOT_MASTER: a master that has
 * become another process (fork to the background) says so. */
void shm_slot_identify(struct shm *s, uint32_t slot, uint32_t pid);
/* Master, after the process is reaped: gives its ledgers back and frees the slot. A
 * busy gauge keeps the slot taken until shm_gauge_settle() gets through. */
void shm_slot_release(struct shm *s, uint32_t slot);
/* Master, after adoption: the process of that slot lives, and whoever calls this will see
 * its end; from now on the slot is like one of a child. */
void shm_slot_claim(struct shm *s, uint32_t slot);
/* Master: who holds a role that only one process may hold (checker, control). */
void shm_lease_grant(struct shm *s, enum shm_role role, uint32_t slot);
/* The slot that holds it, -1: no living process does. */
int shm_lease_holder(const struct shm *s, enum shm_role role);
bool shm_lease_is_mine(const struct shm *s, enum shm_role role);
/* Anybody: sets mailbox bits; the eventfd of the slot is the caller's business. */
void shm_slot_mail(struct shm *s, uint32_t slot, uint32_t bits);
/* The same to every worker, of whatever generation; poke() writes an eventfd. */
void shm_slots_mail_workers(struct shm *s, uint32_t bits, void (*poke)(uint32_t slot));

/* The process itself. */
void shm_slot_set_state(struct shm *s, enum shm_proc_state state);
uint32_t shm_slot_take_mail(struct shm *s);
/* Draining begins; whoever is still connected then is closed. 0: never. */
void shm_slot_drain(struct shm *s, uint64_t leave_at_ms);
void shm_slot_beat(struct shm *s, uint64_t now_ms);
void shm_slot_wait(struct shm *s, uint64_t now_ms, uint64_t wake_at_ms);
void shm_slot_report(struct shm *s, uint32_t conns, const uint32_t waiting[4]);

/* Anybody. false: the slot is free. */
bool shm_slot_view(const struct shm *s, uint32_t slot, struct shm_slot_view *out);
/* Whether the very process of that slot runs. */
bool shm_slot_is_alive(const struct shm *s, uint32_t slot);
uint32_t shm_slots_n(const struct shm *s);
/* The slot of the ready worker with that index in the newest generation, -1: none. */
int shm_slot_of_worker(const struct shm *s, uint32_t index);
/* Dead, or not waiting with a heartbeat older than stale_ms, or waiting and
 * stale_ms past its wake time. */
bool shm_slot_is_stale(const struct shm *s, uint32_t slot, uint64_t now_ms,
		       uint64_t stale_ms);

#endif
