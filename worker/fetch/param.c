/* SPDX-License-Identifier: MIT
 *
 * Fetches of name=value pairs: cookies, parameters of URLs and bodies (configuration.txt
 * 7.3.6), and of bodies themselves. Worker.
 */
#include "lib/base/num.h"
#include "worker/fetch/fetch.h"

/* --- cookies ---------------------------------------------------------------------------
 */

struct cookie {
	struct span name, value;
};

/* "name=value" with blanks around both; quotes around the value stay. */
static bool
cookie_split(struct span pair, struct cookie *out)
{
	out->value = pair;
	out->name = span_trim(span_cut(&out->value, '='));
	bool has_value = out->value.p > pair.p + out->name.n;
	out->value = span_trim(out->value);
	return out->name.n && has_value;
}

/* The next cookie at *place (field << 16 | offset) or behind: every pair of a Cookie
 * field, the first one of a Set-Cookie field. */
static inline bool
cookie_next(const struct http_head *h, bool is_response, uint32_t *place,
	    struct cookie *out)
{
	struct span field = is_response ? SPAN("Set-Cookie") : SPAN("Cookie");
	enum http_field_id id = http_field_id_of(field);
	for (;;) {
		unsigned from = *place >> 16;
		int i = http_head_find_id(h, id, field, from);
		if (i < 0)
			return false;
		struct span v = http_field_value(h, &h->fields[i]);
		size_t begin = (unsigned)i == from ? *place & 0xffff : 0;
		struct span rest = span_of(v.p + begin, v.n - begin);
		struct span pair = span_cut(&rest, ';');
		*place = rest.n && !is_response
				 ? (uint32_t)i << 16 | (uint32_t)(rest.p - v.p)
				 : (uint32_t)(i + 1) << 16;
		if (cookie_split(pair, out))
			return true;
	}
}

/* The next one of that name; without a name any. */
static bool
cookie_find(const struct http_head *h, bool is_response, const struct expr_arg *name,
	    uint32_t *place, struct cookie *out)
{
	while (cookie_next(h, is_response, place, out))
		if (name->kind != EXPR_ARG_STR || span_eq(out->name, name->str))
			return true;
	return false;
}

/* All, one after the other; the last one of a name; the first one at all. */
static bool
give_cookie(const struct http_head *h, bool is_response, const struct expr_arg *args,
	    struct expr_sample *s)
{
	struct cookie found;
	uint32_t place = 0;
	if (!h)
		return false;
	if (s->iterates) {
		s->has_more = true;
		return cookie_find(h, is_response, args, &s->next, &found) &&
		       give_span(s, found.value);
	}
	if (!cookie_find(h, is_response, args, &place, &found))
		return false;
	for (struct cookie next; args[0].kind == EXPR_ARG_STR &&
				 cookie_find(h, is_response, args, &place, &next);)
		found = next;
	return give_span(s, found.value);
}

static bool
give_cookie_count(const struct http_head *h, bool is_response,
		  const struct expr_arg *args, struct expr_sample *s)
{
	struct cookie ignored;
	uint32_t place = 0;
	int64_t n = 0;
	if (!h)
		return false;
	while (cookie_find(h, is_response, args, &place, &ignored))
		n++;
	return give_int(s, n);
}

static bool
give_cookie_names(const struct expr_context *c, const struct http_head *h,
		  bool is_response, const struct expr_arg *args, struct expr_sample *s)
{
	static const struct expr_arg any = {.kind = EXPR_ARG_NONE};
	char delimiter =
		args[0].kind == EXPR_ARG_STR && args[0].str.n ? args[0].str.p[0] : ',';
	struct cookie k;
	size_t n = 0;
	for (uint32_t place = 0; h && cookie_find(h, is_response, &any, &place, &k);)
		n += k.name.n + 1;
	char *p = n ? expr_scratch_take(c->scratch, n) : NULL;
	if (!p)
		return false;
	n = 0;
	for (uint32_t place = 0; cookie_find(h, is_response, &any, &place, &k);) {
		if (n)
			p[n++] = delimiter;
		memcpy(p + n, k.name.p, k.name.n);
		n += k.name.n;
	}
	return give_span(s, span_of(p, n));
}

FETCH_FN(req_cook)
{
	return give_cookie(context_of(c)->req, false, args, s);
}

