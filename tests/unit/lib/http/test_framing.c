/* SPDX-License-Identifier: MIT
 *
 * Where bodies end and which messages are refused for it. Rows are named by the section
 * of RFC 9112 (or 9110) they stand for.
 */
#include "rows.h"

#include "lib/http/framing.h"

static struct http_head head;

/* The head made of these fields, judged. */
static enum http_reject
judge_request(const char *line, const char *fields, struct http_framing *out)
{
	static char text[8192];
	enum http_reject why = HTTP_REJECT_none;
	int n = snprintf(text, sizeof(text), "%s\r\n%s\r\n", line, fields);

	if (http_head_parse_request(text, (size_t)n, 0, &usual, &head, &why) !=
	    HTTP_PARSE_OK)
		fail_msg("%s %s: not parsed: %s", line, fields, http_reject_word(why));
	return http_framing_request(&head, out);
}

static enum http_reject
judge_response(const char *line, const char *fields, enum http_method method,
	       struct http_framing *out)
{
	static char text[8192];
	enum http_reject why = HTTP_REJECT_none;
	int n = snprintf(text, sizeof(text), "%s\r\n%s\r\n", line, fields);

	if (http_head_parse_response(text, (size_t)n, 0, &usual, &head, &why) !=
	    HTTP_PARSE_OK)
		fail_msg("%s %s: not parsed: %s", line, fields, http_reject_word(why));
	return http_framing_response(&head, method, span_of(NULL, 0), out);
}

struct body_row {
	const char *fields;
	enum http_reject why;
	enum http_body body;
	uint64_t length;
};

#define NO(why) HTTP_REJECT_##why, HTTP_BODY_NONE, 0
#define CL(n)	HTTP_REJECT_none, HTTP_BODY_LENGTH, n
#define CHUNKS	HTTP_REJECT_none, HTTP_BODY_CHUNKED, 0
#define EMPTY	HTTP_REJECT_none, HTTP_BODY_NONE, 0

