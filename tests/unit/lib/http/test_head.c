/* SPDX-License-Identifier: MIT
 *
 * Heads: what is accepted, what is refused and why, and that the way the bytes arrive
 * makes no difference. A row is named by the section of RFC 9112 (or what else) it is
 * about.
 */
#include "rows.h"

struct row {
	const char *name;
	struct span in;
	enum http_reject why; /* none: complete */
};

#define OK(name, text)                                           \
	{                                                        \
		name, {text, sizeof(text) - 1}, HTTP_REJECT_none \
	}
#define NO(why, name, text)                                       \
	{                                                         \
		name, {text, sizeof(text) - 1}, HTTP_REJECT_##why \
	}
#define GET	   "GET / HTTP/1.1\r\nHost: a\r\n"
#define LINE(text) text "\r\nHost: a\r\n\r\n"

static const struct row requests[] = {
	/* request line */
	OK("3 plain", LINE("GET / HTTP/1.1")),
	OK("3 HTTP/1.0 needs no Host", "GET / HTTP/1.0\r\n\r\n"),
	OK("2.2 an empty line before", "\r\n" LINE("GET / HTTP/1.1")),
	OK("2.2 four empty lines before", "\r\n\r\n\r\n\r\n" LINE("GET / HTTP/1.1")),
	NO(bad_request_line, "2.2 five empty lines",
	   "\r\n\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\n"),
	NO(bare_lf, "2.2 bare LF before", "\nGET / HTTP/1.1\r\n"),
	NO(bare_cr, "2.2 bare CR before", "\rGET / HTTP/1.1\r\n"),
	NO(bare_cr, "2.2 CR CR LF before", "\r\r\nGET / HTTP/1.1\r\n"),
	OK("3.1 extension method", LINE("PURGE / HTTP/1.1")),
	OK("3.1 methods are case-sensitive", LINE("get / HTTP/1.1")),
	OK("3.1 every tchar", LINE("!#$%&'*+-.^_`|~09azAZ / HTTP/1.1")),
	NO(bad_method, "3.1 no token", LINE("G(T / HTTP/1.1")),
	NO(bad_method, "3.1 empty method", LINE(" / HTTP/1.1")),
	NO(bad_method, "3.1 NUL", LINE("GE\0T / HTTP/1.1")),
	NO(bad_method, "3.1 8-bit", LINE("G\xc3\x89T / HTTP/1.1")),
	NO(bad_method, "3.1 colon", LINE("GET: / HTTP/1.1")),
	NO(bad_method, "3.1 quotes", LINE("\"GET\" / HTTP/1.1")),
	NO(bad_method, "3 tab instead of space", LINE("GET\t/ HTTP/1.1")),
	NO(bad_method, "TLS hello", "\x16\x03\x01\x02"),
	NO(bad_request_line, "3 nothing but a method", LINE("GET")),
	NO(bad_request_line, "3 method and space", LINE("GET ")),
	NO(bad_request_line, "3 two spaces", LINE("GET  / HTTP/1.1")),
	NO(bad_request_line, "3 two spaces before version", LINE("GET /  HTTP/1.1")),
	NO(bad_request_line, "3 trailing space", LINE("GET / HTTP/1.1 ")),
	NO(bad_request_line, "3 trailing tab", LINE("GET / HTTP/1.1\t")),
	NO(bad_request_line, "3 trailing word", LINE("GET / HTTP/1.1 HTTP/1.0")),
	NO(bad_request_line, "3.2 space in target", LINE("GET /a b HTTP/1.1")),
	NO(bad_target, "3 tab before version", LINE("GET /\tHTTP/1.1")),
	NO(http09, "2.3 HTTP/0.9", "GET /\r\n"),
	NO(bare_lf, "2.2 LF ends the request line", "GET / HTTP/1.1\nHost: a\r\n\r\n"),
	NO(bare_lf, "2.2 LF, HTTP/0.9", "GET /\n"),
	NO(bare_lf, "2.2 LF in the method", "GET\n/ HTTP/1.1\r\n"),
	NO(bare_cr, "2.2 CR in the method", "GE\rT / HTTP/1.1\r\n"),
	NO(bare_cr, "2.2 CR in the target", "GET /\rx HTTP/1.1\r\n"),
	NO(bare_cr, "2.2 CR in the version", "GET / HTTP/1.1\rx\r\n"),
	NO(bare_cr, "2.2 CR CR LF", "GET / HTTP/1.1\r\r\n"),
	/* versions */
	NO(version_unsupported, "2.3 HTTP/1.2", LINE("GET / HTTP/1.2")),
	NO(version_unsupported, "2.3 HTTP/1.9", LINE("GET / HTTP/1.9")),
	NO(version_unsupported, "2.3 HTTP/2.0", LINE("GET / HTTP/2.0")),
	NO(version_unsupported, "2.3 HTTP/3.1", LINE("GET / HTTP/3.1")),
	NO(version_unsupported, "2.3 HTTP/0.9 said", LINE("GET / HTTP/0.9")),
	NO(version_unsupported, "2.3 HTTP/9.9", LINE("GET / HTTP/9.9")),
	NO(bad_version, "2.3 lower case", LINE("GET / http/1.1")),
	NO(bad_version, "2.3 mixed case", LINE("GET / Http/1.1")),
	NO(bad_version, "2.3 two digits", LINE("GET / HTTP/1.10")),
	NO(bad_version, "2.3 leading zero", LINE("GET / HTTP/01.1")),
	NO(bad_version, "2.3 no minor", LINE("GET / HTTP/1")),
	NO(bad_version, "2.3 no minor digit", LINE("GET / HTTP/1.")),
	NO(bad_version, "2.3 comma", LINE("GET / HTTP/1,1")),
	NO(bad_version, "2.3 no slash", LINE("GET / HTTP1.1")),
	NO(bad_version, "2.3 negative", LINE("GET / HTTP/-1.1")),
	NO(bad_version, "2.3 letter", LINE("GET / HTTP/1.x")),
	NO(bad_version, "2.3 other protocol", LINE("GET / ICY/1.1")),
	NO(bad_version, "2.3 HTTPS", LINE("GET / HTTPS/1.1")),
	NO(bad_version, "2.3 empty", LINE("GET / ")),
	NO(bad_version, "2.3 NUL", LINE("GET / HTTP/1.1\0")),
	NO(bad_version, "2.3 8-bit", LINE("GET / HTTP/1.\xb9")),
	NO(http2_preface, "RFC 9113 3.4", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
	/* targets */
	OK("3.2.1 query", LINE("GET /a/b?c=d&e HTTP/1.1")),
	OK("3.2.1 empty query", LINE("GET /? HTTP/1.1")),
	OK("3.2.1 two question marks", LINE("GET /a?b?c HTTP/1.1")),
	OK("3.2.1 double slash", LINE("GET //evil/x HTTP/1.1")),
	OK("3.2.1 every pchar", LINE("GET /-._~!$&'()*+,;=:@%20 HTTP/1.1")),
	OK("browsers' queries", LINE("GET /?|{}^`\"<>[]\\ HTTP/1.1")),
	OK("RFC 3986 2.1 stray percent", LINE("GET /100% HTTP/1.1")),
	OK("3.2.1 long",
	   LINE("GET /0123456789abcdef0123456789abcdef?0123456789 HTTP/1.1")),
	NO(bad_target, "3.2 fragment", LINE("GET /a#b HTTP/1.1")),
	NO(bad_target, "3.2 fragment late", LINE("GET /0123456789abcdefgh#b HTTP/1.1")),
	NO(bad_target, "3.2 NUL", LINE("GET /a\0b HTTP/1.1")),
	NO(bad_target, "3.2 DEL", LINE("GET /a\x7f HTTP/1.1")),
	NO(bad_target, "3.2 control",
	   LINE("GET /a\x01"
		"b HTTP/1.1")),
	NO(bad_target, "3.2 8-bit", LINE("GET /\xc3\xa9 HTTP/1.1")),
	NO(bad_target, "3.2 8-bit late", LINE("GET /0123456789abcdefg\xff HTTP/1.1")),
	NO(bad_target, "3.2 no slash", LINE("GET a HTTP/1.1")),
	NO(bad_target, "3.2 query only", LINE("GET ?a HTTP/1.1")),
	NO(bad_target, "3.2 host only", LINE("GET a:80 HTTP/1.1")),
	NO(bad_target, "3.2 backslash", LINE("GET \\a HTTP/1.1")),
	OK("3.2.2 absolute", LINE("GET http://b/c?d HTTP/1.1")),
	OK("3.2.2 https", LINE("GET https://b/ HTTP/1.1")),
	OK("3.2.2 scheme in capitals", LINE("GET HTTP://b/ HTTP/1.1")),
	OK("3.2.2 port", LINE("GET http://b:8080/ HTTP/1.1")),
	OK("3.2.2 IPv6", LINE("GET http://[::1]:80/ HTTP/1.1")),
	OK("3.2.2 no path", LINE("GET http://b HTTP/1.1")),
	OK("3.2.2 no path but query", LINE("GET http://b?c HTTP/1.1")),
	NO(bad_target, "9110 4.2.1 empty host", LINE("GET http:///a HTTP/1.1")),
	NO(bad_target, "9110 4.2.1 nothing", LINE("GET http:// HTTP/1.1")),
	NO(bad_target, "9110 4.2.4 userinfo", LINE("GET http://u:p@b/ HTTP/1.1")),
	NO(bad_target, "3.2.2 port too large", LINE("GET http://b:65536/ HTTP/1.1")),
	NO(bad_target, "3.2.2 port no number", LINE("GET http://b:x/ HTTP/1.1")),
	NO(bad_target, "3.2.2 broken IPv6", LINE("GET http://[::1/ HTTP/1.1")),
	NO(bad_target, "3.2.2 other scheme", LINE("GET ftp://b/ HTTP/1.1")),
	NO(bad_target, "3.2.2 one slash", LINE("GET http:/b HTTP/1.1")),
	NO(bad_target, "3.2.2 two hosts", LINE("GET http://a,b/ HTTP/1.1")),
	NO(bad_target, "3.2.2 backslash in host", LINE("GET http://a\\b/ HTTP/1.1")),
	OK("3.2.3 authority", LINE("CONNECT a:443 HTTP/1.1")),
	NO(bad_target, "3.2.3 no port", LINE("CONNECT a HTTP/1.1")),
	NO(bad_target, "3.2.3 empty port", LINE("CONNECT a: HTTP/1.1")),
	NO(bad_target, "3.2.3 port 0", LINE("CONNECT a:0 HTTP/1.1")),
	NO(bad_target, "3.2.3 origin-form", LINE("CONNECT /a HTTP/1.1")),
	NO(bad_target, "3.2.3 absolute-form", LINE("CONNECT http://a:80/ HTTP/1.1")),
	OK("3.2.4 asterisk", LINE("OPTIONS * HTTP/1.1")),
	NO(bad_target, "3.2.4 with GET", LINE("GET * HTTP/1.1")),
	NO(bad_target, "3.2.4 two", LINE("OPTIONS ** HTTP/1.1")),
	NO(bad_target, "3.2.4 with path", LINE("OPTIONS */a HTTP/1.1")),
	/* fields */
	OK("5 value without space", GET "A:b\r\n\r\n"),
	OK("5 white space around", GET "A: \t b \t \r\n\r\n"),
	OK("5 empty value", GET "A:\r\n\r\n"),
	OK("5 only white space", GET "A:  \t \r\n\r\n"),
	OK("5 colons in the value", GET "A: :b:c\r\n\r\n"),
	OK("5 a long name", GET "A-Name-Of-More-Than-Sixteen-Bytes-1: b\r\n\r\n"),
	OK("5.1 every tchar", GET "!#$%&'*+-.^_`|~09azAZ: b\r\n\r\n"),
	OK("5.5 tabs inside", GET "A: b\tc\td 0123456789abcdef\te\r\n\r\n"),
	OK("5.5 obs-text", GET "A: \x80\xff\xc3\xa9~\xff~\r\n\r\n"),
	OK("CGI: harmless underscores", GET "X_Y: b\r\nContent_Type: c\r\n\r\n"),
	NO(space_before_colon, "5.1 space", GET "A : b\r\n\r\n"),
	NO(space_before_colon, "5.1 tab", GET "A\t: b\r\n\r\n"),
	NO(space_before_colon, "5.1 framing", GET "Transfer-Encoding : chunked\r\n\r\n"),
	NO(space_before_colon, "5.1 within", GET "Content Length: 5\r\n\r\n"),
	NO(space_before_colon, "5.1 words", GET "garbage in a line\r\n\r\n"),
	NO(obs_fold, "5.2", GET "A: b\r\n c\r\n\r\n"),
	NO(obs_fold, "5.2 tab", GET "A: b\r\n\tc\r\n\r\n"),
	NO(obs_fold, "2.2 space before the first", "GET / HTTP/1.1\r\n Host: a\r\n\r\n"),
	NO(obs_fold, "5.2 only space", GET " \r\n\r\n"),
	NO(bad_field_name, "5 empty name", GET ": b\r\n\r\n"),
	NO(bad_field_name, "5.1 NUL", GET "A\0: b\r\n\r\n"),
	NO(bad_field_name, "5.1 vertical tab",
	   GET "Transfer-Encoding\x0b: chunked\r\n\r\n"),
	NO(bad_field_name, "5.1 control first",
	   GET "\x01"
	       "A: b\r\n\r\n"),
	NO(bad_field_name, "5.1 parenthesis", GET "A(b): c\r\n\r\n"),
	NO(bad_field_name, "5.1 slash", GET "A/b: c\r\n\r\n"),
	NO(bad_field_name, "5.1 quotes", GET "\"A\": c\r\n\r\n"),
	NO(bad_field_name, "5.1 8-bit", GET "Content-L\xc3\xa9ngth: 5\r\n\r\n"),
	NO(bad_field_name, "5.1 soft hyphen", GET "Content\xc2\xadLength: 5\r\n\r\n"),
	NO(bad_field_name, "5.1 DEL", GET "A\x7f: c\r\n\r\n"),
	NO(bad_field_name, "5.1 semicolon", GET "A;b: c\r\n\r\n"),
	NO(no_colon, "5", GET "garbage\r\n\r\n"),
	NO(bad_field_value, "5.5 NUL", GET "A: b\0c\r\n\r\n"),
	NO(bad_field_value, "5.5 NUL at the end", GET "A: b\0\r\n\r\n"),
	NO(bad_field_value, "5.5 NUL late", GET "A: 0123456789abcdef012\0\r\n\r\n"),
	NO(bad_field_value, "5.5 DEL", GET "A: b\x7f\r\n\r\n"),
	NO(bad_field_value, "5.5 escape", GET "A: \x1b[31m\r\n\r\n"),
	NO(bad_field_value, "5.5 vertical tab",
	   GET "Transfer-Encoding: \x0b"
	       "chunked\r\n\r\n"),
	NO(bad_field_value, "5.5 form feed", GET "Content-Length: 5\x0c\r\n\r\n"),
	NO(bad_field_value, "5.5 backspace", GET "A: b\x08\r\n\r\n"),
	NO(bare_lf, "2.2 in a value", GET "A: b\nc: d\r\n\r\n"),
	NO(bare_lf, "2.2 in a name", GET "A\n: b\r\n\r\n"),
	NO(bare_lf, "2.2 ends the head", GET "\n"),
	NO(bare_lf, "2.2 LF LF", GET "A: b\n\n"),
	NO(bare_cr, "2.2 in a value", GET "A: b\rc: d\r\n\r\n"),
	NO(bare_cr, "2.2 in a name", GET "A\rb: c\r\n\r\n"),
	NO(bare_cr, "2.2 before CRLF", GET "A: b\r\r\n\r\n"),
	NO(bare_cr, "2.2 first in a line", GET "\rA: b\r\n\r\n"),
	NO(bare_cr, "2.2 ends the head", GET "\r\r\n"),
	NO(lookalike_name, "CGI reads it as a length", GET "Content_Length: 5\r\n\r\n"),
	NO(lookalike_name, "CGI, any case", GET "transfer_ENCODING: chunked\r\n\r\n"),
};

static const struct row responses[] = {
	OK("4 plain", "HTTP/1.1 200 OK\r\n\r\n"),
	OK("4 empty reason", "HTTP/1.1 200 \r\n\r\n"),
	OK("4 no space before an empty reason", "HTTP/1.1 200\r\n\r\n"),
	OK("4 reason with spaces, tabs, 8-bit",
	   "HTTP/1.1 404 N\xc3\xb6t\tF ound\r\n\r\n"),
	OK("2.3 HTTP/1.0", "HTTP/1.0 200 OK\r\n\r\n"),
	OK("2.3 higher minor", "HTTP/1.7 200 OK\r\n\r\n"),
	OK("4 100", "HTTP/1.1 100 Continue\r\n\r\n"),
	OK("4 599", "HTTP/1.1 599 x\r\n\r\n"),
	OK("4 fields", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nServer: x\r\n\r\n"),
	NO(status_invalid, "4 99", "HTTP/1.1 099 x\r\n\r\n"),
	NO(status_invalid, "4 600", "HTTP/1.1 600 x\r\n\r\n"),
	NO(status_invalid, "4 000", "HTTP/1.1 000 x\r\n\r\n"),
	NO(status_line, "4 two digits", "HTTP/1.1 20 OK\r\n\r\n"),
	NO(status_line, "4 four digits", "HTTP/1.1 2000 OK\r\n\r\n"),
	NO(status_line, "4 letters", "HTTP/1.1 2x0 OK\r\n\r\n"),
	NO(status_line, "4 signed", "HTTP/1.1 +20 OK\r\n\r\n"),
	NO(status_line, "4 two spaces", "HTTP/1.1  200 OK\r\n\r\n"),
	NO(status_line, "4 tab", "HTTP/1.1\t200 OK\r\n\r\n"),
	NO(status_line, "4 tab before the reason", "HTTP/1.1 200\tOK\r\n\r\n"),
	NO(status_line, "4 no code", "HTTP/1.1\r\n\r\n"),
	NO(status_line, "4 empty", "\r\n\r\n"),
	NO(status_line, "4 control in the reason", "HTTP/1.1 200 O\x01K\r\n\r\n"),
	NO(status_line, "4 NUL in the reason", "HTTP/1.1 200 O\0K\r\n\r\n"),
	NO(status_line, "4 control in the code",
	   "HTTP/1.1 2\0"
	   "00 OK\r\n\r\n"),
	NO(bad_version, "4 garbage", "garbage from a server\r\n\r\n"),
	NO(bad_version, "4 HTML", "<html><body>hello</body></html>\r\n\r\n"),
	NO(bad_version, "2.3 lower case", "http/1.1 200 OK\r\n\r\n"),
	NO(bad_version, "4 space before", " HTTP/1.1 200 OK\r\n\r\n"),
	NO(bad_version, "shoutcast", "ICY 200 OK and so on\r\n\r\n"),
	NO(version_unsupported, "2.3 HTTP/2.0", "HTTP/2.0 200 OK\r\n\r\n"),
	NO(version_unsupported, "2.3 HTTP/0.9", "HTTP/0.9 200 OK\r\n\r\n"),
	NO(bare_lf, "2.2", "HTTP/1.1 200 OK\n\n"),
	NO(bare_lf, "2.2 without a reason", "HTTP/1.1 200\n\n"),
	NO(bare_lf, "2.2 early", "HTTP/1.1\n200 OK\r\n\r\n"),
	NO(bare_cr, "2.2", "HTTP/1.1 200 OK\rx\r\n\r\n"),
	NO(bare_cr, "splitting", "HTTP/1.1 200 OK\r\nA: b\rSet-Cookie: c\r\n\r\n"),
	NO(obs_fold, "5.2", "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n"),
	NO(space_before_colon, "5.1", "HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\n"),
	NO(bad_field_value, "5.5 NUL", "HTTP/1.1 200 OK\r\nA: \0\r\n\r\n"),
	NO(no_colon, "5", "HTTP/1.1 200 OK\r\nabc\r\n\r\n"),
	NO(bad_field_name, "5", "HTTP/1.1 200 OK\r\n: b\r\n\r\n"),
};

typedef enum http_parse parser(const char *p, size_t n, size_t from,
			       const struct http_limits *limits, struct http_head *h,
			       enum http_reject *why);

static struct http_head head;

/* One parse of exactly these bytes; refused: the reason, complete: none, incomplete:
 * HTTP_REJECTS_N. */
static enum http_reject
parse(parser *f, const char *p, size_t n, size_t from, const struct http_limits *limits)
{
	char *copy = copy_of(p, n);
	enum http_reject why = HTTP_REJECT_none;
	enum http_parse r = f(copy, n, from, limits, &head, &why);

	if (r == HTTP_PARSE_OK)
		assert_int_equal(head.skipped + head.bytes <= n, 1);
	free(copy);
	return r == HTTP_PARSE_INCOMPLETE ? HTTP_REJECTS_N
	       : r == HTTP_PARSE_OK	  ? HTTP_REJECT_none
					  : why;
}

/* All ways in which the bytes of a row may arrive. */
static void
check(parser *f, const char *name, struct span in, enum http_reject want,
      const struct http_limits *limits)
{
	enum http_reject got = HTTP_REJECTS_N;
	char more[4096];
	struct span tail = SPAN("POST /smuggled HTTP/1.1\r\n\r\n");

	expect_reason(name, "whole", parse(f, in.p, in.n, 0, limits), want);
	for (size_t n = 0; n <= in.n; n++) {
		got = parse(f, in.p, n, 0, limits);
		if (n < in.n && got == HTTP_REJECT_none)
			fail_msg("%s: complete after %zu bytes", name, n);
		if (got < HTTP_REJECTS_N)
			expect_reason(name, "prefix", got, want);
	}
	got = HTTP_REJECTS_N;
	for (size_t n = 1; n <= in.n && got == HTTP_REJECTS_N; n++)
		got = parse(f, in.p, n, n - 1, limits);
	expect_reason(name, "byte by byte", got, want);
	for (size_t cut = 1; cut < in.n; cut++) {
		got = parse(f, in.p, cut, 0, limits);
		if (got == HTTP_REJECTS_N)
			got = parse(f, in.p, in.n, cut, limits);
		expect_reason(name, "in two pieces", got, want);
	}
	if (in.n + tail.n > sizeof(more))
		return;
	memcpy(more, in.p, in.n);
	memcpy(more + in.n, tail.p, tail.n);
	expect_reason(name, "followed by more", parse(f, more, in.n + tail.n, 0, limits),
		      want);
}

static void
requests_are_judged_by_the_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(requests); i++)
		check(http_head_parse_request, requests[i].name, requests[i].in,
		      requests[i].why, &usual);
}

