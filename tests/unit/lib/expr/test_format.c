/* SPDX-License-Identifier: MIT
 *
 * Formats: what is written for text, aliases and flags (configuration.txt 8.2.6, 8.6),
 * and where errors point. Expressions stand for constants here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "lib/expr/format.h"

static bool
client(const struct expr_context *c, const struct expr_arg *args, struct expr_sample *s)
{
	(void)c;
	(void)args;
	s->type = EXPR_IPV4;
	s->ipv4.s_addr = htonl(0x0a000001);
	return true;
}

static bool
port(const struct expr_context *c, const struct expr_arg *args, struct expr_sample *s)
{
	(void)c;
	(void)args;
	expr_set_int(s, 4711);
	return true;
}

static bool
request(const struct expr_context *c, const struct expr_arg *args, struct expr_sample *s)
{
	(void)c;
	(void)args;
	expr_set_str(s, SPAN("GET /\"a\"]#\x01\xc3\xa9\xff HTTP/1.1"));
	return true;
}

static bool
nothing(const struct expr_context *c, const struct expr_arg *args, struct expr_sample *s)
{
	(void)c;
	(void)args;
	(void)s;
	return false;
}

static bool
no_captures(const struct expr_context *c, const struct expr_arg *args,
	    struct expr_sample *s)
{
	(void)c;
	(void)args;
	expr_set_str(s, SPAN(""));
	return true;
}

static expr_fetch_fn *const aliases[FORMAT_ALIASES_N] = {
	[FORMAT_ALIAS_ci] = client,	 [FORMAT_ALIAS_cp] = port,
	[FORMAT_ALIAS_r] = request,	 [FORMAT_ALIAS_CC] = nothing,
	[FORMAT_ALIAS_hr] = no_captures,
};

static void
expect(enum format_use use, const char *text, const char *wanted)
{
	static char scratch[4096];
	static expr_fetch_fn *const no_fetches[EXPR_FETCHES_N];
	const struct expr_host host = {.fetches = no_fetches, .aliases = aliases};
	struct expr_scratch mem = {scratch, sizeof(scratch), 0};
	struct expr_context c = {.host = &host, .scratch = &mem, .at = EXPR_AT_LOG};
	struct arena *a = arena_new();
	struct expr_env env;
	struct expr_error err;
	char out[512];
	expr_env_init(&env, a, NULL);
	env.at = EXPR_AT_LOG;
	const struct format *f = format_compile(&env, span_str(text), use, true, &err);
	if (!f)
		fail_msg("%s: %zu: %s", text, err.at, err.text);
	size_t n = format_write(f, &c, out, sizeof(out) - 1);
	out[n] = '\0';
	assert_string_equal(out, wanted);
	assert_int_equal(mem.used, 0);
	for (size_t cap = 0; cap < n; cap++) { /* cut anywhere, never beyond */
		char *tight = test_malloc(cap + 1);
		assert_true(format_write(f, &c, tight, cap) <= cap);
		test_free(tight);
	}
	expr_env_free(&env);
	arena_free(&a);
}

static void
expect_error(bool is_http, const char *text, size_t at, const char *part)
{
	struct arena *a = arena_new();
	struct expr_env env;
	struct expr_error err = {0};
	expr_env_init(&env, a, NULL);
	env.at = EXPR_AT_LOG;
	assert_null(format_compile(&env, span_str(text), FORMAT_LOG, is_http, &err));
	if (err.at != at || !strstr(err.text, part))
		fail_msg("%s: %zu: %s", text, err.at, err.text);
	expr_env_free(&env);
	arena_free(&a);
}

static void
text_and_aliases_follow_each_other(void **state)
{
	(void)state;
	expect(FORMAT_LOG, "%ci:%cp [x] 100%%", "10.0.0.1:4711 [x] 100%");
	expect(FORMAT_LOG, "", "");
	expect(FORMAT_LOG, "%cp%cp", "47114711");
}

static void
a_missing_value_is_a_dash_in_logs_and_nothing_elsewhere(void **state)
{
	(void)state;
	expect(FORMAT_LOG, "a %CC b", "a - b");
	expect(FORMAT_LOG, "a %{+Q}CC b", "a \"\" b");
	expect(FORMAT_FIELD, "a %CC b", "a  b");
	expect(FORMAT_BYTES, "a %CC b", "a  b");
	expect(FORMAT_LOG, "%[env(NOT_SET_ANYWHERE)]|%[str(x)]", "-|x");
	/* binary is text up to its first NUL, as HAProxy has it */
	expect(FORMAT_LOG, "%[bin(616200)]", "ab");
	expect(FORMAT_FIELD, "%[bin(610062)]", "a");
}

static void
blanks_that_meet_are_one_in_logs_only(void **state)
{
	(void)state;
	expect(FORMAT_LOG, "a  \t b", "a b");
	expect(FORMAT_LOG, "a %hr %hr b", "a b");
	expect(FORMAT_FIELD, "a  b", "a  b");
}

static void
odd_bytes_are_encoded_for_the_use(void **state)
{
	(void)state;
	expect(FORMAT_LOG, "%{+Q}r", "\"GET /#22a#22]#23#01#C3#A9#FF HTTP/1.1\"");
	expect(FORMAT_FIELD, "%r", "GET /\"a\"]#%01\xc3\xa9\xff HTTP/1.1");
	expect(FORMAT_BYTES, "%r", "GET /\"a\"]#\x01\xc3\xa9\xff HTTP/1.1");
	expect(FORMAT_LOG, "%{+E}r", "GET /\\\"a\\\"\\]#23#01#C3#A9#FF HTTP/1.1");
}

