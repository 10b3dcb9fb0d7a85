/* SPDX-License-Identifier: MIT
 *
 * Reloads as the region sees them: room, commit, objects that go and return.
 */
#include "fixture.h"

static void
reload(struct fixture *f, uint64_t generation)
{
	if (shm_grow(f->shm, &f->g, f->err) != 0)
		fail_msg("%s", f->err);
	shm_commit(f->shm, &f->g, generation);
	fixture_verify(f);
}

static void
everything_configured_is_found_with_its_facts(void **state)
{
	(void)state;
	struct fixture f;
	struct shm_facts x;
	struct shm_object o;
	fixture_create(&f);
	for (size_t i = 0; i < f.g.objects_n; i++) {
		const struct shm_facts *want = &f.facts[i];
		assert_true(shm_find(f.shm, want->kind, want->parent, want->name,
				     want->addr, &o));
		assert_true(o.is_current);
		assert_int_equal(o.kind, want->kind);
		shm_object_facts(f.shm, &o, &x);
		assert_memory_equal(&x, want, sizeof(x));
		assert_int_equal(o.server != NULL, want->kind == SHM_SERVER);
		assert_int_equal(o.backend != NULL, want->kind == SHM_BACKEND);
		assert_int_equal(shm_object_maxconn(f.shm, &o), want->maxconn);
	}
	assert_false(shm_find(f.shm, SHM_SERVER, "app", "nobody", NULL, &o));
	assert_false(shm_find(f.shm, SHM_SERVER, "app", "a", "10.9.9.9:80", &o));
	assert_false(shm_find(f.shm, SHM_FRONTEND, "", "app", NULL, &o));
	char longest[200];
	memset(longest, 'x', sizeof(longest) - 1);
	longest[199] = '\0';
	assert_false(shm_find(f.shm, SHM_FRONTEND, "", longest, NULL, &o));
	assert_int_equal(shm_objects_n(f.shm), f.g.objects_n);
	fixture_remove(&f);
}

static void
room_made_for_a_reload_is_found_but_not_current(void **state)
{
	(void)state;
	struct fixture f;
	fixture_create(&f);
	fixture_add(&f, SHM_SERVER, "app", "d", "10.0.0.4:80")->is_disabled = true;
	assert_int_equal(shm_grow(f.shm, &f.g, f.err), 0);
	struct shm_object d = fixture_object(&f, SHM_SERVER, "app", "d");
	assert_false(d.is_current);
	assert_true(shm_admin_unpack(d.server->admin).maint);
	shm_commit(f.shm, &f.g, 2);
	assert_true(fixture_object(&f, SHM_SERVER, "app", "d").is_current);
	/* a reload that was not committed is forgotten by the next one */
	fixture_add(&f, SHM_SERVER, "app", "e", "10.0.0.5:80");
	assert_int_equal(shm_grow(f.shm, &f.g, f.err), 0);
	fixture_drop(&f, "e");
	reload(&f, 3);
	assert_false(fixture_object(&f, SHM_SERVER, "app", "e").is_current);
	fixture_remove(&f);
}

static enum shm_health
health_of(struct fixture *f, const char *server)
{
	struct shm_object o = fixture_object(f, SHM_SERVER, "app", server);
	return shm_health_unpack(o.server->health).state;
}

