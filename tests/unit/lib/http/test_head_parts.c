/* SPDX-License-Identifier: MIT
 *
 * What a parsed head says: the parts of the start line, the table of fields, the limits.
 */
#include "rows.h"

static struct http_head head;

static enum http_parse
parse(const char *text, const struct http_limits *limits, enum http_reject *why)
{
	*why = HTTP_REJECT_none;
	return http_head_parse_request(text, strlen(text), 0, limits, &head, why);
}

static void
parse_good(const char *text)
{
	enum http_reject why;

	assert_int_equal(parse(text, &usual, &why), HTTP_PARSE_OK);
}

#define NONE            \
	{               \
		NULL, 0 \
	}
#define S(text)                        \
	{                              \
		text, sizeof(text) - 1 \
	}

static const struct {
	const char *line;
	enum http_method method;
	enum http_target form;
	struct span path, query, authority;
} lines[] = {
	{"GET /", HTTP_METHOD_GET, HTTP_TARGET_ORIGIN, S("/"), NONE, S("h:1")},
	{"HEAD /a?b=c", HTTP_METHOD_HEAD, HTTP_TARGET_ORIGIN, S("/a"), S("b=c"),
	 S("h:1")},
	{"POST /a?", HTTP_METHOD_POST, HTTP_TARGET_ORIGIN, S("/a"), S(""), S("h:1")},
	{"PUT /?a?b", HTTP_METHOD_PUT, HTTP_TARGET_ORIGIN, S("/"), S("a?b"), S("h:1")},
	{"DELETE //x/", HTTP_METHOD_DELETE, HTTP_TARGET_ORIGIN, S("//x/"), NONE,
	 S("h:1")},
	{"TRACE /", HTTP_METHOD_TRACE, HTTP_TARGET_ORIGIN, S("/"), NONE, S("h:1")},
	{"PATCH /", HTTP_METHOD_PATCH, HTTP_TARGET_ORIGIN, S("/"), NONE, S("h:1")},
	{"GEX /", HTTP_METHOD_OTHER, HTTP_TARGET_ORIGIN, S("/"), NONE, S("h:1")},
	{"Get /", HTTP_METHOD_OTHER, HTTP_TARGET_ORIGIN, S("/"), NONE, S("h:1")},
	{"GETS /", HTTP_METHOD_OTHER, HTTP_TARGET_ORIGIN, S("/"), NONE, S("h:1")},
	{"TRACK /", HTTP_METHOD_OTHER, HTTP_TARGET_ORIGIN, S("/"), NONE, S("h:1")},
	{"SEARCH /", HTTP_METHOD_OTHER, HTTP_TARGET_ORIGIN, S("/"), NONE, S("h:1")},
	{"X /", HTTP_METHOD_OTHER, HTTP_TARGET_ORIGIN, S("/"), NONE, S("h:1")},
	{"OPTIONS *", HTTP_METHOD_OPTIONS, HTTP_TARGET_ASTERISK, S("*"), NONE, S("h:1")},
	{"OPTIONS /a", HTTP_METHOD_OPTIONS, HTTP_TARGET_ORIGIN, S("/a"), NONE, S("h:1")},
	{"OPTIONS http://b", HTTP_METHOD_OPTIONS, HTTP_TARGET_ABSOLUTE, S("*"), NONE,
	 S("b")},
	{"OPTIONS http://b/", HTTP_METHOD_OPTIONS, HTTP_TARGET_ABSOLUTE, S("/"), NONE,
	 S("b")},
	{"OPTIONS http://b?", HTTP_METHOD_OPTIONS, HTTP_TARGET_ABSOLUTE, S("/"), S(""),
	 S("b")},
	{"GET http://b:8", HTTP_METHOD_GET, HTTP_TARGET_ABSOLUTE, S("/"), NONE, S("b:8")},
	{"GET http://b?c", HTTP_METHOD_GET, HTTP_TARGET_ABSOLUTE, S("/"), S("c"), S("b")},
	{"GET https://[::1]/a?b?", HTTP_METHOD_GET, HTTP_TARGET_ABSOLUTE, S("/a"),
	 S("b?"), S("[::1]")},
	{"CONNECT b:443", HTTP_METHOD_CONNECT, HTTP_TARGET_AUTHORITY, NONE, NONE,
	 S("b:443")},
};

