/* SPDX-License-Identifier: MIT
 *
 * Converters to and from JSON (RFC 8259). Any process; no allocation, no recursion.
 */
#include "lib/expr/parts.h"

/* --- json: text for a JSON string ----------------------------------------------------
 */

/* The decoders of configuration.txt, json(): in the order of the choices in conv.def. */
enum { JSON_ASCII, JSON_UTF8, JSON_UTF8S, JSON_UTF8P, JSON_UTF8PS };

/* The character at s.p[*i], which moves behind it. -1: an error; then *i moves behind the
 * bytes to leave out. An overlong form is one unless `permissive`. */
static int64_t
utf8_next(struct span s, size_t *i, bool permissive)
{
	static const uint32_t shortest[] = {0,	     0,	       0x80,	 0x800,
					    0x10000, 0x200000, 0x4000000};
	uint8_t first = (uint8_t)s.p[*i];
	size_t n = 0, from = *i;
	uint32_t v;
	if (first < 0x80) {
		++*i;
		return first;
	}
	while (n < 7 && first & (0x80 >> n))
		n++;
	++*i;
	if (n < 2 || n > 6)
		return -1;
	v = first & (0x7fu >> n);
	for (size_t k = 1; k < n; k++, ++*i) {
		if (*i == s.n || ((uint8_t)s.p[*i] & 0xc0) != 0x80)
			return -1;
		v = v << 6 | ((uint8_t)s.p[from + k] & 0x3f);
	}
	bool is_bad = (v >= 0xd800 && v <= 0xdfff) || v == 0xfffe || v == 0xffff ||
		      v > 0x10ffff;
	return is_bad || (v < shortest[n] && !permissive) ? -1 : (int64_t)v;
}

/* Writes one character, 6 bytes at most; 0: it has no form of four digits. */
static size_t
put_json(char *p, uint32_t v)
{
	static const char hex[] = "0123456789abcdef";
	static const char plain[] = "\"\\/\b\f\n\r\t", letters[] = "\"\\/bfnrt";
	const char *at = v && v < 128 ? strchr(plain, (int)v) : NULL;
	if (at) {
		p[0] = '\\';
		p[1] = letters[at - plain];
		return 2;
	}
	if (v >= 32 && v < 127) {
		p[0] = (char)v;
		return 1;
	}
	if (v > 0xffff)
		return 0;
	p[0] = '\\';
	p[1] = 'u';
	for (int i = 0; i < 4; i++)
		p[2 + i] = hex[v >> (12 - 4 * i) & 15];
	return 6;
}

bool
expr_conv_json(const struct expr_context *c, const struct expr_arg *args,
	       struct expr_sample *s)
{
	int64_t form = args[0].kind == EXPR_ARG_INT ? args[0].integer : JSON_ASCII;
	bool skips = form == JSON_UTF8S || form == JSON_UTF8PS;
	bool permissive = form == JSON_UTF8P || form == JSON_UTF8PS;
	char *p = expr_scratch_take(c->scratch, s->str.n * 6);
	size_t n = 0;
	if (!p)
		return false;
	for (size_t i = 0; i < s->str.n;) {
		int64_t v = form == JSON_ASCII ? (uint8_t)s->str.p[i++]
					       : utf8_next(s->str, &i, permissive);
		size_t used = v < 0 ? 0 : put_json(p + n, (uint32_t)v);
		if (used == 0 && !skips)
			return false;
		n += used;
	}
	expr_set_own(s, EXPR_STR, p, n);
	return true;
}

/* --- json_query ----------------------------------------------------------------------
 */

enum { JSON_DEPTH_MAX = 64 };

struct scanner {
	const char *p, *end;
};

static void
skip_blanks(struct scanner *j)
{
	while (j->p < j->end &&
	       (*j->p == ' ' || *j->p == '\t' || *j->p == '\n' || *j->p == '\r'))
		j->p++;
}

/* A string with its quotes; escapes are judged when it is decoded. */
static bool
skip_string(struct scanner *j)
{
	if (j->p == j->end || *j->p != '"')
		return false;
	for (j->p++; j->p < j->end; j->p++) {
		if (*j->p == '"') {
			j->p++;
			return true;
		}
		if ((uint8_t)*j->p < 32)
			return false;
		if (*j->p == '\\' && ++j->p == j->end)
			return false;
	}
	return false;
}

static bool
skip_digits(struct scanner *j)
{
	const char *from = j->p;
	while (j->p < j->end && *j->p >= '0' && *j->p <= '9')
		j->p++;
	return j->p > from;
}

