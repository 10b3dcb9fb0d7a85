/* SPDX-License-Identifier: MIT
 *
 * Stick tables in one process: keys, values, expiry, room; and their specifications.
 */
#include "../stick_fixture.h"

#include "shm/rate.h"

static void
a_spec_is_the_same_after_a_round_through_its_text(void **state)
{
	static const char *const texts[] = {
		"ip len=4 size=100 expire=0",
		"ipv6 len=16 size=1048576 expire=600000 "
		"store=conn_cur,http_req_rate(10000)",
		"string len=32 size=1 expire=1 nopurge "
		"store=gpc0,gpt(3),gpc(100),gpc_rate(2,1000)",
		"integer len=4 size=4294967296 expire=10 store=bytes_out_rate(60000)",
		"binary len=20 size=1000 expire=5 store=server_id,conn_cnt",
	};
	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct stick_spec spec;
		char out[STICK_TEXT_BYTES];
		assert_true(stick_spec_read(texts[i], &spec));
		assert_true(stick_spec_write(&spec, out) > 0);
		assert_string_equal(out, texts[i]);
	}
}

static void
a_wrong_spec_is_refused(void **state)
{
	static const char *const texts[] = {
		"",
		"ip",
		"ip size=0",
		"mac size=10",
		"ip size=99999999999",
		"string size=10",
		"string len=5000 size=10",
		"ip size=10 store=nothing",
		"ip size=10 store=gpc0,gpc0",
		"ip size=10 store=conn_rate",
		"ip size=10 store=conn_cnt(5)x",
		"ip size=10 store=gpc(101)",
		"ip size=10 store=gpc(100),gpt(100),gpc_rate(100,5)",
		"ip size=10 color=red",
	};
	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct stick_spec spec;
		if (stick_spec_read(texts[i], &spec))
			fail_msg("accepted: %s", texts[i]);
	}
}

static void
a_rate_slides_over_two_periods(void **state)
{
	(void)state;
	struct shm_rate r = {0};
	for (int i = 0; i < 10; i++)
		r = shm_rate_add(r, 1000, 5000, 1);
	assert_int_equal(shm_rate_read(r, 1000, 5000), 10);
	assert_int_equal(shm_rate_read(r, 1000, 5999), 10);
	assert_int_equal(shm_rate_read(r, 1000, 6000), 10);
	assert_int_equal(shm_rate_read(r, 1000, 6500), 5);
	assert_int_equal(shm_rate_read(r, 1000, 6999), 0);
	assert_int_equal(shm_rate_read(r, 1000, 7000), 0);
	assert_int_equal(shm_rate_read(r, 1000, 4000), 10); /* a clock that is behind */
	r = shm_rate_add(r, 1000, 6500, 3);
	assert_int_equal(shm_rate_read(r, 1000, 6500), 8);
	r = shm_rate_add((struct shm_rate){0}, 1000, 5000, 1);
	assert_int_equal(shm_rate_read(r, 1000, 6900),
			 1); /* very low rates do not flap */
	assert_int_equal(shm_rate_read(r, 1000, 7000), 0);
}

static void
values_are_those_inside_the_update(void **state)
{
	(void)state;
	struct table x;
	table_create(&x, "ip size=100 store=conn_cnt,http_req_rate(10000),gpc0", 0);
	uint64_t v[8];
	struct shm_stick_op ops[] = {add(&x, STICK_conn_cnt, 1),
				     add(&x, STICK_http_req_rate, 2)};
	assert_int_equal(
		shm_stick_update(x.f.shm, &x.t, "\x7f\0\0\1", 1000, ops, 2, 0, NULL, v),
		SHM_STICK_NONE);
	assert_int_equal(shm_stick_update(x.f.shm, &x.t, "\x7f\0\0\1", 1000, ops, 2,
					  SHM_STICK_CREATE, NULL, v),
			 SHM_STICK_NEW);
	assert_int_equal(shm_stick_update(x.f.shm, &x.t, "\x7f\0\0\1", 2000, ops, 2,
					  SHM_STICK_CREATE, NULL, v),
			 SHM_STICK_OK);
	assert_int_equal(v[value_of(&x, STICK_conn_cnt)], 2);
	assert_int_equal(v[value_of(&x, STICK_http_req_rate)], 4);
	assert_int_equal(v[value_of(&x, STICK_gpc0)], 0);
	struct shm_stick_view view;
	assert_int_equal(shm_stick_read(&x.t, "\x7f\0\0\1", 2000, &view), SHM_STICK_OK);
	assert_int_equal(view.values[value_of(&x, STICK_conn_cnt)], 2);
	assert_int_equal(shm_stick_read(&x.t, "\x7f\0\0\2", 2000, &view), SHM_STICK_NONE);
	struct shm_stick_op set = {value_of(&x, STICK_gpc0), SHM_STICK_SET, 7};
	struct shm_stick_op less = {value_of(&x, STICK_gpc0), SHM_STICK_TAKE_AWAY, 9};
	shm_stick_update(x.f.shm, &x.t, "\x7f\0\0\1", 2000, &set, 1, 0, NULL, v);
	assert_int_equal(v[value_of(&x, STICK_gpc0)], 7);
	shm_stick_update(x.f.shm, &x.t, "\x7f\0\0\1", 2000, &less, 1, 0, NULL, v);
	assert_int_equal(v[value_of(&x, STICK_gpc0)], 0);
	assert_int_equal(shm_stick_remove(x.f.shm, &x.t, "\x7f\0\0\1"), SHM_STICK_OK);
	assert_int_equal(shm_stick_remove(x.f.shm, &x.t, "\x7f\0\0\1"), SHM_STICK_NONE);
	assert_int_equal(shm_stick_used(&x.t), 0);
	table_remove(&x);
}

