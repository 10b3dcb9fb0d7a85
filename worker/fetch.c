/* SPDX-License-Identifier: MIT
 *
 * The values of sample fetches (lib/expr/fetch.def) for the request being processed.
 * Worker. No copies: everything points into the head.
 */
#include "worker/rules.h"

/* The nth value of a field, where values are separated by commas outside quotes and
 * counted over all fields of that name (HAProxy's req.hdr). */
static bool
nth_value(const struct http_head *h, struct span name, unsigned nth, struct span *out)
{
	for (int i = http_head_find(h, name, 0); i >= 0;
	     i = http_head_find(h, name, (unsigned)i + 1)) {
		struct span rest = http_field_value(h, &h->fields[i]);
		size_t start = 0;
		bool quoted = false;
		for (size_t at = 0; at <= rest.n; at++) {
			if (at < rest.n && rest.p[at] == '\\' && quoted) {
				at++;
				continue;
			}
			if (at < rest.n && rest.p[at] == '"')
				quoted = !quoted;
			if (at < rest.n && (rest.p[at] != ',' || quoted))
				continue;
			if (nth-- == 0) {
				*out = span_trim(span_of(rest.p + start, at - start));
				return true;
			}
			start = at + 1;
		}
	}
	return false;
}

static bool
fetch(const struct expr_context *base, const struct expr_fetch *f, unsigned nth,
      struct span *out)
{
	const struct http_head *h =
		list_entry(base, const struct request_context, base)->head;
	if (f->id != EXPR_FETCH_hdr && f->id != EXPR_FETCH_req_hdr && nth > 0)
		return false;
	switch (f->id) {
	case EXPR_FETCH_path:
		*out = h->path;
		return h->path.n > 0;
	case EXPR_FETCH_query:
		*out = h->query;
		return h->query.p != NULL;
	case EXPR_FETCH_url:
		*out = h->target;
		return true;
	case EXPR_FETCH_method:
		*out = h->method_text;
		return true;
	case EXPR_FETCH_hdr:
	case EXPR_FETCH_req_hdr:
		return nth_value(h, f->arg, nth, out);
	case EXPR_FETCHES_N:
		break;
	}
	return false;
}

struct request_context
request_context_of(const struct http_head *h)
{
	return (struct request_context){.base = {.fetch = fetch}, .head = h};
}
