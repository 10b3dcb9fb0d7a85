/* SPDX-License-Identifier: MIT
 *
 * The stats page. Worker. Rendered from the region on request, which costs what a table
 * of all objects costs: it is for people and collectors, not for the hot path.
 */
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/must.h"
#include "lib/http/reply.h"
#include "shm/stats/render.h"
#include "worker/session.h"

enum page_kind { PAGE_HTML, PAGE_CSV, PAGE_JSON };

static char *
basic_value(const char *user_password)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t n = strlen(user_password), at = 6;
	char *out = must_calloc(1, at + (n + 2) / 3 * 4 + 1);
	memcpy(out, "Basic ", at);
	for (size_t i = 0; i < n; i += 3) {
		uint32_t v = (uint32_t)(unsigned char)user_password[i] << 16;
		v |= i + 1 < n ? (uint32_t)(unsigned char)user_password[i + 1] << 8 : 0;
		v |= i + 2 < n ? (uint32_t)(unsigned char)user_password[i + 2] : 0;
		out[at++] = digits[v >> 18];
		out[at++] = digits[v >> 12 & 63];
		out[at++] = i + 1 < n ? digits[v >> 6 & 63] : '=';
		out[at++] = i + 2 < n ? digits[v & 63] : '=';
	}
	return out;
}

/* In a time that does not tell where they differ. */
static bool
is_secret_equal(struct span a, const char *b)
{
	size_t n = strlen(b);
	volatile unsigned char differ = a.n != n;
	for (size_t i = 0; i < a.n; i++)
		differ |= (unsigned char)(a.p[i] ^ b[n ? i % n : 0]);
	return !differ;
}

static bool
is_allowed(const struct cfg_stats *c, const struct http_head *h)
{
	struct span given = http_head_value(h, HTTP_FIELD_AUTHORIZATION);
	bool found = c->auths_n == 0;
	for (size_t i = 0; i < c->auths_n && given.p; i++) {
		char *value = basic_value(c->auths[i]);
		found |= is_secret_equal(given, value);
		free(value);
	}
	return found;
}

static void
ask_for_password(struct txn *t, const struct cfg_stats *c)
{
	struct http_reply r;
	char line[256];
	int n = snprintf(line, sizeof(line),
			 "WWW-Authenticate: Basic realm=\"%.200s\"\r\n",
			 c->realm ? c->realm : "weir statistics");
	http_reply_error(401, &r);
	r.extra = span_of(line, (size_t)n);
	reply_send(t, &r, STOP_denied);
}

static void
send_page(struct txn *t, const struct cfg_stats *c, enum page_kind kind, bool refresh)
{
	struct shm_text text = {0};
	struct shm_html_opts opts = {.uri = c->uri,
				     .refresh_ms = refresh ? c->refresh_ms : 0,
				     .hide_version = c->hide_version};
	static const char *const types[] = {[PAGE_HTML] = "text/html; charset=utf-8",
					    [PAGE_CSV] = "text/plain",
					    [PAGE_JSON] = "application/json"};
	if (kind == PAGE_CSV)
		shm_render_csv(self.shm, &opts.stat, &text);
	else if (kind == PAGE_JSON)
		shm_render_json(self.shm, &opts.stat, &text);
	else
		shm_render_html(self.shm, &opts, &text);
	struct http_reply r = {.status = 200,
			       .content_type = span_str(types[kind]),
			       .extra = SPAN("Cache-Control: no-cache\r\n"),
			       .body = span_of(text.bytes, text.n)};
	if (text.failed)
		reply_error(t, 500, STOP_no_resources);
	else
		reply_send(t, &r, STOP_answered_here);
	shm_text_fini(&text);
}

static bool
has_option(struct span tail, struct span word)
{
	while (tail.n)
		if (span_eq(span_cut(&tail, ';'), word))
			return true;
	return false;
}

bool
stats_page_run(struct txn *t, const struct cfg_stats *c, const struct http_head *h)
{
	struct span uri = span_str(c->uri);
	if (!span_begins(h->target, uri) ||
	    (h->method != HTTP_METHOD_GET && h->method != HTTP_METHOD_HEAD))
		return false;
	struct span tail = span_of(h->target.p + uri.n, h->target.n - uri.n);
	t->is_stats = true;
	if (!is_allowed(c, h))
		ask_for_password(t, c);
	else if (has_option(tail, SPAN("csv")))
		send_page(t, c, PAGE_CSV, false);
	else if (has_option(tail, SPAN("json")))
		send_page(t, c, PAGE_JSON, false);
	else
		send_page(t, c, PAGE_HTML, !has_option(tail, SPAN("norefresh")));
	return true;
}
