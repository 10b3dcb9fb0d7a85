/* SPDX-License-Identifier: MIT */
#include "rows.h"

#include "lib/http/values.h"

static void
a_comma_ends_a_value_but_not_within_quotes(void **state)
{
	(void)state;
	static const struct {
		struct span field;
		size_t from, end;
	} t[] = {
		{{"a, b", 4}, 0, 1},
		{{"a, b", 4}, 2, 4},
		{{"", 0}, 0, 0},
		{{",,", 2}, 1, 1},
		{{"\"a,b\", c", 8}, 0, 5},
		{{"x=\"a\\\",b\", c", 12}, 0, 9},
		{{"\"never, closed", 14}, 0, 14},
		{{"a\\, b", 5}, 0, 2}, /* an escape without quotes is none */
	};
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++)
		assert_int_equal(http_value_end(t[i].field, t[i].from), t[i].end);
}

static void
values_come_one_after_the_other_over_fields(void **state)
{
	(void)state;
	static const char text[] = "HTTP/1.1 200 OK\r\nA: 1, \"2,3\"\r\nA: 4\r\n\r\n";
	static const char *const values[] = {"1", "\"2,3\"", "4"};
	static struct http_head h;
	enum http_reject why;
	uint32_t place = 0;
	assert_int_equal(
		http_head_parse_response(text, sizeof(text) - 1, 0, &usual, &h, &why),
		HTTP_PARSE_OK);
	for (size_t i = 0; i < 3; i++) {
		struct span v = http_value_take(&h, place >> 16, true, &place);
		assert_true(span_eq(v, span_str(values[i])));
	}
	assert_int_equal(place, h.fields_n << 16);
	place = 0;
	struct span whole = http_value_take(&h, 0, false, &place);
	assert_true(span_eq(whole, SPAN("1, \"2,3\"")));
	assert_int_equal(place, 1 << 16);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_comma_ends_a_value_but_not_within_quotes),
		cmocka_unit_test(values_come_one_after_the_other_over_fields),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
