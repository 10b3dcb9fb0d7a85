/* SPDX-License-Identifier: MIT
 *
 * Cells: values of all processes are whole, whoever writes them and is killed meanwhile.
 */
#include "shm/cells.h"

#include "fixture.h"

static struct shm_cell *cells;

/* A value that tells whether it is whole. */
static struct shm_cell_value
value_of(uint32_t k)
{
	struct shm_cell_value v = {.tag = k % 200 + 1, .n = k % SHM_CELL_BYTES};
	memset(v.bytes, (int)v.tag, sizeof(v.bytes));
	return v;
}

static void
assert_whole(const struct shm_cell_value *v)
{
	for (size_t i = 0; i < v->n; i++)
		assert_int_equal((unsigned char)v->bytes[i], v->tag);
}

static void
write_forever(struct fixture *f, void *arg)
{
	(void)arg;
	for (uint32_t k = 0;; k++) {
		struct shm_cell_value v = value_of(k);
		(void)shm_cell_set(f->shm, cells, 0, v.tag, v.bytes, v.n);
	}
}

static void
a_cell_keeps_what_was_set_last(void **state)
{
	(void)state;
	struct fixture f;
	struct shm_cell_value v = value_of(7), seen;
	fixture_create(&f);
	cells = shm_cells_new(2);
	shm_cell_get(cells, 1, &seen);
	assert_int_equal(seen.tag, 0);
	for (int i = 0; i < 3; i++) {
		v = value_of(7 + (uint32_t)i);
		assert_true(shm_cell_set(f.shm, cells, 1, v.tag, v.bytes, v.n));
		shm_cell_get(cells, 1, &seen);
		assert_int_equal(seen.tag, v.tag);
		assert_int_equal(seen.n, v.n);
		assert_memory_equal(seen.bytes, v.bytes, v.n);
		assert_false(
			shm_cell_set(f.shm, cells, 1, 1, v.bytes, SHM_CELL_BYTES + 1));
	}
	shm_cell_get(cells, 0, &seen);
	assert_int_equal(seen.tag, 0);
	shm_cells_free(&cells, 2);
	fixture_remove(&f);
}

static void
values_stay_whole_while_their_writers_are_killed(void **state)
{
	(void)state;
	enum { N = 2, KILLS = 20, READS = 2000 };
	struct fixture f;
	pid_t pid[N];
	uint32_t slot[N];
	struct shm_cell_value v = value_of(1);
	fixture_create(&f);
	f.g.workers_n = N;
	assert_int_equal(shm_grow(f.shm, &f.g, f.err), 0);
	cells = shm_cells_new(1);
	assert_true(shm_cell_set(f.shm, cells, 0, v.tag, v.bytes, v.n));
	for (uint32_t i = 0; i < N; i++)
		slot[i] = fixture_fork(&f, SHM_ROLE_WORKER, i, &pid[i], write_forever,
				       NULL);
	for (uint32_t k = 0; k < KILLS; k++) {
		uint32_t i = k % N;
		for (int r = 0; r < READS; r++) {
			shm_cell_get(cells, 0, &v);
			assert_whole(&v);
		}
		kill(pid[i], SIGKILL);
		fixture_wait(pid[i]);
		shm_slot_release(f.shm, slot[i]);
		slot[i] = fixture_fork(&f, SHM_ROLE_WORKER, i, &pid[i], write_forever,
				       NULL);
	}
	for (uint32_t i = 0; i < N; i++) {
		kill(pid[i], SIGKILL);
		fixture_wait(pid[i]);
	}
	v = value_of(3);
	assert_true(shm_cell_set(f.shm, cells, 0, v.tag, v.bytes, v.n));
	shm_cells_free(&cells, 1);
	fixture_remove(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cell_keeps_what_was_set_last),
		cmocka_unit_test(values_stay_whole_while_their_writers_are_killed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
