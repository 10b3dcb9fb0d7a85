/* SPDX-License-Identifier: MIT
 *
 * Servers that join a backend and leave it at run time, as the region sees them.
 */
#include "fixture.h"

#include "shm/health.h"
#include "shm/member.h"

static const char text[] = "{address: \"10.0.0.9:80\", weight: \"7\"}";

static struct shm_facts
facts_of(const char *name, uint32_t id, enum shm_membership m)
{
	struct shm_facts x = {.kind = SHM_SERVER, .weight = 7, .id = id};
	strcpy(x.name, name);
	strcpy(x.parent, "app");
	strcpy(x.addr, "10.0.0.9:80");
	strcpy(x.mode, "http");
	x.is_checked = true;
	x.membership = m;
	return x;
}

static void
join(struct fixture *f, const char *name, uint32_t id, enum shm_membership m)
{
	struct shm_facts x = facts_of(name, id, m);
	if (!shm_member_join(f->shm, fixture_facts(f, "app"), &x, text, false, f->err))
		fail_msg("%s", f->err);
	fixture_verify(f);
}

static void
leave(struct fixture *f, const char *name)
{
	struct shm_object backend = fixture_object(f, SHM_BACKEND, "", "app");
	struct shm_object o = fixture_object(f, SHM_SERVER, "app", name);
	shm_member_leave(f->shm, &backend, &o);
	fixture_verify(f);
}

static void
reload(struct fixture *f, uint64_t generation)
{
	if (shm_grow(f->shm, &f->g, f->err) != 0)
		fail_msg("%s", f->err);
	shm_commit(f->shm, &f->g, generation);
	fixture_verify(f);
}

/* "x y": those that joined, in the order of the directory. */
static const char *
members(struct fixture *f)
{
	static char list[256];
	struct shm_object o;
	struct shm_facts x;
	list[0] = '\0';
	for (uint32_t i = 0; shm_member_next(f->shm, "app", &i, &o, &x);) {
		char found[SHM_MEMBER_TEXT_BYTES];
		assert_true(shm_member_text(&o, &x, found));
		assert_string_equal(found, text);
		strcat(list, list[0] ? " " : "");
		strcat(list, x.name);
	}
	return list;
}

static bool
is_there(struct fixture *f, const char *name)
{
	struct shm_object o;
	return shm_find(f->shm, SHM_SERVER, "app", name, NULL, &o) && o.is_current;
}

static uint64_t
version_of(struct fixture *f)
{
	struct shm_object backend = fixture_object(f, SHM_BACKEND, "", "app");
	return shm_members_version(&backend);
}

static void
who_joins_is_found_with_its_text_in_maintenance(void **state)
{
	(void)state;
	struct fixture f;
	fixture_create(&f);
	assert_int_equal(version_of(&f), 0);
	join(&f, "x", 9, SHM_MEMBER_JOINED);
	assert_int_equal(version_of(&f), 1);
	assert_string_equal(members(&f), "x");
	struct shm_object o = fixture_object(&f, SHM_SERVER, "app", "x");
	struct shm_admin_word a = shm_admin_unpack(atomic_load(&o.server->admin));
	assert_true(o.is_current);
	assert_true(a.maint);
	assert_true(a.no_check);
	assert_int_equal(a.config_weight, 7);
	fixture_remove(&f);
}

static void
who_left_is_not_there_and_may_join_again(void **state)
{
	(void)state;
	struct fixture f;
	fixture_create(&f);
	join(&f, "x", 9, SHM_MEMBER_JOINED);
	struct shm_object o = fixture_object(&f, SHM_SERVER, "app", "x");
	shm_count(&o, SHM_SERVER_stot, 5);
	leave(&f, "x");
	assert_false(is_there(&f, "x"));
	assert_true(shm_member_is_out(f.shm, &o, 1));
	assert_string_equal(members(&f), "");
	assert_int_equal(version_of(&f), 2);
	join(&f, "x", 9, SHM_MEMBER_JOINED);
	assert_string_equal(members(&f), "x");
	assert_int_equal(shm_total(f.shm, &o, SHM_SERVER_stot), 5);
	fixture_remove(&f);
}

static void
a_reload_keeps_who_joined_and_forgets_who_was_passing(void **state)
{
	(void)state;
	struct fixture f;
	fixture_create(&f);
	join(&f, "x", 9, SHM_MEMBER_JOINED);
	join(&f, "y", 10, SHM_MEMBER_PASSING);
	assert_string_equal(members(&f), "x y");
	reload(&f, 2);
	assert_string_equal(members(&f), "x");
	shm_close(&f.shm);
	assert_true(fixture_open(&f, false));
	shm_commit(f.shm, &f.g, 3);
	assert_string_equal(members(&f), "x");
	fixture_remove(&f);
}

static void
what_is_configured_wins_over_who_joined(void **state)
{
	(void)state;
	struct fixture f;
	fixture_create(&f);
	join(&f, "x", 9, SHM_MEMBER_JOINED);
	join(&f, "y", 10, SHM_MEMBER_JOINED);
	struct shm_object y = fixture_object(&f, SHM_SERVER, "app", "y");
	shm_count(&y, SHM_SERVER_stot, 5);
	/* elsewhere: another server; at the same place: the same */
	fixture_add(&f, SHM_SERVER, "app", "x", "10.0.0.8:80");
	fixture_add(&f, SHM_SERVER, "app", "y", "10.0.0.9:80");
	reload(&f, 2);
	assert_string_equal(members(&f), "");
	assert_true(is_there(&f, "x"));
	y = fixture_object(&f, SHM_SERVER, "app", "y");
	assert_int_equal(shm_total(f.shm, &y, SHM_SERVER_stot), 5);
	fixture_remove(&f);
}

