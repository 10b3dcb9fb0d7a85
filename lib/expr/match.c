/* SPDX-License-Identifier: MIT
 *
 * Comparing a value with patterns. Worker, for every request: no allocation.
 */
#include <stdlib.h>

#include "lib/expr/expr.h"

static unsigned char
lower(char c)
{
	return (unsigned char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
}

static bool
same(const char *a, const char *b, size_t n, bool caseless)
{
	if (!caseless)
		return memcmp(a, b, n) == 0;
	for (size_t i = 0; i < n; i++)
		if (lower(a[i]) != lower(b[i]))
			return false;
	return true;
}

static bool
contains(struct span v, struct span pat, bool caseless)
{
	if (pat.n > v.n)
		return false;
	if (!caseless)
		return pat.n == 0 || memmem(v.p, v.n, pat.p, pat.n) != NULL;
	for (size_t i = 0; i + pat.n <= v.n; i++)
		if (same(v.p + i, pat.p, pat.n, true))
			return true;
	return false;
}

static bool
is_delimiter(char c, const char *delimiters)
{
	return c && strchr(delimiters, c) != NULL;
}

/* The pattern as a whole word between delimiters, its own outer ones left aside. */
static bool
has_word(struct span v, struct span pat, const char *delimiters, bool caseless)
{
	while (pat.n && is_delimiter(pat.p[0], delimiters)) {
		pat.p++;
		pat.n--;
	}
	while (pat.n && is_delimiter(pat.p[pat.n - 1], delimiters))
		pat.n--;
	if (pat.n == 0)
		return false;
	for (size_t i = 0; i + pat.n <= v.n; i++) {
		bool begins = i == 0 || is_delimiter(v.p[i - 1], delimiters);
		bool ends = i + pat.n == v.n || is_delimiter(v.p[i + pat.n], delimiters);
		if (begins && ends && same(v.p + i, pat.p, pat.n, caseless))
			return true;
	}
	return false;
}

/* The order of sorted patterns: by length, then by bytes. */
static int
compare(struct span a, struct span b, bool caseless)
{
	if (a.n != b.n)
		return a.n < b.n ? -1 : 1;
	return !a.n ? 0 : caseless ? strncasecmp(a.p, b.p, a.n) : memcmp(a.p, b.p, a.n);
}

static int
by_bytes(const void *a, const void *b)
{
	return compare(*(const struct span *)a, *(const struct span *)b, false);
}

static int
by_letters(const void *a, const void *b)
{
	return compare(*(const struct span *)a, *(const struct span *)b, true);
}

void
expr_test_sort(struct expr_test *t)
{
	if (t->match != EXPR_MATCH_STR || t->n < 2)
		return;
	qsort(t->patterns, t->n, sizeof(*t->patterns),
	      t->is_caseless ? by_letters : by_bytes);
	t->is_sorted = true;
}

static bool
is_listed(const struct expr_test *t, struct span v)
{
	size_t low = 0, high = t->n;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int c = compare(t->patterns[mid], v, t->is_caseless);
		if (c == 0)
			return true;
		if (c < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return false;
}

static bool
matches_one(const struct expr_test *t, size_t i, struct span v)
{
	bool caseless = t->is_caseless;
	if (t->match == EXPR_MATCH_LEN)
		return v.n >= t->ranges[i].from && v.n <= t->ranges[i].to;
	struct span pat = t->patterns[i];
	switch (t->match) {
	case EXPR_MATCH_STR:
		return compare(v, pat, caseless) == 0;
	case EXPR_MATCH_BEG:
		return v.n >= pat.n && same(v.p, pat.p, pat.n, caseless);
	case EXPR_MATCH_END:
		return v.n >= pat.n && same(v.p + v.n - pat.n, pat.p, pat.n, caseless);
	case EXPR_MATCH_SUB:
		return contains(v, pat, caseless);
	case EXPR_MATCH_DIR:
		return has_word(v, pat, "/?", caseless);
	case EXPR_MATCH_DOM:
		return has_word(v, pat, "/?.:", caseless);
	default: /* the loader lets no other pass */
		break;
	}
	return false;
}

static bool
matches(const struct expr_test *t, const struct expr_sample *s)
{
	if (t->match == EXPR_MATCH_FOUND)
		return true;
	if (t->is_sorted)
		return is_listed(t, s->str);
	for (size_t i = 0; i < t->n; i++)
		if (matches_one(t, i, s->str))
			return true;
	return false;
}

bool
expr_test_eval(const struct expr_test *t, const struct expr_context *c)
{
	struct expr_sample s = {.next = 0};
	enum expr_type want = t->match == EXPR_MATCH_FOUND ? EXPR_ANY : EXPR_STR;
	size_t used = c->scratch->used;
	bool is_true = false;
	while (!is_true && expr_eval_next(t->program, c, want, &s)) {
		is_true = matches(t, &s);
		c->scratch->used = used;
	}
	return is_true;
}
