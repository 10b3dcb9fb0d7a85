/* SPDX-License-Identifier: MIT
 *
 * Stick tables over processes that are killed or stopped at any point: entries are as
 * before or after a change, references are those of the ledgers.
 */
#include "../stick_fixture.h"

#include <pthread.h>
#include <sys/mman.h>

enum { KEYS_N = 6, HELD_MAX = 8 };
static const char spec[] = "integer size=10 expire=0 store=conn_cnt,conn_cur,gpc0";

/* What the processes of a test have done, shared by them. */
struct done {
	_Atomic uint64_t updates;
};

struct work {
	struct table *x;
	struct done *done;
	unsigned rounds; /* 0: forever */
	enum shm_fault_point point;
	unsigned nth; /* 0: nothing is armed */
	bool is_stop;
};

/* What a process holds. */
struct hands {
	struct shm_stick_ref held[HELD_MAX];
	unsigned n;
};

static void
let_go(struct table *x, struct shm *shm, struct hands *h)
{
	struct shm_stick_op down = {value_of(x, STICK_conn_cur), SHM_STICK_TAKE_AWAY, 1};
	struct shm_stick_ref *ref = &h->held[h->n - 1];
	if (shm_stick_update_ref(shm, &x->t, ref, 1000, &down, 1, SHM_STICK_LEAVE,
				 NULL) != SHM_STICK_BUSY)
		h->n--;
}

static void
hammer(struct fixture *f, void *arg)
{
	const struct work *w = arg;
	struct table *x = w->x;
	struct hands h = {.n = 0};
	struct shm_stick_op up[] = {add(x, STICK_conn_cnt, 1), add(x, STICK_conn_cur, 1)};
	uint32_t rnd = (uint32_t)getpid() * 2654435761U | 1;
#ifdef WEIR_FAULTS
	if (w->nth)
		shm_fault_arm(w->point, w->nth,
			      w->is_stop ? SHM_FAULT_STOP : SHM_FAULT_KILL);
#endif
	for (unsigned i = 0; w->rounds == 0 || i < w->rounds; i++) {
		uint32_t key = (rnd = rnd * 1664525U + 1013904223U) >> 16;
		key %= KEYS_N;
		if (h.n == HELD_MAX || (h.n && rnd >> 31)) {
			let_go(x, f->shm, &h);
			continue;
		}
		enum shm_stick_result r = shm_stick_update(
			f->shm, &x->t, &key, 1000, up, 2,
			SHM_STICK_CREATE | SHM_STICK_HOLD, &h.held[h.n], NULL);
		assert_true(r == SHM_STICK_OK || r == SHM_STICK_NEW ||
			    r == SHM_STICK_BUSY);
		if (r == SHM_STICK_BUSY)
			continue;
		h.n++;
		atomic_fetch_add(&w->done->updates, 1);
	}
	while (h.n)
		let_go(x, f->shm, &h);
}

static struct done *
done_new(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		       0);
	assert_true(p != MAP_FAILED);
	return p;
}

static void
release_until_settled(struct table *x, uint32_t slot)
{
	shm_slot_release(x->f.shm, slot);
	for (int i = 0; !shm_gauge_settle(x->f.shm); i++) {
		assert_true(i < 5000);
		pause_ms(1);
	}
}

/* Nobody holds anything; the counts are those that were made, and at most `lost` more:
 * done and not noted. */
static void
assert_clean(struct table *x, const struct done *done, unsigned lost)
{
	struct shm_stick_view view;
	uint64_t at = 0, sum = 0;
	enum shm_stick_result r;
	while ((r = shm_stick_each(&x->t, &at, 1000, &view)) != SHM_STICK_NONE) {
		assert_int_equal(r, SHM_STICK_OK);
		assert_int_equal(view.refs, 0);
		assert_int_equal(view.values[value_of(x, STICK_conn_cur)], 0);
		sum += view.values[value_of(x, STICK_conn_cnt)];
	}
	assert_in_range(sum, done->updates, done->updates + lost);
}

