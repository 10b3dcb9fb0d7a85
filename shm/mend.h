/* SPDX-License-Identifier: MIT
 *
 * Damage must not outlive its cause: objects whose writable part cannot be what it is,
 * or that kill who uses them, are made new. Master.
 */
#ifndef WEIR_SHM_MEND_H
#define WEIR_SHM_MEND_H

#include "shm/region.h"

/* Told of each object that was damaged, and how. */
typedef void shm_mend_told(void *arg, const struct shm_facts *facts, const char *how);

/* After the process of slot `dead` crashed (or nobody's: UINT32_MAX): locks of owners
 * that do not exist are freed, objects that are damaged renewed. Returns how many were.
 * What is looked at first costs a few microseconds per hundred objects; queues and tables
 * only when there is a reason. */
unsigned shm_mend(struct shm *s, uint32_t dead, shm_mend_told *told, void *arg);

/* The object is as on its first day, but for its counters: nobody holds anything, its
 * queue or table is empty, what was set by hand is gone. */
void shm_renew(struct shm *s, uint32_t index);

/* In whose critical section the process of that slot is, or died: index of an object;
 * -1: in none. */
int64_t shm_slot_section(const struct shm *s, uint32_t slot);

#endif
