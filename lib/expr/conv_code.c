/* SPDX-License-Identifier: MIT
 *
 * Converters between bytes and their written forms: hexadecimal, base64, base 2, decimal
 * lists, URL encoding; and masks of addresses. Any process.
 */
#include "lib/base/base64.h"
#include "lib/base/num.h"
#include "lib/expr/parts.h"

static const char digits_upper[] = "0123456789ABCDEF";

bool
expr_conv_hex(const struct expr_context *c, const struct expr_arg *args,
	      struct expr_sample *s)
{
	char *p = expr_scratch_take(c->scratch, s->str.n * 2);
	(void)args;
	for (size_t i = 0; p && i < s->str.n; i++) {
		p[2 * i] = digits_upper[(uint8_t)s->str.p[i] >> 4];
		p[2 * i + 1] = digits_upper[s->str.p[i] & 15];
	}
	if (p)
		expr_set_own(s, EXPR_STR, p, s->str.n * 2);
	return p != NULL;
}

bool
expr_conv_hex2i(const struct expr_context *c, const struct expr_arg *args,
		struct expr_sample *s)
{
	uint64_t v = 0;
	(void)c;
	(void)args;
	for (size_t i = 0; i < s->str.n; i++) {
		int digit = num_hex_digit(s->str.p[i]);
		if (digit < 0)
			return false;
		v = v << 4 | (uint64_t)digit;
	}
	expr_set_int(s, (int64_t)v);
	return true;
}

static bool
encode64(const struct expr_context *c, struct expr_sample *s, enum base64_form form)
{
	char *p = expr_scratch_take(c->scratch, base64_room(s->str.n));
	if (!p)
		return false;
	expr_set_own(s, EXPR_STR, p, base64_encode(s->str, form, p));
	return true;
}

static bool
decode64(const struct expr_context *c, struct expr_sample *s, enum base64_form form)
{
	char *p = expr_own(c, s);
	ssize_t n = p ? base64_decode(s->str, form, p) : -1;
	if (n < 0)
		return false;
	expr_set_own(s, EXPR_BIN, p, (size_t)n);
	return true;
}

bool
expr_conv_base64(const struct expr_context *c, const struct expr_arg *args,
		 struct expr_sample *s)
{
	(void)args;
	return encode64(c, s, BASE64_PADDED);
}

bool
expr_conv_b64dec(const struct expr_context *c, const struct expr_arg *args,
		 struct expr_sample *s)
{
	(void)args;
	return decode64(c, s, BASE64_PADDED);
}

bool
expr_conv_ub64enc(const struct expr_context *c, const struct expr_arg *args,
		  struct expr_sample *s)
{
	(void)args;
	return encode64(c, s, BASE64_URL);
}

bool
expr_conv_ub64dec(const struct expr_context *c, const struct expr_arg *args,
		  struct expr_sample *s)
{
	(void)args;
	return decode64(c, s, BASE64_URL);
}

bool
expr_conv_base2(const struct expr_context *c, const struct expr_arg *args,
		struct expr_sample *s)
{
	char *p = expr_scratch_take(c->scratch, s->str.n * 8);
	(void)args;
	for (size_t i = 0; p && i < s->str.n * 8; i++)
		p[i] = (char)('0' + ((uint8_t)s->str.p[i / 8] >> (7 - i % 8) & 1));
	if (p)
		expr_set_own(s, EXPR_STR, p, s->str.n * 8);
	return p != NULL;
}

/* --- pieces of n bytes ---------------------------------------------------------------
 */

/* be2dec, le2dec: 1 to 8 bytes make a number; be2hex: any number of bytes. */
int
expr_check_chunks(struct expr_env *env, struct expr_arg *args,
		  const struct expr_arg_text *texts, struct expr_error *err)
{
	(void)env;
	if (args[1].kind == EXPR_ARG_INT && (args[1].integer < 1 || args[1].integer > 8))
		return expr_fail(err, texts[1].at, "expected a size of 1 to 8 bytes");
	return 0;
}

static bool
to_decimal(const struct expr_context *c, const struct expr_arg *args,
	   struct expr_sample *s, bool is_big_endian)
{
	size_t size = (size_t)args[1].integer, n = s->str.n, out = 0;
	bool truncates = args[2].kind == EXPR_ARG_INT && args[2].integer;
	struct span separator = args[0].str;
	char *p = expr_scratch_take(c->scratch, (n / size + 1) * (20 + separator.n));
	if (!p)
		return false;
	for (size_t i = 0; i < n; i += size) {
		size_t here = n - i < size ? n - i : size;
		uint64_t v = 0;
		if (truncates && here < size)
			break;
		for (size_t j = 0; j < here; j++) {
			uint64_t byte = (uint8_t)s->str.p[i + j];
			v = is_big_endian ? v << 8 | byte : v | byte << (8 * j);
		}
		if (i && separator.n) {
			memcpy(p + out, separator.p, separator.n);
			out += separator.n;
		}
		out += num_put(p + out, v);
	}
	expr_set_own(s, EXPR_STR, p, out);
	return true;
}

