/* SPDX-License-Identifier: MIT
 *
 * The chunked coding, byte by byte where it is syntax, in one piece where it is data.
 * Extensions are checked against the grammar, since what one reader takes for an
 * extension another may take for a line, and then forgotten.
 */
#include "lib/http/chunk.h"

#include "lib/base/num.h"
#include "lib/http/scan.h"

enum {
	SIZE_DIGITS_MAX = 64, /* zeros in front among them */
	SIZE_LINE_MAX = 4096,
};

enum state {
	SIZE,	    /* the next digit, or what ends them */
	SPACE,	    /* BWS, only ';' may end it */
	NAME_BEGIN, /* behind ';': BWS or a name */
	NAME,
	NAME_SPACE,  /* BWS, only ';' or '=' may end it */
	VALUE_BEGIN, /* behind '=': BWS, a token or '"' */
	VALUE,
	QUOTED,
	ESCAPED,
	QUOTED_END,
	SIZE_LF,
	DATA,
	DATA_CR,
	DATA_LF,
	TRAILERS,
	ENDED,
};

void
http_chunk_init(struct http_chunk *c)
{
	*c = (struct http_chunk){.state = SIZE};
}

/* What may follow a size, a name, a value. */
static int
after_word(char ch, bool may_end, bool may_assign)
{
	if (ch == ';')
		return NAME_BEGIN;
	if (ch == '=' && may_assign)
		return VALUE_BEGIN;
	if (ch == ' ' || ch == '\t')
		return may_assign ? NAME_SPACE : SPACE;
	return ch == '\r' && may_end ? SIZE_LF : -1;
}

/* The state after `ch` in an extension (RFC 9112 7.1.1); -1: not in the grammar. */
static int
extension_step(enum state state, char ch)
{
	bool is_space = ch == ' ' || ch == '\t';

	switch ((int)state) {
	case SPACE:
		return is_space ? SPACE : after_word(ch, false, false);
	case NAME_BEGIN:
		return is_space ? NAME_BEGIN : http_is(ch, HTTP_C_TOKEN) ? NAME : -1;
	case NAME:
		return http_is(ch, HTTP_C_TOKEN) ? NAME : after_word(ch, true, true);
	case NAME_SPACE:
		return is_space ? NAME_SPACE : after_word(ch, false, true);
	case VALUE_BEGIN:
		if (is_space)
			return VALUE_BEGIN;
		return ch == '"' ? QUOTED : http_is(ch, HTTP_C_TOKEN) ? VALUE : -1;
	case VALUE:
		return http_is(ch, HTTP_C_TOKEN) ? VALUE : after_word(ch, true, false);
	case QUOTED:
		if (ch == '"')
			return QUOTED_END;
		return ch == '\\' ? ESCAPED : http_is(ch, HTTP_C_QUOTED) ? QUOTED : -1;
	case ESCAPED:
		return http_is(ch, HTTP_C_VALUE) ? QUOTED : -1;
	case QUOTED_END:
		return after_word(ch, true, false);
	}
	return -1;
}

/* One byte of a size line. Returns HTTP_REJECT_none, or why it cannot stand there. */
static enum http_reject
size_step(struct http_chunk *c, char ch)
{
	int next;

	if (c->state == SIZE_LF) {
		if (ch != '\n')
			return HTTP_REJECT_bare_cr;
		c->state = c->left ? DATA : TRAILERS;
		c->ext_bytes = c->digits = 0;
		return HTTP_REJECT_none;
	}
	if (ch == '\n')
		return HTTP_REJECT_bare_lf;
	if (c->state != SIZE) {
		next = extension_step((enum state)c->state, ch);
		if (next < 0 || ++c->ext_bytes > SIZE_LINE_MAX)
			return HTTP_REJECT_chunk_extension;
		c->state = (uint8_t)next;
		return HTTP_REJECT_none;
	}
	next = num_hex_digit(ch);
	if (next >= 0) {
		if (c->digits == SIZE_DIGITS_MAX || c->left > INT64_MAX >> 4)
			return HTTP_REJECT_chunk_size_overflow;
		c->left = c->left << 4 | (unsigned)next;
		c->digits++;
		return HTTP_REJECT_none;
	}
	next = c->digits ? after_word(ch, true, false) : -1;
	if (next < 0)
		return HTTP_REJECT_chunk_size;
	c->state = (uint8_t)next;
	return HTTP_REJECT_none;
}

/* One trailer line p[0, n) without its LF: a field line by the rules of heads. */
static bool
trailer_is_valid(const char *p, size_t n)
{
	const char *end = p + n - 1, *q; /* the CR */

	if (n == 0 || *end != '\r')
		return false;
	q = http_scan_token(p, end);
	return q > p && q < end && *q == ':' && http_scan_value(q + 1, end) == end;
}

/* The section from p on: lines are judged as they come, consumed when all are there.
 * ext_bytes is how far they have been judged. */
