/* SPDX-License-Identifier: MIT
 *
 * Writing a format: logs, field values, bodies. No allocation; what does not fit is cut.
 */
#include "lib/base/addr.h"
#include "lib/base/num.h"
#include "lib/base/utf8.h"
#include "lib/expr/format_items.h"

struct out {
	char *at, *end;
};

static inline size_t
room(const struct out *o)
{
	return (size_t)(o->end - o->at);
}

static void
put(struct out *o, const char *p, size_t n)
{
	if (n > room(o))
		n = room(o);
	if (n == 0)
		return; /* p may be null */
	memcpy(o->at, p, n);
	o->at += n;
}

static inline void
put_char(struct out *o, char c)
{
	if (o->at < o->end)
		*o->at++ = c;
}

static const char hex_digits[] = "0123456789ABCDEF";

/* Bytes that are written as a mark and two digits instead of themselves; nearly all of a
 * text are between '$' and '~'. */
static inline bool
is_odd(enum format_use use, unsigned char c)
{
	if ((unsigned char)(c - '$') <= '~' - '$')
		return false;
	if (use == FORMAT_LOG)
		return c < 32 || c >= 127 || c == '"' || c == '#';
	return (c < 32 && c != '\t') || c == 127;
}

/* The first byte at or after p that may be odd, whatever the use; nearly always the end.
 * Steps of a constant size are what compilers make vectors of. */
static const char *
find_odd(const char *p, const char *end)
{
	enum { STEP = 16 };
	for (; end - p >= STEP; p += STEP) {
		unsigned char any = 0;
		for (int i = 0; i < STEP; i++)
			any |= ((signed char)p[i] < 32) | (p[i] == 127) | (p[i] == '"') |
			       (p[i] == '#');
		if (any)
			break;
	}
	while (p < end && !is_odd(FORMAT_LOG, (unsigned char)*p))
		p++;
	return p;
}

static void
put_encoded(struct out *o, enum format_use use, struct span s)
{
	const char *end = s.p + s.n, *start = s.p;
	for (const char *p = s.p; (p = find_odd(p, end)) < end; p++) {
		unsigned char c = (unsigned char)*p;
		if (!is_odd(use, c))
			continue;
		char code[3] = {use == FORMAT_LOG ? '#' : '%', hex_digits[c >> 4],
				hex_digits[c & 15]};
		put(o, start, (size_t)(p - start));
		put(o, code, 3);
		start = p + 1;
	}
	put(o, start, (size_t)(end - start));
}

/* RFC 5424 6.3.3; what is not printable as #XX. */
static void
put_escaped(struct out *o, struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (c == '"' || c == '\\' || c == ']') {
			put_char(o, '\\');
			put_char(o, s.p[i]);
		} else {
			put_encoded(o, FORMAT_LOG, span_of(s.p + i, 1));
		}
	}
}

/* A JSON string (RFC 8259 7); bytes that are not UTF-8 as \u00XX. */
static void
put_json_text(struct out *o, struct span s)
{
	put_char(o, '"');
	for (size_t i = 0, n; i < s.n; i += n) {
		unsigned char c = (unsigned char)s.p[i];
		n = utf8_length(s.p + i, s.n - i);
		if (n == 0 || c < 32 || c == 127) {
			char code[6] = {'\\',
					'u',
					'0',
					'0',
					hex_digits[c >> 4],
					hex_digits[c & 15]};
			put(o, code, 6);
			n = 1;
			continue;
		}
		if (c == '"' || c == '\\')
			put_char(o, '\\');
		put(o, s.p + i, n);
	}
	put_char(o, '"');
}

static void
put_long(struct out *o, int64_t v)
{
	enum { DIGITS_MAX = 20 };
	char digits[DIGITS_MAX];
	uint64_t size = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
	if (v < 0)
		put_char(o, '-');
	if (room(o) >= DIGITS_MAX)
		o->at += num_put(o->at, size);
	else
		put(o, digits, num_put(digits, size));
}

/* Most numbers of a log are times and counts of one digit. */
static inline void
put_int(struct out *o, int64_t v)
{
	if (v >= 0 && v < 10)
		put_char(o, (char)('0' + v));
	else
		put_long(o, v);
}

