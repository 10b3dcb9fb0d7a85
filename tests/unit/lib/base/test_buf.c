/* SPDX-License-Identifier: MIT */
#include "lib/base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void
appending_keeps_the_bytes_through_every_size(void **state)
{
	(void)state;
	static struct buf_pools
		pools; /* slabs are never given back: keep them reachable */
	struct buf *b = NULL;
	buf_pools_init(&pools, 0);
	for (unsigned i = 0; i < 200000; i++) {
		char c = (char)i;
		assert_true(buf_append(&pools, &b, &c, 1));
	}
	assert_int_equal(buf_len(b), 200000);
	for (unsigned i = 0; i < 200000; i++)
		if (b->bytes[b->from + i] != (char)i)
			fail_msg("byte %u differs", i);
	buf_put(&pools, &b);
	assert_null(b);
	assert_int_equal(pools.used_bytes, 0);
}

static void
a_consumed_front_is_used_again_before_growing(void **state)
{
	(void)state;
	static struct buf_pools
		pools; /* slabs are never given back: keep them reachable */
	buf_pools_init(&pools, 0);
	struct buf *b = buf_get(&pools, 100);
	uint32_t cap = b->cap;
	b->to = cap;
	b->from = cap - 10;
	char bytes[50] = {0};
	assert_true(buf_append(&pools, &b, bytes, sizeof(bytes)));
	assert_int_equal(b->cap, cap);
	assert_int_equal(buf_len(b), 60);
	buf_put(&pools, &b);
}

static void
the_bound_holds_and_changes_nothing(void **state)
{
	(void)state;
	static struct buf_pools
		pools; /* slabs are never given back: keep them reachable */
	struct buf *a = NULL;
	static char big[8192];
	buf_pools_init(&pools, 2048);
	assert_true(buf_append(&pools, &a, big, 500));
	assert_false(buf_append(&pools, &a, big, sizeof(big)));
	assert_int_equal(buf_len(a), 500);
	buf_put(&pools, &a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(appending_keeps_the_bytes_through_every_size),
		cmocka_unit_test(a_consumed_front_is_used_again_before_growing),
		cmocka_unit_test(the_bound_holds_and_changes_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
