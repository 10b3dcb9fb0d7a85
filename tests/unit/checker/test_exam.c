/* SPDX-License-Identifier: MIT
 *
 * HTTP checks: the request's bytes; what a response is judged to be, at every split.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "checker/request.h"
#include "checker/self.h"

static const struct http_limits limits = {.request_line_bytes = 16384,
					  .field_bytes = 16384,
					  .head_bytes = 32768,
					  .fields_n = 128,
					  .trailers_bytes = 8192};

static struct arena *arena;
static struct expr_env env;
static struct exam *x;

static int
set_up(void **state)
{
	(void)state;
	arena = arena_new();
	expr_env_init(&env, arena, http_field_id_of);
	env.at = EXPR_AT_CHECK;
	x = exam_new(&checker_host);
	x->limits = &limits;
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	exam_free(&x);
	assert_null(x);
	expr_env_free(&env);
	arena_free(&arena);
	return 0;
}

static const struct expr_regex *
regex_of(const char *text)
{
	struct expr_error err;
	const struct expr_regex *r = expr_regex_new(&env, span_str(text), false, 0, &err);
	assert_non_null(r);
	return r;
}

static void
add_ranges(struct cfg_expect *e, const char *text)
{
	unsigned from, to;
	int used;
	for (const char *p = text; *p; p += used) {
		if (sscanf(p, "%u-%u%n", &from, &to, &used) < 2) {
			assert_int_equal(sscanf(p, "%u%n", &from, &used), 1);
			to = from;
		}
		e->ranges = arena_grow(arena, e->ranges, e->ranges_n, sizeof(*e->ranges));
		e->ranges[e->ranges_n++] =
			(struct cfg_range){(uint16_t)from, (uint16_t)to};
		used += p[used] == ',';
	}
}

/* "status 200,300-310"; "rstatus RE"; "string TEXT"; "rstring RE"; "binary TEXT";
 * "rbinary RE"; "hdr NAME[=VALUE]"; with "!" in front: negated. */
static struct cfg_step
step_of(const char *text)
{
	static const struct {
		const char *word;
		enum cfg_expect_kind kind;
	} kinds[] = {
		{"status", CFG_EXPECT_STATUS},
		{"rstatus", CFG_EXPECT_RSTATUS},
		{"string", CFG_EXPECT_STRING},
		{"rstring", CFG_EXPECT_RSTRING},
		{"binary", CFG_EXPECT_BINARY},
		{"rbinary", CFG_EXPECT_RBINARY},
		{"hdr", CFG_EXPECT_HDR},
		{"fhdr", CFG_EXPECT_FHDR},
		{"greeting", CFG_EXPECT_MYSQL_GREETING},
		{"login", CFG_EXPECT_MYSQL_OK},
		{"reply", CFG_EXPECT_SMTP_REPLY},
		{"bound", CFG_EXPECT_LDAP_BOUND},
		{"dns", CFG_EXPECT_DNS_ANSWER},
		{"agent", CFG_EXPECT_AGENT_LINE},
	};
	struct cfg_expect *e = arena_alloc(arena, sizeof(*e));
	*e = (struct cfg_expect){.min_recv = -1};
	e->negate = *text == '!';
	text += e->negate ? 2 : 0;
	size_t n = strcspn(text, " ");
	const char *arg = text[n] ? text + n + 1 : "";
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (strlen(kinds[i].word) == n && memcmp(kinds[i].word, text, n) == 0)
			e->kind = kinds[i].kind;
	e->pattern.bytes = span_str(arg);
	if (e->kind == CFG_EXPECT_STATUS)
		add_ranges(e, arg);
	else if (e->kind == CFG_EXPECT_RSTATUS || e->kind == CFG_EXPECT_RSTRING ||
		 e->kind == CFG_EXPECT_RBINARY)
		e->regex = regex_of(arg);
	struct span value = span_str(arg);
	e->name.text.bytes = span_cut(&value, '=');
	e->value.text.bytes = value;
	e->has_value = value.n > 0 || e->kind == CFG_EXPECT_DNS_ANSWER;
	return (struct cfg_step){.kind = CFG_STEP_EXPECT, .number = 1, .expect = e};
}

