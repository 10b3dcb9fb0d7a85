/* SPDX-License-Identifier: MIT
 *
 * Pattern lists: what each match finds (configuration.txt 7.1.3), files, maps; big lists
 * against a comparison one by one, and their price.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "lib/expr/pattern.h"

static struct {
	struct arena *arena;
	struct expr_env env;
	char bytes[65536];
	struct expr_scratch scratch;
	struct expr_context c;
} x;

static int
begin(void **state)
{
	(void)state;
	x.arena = arena_new();
	expr_env_init(&x.env, x.arena, NULL);
	x.scratch = (struct expr_scratch){x.bytes, sizeof(x.bytes), 0};
	static const struct expr_host no_host;
	x.c = (struct expr_context){.host = &no_host, .scratch = &x.scratch};
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

static struct expr_sample
sample(enum expr_match m, const char *text)
{
	struct expr_sample s = {.type = EXPR_STR};
	expr_set_str(&s, span_str(text));
	if (expr_match_type(m) == EXPR_INT) {
		expr_set_int(&s, atoll(text));
	} else if (m == EXPR_MATCH_IP) {
		s.type = strchr(text, ':') ? EXPR_IPV6 : EXPR_IPV4;
		assert_int_equal(inet_pton(s.type == EXPR_IPV6 ? AF_INET6 : AF_INET, text,
					   &s.ipv4),
				 1);
	}
	return s;
}

/* Patterns are separated by blanks, "pattern=value". */
static struct expr_patterns *
list_of(enum expr_match m, bool is_caseless, const char *text)
{
	struct expr_patterns *p = expr_patterns_new(&x.env, m, is_caseless);
	struct span rest = span_str(text);
	struct expr_error err;
	while (rest.n) {
		struct span value = span_cut(&rest, ' ');
		struct span key = span_cut(&value, '=');
		if (expr_patterns_add(p, key, value, &err) < 0)
			fail_msg("%s: %s", text, err.text);
	}
	expr_patterns_seal(p);
	return p;
}

struct row {
	enum expr_match match;
	bool is_caseless;
	const char *patterns, *value;
	const char *finds; /* the map's value; NULL: nothing */
};

