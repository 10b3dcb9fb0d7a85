/* SPDX-License-Identifier: MIT
 *
 * Regular expressions: what they cost when they explode, and where they begin.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>
#include <time.h>

#include "lib/expr/pattern.h"

enum { SUBJECT_BYTES = 16 * 1024, BOUND_MS = 50, ROUNDS = 3 };

static struct {
	struct arena *arena;
	struct expr_env env;
	struct expr_context c;
	unsigned complaints;
	char subject[SUBJECT_BYTES];
} x;

static void
complain(const struct expr_context *c, const char *what, struct span detail)
{
	(void)c;
	(void)what;
	(void)detail;
	x.complaints++;
}

static int
begin(void **state)
{
	static const struct expr_host host = {.complain = complain};
	(void)state;
	x.arena = arena_new();
	expr_env_init(&x.env, x.arena, NULL);
	x.c = (struct expr_context){.host = &host};
	x.complaints = 0;
	return 0;
}

static int
end(void **state)
{
	(void)state;
	expr_env_free(&x.env);
	arena_free(&x.arena);
	return 0;
}

static struct expr_regex *
regex(const char *text)
{
	struct expr_error err;
	struct expr_regex *r = expr_regex_new(&x.env, span_str(text), false, 0, &err);
	if (!r)
		fail_msg("%s: %s", text, err.text);
	return r;
}

/* Runs of `run` letters a with a '!' behind each. */
static struct span
runs(size_t run)
{
	for (size_t i = 0; i < SUBJECT_BYTES; i++)
		x.subject[i] = i % (run + 1) == run ? '!' : 'a';
	x.subject[SUBJECT_BYTES - 1] = '!';
	return span_of(x.subject, SUBJECT_BYTES);
}

static int64_t
cpu_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void
expect_bounded(const char *pattern, struct span subject)
{
	const struct expr_regex *r = regex(pattern);
	size_t groups[2];
	int64_t best = INT64_MAX;
	for (int i = 0; i < ROUNDS; i++) {
		int64_t began = cpu_us();
		assert_true(expr_regex_match(r, &x.c, subject, 0, groups, 1) <= 0);
		int64_t took = cpu_us() - began;
		best = took < best ? took : best;
	}
	if (best > (int64_t)BOUND_MS * 1000)
		fail_msg("%s took %lld us", pattern, (long long)best);
}

static void
a_match_costs_a_bounded_time(void **state)
{
	static const char *const patterns[] = {
		"(a+)+$",      "^(a+)+$",     "(.*)*x",	     "(.*)*x!$", ".*.*.*.*!x",
		"(a|aa)+$",    "(a*)*b",      "a+b",	     "a+a+a+$",	 "^(.*a){20}b",
		"(?:a?){30}b", "([a-z]+)*!x", "(a|b|ab)*c$",
	};
	(void)state;
	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
		expect_bounded(patterns[i], runs(SUBJECT_BYTES));
		expect_bounded(patterns[i], runs(16));
		struct span ends_otherwise = runs(SUBJECT_BYTES);
		memcpy(x.subject + SUBJECT_BYTES - 6, "!b!c!x", 6);
		x.subject[SUBJECT_BYTES - 1] = '?';
		expect_bounded(patterns[i], ends_otherwise);
	}
}

static void
what_gives_up_is_complained_about(void **state)
{
	size_t groups[2];
	(void)state;
	assert_int_equal(expr_regex_match(regex("(a+)+$"), &x.c, runs(16), 0, groups, 1),
			 -1);
	assert_int_equal(x.complaints, 1);
	assert_int_equal(expr_regex_match(regex("(a+)$"), &x.c, runs(16), 0, groups, 1),
			 0);
	assert_int_equal(x.complaints, 1);
}

/* Deep ones need more stack than a machine frame has. */
static void
long_subjects_match(void **state)
{
	static const char *const patterns[] = {"^(a|!)*$", "^(?:a|!|b)+$", "(a+!)+$",
					       "^([^?]+)$", "!$"};
	size_t groups[4];
	(void)state;
	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
		int n = expr_regex_match(regex(patterns[i]), &x.c, runs(16), 0, groups,
					 2);
		if (n <= 0)
			fail_msg("%s: %d", patterns[i], n);
	}
	assert_int_equal(x.complaints, 0);
}

static void
what_lies_before_the_offset_is_seen_but_not_matched(void **state)
{
	size_t groups[2];
	(void)state;
	struct span s = SPAN("aaa");
	assert_int_equal(expr_regex_match(regex("^a"), &x.c, s, 0, groups, 1), 1);
	assert_int_equal(expr_regex_match(regex("^a"), &x.c, s, 1, groups, 1), 0);
	assert_int_equal(expr_regex_match(regex("(?<=a)a"), &x.c, s, 1, groups, 1), 1);
	assert_int_equal(groups[0], 1);
	assert_int_equal(groups[1], 2);
	assert_int_equal(expr_regex_match(regex("$"), &x.c, s, 3, groups, 1), 1);
	assert_int_equal(groups[0], 3);
}

static void
groups_beyond_the_room_are_left_out(void **state)
{
	size_t groups[6];
	(void)state;
	assert_int_equal(expr_regex_match(regex("(a)(b)(c)(d)(e)(f)(g)(h)(i)(j)(k)(l)"),
					  &x.c, SPAN("abcdefghijkl"), 0, groups, 3),
			 3);
	assert_int_equal(groups[4], 1);
	assert_int_equal(groups[5], 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_match_costs_a_bounded_time, begin, end),
		cmocka_unit_test_setup_teardown(what_gives_up_is_complained_about, begin,
						end),
		cmocka_unit_test_setup_teardown(long_subjects_match, begin, end),
		cmocka_unit_test_setup_teardown(
			what_lies_before_the_offset_is_seen_but_not_matched, begin, end),
		cmocka_unit_test_setup_teardown(groups_beyond_the_room_are_left_out,
						begin, end),
	};
	return cmocka_run_group_tests_name("regex", tests, NULL, NULL);
}
