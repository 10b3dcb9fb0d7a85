/* SPDX-License-Identifier: MIT
 *
 * Converters of text. Any process; no allocation.
 */
#include "lib/base/num.h"
#include "lib/expr/parts.h"

bool
expr_conv_length(const struct expr_context *c, const struct expr_arg *args,
		 struct expr_sample *s)
{
	(void)c;
	(void)args;
	expr_set_int(s, (int64_t)s->str.n);
	return true;
}

bool
expr_conv_lower(const struct expr_context *c, const struct expr_arg *args,
		struct expr_sample *s)
{
	char *p = expr_own(c, s);
	(void)args;
	for (size_t i = 0; p && i < s->str.n; i++)
		if (p[i] >= 'A' && p[i] <= 'Z')
			p[i] = (char)(p[i] + 32);
	return p != NULL;
}

bool
expr_conv_upper(const struct expr_context *c, const struct expr_arg *args,
		struct expr_sample *s)
{
	char *p = expr_own(c, s);
	(void)args;
	for (size_t i = 0; p && i < s->str.n; i++)
		if (p[i] >= 'a' && p[i] <= 'z')
			p[i] = (char)(p[i] - 32);
	return p != NULL;
}

bool
expr_conv_reverse(const struct expr_context *c, const struct expr_arg *args,
		  struct expr_sample *s)
{
	size_t n = s->str.n;
	char *p = expr_scratch_take(c->scratch, n);
	(void)args;
	for (size_t i = 0; p && i < n; i++)
		p[i] = s->str.p[n - 1 - i];
	if (p)
		expr_set_own(s, EXPR_STR, p, n);
	return p != NULL;
}

/* "mail.example.com." becomes "com.example.mail"; no value for an empty label. */
bool
expr_conv_reverse_dom(const struct expr_context *c, const struct expr_arg *args,
		      struct expr_sample *s)
{
	struct span rest = s->str;
	(void)args;
	if (rest.n && rest.p[rest.n - 1] == '.')
		rest.n--;
	size_t total = rest.n, end = rest.n;
	char *p = expr_scratch_take(c->scratch, total);
	if (!p || total == 0 || rest.p[total - 1] == '.')
		return false;
	while (rest.n) {
		struct span label = span_cut(&rest, '.');
		if (label.n == 0)
			return false;
		end -= label.n;
		memcpy(p + end, label.p, label.n);
		if (end)
			p[--end] = '.';
	}
	expr_set_own(s, EXPR_STR, p, total);
	return true;
}

/* --- pieces --------------------------------------------------------------------------
 */

/* The next piece of s at *at (up to a byte of `delimiters`); *at moves behind its
 * delimiter, behind the end after the last one. */
static bool
piece_next(struct span s, struct span delimiters, bool skips_empty, size_t *at,
	   struct span *out)
{
	while (*at <= s.n) {
		size_t begin = *at;
		while (*at < s.n && !memchr(delimiters.p, s.p[*at], delimiters.n))
			++*at;
		*out = span_of(s.p + begin, *at - begin);
		++*at;
		if (out->n || !skips_empty)
			return true;
	}
	return false;
}

/* args: index (from 1, or backwards from -1), delimiters, number of pieces (1; 0: all
 * that follow, or precede when backwards). Where more are wanted than there are, the
 * outer delimiters come along. */
static bool
take_pieces(const struct expr_arg *args, struct expr_sample *s, bool skips_empty)
{
	int64_t index = args[0].integer, total = 0;
	int64_t count = args[2].kind == EXPR_ARG_INT ? args[2].integer : 1;
	struct span text = s->str, piece, first = {NULL, 0}, last = {NULL, 0};
	for (size_t at = 0; piece_next(text, args[1].str, skips_empty, &at, &piece);)
		total++;
	int64_t from = index > 0 ? index : count ? total + index - count + 2 : 1;
	int64_t to = index < 0 ? total + 1 + index : count ? index + count - 1 : total;
	bool from_begin = from < 1 || (index < 0 && count == 0);
	bool to_end = to > total || (index > 0 && count == 0);
	from = from < 1 ? 1 : from;
	to = to > total ? total : to;
	if (from > to)
		return false;
	int64_t i = 0;
	for (size_t at = 0;
	     i < to && piece_next(text, args[1].str, skips_empty, &at, &last);)
		if (++i == from)
			first = last;
	const char *begin = from_begin ? text.p : first.p;
	const char *end = to_end ? text.p + text.n : last.p + last.n;
	s->str = span_of(begin, (size_t)(end - begin));
	return true;
}

