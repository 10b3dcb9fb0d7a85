/* SPDX-License-Identifier: MIT
 *
 * HTTP checks: the request's bytes; what a response is judged to be, at every split.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "checker/probe_http.h"

static const struct http_limits limits = {.request_line_bytes = 16384,
					  .field_bytes = 16384,
					  .head_bytes = 32768,
					  .fields_n = 128,
					  .trailers_bytes = 8192};

/* "2xx" NONE; "status 200,300-310"; "rstatus RE"; "string TEXT"; "rstring RE"; with "!"
 * in front: negated. */
static struct cfg_expect
expect_of(const char *text, struct cfg_range ranges[4])
{
	struct cfg_expect e = {.kind = CFG_EXPECT_NONE};
	unsigned from, to;
	int used, error;
	size_t at;
	if (*text == '!') {
		e.negate = true;
		text += 2;
	}
	if (strncmp(text, "status ", 7) == 0) {
		e.kind = CFG_EXPECT_STATUS;
		e.ranges = ranges;
		for (const char *p = text + 7; *p; p += used) {
			if (sscanf(p, "%u-%u%n", &from, &to, &used) < 2) {
				assert_int_equal(sscanf(p, "%u%n", &from, &used), 1);
				to = from;
			}
			ranges[e.ranges_n++] =
				(struct cfg_range){(uint16_t)from, (uint16_t)to};
			used += p[used] == ',';
		}
		return e;
	}
	const char *arg = strchr(text, ' ');
	if (!arg)
		return e;
	e.pattern = span_str(arg + 1);
	e.kind = strncmp(text, "string ", 7) == 0    ? CFG_EXPECT_STRING
		 : strncmp(text, "rstring ", 8) == 0 ? CFG_EXPECT_RSTRING
						     : CFG_EXPECT_RSTATUS;
	if (e.kind != CFG_EXPECT_STRING) {
		e.regex = pcre2_compile((PCRE2_SPTR)e.pattern.p, e.pattern.n, 0, &error,
					&at, NULL);
		assert_non_null(e.regex);
	}
	return e;
}

struct row {
	const char *expect, *response;
	enum result id;
	uint32_t code;
	const char *info;
};

#define OK    "HTTP/1.1 200 OK\r\n"
#define HELLO OK "Content-Length: 11\r\n\r\nhello world"
#define CHUNK \
	OK "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"
#define CLOSE	 "HTTP/1.0 200 OK\r\n\r\nhello world"
#define NO_BODY	 "HTTP content check could not find a response body"
#define NO_MATCH "HTTP content check did not match"
#define UNWANTED "HTTP check matched unwanted content"

static const struct row rows[] = {
	{"2xx", HELLO, RESULT_l7_ok, 200, ""},
	{"2xx", "HTTP/1.1 399 Fine\r\nContent-Length: 0\r\n\r\n", RESULT_l7_ok, 399, ""},
	{"2xx", "HTTP/1.0 404 Not here\r\n\r\n", RESULT_l7_status, 404, "Not here"},
	{"2xx", "HTTP/1.0 503 \"quoted\"\r\n\r\n", RESULT_l7_status, 503, "?quoted?"},
	{"2xx", "nonsense\r\n\r\n", RESULT_l7_response, 0, ""},
	{"2xx", "HTTP/1.1 200 OK\r\nContent-Le", RESULT_l7_response, 0, ""},
	{"2xx", "", RESULT_l7_response, 0, ""},
	{"2xx", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
	 RESULT_l7_ok, 204, ""},
	{"2xx", OK "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
	 RESULT_l7_response, 0, ""},
	{"status 200", HELLO, RESULT_l7_ok, 200, ""},
	{"status 201-204,300", HELLO, RESULT_l7_status, 200, "OK"},
	{"status 201-204,300", "HTTP/1.0 300 Many\r\n\r\n", RESULT_l7_ok, 300, ""},
	{"status 201-204,300", "HTTP/1.0 204 Z\r\n\r\n", RESULT_l7_ok, 204, ""},
	{"! status 500-599", HELLO, RESULT_l7_ok, 200, ""},
	{"! status 500-599", "HTTP/1.0 503 Busy\r\n\r\n", RESULT_l7_status, 503, "Busy"},
	{"rstatus ^[23]", HELLO, RESULT_l7_ok, 200, ""},
	{"! rstatus ^5", "HTTP/1.0 500 Oh\r\n\r\n", RESULT_l7_status, 500, "Oh"},
	{"string lo wo", HELLO, RESULT_l7_ok, 200, ""},
	{"string lo wo", CHUNK, RESULT_l7_ok, 200, ""},
	{"string lo wo", CLOSE, RESULT_l7_ok, 200, ""},
	{"string OK", HELLO, RESULT_l7_response, 0, NO_MATCH}, /* the body alone counts */
	{"string x", CHUNK, RESULT_l7_response, 0, NO_MATCH},
	{"string x", CLOSE, RESULT_l7_response, 0, NO_MATCH},
	{"string x", OK "Content-Length: 100\r\n\r\nabc", RESULT_l7_response, 0,
	 NO_MATCH},
	{"string x", OK "Content-Length: 0\r\n\r\n", RESULT_l7_response, 0, NO_BODY},
	{"string hello", "HTTP/1.0 500 Oh\r\n\r\nhello", RESULT_l7_ok, 500, ""},
	{"! string hello", HELLO, RESULT_l7_response, 0, UNWANTED},
	{"! string bye", HELLO, RESULT_l7_ok, 200, ""},
	{"! string bye", CHUNK, RESULT_l7_ok, 200, ""},
	{"! string bye", "HTTP/1.0 200 OK\r\n\r\n", RESULT_l7_response, 0, NO_BODY},
	{"rstring ^h.*d$", HELLO, RESULT_l7_ok, 200, ""},
	{"rstring ^w", HELLO, RESULT_l7_response, 0, NO_MATCH},
	{"! rstring l+o", HELLO, RESULT_l7_response, 0, UNWANTED},
	{"string a", OK "Transfer-Encoding: chunked\r\n\r\nzz\r\n", RESULT_l7_response, 0,
	 ""},
};