FETCH_FN(res_cook)
{
	return give_cookie(context_of(c)->res, true, args, s);
}

FETCH_FN(req_cook_val)
{
	return give_cookie(context_of(c)->req, false, args, s) &&
	       expr_cast(c, s, EXPR_INT);
}

FETCH_FN(res_cook_val)
{
	return give_cookie(context_of(c)->res, true, args, s) &&
	       expr_cast(c, s, EXPR_INT);
}

FETCH_FN(req_cook_cnt)
{
	return give_cookie_count(context_of(c)->req, false, args, s);
}

FETCH_FN(res_cook_cnt)
{
	return give_cookie_count(context_of(c)->res, true, args, s);
}

FETCH_FN(req_cook_names)
{
	return give_cookie_names(c, context_of(c)->req, false, args, s);
}

FETCH_FN(res_cook_names)
{
	return give_cookie_names(c, context_of(c)->res, true, args, s);
}

/* --- parameters ------------------------------------------------------------------------
 */

/* Whether c ends a parameter: '&', in URLs also ';' and their own delimiter. */
static bool
ends_param(char c, char delimiter)
{
	return c == '&' || (delimiter && (c == ';' || c == delimiter));
}

/* The next parameter "name=value" of text at s->next or behind; without a name any. */
static bool
param_next(struct span text, const struct expr_arg *name, bool is_caseless,
	   char delimiter, struct expr_sample *s)
{
	while (s->next < text.n) {
		size_t begin = s->next, end = begin;
		while (end < text.n && !ends_param(text.p[end], delimiter))
			end++;
		s->next = (uint32_t)(end + 1);
		struct span value = span_of(text.p + begin, end - begin);
		struct span key = span_cut(&value, '=');
		if (key.n == end - begin)
			continue; /* no '=' */
		if (name->kind == EXPR_ARG_STR && name->str.n &&
		    !(is_caseless ? span_ieq(key, name->str) : span_eq(key, name->str)))
			continue;
		return give_span(s, value);
	}
	return false;
}

FETCH_FN(urlp)
{
	const struct http_head *h = context_of(c)->req;
	char delimiter =
		args[1].kind == EXPR_ARG_STR && args[1].str.n ? args[1].str.p[0] : '?';
	const char *mark =
		h && h->target.n ? memchr(h->target.p, delimiter, h->target.n) : NULL;
	if (!mark)
		return false;
	struct span text =
		span_of(mark + 1, h->target.n - (size_t)(mark + 1 - h->target.p));
	s->has_more = s->iterates;
	return param_next(text, &args[0], args[2].kind == EXPR_ARG_INT, delimiter, s);
}

FETCH_FN(urlp_val)
{
	return fetch_urlp(c, args, s) && expr_cast(c, s, EXPR_INT);
}

/* --- bodies ----------------------------------------------------------------------------
 */

static bool
give_body(const struct expr_context *c, const struct http_head *h, struct expr_sample *s)
{
	struct span body = context_of(c)->body;
	return h && give_bin(s, body.p ? body : SPAN(""));
}

static bool
give_body_size(const struct expr_context *c, const struct http_head *h,
	       struct expr_sample *s)
{
	uint64_t length;
	if (!h)
		return false;
	if (num_u64(http_head_value(h, HTTP_FIELD_CONTENT_LENGTH), &length) == NUM_OK)
		return give_int(s, (int64_t)length);
	return give_int(s, (int64_t)context_of(c)->body.n);
}

FETCH_FN(req_body)
{
	return give_body(c, context_of(c)->req, s);
}

FETCH_FN(req_body_len)
{
	return context_of(c)->req && give_int(s, (int64_t)context_of(c)->body.n);
}

FETCH_FN(req_body_size)
{
	return give_body_size(c, context_of(c)->req, s);
}

FETCH_FN(res_body)
{
	return give_body(c, context_of(c)->res, s);
}

FETCH_FN(res_body_len)
{
	return context_of(c)->res && give_int(s, (int64_t)context_of(c)->body.n);
}

FETCH_FN(res_body_size)
{
	return give_body_size(c, context_of(c)->res, s);
}

FETCH_FN(req_body_param)
{
	s->has_more = s->iterates;
	return param_next(context_of(c)->body, &args[0], args[1].kind == EXPR_ARG_INT, 0,
			  s);
}
