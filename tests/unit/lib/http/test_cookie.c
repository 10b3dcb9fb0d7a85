/* SPDX-License-Identifier: MIT */
#include "lib/http/cookie.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

/* Each piece as before<name=value>behind. */
static void
assert_pieces(const char *field, const char *expected)
{
	char out[256];
	size_t n = 0, whole = 0;
	struct http_cookie k;
	struct span rest = span_str(field);
	for (bool is_first = true; http_cookie_next(&rest, is_first, &k);
	     is_first = false) {
		n += (size_t)snprintf(out + n, sizeof(out) - n, "%.*s<%.*s%s%.*s>%.*s",
				      (int)k.before.n, k.before.p, (int)k.name.n,
				      k.name.p, k.value.p ? "=" : "", (int)k.value.n,
				      k.value.p ? k.value.p : "", (int)k.behind.n,
				      k.behind.p);
		whole += k.whole.n;
	}
	out[n] = '\0';
	assert_string_equal(out, expected);
	assert_int_equal(whole, strlen(field));
}

static void
cookies_are_taken_apart(void **state)
{
	(void)state;
	assert_pieces("a=1; b=2", "<a=1>; <b=2>");
	assert_pieces("a=1;b=2 ;c", "<a=1>;<b=2> ;<c>");
	assert_pieces("a = 1 ; b", "<a=1> ; <b>");
	assert_pieces("a=\"x;y\\\";z\"; b=2", "<a=\"x;y\\\";z\">; <b=2>");
	assert_pieces("a=1,b=2", "<a=1>,<b=2>");
	assert_pieces(";", "<>;<>");
	assert_pieces("; ; a=", "<>; <>; <a=>");
	assert_pieces("a=b=c", "<a=b=c>");
	assert_pieces("", "");
	assert_pieces("a=1;", "<a=1>;<>");
}

static void
set_cookie_ends_where_its_attributes_begin(void **state)
{
	(void)state;
	struct http_cookie k;
	assert_true(http_set_cookie(SPAN("SRV=own; path=/; a=b"), &k));
	assert_true(span_eq(k.name, SPAN("SRV")));
	assert_true(span_eq(k.value, SPAN("own")));
	assert_true(span_eq(k.behind, SPAN("; path=/; a=b")));
	assert_true(http_set_cookie(SPAN("SRV = own ;x"), &k));
	assert_true(span_eq(k.behind, SPAN(" ;x")));
	assert_true(http_set_cookie(SPAN("SRV="), &k));
	assert_int_equal(k.value.n, 0);
	assert_false(http_set_cookie(SPAN("nothing; path=/"), &k));
	assert_false(http_set_cookie(SPAN(""), &k));
}

static void
dates_survive_within_four_seconds(void **state)
{
	(void)state;
	char text[HTTP_COOKIE_DATE_BYTES];
	const uint64_t dates[] = {4, 1700000000, 1700000003, 4294967292};
	for (size_t i = 0; i < 4; i++) {
		http_cookie_date_put(dates[i], text);
		assert_int_equal(http_cookie_date(span_of(text, sizeof(text))),
				 dates[i] / 4 * 4);
	}
	assert_int_equal(http_cookie_date(SPAN("AAAA")), 0);
	assert_int_equal(http_cookie_date(SPAN("A?AAA")), 0);
	assert_int_equal(http_cookie_date(SPAN("AAAAB and more")), 4);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cookies_are_taken_apart),
		cmocka_unit_test(set_cookie_ends_where_its_attributes_begin),
		cmocka_unit_test(dates_survive_within_four_seconds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
