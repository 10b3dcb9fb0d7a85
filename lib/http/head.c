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

/* CGI and its heirs read '_' as '-': a server of that kind behind us would take these
 * for the fields which we have not seen. */
enum { LOOKALIKE = HTTP_FIELD_IDS_N };

/* The id of the name p[0, n), which is a token; or LOOKALIKE. */
static inline __attribute__((always_inline)) int
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
		FIELD("date", DATE);
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
		if (p[7] == '_' && http_name_is(p, "content", 7) &&
		    http_name_is(p + 8, "length", 6))
			return LOOKALIKE;
		break;
	case 15:
		FIELD("x-forwarded-for", X_FORWARDED_FOR);
		break;
	case 16:
		FIELD("proxy-connection", PROXY_CONNECTION);
		break;
	case 17:
		FIELD("transfer-encoding", TRANSFER_ENCODING);
		if (p[8] == '_' && http_name_is(p, "transfer", 8) &&
		    http_name_is(p + 9, "encoding", 8))
			return LOOKALIKE;
		break;
	}
	return HTTP_FIELD_OTHER;
#undef FIELD
}

enum http_field_id
http_field_id_of(struct span name)
{
	return (enum http_field_id)field_id(name.p, name.n);
}

/* The name is not followed by a colon, but by *q; NULL. A line that begins with CR is
 * the end of the fields, unless it is refused. */
static __attribute__((cold)) const char *
refuse_name(struct http_lines *s, const char *line, const char *q, const char *stop)
{
	if (*q == ' ' || *q == '\t')
		return http_line_refuse(s, q == line ? HTTP_REJECT_obs_fold
						     : HTTP_REJECT_space_before_colon);
	if (*q == '\n')
		return http_line_refuse(s, HTTP_REJECT_bare_lf);
	if (*q != '\r')
		return http_line_refuse(s, HTTP_REJECT_bad_field_name);
	if (stop - q < 2 || (q == line && q[1] == '\n'))
		return NULL;
	return http_line_refuse(s, q[1] == '\n' ? HTTP_REJECT_no_colon
						: HTTP_REJECT_bare_cr);
}

/* The value does not end in CRLF, but at *q; NULL. */
static __attribute__((cold)) const char *
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

/* One field line, whose bytes may be read up to `stop`. Returns the byte behind its LF,
 * or NULL; s->result and s->why say more, if the line is not merely incomplete. */
static inline __attribute__((always_inline)) const char *
parse_field(struct http_lines *s, const char *line, const char *stop,
	    struct http_field *f)
{
	const char *q = http_scan_token(line, stop), *value, *tail;
	size_t name_n = (size_t)(q - line);
	int id;

	if (q == stop)
		return NULL;
	if (__builtin_expect(*q != ':' || name_n == 0, 0))
		return refuse_name(s, line, q, stop);
	id = field_id(line, name_n);
	if (id == LOOKALIKE)
		return http_line_refuse(s, HTTP_REJECT_lookalike_name);
	f->line_off = (uint16_t)(line - s->base);
	f->name_n = (uint16_t)name_n;
	f->id = (uint8_t)id;
	f->dropped = f->deleted = f->added = 0;
	if (stop - q > 2 && q[1] == ' ' && q[2] > ' ') {
		q += 2; /* as nearly everybody writes it */
	} else {
		q++;
		while (q < stop && (*q == ' ' || *q == '\t'))
			q++;
	}
	value = q;
	f->value_off = (uint16_t)(value - s->base);
	q = http_scan_value(q, stop);
	if (__builtin_expect(stop - q < 2 || q[0] != '\r' || q[1] != '\n', 0))
		return q == stop ? NULL : refuse_value(s, q, stop);
	tail = q;
	if (tail[-1] == ' ' || tail[-1] == '\t') {
		while (tail > value && (tail[-1] == ' ' || tail[-1] == '\t'))
			tail--;
	}
	f->value_n = (uint16_t)(tail - value);
	f->line_n = (uint16_t)(q + 2 - line);
	return q + 2;
}

/* All fields from q on, and the empty line behind them. */
static const char *
parse_fields(struct http_lines *s, const char *q, const struct http_limits *limits,
	     struct http_head *h)
{
	size_t fields_max =
		limits->fields_n < HTTP_FIELDS_MAX ? limits->fields_n : HTTP_FIELDS_MAX;
	size_t line_max = limits->field_bytes;
	struct http_field *f = h->fields, *end = f + fields_max;
	const char *stop;

	h->seen = h->repeated = 0;
	h->start_bytes = (uint16_t)(q - s->base);
	h->is_edited = false;
	for (; f < end; f++) {
		const char *next;
		stop = http_line_stop(s, q, line_max);
		if (q < stop && *q == '\r')
			break;
		next = parse_field(s, q, stop, f);
		if (!next)
			break;
		q = next;
		if (f->id == HTTP_FIELD_OTHER)
			continue;
		if (h->seen & 1u << f->id) {
			h->repeated |= 1u << f->id;
		} else {
			h->seen |= 1u << f->id;
			h->first[f->id] = (uint16_t)(f - h->fields);
		}
	}
	if (s->result == HTTP_PARSE_REJECTED)
		return NULL;
	stop = http_line_stop(s, q, line_max);
	if (f == end && q < stop && *q != '\r')
		return http_line_refuse(s, HTTP_REJECT_too_many_fields);
	if (stop - q < 2 || *q != '\r')
		return http_line_ran_out(s, q, line_max, HTTP_REJECT_field_too_long);
	if (q[1] != '\n')
		return http_line_refuse(s, HTTP_REJECT_bare_cr);
	h->fields_n = (uint16_t)(f - h->fields);
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

