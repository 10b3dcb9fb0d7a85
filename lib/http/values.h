/* SPDX-License-Identifier: MIT
 *
 * Values of fields, one after the other: commas outside of quotes part those of a list
 * (RFC 9110 5.6.1). A place is the number of a field << 16 | an offset in its value.
 * Pure; here as a whole, since rules ask for little else.
 */
#ifndef WEIR_HTTP_VALUES_H
#define WEIR_HTTP_VALUES_H

#include "lib/http/head.h"

/* Where the value that begins at `from` ends: a comma outside of quotes, or the end. */
static inline size_t
http_value_end(struct span v, size_t from)
{
	const char *comma = memchr(v.p + from, ',', v.n - from);
	const char *end = comma ? comma : v.p + v.n;
	if (!memchr(v.p + from, '"', (size_t)(end - v.p) - from))
		return (size_t)(end - v.p);
	bool quoted = false;
	for (size_t at = from; at < v.n; at++) {
		if (v.p[at] == '\\' && quoted)
			at++;
		else if (v.p[at] == '"')
			quoted = !quoted;
		else if (v.p[at] == ',' && !quoted)
			return at;
	}
	return v.n;
}

/* Of field i, the one of *place or one behind it; moves *place behind the value. */
static inline __attribute__((always_inline)) struct span
http_value_take(const struct http_head *h, unsigned i, bool splits, uint32_t *place)
{
	size_t begin = i == *place >> 16 ? *place & 0xffff : 0;
	struct span v = http_field_value(h, &h->fields[i]);
	size_t end = splits ? http_value_end(v, begin) : v.n;
	*place = end < v.n ? i << 16 | (uint32_t)(end + 1) : (i + 1) << 16;
	return span_trim(span_of(v.p + begin, end - begin));
}

#endif
