/* SPDX-License-Identifier: MIT
 *
 * How a backend's servers are checked: option httpchk and the steps of http_check.
 * Master (at load).
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "config/loading.h"
#include "lib/base/num.h"

static struct cfg_header *
header_of(struct loading *l, struct cfg_header **headers, size_t *n)
{
	*headers = arena_grow(l->arena, *headers, *n, sizeof(**headers));
	return &(*headers)[(*n)++];
}

static void
set_host(struct loading *l, struct cfg_check *c, const char *host)
{
	for (size_t i = 0; i < c->headers_n; i++)
		if (span_ieq(c->headers[i].name, SPAN("Host"))) {
			c->headers[i].value = build_text(l, host);
			return;
		}
	struct cfg_header *h = header_of(l, &c->headers, &c->headers_n);
	h->name = SPAN("Host");
	h->value = build_text(l, host);
}

/* method, uri, version, host, headers of `httpchk` or `send`. */
static void
build_request(struct loading *l, struct cfg_check *c, const struct node *map)
{
	const char *method = node_text(map, "method"), *uri = node_text(map, "uri");
	const char *version = node_text(map, "version"), *host = node_text(map, "host");
	const struct node *headers = node_get(map, "headers");
	if (method)
		c->method = build_text(l, method);
	if (uri)
		c->uri = build_text(l, uri);
	if (version)
		c->version = build_text(l, version);
	if (host)
		set_host(l, c, host);
	if (headers)
		build_headers(l, headers, &c->headers, &c->headers_n);
}

/* Appends "200-399,404". */
static void
add_ranges(struct loading *l, struct cfg_expect *e, const char *text)
{
	struct span rest = span_str(text);
	while (rest.n) {
		struct span to = span_trim(span_cut(&rest, ',')),
			    from = span_cut(&to, '-');
		uint64_t low = 0, high = 0;
		num_u64(span_trim(from), &low);
		high = low;
		if (to.n)
			num_u64(span_trim(to), &high);
		e->ranges =
			arena_grow(l->arena, e->ranges, e->ranges_n, sizeof(*e->ranges));
		e->ranges[e->ranges_n++] =
			(struct cfg_range){(uint16_t)low, (uint16_t)high};
	}
}

static void *
compile(const char *text)
{
	int error;
	PCRE2_SIZE at;
	return pcre2_compile((PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED, 0, &error, &at,
			     NULL);
}

static void
build_expect(struct loading *l, struct cfg_check *c, const struct node *map)
{
	static const struct {
		const char *name;
		enum cfg_expect_kind kind;
	} kinds[] = {
		{"status", CFG_EXPECT_STATUS},
		{"rstatus", CFG_EXPECT_RSTATUS},
		{"string", CFG_EXPECT_STRING},
		{"rstring", CFG_EXPECT_RSTRING},
	};
	struct cfg_expect e = {.kind = CFG_EXPECT_NONE};
	const struct node *value = NULL;
	size_t given = 0;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		const struct node *n = node_get(map, kinds[i].name);
		given += n != NULL;
		if (n) {
			value = n;
			e.kind = kinds[i].kind;
		}
	}
	if (given == 0 && map->has_lost)
		return;
	if (given != 1) {
		report_error(l->report, map,
			     "%s; expected one of status, rstatus, string, rstring",
			     given ? "two expectations in one step"
				   : "nothing is expected");
		return;
	}
	build_fields(l, SECTION_expect, map, &e);
	for (size_t i = 0; e.kind == CFG_EXPECT_STATUS && i < value->n; i++)
		add_ranges(l, &e, value->items[i]->text);
	if (e.kind != CFG_EXPECT_STATUS)
		e.pattern = build_text(l, value->text);
	if (e.kind == CFG_EXPECT_RSTATUS || e.kind == CFG_EXPECT_RSTRING)
		e.regex = compile(value->text);
	c->expects = arena_grow(l->arena, c->expects, c->expects_n, sizeof(*c->expects));
	c->expects[c->expects_n++] = e;
}

static void
build_step(struct loading *l, struct cfg_check *c, const struct node *step)
{
	const struct node *expect = node_get(step, "expect"),
			  *send = node_get(step, "send");
	if (!expect && !send && step->has_lost)
		return;
	if (!expect == !send) {
		report_error(l->report, step,
			     "expected one of expect and send in a step");
		return;
	}
	if (send)
		build_request(l, c, send);
	else
		build_expect(l, c, expect);
}

void
build_check(struct loading *l, struct built *b)
{
	struct cfg_check *c = &b->proxy->check;
	const struct node *httpchk = node_get(node_get(b->map, "option"), "httpchk");
	const struct node *steps = node_get(b->map, "http_check");
	bool is_http = httpchk && httpchk->kind == NODE_MAP;
	c->kind = is_http ? CFG_CHECK_HTTP : CFG_CHECK_TCP;
	c->method = SPAN("OPTIONS");
	c->uri = SPAN("/");
	c->version = SPAN("HTTP/1.0");
	if (is_http)
		build_request(l, c, httpchk);
	for (size_t i = 0; steps && i < steps->n; i++)
		build_step(l, c, steps->items[i]);
	if (steps && !is_http)
		report_warning(
			l->report, steps,
			"has no effect without 'option: httpchk'; servers are checked by "
			"connecting");
}
