/* SPDX-License-Identifier: MIT
 *
 * Writing a format: logs, field values, bodies. No allocation; what does not fit is cut.
 */
#include "lib/base/addr.h"
#include "lib/base/num.h"
#include "lib/base/utf8.h"
#include "lib/expr/format_items.h"

/* Each writes at `at` and returns where the next one writes. */

static inline char *
put(char *at, const char *end, const char *p, size_t n)
{
	if (n > (size_t)(end - at))
		n = (size_t)(end - at);
	if (n == 0)
		return at; /* p may be null */
	memcpy(at, p, n);
	return at + n;
}

static inline char *
put_char(char *at, const char *end, char c)
{
	if (at < end)
		*at++ = c;
	return at;
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

/* Whether one of the 16 bytes at p may be odd, whatever the use. A loop of a constant
 * size is what compilers make a vector of. */
enum { STEP = 16 };
static inline bool
has_odd(const char *p)
{
	unsigned char any = 0;
	for (int i = 0; i < STEP; i++)
		any |= ((signed char)p[i] < 32) | (p[i] == 127) | (p[i] == '"') |
		       (p[i] == '#');
	return any;
}

/* The first byte at or after p that may be odd; nearly always the end. */
static const char *
find_odd(const char *p, const char *end)
{
	if (end - p >= STEP) {
		while (end - p > STEP && !has_odd(p))
			p += STEP;
		if (end - p <= STEP && !has_odd(end - STEP))
			return end;
	}
	while (p < end && !is_odd(FORMAT_LOG, (unsigned char)*p))
		p++;
	return p;
}

/* That has an odd byte at p. */
static __attribute__((noinline)) char *
put_odd(char *at, const char *end, enum format_use use, struct span s, const char *p)
{
	const char *stop = s.p + s.n, *start = s.p;
	for (; p < stop; p = find_odd(p + 1, stop)) {
		unsigned char c = (unsigned char)*p;
		if (!is_odd(use, c))
			continue;
		char code[3] = {use == FORMAT_LOG ? '#' : '%', hex_digits[c >> 4],
				hex_digits[c & 15]};
		at = put(at, end, start, (size_t)(p - start));
		at = put(at, end, code, 3);
		start = p + 1;
	}
	return put(at, end, start, (size_t)(stop - start));
}

static inline char *
put_encoded(char *at, const char *end, enum format_use use, struct span s)
{
	const char *odd = find_odd(s.p, s.p + s.n);
	return odd == s.p + s.n ? put(at, end, s.p, s.n) : put_odd(at, end, use, s, odd);
}

/* RFC 5424 6.3.3; what is not printable as #XX. */
static __attribute__((noinline)) char *
put_escaped(char *at, const char *end, struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (c == '"' || c == '\\' || c == ']') {
			at = put_char(at, end, '\\');
			at = put_char(at, end, s.p[i]);
		} else {
			at = put_encoded(at, end, FORMAT_LOG, span_of(s.p + i, 1));
		}
	}
	return at;
}

/* A JSON string (RFC 8259 7); bytes that are not UTF-8 as \u00XX. */
static char *
put_json_text(char *at, const char *end, struct span s)
{
	at = put_char(at, end, '"');
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
			at = put(at, end, code, 6);
			n = 1;
			continue;
		}
		if (c == '"' || c == '\\')
			at = put_char(at, end, '\\');
		at = put(at, end, s.p + i, n);
	}
	return put_char(at, end, '"');
}

enum { DIGITS_MAX = 20 };

/* A negative number, or one for which there may be no room. */
static __attribute__((noinline)) char *
put_long(char *at, const char *end, int64_t v)
{
	char digits[DIGITS_MAX];
	if (v < 0)
		at = put_char(at, end, '-');
	return put(at, end, digits,
		   num_put(digits, v < 0 ? 0 - (uint64_t)v : (uint64_t)v));
}

/* Most numbers of a log are times and counts of one digit. */
static inline char *
put_int(char *at, const char *end, int64_t v)
{
	if (v < 0 || end - at < DIGITS_MAX)
		return put_long(at, end, v);
	if (v >= 10)
		return at + num_put(at, (uint64_t)v);
	*at = (char)('0' + v);
	return at + 1;
}

