/* SPDX-License-Identifier: MIT
 *
 * Waiting for a gauge to fall: who is woken, in which order, and what becomes of the
 * wake-ups of those who are gone.
 */
#include "fixture.h"

static uint32_t poked[64];
static unsigned poked_n;

static void
poke(uint32_t slot)
{
	assert_true(poked_n < 64);
	poked[poked_n++] = slot;
}

/* A worker that has asked to be woken, and is ready or not. */
struct waiter {
	struct shm_gauge *g;
	enum shm_proc_state state;
};

static void
await(struct fixture *f, void *arg)
{
	const struct waiter *w = arg;
	shm_slot_set_state(f->shm, w->state);
	shm_gauge_await(f->shm, w->g);
	pause();
}

static uint32_t
start(struct fixture *f, uint32_t index, pid_t *pid, struct waiter w)
{
	uint32_t slot = fixture_fork(f, SHM_ROLE_WORKER, index, pid, await, &w);
	for (int i = 0; !(atomic_load(&w.g->awaited) & 1ULL << slot); i++) {
		assert_true(i < 5000);
		pause_ms(1);
	}
	return slot;
}

static void
end(struct fixture *f, pid_t pid, uint32_t slot)
{
	kill(pid, SIGKILL);
	fixture_wait(pid);
	shm_slot_release(f->shm, slot);
}

static void
wake(struct fixture *f, struct shm_gauge *g)
{
	poked_n = 0;
	shm_gauge_wake(f->shm, g, poke);
}

static struct shm_gauge *
create(struct fixture *f)
{
	fixture_create(f);
	f->g.workers_n = 3;
	assert_int_equal(shm_grow(f->shm, &f->g, f->err), 0);
	return fixture_object(f, SHM_FRONTEND, "", "web").gauge;
}

static void
those_who_wait_are_woken_one_by_one_in_turn(void **state)
{
	(void)state;
	enum { N = 3 };
	struct fixture f;
	pid_t pid[N];
	uint32_t slot[N];
	struct shm_gauge *g = create(&f);
	assert_false(shm_gauge_is_awaited(g));
	for (uint32_t i = 0; i < N; i++)
		slot[i] = start(&f, i, &pid[i], (struct waiter){g, SHM_PROC_READY});
	for (int i = 0; i < N; i++) {
		wake(&f, g);
		assert_int_equal(poked_n, 1);
		assert_int_equal(poked[0], slot[i]);
	}
	wake(&f, g);
	assert_int_equal(poked_n, 0);
	assert_false(shm_gauge_is_awaited(g));
	/* who was woken last waits behind the others */
	atomic_fetch_or(&g->awaited, 1ULL << slot[2] | 1ULL << slot[0]);
	wake(&f, g);
	assert_int_equal(poked[0], slot[0]);
	for (int i = 0; i < N; i++)
		end(&f, pid[i], slot[i]);
	fixture_remove(&f);
}

static void
a_wake_up_is_not_spent_on_who_is_gone_or_accepts_no_more(void **state)
{
	(void)state;
	struct fixture f;
	pid_t gone, drains, ready;
	struct shm_gauge *g = create(&f);
	uint32_t dead = start(&f, 0, &gone, (struct waiter){g, SHM_PROC_READY});
	uint32_t old = start(&f, 1, &drains, (struct waiter){g, SHM_PROC_DRAINING});
	uint32_t last = start(&f, 2, &ready, (struct waiter){g, SHM_PROC_READY});
	end(&f, gone, dead);
	wake(&f, g);
	assert_int_equal(poked_n, 1);
	assert_int_equal(poked[0], last);
	assert_false(shm_gauge_is_awaited(g));
	end(&f, drains, old);
	end(&f, ready, last);
	fixture_remove(&f);
}

static void
who_waits_no_more_is_not_woken(void **state)
{
	(void)state;
	struct fixture f;
	struct shm_gauge *g = create(&f);
	shm_gauge_await(f.shm, g);
	assert_true(shm_gauge_is_awaited(g));
	shm_gauge_forgo(f.shm, g);
	assert_false(shm_gauge_is_awaited(g));
	fixture_remove(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(those_who_wait_are_woken_one_by_one_in_turn),
		cmocka_unit_test(
			a_wake_up_is_not_spent_on_who_is_gone_or_accepts_no_more),
		cmocka_unit_test(who_waits_no_more_is_not_woken),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
