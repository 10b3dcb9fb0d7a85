/* SPDX-License-Identifier: MIT
 *
 * The form of the statistics page (configuration.txt, stats admin): servers, a backend
 * and what is to be done, as "s=a&s=b&action=drain&b=app". Worker: it only leaves words
 * for control (shm/ask.h); the answer waits until they are taken.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>

#include "lib/base/num.h"
#include "lib/http/reply.h"
#include "shm/ask.h"
#include "shm/fault.h"
#include "shm/slots.h"
#include "worker/parked.h"
#include "worker/stats_page.h"

enum {
	TEXT_BYTES = 256,     /* of a key or a value, decoded */
	ASKED_WAIT_MS = 1000, /* without a control process, say during its restart */
};

/* --- fields ------------------------------------------------------------------------- */

struct pair {
	struct span key, value;
	char text[2][TEXT_BYTES];
};

/* application/x-www-form-urlencoded. What is too long is empty: no name is. */
static struct span
decode(struct span s, char *out)
{
	size_t n = 0;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i] == '+' ? ' ' : s.p[i];
		int high = c == '%' && i + 2 < s.n ? num_hex_digit(s.p[i + 1]) : -1;
		int low = high >= 0 ? num_hex_digit(s.p[i + 2]) : -1;
		if (low >= 0) {
			c = (char)(high << 4 | low);
			i += 2;
		}
		if (n == TEXT_BYTES)
			return span_of(out, 0);
		out[n++] = c;
	}
	return span_of(out, n);
}

/* The next field of *rest; false: there is none. */
static bool
next_pair(struct span *rest, struct pair *p)
{
	if (!rest->n)
		return false;
	struct span value = span_cut(rest, '&'), key = span_cut(&value, '=');
	p->key = decode(key, p->text[0]);
	p->value = decode(value, p->text[1]);
	return true;
}

/* --- what is asked for ------------------------------------------------------------- */

struct wish {
	struct rt_backend *be;
	enum shm_ask what;
};

/* "app", or "#3" by its number. */
static struct rt_backend *
backend_named(struct span name)
{
	uint32_t id = 0;
	for (size_t i = 1; i < name.n && name.p[0] == '#'; i++)
		id = id * 10 + (uint32_t)(name.p[i] - '0');
	for (size_t i = 0; i < self.cfg->proxies_n; i++) {
		const struct cfg_proxy *p = self.cfg->proxies[i];
		if (p->caps & CFG_CAP_BACKEND &&
		    (id ? p->id == id : span_eq(name, span_str(p->name))))
			return &self.backends[i];
	}
	return NULL;
}

/* NULL, or HAProxy's word for what is wrong. The last of several counts. */
static const char *
read_wish(const struct cfg_proxy *page, struct span form, struct wish *w)
{
	struct pair p;
	bool has_backend = false, has_action = false;
	*w = (struct wish){NULL, SHM_ASK_NOTHING};
	while (next_pair(&form, &p)) {
		if (span_eq(p.key, SPAN("b"))) {
			has_backend = true;
			w->be = backend_named(p.value);
		} else if (span_eq(p.key, SPAN("action"))) {
			has_action = true;
			w->what = shm_ask_of(p.value);
		}
	}
	if (has_backend && page->stats.scope_n &&
	    (!w->be || !cfg_stats_covers(page, w->be->cfg->name)))
		return "DENY"; /* without telling what exists */
	if ((has_backend && !w->be) || (has_action && !w->what))
		return "ERRP";
	return has_backend && has_action ? NULL : "NONE";
}

static bool
has_what_it_needs(const struct cfg_server *s, enum shm_ask what)
{
	switch (shm_ask_needs(what)) {
	case SHM_ASK_NEEDS_CHECK:
		return s->check;
	case SHM_ASK_NEEDS_AGENT:
		return s->agent_check;
	case SHM_ASK_NEEDS_NOTHING:
		break;
	}
	return true;
}

static void
tell_control(void)
{
	int slot = shm_lease_holder(self.shm, SHM_ROLE_CONTROL);
	if (slot < 0 || shm_fault_is_mute())
		return;
	shm_slot_mail(self.shm, (uint32_t)slot, SHM_MAIL_ASKED);
	(void)eventfd_write(self.in->net.slot_eventfds[slot], 1);
}

