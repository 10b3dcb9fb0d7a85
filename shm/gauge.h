/* SPDX-License-Identifier: MIT
 *
 * Gauges that decide: how many connections an object has now, over all workers,
 * with held[slot] telling how many of them each process holds. Both change under
 * the object's robust lock with an undo record, so that a process killed at any
 * instruction leaves cur == sum of held.
 *
 * A lock that is busy for 50 us (its owner lives but does not run) never blocks a
 * caller: take with a limit answers BUSY, everything else is remembered in the
 * process and applied by shm_gauge_settle().
 */
#ifndef WEIR_SHM_GAUGE_H
#define WEIR_SHM_GAUGE_H

#include "shm/object.h"

enum shm_take { SHM_TAKEN, SHM_FULL, SHM_BUSY };

/* Takes one of at most `limit` (0: no limit; then it always succeeds). */
enum shm_take shm_gauge_take(struct shm *s, struct shm_gauge *g, uint32_t limit);
/* Gives one back. Never fails. */
void shm_gauge_give(struct shm *s, struct shm_gauge *g);
/* This process waits until the gauge falls (it has found it full, and looks again after
 * this). */
void shm_gauge_await(struct shm *s, struct shm_gauge *g);
/* It does not any more. */
void shm_gauge_forgo(struct shm *s, struct shm_gauge *g);
/* Somebody does. */
bool shm_gauge_is_awaited(const struct shm_gauge *g);
/* Pokes the worker whose turn it is among those who wait, once. */
void shm_gauge_wake(struct shm *s, struct shm_gauge *g, void (*poke)(uint32_t slot));
/* Applies what could not be applied at once; true when nothing is left. Called by
 * the event loop while shm_gauge_is_unsettled(). In the master that includes slots
 * that could not be released, and orphans of the master before (until they end). */
bool shm_gauge_settle(struct shm *s);
bool shm_gauge_is_unsettled(const struct shm *s);
/* Lock-free reads. */
uint32_t shm_gauge_cur(const struct shm_gauge *g);
uint32_t shm_gauge_max(const struct shm_gauge *g);

#endif