/* The expectations in their order; false: more bytes decide. */
static bool
judge(enum cfg_check_kind kind, const struct cfg_step *steps, size_t n, struct span bytes,
      bool is_all, struct probe_result *r)
{
	struct cfg_check check = {.kind = kind};
	x->check = &check;
	exam_read(x, bytes, is_all);
	*r = (struct probe_result){.id = RESULT_unknown};
	for (size_t i = 0; i < n; i++)
		switch (exam_expect(x, &steps[i], r)) {
		case EXPECT_MET:
			break;
		case EXPECT_MISSED:
			return true;
		case EXPECT_OPEN:
			return false;
		}
	return true;
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
	{"status 200-399", HELLO, RESULT_l7_ok, 200, ""},
	{"status 200-399", "HTTP/1.1 399 Fine\r\nContent-Length: 0\r\n\r\n", RESULT_l7_ok,
	 399, ""},
	{"status 200-399", "HTTP/1.0 404 Not here\r\n\r\n", RESULT_l7_status, 404,
	 "Not here"},
	{"status 200-399", "HTTP/1.0 503 \"quoted\"\r\n\r\n", RESULT_l7_status, 503,
	 "?quoted?"},
	{"status 200-399", "nonsense\r\n\r\n", RESULT_l7_response, 0, ""},
	{"status 200-399", "HTTP/1.1 200 OK\r\nContent-Le", RESULT_l7_response, 0, ""},
	{"status 200-399", "", RESULT_l7_response, 0, ""},
	{"status 200-399", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
	 RESULT_l7_ok, 204, ""},
	{"status 200-399", OK "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
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
	{"string OK", HELLO, RESULT_l7_response, 200,
	 NO_MATCH}, /* the body alone counts */
	{"string x", CHUNK, RESULT_l7_response, 200, NO_MATCH},
	{"string x", CLOSE, RESULT_l7_response, 200, NO_MATCH},
	{"string x", OK "Content-Length: 100\r\n\r\nabc", RESULT_l7_response, 200,
	 NO_MATCH},
	{"string x", OK "Content-Length: 0\r\n\r\n", RESULT_l7_response, 200, NO_BODY},
	{"string hello", "HTTP/1.0 500 Oh\r\n\r\nhello", RESULT_l7_ok, 500, ""},
	{"! string hello", HELLO, RESULT_l7_response, 200, UNWANTED},
	{"! string bye", HELLO, RESULT_l7_ok, 200, ""},
	{"! string bye", CHUNK, RESULT_l7_ok, 200, ""},
	{"! string bye", "HTTP/1.0 200 OK\r\n\r\n", RESULT_l7_response, 200, NO_BODY},
	{"rstring ^h.*d$", HELLO, RESULT_l7_ok, 200, ""},
	{"rstring ^w", HELLO, RESULT_l7_response, 200, NO_MATCH},
	{"! rstring l+o", HELLO, RESULT_l7_response, 200, UNWANTED},
	{"hdr set-cookie=a=1", OK "Set-Cookie: b=2, a=1\r\n\r\n", RESULT_l7_ok, 200, ""},
	{"fhdr set-cookie=a=1", OK "Set-Cookie: b=2, a=1\r\n\r\n", RESULT_l7_status, 200,
	 "OK"},
	{"hdr x", OK "X: \r\n\r\n", RESULT_l7_ok, 200, ""},
	{"! hdr x", OK "X: \r\n\r\n", RESULT_l7_status, 200, "OK"},
	{"string a", OK "Transfer-Encoding: chunked\r\n\r\nzz\r\n", RESULT_l7_response,
	 200, ""},
};

/* At every split: a result before the end is the result. */
static void
check_row(enum cfg_check_kind kind, const struct row *row, size_t n)
{
	struct cfg_step step = step_of(row->expect);
	struct probe_result r, part;
	for (size_t cut = 0; cut <= n; cut++) {
		/* a byte too many is found by the sanitizer */
		char *piece = malloc(cut + 1);
		memcpy(piece, row->response, cut);
		bool early = judge(kind, &step, 1, span_of(piece, cut), false, &part);
		free(piece);
		assert_true(judge(kind, &step, 1, span_of(row->response, n), true, &r));
		if (r.id != row->id || r.code != row->code ||
		    strcmp(r.info, row->info) != 0)
			fail_msg("%s: %.40s: %s %u \"%s\"", row->expect, row->response,
				 result_word(r.id), r.code, r.info);
		if (early && (part.id != r.id || part.code != r.code ||
			      strcmp(part.info, r.info) != 0))
			fail_msg("%s: %.40s: after %zu bytes %s", row->expect,
				 row->response, cut, result_word(part.id));
	}
}

static void
every_response_is_judged_as_the_table_says_and_never_too_early(void **state)
{
	(void)state;
	x->method = HTTP_METHOD_GET;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		check_row(CFG_CHECK_HTTP, &rows[i], strlen(rows[i].response));
}

#define EMPTY "TCPCHK got an empty response at step 1"
static const struct row tcp_rows[] = {
	{"string PONG", "+PONG\r\n", RESULT_l7_ok, 0, ""},
	{"string PONG", "-ERR\r\n", RESULT_l7_response, 0,
	 "TCPCHK did not match content 'PONG' at step 1"},
	{"string PONG", "", RESULT_l7_response, 0, EMPTY},
	{"! string ERR", "-ERR\r\n", RESULT_l7_response, 0,
	 "TCPCHK matched unwanted content 'ERR' at step 1"},
	{"! string ERR", "+OK\r\n", RESULT_l7_ok, 0, ""},
	{"rstring ^[+-]", "+OK", RESULT_l7_ok, 0, ""},
	{"binary PO", "+PONG", RESULT_l7_ok, 0, ""},
	{"binary xx", "+PONG", RESULT_l7_response, 0,
	 "TCPCHK did not match content (binary) at step 1"},
	{"rbinary ^2B504F", "+PONG", RESULT_l7_ok, 0, ""},
	{"agent", "up 75%\r\nmore", RESULT_l7_ok, 0, "up 75%"},
	{"agent", "up", RESULT_l7_ok, 0, "up"},
	{"agent", "\n", RESULT_l7_response, 0, "the agent said nothing"},
};

static void
bytes_of_other_protocols_are_judged_as_the_table_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(tcp_rows) / sizeof(*tcp_rows); i++)
		check_row(CFG_CHECK_SCRIPT, &tcp_rows[i], strlen(tcp_rows[i].response));
}

