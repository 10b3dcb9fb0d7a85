/* SPDX-License-Identifier: MIT
 *
 * host[:port] (RFC 9110 7.2, RFC 3986 3.2).
 */
#include "rows.h"

#include "lib/http/authority.h"

#define S(text)                        \
	{                              \
		text, sizeof(text) - 1 \
	}

static const struct span good[] = {
	S("a"),
	S("a.b-c_d~e"),
	S("EXAMPLE.com"),
	S("example.com."),
	S("127.0.0.1"),
	S("999.1.1.1"), /* a name */
	S("xn--mnchen-3ya.de"),
	S("a!$&'()*+;=b"),
	S("a%20b"),
	S("%C3%a9"),
	S("a:80"),
	S("a:1"),
	S("a:65535"),
	S("a:00080"),
	S("a:0"),
	S("a:"),
	S("[::1]"),
	S("[::1]:8080"),
	S("[::]"),
	S("[2001:db8::1]:"),
	S("[1:2:3:4:5:6:7:8]"),
	S("[::ffff:127.0.0.1]"),
	S("[2001:DB8:0:0:0:0:0:ABCD]:443"),
};

static const struct span bad[] = {
	S(""),
	S(":80"),
	S(":"),
	S("a b"),
	S(" a"),
	S("a,b"),
	S("a/b"),
	S("a?b"),
	S("a#b"),
	S("a\\b"),
	S("u@a"),
	S("u:p@a"),
	S("a@"),
	S("<a>"),
	S("a\"b"),
	S("a|b"),
	S("a^b"),
	S("a{b}"),
	S("a`b"),
	S("a\0b"),
	S("a\tb"),
	S("a\x7f"),
	S("\xc3\xa9"),
	S("a%"),
	S("a%2"),
	S("a%2g"),
	S("a%zz"),
	S("a:b"),
	S("a:80b"),
	S("a:+80"),
	S("a:-1"),
	S("a: 80"),
	S("a:80 "),
	S("a:65536"),
	S("a:99999"),
	S("a:000080"),
	S("a:18446744073709551696"),
	S("a:80:80"),
	S("a::80"),
	S("::1"),
	S("1::2"),
	S("[]"),
	S("["),
	S("[::1"),
	S("::1]"),
	S("[::1]x"),
	S("[::1]80"),
	S("[::1]:x"),
	S("[::1]:70000"),
	S("[[::1]]"),
	S("[127.0.0.1]"),
	S("[a]"),
	S("[:::1]"),
	S("[1:2:3:4:5:6:7]"),
	S("[1:2:3:4:5:6:7:8:9]"),
	S("[12345::]"),
	S("[::1%eth0]"),
	S("[::1%25eth0]"),
	S("[v1.x]"),
	S("[::1\0]"),
	S("x[::1]"),
	S("[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]"),
};

static bool
is_valid(struct span a, enum http_port port)
{
	char *copy = copy_of(a.p, a.n);
	bool valid = http_authority_is_valid(span_of(copy, a.n), port);

	free(copy);
	return valid;
}

static void
hosts_and_ports_of_the_grammar_are_valid_and_no_others(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(good); i++)
		if (!is_valid(good[i], HTTP_PORT_OPTIONAL))
			fail_msg("'%s' is refused", good[i].p);
	for (size_t i = 0; i < N(bad); i++)
		if (is_valid(bad[i], HTTP_PORT_OPTIONAL) ||
		    is_valid(bad[i], HTTP_PORT_REQUIRED))
			fail_msg("'%s' is accepted", bad[i].p);
}

static void
connect_needs_a_port(void **state)
{
	(void)state;
	assert_true(is_valid(SPAN("a:1"), HTTP_PORT_REQUIRED));
	assert_true(is_valid(SPAN("[::1]:65535"), HTTP_PORT_REQUIRED));
	assert_false(is_valid(SPAN("a"), HTTP_PORT_REQUIRED));
	assert_false(is_valid(SPAN("a:"), HTTP_PORT_REQUIRED));
	assert_false(is_valid(SPAN("a:0"), HTTP_PORT_REQUIRED));
	assert_false(is_valid(SPAN("[::1]"), HTTP_PORT_REQUIRED));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hosts_and_ports_of_the_grammar_are_valid_and_no_others),
		cmocka_unit_test(connect_needs_a_port),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
