/* SPDX-License-Identifier: MIT
 *
 * How the parsers look at bytes: a table of classes, and scans that take a step of many
 * bytes at a time (SSE2, which every x86-64 has, or a 64-bit word elsewhere; unit tests
 * compare both with the table). Private to lib/http.
 */
#ifndef WEIR_HTTP_SCAN_H
#define WEIR_HTTP_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

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

#ifdef __SSE2__

/* A step looks at 16 bytes. Bit i of the result: byte i is below `low` or DEL. */
enum { HTTP_STEP = 16 };
typedef uint32_t http_marks;

static inline http_marks
http_controls(const char *p, uint8_t low)
{
	__m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
	__m128i is_low =
		_mm_cmpeq_epi8(v, _mm_min_epu8(v, _mm_set1_epi8((char)(low - 1))));
	__m128i is_del = _mm_cmpeq_epi8(v, _mm_set1_epi8(0x7f));

	return (http_marks)_mm_movemask_epi8(_mm_or_si128(is_low, is_del));
}

/* Likewise: byte i cannot be in a target. */
static inline http_marks
http_not_target(const char *p)
{
	__m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
	__m128i is_hash = _mm_cmpeq_epi8(v, _mm_set1_epi8('#'));

	/* the sign bit: 8-bit bytes */
	return http_controls(p, 0x21) |
	       (http_marks)_mm_movemask_epi8(_mm_or_si128(is_hash, v));
}

/* Likewise: byte i is neither a letter nor '-', of which most names are made. */
static inline http_marks
http_not_name(const char *p)
{
	__m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
	__m128i letter =
		_mm_sub_epi8(_mm_or_si128(v, _mm_set1_epi8(0x20)), _mm_set1_epi8('a'));
	__m128i is_letter =
		_mm_cmpeq_epi8(letter, _mm_min_epu8(letter, _mm_set1_epi8(25)));
	__m128i is_dash = _mm_cmpeq_epi8(v, _mm_set1_epi8('-'));

	return (http_marks)_mm_movemask_epi8(_mm_or_si128(is_letter, is_dash)) ^ 0xffff;
}

static inline unsigned
http_first(http_marks marks)
{
	return (unsigned)__builtin_ctz(marks);
}

#else

/* A step looks at 8 bytes. The high bit of byte i of the result: byte i is below `low`
 * or DEL. The first mark may be a byte that is neither (a carry out of 0xff turns '~'
 * up), never one too late: the scans look again. */
enum { HTTP_STEP = 8 };
typedef uint64_t http_marks;

static inline http_marks
http_controls(const char *p, uint8_t low)
{
	uint64_t w = http_load8(p);

	return ((w - HTTP_EACH(low)) | (w + HTTP_EACH(1))) & ~w & HTTP_EACH(0x80);
}

/* Likewise: byte i cannot be in a target. */
static inline http_marks
http_not_target(const char *p)
{
	uint64_t w = http_load8(p), hash = w ^ HTTP_EACH('#');

	return http_controls(p, 0x21) |
	       ((w | ((hash - HTTP_EACH(1)) & ~hash)) & HTTP_EACH(0x80));
}

/* Likewise, but without help from the machine: the first byte is looked at again. */
static inline http_marks
http_not_name(const char *p)
{
	(void)p;
	return 0x80;
}

static inline unsigned
http_first(http_marks marks)
{
	return (unsigned)__builtin_ctzll(marks) >> 3;
}

#endif

/* The first byte in [q, end) that may not stand in a field value; end if there is none.
 */
static inline const char *
http_scan_value(const char *q, const char *end)
{
	while (end - q >= HTTP_STEP) {
		http_marks marks = http_controls(q, 0x20);
		if (!marks) {
			q += HTTP_STEP;
			continue;
		}
		q += http_first(marks);
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
	while (end - q >= HTTP_STEP) {
		http_marks marks = http_not_target(q);
		if (!marks) {
			q += HTTP_STEP;
			continue;
		}
		q += http_first(marks);
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
	if (end - q >= HTTP_STEP) {
		http_marks marks = http_not_name(q);
		if (marks) {
			q += http_first(marks);
			if (*q == ':' || *q == ' ')
				return q;
		} else {
			q += HTTP_STEP;
		}
	}
	while (q < end && http_is(*q, HTTP_C_TOKEN))
		q++;
	return q;
}

/* Whether p[0, n) is `lower` in any case; n is a constant, `lower` made of letters and
 * '-', p without controls: setting bit 5 then only joins the cases. */
static inline __attribute__((always_inline)) bool
http_name_is(const char *p, const char *lower, size_t n)
{
	if (n >= 8) {
		uint64_t diff = (http_load8(p) | HTTP_EACH(0x20)) ^ http_load8(lower);
		if (n > 16)
			diff |= (http_load8(p + 8) | HTTP_EACH(0x20)) ^
				http_load8(lower + 8);
		if (n > 8)
			diff |= (http_load8(p + (n - 8)) | HTTP_EACH(0x20)) ^
				http_load8(lower + (n - 8));
		return diff == 0;
	}
	if (n >= 4) {
		uint32_t diff = (http_load4(p) | 0x20202020u) ^ http_load4(lower);
		return (diff | ((http_load4(p + (n - 4)) | 0x20202020u) ^
				http_load4(lower + (n - 4)))) == 0;
	}
	for (size_t i = 0; i < n; i++)
		if ((p[i] | 0x20) != lower[i])
			return false;
	return true;
}

#endif
