/* SPDX-License-Identifier: MIT
 *
 * What framing says beside lengths: hop-by-hop fields, upgrades, expectations, and the
 * bodies of responses by status and method.
 */
#include "rows.h"

#include "lib/http/framing.h"

static struct http_head head;
static char text[8192];

static enum http_reject
judge_request(const char *line, const char *fields, struct http_framing *out)
{
	enum http_reject why = HTTP_REJECT_none;
	int n = snprintf(text, sizeof(text), "%s\r\nHost: a\r\n%s\r\n", line, fields);

	if (http_head_parse_request(text, (size_t)n, 0, &usual, &head, &why) !=
	    HTTP_PARSE_OK)
		fail_msg("%s %s: not parsed: %s", line, fields, http_reject_word(why));
	return http_framing_request(&head, out);
}

static enum http_reject
judge_response(int status, const char *fields, enum http_method method, const char *asked,
	       struct http_framing *out)
{
	enum http_reject why = HTTP_REJECT_none;
	int n = snprintf(text, sizeof(text), "HTTP/1.1 %d x\r\n%s\r\n", status, fields);

	if (http_head_parse_response(text, (size_t)n, 0, &usual, &head, &why) !=
	    HTTP_PARSE_OK)
		fail_msg("%d %s: not parsed: %s", status, fields, http_reject_word(why));
	return http_framing_response(&head, method, span_str(asked), out);
}

/* The names of the fields that stay, each followed by a space. */
static const char *
names_kept(void)
{
	static char names[4096];
	size_t n = 0;

	for (unsigned i = 0; i < head.fields_n; i++) {
		struct span name = http_field_name(&head, &head.fields[i]);
		if (head.fields[i].dropped)
			continue;
		memcpy(names + n, name.p, name.n);
		n += name.n;
		names[n++] = ' ';
	}
	names[n] = '\0';
	return names;
}

static const struct {
	const char *fields, *kept;
} hops[] = {
	{"", "Host "},
	{"A: b\r\nAccept: c\r\n", "Host A Accept "},
	{"Connection: close\r\n", "Host "},
	{"Connection: x\r\nX: 1\r\nY: 2\r\nx: 3\r\n", "Host Y "},
	{"X: 1\r\nConnection: y, X\r\nY: 2\r\n", "Host "},
	{"X: 1\r\nConnection: y\r\nConnection: x\r\nY: 2\r\n", "Host "},
	{"Xx: 1\r\nConnection: x\r\n", "Host Xx "},
	{"Keep-Alive: 1\r\nProxy-Connection: x\r\nTE: trailers\r\nTrailer: x\r\n",
	 "Host "},
	{"TE: a\r\nTE: b\r\nA: c\r\nTE: d\r\n", "Host A "},
	{"Upgrade: websocket\r\n", "Host "},
	{"Connection: upgrade, http2-settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n",
	 "Host "},
	{"Content-Length: 5\r\nContent-Length: 5\r\nContent-Type: x\r\n",
	 "Host Content-Type "},
	{"Transfer-Encoding: chunked\r\nA: b\r\n", "Host A "},
	{"Via: 1.1 x\r\nMax-Forwards: 3\r\nExpect: y\r\n",
	 "Host Via Max-Forwards Expect "},
	{"Authorization: x\r\nX-Forwarded-For: y\r\n",
	 "Host Authorization X-Forwarded-For "},
	/* a client cannot talk the proxy out of what others rely on */
	{"Connection: host, Authorization, cookie\r\nAuthorization: x\r\nCookie: y\r\n",
	 "Host Authorization Cookie "},
	{"Connection: X-Forwarded-For, X-Real-IP, Forwarded\r\nX-Forwarded-For: x\r\n"
	 "X-Real-IP: x\r\nForwarded: x\r\n",
	 "Host X-Forwarded-For X-Real-IP Forwarded "},
	{"Connection: cache-control, via\r\nCache-Control: x\r\nVia: y\r\n",
	 "Host Cache-Control Via "},
};

