/* SPDX-License-Identifier: MIT
 *
 * Edits of heads: each row is a message, a few edits, and the head that leaves.
 */
#include "rows.h"

#include "lib/http/edit.h"
#include "lib/http/serialise.h"

static struct http_head head;
static char edits[HTTP_EDITS_MAX], out[8192];

static void
parse(const char *text, bool is_request)
{
	enum http_reject why = HTTP_REJECT_none;
	struct http_framing f;
	enum http_parse r = is_request ? http_head_parse_request(text, strlen(text), 0,
								 &usual, &head, &why)
				       : http_head_parse_response(text, strlen(text), 0,
								  &usual, &head, &why);

	if (r != HTTP_PARSE_OK)
		fail_msg("%s: %s", text, http_reject_word(why));
	if (is_request)
		why = http_framing_request(&head, &f);
	expect_reason(text, "framing", why, HTTP_REJECT_none);
	http_edit_begin(&head, edits, sizeof(edits));
}

static void
expect_head(const char *row, bool is_request, const char *want)
{
	struct http_outgoing o = {0};
	size_t n = is_request ? http_serialise_request(&head, &o, out, sizeof(out))
			      : http_serialise_response(&head, &o, out, sizeof(out));

	expect_span(row, "head", span_of(out, n), span_str(want));
}

static int
find(const char *name)
{
	return http_head_find(&head, span_str(name), 0);
}

enum { END, ADD, SET, VALUE, DEL, METHOD, PATH, QUERY, PATHQ, URI, FAILS = 16 };

struct edit {
	int op;
	const char *name, *value;
};

static bool
apply(const struct edit *e)
{
	struct span name = span_str(e->name), value = span_str(e->value);

	switch (e->op & ~FAILS) {
	case ADD:
		return http_edit_add(&head, name, value);
	case SET:
		return http_edit_set(&head, name, value);
	case VALUE:
		return http_edit_value(&head, (unsigned)find(e->name), value);
	case DEL:
		return http_edit_delete(&head, (unsigned)find(e->name));
	case METHOD:
		return http_edit_method(&head, value);
	case PATH:
		return http_edit_path(&head, value);
	case QUERY:
		return http_edit_query(&head, value);
	case PATHQ:
		return http_edit_pathq(&head, value);
	case URI:
		return http_edit_uri(&head, value);
	}
	return false;
}

#define GET(target, fields) "GET " target " HTTP/1.1\r\nHost: a\r\n" fields "\r\n"