static bool
skip_number(struct scanner *j)
{
	if (j->p < j->end && *j->p == '-')
		j->p++;
	if (j->p < j->end && *j->p == '0')
		j->p++;
	else if (!skip_digits(j))
		return false;
	if (j->p < j->end && *j->p == '.') {
		j->p++;
		if (!skip_digits(j))
			return false;
	}
	if (j->p < j->end && (*j->p | 0x20) == 'e') {
		j->p++;
		if (j->p < j->end && (*j->p == '+' || *j->p == '-'))
			j->p++;
		if (!skip_digits(j))
			return false;
	}
	return true;
}

static bool
skip_word(struct scanner *j, struct span word)
{
	if (!span_begins(span_of(j->p, (size_t)(j->end - j->p)), word))
		return false;
	j->p += word.n;
	return true;
}

static bool
skip_scalar(struct scanner *j)
{
	if (j->p == j->end)
		return false;
	switch (*j->p) {
	case '"':
		return skip_string(j);
	case 't':
		return skip_word(j, SPAN("true"));
	case 'f':
		return skip_word(j, SPAN("false"));
	case 'n':
		return skip_word(j, SPAN("null"));
	default:
		return skip_number(j);
	}
}

/* "key": in front of a member. */
static bool
skip_key(struct scanner *j)
{
	skip_blanks(j);
	if (!skip_string(j))
		return false;
	skip_blanks(j);
	if (j->p == j->end || *j->p != ':')
		return false;
	j->p++;
	return true;
}

/* One value of any kind. */
static bool
skip_value(struct scanner *j)
{
	char closing[JSON_DEPTH_MAX];
	size_t depth = 0;
	for (;;) {
		skip_blanks(j);
		if (j->p < j->end && (*j->p == '{' || *j->p == '[')) {
			bool is_object = *j->p++ == '{';
			if (depth == JSON_DEPTH_MAX)
				return false;
			closing[depth++] = is_object ? '}' : ']';
			skip_blanks(j);
			if (j->p == j->end || *j->p != closing[depth - 1]) {
				if (is_object && !skip_key(j))
					return false;
				continue; /* with the first member */
			}
		} else if (!skip_scalar(j)) {
			return false;
		}
		/* a value is complete: what is behind it */
		for (skip_blanks(j);
		     depth && j->p < j->end && *j->p == closing[depth - 1];
		     skip_blanks(j)) {
			j->p++;
			depth--;
		}
		if (depth == 0)
			return true;
		if (j->p == j->end || *j->p++ != ',')
			return false;
		if (closing[depth - 1] == '}' && !skip_key(j))
			return false;
	}
}

static int
hex4(const char *p)
{
	int v = 0;
	for (int i = 0; i < 4; i++) {
		const char *digits = "0123456789abcdef";
		const char *at = p[i] ? strchr(digits, p[i] | 0x20) : NULL;
		if (!at)
			return -1;
		v = v << 4 | (int)(at - digits);
	}
	return v;
}

static size_t
put_utf8(char *p, uint32_t v)
{
	if (v < 0x80) {
		p[0] = (char)v;
		return 1;
	}
	size_t n = v < 0x800 ? 2 : v < 0x10000 ? 3 : 4;
	for (size_t i = n - 1; i > 0; i--, v >>= 6)
		p[i] = (char)(0x80 | (v & 0x3f));
	p[0] = (char)((0xf00 >> n) | v);
	return n;
}

/* "\uXXXX", a pair of surrogates where the first is one, at p[*i]. */
static int64_t
unescape_u(struct span s, size_t *i)
{
	int64_t v = *i + 4 <= s.n ? hex4(s.p + *i) : -1;
	*i += 4;
	if (v < 0xd800 || v > 0xdfff)
		return v;
	int low = v <= 0xdbff && *i + 6 <= s.n && s.p[*i] == '\\' && s.p[*i + 1] == 'u'
			  ? hex4(s.p + *i + 2)
			  : -1;
	*i += 6;
	if (low < 0xdc00 || low > 0xdfff)
		return -1;
	return 0x10000 + ((v - 0xd800) << 10) + (low - 0xdc00);
}

/* The text of a string without its quotes, into out (never longer). -1: a bad escape. */
static ssize_t
decode_string(struct span s, char *out)
{
	static const char letters[] = "\"\\/bfnrt", plain[] = "\"\\/\b\f\n\r\t";
	size_t n = 0;
	for (size_t i = 0; i < s.n;) {
		if (s.p[i] != '\\') {
			out[n++] = s.p[i++];
			continue;
		}
		if (++i == s.n)
			return -1;
		char c = s.p[i++];
		const char *at = c ? strchr(letters, c) : NULL;
		if (at) {
			out[n++] = plain[at - letters];
			continue;
		}
		int64_t v = c == 'u' ? unescape_u(s, &i) : -1;
		if (v < 0)
			return -1;
		n += put_utf8(out + n, (uint32_t)v);
	}
	return (ssize_t)n;
}

