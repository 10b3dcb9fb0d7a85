/* SPDX-License-Identifier: MIT
 *
 * Request line and status line (RFC 9112 3 and 4), exactly: single spaces, no spare
 * white space, versions in the one spelling they have.
 */
#include "lib/http/authority.h"
#include "lib/http/lines.h"
#include "lib/http/scan.h"

enum { VERSION_BYTES = 8 }; /* "HTTP/1.1" */

const char *
http_line_refuse(struct http_lines *s, enum http_reject why)
{
	s->result = HTTP_PARSE_REJECTED;
	s->why = why;
	return NULL;
}

const char *
http_line_ran_out(struct http_lines *s, const char *line, size_t max,
		  enum http_reject too_long)
{
	size_t have = (size_t)(s->end - line);
	size_t head_room = s->head_room - (size_t)(line - s->base);

	if (have >= max + 2 && max + 2 <= head_room)
		return http_line_refuse(s, too_long);
	if (have >= head_room)
		return http_line_refuse(s, HTTP_REJECT_head_too_long);
	s->result = HTTP_PARSE_INCOMPLETE;
	return NULL;
}

enum http_method
http_method_of(struct span token)
{
	const char *p = token.p;

	switch (token.n) {
	case 3:
		if (memcmp(p, "GET", 3) == 0)
			return HTTP_METHOD_GET;
		return memcmp(p, "PUT", 3) == 0 ? HTTP_METHOD_PUT : HTTP_METHOD_OTHER;
	case 4:
		if (memcmp(p, "POST", 4) == 0)
			return HTTP_METHOD_POST;
		return memcmp(p, "HEAD", 4) == 0 ? HTTP_METHOD_HEAD : HTTP_METHOD_OTHER;
	case 5:
		if (memcmp(p, "TRACE", 5) == 0)
			return HTTP_METHOD_TRACE;
		return memcmp(p, "PATCH", 5) == 0 ? HTTP_METHOD_PATCH : HTTP_METHOD_OTHER;
	case 6:
		return memcmp(p, "DELETE", 6) == 0 ? HTTP_METHOD_DELETE
						   : HTTP_METHOD_OTHER;
	case 7:
		if (memcmp(p, "OPTIONS", 7) == 0)
			return HTTP_METHOD_OPTIONS;
		return memcmp(p, "CONNECT", 7) == 0 ? HTTP_METHOD_CONNECT
						    : HTTP_METHOD_OTHER;
	}
	return HTTP_METHOD_OTHER;
}

/* What is wrong with the byte at q, which the grammar does not have there. A CR is
 * judged with its successor: `at_crlf` is the reason when it is a line end. */
static const char *
refuse_byte(struct http_lines *s, const char *q, const char *stop,
	    enum http_reject otherwise, enum http_reject at_crlf)
{
	if (*q == '\n')
		return http_line_refuse(s, HTTP_REJECT_bare_lf);
	if (*q != '\r')
		return http_line_refuse(s, otherwise);
	if (stop - q < 2) {
		s->result = HTTP_PARSE_INCOMPLETE;
		return NULL;
	}
	return http_line_refuse(s, q[1] == '\n' ? at_crlf : HTTP_REJECT_bare_cr);
}

/* A complete version token. "HTTP/1.x": 1.2 and later are refused in requests (nothing
 * sends them but attackers; a server may read them differently) and count as 1.1 in
 * responses (RFC 9110 6.2). */
static enum http_reject
judge_version(const char *p, size_t n, bool is_request, uint8_t *minor)
{
	unsigned major, low;

	if (n != VERSION_BYTES || memcmp(p, "HTTP/", 5) != 0 || p[6] != '.')
		return HTTP_REJECT_bad_version;
	major = (unsigned char)p[5] - '0';
	low = (unsigned char)p[7] - '0';
	if (major > 9 || low > 9)
		return HTTP_REJECT_bad_version;
	if (major != 1 || (low > 1 && is_request))
		return HTTP_REJECT_version_unsupported;
	*minor = low != 0;
	return HTTP_REJECT_none;
}

