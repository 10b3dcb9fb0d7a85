/* SPDX-License-Identifier: MIT
 *
 * Cookies. Any process.
 */
#include "lib/http/cookie.h"

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static size_t
blanks(const char *p, size_t n)
{
	size_t i = 0;
	while (i < n && is_blank(p[i]))
		i++;
	return i;
}

/* Where the value at text begins ends: at a delimiter that is not within quotes. */
static size_t
value_end(struct span text)
{
	bool is_quoted = false;
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];
		if (is_quoted && c == '\\')
			i++; /* what follows is quoted as well */
		else if (c == '"')
			is_quoted = !is_quoted;
		else if (!is_quoted && (c == ',' || c == ';'))
			return i;
	}
	return text.n;
}

/* Name and value at the front of text, where one of `ends` or '=' ends a name. */
static void
split(struct span text, const char *ends, struct http_cookie *out)
{
	size_t equal = 0, name_n = 0;
	while (equal < text.n && text.p[equal] != '=' && !strchr(ends, text.p[equal])) {
		if (!is_blank(text.p[equal++]))
			name_n = equal;
	}
	out->name = span_of(text.p, name_n);
	out->value = span_of(NULL, 0);
	out->behind = span_of(text.p + name_n, equal - name_n);
	if (equal == text.n || text.p[equal] != '=')
		return;
	size_t from = equal + 1;
	from += blanks(text.p + from, text.n - from);
	size_t end = from + value_end(span_of(text.p + from, text.n - from)), n = end;
	while (n > from && is_blank(text.p[n - 1]))
		n--;
	out->value = span_of(text.p + from, n - from);
	out->behind = span_of(text.p + n, end - n);
}

bool
http_cookie_next(struct span *rest, bool is_first, struct http_cookie *out)
{
	if (rest->n == 0)
		return false;
	size_t before = is_first ? 0 : 1;
	before += blanks(rest->p + before, rest->n - before);
	out->before = span_of(rest->p, before);
	split(span_of(rest->p + before, rest->n - before), ",;", out);
	size_t n = (size_t)(out->behind.p + out->behind.n - rest->p);
	out->whole = span_of(rest->p, n);
	*rest = span_of(rest->p + n, rest->n - n);
	return true;
}

bool
http_set_cookie(struct span field, struct http_cookie *out)
{
	size_t before = blanks(field.p, field.n);
	out->before = span_of(field.p, before);
	out->whole = field;
	split(span_of(field.p + before, field.n - before), ";", out);
	if (!out->value.p)
		return false;
	const char *end = out->value.p + out->value.n;
	out->behind = span_of(end, (size_t)(field.p + field.n - end));
	return true;
}

/* --- dates --------------------------------------------------------------------- */

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
			     "0123456789+/";

void
http_cookie_date_put(uint64_t seconds, char out[HTTP_COOKIE_DATE_BYTES])
{
	uint64_t v = seconds >> 2;
	for (int i = HTTP_COOKIE_DATE_BYTES - 1; i >= 0; i--, v >>= 6)
		out[i] = digits[v & 63];
}

uint64_t
http_cookie_date(struct span text)
{
	uint64_t v = 0;
	if (text.n < HTTP_COOKIE_DATE_BYTES)
		return 0;
	for (int i = 0; i < HTTP_COOKIE_DATE_BYTES; i++) {
		const char *at = text.p[i] ? strchr(digits, text.p[i]) : NULL;
		if (!at)
			return 0;
		v = v << 6 | (uint64_t)(at - digits);
	}
	return v << 2;
}
