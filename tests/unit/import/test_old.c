/* SPDX-License-Identifier: MIT
 *
 * Words that HAProxy has given up: each becomes what stands for it today, or is told.
 */
#include "tests/unit/import/imported.h"

struct row {
	const char *line, *path, *value;
};

/* Each in a backend of its own. */
static const struct row rules[] = {
	{"reqadd X-A:\\ a", "http_request.0.add_header.name", "X-A"},
	{"rspadd X-A:\\ a", "http_response.0.add_header.value", "a"},
	{"reqdel ^X-A:", "http_request.0.del_header", "X-A"},
	{"reqidel ^X-A:", "http_request.0.del_header", "X-A"},
	{"rspdel ^X-A:", "http_response.0.del_header", "X-A"},
	{"rspidel ^X-A:", "http_response.0.del_header", "X-A"},
	{"reqrep ^X-A:\\ (.*) X-A:\\ b\\1", "http_request.0.replace_header.match",
	 "^(.*)"},
	{"reqirep ^X-A:\\ (.*) X-A:\\ b\\1", "http_request.0.replace_header.match",
	 "(?i)^(.*)"},
	{"rsprep ^X-A:\\ (.*) X-A:\\ b\\1", "http_response.0.replace_header.value",
	 "b\\1"},
	{"rspirep ^X-A:\\ (.*) X-A:\\ b\\1", "http_response.0.replace_header.match",
	 "(?i)^(.*)"},
	{"reqdeny ^X-A:\\ a", "http_request.0.deny", "true"},
	{"reqdeny ^X-A:\\ a", "http_request.0.if", "{ req.fhdr(X-A) -m reg ^a }"},
	{"reqideny ^X-A:\\ a", "http_request.0.if", "{ req.fhdr(X-A) -m reg (?i)^a }"},
	{"rspdeny ^X-A:\\ a", "http_response.0.if", "{ res.fhdr(X-A) -m reg ^a }"},
	{"rspideny ^X-A:\\ a", "http_response.0.if", "{ res.fhdr(X-A) -m reg (?i)^a }"},
	{"reqallow ^X-A:\\ a", "http_request.0.allow", "true"},
	{"reqiallow ^X-A:\\ a", "http_request.0.if", "{ req.fhdr(X-A) -m reg (?i)^a }"},
	{"reqtarpit ^X-A:\\ a", "http_request.0.tarpit", "true"},
	{"reqitarpit ^X-A:\\ a", "http_request.0.if", "{ req.fhdr(X-A) -m reg (?i)^a }"},
};

static const struct row others[] = {
	{"global\n nbproc 3\n", "global.nbproc", "3"},
	{"defaults\n contimeout 5000\n", "defaults.timeout.connect", "5000"},
	{"defaults\n clitimeout 6000\n", "defaults.timeout.client", "6000"},
	{"defaults\n srvtimeout 7000\n", "defaults.timeout.server", "7000"},
	{"defaults\n stats uri /st\n", "defaults.stats.uri", "/st"},
	{"listen l\n bind :1\n mode health\n", "listens.l.mode", "health"},
};

/* Nothing of today does these: the line is told, and what to do. */
static const char *const told[] = {
	"reqpass ^X-A:",
	"reqipass ^X-A:",
	"reqsetbe ^X-A: b",
	"reqisetbe ^X-A: b",
	"reqdel ^X-A:\\ only-this",
	"rspdel a.*line",
	"reqrep a.*line b",
	"rsprep ^X-A:\\ a X-B:\\ a",
	"reqdeny a.*line",
	"reqadd X-A:\\ a junk",
	"reqadd no-colon",
	"rspadd :\\ no-name",
	"reqadd",
};

/* Behind what is tested: a configuration listens somewhere. */
static struct import *
old(struct arena *a, const char *text)
{
	return imported_with(a, arena_printf(a, "%slisten end\n bind :2\n", text), false);
}

static void
expect(struct arena *a, const char *text, const char *path, const char *value)
{
	struct import *im = old(a, text);
	const char *got = text_at(im, path);
	if (!got || im->lost_n)
		print_error("%s: %s is %s\n%s", text, path, got ? got : "", lost(im));
	assert_int_equal(im->lost_n, 0);
	assert_non_null(got);
	assert_string_equal(got, value);
}

static void
rules_on_lines_become_rules_on_fields(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		struct arena *a = arena_new();
		expect(a, arena_printf(a, "backend b\n mode http\n %s\n", rules[i].line),
		       arena_printf(a, "backends.b.%s", rules[i].path), rules[i].value);
		arena_free(&a);
	}
}

static void
old_settings_become_those_of_today(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		struct arena *a = arena_new();
		expect(a, others[i].line, others[i].path, others[i].value);
		arena_free(&a);
	}
}

static void
what_no_rule_stands_for_is_told_at_its_line(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(told) / sizeof(told[0]); i++) {
		struct arena *a = arena_new();
		struct import *im =
			old(a, arena_printf(a, "backend b\n mode http\n %s\n", told[i]));
		if (im->lost_n != 1 || strncmp(lost(im), "3: ", 3) != 0)
			print_error("%s: %s\n", told[i], lost(im));
		assert_int_equal(im->lost_n, 1);
		assert_memory_equal(lost(im), "3: ", 3);
		arena_free(&a);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_on_lines_become_rules_on_fields),
		cmocka_unit_test(old_settings_become_those_of_today),
		cmocka_unit_test(what_no_rule_stands_for_is_told_at_its_line),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
