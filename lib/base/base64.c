/* SPDX-License-Identifier: MIT
 *
 * Base64. Any process.
 */
#include "lib/base/base64.h"

#include <stdint.h>

static const char alphabets[2][65] = {
	[BASE64_PADDED] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
	[BASE64_URL] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
};

size_t
base64_encode(struct span in, enum base64_form form, char *out)
{
	const char *digits = alphabets[form];
	const uint8_t *p = (const uint8_t *)in.p;
	size_t n = 0;
	for (size_t i = 0; i < in.n; i += 3) {
		size_t left = in.n - i;
		uint32_t v = (uint32_t)p[i] << 16;
		if (left > 1)
			v |= (uint32_t)p[i + 1] << 8;
		if (left > 2)
			v |= p[i + 2];
		out[n++] = digits[v >> 18];
		out[n++] = digits[v >> 12 & 63];
		if (left > 1)
			out[n++] = digits[v >> 6 & 63];
		else if (form == BASE64_PADDED)
			out[n++] = '=';
		if (left > 2)
			out[n++] = digits[v & 63];
		else if (form == BASE64_PADDED)
			out[n++] = '=';
	}
	return n;
}

static int
value_of(char c, enum base64_form form)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == alphabets[form][62])
		return 62;
	return c == alphabets[form][63] ? 63 : -1;
}

ssize_t
base64_decode(struct span in, enum base64_form form, char *out)
{
	size_t n = 0, digits = in.n;
	uint32_t v = 0;
	if (form == BASE64_PADDED) {
		if (in.n % 4)
			return -1;
		while (digits && in.n - digits < 2 && in.p[digits - 1] == '=')
			digits--;
	}
	if (digits % 4 == 1)
		return -1;
	for (size_t i = 0; i < digits; i++) {
		int d = value_of(in.p[i], form);
		if (d < 0)
			return -1;
		v = v << 6 | (uint32_t)d;
		if (i % 4 == 0)
			continue;
		/* the digits 1, 2, 3 of a group complete one byte each */
		out[n++] = (char)(v >> (6 - 2 * (i % 4)));
	}
	return (ssize_t)n;
}
