/* SPDX-License-Identifier: MIT
 *
 * Answers made here, and the reason phrases.
 */
#include "lib/http/reply.h"

#include "lib/base/num.h"

/* PHRASE: reason phrase only. PAGE: what the error page says as well. */
#define STATUSES(PHRASE, PAGE)                                                         \
	PHRASE(100, "Continue")                                                        \
	PHRASE(101, "Switching Protocols")                                             \
	PHRASE(102, "Processing")                                                      \
	PHRASE(103, "Early Hints")                                                     \
	PHRASE(200, "OK")                                                              \
	PHRASE(201, "Created")                                                         \
	PHRASE(202, "Accepted")                                                        \
	PHRASE(203, "Non-Authoritative Information")                                   \
	PHRASE(204, "No Content")                                                      \
	PHRASE(205, "Reset Content")                                                   \
	PHRASE(206, "Partial Content")                                                 \
	PHRASE(207, "Multi-Status")                                                    \
	PHRASE(208, "Already Reported")                                                \
	PHRASE(226, "IM Used")                                                         \
	PHRASE(300, "Multiple Choices")                                                \
	PHRASE(301, "Moved Permanently")                                               \
	PHRASE(302, "Found")                                                           \
	PHRASE(303, "See Other")                                                       \
	PHRASE(304, "Not Modified")                                                    \
	PHRASE(305, "Use Proxy")                                                       \
	PHRASE(307, "Temporary Redirect")                                              \
	PHRASE(308, "Permanent Redirect")                                              \
	PAGE(400, "Bad Request", "The request cannot be understood.")                  \
	PAGE(401, "Unauthorized", "A user name and a password are needed.")            \
	PAGE(402, "Payment Required", "The request is refused.")                       \
	PAGE(403, "Forbidden", "The request is refused by the rules of this site.")    \
	PAGE(404, "Not Found", "There is nothing at this address.")                    \
	PAGE(405, "Method Not Allowed", "The method is not allowed here.")             \
	PAGE(406, "Not Acceptable", "There is no form of this that you accept.")       \
	PAGE(407, "Proxy Authentication Required",                                     \
	     "A user name and a password are needed.")                                 \
	PAGE(408, "Request Timeout", "The request did not arrive in time.")            \
	PAGE(409, "Conflict", "The request conflicts with the present state.")         \
	PAGE(410, "Gone", "There is nothing at this address any more.")                \
	PAGE(411, "Length Required", "The request does not say how long it is.")       \
	PAGE(412, "Precondition Failed", "A condition of the request does not hold.")  \
	PAGE(413, "Content Too Large", "The request is too large.")                    \
	PAGE(414, "URI Too Long", "The address is too long.")                          \
	PAGE(415, "Unsupported Media Type", "The request has an unsupported format.")  \
	PAGE(416, "Range Not Satisfiable", "There is no such range.")                  \
	PAGE(417, "Expectation Failed", "An expectation cannot be met.")               \
	PAGE(421, "Misdirected Request", "This server does not answer for that site.") \
	PAGE(422, "Unprocessable Content", "The request cannot be processed.")         \
	PAGE(423, "Locked", "What the request asks for is locked.")                    \
	PAGE(424, "Failed Dependency",                                                 \
	     "The request depends on another one, which failed.")                      \
	PAGE(425, "Too Early", "The request came too early; try again.")               \
	PAGE(426, "Upgrade Required", "Another protocol is needed here.")              \
	PAGE(428, "Precondition Required", "The request must have a condition.")       \
	PAGE(429, "Too Many Requests", "There were too many requests; try later.")     \
	PAGE(431, "Request Header Fields Too Large",                                   \
	     "The header of the request is too large.")                                \
	PAGE(451, "Unavailable For Legal Reasons", "The request is refused by law.")   \
	PAGE(500, "Internal Server Error", "The request failed inside this server.")   \
	PAGE(501, "Not Implemented", "The request asks for something unknown here.")   \
	PAGE(502, "Bad Gateway", "The server behind this one gave no valid answer.")   \
	PAGE(503, "Service Unavailable", "No server is able to handle this request.")  \
	PAGE(504, "Gateway Timeout",                                                   \
	     "The server behind this one did not answer in time.")                     \
	PAGE(505, "HTTP Version Not Supported",                                        \
	     "Only HTTP/1.0 and HTTP/1.1 are spoken here.")                            \
	PAGE(506, "Variant Also Negotiates", "The server is set up wrongly.")          \
	PAGE(507, "Insufficient Storage", "The server has no room left.")              \
	PAGE(508, "Loop Detected", "The request goes in circles.")                     \
	PAGE(511, "Network Authentication Required",                                   \
	     "The network wants you to log in first.")