#define M(name) EXPR_MATCH_##name
static const struct row rows[] = {
	{M(STR), false, "a=1 b=2 a=3", "a", "1"},
	{M(STR), false, "a=1", "A", NULL},
	{M(STR), true, "Abc=1", "aBC", "1"},
	{M(STR), false, "a=1", "ab", NULL},
	{M(STR), false, "a b c d e f g h i=9 j k", "i", "9"},
	{M(STR), true, "a b c d e f g h I=9 j k", "i", "9"},
	{M(STR), false, "a b c d e f g h i j k", "l", NULL},
	{M(BEG), false, "/a=1 /a/b=2 /=0", "/a/b/c", "2"},
	{M(BEG), false, "/a=1 /a/b=2 /=0", "/x", "0"},
	{M(BEG), false, "/a=1", "/", NULL},
	{M(BEG), false, "1 2 3 4 5 6 7 8 9 /a=x /ab=y", "/abc", "y"},
	{M(BEG), true, "1 2 3 4 5 6 7 8 9 /a=x /aB=y", "/Abc", "y"},
	{M(END), false, ".js=1 .min.js=2", "x.min.js", "1"},
	{M(END), false, "1 2 3 4 5 6 7 8 9 .js=1 .min.js=2", "x.min.js", "1"},
	{M(END), false, "1 2 3 4 5 6 7 8 9 .min.js=1 .js=2", "x.min.js", "1"},
	{M(END), false, "1 2 3 4 5 6 7 8 9 .js=1 .min.js=2", "x.js", "1"},
	{M(END), true, ".JS=1", "x.Js", "1"},
	{M(SUB), false, "zz=0 b=1 c=2", "abc", "1"},
	{M(SUB), true, "B=1", "abc", "1"},
	{M(SUB), false, "B=1", "abc", NULL},
	{M(DIR), false, "b=1", "/a/b/c", "1"},
	{M(DIR), false, "b=1", "/a/bb/c", NULL},
	{M(DIR), false, "/a/b/=1", "/a/b?c", "1"},
	{M(DOM), false, "example.com=1", "www.example.com:80", "1"},
	{M(DOM), false, "ample.com=1", "www.example.com", NULL},
	{M(REG), false, "^/x.*=1 .*y$=2", "/aby", "2"},
	{M(REG), true, "^ABC$=1", "abc", "1"},
	{M(INT), false, "5=five 10:20=teens 30:=more :-1=less", "5", "five"},
	{M(INT), false, "5=five 10:20=teens 30:=more :-1=less", "15", "teens"},
	{M(INT), false, "5=five 10:20=teens 30:=more :-1=less", "99999999999", "more"},
	{M(INT), false, "5=five 10:20=teens 30:=more :-1=less", "-7", "less"},
	{M(INT), false, "5=five 10:20=teens 30:=more :-1=less", "21", NULL},
	{M(INT), false, "1 2 3 4 5 6 7 8 9=x 10", "9", "x"},
	{M(LEN), false, "3=x 5:=y", "abc", "x"},
	{M(LEN), false, "3=x 5:=y", "abcdefg", "y"},
	{M(LEN), false, "3=x 5:=y", "abcd", NULL},
	{M(BIN), false, "414243=1", "ABC", "1"},
	{M(IP), false, "10.0.0.0/8=a 10.1.0.0/16=b 10.1.2.3=c", "10.1.2.3", "c"},
	{M(IP), false, "10.0.0.0/8=a 10.1.0.0/16=b 10.1.2.3=c", "10.1.2.4", "b"},
	{M(IP), false, "10.0.0.0/8=a 10.1.0.0/16=b 10.1.2.3=c", "10.2.2.4", "a"},
	{M(IP), false, "10.0.0.0/8=a", "11.2.2.4", NULL},
	{M(IP), false, "10.0.0.77/255.0.0.0=a", "10.9.9.9", "a"},
	{M(IP), false, "0.0.0.0/0=all", "1.2.3.4", "all"},
	{M(IP), false, "2001:db8::/32=a ::/0=b", "2001:db8::1", "a"},
	{M(IP), false, "2001:db8::/32=a ::/0=b", "2001:db9::1", "b"},
	{M(IP), false, "10.0.0.0/8=a", "::ffff:10.1.1.1", "a"},
	{M(IP), false, "::ffff:10.0.0.0/104=a", "10.1.1.1", "a"},
	{M(IP), false, "10.1.1.0/24=a", "2002:a01:101::1", "a"},
	{M(IP), false,
	 "1.0.0.0/8 2.0.0.0/8 3.0.0.0/8 4.0.0.0/8 5.0.0.0/8 6.0.0.0/8 "
	 "7.0.0.0/8 8.0.0.0/8 9.0.0.0/8=n 10.0.0.0/8",
	 "9.1.1.1", "n"},
	{M(BOOL), false, "", "1", ""},
	{M(BOOL), false, "", "0", NULL},
	{M(FOUND), false, "", "anything", ""},
};

static void
each_match_finds_what_the_manual_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];
		struct expr_patterns *p = list_of(r->match, r->is_caseless, r->patterns);
		struct expr_sample s = sample(r->match, r->value);
		struct expr_found found = {.value = SPAN("")};
		bool is_found = expr_patterns_find(p, &x.c, &s, &found);
		if (is_found != (r->finds != NULL) ||
		    (is_found && !span_eq(found.value, span_str(r->finds))))
			fail_msg("row %zu: '%s' in '%s': %.*s", i, r->value, r->patterns,
				 is_found ? (int)found.value.n : 7,
				 is_found ? found.value.p : "nothing");
	}
}