static void
the_request_line_is_split_into_its_parts(void **state)
{
	char text[256];

	(void)state;
	for (size_t i = 0; i < N(lines); i++) {
		const char *name = lines[i].line;
		snprintf(text, sizeof(text), "%s HTTP/1.1\r\nHost: h:1\r\n\r\n", name);
		parse_good(text);
		assert_int_equal(head.method, lines[i].method);
		assert_int_equal(head.target_form, lines[i].form);
		assert_int_equal(head.minor, 1);
		expect_span(name, "path", head.path, lines[i].path);
		expect_span(name, "query", head.query, lines[i].query);
		assert_int_equal(!head.query.p, !lines[i].query.p);
		expect_span(name, "authority", head.authority, lines[i].authority);
		expect_span(name, "target", head.target, span_str(strchr(name, ' ') + 1));
		assert_int_equal(head.method_text.n, strchr(name, ' ') - name);
		assert_int_equal(head.bytes, strlen(text));
	}
}

static void
empty_lines_before_are_skipped_and_counted(void **state)
{
	(void)state;
	parse_good("\r\n\r\nGET / HTTP/1.0\r\n\r\nbody");
	assert_int_equal(head.skipped, 4);
	assert_int_equal(head.bytes, 18);
	assert_int_equal(head.minor, 0);
	assert_int_equal(head.fields_n, 0);
	assert_null(head.authority.p);
}

static void
fields_have_name_value_line_and_id(void **state)
{
	const struct http_field *f = head.fields;

	(void)state;
	parse_good("GET / HTTP/1.1\r\nhOST: \t a \r\nX:\r\nconnection:b\r\nCONNECTION:  "
		   "\r\n\r\n");
	assert_int_equal(head.fields_n, 4);
	expect_span("1", "name", http_field_name(&head, &f[0]), SPAN("hOST"));
	expect_span("1", "value", http_field_value(&head, &f[0]), SPAN("a"));
	expect_span("1", "line", span_of(head.base + f[0].line_off, f[0].line_n),
		    SPAN("hOST: \t a \r\n"));
	expect_span("2", "value", http_field_value(&head, &f[1]), SPAN(""));
	expect_span("3", "value", http_field_value(&head, &f[2]), SPAN("b"));
	expect_span("4", "value", http_field_value(&head, &f[3]), SPAN(""));
	assert_int_equal(f[0].id, HTTP_FIELD_HOST);
	assert_int_equal(f[1].id, HTTP_FIELD_OTHER);
	assert_int_equal(f[3].id, HTTP_FIELD_CONNECTION);
	assert_int_equal(head.seen, 1u << HTTP_FIELD_HOST | 1u << HTTP_FIELD_CONNECTION);
	assert_int_equal(head.repeated, 1u << HTTP_FIELD_CONNECTION);
	assert_int_equal(head.first[HTTP_FIELD_CONNECTION], 2);
	for (int i = 0; i < 4; i++)
		assert_int_equal(f[i].dropped, 0);
}

static void
known_names_are_recognised_in_any_case_and_no_others(void **state)
{
	static const struct {
		const char *name;
		enum http_field_id id;
	} names[] = {
		{"host", HTTP_FIELD_HOST},
		{"connection", HTTP_FIELD_CONNECTION},
		{"content-length", HTTP_FIELD_CONTENT_LENGTH},
		{"transfer-encoding", HTTP_FIELD_TRANSFER_ENCODING},
		{"upgrade", HTTP_FIELD_UPGRADE},
		{"expect", HTTP_FIELD_EXPECT},
		{"keep-alive", HTTP_FIELD_KEEP_ALIVE},
		{"proxy-connection", HTTP_FIELD_PROXY_CONNECTION},
		{"te", HTTP_FIELD_TE},
		{"trailer", HTTP_FIELD_TRAILER},
		{"via", HTTP_FIELD_VIA},
		{"max-forwards", HTTP_FIELD_MAX_FORWARDS},
		{"x-forwarded-for", HTTP_FIELD_X_FORWARDED_FOR},
		{"authorization", HTTP_FIELD_AUTHORIZATION},
		{"date", HTTP_FIELD_DATE},
	};
	char text[128];

	(void)state;
	assert_int_equal(N(names), HTTP_FIELD_IDS_N - 1);
	for (size_t i = 0; i < N(names); i++) {
		size_t n = strlen(names[i].name);
		for (size_t at = 0; at <= n; at++) {
			/* one letter in the other case, then another letter */
			snprintf(text, sizeof(text), "GET / HTTP/1.1\r\n%s: x\r\n\r\n",
				 names[i].name);
			if (at < n && text[16 + at] != '-')
				text[16 + at] ^= 0x20;
			parse_good(text);
			assert_int_equal(head.fields[0].id, names[i].id);
			if (at == n)
				continue;
			text[16 + at] = names[i].name[at] == 'q' ? 'z' : 'q';
			parse_good(text);
			assert_int_equal(head.fields[0].id, HTTP_FIELD_OTHER);
			text[16 + at] = names[i].name[at] == '-' ? '.' : '^';
			parse_good(text);
			assert_int_equal(head.fields[0].id, HTTP_FIELD_OTHER);
		}
	}
}