#define HTML(code, phrase, text)                                            \
	"<!DOCTYPE html>\n<html lang=\"en\"><head><title>" #code " " phrase \
	"</title></head>\n<body><h1>" #code " " phrase "</h1>\n<p>" text    \
	"</p></body></html>\n"
#define PHRASE_ROW(code, phrase) {code, phrase, {NULL, 0}},
#define PAGE_ROW(code, phrase, text) \
	{code, phrase, {HTML(code, phrase, text), sizeof(HTML(code, phrase, text)) - 1}},

static const struct row {
	int status;
	const char *phrase;
	struct span page;
} rows[] = {STATUSES(PHRASE_ROW, PAGE_ROW)};

static const struct row *
row_of(int status)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].status == status)
			return &rows[i];
	return NULL;
}

const char *
http_reason(int status)
{
	const struct row *row = row_of(status);

	return row ? row->phrase : "";
}

struct out {
	char *p, *end;
	bool is_full;
};

static void
put(struct out *o, struct span s)
{
	if ((size_t)(o->end - o->p) < s.n) {
		o->is_full = true;
		return;
	}
	if (s.n)
		memcpy(o->p, s.p, s.n);
	o->p += s.n;
}

static void
put_number(struct out *o, uint64_t v)
{
	char digits[20];

	put(o, span_of(digits, num_put(digits, v)));
}

size_t
http_reply_write(const struct http_reply *r, char *out, size_t cap)
{
	struct out o = {.p = out, .end = out + cap};
	bool may_have_body = r->status >= 200 && r->status != 204 && r->status != 304;

	put(&o, SPAN("HTTP/1.1 "));
	put_number(&o, (uint64_t)r->status);
	put(&o, SPAN(" "));
	put(&o, span_str(http_reason(r->status)));
	put(&o, SPAN("\r\n"));
	if (may_have_body) {
		put(&o, SPAN("Content-Length: "));
		put_number(&o, r->body.n);
		put(&o, SPAN("\r\n"));
		if (r->content_type.n) {
			put(&o, SPAN("Content-Type: "));
			put(&o, r->content_type);
			put(&o, SPAN("\r\n"));
		}
	}
	put(&o, r->extra);
	if (r->say_close)
		put(&o, SPAN("Connection: close\r\n"));
	else if (r->say_keep_alive)
		put(&o, SPAN("Connection: keep-alive\r\n"));
	put(&o, SPAN("\r\n"));
	if (may_have_body && !r->is_head)
		put(&o, r->body);
	return o.is_full ? 0 : (size_t)(o.p - out);
}

void
http_reply_error(int status, struct http_reply *r)
{
	const struct row *row = row_of(status);

	*r = (struct http_reply){.status = status,
				 .extra = SPAN("Cache-Control: no-cache\r\n")};
	if (row && row->page.n) {
		r->content_type = SPAN("text/html");
		r->body = row->page;
	}
	if (status == 405) /* RFC 9110 15.5.6 wants the list; CONNECT is what we refuse */
		r->extra =
			SPAN("Cache-Control: no-cache\r\n"
			     "Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n");
}
