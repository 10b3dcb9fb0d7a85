/* SPDX-License-Identifier: MIT
 *
 * A borrowed piece of bytes: pointer and length, no terminator, no ownership.
 */
#ifndef WEIR_BASE_SPAN_H
#define WEIR_BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

struct span {
	const char *p;
	size_t n;
};

/* A span over a string literal. */
#define SPAN(lit) ((struct span){(lit), sizeof(lit) - 1})

static inline struct span
span_of(const char *p, size_t n)
{
	return (struct span){p, n};
}

/* A span over a C string; NULL gives the empty span. */
static inline struct span
span_str(const char *s)
{
	return (struct span){s, s ? strlen(s) : 0};
}

static inline bool
span_eq(struct span a, struct span b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* Equal but for ASCII case: one bit, which the first bytes may differ in. */
static inline bool
span_ieq(struct span a, struct span b)
{
	return a.n == b.n && (a.n == 0 || (((a.p[0] ^ b.p[0]) & ~0x20) == 0 &&
					   strncasecmp(a.p, b.p, a.n) == 0));
}

static inline bool
span_begins(struct span a, struct span prefix)
{
	return a.n >= prefix.n && memcmp(a.p, prefix.p, prefix.n) == 0;
}

static inline bool
span_ends(struct span a, struct span suffix)
{
	return a.n >= suffix.n && memcmp(a.p + a.n - suffix.n, suffix.p, suffix.n) == 0;
}

/* Without leading and trailing spaces and tabs. */
static inline struct span
span_trim(struct span s)
{
	while (s.n && (s.p[0] == ' ' || s.p[0] == '\t')) {
		s.p++;
		s.n--;
	}
	while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

/* Cuts the piece before the next `sep` (or the whole rest) off *rest. */
static inline struct span
span_cut(struct span *rest, char sep)
{
	const char *at = rest->n ? memchr(rest->p, sep, rest->n) : NULL;
	struct span piece = *rest;
	if (at) {
		piece.n = (size_t)(at - rest->p);
		rest->p = at + 1;
		rest->n -= piece.n + 1;
	} else {
		*rest = span_of(rest->n ? rest->p + rest->n : rest->p, 0);
	}
	return piece;
}

#endif