static const struct {
	const char *in;
	struct edit edits[4];
	const char *want;
} requests[] = {
	/* fields: added ones come last, replaced ones keep their place */
	{GET("/", ""), {{ADD, "X", "1"}}, GET("/", "X: 1\r\n")},
	{GET("/", "X: 0\r\n"),
	 {{ADD, "X", "1"}, {ADD, "Y", ""}},
	 GET("/", "X: 0\r\nX: 1\r\nY: \r\n")},
	{GET("/", "X: 0\r\nY: 0\r\nx: 2\r\n"),
	 {{SET, "X", "1"}},
	 GET("/", "Y: 0\r\nX: 1\r\n")},
	{GET("/", "X: 0\r\n"), {{SET, "X", "1"}, {SET, "X", "2"}}, GET("/", "X: 2\r\n")},
	{GET("/", "X: 0\r\nY: 0\r\nX: 2\r\n"),
	 {{VALUE, "X", "long value"}},
	 GET("/", "X: long value\r\nY: 0\r\nX: 2\r\n")},
	{GET("/", "X: 0\r\nY: 0\r\nX: 2\r\n"),
	 {{DEL, "X", NULL}, {DEL, "X", NULL}},
	 GET("/", "Y: 0\r\n")},
	{GET("/", ""),
	 {{ADD, "X", "1"}, {DEL, "X", NULL}, {ADD, "Y", "2"}},
	 GET("/", "Y: 2\r\n")},
	/* values are fields' values, whatever is asked for */
	{GET("/", ""), {{SET, "X", " \ta b "}}, GET("/", "X: a b \r\n")},
	{GET("/", ""),
	 {{SET, "X", "a\r\nEvil: b"}, {ADD, "Y", "\x01\x7f"}},
	 GET("/", "X: a  Evil: b\r\nY:   \r\n")},
	/* Host: one, first, valid */
	{GET("/", ""), {{SET, "host", "b:8"}}, "GET / HTTP/1.1\r\nHost: b:8\r\n\r\n"},
	{GET("/", "X: 1\r\n"),
	 {{ADD, "Host", "b"}, {VALUE, "Host", "c"}},
	 "GET / HTTP/1.1\r\nHost: c\r\nX: 1\r\n\r\n"},
	{GET("/", ""),
	 {{FAILS | SET, "Host", "b,c"}, {FAILS | SET, "Host", ""}},
	 GET("/", "")},
	{"GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n",
	 {{SET, "Host", "c"}},
	 "GET / HTTP/1.1\r\nHost: c\r\n\r\n"},
	/* what frames the message is not to be had */
	{"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nConnection: close\r\n\r\n",
	 {{FAILS | SET, "content-length", "4"},
	  {FAILS | ADD, "Transfer-Encoding", "chunked"},
	  {FAILS | DEL, "Connection", NULL},
	  {FAILS | VALUE, "Content-Length", "4"}},
	 "POST / HTTP/1.1\r\nHost: a\r\n\r\n"},
	{GET("/", ""),
	 {{FAILS | SET, "content_length", "4"}, {FAILS | ADD, "Upgrade", "h2c"}},
	 GET("/", "")},
	/* start lines */
	{GET("/a?b=1", ""), {{PATH, NULL, "/c"}}, GET("/c?b=1", "")},
	{GET("/a?b=1", ""),
	 {{PATH, NULL, "/c d?e#\xff%20"}},
	 GET("/c%20d%3Fe%23%FF%20?b=1", "")},
	{GET("/a?b", ""),
	 {{FAILS | PATH, NULL, "c"}, {FAILS | PATH, NULL, ""}},
	 GET("/a?b", "")},
	{GET("/a?b", ""), {{QUERY, NULL, "c=?d e"}}, GET("/a?c=?d%20e", "")},
	{GET("/a?b", ""), {{QUERY, NULL, ""}}, GET("/a?", "")},
	{GET("/a", ""), {{QUERY, NULL, ""}}, GET("/a", "")},
	{GET("/a", ""), {{QUERY, NULL, "b"}}, GET("/a?b", "")},
	{GET("/a?b", ""), {{PATHQ, NULL, "/c"}}, GET("/c", "")},
	{GET("/a?b", ""), {{PATHQ, NULL, "/c?d?e"}}, GET("/c?d?e", "")},
	{GET("/a?b", ""), {{URI, NULL, "/c?d"}}, GET("/c?d", "")},
	{GET("/a?b", ""),
	 {{URI, NULL, "http://h:8/c?d"}},
	 "GET /c?d HTTP/1.1\r\nHost: h:8\r\n\r\n"},
	{GET("/a?b", ""),
	 {{FAILS | URI, NULL, "ftp://h/"}, {FAILS | URI, NULL, "http://,/"}},
	 GET("/a?b", "")},
	{"GET http://b/c?d HTTP/1.1\r\nHost: a\r\n\r\n",
	 {{PATH, NULL, "/e"}},
	 "GET /e?d HTTP/1.1\r\nHost: b\r\n\r\n"},
	{"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
	 {{FAILS | METHOD, NULL, "GET"}, {PATH, NULL, "/x"}},
	 "OPTIONS /x HTTP/1.1\r\nHost: a\r\n\r\n"},
	{GET("/", ""), {{METHOD, NULL, "PUT"}}, "PUT / HTTP/1.1\r\nHost: a\r\n\r\n"},
	{"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n",
	 {{METHOD, NULL, "GET"}, {FAILS | METHOD, NULL, "HEAD"}},
	 "GET / HTTP/1.1\r\nHost: a\r\n\r\n"},
	{GET("/", ""),
	 {{FAILS | METHOD, NULL, "HEAD"},
	  {FAILS | METHOD, NULL, "CONNECT"},
	  {FAILS | METHOD, NULL, "A B"},
	  {FAILS | METHOD, NULL, ""}},
	 GET("/", "")},
};

static void
requests_leave_edited(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(requests); i++) {
		parse(requests[i].in, true);
		for (size_t j = 0; j < 4 && requests[i].edits[j].op != END; j++)
			if (apply(&requests[i].edits[j]) ==
			    !!(requests[i].edits[j].op & FAILS))
				fail_msg("row %zu, edit %zu: %s", i, j, requests[i].in);
		expect_head(requests[i].in, true, requests[i].want);
	}
}