static void
hop_by_hop_fields_and_those_named_in_connection_are_dropped(void **state)
{
	struct http_framing f;

	(void)state;
	for (size_t i = 0; i < N(hops); i++) {
		assert_int_equal(judge_request("GET / HTTP/1.1", hops[i].fields, &f),
				 HTTP_REJECT_none);
		if (strcmp(names_kept(), hops[i].kept) != 0)
			fail_msg("%s: '%s' stays", hops[i].fields, names_kept());
	}
	judge_response(200, "Connection: x\r\nX: 1\r\nKeep-Alive: 2\r\nSet-Cookie: 3\r\n",
		       HTTP_METHOD_GET, false, &f);
	assert_string_equal(names_kept(), "Set-Cookie ");
}

static void
the_options_of_a_connection_are_limited(void **state)
{
	char fields[1024] = "Connection: a";
	struct http_framing f;

	(void)state;
	for (int i = 1; i < 64; i++)
		strcat(fields, ",a");
	strcat(fields, ",close\r\n");
	assert_int_equal(judge_request("GET / HTTP/1.1", fields, &f), HTTP_REJECT_none);
	assert_false(f.keep_alive);
	strcat(fields, "Connection: b\r\n");
	assert_int_equal(judge_request("GET / HTTP/1.1", fields, &f),
			 HTTP_REJECT_too_many_options);
}

static void
an_absolute_target_replaces_host(void **state)
{
	struct http_framing f;

	(void)state;
	assert_int_equal(judge_request("GET http://b/ HTTP/1.1", "A: b\r\n", &f),
			 HTTP_REJECT_none);
	assert_string_equal(names_kept(), "A ");
	expect_span("absolute", "authority", head.authority, SPAN("b"));
}

static const struct {
	const char *line, *fields;
	bool wants;
} upgrades[] = {
	{"GET / HTTP/1.1", "Connection: Upgrade\r\nUpgrade: websocket\r\n", true},
	{"GET / HTTP/1.1", "Connection: keep-alive, upgrade\r\nUpgrade: a/1, b\r\n",
	 true},
	{"GET / HTTP/1.1", "Connection: upgrade\r\nUpgrade: a\r\nContent-Length: 0\r\n",
	 true},
	{"GET / HTTP/1.1", "Upgrade: websocket\r\n", false},
	{"GET / HTTP/1.1", "Connection: upgrade\r\n", false},
	{"GET / HTTP/1.1", "Connection: upgrade\r\nUpgrade:\r\n", false},
	{"GET / HTTP/1.1", "Connection: upgrade\r\nUpgrade: a b\r\n", false},
	{"GET / HTTP/1.1", "Connection: upgrade\r\nUpgrade: a\r\nUpgrade: b\r\n", false},
	{"GET / HTTP/1.1", "Connection: upgrade\r\nUpgrade: h2c\r\n", false},
	{"GET / HTTP/1.1", "Connection: upgrade\r\nUpgrade: websocket, H2C\r\n", false},
	{"GET / HTTP/1.1", "Connection: upgrade\r\nUpgrade: HTTP/2.0\r\n", false},
	{"GET / HTTP/1.0", "Connection: upgrade\r\nUpgrade: websocket\r\n", false},
	{"POST / HTTP/1.1", "Connection: upgrade\r\nUpgrade: websocket\r\n", false},
	{"GET / HTTP/1.1", "Connection: upgrade\r\nUpgrade: a\r\nContent-Length: 1\r\n",
	 false},
	{"GET / HTTP/1.1",
	 "Connection: upgrade\r\nUpgrade: a\r\nTransfer-Encoding: chunked\r\n", false},
};

static void
an_upgrade_is_wanted_by_a_get_that_says_so(void **state)
{
	struct http_framing f;

	(void)state;
	for (size_t i = 0; i < N(upgrades); i++) {
		assert_int_equal(judge_request(upgrades[i].line, upgrades[i].fields, &f),
				 HTTP_REJECT_none);
		if (f.wants_upgrade != upgrades[i].wants)
			fail_msg("%s %s", upgrades[i].line, upgrades[i].fields);
	}
}

