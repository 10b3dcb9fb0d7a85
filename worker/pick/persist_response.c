/* SPDX-License-Identifier: MIT
 *
 * Persistence by cookies in responses: what becomes of the server's Set-Cookie, and
 * whether the client gets one of ours. Worker.
 */
#include "lib/base/clock.h"
#include "lib/http/cookie.h"
#include "lib/http/edit.h"
#include "worker/pick/persist.h"

enum { DATES_BYTES = 2 * (1 + HTTP_COOKIE_DATE_BYTES) };

static uint64_t
now_s(void)
{
	return clock_wall_us() / 1000000;
}

static void
begin_edit(struct http_head *h)
{
	if (!h->is_edited)
		http_edit_begin(h, self.edits, WORKER_EDITS_BYTES);
}

/* --- the server's cookie --------------------------------------------------------- */

/* name=VALUE and what follows, where VALUE is "before" and "value". */
static bool
set_value(struct http_head *h, unsigned i, const struct http_cookie *k,
	  struct span before, struct span value)
{
	const struct span parts[] = {k->name, SPAN("="), before, value, k->behind};
	size_t need = 0, n = 0;
	for (size_t j = 0; j < 5; j++)
		need += parts[j].n;
	char *p = expr_scratch_take(&self.scratch, need);
	if (!p)
		return false;
	for (size_t j = 0; j < 5; j++) {
		memcpy(p + n, parts[j].p ? parts[j].p : "", parts[j].n);
		n += parts[j].n;
	}
	begin_edit(h);
	return http_edit_value(h, i, span_of(p, n));
}

static void
take_over(struct txn *t, struct http_head *h, unsigned i, const struct http_cookie *k)
{
	const struct cfg_cookie *c = &t->be->cfg->cookie;
	struct span name = t->srv->cookie;
	bool is_deleted =
		c->mode == CFG_COOKIE_INSERT || (c->indirect && persist_is_direct(t));
	t->set_cookie = PERSIST_SET_PROVIDED;
	if (c->preserve)
		return;
	begin_edit(h);
	if (is_deleted) {
		if (http_edit_delete(h, i))
			t->set_cookie = PERSIST_SET_DELETED;
	} else if (name.n && c->mode == CFG_COOKIE_REWRITE) {
		if (set_value(h, i, k, name, span_of(NULL, 0)))
			t->set_cookie = PERSIST_SET_REWRITTEN;
	} else if (name.n && c->mode == CFG_COOKIE_PREFIX) {
		char before[CFG_NAME_MAX * 4];
		if (name.n + 1 > sizeof(before))
			return;
		memcpy(before, name.p, name.n);
		before[name.n] = '~';
		if (set_value(h, i, k, span_of(before, name.n + 1), k->value))
			t->set_cookie = PERSIST_SET_REWRITTEN;
	}
}

/* --- ours ------------------------------------------------------------------------ */

/* The client has none for this server, or its dates are not as they should be. */
static bool
is_wanted(const struct txn *t)
{
	const struct cfg_cookie *c = &t->be->cfg->cookie;
	if (!persist_is_direct(t))
		return true;
	bool is_dated = c->maxidle_ms || t->cookie_used_s;
	return (is_dated && (!t->cookie_used_s || t->cookie_used_s < now_s())) ||
	       (c->maxlife_ms && !t->cookie_set_s) || (!c->maxlife_ms && t->cookie_set_s);
}

static bool
must_insert(const struct txn *t)
{
	const struct cfg_cookie *c = &t->be->cfg->cookie;
	return c->mode == CFG_COOKIE_INSERT && !t->ignores_persist &&
	       !(c->preserve && t->set_cookie == PERSIST_SET_PROVIDED) &&
	       !(c->postonly && t->method != HTTP_METHOD_POST) && is_wanted(t);
}

/* "|LAST-USED" or "|LAST-USED|FIRST-SET", rounded up to four seconds. */
static size_t
put_dates(const struct txn *t, char out[DATES_BYTES])
{
	const struct cfg_cookie *c = &t->be->cfg->cookie;
	uint64_t used_s = now_s() + 3;
	if (!c->maxidle_ms && !c->maxlife_ms)
		return 0;
	out[0] = '|';
	http_cookie_date_put(used_s, out + 1);
	if (!c->maxlife_ms)
		return 1 + HTTP_COOKIE_DATE_BYTES;
	char *set = out + 1 + HTTP_COOKIE_DATE_BYTES;
	set[0] = '|';
	http_cookie_date_put(t->cookie_set_s ? t->cookie_set_s : used_s, set + 1);
	return DATES_BYTES;
}

