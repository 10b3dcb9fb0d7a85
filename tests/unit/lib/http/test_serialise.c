/* SPDX-License-Identifier: MIT
 *
 * Forwarded heads, to the byte.
 */
#include "rows.h"

#include "lib/http/serialise.h"

static struct http_head head;

/* Serialises into every capacity that is too small, then into one that fits exactly. */
static void
expect_bytes(const char *name, bool is_request, const struct http_outgoing *o,
	     const char *want)
{
	size_t n = strlen(want);

	for (size_t cap = 0; cap <= n; cap++) {
		char *block = copy_of(want, cap);
		size_t got = is_request ? http_serialise_request(&head, o, block, cap)
					: http_serialise_response(&head, o, block, cap);
		if (cap < n && got != 0)
			fail_msg("%s: %zu bytes into %zu", name, got, cap);
		if (cap == n)
			expect_span(name, "head", span_of(block, got), span_of(want, n));
		free(block);
	}
}

static void
parse_request(const char *text, struct http_framing *f)
{
	enum http_reject why = HTTP_REJECT_none;

	if (http_head_parse_request(text, strlen(text), 0, &usual, &head, &why) !=
	    HTTP_PARSE_OK)
		fail_msg("%s: %s", text, http_reject_word(why));
	expect_reason(text, "framing", http_framing_request(&head, f), HTTP_REJECT_none);
}

static void
parse_response(const char *text, struct http_framing *f)
{
	enum http_reject why = HTTP_REJECT_none;

	if (http_head_parse_response(text, strlen(text), 0, &usual, &head, &why) !=
	    HTTP_PARSE_OK)
		fail_msg("%s: %s", text, http_reject_word(why));
	expect_reason(text, "framing",
		      http_framing_response(&head, HTTP_METHOD_GET, SPAN("x"), f),
		      HTTP_REJECT_none);
}

static void
absolute_form_stays_where_that_is_wanted(void **state)
{
	static const char *const rows[][2] = {
		{"GET http://b:8/c?d HTTP/1.1\r\nHost: a\r\nX: 1\r\n\r\n",
		 "GET http://b:8/c?d HTTP/1.1\r\nHost: b:8\r\nX: 1\r\n\r\n"},
		{"GET HTTPS://b HTTP/1.0\r\n\r\n",
		 "GET HTTPS://b/ HTTP/1.1\r\nHost: b\r\n\r\n"},
		{"OPTIONS http://b HTTP/1.1\r\nHost: a\r\n\r\n",
		 "OPTIONS * HTTP/1.1\r\nHost: b\r\n\r\n"},
		{"GET /c HTTP/1.1\r\nHost: a\r\n\r\n",
		 "GET /c HTTP/1.1\r\nHost: a\r\n\r\n"},
	};
	struct http_outgoing o = {.keeps_absolute = true};
	struct http_framing f;

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		parse_request(rows[i][0], &f);
		expect_bytes(rows[i][0], true, &o, rows[i][1]);
	}
}

static const struct {
	const char *in, *out;
} requests[] = {
	{"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\n\r\n"},
	{"GET /a?b HTTP/1.1\r\nHost: a\r\nX: 1\r\nY: 2\r\n\r\n",
	 "GET /a?b HTTP/1.1\r\nHost: a\r\nX: 1\r\nY: 2\r\n\r\n"},
	/* Host comes first and once */
	{"GET /a? HTTP/1.1\r\nX: 1\r\nHost:a\r\nY: 2\r\n\r\n",
	 "GET /a? HTTP/1.1\r\nHost: a\r\nX: 1\r\nY: 2\r\n\r\n"},
	{"GET / HTTP/1.1\r\nX: 1\r\nHost: a\r\n\r\n",
	 "GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n\r\n"},
	/* dropped fields first, last, in the middle, neighbouring */
	{"GET / HTTP/1.1\r\nHost: a\r\nTE: x\r\nX: 1\r\nTE: x\r\nTE: y\r\nY: 2\r\nTE: "
	 "z\r\n\r\n",
	 "GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\nY: 2\r\n\r\n"},
	{"GET / HTTP/1.1\r\nTE: x\r\nHost: a\r\nConnection: x\r\nX: 1\r\n\r\n",
	 "GET / HTTP/1.1\r\nHost: a\r\n\r\n"},
	/* HTTP/1.0 leaves as 1.1 */
	{"GET /a?b HTTP/1.0\r\nHost: a\r\nX: 1\r\n\r\n",
	 "GET /a?b HTTP/1.1\r\nHost: a\r\nX: 1\r\n\r\n"},
	{"GET / HTTP/1.0\r\nX: 1\r\n\r\n",
	 "GET / HTTP/1.1\r\nHost: srv:1\r\nX: 1\r\n\r\n"},
	{"GET / HTTP/1.0\r\n\r\n", "GET / HTTP/1.1\r\nHost: srv:1\r\n\r\n"},
	/* absolute-form becomes origin-form, its authority Host */
	{"GET http://b:8/c?d HTTP/1.1\r\nHost: a\r\nX: 1\r\n\r\n",
	 "GET /c?d HTTP/1.1\r\nHost: b:8\r\nX: 1\r\n\r\n"},
	{"GET HTTPS://b HTTP/1.1\r\nX: 1\r\nHost: a\r\n\r\n",
	 "GET / HTTP/1.1\r\nHost: b\r\nX: 1\r\n\r\n"},
	{"GET http://b?c HTTP/1.0\r\n\r\n", "GET /?c HTTP/1.1\r\nHost: b\r\n\r\n"},
	{"OPTIONS http://b HTTP/1.1\r\nHost: a\r\n\r\n",
	 "OPTIONS * HTTP/1.1\r\nHost: b\r\n\r\n"},
	{"OPTIONS http://b/ HTTP/1.1\r\nHost: a\r\n\r\n",
	 "OPTIONS / HTTP/1.1\r\nHost: b\r\n\r\n"},
	{"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
	 "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"},
	{"CONNECT b:8 HTTP/1.1\r\nHost: a\r\n\r\n",
	 "CONNECT b:8 HTTP/1.1\r\nHost: b:8\r\n\r\n"},
	/* the bytes of values stay */
	{"\r\nGET / HTTP/1.1\r\nHost: \t a \r\nx:  1 \t\r\nY:\r\n\r\n",
	 "GET / HTTP/1.1\r\nHost: \t a \r\nx:  1 \t\r\nY:\r\n\r\n"},
};