static void
who_is_to_start_down_is_down_before_it_is_current(void **state)
{
	(void)state;
	struct fixture f;
	fixture_create(&f);
	struct shm_facts *d = fixture_add(&f, SHM_SERVER, "app", "d", "10.0.0.4:80");
	d->is_checked = d->starts_down = true;
	const struct shm_facts facts = *d;
	assert_int_equal(shm_grow(f.shm, &f.g, f.err), 0);
	assert_int_equal(health_of(&f, "d"), SHM_HEALTH_DOWN);
	shm_commit(f.shm, &f.g, 2);
	assert_int_equal(health_of(&f, "d"), SHM_HEALTH_DOWN);
	/* what checks have said stays */
	struct shm_object o = fixture_object(&f, SHM_SERVER, "app", "d");
	const struct shm_check check = {.status = SHM_CHECK_FIRST, .at_boot_ms = 1};
	struct shm_check seen;
	shm_lease_grant(f.shm, SHM_ROLE_CHECKER, SHM_SLOT_MASTER);
	shm_health_publish(f.shm, &o, NULL, SHM_HEALTH_UP);
	shm_check_publish(f.shm, &o, &check);
	reload(&f, 3);
	assert_int_equal(health_of(&f, "d"), SHM_HEALTH_UP);
	/* one that returns knows nothing of before */
	fixture_drop(&f, "d");
	reload(&f, 4);
	f.facts[f.g.objects_n++] = facts;
	reload(&f, 5);
	assert_int_equal(health_of(&f, "d"), SHM_HEALTH_DOWN);
	assert_true(shm_check_read(&o, &seen) && seen.at_boot_ms == 0);
	/* so does one that is checked from now on */
	fixture_facts(&f, "d")->is_checked = fixture_facts(&f, "d")->starts_down = false;
	reload(&f, 6);
	assert_int_equal(health_of(&f, "d"), SHM_HEALTH_UNKNOWN);
	fixture_facts(&f, "d")->is_checked = fixture_facts(&f, "d")->starts_down = true;
	reload(&f, 7);
	assert_int_equal(health_of(&f, "d"), SHM_HEALTH_DOWN);
	fixture_remove(&f);
}

static void
unchanged_objects_keep_numbers_and_health_changed_servers_start_fresh(void **state)
{
	(void)state;
	struct fixture f;
	fixture_create(&f);
	struct shm_object a = fixture_object(&f, SHM_SERVER, "app", "a");
	struct shm_object b = fixture_object(&f, SHM_SERVER, "app", "b");
	shm_lease_grant(f.shm, SHM_ROLE_CHECKER, SHM_SLOT_MASTER);
	shm_health_publish(f.shm, &a, NULL, SHM_HEALTH_DOWN);
	shm_health_publish(f.shm, &b, NULL, SHM_HEALTH_DOWN);
	shm_count(&a, SHM_SERVER_stot, 5);
	shm_count(&b, SHM_SERVER_stot, 7);
	strcpy(fixture_facts(&f, "b")->addr, "10.0.0.99:80");
	reload(&f, 2);
	struct shm_object a2 = fixture_object(&f, SHM_SERVER, "app", "a");
	struct shm_object b2 = fixture_object(&f, SHM_SERVER, "app", "b");
	assert_int_equal(a2.index, a.index);
	assert_int_equal(shm_total(f.shm, &a2, SHM_SERVER_stot), 5);
	assert_int_equal(shm_health_unpack(a2.server->health).state, SHM_HEALTH_DOWN);
	assert_int_not_equal(b2.index, b.index);
	assert_int_equal(shm_total(f.shm, &b2, SHM_SERVER_stot), 0);
	assert_int_equal(shm_health_unpack(b2.server->health).state, SHM_HEALTH_UNKNOWN);
	/* the old one is still there for who asks by address */
	assert_true(shm_find(f.shm, SHM_SERVER, "app", "b", "10.0.0.2:80", &b2));
	assert_int_equal(b2.index, b.index);
	assert_false(b2.is_current);
	fixture_remove(&f);
}

static void
gone_objects_are_readable_while_a_generation_uses_them_and_return_with_numbers(
	void **state)
{
	(void)state;
	struct fixture f;
	struct shm_object o;
	fixture_create(&f);
	struct shm_object c = fixture_object(&f, SHM_SERVER, "app", "c");
	struct shm_facts facts = *fixture_facts(&f, "c");
	shm_count(&c, SHM_SERVER_stot, 9);
	int old = shm_slot_reserve(f.shm, SHM_ROLE_WORKER, 0, 1);
	fixture_drop(&f, "c");
	reload(&f, 2);
	int new = shm_slot_reserve(f.shm, SHM_ROLE_WORKER, 0, 2);
	assert_true(shm_object_at(f.shm, c.index, &o));
	assert_false(o.is_current);
	shm_slot_release(f.shm, (uint32_t)old);
	assert_false(shm_object_at(f.shm, c.index, &o));
	(void)new;

	f.facts[f.g.objects_n++] = facts;
	reload(&f, 3);
	o = fixture_object(&f, SHM_SERVER, "app", "c");
	assert_true(o.is_current);
	assert_int_equal(o.index, c.index);
	assert_int_equal(shm_total(f.shm, &o, SHM_SERVER_stot), 9);
	fixture_remove(&f);
}

