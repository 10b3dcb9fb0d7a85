/* SPDX-License-Identifier: MIT
 *
 * Redirections and the question for a password. Worker.
 */
#include "lib/http/reply.h"
#include "worker/rules/rules.h"

enum { LINES_BYTES = 16 * 1024 };

/* Field lines that grow in the scratch. */
struct lines {
	char *p;
	size_t n;
	bool is_full;
};

static void
add(struct lines *l, struct span s)
{
	if (l->n + s.n > LINES_BYTES) {
		l->is_full = true;
		return;
	}
	if (s.n)
		memcpy(l->p + l->n, s.p, s.n);
	l->n += s.n;
}

/* Bytes of a value: a line break would begin another field. */
static void
add_value(struct lines *l, struct span s)
{
	size_t from = l->n;
	add(l, s);
	for (; from < l->n; from++)
		if ((unsigned char)l->p[from] < ' ' || l->p[from] == 0x7f)
			l->p[from] = ' ';
}

static bool
lines_begin(struct lines *l)
{
	*l = (struct lines){.p = expr_scratch_take(&self.scratch, LINES_BYTES)};
	return l->p != NULL;
}

/* --- redirect ----------------------------------------------------------------------- */

/* Path and query of the request as `drop_query` and `append_slash` want them. */
static void
add_pathq(struct lines *l, const struct cfg_redirect *d, const struct http_head *h)
{
	add(l, h->path);
	if (!d->drop_query && h->query.p) {
		add(l, SPAN("?"));
		add(l, h->query);
	} else if (d->drop_query && d->append_slash && !span_ends(h->path, SPAN("/"))) {
		add(l, SPAN("/"));
	}
}

static void
add_location(struct lines *l, struct rule_run *r, const struct cfg_redirect *d,
	     struct span text)
{
	const struct http_head *h = r->c.req;
	add_value(l, text);
	if (!d->keep_query || !h || !h->query.p || !h->query.n)
		return;
	add(l, text.n && memchr(text.p, '?', text.n) ? SPAN("&") : SPAN("?"));
	add(l, h->query);
}

static void
add_cookies(struct lines *l, const struct cfg_redirect *d)
{
	if (d->set_cookie.n) {
		add(l, SPAN("Set-Cookie: "));
		add(l, d->set_cookie);
		add(l, SPAN("; path=/;\r\n"));
	}
	if (d->clear_cookie.n) {
		add(l, SPAN("Set-Cookie: "));
		add(l, d->clear_cookie);
		if (!memchr(d->clear_cookie.p, '=', d->clear_cookie.n))
			add(l, SPAN("="));
		add(l, SPAN("; path=/; Max-Age=0;\r\n"));
	}
}

/* configuration.txt, redirect */
enum rule_end
do_redirect(struct rule_run *r, const struct cfg_rule *a)
{
	const struct cfg_redirect *d = a->redirect;
	const struct format *f = d->location ? d->location
				 : d->prefix ? d->prefix
					     : d->scheme;
	struct span text = rule_text(r, f);
	struct lines l;
	if (d->location && d->ignore_empty && text.n == 0)
		return RULE_GOES_ON;
	if (!lines_begin(&l))
		return rule_failed(r);
	if (d->code == 302 || d->code == 303 || d->code == 307)
		add(&l, SPAN("Cache-Control: no-cache\r\n"));
	add(&l, SPAN("Location: "));
	if (d->location) {
		add_location(&l, r, d, text);
	} else if (d->prefix) {
		if (!span_eq(text, SPAN("/")))
			add_value(&l, text);
		add_pathq(&l, d, r->c.req);
	} else {
		add_value(&l, text);
		add(&l, SPAN("://"));
		add(&l, r->c.req->authority);
		add_pathq(&l, d, r->c.req);
	}
	add(&l, SPAN("\r\n"));
	add_cookies(&l, d);
	if (l.is_full)
		return rule_failed(r);
	struct http_reply reply = {.status = d->code, .extra = span_of(l.p, l.n)};
	reply_send(r->c.t, &reply, STOP_answered_here);
	return RULE_ENDED;
}

/* --- auth --------------------------------------------------------------------------- */

/* The page of the proxy, and the challenge (RFC 7617 2). */
enum rule_end
do_auth(struct rule_run *r, const struct cfg_rule *a)
{
	struct http_reply reply;
	struct lines l;
	if (!lines_begin(&l))
		return rule_failed(r);
	page_error(&r->c, 401, &reply);
	add(&l, reply.extra);
	add(&l, SPAN("WWW-Authenticate: Basic realm=\""));
	add_value(&l, a->name);
	add(&l, SPAN("\"\r\n"));
	if (l.is_full)
		return rule_failed(r);
	reply.extra = span_of(l.p, l.n);
	reply_send(r->c.t, &reply, STOP_answered_here);
	return RULE_ENDED;
}