static void
an_entry_expires_unless_it_is_used_or_held(void **state)
{
	(void)state;
	struct table x;
	table_create(&x, "integer size=10 expire=1000 store=conn_cnt,conn_cur", 8);
	struct shm_stick_op one = add(&x, STICK_conn_cnt, 1);
	struct shm_stick_ref ref;
	struct shm_stick_view view;
	uint32_t a = 1, b = 2, c = 3;
	uint64_t v[4];
	shm_stick_update(x.f.shm, &x.t, &a, 5000, &one, 1, SHM_STICK_CREATE, NULL, v);
	shm_stick_update(x.f.shm, &x.t, &b, 5000, &one, 1, SHM_STICK_CREATE, NULL, v);
	shm_stick_update(x.f.shm, &x.t, &c, 5000, &one, 1,
			 SHM_STICK_CREATE | SHM_STICK_HOLD, &ref, v);
	shm_stick_update(x.f.shm, &x.t, &b, 5900, &one, 1, 0, NULL, v);
	assert_int_equal(shm_stick_read(&x.t, &a, 5999, &view), SHM_STICK_OK);
	assert_int_equal(view.expires_in_ms, 1);
	assert_int_equal(shm_stick_read(&x.t, &a, 6000, &view), SHM_STICK_NONE);
	assert_int_equal(shm_stick_read(&x.t, &b, 6000, &view), SHM_STICK_OK);
	assert_int_equal(shm_stick_read(&x.t, &c, 99999, &view), SHM_STICK_OK);
	assert_int_equal(view.refs, 1);
	assert_int_equal(shm_stick_update_ref(x.f.shm, &x.t, &ref, 6000, NULL, 0,
					      SHM_STICK_LEAVE, v),
			 SHM_STICK_OK);
	assert_int_equal(shm_stick_read(&x.t, &c, 7000, &view), SHM_STICK_NONE);
	/* what has expired starts anew */
	assert_int_equal(shm_stick_update(x.f.shm, &x.t, &a, 7000, &one, 1,
					  SHM_STICK_CREATE, NULL, v),
			 SHM_STICK_NEW);
	assert_int_equal(v[value_of(&x, STICK_conn_cnt)], 1);
	table_remove(&x);
}

static void
a_full_table_drops_the_least_recently_used_or_refuses(void **state)
{
	(void)state;
	for (int nopurge = 0; nopurge < 2; nopurge++) {
		struct table x;
		table_create(&x,
			     nopurge ? "integer size=10 expire=100000 nopurge store=gpc0"
				     : "integer size=10 expire=100000 store=gpc0",
			     8);
		struct shm_stick_op one = add(&x, STICK_gpc0, 1);
		struct shm_stick_ref ref;
		struct shm_stick_view view;
		for (uint32_t i = 0; i < 10; i++)
			assert_int_equal(shm_stick_update(x.f.shm, &x.t, &i, 1000 + i,
							  &one, 1, SHM_STICK_CREATE, NULL,
							  NULL),
					 SHM_STICK_NEW);
		uint32_t zero = 0, more = 99;
		assert_int_equal(shm_stick_update(x.f.shm, &x.t, &zero, 1000, NULL, 0,
						  SHM_STICK_HOLD, &ref, NULL),
				 SHM_STICK_OK);
		assert_int_equal(shm_stick_update(x.f.shm, &x.t, &more, 2000, &one, 1,
						  SHM_STICK_CREATE, NULL, NULL),
				 nopurge ? SHM_STICK_FULL : SHM_STICK_NEW);
		uint32_t one_key = 1; /* the oldest that nobody holds */
		assert_int_equal(shm_stick_read(&x.t, &one_key, 2000, &view),
				 nopurge ? SHM_STICK_OK : SHM_STICK_NONE);
		assert_int_equal(shm_stick_read(&x.t, &zero, 2000, &view), SHM_STICK_OK);
		assert_int_equal(shm_stick_used(&x.t), 10);
		shm_stick_update_ref(x.f.shm, &x.t, &ref, 2000, NULL, 0, SHM_STICK_LEAVE,
				     NULL);
		table_remove(&x);
	}
}

