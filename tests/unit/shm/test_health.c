/* SPDX-License-Identifier: MIT
 *
 * Words of servers, the effective state, and who may write.
 */
#include "fixture.h"
#include "lib/base/clock.h"

static void
words_survive_packing(void **state)
{
	(void)state;
	for (int st = SHM_HEALTH_UNKNOWN; st <= SHM_HEALTH_UP; st++) {
		struct shm_health_word w = {.state = (enum shm_health)st,
					    .seq = 255,
					    .since_s = UINT32_MAX - 5};
		struct shm_health_word v = shm_health_unpack(shm_health_pack(w));
		assert_int_equal(v.state, w.state);
		assert_int_equal(v.seq, w.seq);
		assert_int_equal(v.since_s, w.since_s);
	}
	static const uint16_t weights[] = {0, 1, 100, SHM_WEIGHT_MAX,
					   SHM_WEIGHT_CONFIGURED};
	for (int bits = 0; bits < 8; bits++) {
		for (int i = 0; i < 25; i++) {
			struct shm_admin_word w = {
				.maint = bits & 1,
				.drain = bits & 2,
				.config_disabled = bits & 4,
				.weight = weights[i / 5],
				.config_weight = weights[i % 5],
			};
			struct shm_admin_word v = shm_admin_unpack(shm_admin_pack(w));
			assert_int_equal(v.maint, w.maint);
			assert_int_equal(v.drain, w.drain);
			assert_int_equal(v.config_disabled, w.config_disabled);
			assert_int_equal(v.weight, w.weight);
			assert_int_equal(v.config_weight, w.config_weight);
		}
	}
}

static void
a_word_of_zeros_means_as_configured(void **state)
{
	(void)state;
	struct shm_admin_word a = shm_admin_unpack(0);
	assert_false(a.maint || a.drain || a.config_disabled);
	assert_int_equal(a.weight, SHM_WEIGHT_CONFIGURED);
	assert_int_equal(shm_health_unpack(0).state, SHM_HEALTH_UNKNOWN);
}

static void
any_word_unpacks_to_values_in_range(void **state)
{
	(void)state;
	uint64_t w = 88172645463325252ULL;
	for (int i = 0; i < 10000; i++) {
		w ^= w << 13;
		w ^= w >> 7;
		w ^= w << 17;
		assert_true(shm_health_unpack(w).state <= SHM_HEALTH_NOLB);
		struct shm_admin_word a = shm_admin_unpack(w);
		assert_true(a.weight <= SHM_WEIGHT_MAX ||
			    a.weight == SHM_WEIGHT_CONFIGURED);
		struct shm_effective e =
			shm_effective(a, shm_health_unpack(w), (uint32_t)w, w & 1);
		assert_true(e.weight <= SHM_WEIGHT_MAX);
		assert_non_null(e.text);
	}
}

static void
the_effective_state_follows_from_both_words(void **state)
{
	(void)state;
	enum { HAND = SHM_WEIGHT_CONFIGURED };
	static const struct {
		bool maint, drain;
		uint16_t weight;
		enum shm_health health;
		bool is_checked;
		uint32_t config_weight;
		bool is_usable, is_up;
		uint32_t want_weight;
		const char *text;
	} t[] = {
		{0, 0, HAND, SHM_HEALTH_UP, 1, 10, 1, 1, 10, "UP"},
		{0, 0, HAND, SHM_HEALTH_UNKNOWN, 1, 10, 1, 1, 10, "UP"},
		{0, 0, HAND, SHM_HEALTH_DOWN, 1, 10, 0, 0, 10, "DOWN"},
		{0, 0, HAND, SHM_HEALTH_UNKNOWN, 0, 10, 1, 1, 10, "no check"},
		/* what an old check said does not count when it is not checked now */
		{0, 0, HAND, SHM_HEALTH_DOWN, 0, 10, 1, 1, 10, "no check"},
		{1, 0, HAND, SHM_HEALTH_UP, 1, 10, 0, 0, 10, "MAINT"},
		{1, 1, HAND, SHM_HEALTH_DOWN, 1, 10, 0, 0, 0, "MAINT"},
		{1, 0, HAND, SHM_HEALTH_UNKNOWN, 0, 10, 0, 0, 10, "MAINT"},
		{0, 1, HAND, SHM_HEALTH_UP, 1, 10, 0, 1, 0, "DRAIN"},
		{0, 1, HAND, SHM_HEALTH_DOWN, 1, 10, 0, 0, 0, "DOWN"},
		{0, 1, HAND, SHM_HEALTH_UNKNOWN, 0, 10, 0, 1, 0, "DRAIN"},
		{0, 0, 0, SHM_HEALTH_UP, 1, 10, 0, 1, 0, "DRAIN"},
		{0, 0, HAND, SHM_HEALTH_UP, 1, 0, 0, 1, 0, "DRAIN"},
		{0, 0, 200, SHM_HEALTH_UP, 1, 10, 1, 1, 200, "UP"},
		{0, 0, 256, SHM_HEALTH_UP, 1, 0, 1, 1, 256, "UP"},
	};
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct shm_admin_word a = {
			.maint = t[i].maint, .drain = t[i].drain, .weight = t[i].weight};
		struct shm_health_word h = {.state = t[i].health};
		struct shm_effective e =
			shm_effective(a, h, t[i].config_weight, t[i].is_checked);
		assert_int_equal(e.is_usable, t[i].is_usable);
		assert_int_equal(e.is_up, t[i].is_up);
		assert_int_equal(e.weight, t[i].want_weight);
		assert_string_equal(e.text, t[i].text);
	}
}

