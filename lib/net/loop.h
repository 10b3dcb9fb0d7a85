/* SPDX-License-Identifier: MIT
 *
 * The event loop of a single-threaded process: epoll, timers, a run queue.
 *
 * Watches are plain fields inside the caller's objects. Connections use edge-triggered
 * watches, listeners level-triggered ones. Timers are lazy: moving a deadline further
 * away writes one field; the wheel looks again when the old time comes. The clock is
 * read once per round (net_loop_now_ms).
 */
#ifndef WEIR_NET_LOOP_H
#define WEIR_NET_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

#include "lib/base/list.h"
#include "lib/base/pool.h"

struct net_loop;

/* One descriptor in epoll. `ready` gets the epoll events; NULL: events are ignored. */
struct net_watch {
	void (*ready)(struct net_watch *w, uint32_t events);
	int fd; /* -1: none */
	bool is_registered;
	uint16_t pending_n; /* events of the current round that wait for dispatch */
};

struct net_timer {
	struct list node;
	uint64_t slot_ms;     /* when the wheel looks at it next */
	uint64_t deadline_ms; /* the truth; 0: none */
	void (*expired)(struct net_timer *t);
};

/* Something to go on with in the next round, without an event. */
struct net_task {
	struct list node;
	void (*run)(struct net_task *t);
};

/* Called around epoll_wait; the process's heartbeat, log flush and so on. Returns the
 * most milliseconds the loop may sleep (the loop takes less when a timer or task is
 * due). after_wait gets the fresh time. */
struct net_loop_hooks {
	uint64_t (*before_wait)(void *arg, uint64_t now_ms);
	void (*sleeping)(void *arg, uint64_t now_ms, uint64_t wake_at_ms);
	void (*after_wait)(void *arg, uint64_t now_ms);
	void *arg;
};

/* Call after fork. Aborts when epoll cannot be had. */
struct net_loop *net_loop_new(const struct net_loop_hooks *hooks);
void net_loop_free(struct net_loop **l);
/* Rounds until net_loop_stop(). */
void net_loop_run(struct net_loop *l);
void net_loop_stop(struct net_loop *l);
/* Milliseconds (monotonic) and microseconds of this round's clock reading. */
uint64_t net_loop_now_ms(const struct net_loop *l);
uint64_t net_loop_now_us(const struct net_loop *l);

/* Asks epoll again, without waiting, once max_steps events and tasks have been dispatched
 * since it was asked last: what has happened until then is known by pending_n, and
 * dispatched in this round. false: there may be more than could be asked for. */
bool net_loop_look(struct net_loop *l, uint32_t max_steps);
/* How often epoll has been asked. */
uint64_t net_loop_looks(const struct net_loop *l);

void net_watch_init(struct net_watch *w, int fd,
		    void (*ready)(struct net_watch *w, uint32_t events));
/* epoll_ctl ADD (or MOD when registered). events as for epoll, e.g. EPOLLIN | EPOLLET. */
void net_watch_set(struct net_loop *l, struct net_watch *w, uint32_t events);
/* epoll_ctl DEL if registered: needed before close() only for descriptors that other
 * processes share. */
void net_watch_remove(struct net_loop *l, struct net_watch *w);
/* Gives an object that holds watches back to its pool (or free() when pool is NULL) after
 * the current batch of events, so that a stale event never meets freed memory. Its
 * watches' `ready` must be NULL or remain callable until then. */
void net_loop_bury(struct net_loop *l, struct pool *pool, void *object);

void net_timer_init(struct net_timer *t, void (*expired)(struct net_timer *t));
/* Sets the deadline; 0 clears it (the node may stay in the wheel until its slot). */
void net_timer_set(struct net_loop *l, struct net_timer *t, uint64_t deadline_ms);
/* Takes it out of the wheel: before its memory goes away. */
void net_timer_remove(struct net_timer *t);

void net_task_init(struct net_task *t, void (*run)(struct net_task *t));
void net_task_schedule(struct net_loop *l, struct net_task *t);
void net_task_cancel(struct net_task *t);

#endif