/* scheme "://" authority [ path ] [ "?" query ]; the schemes of RFC 9110 4.2. */
static enum http_reject
split_absolute(struct http_head *h)
{
	const char *q = h->target.p, *end = q + h->target.n, *from;

	if (h->target.n > 7 && strncasecmp(q, "http://", 7) == 0)
		q += 7;
	else if (h->target.n > 8 && strncasecmp(q, "https://", 8) == 0)
		q += 8;
	else
		return HTTP_REJECT_bad_target;
	h->target_form = HTTP_TARGET_ABSOLUTE;
	from = q;
	while (q < end && *q != '/' && *q != '?')
		q++;
	h->authority = span_of(from, (size_t)(q - from));
	if (!http_authority_is_valid(h->authority, HTTP_PORT_OPTIONAL))
		return HTTP_REJECT_bad_target;
	from = q;
	q = q < end ? memchr(q, '?', (size_t)(end - q)) : NULL;
	h->path = span_of(from, (size_t)((q ? q : end) - from));
	if (q)
		h->query = span_of(q + 1, (size_t)(end - q - 1));
	if (h->path.n == 0) /* RFC 9112 3.2.1, 3.2.4 */
		h->path = h->method == HTTP_METHOD_OPTIONS && !q ? SPAN("*") : SPAN("/");
	return HTTP_REJECT_none;
}

enum http_reject
http_target_split(struct http_head *h)
{
	struct span t = h->target;

	h->authority = h->query = span_of(NULL, 0);
	h->path = t;
	if (h->method == HTTP_METHOD_CONNECT) {
		h->target_form = HTTP_TARGET_AUTHORITY;
		h->authority = t;
		h->path = span_of(NULL, 0);
		return http_authority_is_valid(t, HTTP_PORT_REQUIRED)
			       ? HTTP_REJECT_none
			       : HTTP_REJECT_bad_target;
	}
	if (t.p[0] == '/') {
		const char *mark = memchr(t.p, '?', t.n);
		h->target_form = HTTP_TARGET_ORIGIN;
		if (mark) {
			h->path.n = (size_t)(mark - t.p);
			h->query = span_of(mark + 1, t.n - h->path.n - 1);
		}
		return HTTP_REJECT_none;
	}
	if (t.n == 1 && t.p[0] == '*') {
		h->target_form = HTTP_TARGET_ASTERISK;
		return h->method == HTTP_METHOD_OPTIONS ? HTTP_REJECT_none
							: HTTP_REJECT_bad_target;
	}
	return split_absolute(h);
}

/* The rest of a start line behind the target, when it is not "HTTP/1.1" CRLF. */
static const char *
request_version(struct http_lines *s, const char *q, const char *stop,
		struct http_head *h)
{
	const char *from = q;
	enum http_reject why;

	while (q < stop && (unsigned char)(*q - 0x21) <= 0x7e - 0x21)
		q++;
	if (stop - q < 2 && (q == stop || *q == '\r')) {
		s->result = HTTP_PARSE_INCOMPLETE;
		return NULL;
	}
	if (q[0] != '\r' || q[1] != '\n')
		return refuse_byte(s, q, stop,
				   *q == ' ' || *q == '\t' ? HTTP_REJECT_bad_request_line
							   : HTTP_REJECT_bad_version,
				   HTTP_REJECT_bad_version);
	why = judge_version(from, (size_t)(q - from), true, &h->minor);
	if (why == HTTP_REJECT_version_unsupported && h->target.n == 1 &&
	    h->target.p[0] == '*' && span_eq(h->method_text, SPAN("PRI")))
		why = HTTP_REJECT_http2_preface;
	if (why != HTTP_REJECT_none)
		return http_line_refuse(s, why);
	return q + 2;
}

