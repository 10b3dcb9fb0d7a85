/* SPDX-License-Identifier: MIT
 *
 * Heads as they are forwarded. Most heads leave as they came but for a field or two, so
 * the writer looks for runs of bytes that stay and copies each in one piece; the start
 * line and Host join the first run when nobody has touched them.
 */
#include "lib/http/serialise.h"

#include "lib/base/num.h"
#include "lib/http/date.h"

struct out {
	char *p, *end;
	bool is_full;
};

static inline void
put(struct out *o, const char *p, size_t n)
{
	if ((size_t)(o->end - o->p) < n) {
		o->is_full = true;
		return;
	}
	memcpy(o->p, p, n);
	o->p += n;
}

#define PUT(o, lit) put(o, lit, sizeof(lit) - 1)

static inline void
put_span(struct out *o, struct span s)
{
	if (s.n)
		put(o, s.p, s.n);
}

static void
put_length(struct out *o, uint64_t length)
{
	char digits[20];
	size_t n = num_put(digits, length);

	PUT(o, "Content-Length: ");
	put(o, digits, n);
	PUT(o, "\r\n");
}

static void
put_framing(struct out *o, const struct http_outgoing *m)
{
	switch (m->body) {
	case HTTP_BODY_NONE:
		if (m->keep_stated_length)
			put_length(o, m->stated_length);
		else if (m->say_length_zero)
			PUT(o, "Content-Length: 0\r\n");
		break;
	case HTTP_BODY_LENGTH:
		put_length(o, m->length);
		break;
	case HTTP_BODY_CHUNKED:
		PUT(o, "Transfer-Encoding: chunked\r\n");
		break;
	case HTTP_BODY_CLOSE:
	case HTTP_BODY_TUNNEL:
		break;
	}
}

/* What this hop says about itself, and the empty line. */
static void
put_own_fields(struct out *o, const struct http_outgoing *m)
{
	if (!m->length_stands)
		put_framing(o, m);
	if (m->upgrade.n) {
		PUT(o, "Connection: upgrade\r\nUpgrade: ");
		put_span(o, m->upgrade);
		PUT(o, "\r\n");
	} else if (m->say_close) {
		PUT(o, "Connection: close\r\n");
	} else if (m->say_keep_alive) {
		PUT(o, "Connection: keep-alive\r\n");
	}
	if (m->date.n)
		put(o, m->date.p, HTTP_DATE_LINE_BYTES);
	put_span(o, m->extra);
	PUT(o, "\r\n");
}

/* Where the field lines begin. */
static inline const char *
fields_begin(const struct http_head *h)
{
	return h->base + h->start_bytes;
}

/* Copies the bytes from `run` to the beginning of field i, and all fields from i on
 * that stay. A field with the id `skip` does not (HTTP_FIELD_OTHER: none is skipped). */
static void
put_fields(struct out *o, const struct http_head *h, const char *run, unsigned i,
	   enum http_field_id skip)
{
	const struct http_field *f = h->fields + i, *end = h->fields + h->fields_n;

	for (; f < end; f++) {
		const char *line;
		if (__builtin_expect(!f->dropped &&
					     (f->id == HTTP_FIELD_OTHER || f->id != skip),
				     1))
			continue;
		line = h->base + f->line_off;
		if (line > run)
			put(o, run, (size_t)(line - run));
		run = line + f->line_n;
	}
	put(o, run, (size_t)(h->base + h->bytes - 2 - run));
}

/* The same for a head with edits, whose lines stand in two places: [run, end) grows as
 * long as lines follow each other. */
static void
put_edited_fields(struct out *o, const struct http_head *h, const char *run,
		  const char *end, unsigned i, enum http_field_id skip)
{
	for (; i < h->fields_n; i++) {
		const struct http_field *f = &h->fields[i];
		const char *line = http_field_base(h, f) + f->line_off;
		if (f->dropped || (f->id != HTTP_FIELD_OTHER && f->id == skip))
			continue;
		if (line != end) {
			put(o, run, (size_t)(end - run));
			run = line;
		}
		end = line + f->line_n;
	}
	put(o, run, (size_t)(end - run));
}