static struct shm_admin_word
admin_of(const struct fixture *f, const char *name)
{
	struct shm_object o = fixture_object(f, SHM_SERVER, "app", name);
	return shm_admin_unpack(o.server->admin);
}

static void
set_by_hand(struct fixture *f, const char *name, bool maint, bool drain, uint16_t weight)
{
	struct shm_object o = fixture_object(f, SHM_SERVER, "app", name);
	struct shm_admin_word w = shm_admin_unpack(o.server->admin);
	w.maint = maint;
	w.drain = drain;
	w.weight = weight;
	shm_lease_grant(f->shm, SHM_ROLE_CONTROL, SHM_SLOT_MASTER);
	assert_true(shm_admin_publish(f->shm, &o, NULL, w));
}

static void
the_file_wins_over_memory_only_where_it_changed(void **state)
{
	(void)state;
	struct fixture f;
	fixture_create(&f);
	fixture_facts(&f, "a")->weight = 10;
	reload(&f, 2);
	set_by_hand(&f, "a", false, true, 77);
	set_by_hand(&f, "b", true, false, SHM_WEIGHT_CONFIGURED);
	set_by_hand(&f, "c", false, false, 33);
	reload(&f, 3); /* nothing changed in the file */
	assert_true(admin_of(&f, "a").drain);
	assert_int_equal(admin_of(&f, "a").weight, 77);
	assert_true(admin_of(&f, "b").maint);
	assert_int_equal(admin_of(&f, "c").weight, 33);

	fixture_facts(&f, "a")->weight = 11; /* the weight did: drain stays */
	fixture_facts(&f, "b")->is_disabled = true;
	reload(&f, 4);
	assert_true(admin_of(&f, "a").drain);
	assert_int_equal(admin_of(&f, "a").weight, SHM_WEIGHT_CONFIGURED);
	assert_int_equal(admin_of(&f, "a").config_weight, 11);
	assert_true(admin_of(&f, "b").maint);
	assert_int_equal(admin_of(&f, "c").weight, 33);

	fixture_facts(&f, "b")->is_disabled = false;
	reload(&f, 5);
	assert_false(admin_of(&f, "b").maint);
	/* disabled in the file, enabled by hand: stays enabled */
	fixture_facts(&f, "c")->is_disabled = true;
	reload(&f, 6);
	assert_true(admin_of(&f, "c").maint);
	set_by_hand(&f, "c", false, false, 33);
	reload(&f, 7);
	assert_false(admin_of(&f, "c").maint);
	fixture_remove(&f);
}

static void
a_commit_bumps_the_version_of_backends_and_moves_limits(void **state)
{
	(void)state;
	struct fixture f;
	fixture_create(&f);
	struct shm_object app = fixture_object(&f, SHM_BACKEND, "", "app");
	struct shm_object web = fixture_object(&f, SHM_FRONTEND, "", "web");
	uint64_t version = app.backend->version;
	fixture_facts(&f, "web")->maxconn = 7;
	assert_int_equal(shm_grow(f.shm, &f.g, f.err), 0);
	assert_int_equal(shm_object_maxconn(f.shm, &web), 100);
	shm_commit(f.shm, &f.g, 2);
	assert_int_equal(shm_object_maxconn(f.shm, &web), 7);
	assert_true(app.backend->version > version);
	fixture_remove(&f);
}

static void
a_server_that_is_not_checked_any_more_forgets_its_health(void **state)
{
	(void)state;
	struct fixture f;
	fixture_create(&f);
	struct shm_object a = fixture_object(&f, SHM_SERVER, "app", "a");
	shm_lease_grant(f.shm, SHM_ROLE_CHECKER, SHM_SLOT_MASTER);
	shm_health_publish(f.shm, &a, NULL, SHM_HEALTH_DOWN);
	fixture_facts(&f, "a")->is_checked = false;
	reload(&f, 2);
	assert_int_equal(shm_health_unpack(a.server->health).state, SHM_HEALTH_UNKNOWN);
	fixture_remove(&f);
}

