/* SPDX-License-Identifier: MIT */
#include "shm/mend.h"

#include "queue_fixture.h"
#include "shm/stick/stick.h"

enum { KINDS = 4, SEEDS = 8 };

/* Queues and a table. */
struct scene {
	struct farm m;
	struct stick_spec spec;
	struct shm_stick t;
};

static const uint64_t key = 7;

static void
scene_create(struct scene *x)
{
	struct fixture *f = &x->m.f;
	farm_create(&x->m);
	assert_true(
		stick_spec_read("integer size=100 store=conn_cnt,conn_cur", &x->spec));
	fixture_add(f, SHM_TABLE, "", "t", "one")->area_bytes = x->spec.bytes;
	f->g.ledger_n = 8;
	assert_int_equal(shm_grow(f->shm, &f->g, f->err), 0);
	shm_commit(f->shm, &f->g, 1);
	struct shm_object o = fixture_object(f, SHM_TABLE, "", "t");
	shm_stick_format(o.area, &x->spec);
	assert_true(shm_stick_init(&x->t, &x->spec, &o));
}

static void
scene_remove(struct scene *x)
{
	shm_stick_fini(&x->t);
	farm_remove(&x->m);
}

/* Takes a connection, a turn and a reference, and gives all back. */
static void
use(struct scene *x)
{
	struct shm *s = x->m.f.shm;
	struct shm_object web = fixture_object(&x->m.f, SHM_FRONTEND, "", "web");
	struct shm_stick_ref ref;
	uint32_t ticket = 0;
	assert_int_equal(shm_gauge_take(s, web.gauge, 10), SHM_TAKEN);
	shm_gauge_give(s, web.gauge);
	assert_int_equal(farm_enter(&x->m, &x->m.a, true, &ticket), SHM_QUEUE_GRANTED);
	farm_leave(&x->m, &x->m.a, ticket);
	assert_int_equal(shm_stick_update(s, &x->t, &key, clock_mono_ms(), NULL, 0,
					  SHM_STICK_CREATE | SHM_STICK_HOLD, &ref, NULL),
			 SHM_STICK_NEW);
	assert_int_equal(shm_stick_update_ref(s, &x->t, &ref, clock_mono_ms(), NULL, 0,
					      SHM_STICK_LEAVE, NULL),
			 SHM_STICK_OK);
}

static uint64_t
random_next(uint64_t *r)
{
	*r ^= *r << 13;
	*r ^= *r >> 7;
	*r ^= *r << 17;
	return *r;
}

static uint64_t
word_of(int kind, uint64_t *seed)
{
	uint64_t r = random_next(seed);
	switch (kind) {
	case 0:
		return r;
	case 1:
		return UINT64_MAX;
	case 2:
		return 0;
	default: /* small numbers: they pass for sizes and indices */
		return r & 7 ? 0 : (r >> 3 & 3) << (r >> 5 & 56);
	}
}

static void
scribble(void *from, uint64_t bytes, int kind, uint64_t *seed)
{
	for (uint64_t i = 0; i < bytes; i += 8) {
		uint64_t word = word_of(kind, seed);
		memcpy((unsigned char *)from + i, &word, 8);
	}
}

static void
damaged_objects_begin_anew_whatever_stands_there(void **state)
{
	(void)state;
	for (int i = 0; i < KINDS * SEEDS; i++) {
		struct scene x;
		uint64_t seed = 88172645463325252ULL + (uint64_t)i;
		scene_create(&x);
		struct shm *s = x.m.f.shm;
		struct shm_object app = fixture_object(&x.m.f, SHM_BACKEND, "", "app");
		struct shm_object t = fixture_object(&x.m.f, SHM_TABLE, "", "t");
		for (uint32_t at = 0; at < shm_objects_n(s); at++)
			scribble(shm_record(s, at), s->at.record_bytes, i % KINDS, &seed);
		scribble(app.area, app.area_bytes, i % KINDS, &seed);
		scribble((unsigned char *)t.area + STICK_HEAD_BYTES,
			 x.spec.bytes - STICK_HEAD_BYTES, i % KINDS, &seed);
		assert_true(shm_mend(s, UINT32_MAX, NULL, NULL) > 0);
		assert_int_equal(shm_mend(s, UINT32_MAX, NULL, NULL), 0);
		fixture_verify(&x.m.f);
		shm_renew(s, t.index); /* what adds up may still be nonsense */
		use(&x);
		scene_remove(&x);
	}
}

