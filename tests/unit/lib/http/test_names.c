/* SPDX-License-Identifier: MIT
 *
 * Names that CGI takes for others.
 */
#include "rows.h"

#include "lib/http/names.h"

static struct http_head head;

static void
parse(const char *text)
{
	enum http_reject why = HTTP_REJECT_none;

	if (http_head_parse_request(text, strlen(text), 0, &usual, &head, &why) !=
	    HTTP_PARSE_OK)
		fail_msg("%s: %s", text, http_reject_word(why));
}

static void
only_letters_digits_and_hyphens_are_beyond_doubt(void **state)
{
	static const struct {
		const char *name;
		bool is_mistakable;
	} rows[] = {
		{"X-Forwarded-For", false},
		{"x9", false},
		{"-", false},
		{"AZaz-09", false},
		{"X_Forwarded_For", true},
		{"X.Y", true},
		{"a!", true},
		{"x~", true},
		{"`", true},
		{"Host", false},
		{"X-Forwarded_For", true},
		{"a'b", true},
		{"|", true},
		{"x^", true},
		{"$a", true},
	};
	char text[128];

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		snprintf(text, sizeof(text), "GET / HTTP/1.1\r\n%s: x\r\n\r\n",
			 rows[i].name);
		parse(text);
		if (http_names_mistakable(&head, false) != rows[i].is_mistakable)
			fail_msg("%s", rows[i].name);
		assert_false(head.fields[0].dropped);
	}
}

static void
all_of_them_are_dropped_at_once(void **state)
{
	(void)state;
	parse("GET / HTTP/1.1\r\nHost: a\r\na_b: 1\r\na-b: 2\r\na.b: 3\r\n\r\n");
	assert_true(http_names_mistakable(&head, true));
	assert_false(head.fields[0].dropped);
	assert_true(head.fields[1].dropped);
	assert_false(head.fields[2].dropped);
	assert_true(head.fields[3].dropped);
	assert_false(http_names_mistakable(&head, false));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_letters_digits_and_hyphens_are_beyond_doubt),
		cmocka_unit_test(all_of_them_are_dropped_at_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