static void
kills_at_random_instants_leave_the_references_exact(void **state)
{
	(void)state;
	enum { N = 3, KILLS = 60 };
	struct table x;
	struct done *done = done_new();
	pid_t pid[N];
	uint32_t slot[N];
	table_create(&x, spec, HELD_MAX + 2);
	x.f.g.workers_n = N;
	assert_int_equal(shm_grow(x.f.shm, &x.f.g, x.f.err), 0);
	struct work w = {.x = &x, .done = done};
	for (uint32_t i = 0; i < N; i++)
		slot[i] = fixture_fork(&x.f, SHM_ROLE_WORKER, i, &pid[i], hammer, &w);
	for (uint32_t k = 0; k < KILLS; k++) {
		uint32_t i = k % N;
		pause_ms(k % 3);
		kill(pid[i], SIGKILL);
		fixture_wait(pid[i]);
		release_until_settled(&x, slot[i]);
		fixture_verify(&x.f);
		slot[i] = fixture_fork(&x.f, SHM_ROLE_WORKER, i, &pid[i], hammer, &w);
	}
	for (uint32_t i = 0; i < N; i++) {
		kill(pid[i], SIGKILL);
		fixture_wait(pid[i]);
	}
	for (uint32_t i = 0; i < N; i++)
		release_until_settled(&x, slot[i]);
	assert_clean(&x, done, KILLS + N);
	table_remove(&x);
	munmap(done, 4096);
}

#ifdef WEIR_FAULTS

static const enum shm_fault_point points[] = {
	SHM_FAULT_lock_pending, SHM_FAULT_lock_taken, SHM_FAULT_lock_released,
	SHM_FAULT_stick_undo,	SHM_FAULT_stick_odd,  SHM_FAULT_stick_entry,
	SHM_FAULT_stick_tag,	SHM_FAULT_stick_even, SHM_FAULT_ledger_where,
	SHM_FAULT_stick_ledger,
};
enum { POINTS_N = sizeof(points) / sizeof(points[0]) };

static void
a_kill_at_every_point_is_repaired_while_two_others_hammer_the_bucket(void **state)
{
	(void)state;
	for (int p = 0; p < POINTS_N; p++) {
		for (unsigned nth = 1; nth <= 6; nth++) {
			struct table x;
			struct done *done = done_new();
			pid_t pid[3];
			uint32_t slot[3];
			table_create(&x, spec, HELD_MAX + 2);
			x.f.g.workers_n = 3;
			assert_int_equal(shm_grow(x.f.shm, &x.f.g, x.f.err), 0);
			struct work other = {.x = &x, .done = done, .rounds = 2000};
			struct work victim = {
				.x = &x, .done = done, .point = points[p], .nth = nth};
			for (uint32_t i = 0; i < 3; i++)
				slot[i] = fixture_fork(&x.f, SHM_ROLE_WORKER, i, &pid[i],
						       hammer, i ? &other : &victim);
			assert_true(WIFSIGNALED(fixture_wait(pid[0])));
			release_until_settled(&x, slot[0]);
			for (uint32_t i = 1; i < 3; i++) {
				assert_int_equal(fixture_wait(pid[i]), 0);
				release_until_settled(&x, slot[i]);
			}
			assert_clean(&x, done, 1);
			table_remove(&x);
			munmap(done, 4096);
		}
	}
}

/* No other process comes by: the master finds the place by the dead one's note. */
static void
an_undone_release_does_not_come_back_after_the_master_has_looked(void **state)
{
	(void)state;
	static const enum shm_fault_point firsts[] = {
		SHM_FAULT_stick_odd, SHM_FAULT_stick_entry, SHM_FAULT_stick_tag,
		SHM_FAULT_ledger_where, SHM_FAULT_stick_ledger};
	static const enum shm_fault_point heirs[] = {
		SHM_FAULT_lock_taken, SHM_FAULT_stick_repair_entry,
		SHM_FAULT_stick_repair_tag, SHM_FAULT_stick_repair_ledger,
		SHM_FAULT_stick_even};
	for (size_t a = 0; a < sizeof(firsts) / sizeof(firsts[0]); a++) {
		for (size_t b = 0; b <= sizeof(heirs) / sizeof(heirs[0]); b++) {
			for (unsigned nth = 1; nth <= 4; nth++) {
				struct table x;
				struct done *done = done_new();
				pid_t pid[2];
				uint32_t slot[2];
				bool has_heir = b < sizeof(heirs) / sizeof(heirs[0]);
				table_create(&x, spec, HELD_MAX + 2);
				struct work w = {.x = &x,
						 .done = done,
						 .point = firsts[a],
						 .nth = nth};
				slot[0] = fixture_fork(&x.f, SHM_ROLE_WORKER, 0, &pid[0],
						       hammer, &w);
				assert_true(WIFSIGNALED(fixture_wait(pid[0])));
				if (has_heir) {
					w.point = heirs[b];
					w.nth = 1;
					slot[1] = fixture_fork(&x.f, SHM_ROLE_WORKER, 1,
							       &pid[1], hammer, &w);
					assert_true(WIFSIGNALED(fixture_wait(pid[1])));
				}
				release_until_settled(&x, slot[0]);
				if (has_heir)
					release_until_settled(&x, slot[1]);
				uint32_t key =
					0; /* whoever comes next inherits nothing */
				shm_stick_update(x.f.shm, &x.t, &key, 1000, NULL, 0, 0,
						 NULL, NULL);
				assert_clean(&x, done, 2);
				table_remove(&x);
				munmap(done, 4096);
			}
		}
	}
}