/* A server without a cookie takes the client's away. */
static bool
insert(const struct txn *t, struct http_head *h)
{
	const struct cfg_cookie *c = &t->be->cfg->cookie;
	char dates[DATES_BYTES];
	bool has_cookie = t->srv->cookie.n > 0;
	const struct span parts[] = {
		c->name,
		SPAN("="),
		t->srv->cookie,
		has_cookie ? span_of(dates, put_dates(t, dates)) : span_of("", 0),
		has_cookie ? SPAN("; path=/")
			   : SPAN("; Expires=Thu, 01-Jan-1970 00:00:01 GMT; path=/"),
		c->tail,
	};
	size_t need = 0, n = 0;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		need += parts[i].n;
	char *p = expr_scratch_take(&self.scratch, need);
	if (!p)
		return false;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		memcpy(p + n, parts[i].p ? parts[i].p : "", parts[i].n);
		n += parts[i].n;
	}
	begin_edit(h);
	return http_edit_add(h, SPAN("Set-Cookie"), span_of(p, n));
}

/* --- nocache ----------------------------------------------------------------------- */

static bool
is_cacheable_status(unsigned status)
{
	static const uint16_t all[] = {200, 203, 204, 206, 300, 301,
				       404, 405, 410, 414, 501};
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (all[i] == status)
			return true;
	return false;
}

struct caching {
	bool is_allowed;
	bool is_fresh; /* it says how long */
};

/* A word of Cache-Control. */
static void
judge(struct caching *c, struct span word)
{
	static const char *const forbidding[] = {"private", "no-cache", "no-store",
						 "max-age=0", "s-maxage=0"};
	if (span_ieq(word, SPAN("public")))
		c->is_allowed = true;
	for (size_t i = 0; i < sizeof(forbidding) / sizeof(forbidding[0]); i++)
		if (span_ieq(word, span_str(forbidding[i])))
			c->is_allowed = false;
	struct span name = span_cut(&word, '=');
	c->is_fresh |=
		span_ieq(name, SPAN("max-age")) || span_ieq(name, SPAN("s-maxage"));
}

static bool
has_field(const struct http_head *h, struct span name)
{
	return http_head_find(h, name, 0) >= 0;
}

/* RFC 9111 3, as a shared cache may read it: method and status, what Cache-Control says,
 * and something that tells how long or how to ask again. */
static bool
is_cacheable(const struct txn *t, const struct http_head *h)
{
	bool is_safe = t->method == HTTP_METHOD_GET || t->method == HTTP_METHOD_HEAD ||
		       t->method == HTTP_METHOD_OPTIONS || t->method == HTTP_METHOD_TRACE;
	struct caching c = {.is_allowed = is_safe && is_cacheable_status(h->status)};
	int i = http_head_find(h, SPAN("Pragma"), 0);
	if (i >= 0 && span_ieq(http_field_value(h, &h->fields[i]), SPAN("no-cache")))
		return false;
	for (i = http_head_find(h, SPAN("Cache-Control"), 0); i >= 0;
	     i = http_head_find(h, SPAN("Cache-Control"), (unsigned)i + 1)) {
		struct span rest = http_field_value(h, &h->fields[i]);
		while (rest.n)
			judge(&c, span_trim(span_cut(&rest, ',')));
	}
	return c.is_allowed &&
	       (c.is_fresh || has_field(h, SPAN("Expires")) ||
		has_field(h, SPAN("ETag")) || has_field(h, SPAN("Last-Modified")));
}

/* Blanks around '=' are taken out, and our cookie is taken over. */
static void
look_at(struct txn *t, struct http_head *h, unsigned i)
{
	struct http_cookie k;
	if (!http_set_cookie(http_field_value(h, &h->fields[i]), &k))
		return;
	if (k.name.n + 1 + k.value.n + k.behind.n + k.before.n != k.whole.n)
		(void)set_value(h, i, &k, span_of(NULL, 0), k.value);
	if (!t->ignores_persist && span_eq(k.name, t->be->cfg->cookie.name))
		take_over(t, h, i, &k);
}

void
persist_response_run(struct txn *t, struct http_head *h)
{
	const struct cfg_cookie *c = &t->be->cfg->cookie;
	if (!t->srv)
		return;
	self.scratch.used = 0;
	for (int i = http_head_find(h, SPAN("Set-Cookie"), 0); i >= 0;
	     i = http_head_find(h, SPAN("Set-Cookie"), (unsigned)i + 1))
		look_at(t, h, (unsigned)i);
	if (!must_insert(t))
		return;
	bool goes_private = c->nocache && is_cacheable(t, h);
	if (!insert(t, h))
		return;
	t->set_cookie = t->srv->cookie.n && persist_is_direct(t) ? PERSIST_SET_UPDATED
								 : PERSIST_SET_INSERTED;
	if (goes_private)
		(void)http_edit_add(h, SPAN("Cache-Control"), SPAN("private"));
}
