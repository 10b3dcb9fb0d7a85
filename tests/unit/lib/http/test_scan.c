/* SPDX-License-Identifier: MIT
 *
 * The table of classes against the grammar, and the fast scans against the table.
 */
#include "rows.h"

#include "lib/http/scan.h"

static bool
is_alnum(int c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool
is_one_of(int c, const char *set)
{
	return c != 0 && strchr(set, c) != NULL;
}

static void
the_classes_are_those_of_the_grammar(void **state)
{
	(void)state;
	for (int c = 0; c < 256; c++) {
		bool token = is_alnum(c) || is_one_of(c, "!#$%&'*+-.^_`|~");
		bool value = c == '\t' || (c >= ' ' && c != 0x7f);
		bool target = c > ' ' && c < 0x7f && c != '#';
		bool host = is_alnum(c) || is_one_of(c, "-._~!$&'()*+;=");
		bool quoted = value && c != '"' && c != '\\';
		assert_int_equal(http_is((char)c, HTTP_C_TOKEN), token);
		assert_int_equal(http_is((char)c, HTTP_C_VALUE), value);
		assert_int_equal(http_is((char)c, HTTP_C_TARGET), target);
		assert_int_equal(http_is((char)c, HTTP_C_HOST), host);
		assert_int_equal(http_is((char)c, HTTP_C_QUOTED), quoted);
	}
}

/* Puts byte c at `at` of n good bytes and says where the scan stops. */
static size_t
stop_of(const char *(*scan)(const char *, const char *), const char *good, size_t n,
	size_t at, int c)
{
	char *text = copy_of(good, n);
	size_t stop;

	text[at] = (char)c;
	stop = (size_t)(scan(text, text + n) - text);
	free(text);
	return stop;
}

static void
scans_stop_where_the_table_says(void **state)
{
	/* bytes next to a class and bytes whose carries disturb their neighbours */
	static const char value[] =
		"~\xff~\xff~~\xfe~\x80\x80~ \x81!~\xff\xff\xff~~A~\xff~~\xff\xff"
		"~aZ09 ~\xff~~~\xff";
	static const char target[] = "/~~!\"$~}~~|{zAZ09;:@~~~~/?~=&%~20~~~~!!";
	static const char token[] = "Abc-Defghij-klmnop.0123456789_xyz!~^";

	(void)state;
	for (int c = 0; c < 256; c++) {
		for (size_t n = 1; n < sizeof(token); n++) {
			for (size_t at = 0; at < n; at++) {
				bool v = http_is((char)c, HTTP_C_VALUE);
				bool g = http_is((char)c, HTTP_C_TARGET);
				bool t = http_is((char)c, HTTP_C_TOKEN);
				assert_int_equal(
					stop_of(http_scan_value, value, n, at, c),
					v ? n : at);
				assert_int_equal(
					stop_of(http_scan_target, target, n, at, c),
					g ? n : at);
				assert_int_equal(
					stop_of(http_scan_token, token, n, at, c),
					t ? n : at);
			}
		}
	}
}

static void
empty_ranges_are_not_read(void **state)
{
	char *empty = copy_of("", 0);

	(void)state;
	assert_ptr_equal(http_scan_value(empty, empty), empty);
	assert_ptr_equal(http_scan_target(empty, empty), empty);
	assert_ptr_equal(http_scan_token(empty, empty), empty);
	free(empty);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_classes_are_those_of_the_grammar),
		cmocka_unit_test(scans_stop_where_the_table_says),
		cmocka_unit_test(empty_ranges_are_not_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
