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
#include "worker/stats_page.h"

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

/* --- options -------------------------------------------------------------------------
 */

struct span
stats_request_option(const struct stats_request *r, struct span name)
{
	for (struct span rest = r->tail; rest.n;) {
		size_t n = 0;
		while (n < rest.n && !memchr(";?&", rest.p[n], 3))
			n++;
		struct span value = span_of(rest.p, n), key = span_cut(&value, '=');
		if (span_eq(key, name))
			return value.p ? value : SPAN("");
		n += n < rest.n;
		rest = span_of(rest.p + n, rest.n - n);
	}
	return span_of(NULL, 0);
}

static bool
has_option(const struct stats_request *r, const char *name)
{
	return stats_request_option(r, span_str(name)).p != NULL;
}

/* ";scope=text" shows the proxies whose names have the text in them. */
static bool
shows(const void *arg, const char *proxy)
{
	const struct stats_request *r = arg;
	struct span part = stats_request_option(r, SPAN("scope"));
	size_t n = strlen(proxy);
	if (!cfg_stats_covers(r->page, proxy))
		return false;
	for (size_t i = 0; i + part.n <= n; i++)
		if (span_ieq(span_of(proxy + i, part.n), part))
			return true;
	return false;
}

/* --- the page ------------------------------------------------------------------------
 */

static const struct {
	const char *word; /* ";st=DONE" */
	const char *text;
	bool is_good;
} results[] = {
	{"DONE", "The servers were told.", true},
	{"NONE", "Nothing has changed: choose servers and what to do.", false},
	{"PART", "Some of the servers are not there, the others were told.", false},
	{"ERRP", "There is no such server, backend or action.", false},
	{"EXCD", "These were too many servers for one request.", false},
	{"DENY", "This is not allowed.", false},
};

/* What is to be said about the form that was sent before. */
static void
take_result(const struct stats_request *r, struct shm_html_opts *o)
{
	struct span word = stats_request_option(r, SPAN("st"));
	for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++)
		if (span_eq(word, span_str(results[i].word))) {
			o->said = results[i].text;
			o->said_is_good = results[i].is_good;
		}
}

static void
send_page(struct txn *t, const struct stats_request *q, struct http_head *h,
	  enum page_kind kind)
{
	const struct cfg_stats *c = &q->page->stats;
	struct shm_text text = {0};
	struct shm_html_opts opts = {
		.uri = c->uri,
		.refresh_ms = has_option(q, "norefresh") ? 0 : c->refresh_ms,
		.hide_version = c->hide_version,
		.is_admin = rules_any(t, h, c->admin, c->admin_n),
		.stat = {.shows = shows,
			 .shows_arg = q,
			 .only_up = has_option(q, "up"),
			 .no_maint = has_option(q, "no-maint")},
	};
	static const char *const types[] = {[PAGE_HTML] = "text/html; charset=utf-8",
					    [PAGE_CSV] = "text/plain",
					    [PAGE_JSON] = "application/json"};
	take_result(q, &opts);
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

enum rule_end
stats_page_run(struct txn *t, const struct cfg_proxy *page, struct http_head *h)
{
	const struct cfg_stats *c = &page->stats;
	struct span uri = span_str(c->uri);
	bool is_post = h->method == HTTP_METHOD_POST;
	if (!span_begins(h->target, uri) ||
	    (h->method != HTTP_METHOD_GET && h->method != HTTP_METHOD_HEAD && !is_post))
		return RULE_GOES_ON;
	const struct stats_request q = {
		page, span_of(h->target.p + uri.n, h->target.n - uri.n)};
	t->is_stats = true;
	if (!is_allowed(c, h))
		ask_for_password(t, c);
	else if (is_post)
		return stats_form_run(t, &q, h);
	else
		send_page(t, &q, h,
			  has_option(&q, "csv")	   ? PAGE_CSV
			  : has_option(&q, "json") ? PAGE_JSON
						   : PAGE_HTML);
	return RULE_ENDED;
}
