/* SPDX-License-Identifier: MIT
 *
 * Asking control for changes of servers.
 */
#include "fixture.h"

#include "shm/ask.h"

static void
every_word_has_a_command_for_one_server(void **state)
{
	(void)state;
	assert_int_equal(shm_ask_of(SPAN("drain")), SHM_ASK_drain);
	assert_int_equal(shm_ask_of(SPAN("")), SHM_ASK_NOTHING);
	assert_int_equal(shm_ask_of(SPAN("drain ")), SHM_ASK_NOTHING);
	for (int i = SHM_ASK_NOTHING + 1; i < SHM_ASKS_N; i++) {
		const char *command = shm_ask_command((enum shm_ask)i);
		const char *hole = strchr(command, '%');
		assert_non_null(hole);
		assert_int_equal(hole[1], 's');
		assert_null(strchr(hole + 1, '%'));
	}
}

static void
a_round_is_over_when_its_words_are_taken(void **state)
{
	struct shm_server server = {0};
	struct shm_backend backend = {0};
	struct shm_object s = {.kind = SHM_SERVER, .server = &server};
	struct shm_object b = {.kind = SHM_BACKEND, .backend = &backend};
	(void)state;
	assert_int_equal(shm_ask_round(&b), 0);
	shm_ask_put(&s, SHM_ASK_drain);
	uint64_t first = shm_ask_send(&b);
	shm_ask_put(&s, SHM_ASK_maint);
	uint64_t second = shm_ask_send(&b);
	assert_false(shm_ask_is_done(&b, first));
	assert_int_equal(shm_ask_round(&b), second);
	assert_int_equal(shm_ask_take(&s), SHM_ASK_maint);
	assert_int_equal(shm_ask_take(&s), SHM_ASK_NOTHING);
	shm_ask_done(&b, second);
	assert_true(shm_ask_is_done(&b, first));
	assert_true(shm_ask_is_done(&b, second));
	assert_int_equal(shm_ask_round(&b), 0);
}

static void
a_word_that_nobody_knows_asks_for_nothing(void **state)
{
	struct shm_server server = {0};
	struct shm_object s = {.kind = SHM_SERVER, .server = &server};
	(void)state;
	server.asked = UINT64_MAX;
	assert_int_equal(shm_ask_take(&s), SHM_ASK_NOTHING);
	assert_int_equal(server.asked, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_word_has_a_command_for_one_server),
		cmocka_unit_test(a_round_is_over_when_its_words_are_taken),
		cmocka_unit_test(a_word_that_nobody_knows_asks_for_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