static void
put_ipv4(struct out *o, const struct in_addr *a)
{
	enum { IPV4_TEXT_BYTES = 15 };
	char text[IPV4_TEXT_BYTES];
	if (room(o) >= IPV4_TEXT_BYTES)
		o->at += addr_put_ipv4(o->at, a);
	else
		put(o, text, addr_put_ipv4(text, a));
}

/* At least `width` digits. */
static void
put_hex(struct out *o, uint64_t v, unsigned width)
{
	char digits[16];
	unsigned n = 0;
	for (; v || n < width; v >>= 4)
		digits[n++] = hex_digits[v & 15];
	while (n)
		put_char(o, digits[--n]);
}

static void
put_hex_bytes(struct out *o, const void *p, size_t n)
{
	const unsigned char *bytes = p;
	for (size_t i = 0; i < n; i++)
		put_hex(o, bytes[i], 2);
}

static void
put_sample_hex(struct out *o, const struct expr_sample *s)
{
	switch ((enum expr_type)s->type) {
	case EXPR_IPV4:
		put_hex_bytes(o, &s->ipv4, sizeof(s->ipv4));
		break;
	case EXPR_IPV6:
		put_hex_bytes(o, &s->ipv6, sizeof(s->ipv6));
		break;
	default:
		put_hex(o, (uint64_t)s->integer, 4);
	}
}

static bool
is_text(const struct expr_sample *s)
{
	return s->type == EXPR_STR || s->type == EXPR_BIN || s->type == EXPR_METHOD;
}

static inline void
put_text(struct out *o, enum format_use use, unsigned flags, struct span s)
{
	if (flags & FORMAT_BIN || use == FORMAT_BYTES)
		put(o, s.p, s.n);
	else if (flags & FORMAT_ESCAPE)
		put_escaped(o, s);
	else
		put_encoded(o, use, s);
}

static inline bool
evaluate(const struct format_item *item, const struct expr_context *c,
	 struct expr_sample *s)
{
	if (item->kind == FORMAT_IS_EXPR)
		return expr_eval(item->program, c, EXPR_ANY, s);
	*s = (struct expr_sample){0};
	return c->host->aliases[item->alias](c, NULL, s);
}

/* An expression that is empty counts as missing; an alias knows better. */
static bool
is_missing(const struct format_item *item, const struct expr_sample *s)
{
	return item->kind == FORMAT_IS_EXPR && is_text(s) && s->str.n == 0;
}

static inline void
put_missing(struct out *o, enum format_use use)
{
	if (use == FORMAT_LOG)
		put_char(o, '-');
}

/* %hrl, %hsl: an empty one shows as '-' without quotes. */
static void
put_list(struct out *o, enum format_use use, unsigned flags, struct span s)
{
	bool quotes = flags & FORMAT_QUOTE;
	for (size_t at = 0; at < s.n;) {
		const char *end = memchr(s.p + at, '\n', s.n - at);
		struct span line = span_of(s.p + at, (size_t)(end - s.p) - at);
		if (at)
			put_char(o, ' ');
		if (quotes)
			put_char(o, '"');
		else if (!line.n)
			put_char(o, '-');
		put_text(o, use, flags, line);
		if (quotes)
			put_char(o, '"');
		at += line.n + 1;
	}
}

static inline void
put_value(struct out *o, enum format_use use, unsigned flags,
	  const struct expr_context *c, struct expr_sample *s)
{
	bool keeps_bytes = flags & FORMAT_BIN || use == FORMAT_BYTES;
	if (flags & FORMAT_HEX && !is_text(s))
		put_sample_hex(o, s);
	else if (s->type == EXPR_INT)
		put_int(o, s->integer);
	else if (s->type == EXPR_IPV4)
		put_ipv4(o, &s->ipv4);
	else if ((is_text(s) && keeps_bytes) || expr_cast(c, s, EXPR_STR))
		put_text(o, use, flags, s->str);
}