static void
only_the_holder_of_the_lease_writes(void **state)
{
	(void)state;
	struct fixture f;
	fixture_create(&f);
	struct shm_object a = fixture_object(&f, SHM_SERVER, "app", "a");
	struct shm_object app = fixture_object(&f, SHM_BACKEND, "", "app");
	struct shm_check c = {.status_text = "L4OK", .code = 0, .duration_ms = 3};
	struct shm_admin_word w = {.weight = 7, .config_weight = 1};

	assert_false(shm_health_publish(f.shm, &a, &app, SHM_HEALTH_DOWN));
	assert_false(shm_check_publish(f.shm, &a, &c));
	assert_false(shm_admin_publish(f.shm, &a, &app, w));
	assert_int_equal(shm_health_unpack(a.server->health).state, SHM_HEALTH_UNKNOWN);

	shm_lease_grant(f.shm, SHM_ROLE_CHECKER, SHM_SLOT_MASTER);
	shm_lease_grant(f.shm, SHM_ROLE_CONTROL, SHM_SLOT_MASTER);
	uint64_t version = app.backend->version;
	assert_true(shm_health_publish(f.shm, &a, &app, SHM_HEALTH_DOWN));
	assert_true(app.backend->version == version + 1);
	assert_int_equal(shm_health_unpack(a.server->health).state, SHM_HEALTH_DOWN);
	/* the same state again is no change */
	assert_true(shm_health_publish(f.shm, &a, &app, SHM_HEALTH_DOWN));
	assert_true(app.backend->version == version + 1);
	assert_true(shm_admin_publish(f.shm, &a, &app, w));
	assert_true(app.backend->version == version + 2);
	assert_int_equal(shm_admin_unpack(a.server->admin).weight, 7);

	struct shm_check got;
	assert_true(shm_check_publish(f.shm, &a, &c));
	assert_true(shm_check_read(&a, &got));
	assert_string_equal(got.status_text, "L4OK");
	assert_int_equal(got.duration_ms, 3);
	fixture_remove(&f);
}

static void
errors_in_a_row_are_counted_and_come_to_their_limit_once(void **state)
{
	(void)state;
	struct shm_server server = {.health = 0};
	struct shm_backend backend = {.cursor = 0};
	struct shm_object o = {.server = &server}, b = {.backend = &backend};
	for (int row = 1; row <= 3; row++) {
		assert_false(shm_observe(&o, &b, SHM_OBSERVED_TIMEOUT, 3));
		assert_false(shm_observe(&o, &b, SHM_OBSERVED_CLOSED, 3));
		assert_false(shm_observe(&o, &b, SHM_OBSERVED_ANSWER, 3));
		assert_false(shm_observe(&o, &b, SHM_OBSERVED_CLOSED, 3));
		assert_false(shm_observe(&o, &b, SHM_OBSERVED_CLOSED, 3));
		assert_true(shm_observe(&o, &b, SHM_OBSERVED_BAD_STATUS, 3));
		assert_int_equal(server.errors_reached, row);
		assert_int_equal(server.errors_last, SHM_OBSERVED_BAD_STATUS);
		assert_int_equal(backend.observed, row);
	}
	/* a limit that a reload has lowered below what was counted */
	atomic_store(&server.errors, 7);
	assert_true(shm_observe(&o, &b, SHM_OBSERVED_CLOSED, 3));
	assert_int_equal(server.errors, 0);
}

static void
what_an_agent_says_comes_on_top_of_what_people_and_checks_say(void **state)
{
	(void)state;
	struct fixture f;
	fixture_create(&f);
	struct shm_object a = fixture_object(&f, SHM_SERVER, "app", "a");
	struct shm_facts facts = {.weight = 10, .is_checked = true};
	struct shm_agent_word w = shm_agent_unpack(0);
	shm_lease_grant(f.shm, SHM_ROLE_CHECKER, SHM_SLOT_MASTER);
	assert_int_equal(shm_server_effective(&a, &facts).weight, 10);
	w = (struct shm_agent_word){SHM_AGENT_UP, false, true, 5, 40};
	assert_true(shm_agent_publish(f.shm, &a, NULL, w, 9, 7));
	assert_string_equal(shm_server_effective(&a, &facts).text, "DRAIN");
	struct shm_agent_word got = shm_agent_unpack(a.server->agent);
	assert_true(got.drain && !got.maint && got.weight == 5 && got.maxconn == 40);
	w = (struct shm_agent_word){SHM_AGENT_STOPPED, false, false, 5, 0};
	assert_true(shm_agent_publish(f.shm, &a, NULL, w, 9, 7));
	assert_string_equal(shm_server_effective(&a, &facts).text, "DOWN (agent)");
	assert_false(shm_server_effective(&a, &facts).is_usable);
	w.maint = true;
	assert_true(shm_agent_publish(f.shm, &a, NULL, w, 9, 7));
	assert_string_equal(shm_server_effective(&a, &facts).text, "MAINT");
	assert_true(shm_agent_forget(f.shm, &a, NULL));
	assert_string_equal(shm_server_effective(&a, &facts).text, "UP");
	fixture_remove(&f);
}

