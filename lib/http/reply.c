/* SPDX-License-Identifier: MIT
 *
 * Answers made here, and the reason phrases.
 */
#include "lib/http/reply.h"

#include "lib/base/num.h"

#define HTML(code, phrase, text)                                            \
	"<!DOCTYPE html>\n<html lang=\"en\"><head><title>" #code " " phrase \
	"</title></head>\n<body><h1>" #code " " phrase "</h1>\n<p>" text    \
	"</p></body></html>\n"
#define PHRASE(code, phrase) {code, -1, phrase, {NULL, 0}},
#define PAGE_ROW(code, error, phrase, text) \
	{code,                              \
	 error,                             \
	 phrase,                            \
	 {HTML(code, phrase, text), sizeof(HTML(code, phrase, text)) - 1}},
#define PAGE(code, phrase, text)  PAGE_ROW(code, -1, phrase, text)
#define ERROR(code, phrase, text) PAGE_ROW(code, HTTP_ERROR_##code, phrase, text)

static const struct row {
	int status;
	int error; /* enum http_error or -1 */
	const char *phrase;
	struct span page;
} rows[] = {
#include "lib/http/status.def"
};

#undef PHRASE
#undef PAGE
#undef ERROR
#define PHRASE(code, phrase)
#define PAGE(code, phrase, text)
#define ERROR(code, phrase, text) "|" #code

const char http_error_text[] =
#include "lib/http/status.def"
	;

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

int
http_error_of(int status)
{
	const struct row *row = row_of(status);

	return row ? row->error : -1;
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

static bool
may_have_body(int status)
{
	return status >= 200 && status != 204 && status != 304;
}

/* Start line and fields. */
static void
put_head(struct out *o, const struct http_reply *r)
{
	put(o, SPAN("HTTP/1.1 "));
	put_number(o, (uint64_t)r->status);
	put(o, SPAN(" "));
	put(o, span_str(http_reason(r->status)));
	put(o, SPAN("\r\n"));
	if (may_have_body(r->status)) {
		put(o, SPAN("Content-Length: "));
		put_number(o, r->body.n);
		put(o, SPAN("\r\n"));
		if (r->content_type.n) {
			put(o, SPAN("Content-Type: "));
			put(o, r->content_type);
			put(o, SPAN("\r\n"));
		}
	}
}

size_t
http_reply_write(const struct http_reply *r, char *out, size_t cap)
{
	struct out o = {.p = out, .end = out + cap};

	if (r->head.n)
		put(&o, r->head);
	else
		put_head(&o, r);
	put(&o, r->extra);
	if (r->date.n) {
		put(&o, SPAN("Date: "));
		put(&o, r->date);
		put(&o, SPAN("\r\n"));
	}
	if (r->say_close)
		put(&o, SPAN("Connection: close\r\n"));
	else if (r->say_keep_alive)
		put(&o, SPAN("Connection: keep-alive\r\n"));
	put(&o, SPAN("\r\n"));
	if (!r->is_head && (r->head.n || may_have_body(r->status)))
		put(&o, r->body);
	return o.is_full ? 0 : (size_t)(o.p - out);
}

size_t
http_reply_bytes(const struct http_reply *r)
{
	enum { OWN_BYTES = 256 }; /* start line, Content-Length, Date, Connection */

	return r->head.n + r->content_type.n + r->extra.n + r->body.n + OWN_BYTES;
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
}

void
http_reply_method(struct http_reply *r)
{
	http_reply_error(405, r);
	r->extra = SPAN("Cache-Control: no-cache\r\n"
			"Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n");
}