static void
expectations_are_for_1_1_requests_with_a_body(void **state)
{
	struct http_framing f;

	(void)state;
	judge_request("POST / HTTP/1.1", "Expect: 100-Continue\r\nContent-Length: 5\r\n",
		      &f);
	assert_true(f.expects_continue);
	assert_string_equal(names_kept(), "Host Expect ");
	judge_request("POST / HTTP/1.1", "Expect: 100-continue\r\nContent-Length: 0\r\n",
		      &f);
	assert_false(f.expects_continue);
	judge_request("POST / HTTP/1.1", "Expect: other\r\nContent-Length: 5\r\n", &f);
	assert_false(f.expects_continue);
	judge_request("POST / HTTP/1.0", "Expect: 100-continue\r\nContent-Length: 5\r\n",
		      &f);
	assert_false(f.expects_continue);
	assert_string_equal(names_kept(), "Host ");
}

static void
connect_has_no_body(void **state)
{
	struct http_framing f;

	(void)state;
	assert_int_equal(judge_request("CONNECT a:80 HTTP/1.1", "", &f),
			 HTTP_REJECT_none);
	assert_int_equal(
		judge_request("CONNECT a:80 HTTP/1.1", "Content-Length: 0\r\n", &f),
		HTTP_REJECT_connect_with_body);
	assert_int_equal(judge_request("CONNECT a:80 HTTP/1.1",
				       "Transfer-Encoding: chunked\r\n", &f),
			 HTTP_REJECT_connect_with_body);
}

#define GET	HTTP_METHOD_GET
#define HEAD	HTTP_METHOD_HEAD
#define POST	HTTP_METHOD_POST
#define CONNECT HTTP_METHOD_CONNECT
#define CL5	"Content-Length: 5\r\n"
#define CHUNKED "Transfer-Encoding: chunked\r\n"

static const struct {
	int status;
	const char *fields;
	enum http_method method;
	enum http_body body;
	bool keep_alive, has_length;
} responses[] = {
	/* RFC 9112 6.3, rules 1 to 8 */
	{200, "", GET, HTTP_BODY_CLOSE, false, false},
	{200, "", POST, HTTP_BODY_CLOSE, false, false},
	{200, "Connection: keep-alive\r\n", GET, HTTP_BODY_CLOSE, false, false},
	{200, CL5, GET, HTTP_BODY_LENGTH, true, true},
	{200, "Content-Length: 0\r\n", GET, HTTP_BODY_NONE, true, true},
	{200, CHUNKED, GET, HTTP_BODY_CHUNKED, true, false},
	{200, CL5, HEAD, HTTP_BODY_NONE, true, true},
	{200, CHUNKED, HEAD, HTTP_BODY_NONE, true, false},
	{200, "", HEAD, HTTP_BODY_NONE, true, false},
	{404, "", HEAD, HTTP_BODY_NONE, true, false},
	{304, "", GET, HTTP_BODY_NONE, true, false},
	{304, CL5, GET, HTTP_BODY_NONE, true, true},
	{304, CHUNKED, GET, HTTP_BODY_NONE, true, false},
	{304, "Connection: close\r\n", GET, HTTP_BODY_NONE, false, false},
	{204, "", GET, HTTP_BODY_NONE, true, false},
	{204, "Content-Length: 0\r\n", GET, HTTP_BODY_NONE, true, false},
	{204, CL5, GET, HTTP_BODY_NONE, false, false},
	{204, CHUNKED, GET, HTTP_BODY_NONE, false, false},
	{100, "", POST, HTTP_BODY_NONE, true, false},
	{103, "Link: x\r\n", GET, HTTP_BODY_NONE, true, false},
	{100, CL5, POST, HTTP_BODY_NONE, false, false},
	{205, "Content-Length: 0\r\n", GET, HTTP_BODY_NONE, true, true},
	{205, CL5, GET, HTTP_BODY_LENGTH, true, true},
	{101, "Upgrade: x\r\n", GET, HTTP_BODY_TUNNEL, false, false},
	{101, "Upgrade: x\r\n" CL5, GET, HTTP_BODY_TUNNEL, false, false},
	{101, "Upgrade: x\r\n" CL5 CHUNKED, GET, HTTP_BODY_TUNNEL, false, false},
	{200, "", CONNECT, HTTP_BODY_TUNNEL, false, false},
	{200, CL5, CONNECT, HTTP_BODY_TUNNEL, false, false},
	{299, CHUNKED, CONNECT, HTTP_BODY_TUNNEL, false, false},
	/* RFC 9110 9.3.6: a client ignores either in a 2xx to CONNECT */
	{200, CL5 CHUNKED, CONNECT, HTTP_BODY_TUNNEL, false, false},
	{200, "Content-Length: x\r\n", CONNECT, HTTP_BODY_TUNNEL, false, false},
	{407, CL5, CONNECT, HTTP_BODY_LENGTH, true, true},
	{502, "", CONNECT, HTTP_BODY_CLOSE, false, false},
};