#define BYTES(s)                 \
	{                        \
		s, sizeof(s) - 1 \
	}
#define GREETING         \
	"\x06\0\0\0\x0a" \
	"8.0\0"          \
	"x"
static const struct {
	const char *expect;
	struct span bytes;
	enum result id;
	uint32_t code;
	const char *info;
} packets[] = {
	{"greeting",
	 BYTES("\x0a\0\0\0\x0a"
	       "10.11.6\0"
	       "x"),
	 RESULT_l7_ok, 0, "10.11.6"},
	{"greeting", BYTES("\x10\0\0\0\xff\x69\x04Host blocked!"), RESULT_l7_status, 1129,
	 "Host blocked!"},
	{"greeting", BYTES("SSH-2.0-OpenSSH"), RESULT_l7_response, 0,
	 "MySQL server sent no greeting"},
	{"login", BYTES(GREETING "\x07\0\0\x02\0\0\0\x02\0\0\0"), RESULT_l7_ok, 0, "8.0"},
	{"login", BYTES(GREETING "\x0f\0\0\x02\xff\x15\x04#28000Denied"),
	 RESULT_l7_status, 1045, "Denied"},
	{"login", BYTES("\x10\0\0\0\xff\x69\x04Host blocked!"), RESULT_l7_status, 1129,
	 "Host blocked!"},
	{"login", BYTES(GREETING), RESULT_l7_response, 0,
	 "MySQL server did not answer the login"},
	{"reply", BYTES("220 a.example ESMTP\r\n"), RESULT_l7_ok, 220, "a.example ESMTP"},
	{"reply", BYTES("250-a\r\n250-SIZE\r\n250 HELP\r\n"), RESULT_l7_ok, 250, "HELP"},
	{"reply", BYTES("221\r\n"), RESULT_l7_ok, 221, ""},
	{"reply", BYTES("421-busy\r\n421 come back\r\n"), RESULT_l7_status, 421,
	 "come back"},
	{"bound", BYTES("0\x0c\x02\x01\x01\x61\x07\x0a\x01\0\x04\0\x04\0"), RESULT_l7_ok,
	 0, "Success"},
	{"bound",
	 BYTES("0\x84\0\0\0\x10\x02\x01\x01\x61\x84\0\0\0\x07\x0a\x01\0\x04\0\x04\0"),
	 RESULT_l7_ok, 0, "Success"}, /* lengths of 4 bytes: Active Directory */
	{"bound", BYTES("0\x0c\x02\x01\x01\x61\x07\x0a\x01\x31\x04\0\x04\0"),
	 RESULT_l7_status, 49,
	 "See RFC: http://tools.ietf.org/html/rfc4511#section-4.1.9"},
	{"bound", BYTES("0\x03\x02\x01\x01"), RESULT_l7_response, 0,
	 "Not LDAPv3 protocol"},
	{"dns", BYTES("\x12\x34\x81\x80\0\1\0\1\0\0\0\0"), RESULT_l7_ok, 0, "NOERROR"},
	{"dns", BYTES("\x12\x34\x81\x83\0\1\0\0\0\0\0\0"), RESULT_l7_status, 3,
	 "NXDOMAIN"},
	{"dns", BYTES("\x12\x34\x81\x80\0\1\0\0\0\0\0\0"), RESULT_l7_status, 0,
	 "no record of that type"},
	{"dns", BYTES("\x12\x35\x81\x80\0\1\0\1\0\0\0\0"), RESULT_l7_response, 0,
	 "no answer of DNS"},
};

