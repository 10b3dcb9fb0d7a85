/* SPDX-License-Identifier: MIT
 *
 * Words, variables and conditions of haproxy.cfg.
 */
#include "tests/unit/import/imported.h"

static const struct {
	const char *line, *plain, *kept; /* the description, run and written */
} words[] = {
	{"a\\ b", "a b", "a b"},
	{"'a b' # c", "'a b'", NULL},
	{"\"$WEIR_T\"", "value", "${WEIR_T-}"},
	{"\"${WEIR_T}x\"", "valuex", "${WEIR_T-}x"},
	{"\"${WEIR_NONE-d}\"", "d", "${WEIR_NONE-d}"},
	{"\"${WEIR_T+yes}\"", "yes", "${WEIR_T+yes}"},
	{"\"\\$WEIR_T\"", "$WEIR_T", "$$WEIR_T"},
	{"'$WEIR_T'", "$WEIR_T", "$$WEIR_T"},
	{"$WEIR_T", "$WEIR_T", "$$WEIR_T"},
	{"\\x41", "A", "A"},
	{"\"${.LINE}\"", "3", "3"},
	{"\"${.SECTION}\"", "p", "p"},
	{"a\\.b", "a\\.b", "a\\.b"},
};

static void
quotes_escapes_and_variables_are_those_of_haproxy(void **state)
{
	(void)state;
	setenv("WEIR_T", "value", 1);
	unsetenv("WEIR_NONE");
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		struct arena *a = arena_new();
		const char *text = arena_printf(
			a, "listen p\n bind :1\n unique-id-format %s\n", words[i].line);
		bool has_blank = strchr(words[i].plain, '\'') != NULL;
		struct import *im = imported_with(a, text, false);
		if (im->lost_n)
			print_error("%s: %s", words[i].line, lost(im));
		assert_string_equal(text_at(im, "listens.p.unique_id_format"),
				    has_blank ? "a b" : words[i].plain);
		im = imported_with(a, text, true);
		if (words[i].kept)
			assert_string_equal(text_at(im, "listens.p.unique_id_format"),
					    words[i].kept);
		arena_free(&a);
	}
}

static void
addresses_are_expanded_without_quotes(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	setenv("WEIR_PORT", "8080", 1);
	struct import *im =
		imported_with(a, "listen p\n bind 127.0.0.1:${WEIR_PORT}\n", false);
	assert_string_equal(text_at(im, "listens.p.bind.0"), "127.0.0.1:8080");
	arena_free(&a);
}

static const struct {
	const char *text;
	int result;
} conditions[] = {
	{"", 0},
	{"0", 0},
	{"1", 1},
	{"!0 && 1", 1},
	{"0 || 1 && 1", 1},
	{"!(1 && 0)", 1},
	{"streq(a,a)", 1},
	{"streq(a, a)", 0},
	{"strneq(\"'a,b'\",\"'a,b'\")", 0},
	{"strstr(abc,b)", 1},
	{"version_atleast(2.6)", 1},
	{"version_before(99.0)", 1},
	{"version_atleast(3.2.1)", 0},
	{"feature(PCRE2)", 1},
	{"feature(LUA)", 0},
	{"defined(WEIR_T)", 1},
	{"defined(WEIR_NONE)", 0},
	{"fips_mode()", 0},
	{"streq(a)", -1},
	{"what(a)", -1},
	{"(1", -1},
	{"1 1", -1},
	{"streq(a,b", -1},
};

static void
conditions_are_those_of_haproxy(void **state)
{
	(void)state;
	setenv("WEIR_T", "value", 1);
	for (size_t i = 0; i < sizeof(conditions) / sizeof(conditions[0]); i++) {
		struct arena *a = arena_new();
		const char *err = NULL;
		int result = import_check_condition(a, conditions[i].text, &err);
		if (result != conditions[i].result)
			print_error("%s: %d %s\n", conditions[i].text, result,
				    err ? err : "");
		assert_int_equal(result, conditions[i].result);
		assert_true((result < 0) == (err != NULL));
		arena_free(&a);
	}
}

static void
branches_are_taken_once(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	struct import *im = imported_with(a,
					  "listen p\n bind :1\n"
					  ".if 0\n maxconn 1\n"
					  ".elif 1\n maxconn 2\n"
					  ".elif 1\n maxconn 3\n"
					  ".else\n maxconn 4\n.endif\n"
					  ".if 0\n.if 1\n maxconn 5\n.else\n maxconn 6\n"
					  ".endif\n.alert no\n.endif\n",
					  false);
	assert_int_equal(im->lost_n, 0);
	assert_string_equal(text_at(im, "listens.p.maxconn"), "2");
	im = imported_with(a, ".if 1\nlisten p\n bind :1\n", false);
	assert_non_null(strstr(lost(im), "1: .if without .endif"));
	im = imported_with(a, ".alert stop here\n", false);
	assert_non_null(strstr(lost(im), "1: stop here"));
	arena_free(&a);
}

static void
setenv_holds_for_the_lines_below(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	struct import *im = imported_with(a,
					  "global\n setenv P 81\nlisten p\n"
					  " bind \":$P\"\n",
					  true);
	assert_string_equal(text_at(im, "listens.p.bind.0"), ":81");
	arena_free(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(quotes_escapes_and_variables_are_those_of_haproxy),
		cmocka_unit_test(addresses_are_expanded_without_quotes),
		cmocka_unit_test(conditions_are_those_of_haproxy),
		cmocka_unit_test(branches_are_taken_once),
		cmocka_unit_test(setenv_holds_for_the_lines_below),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
