/* SPDX-License-Identifier: MIT
 *
 * The head parser: lines into a table of offsets, and the names of the fields the proxy
 * looks at. One pass over the bytes; h is filled as far as it is used, never cleared.
 */
#include "lib/http/head.h"

#include "lib/http/lines.h"
#include "lib/http/scan.h"

/* RFC 9112 2.2 asks to ignore at least one empty line before a request. */
enum { EMPTY_LINES_MAX = 4 };

static const struct {
	int status;
	const char *word, *text;
} rejects[] = {
#define REJECT(id, status, text) {status, #id, text},
#include "lib/http/reject.def"
#undef REJECT
};

int
http_reject_status(enum http_reject r)
{
	return rejects[r].status;
}

const char *
http_reject_word(enum http_reject r)
{
	return rejects[r].word;
}

const char *
http_reject_text(enum http_reject r)
{
	return rejects[r].text;
}

bool
http_method_is_idempotent(enum http_method m)
{
	return m == HTTP_METHOD_GET || m == HTTP_METHOD_HEAD || m == HTTP_METHOD_PUT ||
	       m == HTTP_METHOD_DELETE || m == HTTP_METHOD_OPTIONS ||
	       m == HTTP_METHOD_TRACE;
}

/* The id of the name p[0, n), which is a token. */
static inline enum http_field_id
field_id(const char *p, size_t n)
{
#define FIELD(name, id)                              \
	if (http_name_is(p, name, sizeof(name) - 1)) \
	return HTTP_FIELD_##id
	switch (n) {
	case 2:
		FIELD("te", TE);
		break;
	case 3:
		FIELD("via", VIA);
		break;
	case 4:
		FIELD("host", HOST);
		break;
	case 6:
		FIELD("expect", EXPECT);
		break;
	case 7:
		FIELD("upgrade", UPGRADE);
		FIELD("trailer", TRAILER);
		break;
	case 10:
		FIELD("connection", CONNECTION);
		FIELD("keep-alive", KEEP_ALIVE);
		break;
	case 12:
		FIELD("max-forwards", MAX_FORWARDS);
		break;
	case 13:
		FIELD("authorization", AUTHORIZATION);
		break;
	case 14:
		FIELD("content-length", CONTENT_LENGTH);
		break;
	case 15:
		FIELD("x-forwarded-for", X_FORWARDED_FOR);
		break;
	case 16:
		FIELD("proxy-connection", PROXY_CONNECTION);
		break;
	case 17:
		FIELD("transfer-encoding", TRANSFER_ENCODING);
		break;
	}
	return HTTP_FIELD_OTHER;
#undef FIELD
}

/* CGI and its heirs read '_' as '-': a server of that kind behind us would take these
 * for the fields which we have not seen. */
static inline bool
is_lookalike(const char *p, size_t n)
{
	return (n == 14 && p[7] == '_' && http_name_is(p, "content", 7) &&
		http_name_is(p + 8, "length", 6)) ||
	       (n == 17 && p[8] == '_' && http_name_is(p, "transfer", 8) &&
		http_name_is(p + 9, "encoding", 8));
}

/* The name is not followed by a colon, but by *q. */
static const char *
refuse_name(struct http_lines *s, const char *line, const char *q, const char *stop)
{
	if (*q == ' ' || *q == '\t')
		return http_line_refuse(s, q == line ? HTTP_REJECT_obs_fold
						     : HTTP_REJECT_space_before_colon);
	if (*q == '\n')
		return http_line_refuse(s, HTTP_REJECT_bare_lf);
	if (*q != '\r')
		return http_line_refuse(s, HTTP_REJECT_bad_field_name);
	if (stop - q < 2)
		return NULL;
	return http_line_refuse(s, q[1] == '\n' ? HTTP_REJECT_no_colon
						: HTTP_REJECT_bare_cr);
}