static void
packets_of_presets_are_read_to_their_end_and_no_further(void **state)
{
	(void)state;
	x->query_id = 0x1234;
	for (size_t i = 0; i < sizeof(packets) / sizeof(*packets); i++) {
		struct row row = {packets[i].expect, packets[i].bytes.p, packets[i].id,
				  packets[i].code, packets[i].info};
		check_row(CFG_CHECK_PRESET, &row, packets[i].bytes.n);
	}
}

static void
the_result_is_known_as_soon_as_the_bytes_decide(void **state)
{
	(void)state;
	struct probe_result r;
	struct cfg_step step = step_of("status 200");
	struct span head = SPAN(OK "Content-Length: 1000\r\n\r\n");
	x->method = HTTP_METHOD_GET;
	assert_true(judge(CFG_CHECK_HTTP, &step, 1, head, false, &r));
	step = step_of("string abc");
	assert_false(judge(CFG_CHECK_HTTP, &step, 1, head, false, &r));
	struct span found = SPAN(OK "Content-Length: 1000\r\n\r\n..abc");
	assert_true(judge(CFG_CHECK_HTTP, &step, 1, found, false, &r));
	assert_int_equal(r.id, RESULT_l7_ok);
	step = step_of("! string abc"); /* absence is known at the end only */
	struct span absent = SPAN(OK "Content-Length: 6\r\n\r\nxxxxx");
	assert_false(judge(CFG_CHECK_HTTP, &step, 1, absent, false, &r));
}

static void
a_switch_of_protocols_is_an_answer_only_to_who_asked_for_it(void **state)
{
	(void)state;
	struct probe_result r;
	struct cfg_step step = step_of("status 101");
	struct span head = SPAN("HTTP/1.1 101 Switching Protocols\r\n"
				"Connection: upgrade\r\nUpgrade: chat\r\n\r\n");
	x->method = HTTP_METHOD_GET;
	x->upgrade = SPAN("chat");
	assert_true(judge(CFG_CHECK_HTTP, &step, 1, head, false, &r));
	assert_int_equal(r.id, RESULT_l7_ok);
	x->upgrade = SPAN("");
	assert_true(judge(CFG_CHECK_HTTP, &step, 1, head, true, &r));
	assert_int_equal(r.id, RESULT_l7_response);
}

static void
a_reply_of_many_lines_ends_with_its_last(void **state)
{
	(void)state;
	struct probe_result r;
	struct cfg_step step = step_of("reply");
	static const char *const open[] = {"2",		"250",	       "250-a",
					   "250-a\r\n", "250-a\r\n25", "250-a\r\n250 b"};
	for (size_t i = 0; i < sizeof(open) / sizeof(*open); i++)
		assert_false(
			judge(CFG_CHECK_PRESET, &step, 1, span_str(open[i]), false, &r));
	static const char *const other[] = {"SSH-", "2200", "22x0"};
	for (size_t i = 0; i < sizeof(other) / sizeof(*other); i++) {
		struct span bytes = span_str(other[i]);
		assert_true(judge(CFG_CHECK_PRESET, &step, 1, bytes, false, &r));
		assert_int_equal(r.id, RESULT_l7_response);
		assert_string_equal(r.info, other[i]);
	}
}

