/* SPDX-License-Identifier: MIT
 *
 * Types of samples and how one becomes another. Any process; no allocation.
 */
#include "lib/base/addr.h"
#include "lib/expr/sample.h"

#include <arpa/inet.h>

#include "lib/base/num.h"
#include "lib/expr/parts.h"

const char *
expr_type_name(enum expr_type t)
{
	static const char *const names[] = {
		[EXPR_BOOL] = "bool",	  [EXPR_INT] = "int",	   [EXPR_IPV4] = "ipv4",
		[EXPR_IPV6] = "ipv6",	  [EXPR_STR] = "str",	   [EXPR_BIN] = "bin",
		[EXPR_METHOD] = "method", [EXPR_ADDR] = "address", [EXPR_ANY] = "any",
		[EXPR_SAME] = "same",
	};
	return names[t];
}

const char *
expr_at_text(enum expr_at at)
{
	switch (at) {
	case EXPR_AT_CONNECTION:
		return "a tcp_request connection rule";
	case EXPR_AT_SESSION:
		return "a tcp_request session rule";
	case EXPR_AT_CONTENT:
		return "a tcp_request content rule";
	case EXPR_AT_REQUEST:
		return "an http_request rule";
	case EXPR_AT_RES_CONTENT:
		return "a tcp_response content rule";
	case EXPR_AT_RESPONSE:
		return "an http_response rule";
	case EXPR_AT_AFTER_RESPONSE:
		return "an http_after_response rule";
	case EXPR_AT_LOG:
		return "a log format";
	case EXPR_AT_CHECK:
		return "a health check";
	case EXPR_AT_ALONE:
		return "an expression without traffic";
	}
	return "this place";
}

char *
expr_scratch_take(struct expr_scratch *s, size_t n)
{
	if (n > s->cap - s->used)
		return NULL;
	char *p = s->bytes + s->used;
	s->used += n;
	return p;
}

char *
expr_own(const struct expr_context *c, struct expr_sample *s)
{
	if (s->is_own)
		return (char *)(uintptr_t)s->str.p;
	char *p = expr_scratch_take(c->scratch, s->str.n);
	if (!p)
		return NULL;
	if (s->str.n)
		memcpy(p, s->str.p, s->str.n);
	s->str.p = p;
	s->is_own = true;
	return p;
}

/* Reads sign and digits at the front of *s; whether there were digits. */
static bool
read_int(struct span *s, int64_t *out)
{
	bool negative = s->n && s->p[0] == '-';
	size_t i = s->n && (s->p[0] == '-' || s->p[0] == '+');
	size_t begin = i;
	int64_t v = 0;
	for (; i < s->n && s->p[i] >= '0' && s->p[i] <= '9'; i++) {
		int digit = s->p[i] - '0';
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, negative ? -digit : digit, &v))
			v = negative ? INT64_MIN : INT64_MAX;
	}
	*out = v;
	*s = span_of(s->p + i, s->n - i);
	return i > begin;
}

int64_t
expr_leading_int(struct span s)
{
	int64_t v;
	(void)read_int(&s, &v);
	return v;
}

bool
expr_parse_int(struct span s, int64_t *out)
{
	return read_int(&s, out) && s.n == 0;
}

size_t
expr_put_int(char *p, int64_t v)
{
	if (v >= 0)
		return num_put(p, (uint64_t)v);
	*p = '-';
	return 1 + num_put(p + 1, -(uint64_t)v);
}

/* --- casts ---------------------------------------------------------------------------
 */

typedef bool cast_fn(const struct expr_context *c, struct expr_sample *s);

static bool
as_it_is(const struct expr_context *c, struct expr_sample *s)
{
	(void)c;
	(void)s;
	return true;
}

static bool
int_to_bool(const struct expr_context *c, struct expr_sample *s)
{
	(void)c;
	s->integer = s->integer != 0;
	return true;
}

static bool
int_to_str(const struct expr_context *c, struct expr_sample *s)
{
	char *p = expr_scratch_take(c->scratch, 20);
	if (!p)
		return false;
	expr_set_own(s, EXPR_STR, p, expr_put_int(p, s->integer));
	return true;
}