/* These hold in both directions; EMPTY is Content-Length: 0. */
static const struct body_row bodies[] = {
	{"Content-Length: 5\r\n", CL(5)},
	{"content-length:5\r\n", CL(5)},
	{"Content-Length: \t 5 \t\r\n", CL(5)},
	{"Content-Length: 0\r\n", EMPTY},
	{"Content-Length: 000\r\n", EMPTY},
	{"Content-Length: 005\r\n", CL(5)},
	{"Content-Length: 00000000000000000000000000000000000000005\r\n", CL(5)},
	{"Content-Length: 4294967296\r\n", CL(4294967296)},
	{"Content-Length: 9223372036854775807\r\n", CL(INT64_MAX)},
	{"Content-Length: 9223372036854775808\r\n", NO(length_overflow)},
	{"Content-Length: 9223372036854775810\r\n", NO(length_overflow)},
	{"Content-Length: 18446744073709551615\r\n", NO(length_overflow)},
	{"Content-Length: 18446744073709551616\r\n", NO(length_overflow)},
	{"Content-Length: 18446744073709551621\r\n", NO(length_overflow)},
	{"Content-Length: 99999999999999999999999999999999999999\r\n",
	 NO(length_overflow)},
	{"Content-Length:\r\n", NO(length_invalid)},
	{"Content-Length: \r\n", NO(length_invalid)},
	{"Content-Length: +5\r\n", NO(length_invalid)},
	{"Content-Length: -5\r\n", NO(length_invalid)},
	{"Content-Length: -0\r\n", NO(length_invalid)},
	{"Content-Length: 0x5\r\n", NO(length_invalid)},
	{"Content-Length: 5h\r\n", NO(length_invalid)},
	{"Content-Length: h5\r\n", NO(length_invalid)},
	{"Content-Length: 5 5\r\n", NO(length_invalid)},
	{"Content-Length: 1e3\r\n", NO(length_invalid)},
	{"Content-Length: 5.0\r\n", NO(length_invalid)},
	{"Content-Length: 5_0\r\n", NO(length_invalid)},
	{"Content-Length: 5;\r\n", NO(length_invalid)},
	{"Content-Length: \"5\"\r\n", NO(length_invalid)},
	{"Content-Length: \xd9\xa5\r\n", NO(length_invalid)},
	{"Content-Length: five\r\n", NO(length_invalid)},
	/* 6.3 rule 5: one number, however often */
	{"Content-Length: 5\r\nContent-Length: 5\r\n", CL(5)},
	{"Content-Length: 5\r\nA: b\r\ncontent-length: 5\r\n", CL(5)},
	{"Content-Length: 5, 5\r\n", CL(5)},
	{"Content-Length: 5,5 ,\t5\r\n", CL(5)},
	{"Content-Length: 0, 0\r\n", EMPTY},
	{"Content-Length: 5\r\nContent-Length: 6\r\n", NO(length_conflict)},
	{"Content-Length: 6\r\nContent-Length: 5\r\n", NO(length_conflict)},
	{"Content-Length: 5\r\nContent-Length: 5\r\nContent-Length: 0\r\n",
	 NO(length_conflict)},
	{"Content-Length: 0\r\nContent-Length: 5\r\n", NO(length_conflict)},
	{"Content-Length: 5, 6\r\n", NO(length_conflict)},
	{"Content-Length: 5,\r\n", NO(length_invalid)},
	{"Content-Length: ,5\r\n", NO(length_invalid)},
	{"Content-Length: 5,,5\r\n", NO(length_invalid)},
	{"Content-Length: 5\r\nContent-Length:\r\n", NO(length_invalid)},
	{"Content-Length: 5\r\nContent-Length: x\r\n", NO(length_invalid)},
	/* 6.1, 7: the one coding */
	{"Transfer-Encoding: chunked\r\n", CHUNKS},
	{"transfer-encoding:ChUnKeD\r\n", CHUNKS},
	{"Transfer-Encoding: \t chunked \t\r\n", CHUNKS},
	{"Transfer-Encoding:\r\n", NO(coding_malformed)},
	{"Transfer-Encoding: chunked,\r\n", NO(coding_malformed)},
	{"Transfer-Encoding: ,chunked\r\n", NO(coding_malformed)},
	{"Transfer-Encoding: chunked;q=1\r\n", NO(coding_malformed)},
	{"Transfer-Encoding: chunked x\r\n", NO(coding_malformed)},
	{"Transfer-Encoding: \"chunked\"\r\n", NO(coding_malformed)},
	{"Transfer-Encoding: 'chunked'\r\n", NO(coding_not_final)},
	{"Transfer-Encoding: chunked\xa0\r\n", NO(coding_malformed)},
	{"Transfer-Encoding: \xe2\x80\x8b"
	 "chunked\r\n",
	 NO(coding_malformed)},
	{"Transfer-Encoding: chunked:\r\n", NO(coding_malformed)},
	{"Transfer-Encoding: identity\r\n", NO(coding_not_final)},
	{"Transfer-Encoding: xchunked\r\n", NO(coding_not_final)},
	{"Transfer-Encoding: chunke\r\n", NO(coding_not_final)},
	{"Transfer-Encoding: chunkedx\r\n", NO(coding_not_final)},
	{"Transfer-Encoding: chun\xc4\xb7"
	 "ed\r\n",
	 NO(coding_malformed)},
	{"Transfer-Encoding: gzip\r\n", NO(coding_not_final)},
	{"Transfer-Encoding: chunked, identity\r\n", NO(coding_not_final)},
	{"Transfer-Encoding: chunked, gzip\r\n", NO(coding_not_final)},
	{"Transfer-Encoding: chunked, chunked\r\n", NO(coding_not_final)},
	{"Transfer-Encoding: gzip, chunked\r\n", NO(coding_unknown)},
	{"Transfer-Encoding: identity, chunked\r\n", NO(coding_unknown)},
	{"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
	 NO(coding_repeated)},
	{"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
	 NO(coding_repeated)},
	{"Transfer-Encoding: x\r\nTransfer-Encoding: chunked\r\n", NO(coding_repeated)},
	{"Transfer-Encoding:\r\nTransfer-Encoding: chunked\r\n", NO(coding_repeated)},
	/* 6.3 rule 3 */
	{"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", NO(length_and_coding)},
	{"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", NO(length_and_coding)},
	{"Transfer-Encoding: chunked\r\nContent-Length: 0\r\n", NO(length_and_coding)},
	{"Transfer-Encoding: x\r\nContent-Length: x\r\n", NO(length_and_coding)},
	{"Transfer-Encoding:\r\nContent-Length:\r\n", NO(length_and_coding)},
	/* 7.6.1: what Connection cannot take away */
	{"Connection: content-length\r\nContent-Length: 5\r\n", CL(5)},
	{"Connection: transfer-encoding\r\nTransfer-Encoding: chunked\r\n", CHUNKS},
};