static void
a_minimum_of_bytes_decides_when_it_is_decided(void **state)
{
	(void)state;
	struct probe_result r;
	struct cfg_step step = step_of("! rstring ^E");
	struct cfg_expect e = *step.expect;
	e.min_recv = 3;
	step.expect = &e;
	assert_false(judge(CFG_CHECK_SCRIPT, &step, 1, SPAN("ab"), false, &r));
	assert_true(judge(CFG_CHECK_SCRIPT, &step, 1, SPAN("abc"), false, &r));
	assert_int_equal(r.id, RESULT_l7_ok);
	assert_true(judge(CFG_CHECK_SCRIPT, &step, 1, SPAN("Eab"), false, &r));
	assert_int_equal(r.id, RESULT_l7_response);
	e.min_recv = 0;
	assert_true(judge(CFG_CHECK_SCRIPT, &step, 1, SPAN("a"), false, &r));
}

static void
a_response_longer_than_the_limit_is_judged_by_its_beginning(void **state)
{
	(void)state;
	struct probe_result r;
	struct cfg_step step = step_of("string end");
	static char big[2 * PROBE_RESPONSE_BYTES];
	memset(big, 'x', sizeof(big));
	memcpy(big, "HTTP/1.0 200 OK\r\n\r\n", 19);
	memcpy(big + sizeof(big) - 3, "end", 3);
	assert_true(
		judge(CFG_CHECK_HTTP, &step, 1, span_of(big, sizeof(big)), false, &r));
	assert_int_equal(r.id, RESULT_l7_response);
	assert_false(judge(CFG_CHECK_HTTP, &step, 1,
			   span_of(big, PROBE_RESPONSE_BYTES - 1), false, &r));
}

static void
a_regex_that_explodes_gives_up_as_a_failure(void **state)
{
	(void)state;
	struct probe_result r;
	struct cfg_step step = step_of("! rstring ^(a+)+$");
	char text[200] = "HTTP/1.0 200 OK\r\n\r\n";
	memset(text + 19, 'a', 100);
	text[119] = 'b';
	assert_true(judge(CFG_CHECK_HTTP, &step, 1, span_of(text, 120), true, &r));
	assert_int_equal(r.id, RESULT_l7_response);
	assert_non_null(strstr(r.info, "gave up"));
}

static void
all_expectations_must_be_met_in_their_order(void **state)
{
	(void)state;
	struct probe_result r;
	struct cfg_step steps[2] = {step_of("status 200"), step_of("string world")};
	assert_true(judge(CFG_CHECK_HTTP, steps, 2, SPAN(HELLO), true, &r));
	assert_int_equal(r.id, RESULT_l7_ok);
	struct span busy = SPAN("HTTP/1.0 503 Busy\r\n\r\nhello world");
	assert_true(judge(CFG_CHECK_HTTP, steps, 2, busy, true, &r));
	assert_int_equal(r.id, RESULT_l7_status);
}

static void
a_response_to_head_has_no_body(void **state)
{
	(void)state;
	struct probe_result r;
	struct cfg_step step = step_of("string x");
	struct span s = SPAN(OK "Content-Length: 10\r\n\r\n");
	x->method = HTTP_METHOD_HEAD;
	assert_true(judge(CFG_CHECK_HTTP, &step, 1, s, false, &r));
	assert_string_equal(r.info, NO_BODY);
}

static const struct format *
format_of(const char *text)
{
	struct expr_error err;
	const struct format *f =
		format_compile(&env, span_str(text), FORMAT_BYTES, false, &err);
	if (!f)
		fail_msg("%s: %s", text, err.text);
	return f;
}

static void
formats_and_statuses_say_what_is_reported(void **state)
{
	(void)state;
	struct probe_result r;
	struct expr_error err;
	struct cfg_step step = step_of("rstring ^2");
	struct cfg_expect e = *step.expect;
	step.expect = &e;
	step.comment = "the greeting";
	e.error_status = 3; /* L7STS */
	e.on_error = format_of("said %[res.payload(4,0),cut_crlf]");
	e.on_success = format_of("%[res.len] bytes");
	e.status_code = expr_compile(&env, SPAN("res.payload(0,3)"), &err);
	struct span bytes = SPAN("421 go away\r\n");
	assert_true(judge(CFG_CHECK_SCRIPT, &step, 1, bytes, true, &r));
	assert_int_equal(r.id, RESULT_l7_status);
	assert_int_equal(r.code, 421);
	assert_string_equal(r.info, "said go away comment: the greeting");
	bytes = SPAN("220 ok\r\n");
	assert_true(judge(CFG_CHECK_SCRIPT, &step, 1, bytes, true, &r));
	assert_int_equal(r.id, RESULT_l7_ok);
	assert_int_equal(r.code, 220);
	assert_string_equal(r.info, "8 bytes");
}