/* Eight bytes, the highest first. */
static bool
int_to_bin(const struct expr_context *c, struct expr_sample *s)
{
	uint64_t v = (uint64_t)s->integer;
	char *p = expr_scratch_take(c->scratch, 8);
	for (int i = 8; p && i-- > 0; v >>= 8)
		p[i] = (char)v;
	if (p)
		expr_set_own(s, EXPR_BIN, p, 8);
	return p != NULL;
}

static bool
int_to_ip4(const struct expr_context *c, struct expr_sample *s)
{
	(void)c;
	s->ipv4.s_addr = htonl((uint32_t)s->integer);
	s->type = EXPR_IPV4;
	return true;
}

static bool
ip4_to_ip6(const struct expr_context *c, struct expr_sample *s)
{
	struct in6_addr mapped = {.s6_addr = {[10] = 0xff, [11] = 0xff}};
	(void)c;
	memcpy(&mapped.s6_addr[12], &s->ipv4, 4);
	s->ipv6 = mapped;
	s->type = EXPR_IPV6;
	return true;
}

static bool
int_to_ip6(const struct expr_context *c, struct expr_sample *s)
{
	return int_to_ip4(c, s) && ip4_to_ip6(c, s);
}

static bool
ip4_to_int(const struct expr_context *c, struct expr_sample *s)
{
	(void)c;
	expr_set_int(s, ntohl(s->ipv4.s_addr));
	return true;
}

/* IPv4-mapped, RFC 6145 (::ffff:0:a.b.c.d), IPv4-compatible and 6to4 addresses hold an
 * IPv4 one; others have none. */
static bool
ip6_to_ip4(const struct expr_context *c, struct expr_sample *s)
{
	static const uint8_t fronts[][12] = {
		{[10] = 0xff, [11] = 0xff},
		{[8] = 0xff, [9] = 0xff},
		{0},
	};
	const uint8_t *b = s->ipv6.s6_addr;
	struct in_addr found;
	bool is_found = b[0] == 0x20 && b[1] == 0x02;
	(void)c;
	if (is_found)
		memcpy(&found, b + 2, 4);
	for (size_t i = 0; !is_found && i < sizeof(fronts) / sizeof(fronts[0]); i++)
		if (memcmp(b, fronts[i], 12) == 0) {
			memcpy(&found, b + 12, 4);
			is_found = true;
		}
	if (!is_found)
		return false;
	s->ipv4 = found;
	s->type = EXPR_IPV4;
	return true;
}

static bool
ip_to_str(const struct expr_context *c, struct expr_sample *s)
{
	char *p = expr_scratch_take(c->scratch, INET6_ADDRSTRLEN);
	if (!p)
		return false;
	if (s->type == EXPR_IPV4)
		expr_set_own(s, EXPR_STR, p, addr_put_ipv4(p, &s->ipv4));
	else if (inet_ntop(AF_INET6, &s->ipv6, p, INET6_ADDRSTRLEN))
		expr_set_own(s, EXPR_STR, p, strlen(p));
	return s->type == EXPR_STR;
}

static bool
ip_to_bin(const struct expr_context *c, struct expr_sample *s)
{
	size_t n = s->type == EXPR_IPV4 ? 4 : 16;
	char *p = expr_scratch_take(c->scratch, n);
	if (!p)
		return false;
	memcpy(p, &s->ipv6, n);
	expr_set_own(s, EXPR_BIN, p, n);
	return true;
}

static bool
str_to_int(const struct expr_context *c, struct expr_sample *s)
{
	(void)c;
	if (s->str.n == 0)
		return false;
	expr_set_int(s, expr_leading_int(s->str));
	return true;
}

static bool
str_to_bool(const struct expr_context *c, struct expr_sample *s)
{
	if (!str_to_int(c, s))
		return false;
	expr_set_bool(s, s->integer != 0);
	return true;
}

