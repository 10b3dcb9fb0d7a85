/* SPDX-License-Identifier: MIT
 *
 * Cutting an expression into words, and the errors of this room. Master only (at load).
 */
#include "lib/expr/expr.h"

#include <stdarg.h>
#include <stdio.h>

int
expr_fail(struct expr_error *err, size_t at, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	err->at = at;
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	return -1;
}

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* text.p[i] is a backslash: writes the byte it stands for; returns how many bytes of
 * text were used, 0 when it is not complete. */
static size_t
unescape(struct span text, size_t i, char *out)
{
	if (i + 1 >= text.n)
		return 0;
	switch (text.p[i + 1]) {
	case 'n':
		*out = '\n';
		return 2;
	case 'r':
		*out = '\r';
		return 2;
	case 't':
		*out = '\t';
		return 2;
	case 'x':
		if (i + 3 >= text.n || hex(text.p[i + 2]) < 0 || hex(text.p[i + 3]) < 0)
			return 0;
		*out = (char)(hex(text.p[i + 2]) << 4 | hex(text.p[i + 3]));
		return 4;
	default:
		*out = text.p[i + 1];
		return 2;
	}
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n';
}

/* Reads one word that begins at *pos. */
static int
word_read(struct arena *a, struct span text, size_t *pos, struct expr_word *w,
	  struct expr_error *err)
{
	size_t i = *pos, n = 0, quote_at = 0;
	char quote = 0, *out = arena_alloc(a, text.n - i + 1);
	*w = (struct expr_word){.at = i};
	for (; i < text.n; i++) {
		char c = text.p[i];
		if (quote && c == quote) {
			quote = 0;
		} else if (c == '\\' && quote != '\'') {
			size_t used = unescape(text, i, &out[n]);
			if (!used)
				return expr_fail(err, i,
						 "incomplete escape; expected a "
						 "character behind the backslash");
			i += used - 1;
			n++;
			w->is_quoted = true;
		} else if (!quote && (c == '"' || c == '\'')) {
			quote = c;
			quote_at = i;
			w->is_quoted = true;
		} else if (!quote && is_blank(c)) {
			break;
		} else {
			out[n++] = c;
		}
	}
	if (quote)
		return expr_fail(err, quote_at,
				 "the quote is not closed; expected another %c", quote);
	w->text = span_of(out, n);
	*pos = i;
	return 0;
}

int
expr_words_split(struct arena *a, struct span text, struct expr_words *out,
		 struct expr_error *err)
{
	*out = (struct expr_words){.end = text.n};
	for (size_t pos = 0;;) {
		while (pos < text.n && is_blank(text.p[pos]))
			pos++;
		if (pos == text.n)
			return 0;
		out->words = arena_grow(a, out->words, out->n, sizeof(*out->words));
		if (word_read(a, text, &pos, &out->words[out->n], err) < 0)
			return -1;
		out->n++;
	}
}