static void
later_readers_see_the_edits(void **state)
{
	(void)state;
	parse(GET("/a?b", "X: 0\r\nX-Forwarded-For: 1\r\nConnection: keep-alive\r\n"),
	      true);
	assert_true(http_edit_set(&head, SPAN("X"), SPAN("1")));
	assert_true(http_edit_set(&head, SPAN("X-Forwarded-For"), SPAN("2")));
	assert_true(http_edit_path(&head, SPAN("/c")));
	int i = find("x");
	expect_span("set", "X", http_field_value(&head, &head.fields[i]), SPAN("1"));
	assert_int_equal(http_head_find(&head, SPAN("X"), (unsigned)i + 1), -1);
	expect_span("by id", "XFF", http_head_value(&head, HTTP_FIELD_X_FORWARDED_FOR),
		    SPAN("2"));
	expect_span("target", "url", head.target, SPAN("/c?b"));
	expect_span("dropped for this hop", "Connection",
		    http_field_value(&head, &head.fields[find("connection")]),
		    SPAN("keep-alive"));
	assert_true(http_edit_delete(&head, (unsigned)find("X")));
	assert_int_equal(find("X"), -1);
	assert_true(http_edit_delete(&head, (unsigned)find("X-Forwarded-For")));
	assert_null(http_head_value(&head, HTTP_FIELD_X_FORWARDED_FOR).p);
}

/* What was parsed and what edits wrote may lie elsewhere from then on. */
static void
a_head_can_move_with_its_edits(void **state)
{
	static const char in[] = "GET /a?b HTTP/1.1\r\nHost: h\r\nX: 0\r\nY: 1\r\n\r\n";
	static char bytes[sizeof(in)], moved[1024];
	(void)state;
	parse(in, true);
	assert_true(http_edit_set(&head, SPAN("X"), SPAN("new")));
	assert_true(http_edit_path(&head, SPAN("/c")));
	memcpy(bytes, head.base, head.bytes);
	memcpy(moved, head.edits, head.edits_n);
	memset(head.edits, '#', head.edits_n);
	http_head_moved(&head, bytes, moved);
	head.edits_cap = sizeof(moved);
	assert_true(http_edit_add(&head, SPAN("Z"), SPAN("2")));
	expect_head(in, true,
		    "GET /c?b HTTP/1.1\r\nHost: h\r\nY: 1\r\nX: new\r\nZ: 2\r\n\r\n");
}

static void
responses_leave_edited(void **state)
{
	(void)state;
	parse("HTTP/1.1 200 OK\r\nServer: x\r\nA: 1\r\n\r\n", false);
	assert_true(http_edit_delete(&head, (unsigned)find("Server")));
	assert_true(http_edit_set(&head, SPAN("X-Frame-Options"), SPAN("DENY")));
	assert_true(http_edit_status(&head, 503, SPAN("Not\nNow")));
	expect_head("response", false,
		    "HTTP/1.1 503 Not Now\r\nA: 1\r\nX-Frame-Options: DENY\r\n\r\n");
	static const int impossible[] = {100, 199, 204, 304, 600, 0, -1};
	for (size_t i = 0; i < N(impossible); i++)
		assert_false(http_edit_status(&head, impossible[i], SPAN("x")));
	parse("HTTP/1.1 204 No Content\r\n\r\n", false);
	assert_false(http_edit_status(&head, 200, SPAN("OK")));
	/* the first field of all is replaced */
	parse("HTTP/1.1 200 OK\r\nA: 1\r\nB: 2\r\n\r\n", false);
	assert_true(http_edit_value(&head, 0, SPAN("3")));
	expect_head("first", false, "HTTP/1.1 200 OK\r\nA: 3\r\nB: 2\r\n\r\n");
}

static void
an_edit_without_room_changes_nothing(void **state)
{
	static const char in[] = GET("/a?b", "X: 0\r\n");

	(void)state;
	for (size_t cap = 0; cap < 10; cap++) {
		char *block = malloc(cap ? cap : 1);
		parse(in, true);
		http_edit_begin(&head, block, cap);
		if (cap < 9) {
			assert_false(http_edit_set(&head, SPAN("X"), SPAN("12345")));
			assert_false(http_edit_value(&head, 1, SPAN("123456")));
			assert_false(http_edit_path(&head, SPAN("/xxx")));
			assert_false(http_edit_uri(&head, SPAN("http://h/")));
			assert_false(http_edit_method(&head, SPAN("VERYLONGMETHOD")));
			expect_head("no room", true, in);
		}
		free(block);
	}
	parse(in, true);
	while (head.fields_n < HTTP_FIELDS_MAX)
		assert_true(http_edit_add(&head, SPAN("Y"), SPAN("")));
	assert_false(http_edit_add(&head, SPAN("Y"), SPAN("")));
	assert_false(http_edit_set(&head, SPAN("X"), SPAN("")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_leave_edited),
		cmocka_unit_test(later_readers_see_the_edits),
		cmocka_unit_test(a_head_can_move_with_its_edits),
		cmocka_unit_test(responses_leave_edited),
		cmocka_unit_test(an_edit_without_room_changes_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
