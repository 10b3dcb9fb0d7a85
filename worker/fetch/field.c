/* SPDX-License-Identifier: MIT
 *
 * Fetches of fields (configuration.txt 7.3.6: req.hdr, req.fhdr and their kin, the same
 * for responses). Worker. Where one of several values is (struct expr_sample, `next`):
 * the number of its field << 16 | its offset in the field's value.
 */
#include <arpa/inet.h>

#include "lib/base/num.h"
#include "lib/http/values.h"
#include "worker/fetch/fetch.h"

/* The first field at or after `from`, of that name where there is one; -1: none. */
static inline __attribute__((always_inline)) int
field_find(const struct http_head *h, const struct expr_arg *name, unsigned from)
{
	if (name->kind == EXPR_ARG_STR && name->str.n)
		return http_head_find_id(h, (enum http_field_id)name->field_id, name->str,
					 from);
	while (from < h->fields_n && h->fields[from].deleted)
		from++;
	return from < h->fields_n ? (int)from : -1;
}

/* Host of a request is what is forwarded as such, which an absolute target replaces (RFC
 * 9112 3.2.2): rules must not look at another site than the server does. */
static bool
site_once(const struct http_head *h, uint32_t *place, struct span *out)
{
	if (*place)
		return false;
	*place = UINT32_MAX;
	*out = h->authority;
	return true;
}

/* The next value at *place or behind; moves *place behind it. */
static inline __attribute__((always_inline)) bool
value_next(const struct http_head *h, const struct expr_arg *name, bool splits,
	   uint32_t *place, struct span *out)
{
	if (h->authority.p && name->field_id == HTTP_FIELD_HOST)
		return site_once(h, place, out);
	int i = field_find(h, name, *place >> 16);
	if (i < 0)
		return false;
	*out = http_value_take(h, (unsigned)i, splits, place);
	return true;
}

/* The occurrence of that number: from 1, or from -1 backwards. */
static bool
value_at(const struct http_head *h, const struct expr_arg *name, bool splits,
	 int64_t occurrence, struct span *out)
{
	uint32_t place = 0;
	int64_t n = 0;
	if (occurrence < 0) {
		while (value_next(h, name, splits, &place, out))
			n++;
		if (n + occurrence < 0)
			return false;
		occurrence += n + 1;
		place = 0;
	}
	while (occurrence > 0 && value_next(h, name, splits, &place, out))
		occurrence--;
	return occurrence == 0;
}

/* The occurrence asked for; all, one after the other; or the last one. */
static bool
give_value(const struct http_head *h, const struct expr_arg *args, bool splits,
	   struct expr_sample *s)
{
	struct span v = {NULL, 0};
	if (!h)
		return false;
	int64_t n = args[1].kind == EXPR_ARG_INT ? args[1].integer : 0;
	if (n == 0 && s->iterates) {
		bool is_there = value_next(h, args, splits, &s->next, &v);
		s->has_more = s->next >> 16 < h->fields_n;
		return is_there && give_span(s, v);
	}
	return value_at(h, args, splits, n ? n : -1, &v) && give_span(s, v);
}

static bool
give_count(const struct http_head *h, const struct expr_arg *args, bool splits,
	   struct expr_sample *s)
{
	uint32_t place = 0;
	struct span ignored;
	int64_t n = 0;
	if (!h)
		return false;
	while (value_next(h, args, splits, &place, &ignored))
		n++;
	return give_int(s, n);
}

/* "10.0.0.1", "10.0.0.1:80", "2001:db8::1", "[2001:db8::1]:80" (RFC 7239 6). */
static bool
give_field_ip(struct expr_sample *s, struct span v)
{
	char text[INET6_ADDRSTRLEN];
	uint64_t port = 0;
	const char *close = v.n && v.p[0] == '[' ? memchr(v.p, ']', v.n) : NULL;
	const char *colon = v.n ? memchr(close ? close : v.p, ':',
					 v.n - (close ? (size_t)(close - v.p) : 0))
				: NULL;
	bool is_bare_v6 = !close && colon &&
			  memchr(colon + 1, ':', v.n - (size_t)(colon + 1 - v.p));
	if (colon && !is_bare_v6) {
		struct span digits = span_of(colon + 1, v.n - (size_t)(colon + 1 - v.p));
		if (num_u64(digits, &port) != NUM_OK || port > 65535)
			return false;
		v.n = (size_t)(colon - v.p);
	}
	if (close) {
		if (v.p[v.n - 1] != ']')
			return false;
		v = span_of(v.p + 1, v.n - 2);
	}
	if (v.n >= sizeof(text))
		return false;
	memcpy(text, v.p, v.n);
	text[v.n] = '\0';
	s->type = EXPR_IPV4;
	if (!close && inet_pton(AF_INET, text, &s->ipv4) == 1)
		return true;
	s->type = EXPR_IPV6;
	return inet_pton(AF_INET6, text, &s->ipv6) == 1;
}