static void
fields_are_found_by_name(void **state)
{
	(void)state;
	parse_good("GET / HTTP/1.1\r\nA: 1\r\nBc: 2\r\na: 3\r\n\r\n");
	assert_int_equal(http_head_find(&head, SPAN("A"), 0), 0);
	assert_int_equal(http_head_find(&head, SPAN("A"), 1), 2);
	assert_int_equal(http_head_find(&head, SPAN("A"), 3), -1);
	assert_int_equal(http_head_find(&head, SPAN("bC"), 0), 1);
	assert_int_equal(http_head_find(&head, SPAN("b"), 0), -1);
	assert_null(http_head_value(&head, HTTP_FIELD_HOST).p);
}

/* A head with fields of `field` bytes each, `n` of them, and a target of `target`. */
static size_t
build(char *out, size_t target, size_t field, unsigned n)
{
	size_t at = (size_t)sprintf(out, "GET /");

	memset(out + at, 'x', target - 1);
	at += target - 1;
	at += (size_t)sprintf(out + at, " HTTP/1.1\r\n");
	for (unsigned i = 0; i < n; i++) {
		at += (size_t)sprintf(out + at, "A:");
		memset(out + at, 'v', field - 2);
		at += field - 2;
		at += (size_t)sprintf(out + at, "\r\n");
	}
	return at + (size_t)sprintf(out + at, "\r\n");
}

static const struct {
	const char *name;
	struct http_limits limits;
	size_t target, field;
	unsigned n;
	enum http_reject why;
} sizes[] = {
	/* the request line is 4 + target + 9 bytes */
	{"line fits", {50, 50, 999, 9, 0, 0}, 37, 10, 1, HTTP_REJECT_none},
	{"line +1", {50, 50, 999, 9, 0, 0}, 38, 10, 1, HTTP_REJECT_request_line_too_long},
	{"line ++",
	 {50, 50, 999, 9, 0, 0},
	 500,
	 10,
	 1,
	 HTTP_REJECT_request_line_too_long},
	{"field fits", {50, 50, 999, 9, 0, 0}, 5, 50, 2, HTTP_REJECT_none},
	{"field +1", {50, 50, 999, 9, 0, 0}, 5, 51, 2, HTTP_REJECT_field_too_long},
	{"field ++", {50, 50, 999, 9, 0, 0}, 5, 800, 2, HTTP_REJECT_field_too_long},
	{"count fits", {50, 50, 999, 9, 0, 0}, 5, 10, 9, HTTP_REJECT_none},
	{"count +1", {50, 50, 999, 9, 0, 0}, 5, 10, 10, HTTP_REJECT_too_many_fields},
	{"no fields", {50, 50, 999, 0, 0, 0}, 5, 10, 0, HTTP_REJECT_none},
	/* the head is 15 + target + n (field + 2) + 2 bytes */
	{"head fits", {99, 99, 66, 9, 0, 0}, 5, 20, 2, HTTP_REJECT_none},
	{"head +1", {99, 99, 65, 9, 0, 0}, 5, 20, 2, HTTP_REJECT_head_too_long},
	{"head -CRLF", {99, 99, 64, 9, 0, 0}, 5, 20, 2, HTTP_REJECT_head_too_long},
	{"head ends in a field",
	 {99, 99, 50, 9, 0, 0},
	 5,
	 20,
	 2,
	 HTTP_REJECT_head_too_long},
	{"head ends in the line",
	 {99, 99, 50, 9, 0, 0},
	 60,
	 20,
	 2,
	 HTTP_REJECT_head_too_long},
	{"both, line first",
	 {20, 99, 50, 9, 0, 0},
	 60,
	 20,
	 2,
	 HTTP_REJECT_request_line_too_long},
	{"most fields", {99, 99, 1u << 30, 1u << 30, 0, 0}, 5, 5, 1024, HTTP_REJECT_none},
	{"too many for the table",
	 {99, 99, 1u << 30, 1u << 30, 0, 0},
	 5,
	 5,
	 1025,
	 HTTP_REJECT_too_many_fields},
	{"most bytes",
	 {1u << 30, 1u << 30, 1u << 30, 99, 0, 0},
	 61440 - 17,
	 9,
	 0,
	 HTTP_REJECT_none},
	{"too many bytes",
	 {1u << 30, 1u << 30, 1u << 30, 99, 0, 0},
	 61440 - 16,
	 9,
	 0,
	 HTTP_REJECT_head_too_long},
	{"huge limits",
	 {~0u, ~0u, ~0u, ~0u, 0, 0},
	 61440,
	 9,
	 0,
	 HTTP_REJECT_head_too_long},
};