int
expr_check_delimiter(struct expr_env *env, struct expr_arg *args,
		     const struct expr_arg_text *texts, struct expr_error *err)
{
	(void)env;
	if (args[0].integer == 0)
		return expr_fail(err, texts[0].at,
				 "expected a number from 1, or from -1 backwards");
	if (args[1].str.n == 0)
		return expr_fail(err, texts[1].at, "expected at least one delimiter");
	if (args[2].kind == EXPR_ARG_INT && args[2].integer < 0)
		return expr_fail(err, texts[2].at, "expected a number from 0");
	return 0;
}

bool
expr_conv_field(const struct expr_context *c, const struct expr_arg *args,
		struct expr_sample *s)
{
	(void)c;
	return take_pieces(args, s, false);
}

bool
expr_conv_word(const struct expr_context *c, const struct expr_arg *args,
	       struct expr_sample *s)
{
	(void)c;
	return take_pieces(args, s, true);
}

int
expr_check_bytes(struct expr_env *env, struct expr_arg *args,
		 const struct expr_arg_text *texts, struct expr_error *err)
{
	(void)env;
	if (args[0].kind == EXPR_ARG_INT && args[0].integer < 0)
		return expr_fail(err, texts[0].at, "expected an offset from 0 on");
	if (args[1].kind == EXPR_ARG_INT && args[1].integer < 1)
		return expr_fail(err, texts[1].at, "expected a length of 1 or more");
	return 0;
}

bool
expr_conv_bytes(const struct expr_context *c, const struct expr_arg *args,
		struct expr_sample *s)
{
	int64_t from, n = (int64_t)s->str.n;
	if (!expr_arg_int(c, &args[0], &from) || from < 0 || from >= n)
		return false;
	n -= from;
	if (args[1].kind != EXPR_ARG_NONE) {
		int64_t wanted;
		if (!expr_arg_int(c, &args[1], &wanted) || wanted < 0)
			return false;
		n = wanted < n ? wanted : n;
	}
	s->str = span_of(s->str.p + from, (size_t)n);
	return true;
}

bool
expr_conv_ltrim(const struct expr_context *c, const struct expr_arg *args,
		struct expr_sample *s)
{
	(void)c;
	while (s->str.n && memchr(args[0].str.p, s->str.p[0], args[0].str.n))
		s->str = span_of(s->str.p + 1, s->str.n - 1);
	return true;
}

bool
expr_conv_rtrim(const struct expr_context *c, const struct expr_arg *args,
		struct expr_sample *s)
{
	(void)c;
	while (s->str.n && memchr(args[0].str.p, s->str.p[s->str.n - 1], args[0].str.n))
		s->str.n--;
	return true;
}

bool
expr_conv_cut_crlf(const struct expr_context *c, const struct expr_arg *args,
		   struct expr_sample *s)
{
	size_t n = 0;
	(void)c;
	(void)args;
	while (n < s->str.n && s->str.p[n] != '\r' && s->str.p[n] != '\n')
		n++;
	s->str.n = n;
	return true;
}