/* The value does not end in CRLF, but at *q. */
static const char *
refuse_value(struct http_lines *s, const char *q, const char *stop)
{
	if (*q == '\n')
		return http_line_refuse(s, HTTP_REJECT_bare_lf);
	if (*q != '\r')
		return http_line_refuse(s, HTTP_REJECT_bad_field_value);
	if (stop - q < 2)
		return NULL;
	return http_line_refuse(s, HTTP_REJECT_bare_cr);
}

/* One field line, which does not begin with CR. Returns the byte behind its LF. */
static inline const char *
parse_field(struct http_lines *s, const char *line, size_t max, struct http_field *f)
{
	const char *stop = http_line_stop(s, line, max);
	const char *q = http_scan_token(line, stop), *value, *tail;

	if (q == stop)
		goto ran_out;
	if (*q != ':' || q == line) {
		refuse_name(s, line, q, stop);
		goto failed;
	}
	f->line_off = (uint16_t)(line - s->base);
	f->name_n = (uint16_t)(q - line);
	f->id = (uint8_t)field_id(line, f->name_n);
	f->dropped = 0;
	q++;
	while (q < stop && (*q == ' ' || *q == '\t'))
		q++;
	value = q;
	q = http_scan_value(q, stop);
	if (stop - q < 2 || q[0] != '\r' || q[1] != '\n') {
		if (q == stop)
			goto ran_out;
		refuse_value(s, q, stop);
		goto failed;
	}
	tail = q;
	while (tail > value && (tail[-1] == ' ' || tail[-1] == '\t'))
		tail--;
	f->value_off = (uint16_t)(value - s->base);
	f->value_n = (uint16_t)(tail - value);
	f->line_n = (uint16_t)(q + 2 - line);
	if (is_lookalike(line, f->name_n))
		return http_line_refuse(s, HTTP_REJECT_lookalike_name);
	return q + 2;
failed:
	if (s->result == HTTP_PARSE_REJECTED)
		return NULL;
ran_out:
	return http_line_ran_out(s, line, max, HTTP_REJECT_field_too_long);
}

/* All fields from q on, and the empty line behind them. */
static const char *
parse_fields(struct http_lines *s, const char *q, const struct http_limits *limits,
	     struct http_head *h)
{
	size_t fields_max =
		limits->fields_n < HTTP_FIELDS_MAX ? limits->fields_n : HTTP_FIELDS_MAX;
	size_t line_max = limits->field_bytes;
	unsigned n = 0;

	h->seen = h->repeated = 0;
	for (;; n++) {
		struct http_field *f = &h->fields[n];
		const char *stop = http_line_stop(s, q, line_max);
		if (q == stop || (*q == '\r' && stop - q < 2))
			return http_line_ran_out(s, q, line_max,
						 HTTP_REJECT_field_too_long);
		if (*q == '\r')
			break;
		if (n == fields_max)
			return http_line_refuse(s, HTTP_REJECT_too_many_fields);
		q = parse_field(s, q, line_max, f);
		if (!q)
			return NULL;
		if (f->id == HTTP_FIELD_OTHER)
			continue;
		if (h->seen & 1u << f->id) {
			h->repeated |= 1u << f->id;
		} else {
			h->seen |= 1u << f->id;
			h->first[f->id] = (uint16_t)n;
		}
	}
	if (q[1] != '\n')
		return http_line_refuse(s, HTTP_REJECT_bare_cr);
	h->fields_n = (uint16_t)n;
	h->bytes = (uint32_t)(q + 2 - s->base);
	return q + 2;
}

/* Whether a parse from the start can say more than INCOMPLETE, when p[0, from) could
 * not: only what a new line end, or a limit, decides. Looks at the new bytes and the
 * line they stand in, so that a head which comes byte by byte costs linear time. */
