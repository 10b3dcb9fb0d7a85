/* SPDX-License-Identifier: MIT */
#include "lib/balance/balance.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void
assert_span(struct span s, const char *expected)
{
	if (!expected) {
		assert_null(s.p);
		return;
	}
	assert_non_null(s.p);
	assert_int_equal(s.n, strlen(expected));
	assert_memory_equal(s.p, expected, s.n);
}

static void
the_part_of_a_uri_ends_at_the_query_or_a_limit(void **state)
{
	(void)state;
	static const struct {
		const char *target;
		struct balance_uri u;
		const char *expected;
	} t[] = {
		{"/a/b/c?x=1", {0}, "/a/b/c"},
		{"/a/b/c?x=1", {.whole = true}, "/a/b/c?x=1"},
		{"/a/b/c?x=1", {.depth = 1}, "/a"},
		{"/a/b/c?x=1", {.depth = 2}, "/a/b"},
		{"/a/b/c?x=1", {.depth = 9}, "/a/b/c"},
		{"/a/b/c?x=1", {.len = 3}, "/a/"},
		{"/a/b/c?x=1", {.len = 3, .depth = 1}, "/a"},
		{"/a?x=/1/2", {.depth = 1, .whole = true}, "/a?x="},
		{"", {0}, ""},
	};
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		assert_span(balance_uri_part(span_str(t[i].target), &t[i].u),
			    t[i].expected);
}

static void
a_parameter_is_found_by_its_whole_name(void **state)
{
	(void)state;
	assert_span(balance_param(SPAN("a=1&id=7&b=2"), SPAN("id"), false), "7");
	assert_span(balance_param(SPAN("xid=1&id=7"), SPAN("id"), false), "7");
	assert_span(balance_param(SPAN("id&id=7"), SPAN("id"), false), "7");
	assert_span(balance_param(SPAN("id="), SPAN("id"), false), "");
	assert_span(balance_param(SPAN("idx=1"), SPAN("id"), false), NULL);
	assert_span(balance_param(SPAN(""), SPAN("id"), false), NULL);
}

static void
a_body_that_is_no_text_has_no_parameters(void **state)
{
	(void)state;
	assert_span(balance_param(SPAN("id=a\r\n"), SPAN("id"), true), "a");
	assert_span(balance_param(SPAN("id=a\x01z"), SPAN("id"), true), NULL);
	assert_span(balance_param(SPAN("id=a\x01z"), SPAN("id"), false), "a\x01z");
}

static void
the_domain_is_what_stands_before_the_last_dot(void **state)
{
	(void)state;
	assert_span(balance_domain(SPAN("haproxy.1wt.eu")), "1wt");
	assert_span(balance_domain(SPAN("example.com")), "example");
	assert_span(balance_domain(SPAN("localhost")), "localhost");
	assert_span(balance_domain(SPAN(".eu")), ".eu");
	assert_span(balance_domain(SPAN("a.b.")), "b");
	assert_span(balance_domain(SPAN("")), "");
}

static void
none_reads_the_number(void **state)
{
	(void)state;
	assert_int_equal(balance_hash(BALANCE_NONE, false, SPAN("4711")), 4711);
	assert_int_equal(balance_hash(BALANCE_NONE, false, SPAN("12ab")), 12);
	assert_int_equal(balance_hash(BALANCE_NONE, false, SPAN("-1")), UINT32_MAX);
	assert_int_equal(balance_hash(BALANCE_NONE, false, SPAN("x")), 0);
}

static void
an_address_is_the_sum_of_its_words(void **state)
{
	(void)state;
	const unsigned char v4[] = {10, 0, 0, 1};
	const unsigned char v6[] = {0x20, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5};
	assert_int_equal(balance_address(v4, 4, false), 0x0a000001);
	assert_int_equal(balance_address(v6, 16, false), 0x20010005);
}

static void
a_server_without_an_address_is_known_by_its_id(void **state)
{
	(void)state;
	const unsigned char v4[] = {10, 0, 0, 1};
	struct balance_identified s = {.id = 3, .name = SPAN("a"), .port = 80};
	assert_int_equal(balance_server_key(BALANCE_BY_ADDR, BALANCE_RING, &s), 3 * 4096);
	assert_int_equal(balance_server_key(BALANCE_BY_KIND, BALANCE_RING, &s), 3 * 4096);
	assert_int_not_equal(balance_server_key(BALANCE_BY_KIND, BALANCE_MAGLEV, &s),
			     3 * 4096);
	s.address = v4;
	s.address_bytes = 4;
	uint32_t by_addr = balance_server_key(BALANCE_BY_ADDR, BALANCE_RING, &s);
	uint32_t by_both = balance_server_key(BALANCE_BY_ADDR_PORT, BALANCE_RING, &s);
	assert_int_not_equal(by_addr, by_both);
	s.id = 4;
	assert_int_equal(balance_server_key(BALANCE_BY_ADDR, BALANCE_RING, &s), by_addr);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_part_of_a_uri_ends_at_the_query_or_a_limit),
		cmocka_unit_test(a_parameter_is_found_by_its_whole_name),
		cmocka_unit_test(a_body_that_is_no_text_has_no_parameters),
		cmocka_unit_test(the_domain_is_what_stands_before_the_last_dot),
		cmocka_unit_test(none_reads_the_number),
		cmocka_unit_test(an_address_is_the_sum_of_its_words),
		cmocka_unit_test(a_server_without_an_address_is_known_by_its_id),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