	http_lines_begin(&s, p);
	if (n >= head_room)
		return true;
	for (;;) {
		size_t searched = line < p + from ? (size_t)(p + from - line) : 0;
		size_t left = (size_t)(p + n - line);
		lf = memchr(line + searched, '\n', left - searched);
		if (!lf)
			return left >= (size_t)limits->field_bytes + 2 ||
			       left >= (size_t)limits->request_line_bytes + 2;
		/* the start line and the empty ones are judged by the parser */
		if (line == p || *line == '\r' || *line == '\n' ||
		    !memchr(p, ' ', (size_t)(line - p)))
			return true;
		if (!parse_field(&s, line, http_line_stop(&s, line, limits->field_bytes),
				 &scrap))
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
	http_lines_begin(s, q);
	return true;
}

/* A head of either kind. */
static inline __attribute__((always_inline)) enum http_parse
parse_head(const char *p, size_t n, size_t from, const struct http_limits *limits,
	   bool is_request, struct http_head *h, enum http_reject *why)
{
	struct http_lines s = {.end = p + n,
			       .head_room = head_room_of(limits),
			       .result = HTTP_PARSE_INCOMPLETE};
	const char *q;

	http_lines_begin(&s, p);
	if (from && !is_worth_parsing(p, n, from, limits, s.head_room))
		return HTTP_PARSE_INCOMPLETE;
	if (is_request && n && (*p == '\r' || *p == '\n') && !skip_empty_lines(&s))
		goto out;
	h->base = s.base;
	h->skipped = (uint32_t)(s.base - p);
	q = is_request ? http_request_line(&s, s.base, limits->request_line_bytes, h)
		       : http_status_line(&s, s.base, s.head_room, h);
	if (q && parse_fields(&s, q, limits, h))
		return HTTP_PARSE_OK;
out:
	*why = s.why;
	return s.result;
}

enum http_parse
http_head_parse_request(const char *p, size_t n, size_t from,
			const struct http_limits *limits, struct http_head *h,
			enum http_reject *why)
{
	enum http_parse r;

	h->method = HTTP_METHOD_OTHER;
	r = parse_head(p, n, from, limits, true, h, why);
	if (r != HTTP_PARSE_OK)
		return r;
	if (h->target_form == HTTP_TARGET_AUTHORITY && !limits->allow_connect) {
		*why = HTTP_REJECT_connect_refused;
		return HTTP_PARSE_REJECTED;
	}
	if (!h->authority.p)
		h->authority = http_head_value(h, HTTP_FIELD_HOST);
	return HTTP_PARSE_OK;
}

enum http_parse
http_head_parse_response(const char *p, size_t n, size_t from,
			 const struct http_limits *limits, struct http_head *h,
			 enum http_reject *why)
{
	h->authority = span_of(NULL, 0);
	return parse_head(p, n, from, limits, false, h, why);
}

int
http_head_find(const struct http_head *h, struct span name, unsigned from)
{
	return http_head_find_id(h, http_field_id_of(name), name, from);
}

int
http_head_scan_id(const struct http_head *h, enum http_field_id id, unsigned from)
{
	for (unsigned i = from > h->first[id] ? from : h->first[id]; i < h->fields_n; i++)
		if (h->fields[i].id == id && !h->fields[i].deleted)
			return (int)i;
	return -1;
}

int
http_head_scan(const struct http_head *h, struct span name, unsigned from)
{
	const struct http_field *f = h->fields + from, *end = h->fields + h->fields_n;
	for (; f < end; f++)
		if (f->name_n == name.n && !f->deleted &&
		    span_ieq(http_field_name(h, f), name))
			return (int)(f - h->fields);
	return -1;
}

bool
http_auth_binds_connection(struct span value)
{
	static const struct span schemes[] = {{"NTLM", 4}, {"Negotiate", 9}};
	for (size_t i = 0; i < 2; i++)
		if (value.n >= schemes[i].n &&
		    span_ieq(span_of(value.p, schemes[i].n), schemes[i]))
			return true;
	return false;
}

struct span
http_head_value(const struct http_head *h, enum http_field_id id)
{
	if (!(h->seen & 1u << id))
		return span_of(NULL, 0);
	return http_field_value(h, &h->fields[h->first[id]]);
}

void
http_head_moved(struct http_head *h, const char *base, char *edits)
{
	struct span *spans[] = {&h->method_text, &h->target,	&h->path,
				&h->query,	 &h->authority, &h->reason};
	for (size_t i = 0; i < sizeof(spans) / sizeof(spans[0]); i++) {
		const char **p = &spans[i]->p;
		if (*p && *p >= h->base && *p <= h->base + h->bytes)
			*p = base + (*p - h->base);
		else if (*p && h->is_edited && *p >= h->edits &&
			 *p <= h->edits + h->edits_n)
			*p = edits + (*p - h->edits);
	}
	h->base = base;
	if (h->is_edited)
		h->edits = edits;
}