static inline char *
put_ipv4(char *at, const char *end, const struct in_addr *a)
{
	enum { IPV4_TEXT_BYTES = 15 };
	char text[IPV4_TEXT_BYTES];
	if (end - at >= IPV4_TEXT_BYTES)
		return at + addr_put_ipv4(at, a);
	return put(at, end, text, addr_put_ipv4(text, a));
}

/* At least `width` digits. */
static char *
put_hex(char *at, const char *end, uint64_t v, unsigned width)
{
	char digits[16];
	unsigned n = 0;
	for (; v || n < width; v >>= 4)
		digits[n++] = hex_digits[v & 15];
	while (n)
		at = put_char(at, end, digits[--n]);
	return at;
}

static char *
put_hex_bytes(char *at, const char *end, const void *p, size_t n)
{
	const unsigned char *bytes = p;
	for (size_t i = 0; i < n; i++)
		at = put_hex(at, end, bytes[i], 2);
	return at;
}

static __attribute__((noinline)) char *
put_sample_hex(char *at, const char *end, const struct expr_sample *s)
{
	switch ((enum expr_type)s->type) {
	case EXPR_IPV4:
		return put_hex_bytes(at, end, &s->ipv4, sizeof(s->ipv4));
	case EXPR_IPV6:
		return put_hex_bytes(at, end, &s->ipv6, sizeof(s->ipv6));
	default:
		return put_hex(at, end, (uint64_t)s->integer, 4);
	}
}

static bool
is_text(const struct expr_sample *s)
{
	return s->type == EXPR_STR || s->type == EXPR_BIN || s->type == EXPR_METHOD;
}

static inline __attribute__((always_inline)) char *
put_text(char *at, const char *end, enum format_use use, unsigned flags, struct span s)
{
	if (flags & FORMAT_BIN || use == FORMAT_BYTES)
		return put(at, end, s.p, s.n);
	if (flags & FORMAT_ESCAPE)
		return put_escaped(at, end, s);
	return put_encoded(at, end, use, s);
}