static void
a_first_good_check_does_not_restart_the_time_of_being_up(void **state)
{
	(void)state;
	struct fixture f;
	fixture_create(&f);
	struct shm_object a = fixture_object(&f, SHM_SERVER, "app", "a");
	shm_lease_grant(f.shm, SHM_ROLE_CHECKER, SHM_SLOT_MASTER);
	struct shm_health_word w = shm_health_unpack(a.server->health);
	assert_true(w.since_s > 0);
	w.since_s -= w.since_s > 1;
	a.server->health = shm_health_pack(w);
	assert_true(shm_health_publish(f.shm, &a, NULL, SHM_HEALTH_UP));
	assert_int_equal(shm_health_unpack(a.server->health).since_s, w.since_s);
	assert_int_equal(shm_health_unpack(a.server->health).seq, w.seq + 1);
	fixture_remove(&f);
}

static void
a_check_record_left_half_written_is_said_to_be_busy_until_the_next_one(void **state)
{
	(void)state;
	struct fixture f;
	struct shm_check got, c = {.status_text = "L7STS", .code = 503};
	fixture_create(&f);
	struct shm_object a = fixture_object(&f, SHM_SERVER, "app", "a");
	shm_lease_grant(f.shm, SHM_ROLE_CHECKER, SHM_SLOT_MASTER);
	a.server->check.seq = 7;
	memset(a.server->check.desc, 'x', sizeof(a.server->check.desc));
	assert_false(shm_check_read(&a, &got));
	assert_int_equal(strlen(got.desc), sizeof(got.desc) - 1);
	assert_true(shm_check_publish(f.shm, &a, &c));
	assert_true(shm_check_read(&a, &got));
	assert_int_equal(got.code, 503);
	assert_int_equal(a.server->check.seq % 2, 0);
	fixture_remove(&f);
}

static void
a_slow_start_grows_in_steps_and_ends(void **state)
{
	(void)state;
	struct shm_server server = {.health = 0};
	struct shm_object o = {.server = &server};
	uint64_t now = clock_boot_ms();
	assert_int_equal(shm_ramp(&o, 1000000), 100); /* it was never away */
	atomic_store(&server.up_at_ms, now);
	assert_int_equal(shm_ramp(&o, 0), 100);
	assert_int_equal(shm_ramp(&o, 1000000), 5);
	atomic_store(&server.up_at_ms, now - 525000);
	assert_int_equal(shm_ramp(&o, 1000000), 50);
	atomic_store(&server.up_at_ms, now - 999000);
	assert_int_equal(shm_ramp(&o, 1000000), 95);
	atomic_store(&server.up_at_ms, now - 1000000);
	assert_int_equal(shm_ramp(&o, 1000000), 100);
	atomic_store(&server.up_at_ms, now + 5000); /* another clock is ahead */
	assert_int_equal(shm_ramp(&o, 1000000), 5);
}

static void
a_server_that_starts_slowly_has_part_of_its_weight(void **state)
{
	(void)state;
	struct shm_server server = {.health = 0};
	struct shm_object o = {.server = &server};
	struct shm_facts f = {.weight = 10, .slowstart_ms = 1000000};
	atomic_store(&server.up_at_ms, clock_boot_ms() - 250000);
	struct shm_effective e = shm_server_effective(&o, &f);
	assert_int_equal(e.ramp, 25);
	assert_int_equal(e.full_weight, 10);
	assert_int_equal(e.weight, 3); /* never 0 */
	assert_true(e.is_usable);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			errors_in_a_row_are_counted_and_come_to_their_limit_once),
		cmocka_unit_test(
			what_an_agent_says_comes_on_top_of_what_people_and_checks_say),
		cmocka_unit_test(words_survive_packing),
		cmocka_unit_test(a_word_of_zeros_means_as_configured),
		cmocka_unit_test(any_word_unpacks_to_values_in_range),
		cmocka_unit_test(the_effective_state_follows_from_both_words),
		cmocka_unit_test(only_the_holder_of_the_lease_writes),
		cmocka_unit_test(
			a_first_good_check_does_not_restart_the_time_of_being_up),
		cmocka_unit_test(
			a_check_record_left_half_written_is_said_to_be_busy_until_the_next_one),
		cmocka_unit_test(a_slow_start_grows_in_steps_and_ends),
		cmocka_unit_test(a_server_that_starts_slowly_has_part_of_its_weight),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
