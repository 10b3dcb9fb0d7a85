/* SPDX-License-Identifier: MIT
 *
 * Counters: lanes, sums, descriptions, other builds' tables.
 */
#include "fixture.h"

static void
count_some(struct fixture *f, void *arg)
{
	uint32_t n = *(const uint32_t *)arg;
	struct shm_object web = fixture_object(f, SHM_FRONTEND, "", "web");
	struct shm_object a = fixture_object(f, SHM_SERVER, "app", "a");
	for (uint32_t i = 0; i < n; i++) {
		shm_count(&web, SHM_FRONTEND_stot, 1);
		shm_count(&a, SHM_SERVER_bin, 10);
	}
}

static void
totals_are_the_sum_over_lanes_and_generations(void **state)
{
	(void)state;
	static const uint32_t workers[] = {1, 2, 8};
	for (int w = 0; w < 3; w++) {
		struct fixture f;
		fixture_create(&f);
		f.g.workers_n = workers[w];
		assert_int_equal(shm_grow(f.shm, &f.g, f.err), 0);
		/* two generations share the lanes; checker and control have theirs */
		pid_t pid[18];
		uint32_t n = 1000, pids_n = 0;
		for (uint32_t i = 0; i < workers[w] * 2; i++)
			fixture_fork(&f, SHM_ROLE_WORKER, i % workers[w], &pid[pids_n++],
				     count_some, &n);
		fixture_fork(&f, SHM_ROLE_CHECKER, 0, &pid[pids_n++], count_some, &n);
		fixture_fork(&f, SHM_ROLE_CONTROL, 0, &pid[pids_n++], count_some, &n);
		for (uint32_t i = 0; i < pids_n; i++)
			assert_int_equal(fixture_wait(pid[i]), 0);
		struct shm_object web = fixture_object(&f, SHM_FRONTEND, "", "web");
		struct shm_object a = fixture_object(&f, SHM_SERVER, "app", "a");
		struct shm_object b = fixture_object(&f, SHM_SERVER, "app", "b");
		shm_count(&web, SHM_FRONTEND_stot, 1); /* the master's own */
		assert_int_equal(shm_total(f.shm, &web, SHM_FRONTEND_stot),
				 pids_n * 1000 + 1);
		assert_int_equal(shm_total(f.shm, &a, SHM_SERVER_bin), pids_n * 10000);
		assert_int_equal(shm_total(f.shm, &b, SHM_SERVER_bin), 0);
		assert_int_equal(shm_total(f.shm, &web, SHM_FRONTEND_bin), 0);
		fixture_remove(&f);
	}
}

static void
counters_describe_themselves_in_the_region(void **state)
{
	(void)state;
	struct fixture f;
	struct shm_counter_desc d;
	fixture_create(&f);
	assert_int_equal(shm_counters_n(f.shm, SHM_SERVER), SHM_SERVER_COUNTERS_N);
	assert_int_equal(shm_counters_n(f.shm, SHM_GLOBAL), SHM_GLOBAL_COUNTERS_N);
	assert_true(shm_counter_desc(f.shm, SHM_SERVER, SHM_SERVER_downtime, &d));
	assert_string_equal(d.name, "downtime");
	assert_string_equal(d.unit, "s");
	assert_true(strlen(d.help) > 10);
	assert_false(shm_counter_desc(f.shm, SHM_SERVER, SHM_SERVER_COUNTERS_N, &d));
	assert_int_equal(shm_counter_index(f.shm, SHM_BACKEND, "hrsp_5xx"),
			 SHM_BACKEND_hrsp_5xx);
	assert_int_equal(shm_counter_index(f.shm, SHM_LISTENER, "hrsp_5xx"), -1);
	for (unsigned k = 0; k < SHM_KINDS_N; k++)
		for (uint32_t i = 0; shm_counter_desc(f.shm, (enum shm_kind)k, i, &d);
		     i++)
			assert_int_equal(
				shm_counter_index(f.shm, (enum shm_kind)k, d.name), i);
	fixture_remove(&f);
}

static void
a_shorter_table_is_appended_to_and_a_longer_one_is_left(void **state)
{
	(void)state;
	struct fixture f;
	fixture_create(&f);
	struct shm_object a = fixture_object(&f, SHM_SERVER, "app", "a");
	shm_count(&a, SHM_SERVER_stot, 3);
	/* an older build knew fewer, a newer one more */
	shm_header(f.shm)->counters_n[SHM_SERVER] = 5;
	strcpy(shm_desc(f.shm, SHM_FRONTEND, SHM_FRONTEND_COUNTERS_N)->name, "tomorrow");
	shm_header(f.shm)->counters_n[SHM_FRONTEND] = SHM_FRONTEND_COUNTERS_N + 1;
	shm_mark_stopped(f.shm);
	shm_close(&f.shm);
	assert_true(fixture_open(&f, false));
	assert_int_equal(shm_counters_n(f.shm, SHM_SERVER), SHM_SERVER_COUNTERS_N);
	assert_int_equal(shm_counter_index(f.shm, SHM_FRONTEND, "tomorrow"),
			 SHM_FRONTEND_COUNTERS_N);
	assert_int_equal(shm_total(f.shm, &a, SHM_SERVER_stot), 3);
	fixture_remove(&f);
}

static void
another_table_is_refused_by_name(void **state)
{
	(void)state;
	struct fixture f;
	fixture_create(&f);
	strcpy(shm_desc(f.shm, SHM_SERVER, 2)->name, "bananas");
	shm_close(&f.shm);
	fixture_open(&f, false);
	assert_null(f.shm);
	assert_non_null(strstr(f.err, "bananas"));
	assert_non_null(strstr(f.err, "--fresh-shm"));
	fixture_remove(&f);
}

static void
a_counter_out_of_range_reads_as_zero(void **state)
{
	(void)state;
	struct fixture f;
	fixture_create(&f);
	struct shm_object o = {.index = UINT32_MAX};
	assert_int_equal(shm_total(f.shm, &o, 0), 0);
	o.index = 0;
	assert_int_equal(shm_total(f.shm, &o, 100000), 0);
	fixture_remove(&f);
}

static void
the_manual_lists_every_counter(void **state)
{
	(void)state;
	char *text;
	size_t bytes;
	FILE *out = open_memstream(&text, &bytes);
	shm_counters_markdown(out);
	fclose(out);
	unsigned rows = 0;
	for (char *p = text; (p = strstr(p, "\n| `")); p++)
		rows++;
	assert_int_equal(rows, SHM_GLOBAL_COUNTERS_N + SHM_FRONTEND_COUNTERS_N +
				       SHM_LISTENER_COUNTERS_N + SHM_BACKEND_COUNTERS_N +
				       SHM_SERVER_COUNTERS_N + SHM_TABLE_COUNTERS_N);
	assert_non_null(strstr(text, "| `downtime` | s |"));
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(totals_are_the_sum_over_lanes_and_generations),
		cmocka_unit_test(counters_describe_themselves_in_the_region),
		cmocka_unit_test(a_shorter_table_is_appended_to_and_a_longer_one_is_left),
		cmocka_unit_test(another_table_is_refused_by_name),
		cmocka_unit_test(a_counter_out_of_range_reads_as_zero),
		cmocka_unit_test(the_manual_lists_every_counter),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