static inline __attribute__((always_inline)) bool
evaluate(const struct format_item *item, const struct expr_context *c,
	 struct expr_sample *s)
{
	if (__builtin_expect(item->kind == FORMAT_IS_EXPR, 0))
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

static inline char *
put_missing(char *at, const char *end, enum format_use use)
{
	return use == FORMAT_LOG ? put_char(at, end, '-') : at;
}

/* %hrl, %hsl: an empty one shows as '-' without quotes. */
static char *
put_list(char *at, const char *end, enum format_use use, unsigned flags, struct span s)
{
	bool quotes = flags & FORMAT_QUOTE;
	for (size_t i = 0; i < s.n;) {
		const char *lf = memchr(s.p + i, '\n', s.n - i);
		struct span line = span_of(s.p + i, (size_t)(lf - s.p) - i);
		if (i)
			at = put_char(at, end, ' ');
		if (quotes)
			at = put_char(at, end, '"');
		else if (!line.n)
			at = put_char(at, end, '-');
		at = put_text(at, end, use, flags, line);
		if (quotes)
			at = put_char(at, end, '"');
		i += line.n + 1;
	}
	return at;
}

static inline __attribute__((always_inline)) char *
put_value(char *at, const char *end, enum format_use use, unsigned flags,
	  const struct expr_context *c, struct expr_sample *s)
{
	bool keeps_bytes = flags & FORMAT_BIN || use == FORMAT_BYTES;
	if (flags & FORMAT_HEX && !is_text(s))
		return put_sample_hex(at, end, s);
	if (s->type == EXPR_INT)
		return put_int(at, end, s->integer);
	if (s->type == EXPR_IPV4)
		return put_ipv4(at, end, &s->ipv4);
	if ((is_text(s) && keeps_bytes) || expr_cast(c, s, EXPR_STR))
		return put_text(at, end, use, flags, s->str);
	return at;
}

static __attribute__((noinline)) char *
write_flagged(char *at, const char *end, enum format_use use,
	      const struct format_item *item, const struct expr_context *c)
{
	struct expr_sample s;
	bool is_there = evaluate(item, c, &s) && !is_missing(item, &s);
	bool quotes = item->flags & FORMAT_QUOTE;
	if (item->flags & FORMAT_LIST)
		return put_list(at, end, use, item->flags, s.str);
	if (!is_there && !quotes)
		return put_missing(at, end, use);
	if (quotes)
		at = put_char(at, end, '"');
	if (is_there)
		at = put_value(at, end, use, item->flags, c, &s);
	return quotes ? put_char(at, end, '"') : at;
}

static inline char *
write_plain(char *at, const char *end, enum format_use use,
	    const struct format_item *item, const struct expr_context *c)
{
	struct expr_sample s;
	if (evaluate(item, c, &s) && !is_missing(item, &s))
		return put_value(at, end, use, 0, c, &s);
	return put_missing(at, end, use);
}

/* A text of several items, as one string. */
static char *
write_nested(char *at, const char *end, const struct format *f,
	     const struct expr_context *c)
{
	enum { NESTED_BYTES_MAX = 4096 };
	char *text = expr_scratch_take(c->scratch, NESTED_BYTES_MAX);
	size_t n = text ? format_write(f, c, text, NESTED_BYTES_MAX) : 0;
	return put_json_text(at, end, span_of(text, n));
}

/* A number, true or false, null, or a string. */
static __attribute__((noinline)) char *
write_json(char *at, const char *end, const struct format_item *item,
	   const struct expr_context *c)
{
	struct expr_sample s;
	bool is_there = evaluate(item, c, &s);
	if (is_there && item->as != EXPR_ANY)
		is_there = expr_cast(c, &s, (enum expr_type)item->as);
	if (!is_there)
		return put(at, end, "null", 4);
	if (s.type == EXPR_BOOL)
		return put(at, end, s.integer ? "true" : "false", s.integer ? 4 : 5);
	if (s.type == EXPR_INT)
		return put_int(at, end, s.integer);
	if (is_text(&s) || expr_cast(c, &s, EXPR_STR))
		return put_json_text(at, end, s.str);
	return put(at, end, "null", 4);
}

static char *
write_object(char *at, const char *end, const struct format *f,
	     const struct expr_context *c)
{
	bool is_first = true;
	at = put_char(at, end, '{');
	for (size_t i = 0; i < f->n; i++) {
		if (!f->items[i].name.n)
			continue;
		if (!is_first)
			at = put(at, end, ", ", 2);
		is_first = false;
		at = put_json_text(at, end, f->items[i].name);
		at = put(at, end, ": ", 2);
		size_t mark = c->scratch->used;
		if (f->items[i].kind == FORMAT_IS_FORMAT)
			at = write_nested(at, end, f->items[i].nested, c);
		else
			at = write_json(at, end, &f->items[i], c);
		c->scratch->used = mark;
	}
	return put_char(at, end, '}');
}

static inline char *
put_before(char *at, const char *end, struct span text)
{
	if (text.n > FORMAT_PAD || end - at < FORMAT_PAD)
		return put(at, end, text.p, text.n);
	if (text.n)
		memcpy(at, text.p, FORMAT_PAD);
	return at + text.n;
}

size_t
format_write(const struct format *f, const struct expr_context *c, char *out, size_t cap)
{
	char *at = out;
	const char *end = out + cap;
	size_t mark = c->scratch->used;
	bool is_behind_blank = false; /* of the format; in logs two that meet are one */
	if (f->is_json)
		return (size_t)(write_object(at, end, f, c) - out);
	for (const struct format_item *item = f->items;; item++) {
		struct span text = item->before;
		if (is_behind_blank && text.n && text.p[0] == ' ')
			text = span_of(text.p + 1, text.n - 1);
		at = put_before(at, end, text);
		const char *start = at;
		if (item->kind == FORMAT_IS_END)
			break;
		if (!item->flags)
			at = write_plain(at, end, f->use, item, c);
		else if (item->flags & FORMAT_JSON)
			at = write_json(at, end, item, c);
		else
			at = write_flagged(at, end, f->use, item, c);
		if (item->kind == FORMAT_IS_EXPR)
			c->scratch->used = mark;
		if (at > start)
			is_behind_blank = false;
		else if (text.n)
			is_behind_blank =
				f->use == FORMAT_LOG && text.p[text.n - 1] == ' ';
	}
	c->scratch->used = mark;
	return (size_t)(at - out);
}