static void
a_table_of_n_keys_holds_n(void **state)
{
	(void)state;
	struct table x;
	enum { N = 200000 };
	table_create(&x, "integer size=200000 expire=0 store=gpc0", 0);
	for (uint32_t i = 0; i < N; i++)
		shm_stick_update(x.f.shm, &x.t, &i, 1000, NULL, 0, SHM_STICK_CREATE, NULL,
				 NULL);
	uint64_t used = shm_stick_used(&x.t);
	if (used < N - N / 20000) /* planned: about one key in 100,000 */
		fail_msg("%llu of %d keys are there", (unsigned long long)used, N);
	struct shm_stick_view *view = malloc(sizeof(*view));
	uint64_t at = 0, seen = 0;
	while (shm_stick_each(&x.t, &at, 1000, view) == SHM_STICK_OK)
		seen++;
	assert_int_equal(seen, used);
	free(view);
	table_remove(&x);
}

static void
a_removed_entry_that_was_held_is_let_go_without_harm(void **state)
{
	(void)state;
	struct table x;
	table_create(&x, "integer size=10 store=conn_cur", 2);
	struct shm_stick_op up = add(&x, STICK_conn_cur, 1);
	struct shm_stick_op down = {0, SHM_STICK_TAKE_AWAY, 1};
	struct shm_stick_ref ref, refs[3];
	uint32_t key = 5;
	uint64_t v[1];
	for (int i = 0; i < 10; i++) { /* ledger records come back, too */
		shm_stick_update(x.f.shm, &x.t, &key, 1000, &up, 1,
				 SHM_STICK_CREATE | SHM_STICK_HOLD, &ref, v);
		assert_int_equal(shm_stick_remove(x.f.shm, &x.t, &key), SHM_STICK_OK);
		assert_int_equal(shm_stick_update(x.f.shm, &x.t, &key, 1000, &up, 1,
						  SHM_STICK_CREATE, NULL, v),
				 SHM_STICK_NEW);
		assert_int_equal(shm_stick_update_ref(x.f.shm, &x.t, &ref, 1000, &down, 1,
						      SHM_STICK_LEAVE, v),
				 SHM_STICK_NONE);
		struct shm_stick_view view;
		shm_stick_read(&x.t, &key, 1000, &view);
		assert_int_equal(view.values[0], 1); /* that of the new entry */
		assert_int_equal(shm_stick_remove(x.f.shm, &x.t, &key), SHM_STICK_OK);
	}
	for (int i = 0; i < 3; i++)
		assert_int_equal(shm_stick_update(x.f.shm, &x.t, &key, 1000, &up, 1,
						  SHM_STICK_CREATE | SHM_STICK_HOLD,
						  &refs[i], v),
				 i == 2 ? SHM_STICK_FULL
				 : i	? SHM_STICK_OK
					: SHM_STICK_NEW);
	table_remove(&x);
}

/* What lies on writable pages may be anything: readers stay within the table's memory. */
static void
a_reader_survives_a_table_full_of_anything(void **state)
{
	(void)state;
	uint64_t random = 88172645463325252ULL;
	for (int round = 0; round < 50; round++) {
		struct table x;
		struct shm_stick t = {.scratch = NULL};
		struct shm_stick_view *view = malloc(sizeof(*view));
		table_create(&x, "ip size=500 expire=1000 store=gpc0,http_req_rate(10)",
			     0);
		struct shm_object o = fixture_object(&x.f, SHM_TABLE, "", "t");
		unsigned char *bytes = o.area;
		size_t from = round % 2 ? 0 : STICK_HEAD_BYTES;
		for (size_t i = from; i + 8 <= o.area_bytes; i += 8) {
			random ^= random << 13;
			random ^= random >> 7;
			random ^= random << 17;
			memcpy(bytes + i, &random, 8);
		}
		if (round % 2) { /* a head that promises more than there is */
			memcpy(bytes, &(uint64_t){0x31656c6261747277ULL}, 8);
			snprintf((char *)bytes + 8, STICK_TEXT_BYTES,
				 "string len=1024 size=%d store=gpc(100),gpt(100)",
				 round * 100000);
		}
		if (shm_stick_open(&t, &o)) {
			uint64_t at = 0, seen = 0;
			while (shm_stick_each(&t, &at, 5000, view) != SHM_STICK_NONE)
				seen++;
			assert_true(seen <= t.spec.buckets_n * t.spec.ways);
			(void)shm_stick_read(&t, "\x7f\0\0\1", 5000, view);
			(void)shm_stick_used(&t);
			shm_stick_fini(&t);
		}
		assert_int_equal(round % 2, !shm_stick_open(&t, &o));
		shm_stick_fini(&t);
		memset(bytes, 0, o.area_bytes);
		shm_stick_format(bytes, &x.spec);
		free(view);
		table_remove(&x);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_reader_survives_a_table_full_of_anything),
		cmocka_unit_test(a_spec_is_the_same_after_a_round_through_its_text),
		cmocka_unit_test(a_wrong_spec_is_refused),
		cmocka_unit_test(a_rate_slides_over_two_periods),
		cmocka_unit_test(values_are_those_inside_the_update),
		cmocka_unit_test(an_entry_expires_unless_it_is_used_or_held),
		cmocka_unit_test(a_full_table_drops_the_least_recently_used_or_refuses),
		cmocka_unit_test(a_table_of_n_keys_holds_n),
		cmocka_unit_test(a_removed_entry_that_was_held_is_let_go_without_harm),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