static void
the_body_of_a_response_depends_on_status_and_method(void **state)
{
	struct http_framing f;

	(void)state;
	for (size_t i = 0; i < N(responses); i++) {
		expect_reason(responses[i].fields, "response",
			      judge_response(responses[i].status, responses[i].fields,
					     responses[i].method, "x", &f),
			      HTTP_REJECT_none);
		if (f.body != responses[i].body ||
		    f.keep_alive != responses[i].keep_alive ||
		    f.has_length != responses[i].has_length)
			fail_msg("row %zu: %d %s: body %d, keep_alive %d, has_length %d",
				 i, responses[i].status, responses[i].fields, f.body,
				 f.keep_alive, f.has_length);
		assert_int_equal(f.length, f.body == HTTP_BODY_LENGTH ? 5 : 0);
	}
}

/* RFC 9110 7.8: "A server MUST NOT switch to a protocol that was not indicated by the
 * client", and says to which it does. */
static const struct {
	const char *asked, *fields;
	bool is_tunnel;
} switches[] = {
	{"", "Upgrade: x\r\n", false},
	{NULL, "Upgrade: x\r\n", false},
	{NULL, "", false},
	{"x", "", false},
	{"x", "Upgrade:\r\n", false},
	{"x", "Upgrade: ,\r\n", false},
	{"x", "Upgrade: y\r\n", false},
	{"x", "Upgrade: xx\r\n", false},
	{"xx", "Upgrade: x\r\n", false},
	{"x", "Upgrade: x, y\r\n", false},
	{"x", "Upgrade: x\r\nUpgrade: x\r\n", false},
	{"x/1", "Upgrade: x/2\r\n", false},
	{"websocket", "Upgrade: h2c\r\n", false},
	{"x", "Upgrade: x\r\n", true},
	{"x", "upgrade: X\r\nConnection: Upgrade\r\n", true},
	{"x/1", "Upgrade: x/1\r\n", true},
	{"y, x", "Upgrade: x\r\n", true},
	{"x ,\ty", "Upgrade: y, x\r\n", true},
	{"WebSocket", "Upgrade: websocket\r\n", true},
};

static void
a_101_switches_to_what_was_asked_for(void **state)
{
	struct http_framing f;

	(void)state;
	for (size_t i = 0; i < N(switches); i++) {
		enum http_reject why = judge_response(101, switches[i].fields, GET,
						      switches[i].asked, &f);
		if ((why == HTTP_REJECT_none) != switches[i].is_tunnel)
			fail_msg("row %zu: %s", i, http_reject_word(why));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			hop_by_hop_fields_and_those_named_in_connection_are_dropped),
		cmocka_unit_test(the_options_of_a_connection_are_limited),
		cmocka_unit_test(an_absolute_target_replaces_host),
		cmocka_unit_test(an_upgrade_is_wanted_by_a_get_that_says_so),
		cmocka_unit_test(expectations_are_for_1_1_requests_with_a_body),
		cmocka_unit_test(connect_has_no_body),
		cmocka_unit_test(the_body_of_a_response_depends_on_status_and_method),
		cmocka_unit_test(a_101_switches_to_what_was_asked_for),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