static void
responses_are_judged_by_the_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(responses); i++)
		check(http_head_parse_response, responses[i].name, responses[i].in,
		      responses[i].why, &usual);
}

/* Any byte at any place either is refused at once for good, or makes no difference to
 * how the pieces are put together. */
static void
any_byte_anywhere_is_judged_the_same_however_it_arrives(void **state)
{
	/* the last line end is for a resumed parse, which judges lines */
	static const char good[] = "PUT /a?b HTTP/1.1\r\nHost: a\r\n"
				   "User-Agent: 012345678\r\n\r\n\r\n";
	char text[sizeof(good)];

	(void)state;
	for (size_t at = 0; at < sizeof(good) - 3; at++) {
		for (unsigned byte = 0; byte < 256; byte += 1 + (at % 3)) {
			enum http_reject whole, got = HTTP_REJECTS_N;
			memcpy(text, good, sizeof(good));
			text[at] = (char)byte;
			whole = parse(http_head_parse_request, text, sizeof(good) - 1, 0,
				      &usual);
			for (size_t n = 1; n < sizeof(good) && got == HTTP_REJECTS_N; n++)
				got = parse(http_head_parse_request, text, n, n - 1,
					    &usual);
			expect_reason(good + at, "byte by byte", got, whole);
		}
	}
}

static void
the_method_of_a_refused_request_is_known_or_none(void **state)
{
	static const char bad_field[] = "HEAD / HTTP/1.1\r\nA : b\r\n\r\n";
	static const char bad_line[] = "HEAD@ / HTTP/1.1\r\n\r\n";
	struct http_head h = {.method = HTTP_METHOD_GET};
	enum http_reject why;

	(void)state;
	assert_int_equal(http_head_parse_request(bad_field, sizeof(bad_field) - 1, 0,
						 &usual, &h, &why),
			 HTTP_PARSE_REJECTED);
	assert_int_equal(h.method, HTTP_METHOD_HEAD);
	assert_int_equal(http_head_parse_request(bad_line, sizeof(bad_line) - 1, 0,
						 &usual, &h, &why),
			 HTTP_PARSE_REJECTED);
	assert_int_equal(h.method, HTTP_METHOD_OTHER);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_method_of_a_refused_request_is_known_or_none),
		cmocka_unit_test(requests_are_judged_by_the_table),
		cmocka_unit_test(responses_are_judged_by_the_table),
		cmocka_unit_test(any_byte_anywhere_is_judged_the_same_however_it_arrives),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