static bool
parse_ip(struct expr_sample *s, int family)
{
	char text[INET6_ADDRSTRLEN];
	if (s->str.n >= sizeof(text))
		return false;
	memcpy(text, s->str.p ? s->str.p : "", s->str.n);
	text[s->str.n] = '\0';
	if (inet_pton(family, text, &s->ipv6) != 1)
		return false;
	s->type = family == AF_INET ? EXPR_IPV4 : EXPR_IPV6;
	return true;
}

static bool
str_to_ip4(const struct expr_context *c, struct expr_sample *s)
{
	(void)c;
	return parse_ip(s, AF_INET);
}

static bool
str_to_ip6(const struct expr_context *c, struct expr_sample *s)
{
	struct span text = s->str;
	(void)c;
	if (parse_ip(s, AF_INET6))
		return true;
	s->str = text;
	return false;
}

static bool
str_to_addr(const struct expr_context *c, struct expr_sample *s)
{
	struct span text = s->str;
	if (parse_ip(s, AF_INET))
		return true;
	s->str = text;
	return str_to_ip6(c, s);
}

/* Text ends at the first NUL. */
static bool
bin_to_str(const struct expr_context *c, struct expr_sample *s)
{
	const char *nul = s->str.n ? memchr(s->str.p, '\0', s->str.n) : NULL;
	(void)c;
	if (nul)
		s->str.n = (size_t)(nul - s->str.p);
	return true;
}

/* configuration.txt 7.2: from the row's type to the column's; NULL: not possible. */
static cast_fn *const casts[EXPR_TYPES_N][EXPR_ADDR + 1] = {
	[EXPR_BOOL] =
		{[EXPR_BOOL] = as_it_is, [EXPR_INT] = as_it_is, [EXPR_STR] = int_to_str},
	[EXPR_INT] = {[EXPR_BOOL] = int_to_bool,
		      [EXPR_INT] = as_it_is,
		      [EXPR_IPV4] = int_to_ip4,
		      [EXPR_IPV6] = int_to_ip6,
		      [EXPR_ADDR] = int_to_ip4,
		      [EXPR_STR] = int_to_str,
		      [EXPR_BIN] = int_to_bin},
	[EXPR_IPV4] = {[EXPR_INT] = ip4_to_int,
		       [EXPR_IPV4] = as_it_is,
		       [EXPR_IPV6] = ip4_to_ip6,
		       [EXPR_ADDR] = as_it_is,
		       [EXPR_STR] = ip_to_str,
		       [EXPR_BIN] = ip_to_bin},
	[EXPR_IPV6] = {[EXPR_IPV4] = ip6_to_ip4,
		       [EXPR_IPV6] = as_it_is,
		       [EXPR_ADDR] = as_it_is,
		       [EXPR_STR] = ip_to_str,
		       [EXPR_BIN] = ip_to_bin},
	[EXPR_STR] = {[EXPR_BOOL] = str_to_bool,
		      [EXPR_INT] = str_to_int,
		      [EXPR_IPV4] = str_to_ip4,
		      [EXPR_IPV6] = str_to_ip6,
		      [EXPR_ADDR] = str_to_addr,
		      [EXPR_STR] = as_it_is,
		      [EXPR_BIN] = as_it_is,
		      [EXPR_METHOD] = as_it_is},
	[EXPR_BIN] = {[EXPR_STR] = bin_to_str,
		      [EXPR_BIN] = as_it_is,
		      [EXPR_METHOD] = bin_to_str},
	[EXPR_METHOD] =
		{[EXPR_STR] = as_it_is, [EXPR_BIN] = as_it_is, [EXPR_METHOD] = as_it_is},
};

bool
expr_can_cast(enum expr_type from, enum expr_type to)
{
	if (from >= EXPR_ANY || to >= EXPR_ANY)
		return true;
	if (from == EXPR_ADDR)
		return casts[EXPR_IPV4][to] || casts[EXPR_IPV6][to];
	return casts[from][to] != NULL;
}

bool
expr_cast_run(const struct expr_context *c, struct expr_sample *s, enum expr_type to)
{
	cast_fn *cast = casts[s->type][to];
	if (!cast || !cast(c, s))
		return false;
	if (to != EXPR_ADDR)
		s->type = (uint8_t)to;
	return true;
}