static void
both_directions_agree_on_every_framing_field(void **state)
{
	char fields[512];
	struct http_framing f;

	(void)state;
	for (size_t i = 0; i < N(bodies); i++) {
		const struct body_row *row = &bodies[i];
		snprintf(fields, sizeof(fields), "Host: a\r\n%s", row->fields);
		for (int is_get = 0; is_get < 2; is_get++) {
			expect_reason(row->fields, "request",
				      judge_request(is_get ? "GET / HTTP/1.1"
							   : "POST / HTTP/1.1",
						    fields, &f),
				      row->why);
			if (row->why != HTTP_REJECT_none)
				continue;
			assert_int_equal(f.body, row->body);
			assert_int_equal(f.length, row->length);
			assert_int_equal(f.has_length, row->body != HTTP_BODY_CHUNKED);
			assert_int_equal(f.stated_length, row->length);
		}
		expect_reason(row->fields, "response",
			      judge_response("HTTP/1.1 200 OK", row->fields,
					     HTTP_METHOD_GET, &f),
			      row->why);
		if (row->why != HTTP_REJECT_none)
			continue;
		assert_int_equal(f.body, row->body);
		assert_int_equal(f.length, row->length);
		assert_true(f.keep_alive);
	}
}

static const struct {
	const char *line, *fields;
	enum http_reject why;
} hosts[] = {
	{"GET / HTTP/1.1", "", HTTP_REJECT_host_missing},
	{"GET http://b/ HTTP/1.1", "", HTTP_REJECT_host_missing},
	{"OPTIONS * HTTP/1.1", "", HTTP_REJECT_host_missing},
	{"CONNECT a:80 HTTP/1.1", "", HTTP_REJECT_host_missing},
	{"GET / HTTP/1.0", "", HTTP_REJECT_none},
	{"GET http://b/ HTTP/1.0", "", HTTP_REJECT_none},
	{"GET / HTTP/1.1", "Host: a\r\nHost: a\r\n", HTTP_REJECT_host_duplicate},
	{"GET / HTTP/1.1", "Host: a\r\nHost: b\r\n", HTTP_REJECT_host_duplicate},
	{"GET / HTTP/1.0", "Host: a\r\nhost: b\r\n", HTTP_REJECT_host_duplicate},
	{"GET http://a/ HTTP/1.1", "Host: a\r\nHost:\r\n", HTTP_REJECT_host_duplicate},
	{"GET / HTTP/1.1", "Host:\r\n", HTTP_REJECT_host_empty},
	{"GET / HTTP/1.1", "Host: \t \r\n", HTTP_REJECT_host_empty},
	{"GET / HTTP/1.0", "Host:\r\n", HTTP_REJECT_host_empty},
	{"GET / HTTP/1.1", "Host: a b\r\n", HTTP_REJECT_host_invalid},
	{"GET / HTTP/1.1", "Host: a,b\r\n", HTTP_REJECT_host_invalid},
	{"GET / HTTP/1.1", "Host: a, b\r\n", HTTP_REJECT_host_invalid},
	{"GET / HTTP/1.1", "Host: a/b\r\n", HTTP_REJECT_host_invalid},
	{"GET / HTTP/1.1", "Host: http://a\r\n", HTTP_REJECT_host_invalid},
	{"GET / HTTP/1.1", "Host: u@a\r\n", HTTP_REJECT_host_invalid},
	{"GET / HTTP/1.1", "Host: a:x\r\n", HTTP_REJECT_host_invalid},
	{"GET / HTTP/1.1", "Host: a:80:80\r\n", HTTP_REJECT_host_invalid},
	{"GET / HTTP/1.1", "Host: a:65536\r\n", HTTP_REJECT_host_invalid},
	{"GET / HTTP/1.1", "Host: a:65535\r\n", HTTP_REJECT_none},
	{"GET / HTTP/1.1", "Host: a:\r\n", HTTP_REJECT_none},
	{"GET / HTTP/1.1", "Host: [::1]:80\r\n", HTTP_REJECT_none},
	{"GET / HTTP/1.1", "Host: ::1\r\n", HTTP_REJECT_host_invalid},
	{"GET / HTTP/1.1", "Host: \xc3\xa9\r\n", HTTP_REJECT_host_invalid},
	{"GET http://b/ HTTP/1.1", "Host: a b\r\n", HTTP_REJECT_host_invalid},
	{"GET / HTTP/1.1", "Host: a\r\nConnection: host\r\n", HTTP_REJECT_none},
};

