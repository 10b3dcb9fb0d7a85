/* SPDX-License-Identifier: MIT
 *
 * How the parsers look at bytes: a table of classes, and scans that take eight bytes at
 * a time where messages have long runs (values, targets). Private to lib/http.
 */
#ifndef WEIR_HTTP_SCAN_H
#define WEIR_HTTP_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
	HTTP_C_TOKEN = 1, /* tchar (RFC 9110 5.6.2) */
	HTTP_C_VALUE = 2, /* field-vchar, SP, HTAB: obs-text yes, controls no (5.5) */
	HTTP_C_TARGET =
		4,	 /* visible ASCII but '#': what HAProxy lets pass by default; more
			  * than RFC 3986 has, as browsers send "|^{}" in queries */
	HTTP_C_HOST = 8, /* reg-name (RFC 3986 3.2.2) without '%' and, as no two hosts may
			  * hide in one, without ',' */
	HTTP_C_QUOTED = 16, /* qdtext (RFC 9110 5.6.4) */
};
extern const uint8_t http_class[256];

static inline bool
http_is(char c, unsigned classes)
{
	return (http_class[(unsigned char)c] & classes) != 0;
}

#define HTTP_EACH(byte) ((byte)*UINT64_C(0x0101010101010101))

/* Eight bytes, the first in the lowest bits. */
static inline uint64_t
http_load8(const char *p)
{
	uint64_t w;

	memcpy(&w, p, 8);
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
	w = __builtin_bswap64(w);
#endif
	return w;
}

static inline uint32_t
http_load4(const char *p)
{
	uint32_t w;

	memcpy(&w, p, 4);
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
	w = __builtin_bswap32(w);
#endif
	return w;
}

/* High bits mark bytes below `low` and DEL. The first mark may be a byte that is neither
 * (a carry out of 0xff turns '~' up), never one too late: whoever asks looks again. */
static inline uint64_t
http_marks(uint64_t w, uint8_t low)
{
	return ((w - HTTP_EACH(low)) | (w + HTTP_EACH(1))) & ~w & HTTP_EACH(0x80);
}

/* The first byte in [q, end) that may not stand in a field value; end if there is none.
 */
static inline const char *
http_scan_value(const char *q, const char *end)
{
	while (end - q >= 8) {
		uint64_t marks = http_marks(http_load8(q), 0x20);
		if (!marks) {
			q += 8;
			continue;
		}
		q += __builtin_ctzll(marks) >> 3;
		if (!http_is(*q, HTTP_C_VALUE))
			return q;
		q++; /* a tab */
	}
	while (q < end && http_is(*q, HTTP_C_VALUE))
		q++;
	return q;
}

/* The first byte in [q, end) that may not stand in a request target. */
static inline const char *
http_scan_target(const char *q, const char *end)
{
	while (end - q >= 8) {
		uint64_t w = http_load8(q);
		uint64_t hash = w ^ HTTP_EACH('#');
		uint64_t marks = http_marks(w, 0x21) | (w & HTTP_EACH(0x80)) |
				 ((hash - HTTP_EACH(1)) & ~hash & HTTP_EACH(0x80));
		if (!marks) {
			q += 8;
			continue;
		}
		q += __builtin_ctzll(marks) >> 3;
		if (!http_is(*q, HTTP_C_TARGET))
			return q;
		q++;
	}
	while (q < end && http_is(*q, HTTP_C_TARGET))
		q++;
	return q;
}

/* The first byte in [q, end) that is not a tchar. */
static inline const char *
http_scan_token(const char *q, const char *end)
{
	while (end - q >= 4) {
		if (!http_is(q[0], HTTP_C_TOKEN))
			return q;
		if (!http_is(q[1], HTTP_C_TOKEN))
			return q + 1;
		if (!http_is(q[2], HTTP_C_TOKEN))
			return q + 2;
		if (!http_is(q[3], HTTP_C_TOKEN))
			return q + 3;
		q += 4;
	}
	while (q < end && http_is(*q, HTTP_C_TOKEN))
		q++;
	return q;
}

/* Whether p[0, n) is `lower` in any case; n is a constant, `lower` made of letters and
 * '-', p of tchars: setting bit 5 then only joins the cases. */
static inline __attribute__((always_inline)) bool
http_name_is(const char *p, const char *lower, size_t n)
{
	if (n >= 8) {
		uint64_t diff = (http_load8(p) | HTTP_EACH(0x20)) ^ http_load8(lower);
		if (n > 16)
			diff |= (http_load8(p + 8) | HTTP_EACH(0x20)) ^
				http_load8(lower + 8);
		if (n > 8)
			diff |= (http_load8(p + n - 8) | HTTP_EACH(0x20)) ^
				http_load8(lower + n - 8);
		return diff == 0;
	}
	if (n >= 4) {
		uint32_t diff = (http_load4(p) | 0x20202020u) ^ http_load4(lower);
		return (diff | ((http_load4(p + n - 4) | 0x20202020u) ^
				http_load4(lower + n - 4))) == 0;
	}
	for (size_t i = 0; i < n; i++)
		if ((p[i] | 0x20) != lower[i])
			return false;
	return true;
}

#endif