static void
a_stopped_owner_means_busy_and_what_it_did_counts_when_it_goes_on(void **state)
{
	(void)state;
	struct table x;
	struct done *done = done_new();
	pid_t pid;
	int status;
	table_create(&x, "integer size=10 expire=0 store=conn_cnt,conn_cur", 20);
	struct work w = {.x = &x,
			 .done = done,
			 .rounds = 40,
			 .point = SHM_FAULT_stick_entry,
			 .nth = 3,
			 .is_stop = true};
	uint32_t slot = fixture_fork(&x.f, SHM_ROLE_WORKER, 0, &pid, hammer, &w);
	assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
	assert_true(WIFSTOPPED(status));
	uint64_t start_us = clock_mono_us();
	struct shm_stick_view view;
	uint32_t key = 1;
	for (int i = 0; i < 10; i++) {
		assert_int_equal(shm_stick_update(x.f.shm, &x.t, &key, 1000, NULL, 0,
						  SHM_STICK_CREATE, NULL, NULL),
				 SHM_STICK_BUSY);
		(void)shm_stick_read(&x.t, &key, 1000, &view);
	}
	assert_true(clock_mono_us() - start_us < 100000);
	kill(pid, SIGCONT);
	assert_int_equal(fixture_wait(pid), 0);
	shm_slot_release(x.f.shm, slot);
	assert_clean(&x, done, 0);
	table_remove(&x);
	munmap(done, 4096);
}
#endif

/* --- threads: the same code where ThreadSanitizer can see it ---------------------------
 */

struct thread {
	struct table x; /* its own handles, as a process has */
	struct shm shm;
	struct done *done;
	pthread_t id;
	struct work work;
};

static void *
thread_hammer(void *arg)
{
	struct thread *t = arg;
	shm_lock_register(&t->shm.lock);
	hammer(&t->x.f, &t->work);
	shm_lock_unregister(&t->shm.lock);
	return NULL;
}

/* References and conn_cur change together. */
static void *
thread_read(void *arg)
{
	struct thread *t = arg;
	for (unsigned i = 0; i < t->work.rounds; i++) {
		struct shm_stick_view view;
		uint32_t key = i % KEYS_N;
		if (shm_stick_read(&t->x.t, &key, 1000, &view) == SHM_STICK_OK &&
		    (memcmp(view.key, &key, 4) != 0 ||
		     view.refs != view.values[value_of(&t->x, STICK_conn_cur)]))
			return arg;
	}
	return NULL;
}

static void
threads_share_a_bucket_while_a_reader_sees_only_whole_entries(void **state)
{
	(void)state;
	enum { N = 3 };
	static struct thread t[N];
	struct table x;
	struct done done = {0};
	table_create(&x, spec, HELD_MAX + 2);
	for (uint32_t i = 0; i < N; i++) {
		t[i].x = x;
		t[i].shm = *x.f.shm;
		t[i].shm.slot = 10 + i;
		t[i].x.t.scratch = malloc(x.spec.entry_bytes);
		t[i].x.f.shm = &t[i].shm;
		t[i].work = (struct work){.x = &t[i].x, .done = &done, .rounds = 20000};
		assert_int_equal(pthread_create(&t[i].id, NULL,
						i ? thread_hammer : thread_read, &t[i]),
				 0);
	}
	for (uint32_t i = 0; i < N; i++) {
		void *bad = NULL;
		pthread_join(t[i].id, &bad);
		assert_null(bad);
		free(t[i].x.t.scratch);
		free(t[i].shm.ledger_free);
	}
	assert_clean(&x, &done, 0);
	table_remove(&x);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kills_at_random_instants_leave_the_references_exact),
#ifdef WEIR_FAULTS
		cmocka_unit_test(
			a_kill_at_every_point_is_repaired_while_two_others_hammer_the_bucket),
		cmocka_unit_test(
			an_undone_release_does_not_come_back_after_the_master_has_looked),
		cmocka_unit_test(
			a_stopped_owner_means_busy_and_what_it_did_counts_when_it_goes_on),
#endif
		cmocka_unit_test(
			threads_share_a_bucket_while_a_reader_sees_only_whole_entries),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