static void
workers_may_become_more_up_to_what_the_region_was_made_for(void **state)
{
	(void)state;
	struct fixture f;
	fixture_create(&f);
	f.g.workers_n = 40;
	reload(&f, 2);
	struct shm_info i;
	shm_info(f.shm, &i);
	assert_int_equal(i.workers_n, 40);
	f.g.workers_n = 65;
	assert_int_equal(shm_grow(f.shm, &f.g, f.err), -1);
	assert_non_null(strstr(f.err, "nbproc"));
	assert_non_null(strstr(f.err, "--fresh-shm"));
	f.g.workers_n = 2; /* lanes stay, so sums never decrease */
	struct shm_object web = fixture_object(&f, SHM_FRONTEND, "", "web");
	shm_cells(f.shm, 39)[web.cells + SHM_FRONTEND_stot] = 4;
	reload(&f, 3);
	assert_int_equal(shm_total(f.shm, &web, SHM_FRONTEND_stot), 4);
	fixture_remove(&f);
}

static void
a_full_directory_takes_the_places_of_those_gone_for_longest(void **state)
{
	(void)state;
	struct fixture f;
	fixture_create(&f);
	struct shm_object c = fixture_object(&f, SHM_SERVER, "app", "c");
	shm_count(&c, SHM_SERVER_stot, 9);
	fixture_drop(&f, "c");
	reload(&f, 2);
	fixture_drop(&f, "b");
	reload(&f, 3);
	f.shm->at.objects_max = shm_objects_n(f.shm); /* full */
	int old = shm_slot_reserve(f.shm, SHM_ROLE_WORKER, 0, 1);
	fixture_add(&f, SHM_SERVER, "app", "d", "10.0.0.4:80");
	assert_int_equal(shm_grow(f.shm, &f.g, f.err), -1);
	assert_non_null(strstr(f.err, "room"));
	shm_slot_release(f.shm, (uint32_t)old); /* nobody uses c and b any more */
	reload(&f, 4);
	struct shm_object d = fixture_object(&f, SHM_SERVER, "app", "d"), o;
	assert_int_equal(d.index, c.index);
	assert_int_equal(shm_total(f.shm, &d, SHM_SERVER_stot), 0);
	assert_false(shm_find(f.shm, SHM_SERVER, "app", "c", NULL, &o));
	assert_true(shm_find(f.shm, SHM_SERVER, "app", "b", NULL, &o));
	fixture_remove(&f);
}

static void
thousands_of_servers_are_found(void **state)
{
	(void)state;
	struct fixture f;
	enum { N = 10000 };
	fixture_create(&f);
	struct shm_facts *many = calloc(N + 1, sizeof(*many));
	many[0].kind = SHM_GLOBAL;
	for (uint32_t i = 1; i <= N; i++) {
		many[i].kind = SHM_SERVER;
		snprintf(many[i].name, sizeof(many[i].name), "s%u", i);
		snprintf(many[i].parent, sizeof(many[i].parent), "b%u", i % 100);
		snprintf(many[i].addr, sizeof(many[i].addr), "10.0.0.1:%u", i);
	}
	f.g.objects = many;
	f.g.objects_n = N + 1;
	reload(&f, 2);
	struct shm_object o;
	for (uint32_t i = 1; i <= N; i++)
		assert_true(shm_find(f.shm, SHM_SERVER, many[i].parent, many[i].name,
				     many[i].addr, &o));
	free(many);
	fixture_remove(&f);
}

