/* SPDX-License-Identifier: MIT */
#include "lib/base/addr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void
addresses_are_read_and_printed(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int port_default;
		enum addr_result result;
		const char *printed;
	} rows[] = {
		{"127.0.0.1:80", -1, ADDR_OK, "127.0.0.1:80"},
		{"127.0.0.1", 53, ADDR_OK, "127.0.0.1:53"},
		{"127.0.0.1", -1, ADDR_PORT, NULL},
		{"*:8080", -1, ADDR_OK, "0.0.0.0:8080"},
		{":8080", -1, ADDR_OK, "0.0.0.0:8080"},
		{"[::1]:443", -1, ADDR_OK, "[::1]:443"},
		{"[::]:443", -1, ADDR_OK, "[::]:443"},
		{"[::1", -1, ADDR_SYNTAX, NULL},
		{"[::1]x", -1, ADDR_SYNTAX, NULL},
		{"unix@/run/x.sock", -1, ADDR_OK, "unix@/run/x.sock"},
		{"/run/x.sock", -1, ADDR_OK, "unix@/run/x.sock"},
		{"unix@", -1, ADDR_SYNTAX, NULL},
		{"fd@3", -1, ADDR_OK, "fd@3"},
		{"fd@x", -1, ADDR_SYNTAX, NULL},
		{"www.example.com:80", -1, ADDR_HOSTNAME, NULL},
		{"-bad-:80", -1, ADDR_SYNTAX, NULL},
		{"300.1.1.1:80", -1, ADDR_SYNTAX, NULL},
		{"127.0.0.1:99999", -1, ADDR_PORT, NULL},
		{"127.0.0.1:http", -1, ADDR_PORT, NULL},
		{"127.0.0.1:", -1, ADDR_PORT, NULL},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct addr a;
		char buf[ADDR_TEXT_BYTES];
		enum addr_result r = addr_parse(span_str(rows[i].text),
						rows[i].port_default, &a, NULL);
		if (r != rows[i].result)
			fail_msg("'%s': %d", rows[i].text, (int)r);
		if (rows[i].printed)
			assert_string_equal(addr_format(&a, buf), rows[i].printed);
	}
}

static void
a_host_name_is_handed_out_with_its_port(void **state)
{
	(void)state;
	struct addr a;
	struct span host = {NULL, 0};
	assert_int_equal(addr_parse(SPAN("db1.example.com:5432"), -1, &a, &host),
			 ADDR_HOSTNAME);
	assert_true(span_eq(host, SPAN("db1.example.com")));
	assert_int_equal(addr_port(&a), 5432);
}

static void
a_mapped_v6_address_prints_as_v4(void **state)
{
	(void)state;
	struct addr a;
	char buf[ADDR_TEXT_BYTES];
	assert_int_equal(addr_parse(SPAN("[::ffff:10.1.2.3]:80"), -1, &a, NULL), ADDR_OK);
	assert_string_equal(addr_format_host(&a, buf), "10.1.2.3");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_read_and_printed),
		cmocka_unit_test(a_host_name_is_handed_out_with_its_port),
		cmocka_unit_test(a_mapped_v6_address_prints_as_v4),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