static enum http_chunk_result
decode_trailers(struct http_chunk *c, const char *p, size_t n, uint32_t max, size_t *used,
		struct span *data, enum http_reject *why)
{
	for (;;) {
		size_t at = c->ext_bytes;
		const char *lf = n > at ? memchr(p + at, '\n', n - at) : NULL;
		size_t line_n = lf ? (size_t)(lf - p) - at : 0;

		if ((lf ? (size_t)(lf - p) + 1 : n) > (size_t)max + 2) {
			*why = HTTP_REJECT_trailers_too_long;
			return HTTP_CHUNK_BAD;
		}
		if (!lf)
			return HTTP_CHUNK_MORE;
		if (line_n == 1 && p[at] == '\r') {
			*data = span_of(p, at);
			*used += at + 2;
			c->state = ENDED;
			return HTTP_CHUNK_END;
		}
		if (!trailer_is_valid(p + at, line_n)) {
			*why = HTTP_REJECT_trailer_invalid;
			*used += at;
			return HTTP_CHUNK_BAD;
		}
		c->ext_bytes = (uint32_t)(at + line_n + 1);
	}
}

enum http_chunk_result
http_chunk_decode(struct http_chunk *c, const char *p, size_t n,
		  const struct http_limits *limits, size_t *used, struct span *data,
		  enum http_reject *why)
{
	size_t i = 0;

	*data = span_of(NULL, 0);
	*why = HTTP_REJECT_none;
	for (; i < n; i++) {
		if (c->state == DATA) {
			size_t take = c->left < n - i ? (size_t)c->left : n - i;
			c->left -= take;
			if (c->left == 0)
				c->state = DATA_CR;
			*data = span_of(p + i, take);
			*used = i + take;
			return HTTP_CHUNK_DATA;
		}
		if (c->state >= TRAILERS)
			break;
		if (c->state == DATA_CR || c->state == DATA_LF) {
			if (p[i] != (c->state == DATA_CR ? '\r' : '\n'))
				*why = HTTP_REJECT_chunk_end;
			c->state = c->state == DATA_CR ? DATA_LF : SIZE;
		} else {
			*why = size_step(c, p[i]);
		}
		if (*why != HTTP_REJECT_none) {
			*used = i;
			return HTTP_CHUNK_BAD;
		}
	}
	*used = i;
	if (c->state == TRAILERS)
		return decode_trailers(c, p + i, n - i, limits->trailers_bytes, used,
				       data, why);
	return c->state == ENDED ? HTTP_CHUNK_END : HTTP_CHUNK_MORE;
}

/* Fields that mean something before the content is read, and so have no place behind
 * it (RFC 9110 6.5.1). */
static const struct span not_in_trailers[] = {
	{"te", 2},
	{"age", 3},
	{"via", 3},
	{"date", 4},
	{"host", 4},
	{"vary", 4},
	{"range", 5},
	{"cookie", 6},
	{"expect", 6},
	{"pragma", 6},
	{"accept", 6},
	{"origin", 6},
	{"expires", 7},
	{"referer", 7},
	{"trailer", 7},
	{"upgrade", 7},
	{"warning", 7},
	{"if-match", 8},
	{"if-range", 8},
	{"location", 8},
	{"forwarded", 9},
	{"x-real-ip", 9},
	{"connection", 10},
	{"keep-alive", 10},
	{"set-cookie", 10},
	{"retry-after", 11},
	{"content-type", 12},
	{"max-forwards", 12},
	{"authorization", 13},
	{"cache-control", 13},
	{"content-range", 13},
	{"if-none-match", 13},
	{"content-length", 14},
	{"x-forwarded-for", 15},
	{"content-encoding", 16},
	{"proxy-connection", 16},
	{"www-authenticate", 16},
	{"x-forwarded-host", 16},
	{"x-forwarded-port", 16},
	{"if-modified-since", 17},
	{"transfer-encoding", 17},
	{"x-forwarded-proto", 17},
	{"proxy-authenticate", 18},
	{"if-unmodified-since", 19},
	{"proxy-authorization", 19},
	{"authentication-info", 19},
	{"content-disposition", 19},
	{"proxy-authentication-info", 25},
	{"strict-transport-security", 25},
	{"access-control-allow-origin", 27},
};

/* Equal but for case, and for '_' which CGI and its heirs read as '-'. */
static bool
is_same_name(struct span name, struct span lower)
{
	if (name.n != lower.n)
		return false;
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i] == '_' ? '-' : (char)(name.p[i] | 0x20);
		if (c != lower.p[i])
			return false;
	}
	return true;
}

static bool
may_be_trailer(struct span name)
{
	for (size_t i = 0; i < sizeof(not_in_trailers) / sizeof(not_in_trailers[0]); i++)
		if (is_same_name(name, not_in_trailers[i]))
			return false;
	return true;
}

size_t
http_trailers_filter(struct span trailers, char *out, size_t cap)
{
	size_t n = 0;

	while (trailers.n) {
		struct span line = span_cut(&trailers, '\n');
		const char *colon = memchr(line.p, ':', line.n);
		if (!colon || !may_be_trailer(span_of(line.p, (size_t)(colon - line.p))))
			continue;
		if (cap - n < line.n + 1)
			break;
		memcpy(out + n, line.p, line.n);
		out[n + line.n] = '\n';
		n += line.n + 1;
	}
	return n;
}
