/* SPDX-License-Identifier: MIT
 *
 * Limits on connections, taken and given back, and those who wait for them. Worker. The
 * wake-up is a hint: who waits looks again by himself soon.
 */
#include "worker/limits.h"

#include <sys/eventfd.h>

#include "shm/fault.h"
#include "shm/throttle.h"

enum { LIMITS_RETRY_MS = 10 };

bool
limits_is_full(const struct shm_object *o)
{
	uint32_t limit = shm_object_maxconn(self.shm, o);
	return limit && shm_gauge_cur(o->gauge) >= limit;
}

/* --- per second -------------------------------------------------------------------- */

static uint32_t
rate_limit(const struct shm_object *o, enum shm_throttles what)
{
	return what == SHM_THROTTLE_SESSIONS ? shm_object_sess_rate_limit(self.shm, o)
					     : shm_object_rate_limit(self.shm, o);
}

static bool
take_rate(const struct shm_object *o, enum shm_throttles what, struct limits_stop *stop)
{
	uint32_t limit = rate_limit(o, what);
	_Atomic uint64_t *word = &o->throttles[what];
	if (!limit || shm_throttle_take(word, limit, now_ms()))
		return true;
	*stop = (struct limits_stop){NULL, shm_throttle_wait_ms(word, limit, now_ms())};
	return false;
}

static void
give_rate(const struct shm_object *o, enum shm_throttles what)
{
	if (rate_limit(o, what))
		shm_throttle_give(&o->throttles[what], now_ms());
}

/* maxconnrate, rate_limit sessions, maxsessrate. */
static bool
take_rates(const struct rt_listener *bind, struct limits_stop *stop)
{
	const struct shm_object *global = &self.global, *fe = &bind->fe->shm;
	if (!take_rate(global, SHM_THROTTLE_CONNECTIONS, stop))
		return false;
	if (take_rate(fe, SHM_THROTTLE_CONNECTIONS, stop)) {
		if (take_rate(global, SHM_THROTTLE_SESSIONS, stop))
			return true;
		give_rate(fe, SHM_THROTTLE_CONNECTIONS);
	}
	give_rate(global, SHM_THROTTLE_CONNECTIONS);
	return false;
}

void
limits_no_session(void)
{
	give_rate(&self.global, SHM_THROTTLE_SESSIONS);
}

/* --- at a time --------------------------------------------------------------------- */

static bool
take(const struct shm_object *o, struct limits_stop *stop)
{
	uint32_t limit = shm_object_maxconn(self.shm, o);
	enum shm_take got = shm_gauge_take(self.shm, o->gauge, limit);
	*stop = (struct limits_stop){got == SHM_FULL ? o : NULL, LIMITS_RETRY_MS};
	return got == SHM_TAKEN;
}

/* One of each. Looked at first, so that what is taken in vain does not show in a maximum.
 */
static bool
take_all(const struct rt_listener *bind, struct limits_stop *stop)
{
	const struct shm_object *const all[] = {&self.global, &bind->fe->shm, &bind->shm};
	enum { N = sizeof(all) / sizeof(all[0]) };
	for (int i = 0; i < N; i++) {
		if (!limits_is_full(all[i]))
			continue;
		*stop = (struct limits_stop){all[i], LIMITS_RETRY_MS};
		return false;
	}
	for (int i = 0; i < N; i++) {
		if (take(all[i], stop))
			continue;
		while (i-- > 0)
			shm_gauge_give(self.shm, all[i]->gauge);
		return false;
	}
	return true;
}

bool
limits_take(const struct rt_listener *bind, struct limits_stop *stop)
{
	if (!take_all(bind, stop))
		return false;
	if (take_rates(bind, stop))
		return true;
	limits_give(bind);
	return false;
}

/* --- those who wait ------------------------------------------------------------------
 */

static void
poke(uint32_t slot)
{
	shm_count(&self.global, SHM_GLOBAL_limit_wakes, 1);
	if (slot == self.in->net.slot)
		net_task_schedule(self.loop, &self.resume_task);
	else if (!shm_fault_is_mute())
		(void)eventfd_write(self.in->net.slot_eventfds[slot], 1);
}

static void
wake(const struct shm_object *o)
{
	if (__builtin_expect(shm_gauge_is_awaited(o->gauge), 0))
		shm_gauge_wake(self.shm, o->gauge, poke);
}

void
limits_give(const struct rt_listener *bind)
{
	shm_gauge_give(self.shm, bind->shm.gauge);
	shm_gauge_give(self.shm, bind->fe->shm.gauge);
	shm_gauge_give(self.shm, self.global.gauge);
	/* who looks now sees the room, or is seen waiting */
	atomic_thread_fence(memory_order_seq_cst);
	wake(&bind->shm);
	wake(&bind->fe->shm);
	wake(&self.global);
}

void
limits_give_back(const struct rt_listener *bind)
{
	give_rate(&self.global, SHM_THROTTLE_CONNECTIONS);
	give_rate(&bind->fe->shm, SHM_THROTTLE_CONNECTIONS);
	limits_no_session();
	limits_give(bind);
}

bool
limits_await(const struct shm_object *o)
{
	shm_gauge_await(self.shm, o->gauge);
	return limits_is_full(o);
}

void
limits_forgo(const struct shm_object *o)
{
	shm_gauge_forgo(self.shm, o->gauge);
}

void
limits_pass_on(const struct shm_object *o)
{
	if (!limits_is_full(o))
		wake(o);
}
