/* SPDX-License-Identifier: MIT
 *
 * Error files: read once, so that sending one is a copy.
 */
#include "lib/http/error_file.h"

#include "lib/http/serialise.h"

/* Length of the head with its empty line; 0: there is no empty line. */
static size_t
head_length(const char *p, size_t n)
{
	size_t line = 0;

	for (size_t i = 0; i < n; i++) {
		if (p[i] != '\n')
			continue;
		if (i == line || (i == line + 1 && p[line] == '\r'))
			return i + 1;
		line = i + 1;
	}
	return 0;
}

/* Writes the head with CRLF at the end of every line. */
static size_t
with_crlf(const char *p, size_t n, char *out)
{
	size_t at = 0;

	for (size_t i = 0; i < n; i++) {
		if (p[i] == '\n' && (i == 0 || p[i - 1] != '\r'))
			out[at++] = '\r';
		out[at++] = p[i];
	}
	return at;
}

static const char *
judge(const struct http_head *h, const struct http_framing *f, size_t body_n)
{
	bool has_no_body = h->status == 204 || h->status == 205 || h->status == 304;

	if (h->status < 200)
		return "an interim response cannot be an error; expected a status of "
		       "200 or more";
	if (f->body == HTTP_BODY_CHUNKED)
		return "the body is chunked; expected it as it is, without "
		       "Transfer-Encoding";
	if (has_no_body && body_n)
		return "a response with this status has no body";
	if (!has_no_body && f->has_length && f->stated_length != body_n)
		return "Content-Length is not the length of the body; expected it to be "
		       "left out: weir writes its own";
	return NULL;
}

const char *
http_error_file_read(const char *p, size_t n, char *out, struct http_reply *r)
{
	static const struct http_limits limits = {
		.request_line_bytes = HTTP_HEAD_BYTES_MAX,
		.field_bytes = HTTP_HEAD_BYTES_MAX,
		.head_bytes = HTTP_HEAD_BYTES_MAX,
		.fields_n = HTTP_FIELDS_MAX,
	};
	struct http_head h;
	struct http_framing f = {0};
	enum http_reject why = HTTP_REJECT_none;
	size_t head_n = head_length(p, n);

	*r = (struct http_reply){.is_silent = n == 0};
	if (n == 0)
		return NULL;
	if (head_n == 0)
		return "there is no empty line behind the header fields; expected a "
		       "whole HTTP response";
	if (head_n > HTTP_HEAD_BYTES_MAX)
		return http_reject_text(HTTP_REJECT_head_too_long);
	size_t clean_n = with_crlf(p, head_n, out);
	enum http_parse parsed =
		http_head_parse_response(out, clean_n, 0, &limits, &h, &why);
	if (parsed == HTTP_PARSE_OK)
		why = http_framing_response(&h, HTTP_METHOD_GET, span_of(NULL, 0), &f);
	if (parsed != HTTP_PARSE_OK || (why != HTTP_REJECT_none && h.status >= 200))
		return why == HTTP_REJECT_none ? "there is no status line"
					       : http_reject_text(why);
	size_t body_n = n - head_n;
	const char *wrong = judge(&h, &f, body_n);
	if (wrong)
		return wrong;
	/* of the day it was written */
	for (int i = http_head_find(&h, SPAN("Date"), 0); i >= 0;
	     i = http_head_find(&h, SPAN("Date"), (unsigned)i + 1))
		h.fields[i].dropped = 1;
	bool has_no_length = h.status == 204 || h.status == 304;
	struct http_outgoing sent = {
		.body = body_n ? HTTP_BODY_LENGTH : HTTP_BODY_NONE,
		.length = body_n,
		.say_length_zero = !has_no_length,
	};
	char *head = out + clean_n;
	size_t sent_n =
		http_serialise_response(&h, &sent, head, HTTP_ERROR_FILE_ROOM - clean_n);
	r->status = h.status;
	r->head = span_of(head,
			  sent_n - 2); /* the empty line is written behind Connection */
	r->body = span_of(p + head_n, body_n);
	return NULL;
}