static void
check_row(struct judge *j, const struct row *row)
{
	struct cfg_range ranges[4];
	struct cfg_expect e = expect_of(row->expect, ranges);
	struct cfg_check c = {.kind = CFG_CHECK_HTTP,
			      .method = SPAN("GET"),
			      .expects = &e,
			      .expects_n = 1};
	size_t n = strlen(row->response);
	for (size_t cut = 0; cut <= n; cut++) {
		struct probe_result r = {.id = RESULT_unknown},
				    part = {.id = RESULT_unknown};
		char *piece =
			malloc(cut + 1); /* a byte too many is found by the sanitizer */
		memcpy(piece, row->response, cut);
		bool early =
			judge_response(j, &c, &limits, span_of(piece, cut), false, &part);
		free(piece);
		assert_true(judge_response(j, &c, &limits, span_of(row->response, n),
					   true, &r));
		if (r.id != row->id || r.code != row->code ||
		    strcmp(r.info, row->info) != 0)
			fail_msg("%s: %.40s: %s %u \"%s\"", row->expect, row->response,
				 result_word(r.id), r.code, r.info);
		if (early && (part.id != r.id || part.code != r.code ||
			      strcmp(part.info, r.info) != 0))
			fail_msg("%s: %.40s: after %zu bytes %s", row->expect,
				 row->response, cut, result_word(part.id));
	}
	pcre2_code_free(e.regex);
}

static void
every_response_is_judged_as_the_table_says_and_never_too_early(void **state)
{
	(void)state;
	struct judge *j = judge_new();
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		check_row(j, &rows[i]);
	judge_free(&j);
	assert_null(j);
}

static void
the_result_is_known_as_soon_as_the_bytes_decide(void **state)
{
	(void)state;
	struct judge *j = judge_new();
	struct probe_result r;
	struct cfg_check c = {.kind = CFG_CHECK_HTTP, .method = SPAN("GET")};
	struct span head = SPAN(OK "Content-Length: 1000\r\n\r\n");
	assert_true(
		judge_response(j, &c, &limits, head, false, &r)); /* status: the head */
	struct cfg_range ranges[4];
	struct cfg_expect e = expect_of("string abc", ranges);
	c.expects = &e;
	c.expects_n = 1;
	assert_false(judge_response(j, &c, &limits, head, false, &r));
	struct span found = SPAN(OK "Content-Length: 1000\r\n\r\n..abc");
	assert_true(judge_response(j, &c, &limits, found, false, &r));
	assert_int_equal(r.id, RESULT_l7_ok);
	e.negate = true; /* absence is known at the end only */
	struct span absent = SPAN(OK "Content-Length: 6\r\n\r\nxxxxx");
	assert_false(judge_response(j, &c, &limits, absent, false, &r));
	judge_free(&j);
}

static void
a_response_longer_than_the_limit_is_judged_by_its_beginning(void **state)
{
	(void)state;
	struct judge *j = judge_new();
	struct probe_result r;
	struct cfg_range ranges[4];
	struct cfg_expect e = expect_of("string end", ranges);
	struct cfg_check c = {.kind = CFG_CHECK_HTTP,
			      .method = SPAN("GET"),
			      .expects = &e,
			      .expects_n = 1};
	static char big[2 * PROBE_RESPONSE_BYTES];
	memset(big, 'x', sizeof(big));
	memcpy(big, "HTTP/1.0 200 OK\r\n\r\n", 19);
	memcpy(big + sizeof(big) - 3, "end", 3);
	assert_true(judge_response(j, &c, &limits, span_of(big, sizeof(big)), false, &r));
	assert_int_equal(r.id, RESULT_l7_response);
	assert_false(judge_response(j, &c, &limits,
				    span_of(big, PROBE_RESPONSE_BYTES - 1), false, &r));
	judge_free(&j);
}