static void
wrong_patterns_are_explained(void **state)
{
	static const struct {
		enum expr_match match;
		const char *pattern, *part;
	} wrong[] = {
		{M(INT), "x", "not a number or a range"},
		{M(INT), "5:1", "not a number or a range"},
		{M(INT), "", "not a number or a range"},
		{M(LEN), ":", "not a number or a range"},
		{M(IP), "localhost", "names are not resolved"},
		{M(IP), "10.0.0.0/33", "not an address or network"},
		{M(IP), "10.0.0.0/255.0.255.0", "not an address or network"},
		{M(IP), "::1/129", "not an address or network"},
		{M(BIN), "abc", "hexadecimal"},
		{M(BIN), "zz", "hexadecimal"},
		{M(REG), "(", "regular expression"},
		{M(FOUND), "x", "takes no patterns"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct expr_patterns *p =
			expr_patterns_new(&x.env, wrong[i].match, false);
		struct expr_error err;
		assert_int_equal(expr_patterns_add(p, span_str(wrong[i].pattern),
						   span_of(NULL, 0), &err),
				 -1);
		if (!strstr(err.text, wrong[i].part))
			fail_msg("%s: %s", wrong[i].pattern, err.text);
	}
}

static const char *
file_with(const char *text)
{
	static char path[] = "/tmp/weir-patterns-XXXXXX";
	strcpy(path, "/tmp/weir-patterns-XXXXXX");
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	return path;
}

static void
files_are_read_as_haproxy_reads_them(void **state)
{
	(void)state;
	const char *path =
		file_with("# comment\n\n  /a  one two \r\n/b\ttab\n/c\n \t\n #x y");
	struct expr_error err;
	for (int is_map = 0; is_map < 2; is_map++) {
		struct expr_patterns *p = expr_patterns_new(&x.env, M(STR), false);
		assert_int_equal(expr_patterns_read(p, span_str(path),
						    is_map ? EXPR_STR : EXPR_ANY, &err),
				 0);
		expr_patterns_seal(p);
		assert_int_equal(expr_patterns_n(p), 4);
		struct expr_sample s = sample(M(STR), is_map ? "/a" : "/a  one two ");
		struct expr_found found = {.value = SPAN("")};
		assert_true(expr_patterns_find(p, &x.c, &s, &found));
		assert_true(span_eq(found.value, is_map ? SPAN("one two") : SPAN("")));
		s = sample(M(STR), is_map ? "#x" : "#x y");
		assert_true(expr_patterns_find(p, &x.c, &s, &found));
	}
	unlink(path);
	path = file_with("1.2.3.4\n\nnonsense\n");
	struct expr_patterns *p = expr_patterns_new(&x.env, M(IP), false);
	assert_int_equal(expr_patterns_read(p, span_str(path), EXPR_ANY, &err), -1);
	assert_non_null(strstr(err.text, ":3: 'nonsense' is not an address"));
	unlink(path);
	assert_int_equal(expr_patterns_read(p, span_str("/tmp"), EXPR_ANY, &err), -1);
	assert_non_null(strstr(err.text, "not a pattern file"));
}

static void
a_value_of_a_map_that_is_not_of_its_type_is_told_with_its_line(void **state)
{
	static const struct {
		const char *text;
		enum expr_type values;
		const char *says;
	} cases[] = {
		{"a 1\nb -2\n", EXPR_INT, NULL},
		{"a 1.2.3.4\nb 2001:db8::1\n", EXPR_ADDR, NULL},
		{"a 1\n\nb two\n", EXPR_INT, ":3: the value 'two' is not a number"},
		{"a 1\nb\n", EXPR_INT, ":2: the value '' is not a number"},
		{"a 1.2.3.4\nb 1.2.3\n", EXPR_ADDR,
		 ":2: the value '1.2.3' is not an address"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct expr_error err;
		const char *path = file_with(cases[i].text);
		struct expr_patterns *p = expr_patterns_new(&x.env, M(STR), false);
		int rc = expr_patterns_read(p, span_str(path), cases[i].values, &err);
		unlink(path);
		assert_int_equal(rc, cases[i].says ? -1 : 0);
		if (cases[i].says && !strstr(err.text, cases[i].says))
			fail_msg("%s", err.text);
	}
}

static uint32_t
next_random(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

/* Networks of all sizes: what the list finds is the longest prefix that a look at each of
 * them finds. */
static void
networks_are_found_as_one_by_one(void **state)
{
	enum { N = 600, LOOKS = 20000 };
	static struct {
		uint32_t address, bits;
	} nets[N];
	uint32_t seed = 7;
	(void)state;
	struct expr_patterns *p = expr_patterns_new(&x.env, M(IP), false);
	for (uint32_t i = 0; i < N; i++) {
		char text[32], host[20], value[12];
		nets[i].bits = next_random(&seed) % 33;
		uint32_t mask = nets[i].bits ? ~0u << (32 - nets[i].bits) : 0;
		nets[i].address =
			(next_random(&seed) % 16 << 24 | next_random(&seed)) & mask;
		struct in_addr in = {htonl(nets[i].address)};
		struct expr_error err;
		inet_ntop(AF_INET, &in, host, sizeof(host));
		snprintf(text, sizeof(text), "%s/%u", host, nets[i].bits);
		snprintf(value, sizeof(value), "%u", i);
		assert_int_equal(
			expr_patterns_add(p, span_str(text), span_str(value), &err), 0);
	}
	expr_patterns_seal(p);
	for (uint32_t i = 0; i < LOOKS; i++) {
		uint32_t a = next_random(&seed) % 16 << 24 | next_random(&seed);
		int best = -1;
		for (int j = 0; j < N; j++) {
			uint32_t mask = nets[j].bits ? ~0u << (32 - nets[j].bits) : 0;
			if ((a & mask) == nets[j].address &&
			    (best < 0 || nets[j].bits > nets[best].bits))
				best = j;
		}
		struct expr_sample s = {.type = EXPR_IPV4, .ipv4 = {htonl(a)}};
		struct expr_found found = {.value = SPAN("")};
		bool is_found = expr_patterns_find(p, &x.c, &s, &found);
		assert_int_equal(is_found, best >= 0);
		if (is_found)
			assert_int_equal(atoi(arena_span(x.arena, found.value)), best);
	}
}

static uint64_t
cpu_ms(void)
{
	return (uint64_t)clock() * 1000 / CLOCKS_PER_SEC;
}

/* Generous limits: they tell a mistake of kind, not a slow machine. */
static void
a_million_entries_load_in_seconds_and_are_found_in_a_microsecond(void **state)
{
	enum { N = 1000000, LOOKS = 200000 };
	static const enum expr_match matches[] = {M(STR), M(BEG), M(IP)};
	(void)state;
	for (size_t m = 0; m < 3; m++) {
		struct expr_patterns *p = expr_patterns_new(&x.env, matches[m], false);
		uint64_t start_ms = cpu_ms();
		for (uint32_t i = 0; i < N; i++) {
			char text[40];
			struct expr_error err;
			int n = snprintf(text, sizeof(text),
					 matches[m] == M(IP) ? "10.%u.%u.%u"
							     : "/%u/%u/%u",
					 i >> 16, i >> 8 & 255, i & 255);
			expr_patterns_add(p, span_of(text, (size_t)n), span_of(NULL, 0),
					  &err);
		}
		expr_patterns_seal(p);
		uint64_t load_ms = cpu_ms() - start_ms;
		uint32_t seed = 1, hits = 0;
		start_ms = cpu_ms();
		for (uint32_t i = 0; i < LOOKS; i++) {
			uint32_t k = next_random(&seed) % N;
			char text[40];
			struct expr_sample s = {.type = EXPR_IPV4,
						.ipv4 = {htonl(10u << 24 | k)}};
			if (matches[m] != M(IP)) {
				int n = snprintf(text, sizeof(text), "/%u/%u/%u", k >> 16,
						 k >> 8 & 255, k & 255);
				expr_set_str(&s, span_of(text, (size_t)n));
			}
			hits += expr_patterns_find(p, &x.c, &s, NULL);
		}
		uint64_t find_ms = cpu_ms() - start_ms;
		assert_int_equal(hits, LOOKS);
		print_message("%s: loaded in %llu ms, %llu ns per lookup, %zu MB\n",
			      expr_match_name(matches[m]), (unsigned long long)load_ms,
			      (unsigned long long)(find_ms * 1000000 / LOOKS),
			      expr_patterns_bytes(p) >> 20);
		assert_true(load_ms < 15000 && find_ms < 2000);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_match_finds_what_the_manual_says,
						begin, end),
		cmocka_unit_test_setup_teardown(wrong_patterns_are_explained, begin, end),
		cmocka_unit_test_setup_teardown(files_are_read_as_haproxy_reads_them,
						begin, end),
		cmocka_unit_test_setup_teardown(
			a_value_of_a_map_that_is_not_of_its_type_is_told_with_its_line,
			begin, end),
		cmocka_unit_test_setup_teardown(networks_are_found_as_one_by_one, begin,
						end),
		cmocka_unit_test_setup_teardown(
			a_million_entries_load_in_seconds_and_are_found_in_a_microsecond,
			begin, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