static void
requests_leave_normalised(void **state)
{
	struct http_outgoing o = {.host = SPAN("srv:1")};
	struct http_framing f;

	(void)state;
	for (size_t i = 0; i < N(requests); i++) {
		parse_request(requests[i].in, &f);
		expect_bytes(requests[i].in, true, &o, requests[i].out);
	}
}

static const struct {
	const char *in, *out;
} responses[] = {
	{"HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n"},
	{"HTTP/1.1 200 OK\r\nA: b\r\nc:d\r\n\r\n",
	 "HTTP/1.1 200 OK\r\nA: b\r\nc:d\r\n\r\n"},
	{"HTTP/1.1 200\r\nA: b\r\n\r\n", "HTTP/1.1 200 \r\nA: b\r\n\r\n"},
	{"HTTP/1.1 200 \r\nA: b\r\n\r\n", "HTTP/1.1 200 \r\nA: b\r\n\r\n"},
	{"HTTP/1.0 404 Not Found\r\nA: b\r\n\r\n",
	 "HTTP/1.1 404 Not Found\r\nA: b\r\n\r\n"},
	{"HTTP/1.5 404 Not Found\r\n\r\n", "HTTP/1.1 404 Not Found\r\n\r\n"},
	{"HTTP/1.1 200 OK\r\nConnection: x\r\nX: 1\r\nContent-Length: 5\r\nY: 2\r\n\r\n",
	 "HTTP/1.1 200 OK\r\nY: 2\r\n\r\n"},
};

static void
responses_leave_normalised(void **state)
{
	struct http_outgoing o = {0};
	struct http_framing f;

	(void)state;
	for (size_t i = 0; i < N(responses); i++) {
		parse_response(responses[i].in, &f);
		expect_bytes(responses[i].in, false, &o, responses[i].out);
	}
}

static const struct {
	struct http_outgoing o;
	const char *fields;
} owns[] = {
	{{.body = HTTP_BODY_NONE}, ""},
	{{.body = HTTP_BODY_NONE, .length = 7}, ""},
	{{.body = HTTP_BODY_NONE, .say_length_zero = true}, "Content-Length: 0\r\n"},
	{{.body = HTTP_BODY_NONE, .keep_stated_length = true, .stated_length = 12},
	 "Content-Length: 12\r\n"},
	{{.body = HTTP_BODY_LENGTH, .length = INT64_MAX},
	 "Content-Length: 9223372036854775807\r\n"},
	{{.body = HTTP_BODY_CHUNKED, .length = 7}, "Transfer-Encoding: chunked\r\n"},
	{{.body = HTTP_BODY_CLOSE, .say_close = true}, "Connection: close\r\n"},
	{{.body = HTTP_BODY_LENGTH, .length = 1, .say_keep_alive = true},
	 "Content-Length: 1\r\nConnection: keep-alive\r\n"},
	{{.upgrade = {"websocket", 9}}, "Connection: upgrade\r\nUpgrade: websocket\r\n"},
	{{.body = HTTP_BODY_TUNNEL, .upgrade = {"a/1, b", 6}},
	 "Connection: upgrade\r\nUpgrade: a/1, b\r\n"},
	{{.body = HTTP_BODY_CHUNKED,
	  .say_close = true,
	  .extra = {"Via: x\r\nA: b\r\n", 14}},
	 "Transfer-Encoding: chunked\r\nConnection: close\r\nVia: x\r\nA: b\r\n"},
};

