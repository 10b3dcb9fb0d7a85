/* SPDX-License-Identifier: MIT
 *
 * Addresses of servers that people have set at run time.
 */
#include "fixture.h"
#include "shm/address.h"

static struct addr
parsed(const char *text)
{
	struct addr a;
	assert_int_equal(addr_parse(span_str(text), -1, &a, NULL), ADDR_OK);
	return a;
}

static void
assert_is_at(const struct shm_object *server, const char *text)
{
	char is[ADDR_TEXT_BYTES];
	struct addr a;
	assert_true(shm_address_read(server, &a));
	assert_string_equal(addr_format(&a, is), text);
}

static void
an_address_is_read_as_it_was_set_and_has_a_mark_of_its_own(void **state)
{
	(void)state;
	struct fixture f;
	fixture_create(&f);
	struct shm_object a = fixture_object(&f, SHM_SERVER, "app", "a");
	struct shm_object app = fixture_object(&f, SHM_BACKEND, "", "app");
	struct addr untouched = parsed("192.0.2.1:1"), four = parsed("192.0.2.7:8080"),
		    six = parsed("[2001:db8::7]:65535");
	uint32_t first = shm_address_mark(&a);
	assert_false(shm_address_set(f.shm, &a, &app, &four)); /* not ours to say */
	assert_false(shm_address_read(&a, &untouched));
	assert_int_equal(addr_port(&untouched), 1);

	shm_lease_grant(f.shm, SHM_ROLE_CONTROL, SHM_SLOT_MASTER);
	uint64_t version = app.backend->version;
	assert_true(shm_address_set(f.shm, &a, &app, &four));
	assert_true(app.backend->version == version + 1);
	uint32_t second = shm_address_mark(&a);
	assert_int_not_equal(first, second);
	assert_is_at(&a, "192.0.2.7:8080");
	assert_true(shm_address_set(f.shm, &a, &app, &six));
	assert_int_not_equal(second, shm_address_mark(&a));
	assert_is_at(&a, "[2001:db8::7]:65535");
	assert_true(shm_address_set(f.shm, &a, &app, NULL));
	assert_false(shm_address_read(&a, &untouched));
	fixture_remove(&f);
}

static void
a_reload_forgets_what_was_for_now_alone(void **state)
{
	(void)state;
	struct fixture f;
	fixture_create(&f);
	struct shm_object a = fixture_object(&f, SHM_SERVER, "app", "a");
	struct shm_object app = fixture_object(&f, SHM_BACKEND, "", "app");
	struct addr to = parsed("192.0.2.7:8080");
	shm_lease_grant(f.shm, SHM_ROLE_CONTROL, SHM_SLOT_MASTER);
	shm_hand_sign(&a, SHM_HAND_ADDRESS, (struct shm_hand_mark){.uid = 1});
	assert_true(shm_address_set(f.shm, &a, &app, &to));
	shm_commit(f.shm, &f.g, 2);
	assert_is_at(&a, "192.0.2.7:8080");
	uint32_t mark = shm_address_mark(&a);
	shm_hand_sign(&a, SHM_HAND_ADDRESS, (struct shm_hand_mark){.is_passing = true});
	shm_commit(f.shm, &f.g, 3);
	assert_false(shm_address_read(&a, &to));
	assert_int_not_equal(mark, shm_address_mark(&a));
	fixture_remove(&f);
}

static void
a_word_that_nobody_wrote_like_this_is_no_address(void **state)
{
	(void)state;
	struct shm_server server = {.health = 0};
	struct shm_object o = {.server = &server};
	struct addr a;
	atomic_store(&server.address.seq, 2);
	for (uint32_t kind = 0; kind < 16; kind++) {
		atomic_store(&server.address.kind, kind | 80U << 16);
		assert_int_equal(shm_address_read(&o, &a),
				 kind == ADDR_INET || kind == ADDR_INET6);
	}
	atomic_store(&server.address.kind, ADDR_INET);
	atomic_store(&server.address.seq, 3); /* its writer was killed */
	assert_false(shm_address_read(&o, &a));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			an_address_is_read_as_it_was_set_and_has_a_mark_of_its_own),
		cmocka_unit_test(a_reload_forgets_what_was_for_now_alone),
		cmocka_unit_test(a_word_that_nobody_wrote_like_this_is_no_address),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
