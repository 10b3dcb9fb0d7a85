/* SPDX-License-Identifier: MIT
 *
 * The one kind of lock in the region: a 32-bit robust futex word that holds its
 * owner's TID. The address is announced in list_op_pending of the process's own robust
 * list head before the compare-and-swap and withdrawn after the release, so the kernel
 * marks the word FUTEX_OWNER_DIED when the owner dies (before anybody can reap it).
 * Nobody sleeps on it: it is free within a few instructions, or BUSY.
 *
 * One lock at a time per process. Whoever gets HEIR repairs before anything else.
 */
#ifndef WEIR_SHM_LOCK_H
#define WEIR_SHM_LOCK_H

#include <linux/futex.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/must.h"
#include "shm/fault.h"

/* An owner that lives but does not run can't be robbed: try this long, then BUSY. */
enum { SHM_LOCK_SPIN_US = 50 };

/* In private memory of the process; the kernel reads `robust` at its death. */
struct shm_lock_self {
	struct robust_list_head robust;
	uint32_t tid;
	/* Where others see in which critical section this process is: offset of the lock
	 * from `base`; 0: in none. */
	_Atomic uint64_t *section;
	uintptr_t base;
	_Atomic uint64_t nowhere; /* `section` of who has no slot */
};

enum shm_lock { SHM_LOCK_TAKEN, SHM_LOCK_HEIR, SHM_LOCK_BUSY };

/* Registers the calling thread; again after every fork. Aborts on failure. `section` and
 * `base` are the caller's, afterwards. */
void shm_lock_register(struct shm_lock_self *self);
/* Before `self` is freed: the kernel is told of a list that stays. */
void shm_lock_unregister(struct shm_lock_self *self);
/* The slow path of shm_lock_take(). */
enum shm_lock shm_lock_wait(struct shm_lock_self *self, _Atomic uint32_t *word);
/* Adoption: marks the word as left behind when its owner is not a process that
 * `is_alive` knows (the kernel could not mark it: it crashed, or the list was gone). */
void shm_lock_bury(_Atomic uint32_t *word, bool (*is_alive)(void *arg, uint32_t tid),
		   void *arg);

/* The kernel reads the field when we die: the compiler must not move it. */
static inline void
shm_lock_announce(struct shm_lock_self *self, void *word)
{
	uint64_t off = word ? (uintptr_t)word - self->base : 0;
	atomic_store_explicit(self->section, off, memory_order_relaxed);
	atomic_signal_fence(memory_order_seq_cst);
	*(void *volatile *)&self->robust.list_op_pending = word;
	atomic_signal_fence(memory_order_seq_cst);
}

static inline enum shm_lock
shm_lock_take(struct shm_lock_self *self, _Atomic uint32_t *word)
{
	uint32_t expected = 0;
	must(self->robust.list_op_pending == NULL && self->tid != 0);
	shm_lock_announce(self, (void *)word);
	SHM_FAULT(lock_pending);
	if (__builtin_expect(!atomic_compare_exchange_strong_explicit(
				     word, &expected, self->tid, memory_order_acquire,
				     memory_order_relaxed),
			     0))
		return shm_lock_wait(self, word);
	SHM_FAULT(lock_taken);
	return SHM_LOCK_TAKEN;
}

static inline void
shm_lock_give(struct shm_lock_self *self, _Atomic uint32_t *word)
{
	atomic_store_explicit(word, 0, memory_order_release);
	SHM_FAULT(lock_released);
	shm_lock_announce(self, NULL);
}

#endif
