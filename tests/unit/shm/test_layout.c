/* SPDX-License-Identifier: MIT
 *
 * Where things lie, and what of a header from elsewhere is believed.
 */
#include "fixture.h"

static void
a_plan_has_its_parts_in_order_and_in_bounds(void **state)
{
	(void)state;
	const uint32_t workers[] = {1, 2, 8, 64, 128, 500};
	for (size_t i = 0; i < sizeof(workers) / sizeof(workers[0]); i++) {
		struct shm_geometry g = {.objects_n = 10000,
					 .workers_n = workers[i],
					 .generations_max = 8};
		struct shm_layout at;
		char err[SHM_ERROR_BYTES];
		assert_true(shm_layout_plan(&g, &at, err));
		assert_true(at.leases_off < at.identities_off);
		assert_true(at.identities_off < at.descs_off);
		assert_true(at.descs_off < at.reload_off);
		assert_true(at.reload_off < at.entries_off);
		assert_true(at.entries_off < at.trusted_bytes);
		assert_int_equal(at.trusted_bytes, at.slots_off);
		assert_true(at.slots_off < at.records_off);
		assert_true(at.records_off < at.lanes_off);
		assert_true(at.lanes_off < at.size_bytes);
		assert_int_equal(at.trusted_bytes % SHM_PAGE, 0);
		assert_true(at.slots_n >= workers[i] * 9 + 8);
		assert_true(at.workers_max >= workers[i] * 2);
		assert_true(at.objects_max >= 20000);
	}
}

static void
what_a_region_takes_grows_with_what_is_in_it(void **state)
{
	(void)state;
	struct shm_geometry g = {.objects_n = 10, .workers_n = 2, .generations_max = 8};
	uint64_t small = shm_bytes_needed(&g);
	assert_true(small > 0 && small < 1 << 20);
	g.objects_n = 10000;
	uint64_t servers = shm_bytes_needed(&g);
	assert_true(servers > 10000 * 5 * SHM_CELLS * 8);
	g.workers_n = 4;
	assert_true(shm_bytes_needed(&g) >= servers + 2 * 10000 * SHM_CELLS * 8);
}

static void
too_many_workers_or_objects_are_refused_with_the_setting(void **state)
{
	(void)state;
	struct shm_geometry g = {
		.objects_n = 10, .workers_n = 20000, .generations_max = 8};
	struct shm_layout at;
	char err[SHM_ERROR_BYTES];
	assert_false(shm_layout_plan(&g, &at, err));
	assert_non_null(strstr(err, "global.nbproc"));
	g = (struct shm_geometry){.objects_n = 2000000, .workers_n = 2};
	assert_false(shm_layout_plan(&g, &at, err));
	assert_non_null(strstr(err, "global.shm"));
}

static struct shm_header
good_header(void)
{
	struct shm_geometry g = {.objects_n = 10, .workers_n = 2, .generations_max = 8};
	struct shm_header h = {
		.magic = SHM_MAGIC, .major = SHM_MAJOR, .header_bytes = sizeof(h)};
	char err[SHM_ERROR_BYTES];
	assert_true(shm_layout_plan(&g, &h.layout, err));
	h.checksum = shm_header_checksum(&h);
	return h;
}

static void
a_header_that_fits_its_file_is_good(void **state)
{
	(void)state;
	struct shm_header h = good_header();
	char err[SHM_ERROR_BYTES];
	assert_true(shm_header_check(&h, h.layout.size_bytes, err));
	assert_false(shm_header_check(&h, h.layout.size_bytes - 1, err));
}

/* Only appended: one that an older or a younger minor made is as good. */
static void
a_header_may_be_shorter_or_longer_by_what_was_appended(void **state)
{
	(void)state;
	static const struct {
		uint32_t bytes;
		bool is_good;
	} cases[] = {{SHM_HEADER_BYTES_MIN, true},
		     {SHM_HEADER_BYTES_MIN - 8, false},
		     {SHM_PAGE, true},
		     {SHM_PAGE + 8, false}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct shm_header h = good_header();
		char err[SHM_ERROR_BYTES];
		h.header_bytes = cases[i].bytes;
		h.checksum = shm_header_checksum(&h);
		assert_int_equal(shm_header_check(&h, h.layout.size_bytes, err),
				 cases[i].is_good);
	}
}

static void
another_major_says_so(void **state)
{
	(void)state;
	struct shm_header h = good_header();
	char err[SHM_ERROR_BYTES];
	h.major = 77;
	assert_false(shm_header_check(&h, h.layout.size_bytes, err));
	assert_non_null(strstr(err, "layout is 77"));
}

/* Each word of the layout in turn is something else, with a good checksum: either it
 * is refused, or what follows from it still lies in the file. */
static void
no_word_of_the_layout_leads_out_of_the_file(void **state)
{
	(void)state;
	static const uint64_t bad[] = {0,	   1,	       7,	   64,
				       4095,	   4096,       1ULL << 20, 1ULL << 31,
				       UINT32_MAX, 1ULL << 40, 1ULL << 62, UINT64_MAX};
	char err[SHM_ERROR_BYTES];
	for (size_t w = 0; w < sizeof(struct shm_layout) / 4; w++) {
		for (size_t b = 0; b < sizeof(bad) / sizeof(bad[0]); b++) {
			struct shm_header h = good_header();
			uint64_t size = h.layout.size_bytes;
			size_t bytes = w % 2 == 0 ? 8 : 4;
			if (w * 4 + bytes > sizeof(h.layout))
				bytes = 4;
			memcpy((char *)&h.layout + w * 4, &bad[b], bytes);
			h.checksum = shm_header_checksum(&h);
			if (!shm_header_check(&h, size, err))
				continue;
			const struct shm_layout *l = &h.layout;
			assert_true(l->entries_off +
					    (uint64_t)l->objects_max * l->entry_bytes <=
				    size);
			assert_true(l->records_off +
					    (uint64_t)l->objects_max * l->record_bytes <=
				    size);
			assert_true(l->slots_off + (uint64_t)l->slots_n * l->slot_bytes <=
				    size);
			assert_true(l->lanes_off + l->lanes_n * l->lane_bytes <= size);
			assert_true(l->lane_bytes >=
				    (uint64_t)l->objects_max * l->cells_n * 8);
			assert_true(l->gauge_off + 64 + l->slots_n * 4ULL <=
				    l->record_bytes);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plan_has_its_parts_in_order_and_in_bounds),
		cmocka_unit_test(what_a_region_takes_grows_with_what_is_in_it),
		cmocka_unit_test(
			too_many_workers_or_objects_are_refused_with_the_setting),
		cmocka_unit_test(a_header_that_fits_its_file_is_good),
		cmocka_unit_test(a_header_may_be_shorter_or_longer_by_what_was_appended),
		cmocka_unit_test(another_major_says_so),
		cmocka_unit_test(no_word_of_the_layout_leads_out_of_the_file),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