static void
our_own_fields_follow_and_frame_the_body_once(void **state)
{
	struct http_framing f;
	char want[512];

	(void)state;
	for (size_t i = 0; i < N(owns); i++) {
		parse_request(
			"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nX: 1\r\n"
			"Connection: close\r\n\r\n",
			&f);
		snprintf(want, sizeof(want),
			 "POST / HTTP/1.1\r\nHost: a\r\nX: 1\r\n%s\r\n", owns[i].fields);
		expect_bytes(owns[i].fields, true, &owns[i].o, want);
		parse_response(
			"HTTP/1.1 200 OK\r\nX: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
			&f);
		snprintf(want, sizeof(want), "HTTP/1.1 200 OK\r\nX: 1\r\n%s\r\n",
			 owns[i].fields);
		expect_bytes(owns[i].fields, false, &owns[i].o, want);
	}
}

/* What is not written exactly as we would is not left to the server's understanding. */
static const struct {
	const char *fields;
	bool stays;
} lengths[] = {
	{"Content-Length: 5\r\n", true},
	{"content-length: 5\r\n", true},
	{"A: b\r\nContent-Length: 1234567890\r\nC: d\r\n", true},
	{"Content-Length: 0\r\n", true},
	{"Content-Length:5\r\n", false},
	{"Content-Length:\t5\r\n", false},
	{"Content-Length:  5\r\n", false},
	{"Content-Length: 5 \r\n", false},
	{"Content-Length: 5\t\r\n", false},
	{"Content-Length:5 \r\n", false},
	{"Content-Length: 05\r\n", false},
	{"Content-Length: 00\r\n", false},
	{"Content-Length: 5, 5\r\n", false},
	{"Content-Length: 5,5\r\n", false},
	{"Content-Length: 5\r\nContent-Length: 5\r\n", false},
	{"Transfer-Encoding: chunked\r\n", false},
	{"A: b\r\n", false},
};

static void
content_length_stays_where_it_is_when_it_is_as_we_write_it(void **state)
{
	char text[512], want[512];
	struct http_framing f;

	(void)state;
	for (size_t i = 0; i < N(lengths); i++) {
		snprintf(text, sizeof(text), "POST / HTTP/1.1\r\nHost: a\r\n%s\r\n",
			 lengths[i].fields);
		parse_request(text, &f);
		if (http_framing_keep_length(&head, &f) != lengths[i].stays)
			fail_msg("%s", lengths[i].fields);
		if (lengths[i].stays) {
			struct http_outgoing o = {.body = f.body,
						  .length = f.length,
						  .say_length_zero = true,
						  .length_stands = true};
			expect_bytes(lengths[i].fields, true, &o, text);
		}
		snprintf(want, sizeof(want), "HTTP/1.1 204 x\r\n%s\r\n",
			 lengths[i].fields);
		parse_response(want, &f);
		assert_false(http_framing_keep_length(&head, &f));
	}
}

static void
edits_of_the_start_line_are_written(void **state)
{
	struct http_outgoing o = {0};
	struct http_framing f;

	(void)state;
	parse_request("GET /a?b HTTP/1.1\r\nHost: a\r\nX: 1\r\n\r\n", &f);
	head.path = SPAN("/new");
	expect_bytes("path", true, &o, "GET /new?b HTTP/1.1\r\nHost: a\r\nX: 1\r\n\r\n");
	head.query = span_of(NULL, 0);
	expect_bytes("query", true, &o, "GET /new HTTP/1.1\r\nHost: a\r\nX: 1\r\n\r\n");
	parse_request("GET /a?b HTTP/1.1\r\nHost: a\r\nX: 1\r\n\r\n", &f);
	head.query = span_of(NULL, 0);
	expect_bytes("no query", true, &o, "GET /a HTTP/1.1\r\nHost: a\r\nX: 1\r\n\r\n");
	parse_request("GET /a?b HTTP/1.1\r\nHost: a\r\nX: 1\r\n\r\n", &f);
	head.path.n = 1;
	expect_bytes("shorter", true, &o, "GET /?b HTTP/1.1\r\nHost: a\r\nX: 1\r\n\r\n");
	parse_request("GET /a?b HTTP/1.1\r\nHost: a\r\nX: 1\r\n\r\n", &f);
	head.method_text = SPAN("PUT");
	head.authority = SPAN("other");
	expect_bytes("method", true, &o,
		     "PUT /a?b HTTP/1.1\r\nHost: other\r\nX: 1\r\n\r\n");
	parse_request("GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n\r\n", &f);
	head.fields[0].dropped = 1;
	expect_bytes("Host is always there", true, &o,
		     "GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n\r\n");
	parse_response("HTTP/1.1 200 OK\r\nX: 1\r\n\r\n", &f);
	head.status = 301;
	expect_bytes("status", false, &o, "HTTP/1.1 301 OK\r\nX: 1\r\n\r\n");
	head.reason = SPAN("Moved");
	expect_bytes("reason", false, &o, "HTTP/1.1 301 Moved\r\nX: 1\r\n\r\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_leave_normalised),
		cmocka_unit_test(absolute_form_stays_where_that_is_wanted),
		cmocka_unit_test(responses_leave_normalised),
		cmocka_unit_test(our_own_fields_follow_and_frame_the_body_once),
		cmocka_unit_test(
			content_length_stays_where_it_is_when_it_is_as_we_write_it),
		cmocka_unit_test(edits_of_the_start_line_are_written),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