static void
flags_are_for_one_item_or_for_all_that_follow(void **state)
{
	(void)state;
	expect(FORMAT_LOG, "%{+X}ci:%{+X}cp %cp", "0A000001:1267 4711");
	expect(FORMAT_LOG, "%{+Q}o %ci %{-Q}ci %cp %ci",
	       "\"10.0.0.1\" 10.0.0.1 4711 \"10.0.0.1\"");
	expect(FORMAT_LOG, "%{+Q,+X}ci %{+Q}[int(5)]", "\"0A000001\" \"5\"");
}

static void
json_writes_named_items_as_an_object(void **state)
{
	(void)state;
	expect(FORMAT_LOG, "%{+json}o %(ip)ci text %(port)cp %cp %(cookie)CC %(l:str)cp",
	       "{\"ip\": \"10.0.0.1\", \"port\": 4711, \"cookie\": null, \"l\": "
	       "\"4711\"}");
	expect(FORMAT_LOG, "%{+json}o%(r)r",
	       "{\"r\": \"GET /\\\"a\\\"]#\\u0001\xc3\xa9\\u00FF HTTP/1.1\"}");
	expect(FORMAT_LOG, "%{+json}o%(b:bool)[int(1)]%(n)[bool(0)]",
	       "{\"b\": true, \"n\": false}");
}

static void
an_object_has_numbers_nulls_and_texts(void **state)
{
	(void)state;
	static char scratch[8192];
	static expr_fetch_fn *const no_fetches[EXPR_FETCHES_N];
	const struct expr_host host = {.fetches = no_fetches, .aliases = aliases};
	struct expr_scratch mem = {scratch, sizeof(scratch), 0};
	struct expr_context c = {.host = &host, .scratch = &mem, .at = EXPR_AT_LOG};
	const struct span names[] = {SPAN("port"), SPAN("client"), SPAN("cookie"),
				     SPAN("fixed")};
	const struct span texts[] = {SPAN("%cp"), SPAN("%ci:%cp"), SPAN("%CC"),
				     SPAN("a\"b")};
	struct arena *a = arena_new();
	struct expr_env env;
	struct expr_error err;
	size_t wrong;
	char out[256];
	expr_env_init(&env, a, NULL);
	env.at = EXPR_AT_LOG;
	const struct format *f =
		format_compile_object(&env, names, texts, 4, true, &wrong, &err);
	assert_non_null(f);
	out[format_write(f, &c, out, sizeof(out) - 1)] = '\0';
	assert_string_equal(out, "{\"port\": 4711, \"client\": \"10.0.0.1:4711\", "
				 "\"cookie\": null, \"fixed\": \"a\\\"b\"}");
	const struct span bad[] = {SPAN("%cp"), SPAN("%zz")};
	assert_null(format_compile_object(&env, names, bad, 2, true, &wrong, &err));
	assert_int_equal(wrong, 1);
	expr_env_free(&env);
	arena_free(&a);
}

static void
errors_point_into_the_text(void **state)
{
	(void)state;
	expect_error(true, "a %zz", 3, "unknown '%zz'");
	expect_error(true, "%reasn", 1, "did you mean '%reason'?");
	expect_error(true, "100% sure", 4, "stands alone");
	expect_error(true, "%{+Z}ci", 2, "unknown flag 'Z'");
	expect_error(true, "%{+Q", 1, "expected '}'");
	expect_error(true, "%(x ci", 1, "expected ')'");
	expect_error(true, "%(x:float)ci", 4, "unknown type 'float'");
	expect_error(true, "x %[str(a)", 3, "expected ']'");
	expect_error(true, "x %[nofetch]", 4, "nofetch");
	expect_error(false, "%ci %r", 5, "mode http");
}

static void
a_text_without_items_is_constant(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	struct expr_env env;
	struct expr_error err;
	expr_env_init(&env, a, NULL);
	const struct format *f =
		format_compile(&env, SPAN("50%% off"), FORMAT_FIELD, true, &err);
	assert_true(span_eq(format_constant(f), SPAN("50% off")));
	f = format_compile(&env, SPAN(""), FORMAT_FIELD, true, &err);
	assert_non_null(format_constant(f).p);
	f = format_compile(&env, SPAN("x%ci"), FORMAT_FIELD, true, &err);
	assert_null(format_constant(f).p);
	expr_env_free(&env);
	arena_free(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_and_aliases_follow_each_other),
		cmocka_unit_test(a_missing_value_is_a_dash_in_logs_and_nothing_elsewhere),
		cmocka_unit_test(blanks_that_meet_are_one_in_logs_only),
		cmocka_unit_test(odd_bytes_are_encoded_for_the_use),
		cmocka_unit_test(flags_are_for_one_item_or_for_all_that_follow),
		cmocka_unit_test(json_writes_named_items_as_an_object),
		cmocka_unit_test(an_object_has_numbers_nulls_and_texts),
		cmocka_unit_test(errors_point_into_the_text),
		cmocka_unit_test(a_text_without_items_is_constant),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
