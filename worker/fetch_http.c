/* SPDX-License-Identifier: MIT
 *
 * Fetches of a request's and a response's head (configuration.txt 7.3.6). Worker.
 */
#include "worker/fetch.h"

bool
fetch_method(const struct expr_context *c, const struct expr_arg *args,
	     struct expr_sample *out)
{
	const struct http_head *h = context_of(c)->req;
	(void)args;
	if (!h)
		return false;
	expr_set_str(out, h->method_text);
	out->type = EXPR_METHOD;
	return true;
}

bool
fetch_path(const struct expr_context *c, const struct expr_arg *args,
	   struct expr_sample *out)
{
	const struct http_head *h = context_of(c)->req;
	(void)args;
	if (!h || h->path.n == 0)
		return false;
	expr_set_str(out, h->path);
	return true;
}

bool
fetch_query(const struct expr_context *c, const struct expr_arg *args,
	    struct expr_sample *out)
{
	const struct http_head *h = context_of(c)->req;
	(void)args;
	if (!h || !h->query.p)
		return false;
	expr_set_str(out, h->query);
	return true;
}

bool
fetch_url(const struct expr_context *c, const struct expr_arg *args,
	  struct expr_sample *out)
{
	const struct http_head *h = context_of(c)->req;
	(void)args;
	if (!h)
		return false;
	expr_set_str(out, h->target);
	return true;
}

/* --- fields --------------------------------------------------------------------------
 */

/* Where the value that begins at `from` ends: a comma outside quotes, or the end. */
static size_t
value_end(struct span v, size_t from)
{
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

/* The value of a field at *place (field << 16 | offset) or behind, split at commas; moves
 * *place behind it. */
static bool
value_next(const struct http_head *h, struct span name, uint32_t *place, struct span *out)
{
	unsigned from = *place >> 16;
	size_t begin = *place & 0xffff;
	int i = http_head_find(h, name, from);
	if (i < 0)
		return false;
	if ((unsigned)i != from)
		begin = 0;
	struct span v = http_field_value(h, &h->fields[i]);
	size_t end = value_end(v, begin);
	*out = span_trim(span_of(v.p + begin, end - begin));
	*place = end < v.n ? (uint32_t)i << 16 | (uint32_t)(end + 1)
			   : (uint32_t)(i + 1) << 16;
	return true;
}

/* The occurrence of that number: from 1, or from -1 backwards. */
static bool
value_at(const struct http_head *h, struct span name, int64_t occurrence,
	 struct span *out)
{
	uint32_t place = 0;
	int64_t n = 0;
	if (occurrence < 0) {
		while (value_next(h, name, &place, out))
			n++;
		if (n + occurrence < 0)
			return false;
		occurrence += n + 1;
		place = 0;
	}
	while (occurrence > 0 && value_next(h, name, &place, out))
		occurrence--;
	return occurrence == 0;
}

static bool
field(const struct http_head *h, const struct expr_arg *args, struct expr_sample *out)
{
	struct span v;
	if (!h)
		return false;
	if (args[1].kind == EXPR_ARG_INT || !out->iterates) {
		int64_t n = args[1].kind == EXPR_ARG_INT ? args[1].integer : -1;
		if (!value_at(h, args[0].str, n ? n : -1, &v))
			return false;
	} else {
		out->has_more = true;
		if (!value_next(h, args[0].str, &out->next, &v))
			return false;
	}
	expr_set_str(out, v);
	return true;
}

/* Host as it is forwarded, which an absolute target replaces (RFC 9112 3.2.2): rules
 * must not look at another site than the server does. There is never more than one. */
static bool
site(const struct http_head *h, const struct expr_arg *nth, struct expr_sample *out)
{
	int64_t n = nth->kind == EXPR_ARG_INT ? nth->integer : 1;
	if (!h->authority.p || n < -1 || n > 1)
		return false;
	expr_set_str(out, h->authority);
	return true;
}

bool
fetch_req_hdr(const struct expr_context *c, const struct expr_arg *args,
	      struct expr_sample *out)
{
	const struct http_head *h = context_of(c)->req;
	if (h && span_ieq(args[0].str, SPAN("host")))
		return site(h, &args[1], out);
	return field(h, args, out);
}