/* A step of a path, "name" or [index], from *path; false at its end. "\." is a dot in a
 * name; such names are compared byte by byte. */
struct path_step {
	struct span name; /* escaped as written */
	int64_t index;	  /* -1: a name */
};

static bool
step_next(struct span *path, struct path_step *out)
{
	if (path->n == 0)
		return false;
	if (path->p[0] == '[') {
		const char *close = memchr(path->p, ']', path->n);
		size_t n = close ? (size_t)(close - path->p) : path->n;
		*out = (struct path_step){
			.index = expr_leading_int(span_of(path->p + 1, n - 1))};
		*path = close ? span_of(close + 1, path->n - n - 1) : span_of(NULL, 0);
		return true;
	}
	size_t n = 1;
	while (n < path->n && path->p[n] != '.' && path->p[n] != '[')
		n += 1 + (path->p[n] == '\\' && n + 1 < path->n);
	*out = (struct path_step){.name = span_of(path->p + 1, n - 1), .index = -1};
	*path = span_of(path->p + n, path->n - n);
	return true;
}

static bool
is_key(struct span key, struct span name)
{
	size_t k = 0;
	for (size_t i = 0; i < name.n; i++, k++) {
		if (name.p[i] == '\\' && i + 1 < name.n)
			i++;
		if (k == key.n || key.p[k] != name.p[i])
			return false;
	}
	return k == key.n;
}

/* Moves from a value to its member of that name or number. */
static bool
enter(struct scanner *j, const struct path_step *step)
{
	char open = step->index < 0 ? '{' : '[';
	int64_t left = step->index;
	skip_blanks(j);
	if (j->p == j->end || *j->p != open)
		return false;
	do {
		const char *key = ++j->p;
		if (step->index < 0) {
			skip_blanks(j);
			key = j->p + 1;
			if (!skip_string(j))
				return false;
			struct span name = span_of(key, (size_t)(j->p - key) - 1);
			skip_blanks(j);
			if (j->p == j->end || *j->p++ != ':')
				return false;
			if (is_key(name, step->name))
				return true;
		} else if (left-- == 0) {
			skip_blanks(j);
			return j->p < j->end && *j->p != ']';
		}
		if (!skip_value(j))
			return false;
		skip_blanks(j);
	} while (j->p < j->end && *j->p == ',');
	return false;
}

int
expr_check_json_query(struct expr_env *env, struct expr_arg *args,
		      const struct expr_arg_text *texts, struct expr_error *err)
{
	struct span path = args[0].str;
	(void)env;
	if (path.n == 0 || path.p[0] != '$')
		return expr_fail(err, texts[0].at,
				 "'%.*s' is not a JSON path; expected $.name[0] for "
				 "instance",
				 (int)path.n, path.p);
	for (size_t i = 1; i < path.n; i++)
		if ((i == 1 && path.p[i] != '.' && path.p[i] != '[') ||
		    (path.p[i] == '[' && !memchr(path.p + i, ']', path.n - i)))
			return expr_fail(err, texts[0].at + i,
					 "expected .name or [number] in a JSON path");
	args[0].str = span_of(path.p + 1, path.n - 1);
	return 0;
}

/* The value at j as a sample. */
static bool
set_value(const struct expr_context *c, struct expr_sample *s, struct scanner *j,
	  bool wants_int)
{
	skip_blanks(j);
	const char *from = j->p;
	if (j->p == j->end || *from == '{' || *from == 'n' || !skip_value(j))
		return false;
	struct span text = span_of(from, (size_t)(j->p - from));
	if (*from != '[')
		while (strchr(" \t\r\n", text.p[text.n - 1]))
			text.n--;
	if (*from == 't' || *from == 'f') {
		expr_set_bool(s, *from == 't');
	} else if (*from == '"') {
		char *p = expr_scratch_take(c->scratch, text.n);
		ssize_t n = p ? decode_string(span_of(from + 1, text.n - 2), p) : -1;
		if (n < 0)
			return false;
		expr_set_own(s, EXPR_STR, p, (size_t)n);
	} else if (*from == '[') {
		while (text.p[text.n - 1] != ']')
			text.n--;
		s->str = text;
	} else {
		s->str = text;
	}
	if (wants_int)
		return expr_cast(c, s, EXPR_INT);
	return true;
}

bool
expr_conv_json_query(const struct expr_context *c, const struct expr_arg *args,
		     struct expr_sample *s)
{
	struct scanner j = {s->str.p, s->str.p + s->str.n};
	struct span path = args[0].str;
	struct path_step step;
	if (s->str.n == 0)
		return false;
	while (step_next(&path, &step))
		if (!enter(&j, &step))
			return false;
	return set_value(c, s, &j, args[1].kind == EXPR_ARG_INT && args[1].integer == 1);
}