/* A word for each server that is named. How that went, in HAProxy's words. */
static const char *
ask(struct txn *t, const struct wish *w, struct span form)
{
	struct pair p;
	size_t named = 0, asked = 0;
	while (next_pair(&form, &p)) {
		if (!span_eq(p.key, SPAN("s")))
			continue;
		struct rt_server *s = NULL;
		for (size_t i = 0; i < w->be->servers_n && !s; i++)
			if (span_eq(p.value, span_str(w->be->servers[i]->cfg->name)))
				s = w->be->servers[i];
		bool can = s && has_what_it_needs(s->cfg, w->what);
		named += !s || can;
		asked += can;
		if (can)
			shm_ask_put(&s->shm, w->what);
	}
	if (asked) {
		t->asks = w->be;
		t->asks_round = shm_ask_send(&w->be->shm);
		t->tarpit_until_ms = now_ms() + ASKED_WAIT_MS;
		tell_control();
	}
	return named == 0      ? "NONE"
	       : asked == 0    ? "ERRP"
	       : asked < named ? "PART"
			       : "DONE";
}

bool
stats_form_is_waiting(const struct txn *t)
{
	return t->asks && !shm_ask_is_done(&t->asks->shm, t->asks_round);
}

/* --- the request ---------------------------------------------------------------------
 */

/* A browser tells where the form came from: from this very host, or it is not believed.
 */
static bool
is_same_origin(const struct http_head *h)
{
	int i = http_head_find(h, SPAN("origin"), 0);
	if (i < 0)
		i = http_head_find(h, SPAN("referer"), 0);
	if (i < 0)
		return true; /* no browser */
	struct span from = http_field_value(h, &h->fields[i]);
	const char *slashes = memmem(from.p, from.n, "://", 3);
	if (!slashes)
		return false;
	struct span rest = span_of(slashes + 3, (size_t)(from.p + from.n - slashes) - 3);
	return span_ieq(span_cut(&rest, '/'), http_head_value(h, HTTP_FIELD_HOST));
}

/* Back to the page, with the options it was shown with. */
static void
redirect(struct txn *t, const struct stats_request *q, const char *result)
{
	static const char *const kept[] = {"up", "no-maint", "norefresh"};
	char line[1024];
	struct span scope = stats_request_option(q, SPAN("scope"));
	int n = snprintf(line, sizeof(line), "Location: %.512s;st=%s", q->page->stats.uri,
			 result);
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		if (stats_request_option(q, span_str(kept[i])).p)
			n += snprintf(line + n, sizeof(line) - (size_t)n, ";%s", kept[i]);
	if (scope.n && scope.n < 256)
		n += snprintf(line + n, sizeof(line) - (size_t)n, ";scope=%.*s",
			      (int)scope.n, scope.p);
	n += snprintf(line + n, sizeof(line) - (size_t)n,
		      "\r\nCache-Control: no-cache\r\n");
	struct http_reply r = {.status = 303,
			       .content_type = SPAN("text/plain"),
			       .extra = span_of(line, (size_t)n)};
	reply_send(t, &r, STOP_answered_here);
}

static bool
is_admin(struct txn *t, const struct stats_request *q, struct http_head *h)
{
	const struct cfg_stats *c = &q->page->stats;
	return rules_any(t, h, c->admin, c->admin_n) && is_same_origin(h);
}

enum rule_end
stats_form_run(struct txn *t, const struct stats_request *q, struct http_head *h)
{
	struct wish w;
	if (!is_admin(t, q, h)) {
		redirect(t, q, "DENY");
		return RULE_ENDED;
	}
	if (!parked_is_enough(t, &t->up, 0)) {
		parked_ask_whole(t);
		return RULE_WAITS;
	}
	const char *wrong =
		flow_is_done(&t->up) ? read_wish(q->page, self.body, &w) : "EXCD";
	redirect(t, q, wrong ? wrong : ask(t, &w, self.body));
	return RULE_ENDED;
}