bool
expr_conv_be2dec(const struct expr_context *c, const struct expr_arg *args,
		 struct expr_sample *s)
{
	return to_decimal(c, args, s, true);
}

bool
expr_conv_le2dec(const struct expr_context *c, const struct expr_arg *args,
		 struct expr_sample *s)
{
	return to_decimal(c, args, s, false);
}

bool
expr_conv_be2hex(const struct expr_context *c, const struct expr_arg *args,
		 struct expr_sample *s)
{
	struct span separator = args[0].kind == EXPR_ARG_STR ? args[0].str : SPAN("");
	bool truncates = args[2].kind == EXPR_ARG_INT && args[2].integer;
	size_t size = args[1].kind == EXPR_ARG_INT && args[1].integer > 0
			      ? (size_t)args[1].integer
			      : s->str.n + 1;
	size_t n = truncates ? s->str.n - s->str.n % size : s->str.n, out = 0;
	if (size > s->str.n)
		n = truncates && args[1].kind == EXPR_ARG_INT ? 0 : s->str.n;
	char *p = expr_scratch_take(c->scratch, n * 2 + n / size * separator.n);
	for (size_t i = 0; p && i < n; i++) {
		if (i && i % size == 0 && separator.n) {
			memcpy(p + out, separator.p, separator.n);
			out += separator.n;
		}
		p[out++] = digits_upper[(uint8_t)s->str.p[i] >> 4];
		p[out++] = digits_upper[s->str.p[i] & 15];
	}
	if (p)
		expr_set_own(s, EXPR_STR, p, out);
	return p != NULL;
}

/* --- URL encoding --------------------------------------------------------------------
 */

/* '+' is a space in forms, and behind a '?'. */
bool
expr_conv_url_dec(const struct expr_context *c, const struct expr_arg *args,
		  struct expr_sample *s)
{
	bool is_form = args[0].kind == EXPR_ARG_INT && args[0].integer;
	char *p = expr_own(c, s);
	size_t n = 0;
	if (!p)
		return false;
	for (size_t i = 0; i < s->str.n; i++) {
		char byte = p[i];
		if (byte == '%') {
			int high = i + 2 < s->str.n ? num_hex_digit(p[i + 1]) : -1;
			int low = high < 0 ? -1 : num_hex_digit(p[i + 2]);
			if (low < 0)
				return false;
			byte = (char)(high << 4 | low);
			i += 2;
		} else if (byte == '+' && is_form) {
			byte = ' ';
		} else if (byte == '?') {
			is_form = true;
		}
		p[n++] = byte;
	}
	s->str.n = n;
	return true;
}

static bool
is_unreserved(char c) /* RFC 3986 2.3 */
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
}

bool
expr_conv_url_enc(const struct expr_context *c, const struct expr_arg *args,
		  struct expr_sample *s)
{
	char *p = expr_scratch_take(c->scratch, s->str.n * 3);
	size_t n = 0;
	(void)args;
	for (size_t i = 0; p && i < s->str.n; i++) {
		char byte = s->str.p[i];
		if (is_unreserved(byte)) {
			p[n++] = byte;
			continue;
		}
		p[n++] = '%';
		p[n++] = digits_upper[(uint8_t)byte >> 4];
		p[n++] = digits_upper[byte & 15];
	}
	if (p)
		expr_set_own(s, EXPR_STR, p, n);
	return p != NULL;
}

/* --- addresses -----------------------------------------------------------------------
 */

bool
expr_conv_ipmask(const struct expr_context *c, const struct expr_arg *args,
		 struct expr_sample *s)
{
	/* an IPv4 address that is written as IPv6 is one */
	if (s->type == EXPR_IPV4 || expr_cast(c, s, EXPR_IPV4)) {
		s->ipv4.s_addr &= args[0].ip4.s_addr;
		return true;
	}
	if (args[1].kind != EXPR_ARG_IP6)
		return false;
	for (int i = 0; i < 16; i++)
		s->ipv6.s6_addr[i] &= args[1].ip6.s6_addr[i];
	return true;
}