static void
who_joined_goes_with_its_backend(void **state)
{
	(void)state;
	struct fixture f;
	fixture_create(&f);
	join(&f, "x", 9, SHM_MEMBER_JOINED);
	fixture_drop(&f, "app");
	reload(&f, 2);
	assert_string_equal(members(&f), "");
	fixture_remove(&f);
}

static void
an_id_that_a_file_takes_is_given_up(void **state)
{
	(void)state;
	struct fixture f;
	struct shm_facts x;
	struct shm_object o;
	uint32_t i = 0;
	fixture_create(&f);
	join(&f, "x", 50, SHM_MEMBER_JOINED);
	join(&f, "y", 51, SHM_MEMBER_JOINED);
	fixture_add(&f, SHM_SERVER, "app", "d", "10.0.0.4:80")->id = 50;
	reload(&f, 2);
	assert_true(shm_member_next(f.shm, "app", &i, &o, &x));
	assert_string_equal(x.name, "x");
	assert_int_equal(x.id, 52);
	fixture_remove(&f);
}

static void
a_configured_server_that_left_is_back_when_files_are_read_again(void **state)
{
	(void)state;
	struct fixture f;
	fixture_create(&f);
	leave(&f, "b");
	assert_false(is_there(&f, "b"));
	reload(&f, 2);
	assert_true(is_there(&f, "b"));
	struct shm_object b = fixture_object(&f, SHM_SERVER, "app", "b");
	assert_false(shm_member_is_out(f.shm, &b, 0));
	fixture_remove(&f);
}

static void
a_text_that_somebody_else_wrote_does_not_count(void **state)
{
	(void)state;
	struct fixture f;
	struct shm_object o;
	struct shm_facts x;
	char found[SHM_MEMBER_TEXT_BYTES];
	uint32_t i = 0;
	fixture_create(&f);
	join(&f, "x", 9, SHM_MEMBER_JOINED);
	assert_true(shm_member_next(f.shm, "app", &i, &o, &x));
	((char *)o.area)[3] ^= 1;
	assert_false(shm_member_text(&o, &x, found));
	memset(o.area, 'x', SHM_MEMBER_TEXT_BYTES);
	assert_false(shm_member_text(&o, &x, found));
	fixture_remove(&f);
}

static void
joining_and_leaving_all_the_time_takes_no_more_room(void **state)
{
	(void)state;
	struct fixture f;
	struct shm_info before, after;
	fixture_create(&f);
	join(&f, "x", 9, SHM_MEMBER_JOINED);
	shm_info(f.shm, &before);
	for (int i = 0; i < 200; i++) {
		leave(&f, "x");
		join(&f, "x", 9, SHM_MEMBER_JOINED);
	}
	shm_info(f.shm, &after);
	assert_int_equal(after.used_bytes, before.used_bytes);
	fixture_remove(&f);
}

#ifdef WEIR_FAULTS
/* Killed anywhere, the master leaves a server that is there or is not, with its text. */
static void
a_master_killed_while_one_joins_or_leaves_leaves_no_half_of_it(void **state)
{
	(void)state;
	static const enum shm_fault_point points[] = {
		SHM_FAULT_entry_odd,	SHM_FAULT_entry_even,	  SHM_FAULT_member_text,
		SHM_FAULT_member_entry, SHM_FAULT_grow_allocated, SHM_FAULT_grow_entries,
	};
	for (size_t p = 0; p < sizeof(points) / sizeof(points[0]); p++)
		for (unsigned nth = 1; nth <= 6; nth++) {
			struct fixture f;
			fixture_create(&f);
			join(&f, "y", 10, SHM_MEMBER_JOINED);
			fflush(NULL);
			pid_t pid = fork();
			if (pid == 0) {
				shm_fault_arm(points[p], nth, SHM_FAULT_KILL);
				join(&f, "x", 9, SHM_MEMBER_JOINED);
				leave(&f, "y");
				_exit(0);
			}
			fixture_wait(pid);
			shm_close(&f.shm);
			assert_true(fixture_open(&f, false));
			shm_commit(f.shm, &f.g, 2);
			fixture_verify(&f);
			const char *now = members(&f);
			assert_true(strcmp(now, "y") == 0 || strcmp(now, "y x") == 0 ||
				    strcmp(now, "x") == 0);
			fixture_remove(&f);
		}
}
#endif

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_joins_is_found_with_its_text_in_maintenance),
		cmocka_unit_test(who_left_is_not_there_and_may_join_again),
		cmocka_unit_test(a_reload_keeps_who_joined_and_forgets_who_was_passing),
		cmocka_unit_test(what_is_configured_wins_over_who_joined),
		cmocka_unit_test(who_joined_goes_with_its_backend),
		cmocka_unit_test(an_id_that_a_file_takes_is_given_up),
		cmocka_unit_test(
			a_configured_server_that_left_is_back_when_files_are_read_again),
		cmocka_unit_test(a_text_that_somebody_else_wrote_does_not_count),
		cmocka_unit_test(joining_and_leaving_all_the_time_takes_no_more_room),
#ifdef WEIR_FAULTS
		cmocka_unit_test(
			a_master_killed_while_one_joins_or_leaves_leaves_no_half_of_it),
#endif
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
