/* SPDX-License-Identifier: MIT
 *
 * Requests of HTTP checks, with what a server is told about itself; queries of DNS. Runs
 * in the checker.
 */
#include "checker/request.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "checker/self.h"
#include "shm/queue.h"

/* A text that grows in the scratch; what does not fit is cut. */
struct text {
	char *p;
	size_t n, cap;
};

__attribute__((format(printf, 2, 3))) static void
add(struct text *t, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(t->p + t->n, t->cap - t->n, fmt, ap);
	va_end(ap);
	if (n > 0)
		t->n += (size_t)n < t->cap - t->n ? (size_t)n : t->cap - t->n - 1;
}

static void
add_span(struct text *t, struct span s)
{
	size_t n = s.n < t->cap - t->n ? s.n : t->cap - t->n;
	if (n)
		memcpy(t->p + t->n, s.p, n);
	t->n += n;
}

static const struct cfg_check_field *
find_field(const struct cfg_check_request *r, struct span name)
{
	for (size_t i = 0; i < r->fields_n; i++)
		if (span_ieq(r->fields[i].name, name))
			return &r->fields[i];
	return NULL;
}

struct span
request_upgrade(const struct cfg_check_request *r)
{
	const struct cfg_check_field *f = find_field(r, SPAN("upgrade"));
	return f && !f->value.format ? f->value.bytes : SPAN("");
}

bool
request_is_constant(const struct cfg_check_request *r)
{
	bool is_constant = !r->uri.format && !r->body.format;
	for (size_t i = 0; i < r->fields_n; i++)
		is_constant = is_constant && !r->fields[i].value.format;
	return is_constant;
}

/* --- X-Haproxy-Server-State (configuration.txt 4.2 http-check send-state) ------------
 */

struct farm {
	uint64_t weight, conns;
};

static struct farm
add_up(const struct group *g)
{
	struct farm f = {0, 0};
	for (size_t i = 0; i < g->servers_n; i++) {
		const struct checked *c = g->servers[i];
		struct shm_effective e = checked_effective(c, checked_health(c));
		if (e.is_usable)
			f.weight += e.weight;
		if (c->object.gauge)
			f.conns += shm_gauge_cur(c->object.gauge);
	}
	return f;
}

static void
add_state(struct text *t, const struct checked *c)
{
	char host[256] = "", address[ADDR_TEXT_BYTES];
	const struct cfg_server *s = c->cfg;
	struct farm farm = add_up(c->group);
	struct shm_queue_view line;
	struct shm_effective e = checked_effective(c, checked_health(c));
	uint32_t have = verdict_have(&c->verdict), need = verdict_need(&c->verdict);
	bool is_unix = s->addr.kind == ADDR_UNIX;
	struct addr bare = s->addr;
	if (!is_unix)
		addr_set_port(&bare, 0);
	(void)gethostname(host, sizeof(host) - 1);
	shm_queue_view(&c->object, &line);
	addr_format(&bare, address);
	char *colon = strrchr(address, ':'); /* of the port, which is 0 */
	if (colon && !is_unix)
		*colon = 0;
	add(t, "X-Haproxy-Server-State: %s", e.text);
	if (have != need)
		add(t, " %u/%u", have, need);
	add(t, "; address=%s; port=", is_unix ? "unix" : address);
	if (is_unix)
		add(t, "unix");
	else
		add(t, "%d", addr_port(&s->addr));
	add(t, "; name=%s/%s; node=%s; weight=%u/%llu; scur=%u/%llu; qcur=%u\r\n",
	    s->backend->name, s->name, host, e.is_usable ? e.weight : 0,
	    (unsigned long long)farm.weight,
	    c->object.gauge ? shm_gauge_cur(c->object.gauge) : 0,
	    (unsigned long long)farm.conns, (unsigned)line.waiting);
}

/* --- HTTP ------------------------------------------------------------------------- */

/* A value made by a format may hold what no field can. */
static struct span
clean(struct span s)
{
	size_t n = 0;
	while (n < s.n && s.p[n] != '\r' && s.p[n] != '\n' && s.p[n] != '\0')
		n++;
	return span_of(s.p, n);
}

static void
add_fields(struct exam *x, struct text *t, const struct cfg_check_request *r,
	   const struct addr *to)
{
	char host[ADDR_TEXT_BYTES];
	bool is_11 = span_ieq(r->version, SPAN("HTTP/1.1"));
	if (is_11 && !find_field(r, SPAN("host")))
		add(t, "host: %s\r\n", addr_format(to, host));
	for (size_t i = 0; i < r->fields_n; i++) {
		add_span(t, r->fields[i].name);
		add_span(t, SPAN(": "));
		add_span(t, clean(exam_text(x, &r->fields[i].value)));
		add_span(t, SPAN("\r\n"));
	}
	if (x->check->send_state && x->server)
		add_state(t, x->server);
	bool is_kept = x->probe && x->probe->reuses;
	if (is_11 != is_kept && !find_field(r, SPAN("connection")))
		add(t, "connection: %s\r\n", is_kept ? "keep-alive" : "close");
}

/* A method that usually carries a body says that it has none (RFC 9110 8.6). */
static bool
needs_length(struct span method)
{
	return span_eq(method, SPAN("POST")) || span_eq(method, SPAN("PUT")) ||
	       span_eq(method, SPAN("PATCH"));
}

struct span
request_make(struct exam *x, const struct cfg_check_request *r, const struct addr *to)
{
	size_t cap = x->scratch.cap / 2;
	struct text t = {.p = expr_scratch_take(&x->scratch, cap), .cap = cap};
	if (!t.p)
		return SPAN("");
	struct span uri = clean(exam_text(x, &r->uri));
	add_span(&t, r->method);
	add_span(&t, SPAN(" "));
	add_span(&t, uri.n ? uri : SPAN("/"));
	add_span(&t, SPAN(" "));
	add_span(&t, r->version);
	add_span(&t, SPAN("\r\n"));
	add_fields(x, &t, r, to);
	struct span body = exam_text(x, &r->body);
	if (body.n || needs_length(r->method))
		add(&t, "content-length: %zu\r\n", body.n);
	add_span(&t, SPAN("\r\n"));
	add_span(&t, body);
	return span_of(t.p, t.n);
}

/* --- DNS -------------------------------------------------------------------------- */

struct span
request_dns(struct exam *x, struct span query, uint16_t id)
{
	char *p = expr_scratch_take(&x->scratch, query.n);
	if (!p || query.n < 2)
		return query;
	memcpy(p, query.p, query.n);
	p[0] = (char)(id >> 8);
	p[1] = (char)id;
	return span_of(p, query.n);
}