static void
limits_hold_to_the_byte_for_complete_and_incomplete_heads(void **state)
{
	static char text[70000];

	(void)state;
	for (size_t i = 0; i < N(sizes); i++) {
		size_t n = build(text, sizes[i].target, sizes[i].field, sizes[i].n);
		enum http_reject why = HTTP_REJECT_none;
		enum http_parse r;
		size_t from = 0, step = n > 2000 ? 61 : 1, at;

		http_head_parse_request(text, n, 0, &sizes[i].limits, &head, &why);
		expect_reason(sizes[i].name, "whole", why, sizes[i].why);
		for (at = step;; at = at + step < n ? at + step : n) {
			why = HTTP_REJECT_none;
			r = http_head_parse_request(text, at, from, &sizes[i].limits,
						    &head, &why);
			from = at;
			if (r != HTTP_PARSE_INCOMPLETE || at == n)
				break;
		}
		expect_reason(sizes[i].name, "in steps", why, sizes[i].why);
		assert_int_not_equal(r, HTTP_PARSE_INCOMPLETE);
		/* an endless line is refused without its end */
		for (at = 1; at < n; at++) {
			why = HTTP_REJECT_none;
			r = http_head_parse_request(text, at, 0, &sizes[i].limits, &head,
						    &why);
			if (r == HTTP_PARSE_REJECTED || n > 2000)
				break;
		}
		if (n <= 2000)
			assert_int_equal(r == HTTP_PARSE_REJECTED,
					 sizes[i].why != HTTP_REJECT_none);
	}
}

static void
connect_is_refused_unless_allowed(void **state)
{
	struct http_limits limits = usual;
	enum http_reject why;

	(void)state;
	limits.allow_connect = false;
	assert_int_equal(
		parse("CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", &limits, &why),
		HTTP_PARSE_REJECTED);
	assert_int_equal(why, HTTP_REJECT_connect_refused);
	assert_int_equal(parse("CONNECT a HTTP/1.1\r\nHost: a\r\n\r\n", &limits, &why),
			 HTTP_PARSE_REJECTED);
	assert_int_equal(why, HTTP_REJECT_bad_target);
}

static void
a_response_has_status_reason_and_fields(void **state)
{
	const char *text = "HTTP/1.0 404 Not  Found\r\nA: b\r\n\r\nbody";
	enum http_reject why;

	(void)state;
	assert_int_equal(
		http_head_parse_response(text, strlen(text), 0, &usual, &head, &why),
		HTTP_PARSE_OK);
	assert_int_equal(head.status, 404);
	assert_int_equal(head.minor, 0);
	expect_span("404", "reason", head.reason, SPAN("Not  Found"));
	assert_int_equal(head.fields_n, 1);
	assert_int_equal(head.bytes, strlen(text) - 4);
	text = "HTTP/1.8 299\r\n\r\n";
	assert_int_equal(
		http_head_parse_response(text, strlen(text), 0, &usual, &head, &why),
		HTTP_PARSE_OK);
	assert_int_equal(head.minor, 1);
	assert_int_equal(head.reason.n, 0);
}

static void
idempotent_methods_are_those_of_the_rfc(void **state)
{
	(void)state;
	for (enum http_method m = HTTP_METHOD_OTHER; m <= HTTP_METHOD_PATCH; m++)
		assert_int_equal(http_method_is_idempotent(m),
				 m != HTTP_METHOD_OTHER && m != HTTP_METHOD_POST &&
					 m != HTTP_METHOD_CONNECT &&
					 m != HTTP_METHOD_PATCH);
}

static void
every_reason_has_a_word_a_text_and_a_status(void **state)
{
	(void)state;
	for (int i = 1; i < HTTP_REJECTS_N; i++) {
		enum http_reject r = (enum http_reject)i;
		int status = http_reject_status(r);
		assert_true(strlen(http_reject_word(r)) > 3);
		assert_true(strlen(http_reject_text(r)) > 8);
		assert_true(status == 0 || (status >= 400 && status <= 505));
	}
	assert_string_equal(http_reject_word(HTTP_REJECT_length_conflict),
			    "length_conflict");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_request_line_is_split_into_its_parts),
		cmocka_unit_test(empty_lines_before_are_skipped_and_counted),
		cmocka_unit_test(fields_have_name_value_line_and_id),
		cmocka_unit_test(known_names_are_recognised_in_any_case_and_no_others),
		cmocka_unit_test(fields_are_found_by_name),
		cmocka_unit_test(
			limits_hold_to_the_byte_for_complete_and_incomplete_heads),
		cmocka_unit_test(connect_is_refused_unless_allowed),
		cmocka_unit_test(a_response_has_status_reason_and_fields),
		cmocka_unit_test(idempotent_methods_are_those_of_the_rfc),
		cmocka_unit_test(every_reason_has_a_word_a_text_and_a_status),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