static void
host_is_there_once_and_is_one(void **state)
{
	struct http_framing f;

	(void)state;
	for (size_t i = 0; i < N(hosts); i++)
		expect_reason(hosts[i].fields, hosts[i].line,
			      judge_request(hosts[i].line, hosts[i].fields, &f),
			      hosts[i].why);
}

static void
codings_are_not_for_http_1_0(void **state)
{
	struct http_framing f;

	(void)state;
	assert_int_equal(
		judge_request("POST / HTTP/1.0", "Transfer-Encoding: chunked\r\n", &f),
		HTTP_REJECT_coding_in_1_0);
	assert_int_equal(judge_response("HTTP/1.0 200 OK",
					"Transfer-Encoding: chunked\r\n", HTTP_METHOD_GET,
					&f),
			 HTTP_REJECT_coding_in_1_0);
}

static const struct {
	int minor;
	const char *connection;
	bool keep_alive;
} persistence[] = {
	{1, "", true},
	{1, "Connection: keep-alive\r\n", true},
	{1, "Connection: close\r\n", false},
	{1, "Connection: CLOSE\r\n", false},
	{1, "Connection: keep-alive, close\r\n", false},
	{1, "Connection: close, keep-alive\r\n", false},
	{1, "Connection: ,, x ,close,\r\n", false},
	{1, "Connection: x\r\nConnection: close\r\n", false},
	{1, "Connection: close\r\nConnection: x\r\n", false},
	{1, "Connection: closed\r\n", true},
	{1, "Connection: \"close\"\r\n", true},
	{1, "Proxy-Connection: close\r\n", true},
	{0, "", false},
	{0, "Connection: keep-alive\r\n", true},
	{0, "Connection: Keep-Alive\r\n", true},
	{0, "Connection: x\r\nConnection: keep-alive\r\n", true},
	{0, "Connection: keep-alive, close\r\n", false},
	{0, "Proxy-Connection: keep-alive\r\n", false},
	{0, "Keep-Alive: timeout=5\r\n", false},
};

static void
persistence_follows_version_and_connection(void **state)
{
	char line[64], fields[256];
	struct http_framing f;

	(void)state;
	for (size_t i = 0; i < N(persistence); i++) {
		const char *connection = persistence[i].connection;
		snprintf(line, sizeof(line), "GET / HTTP/1.%d", persistence[i].minor);
		snprintf(fields, sizeof(fields), "Host: a\r\n%s", connection);
		assert_int_equal(judge_request(line, fields, &f), HTTP_REJECT_none);
		if (f.keep_alive != persistence[i].keep_alive)
			fail_msg("%s %s", line, connection);
		snprintf(line, sizeof(line), "HTTP/1.%d 200 OK", persistence[i].minor);
		snprintf(fields, sizeof(fields), "Content-Length: 5\r\n%s", connection);
		judge_response(line, fields, HTTP_METHOD_GET, &f);
		if (f.keep_alive != persistence[i].keep_alive)
			fail_msg("%s %s", line, connection);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_directions_agree_on_every_framing_field),
		cmocka_unit_test(host_is_there_once_and_is_one),
		cmocka_unit_test(codings_are_not_for_http_1_0),
		cmocka_unit_test(persistence_follows_version_and_connection),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
