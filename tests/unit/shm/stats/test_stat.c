/* SPDX-License-Identifier: MIT
 *
 * The snapshot of the statistics.
 */
#include "tests/unit/shm/stat_fixture.h"

static struct fixture f;

static int
make(void **state)
{
	(void)state;
	stat_create(&f);
	return 0;
}

static int
drop(void **state)
{
	(void)state;
	fixture_remove(&f);
	return 0;
}

static void
take(const struct shm_stat_opts *o, struct shm_stat *st)
{
	assert_int_equal(shm_stat_take(f.shm, o, st), 0);
}

static void
rows_come_in_the_order_of_the_configuration(void **state)
{
	static const char *const expected[] = {
		"web/FRONTEND",	 "web/*:80",	 "app/a",	"app/b",
		"app/c",	 "app/spare",	 "app/BACKEND", "db/BACKEND",
		"both/FRONTEND", "both/BACKEND",
	};
	const struct shm_stat_opts all = {.types = ~0U};
	struct shm_stat st;
	(void)state;
	take(&all, &st);
	assert_int_equal(st.rows_n, 10);
	for (size_t i = 0; i < st.rows_n; i++) {
		char name[256];
		snprintf(name, sizeof(name), "%s/%s",
			 shm_stat_text(st.rows[i], SHM_STAT_pxname),
			 shm_stat_text(st.rows[i], SHM_STAT_svname));
		assert_string_equal(name, expected[i]);
	}
	shm_stat_fini(&st);
}

static void
listeners_stay_out_unless_asked_for(void **state)
{
	struct shm_stat st;
	(void)state;
	take(NULL, &st);
	assert_int_equal(st.rows_n, 9);
	for (size_t i = 0; i < st.rows_n; i++)
		assert_int_not_equal(st.rows[i]->type, SHM_STAT_LISTENER);
	shm_stat_fini(&st);
}

static size_t
rows_with(struct shm_stat_opts o)
{
	struct shm_stat st;
	take(&o, &st);
	size_t n = st.rows_n;
	shm_stat_fini(&st);
	return n;
}

static void
rows_can_be_picked_by_proxy_id_type_and_state(void **state)
{
	(void)state;
	stat_states(&f);
	assert_int_equal(rows_with((struct shm_stat_opts){.proxy = "app"}), 5);
	assert_int_equal(rows_with((struct shm_stat_opts){.proxy = "both"}), 2);
	assert_int_equal(rows_with((struct shm_stat_opts){.proxy = "nobody"}), 0);
	assert_int_equal(rows_with((struct shm_stat_opts){.iid = 2}), 5);
	assert_int_equal(rows_with((struct shm_stat_opts){.iid = 2, .sid = 1}), 1);
	assert_int_equal(
		rows_with((struct shm_stat_opts){.types = 1U << SHM_STAT_SERVER}), 4);
	assert_int_equal(rows_with((struct shm_stat_opts){.no_maint = true}), 8);
	assert_int_equal(rows_with((struct shm_stat_opts){.only_up = true}), 7);
}

static void
every_field_the_table_promises_is_filled(void **state)
{
	const struct shm_stat_opts all = {.types = ~0U};
	struct shm_stat st;
	(void)state;
	stat_states(&f);
	take(&all, &st);
	for (size_t i = 0; i < st.rows_n; i++) {
		const struct shm_stat_row *r = st.rows[i];
		char letter = "FBSL"[r->type];
		for (int k = 0; k < SHM_STAT_FIELDS_N; k++) {
			const struct shm_stat_desc *d = &shm_stat_fields[k];
			if (strchr(d->kinds, letter) && !r->v[k].is_set)
				fail_msg("%s/%s: %s is empty",
					 shm_stat_text(r, SHM_STAT_pxname),
					 shm_stat_text(r, SHM_STAT_svname), d->name);
			if (r->v[k].is_set && !strchr(d->kinds, letter) &&
			    !strchr(d->kinds, letter + 32))
				fail_msg("%s/%s: %s should be empty",
					 shm_stat_text(r, SHM_STAT_pxname),
					 shm_stat_text(r, SHM_STAT_svname), d->name);
		}
	}
	shm_stat_fini(&st);
}