static void
write_flagged(struct out *o, enum format_use use, const struct format_item *item,
	      const struct expr_context *c)
{
	struct expr_sample s;
	bool is_there = evaluate(item, c, &s) && !is_missing(item, &s);
	bool quotes = item->flags & FORMAT_QUOTE;
	if (item->flags & FORMAT_LIST) {
		put_list(o, use, item->flags, s.str);
		return;
	}
	if (!is_there && !quotes) {
		put_missing(o, use);
		return;
	}
	if (quotes)
		put_char(o, '"');
	if (is_there)
		put_value(o, use, item->flags, c, &s);
	if (quotes)
		put_char(o, '"');
}

static void
write_plain(struct out *o, enum format_use use, const struct format_item *item,
	    const struct expr_context *c)
{
	struct expr_sample s;
	if (evaluate(item, c, &s) && !is_missing(item, &s))
		put_value(o, use, 0, c, &s);
	else
		put_missing(o, use);
}

/* A text of several items, as one string. */
static void
write_nested(struct out *o, const struct format *f, const struct expr_context *c)
{
	enum { NESTED_BYTES_MAX = 4096 };
	char *text = expr_scratch_take(c->scratch, NESTED_BYTES_MAX);
	size_t n = text ? format_write(f, c, text, NESTED_BYTES_MAX) : 0;
	put_json_text(o, span_of(text, n));
}

/* A number, true or false, null, or a string. */
static void
write_json(struct out *o, const struct format_item *item, const struct expr_context *c)
{
	struct expr_sample s;
	bool is_there = evaluate(item, c, &s);
	if (is_there && item->as != EXPR_ANY)
		is_there = expr_cast(c, &s, (enum expr_type)item->as);
	if (!is_there)
		put(o, "null", 4);
	else if (s.type == EXPR_BOOL)
		put(o, s.integer ? "true" : "false", s.integer ? 4 : 5);
	else if (s.type == EXPR_INT)
		put_int(o, s.integer);
	else if (is_text(&s) || expr_cast(c, &s, EXPR_STR))
		put_json_text(o, s.str);
	else
		put(o, "null", 4);
}

static void
write_object(struct out *o, const struct format *f, const struct expr_context *c)
{
	bool is_first = true;
	put_char(o, '{');
	for (size_t i = 0; i < f->n; i++) {
		if (!f->items[i].name.n)
			continue;
		if (!is_first)
			put(o, ", ", 2);
		is_first = false;
		put_json_text(o, f->items[i].name);
		put(o, ": ", 2);
		size_t mark = c->scratch->used;
		if (f->items[i].kind == FORMAT_IS_FORMAT)
			write_nested(o, f->items[i].nested, c);
		else
			write_json(o, &f->items[i], c);
		c->scratch->used = mark;
	}
	put_char(o, '}');
}

static inline void
put_before(struct out *o, struct span text)
{
	if (text.n > FORMAT_PAD || room(o) < FORMAT_PAD) {
		put(o, text.p, text.n);
		return;
	}
	if (text.n)
		memcpy(o->at, text.p, FORMAT_PAD);
	o->at += text.n;
}

size_t
format_write(const struct format *f, const struct expr_context *c, char *out, size_t cap)
{
	struct out o = {.at = out, .end = out + cap};
	size_t mark = c->scratch->used;
	bool is_behind_blank = false; /* of the format; in logs two that meet are one */
	if (f->is_json) {
		write_object(&o, f, c);
		return (size_t)(o.at - out);
	}
	for (size_t i = 0; i < f->n; i++) {
		const struct format_item *item = &f->items[i];
		struct span text = item->before;
		if (is_behind_blank && text.n && text.p[0] == ' ')
			text = span_of(text.p + 1, text.n - 1);
		put_before(&o, text);
		const char *start = o.at;
		if (item->kind == FORMAT_IS_END)
			break;
		if (!item->flags)
			write_plain(&o, f->use, item, c);
		else if (item->flags & FORMAT_JSON)
			write_json(&o, item, c);
		else
			write_flagged(&o, f->use, item, c);
		c->scratch->used = mark;
		if (o.at > start)
			is_behind_blank = false;
		else if (text.n)
			is_behind_blank =
				f->use == FORMAT_LOG && text.p[text.n - 1] == ' ';
	}
	return (size_t)(o.at - out);
}