const char *
http_request_line(struct http_lines *s, const char *line, size_t max, struct http_head *h)
{
	const char *stop = http_line_stop(s, line, max);
	const char *q = http_scan_token(line, stop), *from;
	enum http_reject why;

	if (q == stop)
		goto ran_out;
	if (*q != ' ' || q == line) {
		refuse_byte(s, q, stop, HTTP_REJECT_bad_method,
			    HTTP_REJECT_bad_request_line);
		goto failed;
	}
	h->method_text = span_of(line, (size_t)(q - line));
	h->method = http_method_of(h->method_text);

	from = ++q;
	q = http_scan_target(q, stop);
	if (q == stop)
		goto ran_out;
	if (*q != ' ' || q == from) {
		refuse_byte(
			s, q, stop,
			*q == ' ' ? HTTP_REJECT_bad_request_line : HTTP_REJECT_bad_target,
			q == from ? HTTP_REJECT_bad_request_line : HTTP_REJECT_http09);
		goto failed;
	}
	h->target = span_of(from, (size_t)(q - from));

	q++;
	if (stop - q >= VERSION_BYTES + 2 && memcmp(q, "HTTP/1.1\r\n", 10) == 0) {
		h->minor = 1;
		q += VERSION_BYTES + 2;
	} else {
		q = request_version(s, q, stop, h);
		if (!q)
			goto failed;
	}
	why = http_target_split(h);
	if (why != HTTP_REJECT_none)
		return http_line_refuse(s, why);
	return q;
failed:
	if (s->result == HTTP_PARSE_REJECTED)
		return NULL;
ran_out:
	return http_line_ran_out(s, line, max, HTTP_REJECT_request_line_too_long);
}

/* The version and the code: 12 bytes. */
static enum http_reject
judge_status(const char *line, struct http_head *h)
{
	unsigned hundreds, tens, ones;

	h->minor = 1;
	if (memcmp(line, "HTTP/1.1", VERSION_BYTES) != 0) {
		enum http_reject why =
			judge_version(line, VERSION_BYTES, false, &h->minor);
		if (why != HTTP_REJECT_none)
			return why;
	}
	hundreds = (unsigned char)line[VERSION_BYTES + 1] - '0';
	tens = (unsigned char)line[VERSION_BYTES + 2] - '0';
	ones = (unsigned char)line[VERSION_BYTES + 3] - '0';
	if (line[VERSION_BYTES] != ' ' || hundreds > 9 || tens > 9 || ones > 9)
		return HTTP_REJECT_status_line;
	h->status = (uint16_t)(hundreds * 100 + tens * 10 + ones);
	return hundreds >= 1 && hundreds <= 5 ? HTTP_REJECT_none
					      : HTTP_REJECT_status_invalid;
}

const char *
http_status_line(struct http_lines *s, const char *line, size_t max, struct http_head *h)
{
	enum { CODE_END = VERSION_BYTES + 4 };
	const char *stop = http_line_stop(s, line, max);
	const char *end = http_scan_value(line, stop);
	const char *q = end - line < CODE_END ? end : line + CODE_END;
	enum http_reject why;

	if (q != line + CODE_END || q == stop)
		goto failed;
	why = judge_status(line, h);
	if (why != HTTP_REJECT_none)
		return http_line_refuse(s, why);
	/* The space before an empty reason is often forgotten; nothing hangs on it. */
	if (*q == ' ')
		q++;
	else if (*q != '\r')
		goto failed;
	h->reason = span_of(q, (size_t)(end - q));
	q = end;
	if (stop - q >= 2 && q[0] == '\r' && q[1] == '\n')
		return q + 2;
failed:
	if (q < stop)
		refuse_byte(s, q, stop, HTTP_REJECT_status_line, HTTP_REJECT_status_line);
	if (s->result == HTTP_PARSE_REJECTED)
		return NULL;
	return http_line_ran_out(s, line, max, HTTP_REJECT_head_too_long);
}