/* The argument becomes a mask: a bit per control character, the 33rd for DEL. */
int
expr_check_has_ctl(struct expr_env *env, struct expr_arg *args,
		   const struct expr_arg_text *texts, struct expr_error *err)
{
	struct span text = args[0].str;
	int64_t mask = 0;
	(void)env;
	if (args[0].kind == EXPR_ARG_NONE) {
		mask = 0x1fffffdff;
	} else if (span_eq(text, SPAN("any"))) {
		mask = 0x1ffffffff;
	} else if (span_eq(text, SPAN("http"))) {
		mask = 0x2401;
	} else if (span_begins(text, SPAN("0x")) && text.n > 2 && text.n <= 11) {
		for (size_t i = 2; i < text.n && mask >= 0; i++) {
			const char *hex = "0123456789abcdef";
			const char *at = strchr(hex, text.p[i] | 0x20);
			mask = at && text.p[i] ? mask << 4 | (at - hex) : -1;
		}
	} else if (!expr_parse_int(text, &mask)) {
		mask = -1;
	}
	if (mask < 0 || mask > 0x1ffffffff)
		return expr_fail(
			err, texts[0].at,
			"'%.*s' is not a mask; expected a number of 33 bits, any "
			"or http",
			(int)text.n, text.p);
	args[0] = (struct expr_arg){.kind = EXPR_ARG_INT, .integer = mask};
	return 0;
}

bool
expr_conv_has_ctl(const struct expr_context *c, const struct expr_arg *args,
		  struct expr_sample *s)
{
	bool has = false;
	(void)c;
	for (size_t i = 0; i < s->str.n && !has; i++) {
		uint8_t byte = (uint8_t)s->str.p[i];
		has = (byte < 32 && args[0].integer >> byte & 1) ||
		      (byte == 127 && args[0].integer >> 32 & 1);
	}
	expr_set_bool(s, has);
	return true;
}

/* "host:80", "[::1]:80": where the host ends. */
static size_t
host_end(struct span s)
{
	const char *at =
		s.n && s.p[0] == '[' ? memchr(s.p, ']', s.n) : memchr(s.p, ':', s.n);
	if (!at)
		return s.n;
	return (size_t)(at - s.p) + (*at == ']');
}

bool
expr_conv_host_only(const struct expr_context *c, const struct expr_arg *args,
		    struct expr_sample *s)
{
	if (s->str.n)
		s->str.n = host_end(s->str);
	return expr_conv_lower(c, args, s);
}

bool
expr_conv_port_only(const struct expr_context *c, const struct expr_arg *args,
		    struct expr_sample *s)
{
	uint64_t port = 0;
	size_t end = s->str.n ? host_end(s->str) : 0;
	(void)c;
	(void)args;
	if (end + 1 < s->str.n && s->str.p[end] == ':' &&
	    num_u64(span_of(s->str.p + end + 1, s->str.n - end - 1), &port) != NUM_OK)
		port = 0;
	expr_set_int(s, (int64_t)(port <= 65535 ? port : 0));
	return true;
}

/* The first parameter of that name in "a=1&b=2". */
bool
expr_conv_param(const struct expr_context *c, const struct expr_arg *args,
		struct expr_sample *s)
{
	char delimiter = args[1].kind == EXPR_ARG_STR ? args[1].str.p[0] : '&';
	struct span rest = s->str, name = args[0].str;
	(void)c;
	while (rest.n) {
		struct span value = span_cut(&rest, delimiter);
		if (!span_begins(value, name))
			continue;
		value = span_of(value.p + name.n, value.n - name.n);
		if (value.n && value.p[0] != '=')
			continue;
		s->str = value.n ? span_of(value.p + 1, value.n - 1) : value;
		return true;
	}
	return false;
}

/* "0x2c" or one byte. */
int
expr_check_param(struct expr_env *env, struct expr_arg *args,
		 const struct expr_arg_text *texts, struct expr_error *err)
{
	struct span text = args[1].str;
	unsigned byte = 0;
	if (args[1].kind == EXPR_ARG_NONE)
		return 0;
	if (text.n == 4 && span_begins(text, SPAN("0x"))) {
		for (size_t i = 2; i < 4; i++) {
			const char *hex = "0123456789abcdef";
			const char *at = strchr(hex, text.p[i] | 0x20);
			byte = byte << 4 | (at ? (unsigned)(at - hex) : 256u);
		}
		char *p = arena_alloc(env->arena, 1);
		*p = (char)byte;
		args[1].str = span_of(p, 1);
	}
	if (byte > 255 || args[1].str.n != 1)
		return expr_fail(err, texts[1].at,
				 "'%.*s' is not a delimiter; expected one byte, or 0x2c",
				 (int)text.n, text.p);
	return 0;
}