/* Values that are not addresses do not count in ACLs. */
static bool
give_ip_value(const struct http_head *h, const struct expr_arg *args,
	      struct expr_sample *s)
{
	while (give_value(h, args, true, s)) {
		if (give_field_ip(s, s->str))
			return true;
		if (!s->iterates)
			return false;
	}
	return false;
}

static bool
give_int_value(const struct expr_context *c, const struct http_head *h,
	       const struct expr_arg *args, struct expr_sample *s)
{
	return give_value(h, args, true, s) && expr_cast(c, s, EXPR_INT);
}

/* --- the whole head --------------------------------------------------------------------
 */

static bool
give_names(const struct expr_context *c, const struct http_head *h,
	   const struct expr_arg *args, struct expr_sample *s)
{
	char delimiter =
		args[0].kind == EXPR_ARG_STR && args[0].str.n ? args[0].str.p[0] : ',';
	size_t n = 0;
	for (unsigned i = 0; h && i < h->fields_n; i++)
		n += h->fields[i].deleted ? 0 : h->fields[i].name_n + 1u;
	char *p = h ? expr_scratch_take(c->scratch, n) : NULL;
	if (!p)
		return false;
	n = 0;
	for (unsigned i = 0; i < h->fields_n; i++) {
		struct span name = http_field_name(h, &h->fields[i]);
		if (h->fields[i].deleted)
			continue;
		if (n)
			p[n++] = delimiter;
		memcpy(p + n, name.p, name.n);
		n += name.n;
	}
	return give_span(s, span_of(p, n));
}

static bool
give_lines(const struct expr_context *c, const struct http_head *h, struct expr_sample *s)
{
	size_t n = 2;
	for (unsigned i = 0; h && i < h->fields_n; i++)
		n += h->fields[i].deleted ? 0 : h->fields[i].line_n;
	char *p = h ? expr_scratch_take(c->scratch, n) : NULL;
	if (!p)
		return false;
	n = 0;
	for (unsigned i = 0; i < h->fields_n; i++) {
		const struct http_field *f = &h->fields[i];
		if (f->deleted)
			continue;
		memcpy(p + n, http_field_base(h, f) + f->line_off, f->line_n);
		n += f->line_n;
	}
	memcpy(p + n, "\r\n", 2);
	return give_span(s, span_of(p, n + 2));
}

/* A length in the variable encoding of the SPOE protocol: below 240 one byte; else four
 * bits in the first one, and seven in each that follows. */
static size_t
put_length(char *p, uint64_t v)
{
	size_t n = 0;
	if (v < 240) {
		p[n++] = (char)v;
		return n;
	}
	p[n++] = (char)(v | 240);
	for (v = (v - 240) >> 4; v >= 128; v = (v - 128) >> 7)
		p[n++] = (char)(v | 128);
	p[n++] = (char)v;
	return n;
}

static size_t
put_string(char *p, struct span v)
{
	size_t n = put_length(p, v.n);
	if (v.n)
		memcpy(p + n, v.p, v.n);
	return n + v.n;
}

static bool
give_lines_bin(const struct expr_context *c, const struct http_head *h,
	       struct expr_sample *s)
{
	enum { LENGTH_BYTES = 4 };
	size_t n = 2;
	for (unsigned i = 0; h && i < h->fields_n; i++)
		n += 2 * LENGTH_BYTES + h->fields[i].line_n;
	char *p = h ? expr_scratch_take(c->scratch, n) : NULL;
	if (!p)
		return false;
	n = 0;
	for (unsigned i = 0; i < h->fields_n; i++) {
		const struct http_field *f = &h->fields[i];
		if (f->deleted)
			continue;
		n += put_string(p + n, http_field_name(h, f));
		n += put_string(p + n, http_field_value(h, f));
	}
	memset(p + n, 0, 2);
	return give_bin(s, span_of(p, n + 2));
}

/* Each for the request and for the response. */
#define BOTH(name, call)                                        \
	FETCH_FN(req_##name)                                    \
	{                                                       \
		const struct http_head *h = context_of(c)->req; \
		return call;                                    \
	}                                                       \
	FETCH_FN(res_##name)                                    \
	{                                                       \
		const struct http_head *h = context_of(c)->res; \
		return call;                                    \
	}

BOTH(hdr, give_value(h, args, true, s))
BOTH(fhdr, give_value(h, args, false, s))
BOTH(hdr_cnt, give_count(h, args, true, s))
BOTH(fhdr_cnt, give_count(h, args, false, s))
BOTH(hdr_ip, give_ip_value(h, args, s))
BOTH(hdr_val, give_int_value(c, h, args, s))
BOTH(hdr_names, give_names(c, h, args, s))
BOTH(hdrs, give_lines(c, h, s))
BOTH(hdrs_bin, give_lines_bin(c, h, s))