static void
what_is_well_stays_as_it_is(void **state)
{
	struct scene x;
	(void)state;
	scene_create(&x);
	struct shm *s = x.m.f.shm;
	struct shm_object web = fixture_object(&x.m.f, SHM_FRONTEND, "", "web");
	use(&x);
	assert_int_equal(shm_gauge_take(s, web.gauge, 10), SHM_TAKEN);
	assert_int_equal(shm_mend(s, UINT32_MAX, NULL, NULL), 0);
	assert_int_equal(shm_gauge_cur(web.gauge), 1);
	shm_gauge_give(s, web.gauge);
	scene_remove(&x);
}

static void
a_lock_whose_owner_does_not_exist_is_freed(void **state)
{
	struct scene x;
	(void)state;
	scene_create(&x);
	struct shm *s = x.m.f.shm;
	struct shm_object web = fixture_object(&x.m.f, SHM_FRONTEND, "", "web");
	atomic_store(&web.gauge->lock, 0x3ffffff0);
	assert_int_equal(shm_gauge_take(s, web.gauge, 10), SHM_BUSY);
	assert_int_equal(shm_mend(s, UINT32_MAX, NULL, NULL), 0);
	assert_int_equal(shm_gauge_take(s, web.gauge, 10), SHM_TAKEN);
	shm_gauge_give(s, web.gauge);
	scene_remove(&x);
}

static void
a_lock_that_claims_to_be_ours_is_inherited(void **state)
{
	struct scene x;
	(void)state;
	scene_create(&x);
	struct shm *s = x.m.f.shm;
	struct shm_object web = fixture_object(&x.m.f, SHM_FRONTEND, "", "web");
	atomic_store(&web.gauge->lock, s->lock.tid);
	assert_int_equal(shm_gauge_take(s, web.gauge, 10), SHM_TAKEN);
	shm_gauge_give(s, web.gauge);
	scene_remove(&x);
}

static void
die_inside(struct fixture *f, void *arg)
{
	(void)shm_lock_take(&f->shm->lock, arg);
	raise(SIGKILL);
}

static int64_t
section_of_a_death(struct scene *x, _Atomic uint32_t *lock)
{
	pid_t pid;
	uint32_t slot = fixture_fork(&x->m.f, SHM_ROLE_WORKER, 0, &pid, die_inside, lock);
	fixture_wait(pid);
	int64_t section = shm_slot_section(x->m.f.shm, slot);
	shm_slot_release(x->m.f.shm, slot);
	return section;
}

static void
a_death_inside_of_an_object_is_told_from_others(void **state)
{
	struct scene x;
	_Atomic uint32_t elsewhere = 0;
	(void)state;
	scene_create(&x);
	struct shm_object web = fixture_object(&x.m.f, SHM_FRONTEND, "", "web");
	struct shm_object app = fixture_object(&x.m.f, SHM_BACKEND, "", "app");
	struct shm_object t = fixture_object(&x.m.f, SHM_TABLE, "", "t");
	struct shm_queue_area *queue = app.area;
	unsigned char *bucket = (unsigned char *)t.area + STICK_HEAD_BYTES;
	assert_int_equal(section_of_a_death(&x, &web.gauge->lock), web.index);
	assert_int_equal(section_of_a_death(&x, &queue->undo.lock), app.index);
	assert_int_equal(section_of_a_death(&x, (void *)bucket), t.index);
	assert_int_equal(section_of_a_death(&x, &elsewhere), -1);
	use(&x);
	scene_remove(&x);
}

static void
a_renewed_table_is_empty_and_references_into_it_are_void(void **state)
{
	struct scene x;
	struct shm_stick_ref ref;
	(void)state;
	scene_create(&x);
	struct shm *s = x.m.f.shm;
	assert_int_equal(shm_stick_update(s, &x.t, &key, 1000, NULL, 0,
					  SHM_STICK_CREATE | SHM_STICK_HOLD, &ref, NULL),
			 SHM_STICK_NEW);
	shm_renew(s, x.t.table);
	assert_int_equal(
		shm_stick_update_ref(s, &x.t, &ref, 1000, NULL, 0, SHM_STICK_LEAVE, NULL),
		SHM_STICK_NONE);
	use(&x);
	scene_remove(&x);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(damaged_objects_begin_anew_whatever_stands_there),
		cmocka_unit_test(what_is_well_stays_as_it_is),
		cmocka_unit_test(a_lock_whose_owner_does_not_exist_is_freed),
		cmocka_unit_test(a_lock_that_claims_to_be_ours_is_inherited),
		cmocka_unit_test(a_death_inside_of_an_object_is_told_from_others),
		cmocka_unit_test(
			a_renewed_table_is_empty_and_references_into_it_are_void),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