#ifdef WEIR_FAULTS
/* The master is killed at each point of a reload; the next one finds everything. */
static void
a_master_killed_in_the_middle_of_a_reload_loses_nothing(void **state)
{
	(void)state;
	static const enum shm_fault_point points[] = {
		SHM_FAULT_entry_odd,	  SHM_FAULT_entry_even,
		SHM_FAULT_grow_allocated, SHM_FAULT_grow_entries,
		SHM_FAULT_commit_entries,
	};
	for (size_t p = 0; p < sizeof(points) / sizeof(points[0]); p++) {
		for (unsigned nth = 1; nth <= 5; nth++) {
			struct fixture f;
			fixture_create(&f);
			struct shm_object a = fixture_object(&f, SHM_SERVER, "app", "a");
			shm_count(&a, SHM_SERVER_stot, 5);
			fixture_facts(&f, "a")->weight = 9;
			fixture_facts(&f, "web")->maxconn = 9;
			fixture_drop(&f, "c");
			fixture_add(&f, SHM_SERVER, "app", "d", "10.0.0.4:80");
			fixture_add(&f, SHM_SERVER, "app", "e", "10.0.0.5:80");
			fflush(NULL);
			pid_t pid = fork();
			if (pid == 0) {
				shm_fault_arm(points[p], nth, SHM_FAULT_KILL);
				shm_grow(f.shm, &f.g, f.err);
				shm_commit(f.shm, &f.g, 2);
				_exit(0);
			}
			fixture_wait(pid);
			shm_close(&f.shm);
			assert_true(fixture_open(&f, false));
			assert_string_equal(f.err, "");
			shm_commit(f.shm, &f.g, 3);
			fixture_verify(&f);
			a = fixture_object(&f, SHM_SERVER, "app", "a");
			assert_int_equal(shm_total(f.shm, &a, SHM_SERVER_stot), 5);
			for (size_t i = 0; i < f.g.objects_n; i++) {
				struct shm_object o;
				struct shm_facts x;
				assert_true(shm_find(f.shm, f.facts[i].kind,
						     f.facts[i].parent, f.facts[i].name,
						     f.facts[i].addr, &o));
				assert_true(o.is_current);
				shm_object_facts(f.shm, &o, &x);
				assert_memory_equal(&x, &f.facts[i], sizeof(x));
			}
			fixture_remove(&f);
		}
	}
}
#endif

static void
damaged_entries_and_records_are_set_aside_at_adoption(void **state)
{
	(void)state;
	struct fixture f;
	fixture_create(&f);
	struct shm_object a = fixture_object(&f, SHM_SERVER, "app", "a");
	struct shm_object b = fixture_object(&f, SHM_SERVER, "app", "b");
	shm_count(&a, SHM_SERVER_stot, 5);
	shm_count(&b, SHM_SERVER_stot, 7);
	shm_entry(f.shm, a.index)->data.facts.name[0] = 'z';
	shm_record(f.shm, b.index)->magic = 0;
	assert_int_equal(shm_verify(f.shm, NULL, NULL), 2);
	shm_close(&f.shm);
	assert_true(fixture_open(&f, false));
	assert_non_null(strstr(f.err, "2 damaged"));
	shm_commit(f.shm, &f.g, 2);
	fixture_verify(&f);
	a = fixture_object(&f, SHM_SERVER, "app", "a");
	b = fixture_object(&f, SHM_SERVER, "app", "b");
	assert_true(a.is_current && b.is_current);
	assert_int_equal(shm_total(f.shm, &a, SHM_SERVER_stot), 0);
	assert_int_equal(shm_total(f.shm, &b, SHM_SERVER_stot), 7);
	fixture_remove(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_configured_is_found_with_its_facts),
		cmocka_unit_test(who_is_to_start_down_is_down_before_it_is_current),
		cmocka_unit_test(room_made_for_a_reload_is_found_but_not_current),
		cmocka_unit_test(
			unchanged_objects_keep_numbers_and_health_changed_servers_start_fresh),
		cmocka_unit_test(
			gone_objects_are_readable_while_a_generation_uses_them_and_return_with_numbers),
		cmocka_unit_test(the_file_wins_over_memory_only_where_it_changed),
		cmocka_unit_test(a_commit_bumps_the_version_of_backends_and_moves_limits),
		cmocka_unit_test(
			a_server_that_is_not_checked_any_more_forgets_its_health),
		cmocka_unit_test(
			workers_may_become_more_up_to_what_the_region_was_made_for),
		cmocka_unit_test(
			a_full_directory_takes_the_places_of_those_gone_for_longest),
		cmocka_unit_test(thousands_of_servers_are_found),
		cmocka_unit_test(damaged_entries_and_records_are_set_aside_at_adoption),
#ifdef WEIR_FAULTS
		cmocka_unit_test(a_master_killed_in_the_middle_of_a_reload_loses_nothing),
#endif
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