/* A fetch that is allowed in checks and missing here would be a call of NULL. */
static void
every_fetch_that_checks_may_use_is_there(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		unsigned where;
	} fetches[EXPR_FETCHES_N] = {
#define FETCH(id, name, args, type, where, help, manual) {name, where},
#include "lib/expr/fetch.def"
#undef FETCH
	};
	for (size_t i = 0; i < EXPR_FETCHES_N; i++)
		if (fetches[i].where & EXPR_AT_CHECK && !checker_host.fetches[i] &&
		    !(fetches[i].where & EXPR_AT_ALONE))
			fail_msg("%s", fetches[i].name);
}

static void
assert_request(const struct cfg_check_request *request, const char *want)
{
	struct cfg_check check = {.kind = CFG_CHECK_HTTP};
	struct addr to;
	struct span host;
	assert_int_equal(addr_parse(SPAN("10.0.0.1:80"), 0, &to, &host), 0);
	x->check = &check;
	exam_read(x, SPAN(""), false);
	struct span got = request_make(x, request, &to);
	assert_int_equal(got.n, strlen(want));
	assert_memory_equal(got.p, want, got.n);
}

static void
the_request_has_the_bytes_that_haproxy_sends(void **state)
{
	(void)state;
	struct cfg_check_field h[2] = {{SPAN("Host"), {.bytes = SPAN("a.b")}},
				       {SPAN("X-Y"), {.bytes = SPAN("z")}}};
	struct cfg_check_request c = {.method = SPAN("OPTIONS"),
				      .uri.bytes = SPAN("/"),
				      .version = SPAN("HTTP/1.0")};
	assert_request(&c, "OPTIONS / HTTP/1.0\r\n\r\n");
	c.method = SPAN("GET");
	c.version = SPAN("HTTP/1.1");
	assert_request(
		&c, "GET / HTTP/1.1\r\nhost: 10.0.0.1:80\r\nconnection: close\r\n\r\n");
	c.fields = h;
	c.fields_n = 2;
	assert_request(
		&c, "GET / HTTP/1.1\r\nHost: a.b\r\nX-Y: z\r\nconnection: close\r\n\r\n");
	c.method = SPAN("POST");
	c.version = SPAN("HTTP/1.0");
	assert_request(
		&c,
		"POST / HTTP/1.0\r\nHost: a.b\r\nX-Y: z\r\ncontent-length: 0\r\n\r\n");
	c.body.bytes = SPAN("ping");
	assert_request(&c, "POST / HTTP/1.0\r\nHost: a.b\r\nX-Y: z\r\ncontent-length: "
			   "4\r\n\r\nping");
	h[1].value = (struct cfg_text){.format = format_of("a%[str(b\r\nEvil: 1)]")};
	c.body.bytes = span_of(NULL, 0);
	c.method = SPAN("GET");
	assert_request(&c, "GET / HTTP/1.0\r\nHost: a.b\r\nX-Y: ab\r\n\r\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			every_response_is_judged_as_the_table_says_and_never_too_early,
			set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			bytes_of_other_protocols_are_judged_as_the_table_says, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(
			packets_of_presets_are_read_to_their_end_and_no_further, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(
			the_result_is_known_as_soon_as_the_bytes_decide, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(
			a_switch_of_protocols_is_an_answer_only_to_who_asked_for_it,
			set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_minimum_of_bytes_decides_when_it_is_decided, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_response_longer_than_the_limit_is_judged_by_its_beginning,
			set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_regex_that_explodes_gives_up_as_a_failure, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			all_expectations_must_be_met_in_their_order, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_reply_of_many_lines_ends_with_its_last,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_response_to_head_has_no_body, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(formats_and_statuses_say_what_is_reported,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(every_fetch_that_checks_may_use_is_there,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			the_request_has_the_bytes_that_haproxy_sends, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