/* Whether the request line may leave as it came: it is in the form that is written here,
 * and no part of it has been edited. */
static inline bool
request_line_stays(const struct http_head *h)
{
	const char *target = h->base + h->method_text.n + 1;
	size_t n = h->path.n;

	if (h->target_form != HTTP_TARGET_ORIGIN || h->minor != 1 ||
	    h->method_text.p != h->base || h->path.p != target)
		return false;
	if (h->query.p) {
		if (h->query.p != target + n + 1)
			return false;
		n += 1 + h->query.n;
	}
	return n == h->target.n && h->target.p == target;
}

static inline bool
host_line_stays(const struct http_head *h)
{
	const struct http_field *f = &h->fields[0];

	return h->fields_n && f->id == HTTP_FIELD_HOST && !f->dropped && !f->added &&
	       h->authority.p == h->base + f->value_off && h->authority.n == f->value_n;
}

static void
put_request_line(struct out *o, const struct http_head *h, bool keeps_absolute)
{
	put_span(o, h->method_text);
	PUT(o, " ");
	if (keeps_absolute && h->target_form == HTTP_TARGET_ABSOLUTE &&
	    span_begins(h->path, SPAN("/"))) {
		const char *colon = memchr(h->target.p, ':', h->target.n);
		put(o, h->target.p, (size_t)(colon - h->target.p));
		PUT(o, "://");
		put_span(o, h->authority);
	}
	if (h->target_form == HTTP_TARGET_AUTHORITY) {
		put_span(o, h->target);
	} else {
		put_span(o, h->path);
		if (h->query.p) {
			PUT(o, "?");
			put_span(o, h->query);
		}
	}
	PUT(o, " HTTP/1.1\r\n");
}

/* The length of what was written, 0 when there was no room. */
static size_t
finish(const struct out *o, const struct http_outgoing *m, char *out)
{
	size_t n = (size_t)(o->p - out);

	if (o->is_full)
		return 0;
	if (__builtin_expect(m->names != NULL, 0))
		http_case_apply(m->names, out, n);
	return n;
}

size_t
http_serialise_request(const struct http_head *h, const struct http_outgoing *m,
		       char *out, size_t cap)
{
	struct out o = {.p = out, .end = out + cap};
	const char *run = h->base, *end = fields_begin(h);
	unsigned from = 0;

	if (!request_line_stays(h)) {
		put_request_line(&o, h, m->keeps_absolute);
		run = end;
	}
	if (host_line_stays(h)) {
		from = 1;
		end += h->fields[0].line_n;
	} else {
		put(&o, run, (size_t)(end - run));
		run = end;
		PUT(&o, "Host: ");
		put_span(&o, h->authority.p ? h->authority : m->host);
		PUT(&o, "\r\n");
	}
	if (h->is_edited)
		put_edited_fields(&o, h, run, end, from, HTTP_FIELD_HOST);
	else
		put_fields(&o, h, run, from, HTTP_FIELD_HOST);
	put_own_fields(&o, m);
	return finish(&o, m, out);
}

size_t
http_serialise_response(const struct http_head *h, const struct http_outgoing *m,
			char *out, size_t cap)
{
	struct out o = {.p = out, .end = out + cap};
	const char *run = h->base;
	char line[] = "HTTP/1.1 000 ";

	line[9] = (char)('0' + h->status / 100 % 10);
	line[10] = (char)('0' + h->status / 10 % 10);
	line[11] = (char)('0' + h->status % 10);
	if (memcmp(h->base, line, sizeof(line) - 1) != 0 ||
	    h->reason.p != h->base + sizeof(line) - 1) {
		put(&o, line, sizeof(line) - 1);
		put_span(&o, h->reason);
		PUT(&o, "\r\n");
		run = fields_begin(h);
	}
	if (h->is_edited)
		put_edited_fields(&o, h, run, fields_begin(h), 0, HTTP_FIELD_OTHER);
	else
		put_fields(&o, h, run, 0, HTTP_FIELD_OTHER);
	put_own_fields(&o, m);
	return finish(&o, m, out);
}