static void
a_regex_that_explodes_gives_up_as_a_failure(void **state)
{
	(void)state;
	struct judge *j = judge_new();
	struct probe_result r;
	struct cfg_range ranges[4];
	struct cfg_expect e = expect_of("! rstring ^(a+)+$", ranges);
	struct cfg_check c = {.kind = CFG_CHECK_HTTP,
			      .method = SPAN("GET"),
			      .expects = &e,
			      .expects_n = 1};
	struct span bad =
		SPAN("HTTP/1.0 200 OK\r\n\r\naaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab");
	assert_true(judge_response(j, &c, &limits, bad, true, &r));
	assert_int_equal(r.id, RESULT_l7_response);
	assert_non_null(strstr(r.info, "gave up"));
	pcre2_code_free(e.regex);
	judge_free(&j);
}

static void
all_expectations_must_be_met_in_their_order(void **state)
{
	(void)state;
	struct judge *j = judge_new();
	struct probe_result r;
	struct cfg_range a[4], b[4];
	struct cfg_expect e[2] = {expect_of("status 200", a),
				  expect_of("string world", b)};
	struct cfg_check c = {.kind = CFG_CHECK_HTTP,
			      .method = SPAN("GET"),
			      .expects = e,
			      .expects_n = 2};
	assert_true(judge_response(j, &c, &limits, SPAN(HELLO), true, &r));
	assert_int_equal(r.id, RESULT_l7_ok);
	struct span busy = SPAN("HTTP/1.0 503 Busy\r\n\r\nhello world");
	assert_true(judge_response(j, &c, &limits, busy, true, &r));
	assert_int_equal(r.id, RESULT_l7_status);
	judge_free(&j);
}

static void
a_response_to_head_has_no_body(void **state)
{
	(void)state;
	struct judge *j = judge_new();
	struct probe_result r;
	struct cfg_range ranges[4];
	struct cfg_expect e = expect_of("string x", ranges);
	struct cfg_check c = {.kind = CFG_CHECK_HTTP,
			      .method = SPAN("HEAD"),
			      .expects = &e,
			      .expects_n = 1};
	struct span s = SPAN(OK "Content-Length: 10\r\n\r\n");
	assert_true(judge_response(j, &c, &limits, s, false, &r));
	assert_string_equal(r.info, NO_BODY);
	judge_free(&j);
}

static void
assert_request(const struct cfg_check *c, const char *want)
{
	struct arena *a = arena_new();
	struct span got = probe_http_request(a, c, SPAN("10.0.0.1:80"));
	assert_int_equal(got.n, strlen(want));
	assert_memory_equal(got.p, want, got.n);
	arena_free(&a);
}

static void
the_request_has_the_bytes_that_haproxy_sends(void **state)
{
	(void)state;
	struct cfg_header h[2] = {{SPAN("Host"), SPAN("a.b")}, {SPAN("X-Y"), SPAN("z")}};
	struct cfg_check c = {.kind = CFG_CHECK_HTTP,
			      .method = SPAN("OPTIONS"),
			      .uri = SPAN("/"),
			      .version = SPAN("HTTP/1.0")};
	assert_request(&c, "OPTIONS / HTTP/1.0\r\n\r\n");
	c.method = SPAN("GET");
	c.version = SPAN("HTTP/1.1");
	assert_request(
		&c, "GET / HTTP/1.1\r\nhost: 10.0.0.1:80\r\nconnection: close\r\n\r\n");
	c.headers = h;
	c.headers_n = 2;
	assert_request(
		&c, "GET / HTTP/1.1\r\nHost: a.b\r\nX-Y: z\r\nconnection: close\r\n\r\n");
	c.method = SPAN("POST");
	c.version = SPAN("HTTP/1.0");
	assert_request(
		&c,
		"POST / HTTP/1.0\r\nHost: a.b\r\nX-Y: z\r\ncontent-length: 0\r\n\r\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			every_response_is_judged_as_the_table_says_and_never_too_early),
		cmocka_unit_test(the_result_is_known_as_soon_as_the_bytes_decide),
		cmocka_unit_test(
			a_response_longer_than_the_limit_is_judged_by_its_beginning),
		cmocka_unit_test(a_regex_that_explodes_gives_up_as_a_failure),
		cmocka_unit_test(all_expectations_must_be_met_in_their_order),
		cmocka_unit_test(a_response_to_head_has_no_body),
		cmocka_unit_test(the_request_has_the_bytes_that_haproxy_sends),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