static void
counters_are_summed_up_by_their_names(void **state)
{
	struct shm_object web = fixture_object(&f, SHM_FRONTEND, "", "web");
	struct shm_object a = fixture_object(&f, SHM_SERVER, "app", "a");
	struct shm_object db = fixture_object(&f, SHM_BACKEND, "", "db");
	struct shm_stat st;
	(void)state;
	shm_count(&web, SHM_FRONTEND_stot, 5);
	shm_count(&web, SHM_FRONTEND_req_tot, 7);
	shm_count(&web, SHM_FRONTEND_hrsp_5xx, 2);
	shm_count(&web, SHM_FRONTEND_conn_tot, 6);
	shm_count(&a, SHM_SERVER_bin, 1ULL << 40);
	shm_count(&a, SHM_SERVER_econ, 3);
	shm_count(&db, SHM_BACKEND_hrsp_2xx, 1);
	take(NULL, &st);
	const struct shm_stat_row *r = stat_row(&st, "web", "FRONTEND");
	assert_int_equal(shm_stat_n(r, SHM_STAT_stot), 5);
	assert_int_equal(shm_stat_n(r, SHM_STAT_req_tot), 7);
	assert_int_equal(shm_stat_n(r, SHM_STAT_hrsp_5xx), 2);
	assert_int_equal(shm_stat_n(r, SHM_STAT_conn_tot), 6);
	r = stat_row(&st, "app", "a");
	assert_int_equal(shm_stat_n(r, SHM_STAT_bin), 1ULL << 40);
	assert_int_equal(shm_stat_n(r, SHM_STAT_econ), 3);
	/* not http: such fields stay empty */
	assert_false(stat_row(&st, "db", "BACKEND")->v[SHM_STAT_hrsp_2xx].is_set);
	shm_stat_fini(&st);
}

static void
gauges_and_limits_are_live(void **state)
{
	struct shm_object web = fixture_object(&f, SHM_FRONTEND, "", "web");
	struct shm_stat st;
	(void)state;
	assert_int_equal(shm_gauge_take(f.shm, web.gauge, 100), SHM_TAKEN);
	assert_int_equal(shm_gauge_take(f.shm, web.gauge, 100), SHM_TAKEN);
	shm_gauge_give(f.shm, web.gauge);
	take(NULL, &st);
	const struct shm_stat_row *r = stat_row(&st, "web", "FRONTEND");
	assert_int_equal(shm_stat_n(r, SHM_STAT_scur), 1);
	assert_int_equal(shm_stat_n(r, SHM_STAT_smax), 2);
	assert_int_equal(shm_stat_n(r, SHM_STAT_slim), 100);
	assert_false(stat_row(&st, "app", "a")->v[SHM_STAT_slim].is_set);
	shm_stat_fini(&st);
}

static void
states_are_told_in_haproxys_words(void **state)
{
	struct shm_stat st;
	(void)state;
	stat_states(&f);
	take(NULL, &st);
	const struct shm_stat_row *r = stat_row(&st, "app", "a");
	assert_string_equal(r->status, "UP");
	assert_int_equal(r->light, SHM_LIGHT_UP);
	assert_string_equal(shm_stat_text(r, SHM_STAT_check_status), "L7OK");
	assert_int_equal(shm_stat_n(r, SHM_STAT_check_code), 200);
	assert_int_equal(shm_stat_n(r, SHM_STAT_check_duration), 7);
	assert_int_equal(shm_stat_n(r, SHM_STAT_check_health), 4);
	r = stat_row(&st, "app", "b");
	assert_string_equal(r->status, "DOWN");
	assert_string_equal(shm_stat_text(r, SHM_STAT_check_desc),
			    "Layer4 connection problem");
	assert_string_equal(shm_stat_text(r, SHM_STAT_last_chk), "Connection refused");
	assert_int_equal(shm_stat_n(r, SHM_STAT_check_health), 0);
	assert_string_equal(stat_row(&st, "app", "c")->status, "MAINT");
	assert_string_equal(stat_row(&st, "app", "spare")->status, "no check");
	r = stat_row(&st, "app", "BACKEND");
	assert_string_equal(r->status, "UP");
	assert_int_equal(shm_stat_n(r, SHM_STAT_act), 1);
	assert_int_equal(shm_stat_n(r, SHM_STAT_bck), 1);
	assert_int_equal(shm_stat_n(r, SHM_STAT_weight), 10);
	assert_string_equal(shm_stat_text(r, SHM_STAT_algo), "roundrobin");
	assert_string_equal(stat_row(&st, "db", "BACKEND")->status, "UP");
	shm_stat_fini(&st);
}