static bool
is_worth_parsing(const char *p, size_t n, size_t from, const struct http_limits *limits,
		 size_t head_room)
{
	const char *lf = memrchr(p, '\n', from);
	const char *line = lf ? lf + 1 : p;
	struct http_lines s = {.base = p, .end = p + n, .head_room = head_room};
	struct http_field scrap;

	if (n >= head_room)
		return true;
	for (;;) {
		size_t searched = line < p + from ? (size_t)(p + from - line) : 0;
		size_t left = (size_t)(p + n - line);
		lf = memchr(line + searched, '\n', left - searched);
		if (!lf)
			return left >= limits->field_bytes + 2 ||
			       left >= limits->request_line_bytes + 2;
		/* the start line and the empty ones are judged by the parser */
		if (line == p || *line == '\r' || *line == '\n' ||
		    !memchr(p, ' ', (size_t)(line - p)))
			return true;
		if (!parse_field(&s, line, limits->field_bytes, &scrap))
			return true;
		line = lf + 1;
	}
}

static size_t
head_room_of(const struct http_limits *limits)
{
	return limits->head_bytes < HTTP_HEAD_BYTES_MAX ? limits->head_bytes
							: HTTP_HEAD_BYTES_MAX;
}

/* Skips the empty lines before a request; false: the parse ends with s->result. */
static bool
skip_empty_lines(struct http_lines *s)
{
	const char *q = s->base;

	for (int i = 0; q < s->end && (*q == '\r' || *q == '\n'); i++) {
		if (*q == '\n') {
			http_line_refuse(s, HTTP_REJECT_bare_lf);
			return false;
		}
		if (s->end - q < 2)
			return false;
		if (q[1] != '\n' || i == EMPTY_LINES_MAX) {
			http_line_refuse(s, q[1] == '\n' ? HTTP_REJECT_bad_request_line
							 : HTTP_REJECT_bare_cr);
			return false;
		}
		q += 2;
	}
	s->base = q;
	return true;
}

enum http_parse
http_head_parse_request(const char *p, size_t n, size_t from,
			const struct http_limits *limits, struct http_head *h,
			enum http_reject *why)
{
	struct http_lines s = {.base = p,
			       .end = p + n,
			       .head_room = head_room_of(limits),
			       .result = HTTP_PARSE_INCOMPLETE};
	const char *q;

	if (from && !is_worth_parsing(p, n, from, limits, s.head_room))
		return HTTP_PARSE_INCOMPLETE;
	if (n && (*p == '\r' || *p == '\n') && !skip_empty_lines(&s))
		goto out;
	h->base = s.base;
	h->skipped = (uint32_t)(s.base - p);
	q = http_request_line(&s, s.base, limits->request_line_bytes, h);
	if (q)
		q = parse_fields(&s, q, limits, h);
	if (!q)
		goto out;
	if (h->target_form == HTTP_TARGET_AUTHORITY && !limits->allow_connect) {
		http_line_refuse(&s, HTTP_REJECT_connect_refused);
		goto out;
	}
	if (!h->authority.p)
		h->authority = http_head_value(h, HTTP_FIELD_HOST);
	return HTTP_PARSE_OK;
out:
	*why = s.why;
	return s.result;
}

enum http_parse
http_head_parse_response(const char *p, size_t n, size_t from,
			 const struct http_limits *limits, struct http_head *h,
			 enum http_reject *why)
{
	struct http_lines s = {.base = p,
			       .end = p + n,
			       .head_room = head_room_of(limits),
			       .result = HTTP_PARSE_INCOMPLETE};
	const char *q;

	if (from && !is_worth_parsing(p, n, from, limits, s.head_room))
		return HTTP_PARSE_INCOMPLETE;
	h->base = p;
	h->skipped = 0;
	q = http_status_line(&s, p, s.head_room, h);
	if (q)
		q = parse_fields(&s, q, limits, h);
	if (q)
		return HTTP_PARSE_OK;
	*why = s.why;
	return s.result;
}

int
http_head_find(const struct http_head *h, struct span name, unsigned from)
{
	for (unsigned i = from; i < h->fields_n; i++)
		if (h->fields[i].name_n == name.n &&
		    span_ieq(http_field_name(h, &h->fields[i]), name))
			return (int)i;
	return -1;
}

struct span
http_head_value(const struct http_head *h, enum http_field_id id)
{
	if (!(h->seen & 1u << id))
		return span_of(NULL, 0);
	return http_field_value(h, &h->fields[h->first[id]]);
}
