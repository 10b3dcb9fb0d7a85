/* SPDX-License-Identifier: MIT
 *
 * Robust futex words: registration and the slow path. Any process with the region
 * mapped for writing.
 */
#include "shm/lock.h"

#include <sys/syscall.h>
#include <unistd.h>

#include "lib/base/clock.h"

void
shm_lock_register(struct shm_lock_self *self)
{
	/* An empty list: only list_op_pending is used, so one lock at a time. */
	self->robust.list.next = &self->robust.list;
	self->robust.futex_offset = 0;
	self->robust.list_op_pending = NULL;
	self->section = &self->nowhere;
	self->tid = (uint32_t)syscall(SYS_gettid);
	must(syscall(SYS_set_robust_list, &self->robust, sizeof(self->robust)) == 0);
}

void
shm_lock_unregister(struct shm_lock_self *self)
{
	static struct robust_list_head none = {.list = {&none.list}};
	must(self->robust.list_op_pending == NULL);
	self->tid = 0;
	must(syscall(SYS_set_robust_list, &none, sizeof(none)) == 0);
}

static inline void
relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

/* A word without a TID is free, whatever else is in it: the mark of a dead owner, or
 * damage, which then is inherited like a death. So is our own TID: who comes here holds
 * nothing. */
enum shm_lock
shm_lock_wait(struct shm_lock_self *self, _Atomic uint32_t *word)
{
	uint64_t give_up_us = 0;
	for (unsigned tries = 1;; tries++) {
		uint32_t seen = atomic_load_explicit(word, memory_order_relaxed);
		uint32_t owner = seen & FUTEX_TID_MASK;
		if (owner == 0 || owner == self->tid) {
			if (!atomic_compare_exchange_strong_explicit(
				    word, &seen, self->tid, memory_order_acquire,
				    memory_order_relaxed))
				continue;
			SHM_FAULT(lock_taken);
			return seen == 0 ? SHM_LOCK_TAKEN : SHM_LOCK_HEIR;
		}
		relax();
		if (tries % 32 != 0)
			continue;
		uint64_t now_us = clock_mono_us();
		if (give_up_us == 0)
			give_up_us = now_us + SHM_LOCK_SPIN_US;
		else if (now_us >= give_up_us)
			break;
	}
	shm_lock_announce(self, NULL);
	return SHM_LOCK_BUSY;
}

void
shm_lock_bury(_Atomic uint32_t *word, bool (*is_alive)(void *arg, uint32_t tid),
	      void *arg)
{
	uint32_t seen = atomic_load_explicit(word, memory_order_acquire);
	uint32_t tid = seen & FUTEX_TID_MASK;
	if (tid == 0 || is_alive(arg, tid))
		return;
	atomic_compare_exchange_strong(word, &seen, FUTEX_OWNER_DIED);
}