static void
a_server_on_its_way_says_how_far_it_is(void **state)
{
	struct shm_stat st;
	(void)state;
	stat_states(&f);
	stat_check(&f, "a", "L4TOUT", 0, 1, "Layer4 timeout");
	stat_check(&f, "b", "L7OK", 200, 1, "Layer7 check passed");
	take(NULL, &st);
	const struct shm_stat_row *r = stat_row(&st, "app", "a");
	assert_string_equal(r->status, "UP 2/3");
	assert_int_equal(r->light, SHM_LIGHT_GOING_DOWN);
	assert_int_equal(shm_stat_n(r, SHM_STAT_check_health), 3);
	r = stat_row(&st, "app", "b");
	assert_string_equal(r->status, "DOWN 1/2");
	assert_int_equal(r->light, SHM_LIGHT_GOING_UP);
	shm_stat_fini(&st);
}

static void
a_backend_is_down_without_usable_servers_and_lives_on_its_backup(void **state)
{
	struct shm_stat st;
	(void)state;
	stat_states(&f);
	stat_health(&f, "a", SHM_HEALTH_DOWN);
	take(NULL, &st);
	const struct shm_stat_row *r = stat_row(&st, "app", "BACKEND");
	assert_string_equal(r->status, "UP");
	assert_int_equal(shm_stat_n(r, SHM_STAT_act), 0);
	assert_int_equal(shm_stat_n(r, SHM_STAT_weight), 5);
	shm_stat_fini(&st);
	stat_maint(&f, "spare");
	take(NULL, &st);
	r = stat_row(&st, "app", "BACKEND");
	assert_string_equal(r->status, "DOWN");
	assert_int_equal(shm_stat_n(r, SHM_STAT_weight), 0);
	shm_stat_fini(&st);
}

static void
a_drained_server_is_up_but_drained(void **state)
{
	struct shm_object o = fixture_object(&f, SHM_SERVER, "app", "a");
	struct shm_object be = fixture_object(&f, SHM_BACKEND, "", "app");
	struct shm_stat st;
	(void)state;
	stat_states(&f);
	struct shm_admin_word w = shm_admin_unpack(atomic_load(&o.server->admin));
	w.drain = true;
	assert_true(shm_admin_publish(f.shm, &o, &be, w));
	take(NULL, &st);
	assert_string_equal(stat_row(&st, "app", "a")->status, "DRAIN");
	assert_int_equal(stat_row(&st, "app", "a")->light, SHM_LIGHT_DRAIN);
	shm_stat_fini(&st);
}

static void
the_whole_is_found_without_a_name(void **state)
{
	struct shm_object g = fixture_object(&f, SHM_GLOBAL, "", "global");
	struct shm_stat_global all;
	(void)state;
	shm_count(&g, SHM_GLOBAL_conn_tot, 9);
	shm_count(&g, SHM_GLOBAL_bytes_out, 1000);
	shm_stat_global(f.shm, &all);
	assert_int_equal(all.maxconn, 1000);
	assert_int_equal(all.conn_tot, 9);
	assert_int_equal(all.bout, 1000);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, make, drop)
	const struct CMUnitTest tests[] = {
		T(rows_come_in_the_order_of_the_configuration),
		T(listeners_stay_out_unless_asked_for),
		T(rows_can_be_picked_by_proxy_id_type_and_state),
		T(every_field_the_table_promises_is_filled),
		T(counters_are_summed_up_by_their_names),
		T(gauges_and_limits_are_live),
		T(states_are_told_in_haproxys_words),
		T(a_server_on_its_way_says_how_far_it_is),
		T(a_backend_is_down_without_usable_servers_and_lives_on_its_backup),
		T(a_drained_server_is_up_but_drained),
		T(the_whole_is_found_without_a_name),
	};
#undef T
	return cmocka_run_group_tests(tests, NULL, NULL);
}
